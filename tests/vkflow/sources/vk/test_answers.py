import json

import pytest

from vkflow.sources.vk.answers import without_token

TOKEN = "vk1.a.Secret-Token_9"


@pytest.mark.parametrize(
    "said",
    [
        TOKEN,
        "".join(f"\\u{ord(sign):04x}" for sign in TOKEN),
        "".join(f"\\u{ord(sign):04X}" for sign in TOKEN),
        TOKEN[:5] + "".join(f"\\u{ord(sign):04x}" for sign in TOKEN[5:]),
    ],
)
def test_token_is_cut_out_however_it_is_written(said: str) -> None:
    body = without_token(f'{{"error_msg": "bad token {said}!"}}'.encode(), TOKEN)
    assert json.loads(body) == {"error_msg": "bad token ***!"}


@pytest.mark.parametrize("text", ['a "quote" \\ and \\u0041', "кот 😺\n", "\\\\u0022", "\x01"])
def test_everything_else_stays_as_it_was_said(text: str) -> None:
    for body in (json.dumps(text), json.dumps(text, ensure_ascii=False)):
        assert json.loads(without_token(body.encode(), TOKEN)) == text
    escaped = '"' + "".join(f"\\u{ord(sign):04x}" for sign in '"\\A') + '"'
    assert json.loads(without_token(escaped.encode(), TOKEN)) == '"\\A'
