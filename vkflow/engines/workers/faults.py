"""What is said of a row that a model fails on."""

from concurrent.futures.process import BrokenProcessPool

MAX_DETAIL = 200


def reason(model: str, thing: str, error: Exception) -> str:
    """Why there is no result, in a sentence.

    Args:
        model: what failed, such as ``the tagger``.
        thing: what on, such as ``picture``.
        error: how.
    """
    if isinstance(error, BrokenProcessPool):
        return f"{model}'s process dies on this {thing}"
    detail = str(error).splitlines()[0][:MAX_DETAIL] if str(error) else ""
    return f"{model} fails on this {thing}: {type(error).__name__} {detail}".rstrip()
