"""What VK's error codes mean, and what is done about each.

The codes are those of https://dev.vk.com/reference/errors (API 5.199).
"""

from vkflow.errors import SourceError, TransientError, VkflowError

NEW_TOKEN = "Get a new one and set VKFLOW_VK__TOKEN, or the deployment's Secret block"  # noqa: S105
IN_BROWSER = "VK wants a person to act. Sign in at vk.com in a browser, then get a new token"
APPLICATION = "Look at the application's settings at id.vk.ru, or take another application's token"
VERSION = "Look at VKFLOW_VK__API_VERSION and at VK's news"
KINDS = (
    "What tokens can do: a service token, which never ends, reads open walls and names; a user "
    "token also packs calls, and sees reach and hides where its user is an administrator: one of "
    "VK ID lives about an hour, or, with its refresh token in the Secret block, as long as nights "
    "run; a community token reads no walls"
)
"""What each kind of token can do, and for how long."""

EXPIRED = f"the token has expired. {NEW_TOKEN}. {KINDS}"

TERMINAL = {
    2: f"the application is switched off. {APPLICATION}",
    3: f"VK does not know this method. {VERSION}",
    4: f"the signature is wrong. {APPLICATION}",
    5: f"the token is wrong, expired or revoked. {NEW_TOKEN}",
    8: "VK does not understand the request. Look at VKFLOW_VK__API_VERSION",
    11: f"the application is in test mode. {APPLICATION}",
    14: "VK wants a person to solve a captcha, which a nightly run never does. Use the account in "
    "a browser, wait some hours, lower VKFLOW_VK__REQUESTS_PER_SECOND",
    16: "VK wants https. Look at VKFLOW_VK__API_URL",
    17: "VK wants the account confirmed. Sign in at vk.com in a browser, then get a new token",
    20: f"this is not for applications of the token's kind. {APPLICATION}",
    21: f"this is not for applications of the token's kind. {APPLICATION}",
    23: f"VK has switched this method off. {VERSION}",
    24: IN_BROWSER,
    25: IN_BROWSER,
    27: "a community's token cannot do this. Set VKFLOW_VK__TOKEN to a user or service token. "
    f"{KINDS}",
    28: f"a service token cannot do this. Set VKFLOW_VK__TOKEN to a user token. {KINDS}",
    33: f"VK has not made this method yet. {VERSION}",
    34: f"the API version is too old. {VERSION}",
    35: f"the API version is too old. {VERSION}",
    38: f"VK does not know the application. {APPLICATION}",
    41: IN_BROWSER,
    42: "VK does not accept this machine's address. Look at the application's settings at id.vk.ru",
    101: f"VK does not know the application. {APPLICATION}",
    1114: EXPIRED,
    1116: f"the token is invalid. {NEW_TOKEN}",
    1117: EXPIRED,
    1118: f"the token was given to another address. {NEW_TOKEN}",
    **dict.fromkeys(range(3300, 3306), IN_BROWSER),
    3609: EXPIRED,
    3610: "the token's account is deactivated. " + NEW_TOKEN,
    3611: "the service is switched off for the token's account. " + NEW_TOKEN,
    9999: "VK does not take this kind of request. Look at VKFLOW_VK__API_URL",
    11500: IN_BROWSER,
}
"""Nothing works before a person acts."""

RIGHTS = "the token's kind, or its application, has no right to this method. " + APPLICATION
RIGHTS_SUBCODES = (1133, 1134)
"""Of error 15: not this wall is closed, but the method."""

OWNER = {
    7: "the token may not do this here",
    15: "access denied",
    18: "the page was deleted or blocked",
    19: "the content cannot be shown",
    30: "the profile is private",
    37: "the account is blocked",
    39: "nobody has this id",
    40: "no community has this id",
    100: "VK does not accept this id, or another parameter. Look at VKFLOW_VK__OWNERS",
    104: "not found",
    113: "nobody has this id",
    125: "no community has this id",
    200: "access denied",
    203: "access to the community is denied",
    210: "the wall is closed",
}
"""One wall cannot be read; the others can."""

PASSING = {
    1: "an unknown fault of VK",
    6: "too many requests a second",
    9: "too many similar requests",
    10: "a fault inside VK",
    32: "VK asks to wait",
    36: "the method took VK too long",
    43: "this part of VK is out of order for a while",
}
"""Another try may help."""

UNKNOWN_METHOD_ERROR = "an error vkflow does not know"
FLOOD, TOO_LARGE, PARAMETER, ACCESS = 9, 13, 100, 15
SPENT = (29, 601)
MAYBE_TOO_LARGE = (10, 36)
OF_THE_METHOD = (3, 8, 15, 20, 21, 23, 27, 28, 33)
COOL_DOWN_SECONDS = 30.0
"""Waited at least after a flood error: shorter pauses prolong it."""


class VkTokenError(SourceError):
    """VK refuses the request until a person changes the token or a setting.

    Attributes:
        code: VK's.
        is_expired: the token was good once: a refresh token may help.
        is_of_method: the token may be good for other methods.
    """

    def __init__(self, message: str, code: int, *, is_expired: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.is_expired = is_expired
        self.is_of_method = code in OF_THE_METHOD and not is_expired


class OwnerError(VkflowError):
    """VK shows nothing of this owner to this token.

    Attributes:
        code: VK's.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


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
        maybe_too_large: a smaller request may be answered.
    """

    def __init__(
        self, message: str, wait_seconds: float = 0, *, maybe_too_large: bool = False
    ) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds
        self.maybe_too_large = maybe_too_large


WallError = OwnerError | UnavailableError | SpentError | TooLargeError
WALL_ERRORS = (OwnerError, UnavailableError, SpentError, TooLargeError)
"""What may befall one wall while the others go on."""


def error_of(method: str, code: int, message: str, subcode: int | None = None) -> VkflowError:
    """The exception for an error VK answered.

    Args:
        method: such as ``wall.get``.
        code: ``error_code``.
        message: ``error_msg``, free of the token.
        subcode: ``error_subcode``, where there is one.
    """
    described = (
        f"{method}: VK error {code} ({message})" if message else f"{method}: VK error {code}"
    )
    if code == ACCESS and subcode in RIGHTS_SUBCODES:
        return VkTokenError(f"{described}: {RIGHTS}.", code)
    if code in TERMINAL:
        is_expired = TERMINAL[code] == EXPIRED or (code in (5, 28) and "expired" in message.lower())
        remedy = EXPIRED if is_expired and code == 28 else TERMINAL[code]
        return VkTokenError(f"{described}: {remedy}.", code, is_expired=is_expired)
    if code in SPENT:
        return SpentError(method)
    if code == TOO_LARGE:
        return TooLargeError(f"{described}: the answer is too large")
    if code in PASSING:
        wait = COOL_DOWN_SECONDS if code == FLOOD else 0
        described = f"{described}: {PASSING[code]}"
        return UnavailableError(described, wait, maybe_too_large=code in MAYBE_TOO_LARGE)
    return OwnerError(f"{described}: {OWNER.get(code, UNKNOWN_METHOD_ERROR)}", code)
