"""What VK's error codes mean, and what is done about each.

The codes are those of https://dev.vk.com/reference/errors (API 5.199).
"""

from vkflow.errors import SourceError, TransientError, VkflowError

TERMINAL = {
    5: "the token is wrong, expired or revoked. Get a new one and set VKFLOW_VK__TOKEN",
    8: "VK does not understand the request. Look at VKFLOW_VK__API_VERSION",
    14: "VK wants a person to solve a captcha, which a nightly run never does. Use the account in "
    "a browser, wait some hours, lower VKFLOW_VK__REQUESTS_PER_SECOND",
    17: "VK wants the account confirmed. Sign in at vk.com in a browser, then get a new token",
    23: "VK has switched this method off. Look at VKFLOW_VK__API_VERSION and at VK's news",
    27: "a community's token cannot do this. Set VKFLOW_VK__TOKEN to a user or service token",
    28: "a service token cannot do this. Set VKFLOW_VK__TOKEN to a user token",
    100: "a parameter is wrong. Look at the ids in VKFLOW_VK__OWNERS",
}
"""Nothing works before a person acts."""

OWNER = {
    7: "the token may not do this here",
    15: "access denied",
    18: "the page was deleted or blocked",
    19: "the content cannot be shown",
    30: "the profile is private",
    37: "the account is blocked",
    210: "the wall is closed",
}
"""One wall cannot be read; the others can."""

PASSING = {
    1: "an unknown fault of VK",
    6: "too many requests a second",
    9: "too many similar requests",
    10: "a fault inside VK",
    36: "the method took VK too long",
}
"""Another try may help."""

UNKNOWN_METHOD_ERROR = "an error vkflow does not know"
FLOOD, TOO_LARGE, SPENT = 9, 13, 29
COOL_DOWN_SECONDS = 30.0
"""Waited at least after a flood error: shorter pauses prolong it."""


class VkTokenError(SourceError):
    """VK refuses the request until a person changes the token or a setting."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class OwnerError(VkflowError):
    """VK shows nothing of this owner to this token."""


class TooLargeError(VkflowError):
    """The answer would be larger than VK sends; ask for less at once."""


class SpentError(VkflowError):
    """No more calls of this method today."""

    def __init__(self, method: str) -> None:
        super().__init__(f"{method}: the calls of today are used up; it goes on tomorrow")
        self.method = method


class UnavailableError(TransientError):
    """VK, or the way to it, does not answer as it should just now.

    Attributes:
        wait_seconds: how long VK asks to wait at least.
    """

    def __init__(self, message: str, wait_seconds: float = 0) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


WallError = OwnerError | UnavailableError | SpentError | TooLargeError
WALL_ERRORS = (OwnerError, UnavailableError, SpentError, TooLargeError)
"""What may befall one wall while the others go on."""


def error_of(method: str, code: int, message: str) -> VkflowError:
    """The exception for an error VK answered.

    Args:
        method: such as ``wall.get``.
        code: ``error_code``.
        message: ``error_msg``, free of the token.
    """
    said = f"{method}: VK error {code} ({message})" if message else f"{method}: VK error {code}"
    if code in TERMINAL:
        return VkTokenError(f"{said}: {TERMINAL[code]}.", code)
    if code == SPENT:
        return SpentError(method)
    if code == TOO_LARGE:
        return TooLargeError(f"{said}: the answer is too large")
    if code in PASSING:
        wait = COOL_DOWN_SECONDS if code == FLOOD else 0
        return UnavailableError(f"{said}: {PASSING[code]}", wait)
    return OwnerError(f"{said}: {OWNER.get(code, UNKNOWN_METHOD_ERROR)}")
