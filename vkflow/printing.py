"""Text of others on a terminal or in a log: what it says, and nothing it would do there.

A post, a file name or an answer can hold escape sequences that clear the screen, change the title
or write to the clipboard, and marks that turn the order of what stands beside them.
"""

import re

CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but tabulator and line feed, marks of direction, and halves of characters."""

BLOCK = re.compile(r"^(\d{0,9})([-+=.)])(?=[ \t]|[-=]*$)")
"""What begins a list or a line across the page."""

MARKUP = re.compile(r"[\\`\[\]<>|&*_~#@]|:(?=//)|(?<=\bwww)\.", re.IGNORECASE)


def printable(text: str) -> str:
    """The text with control characters written out, as Python would write them."""
    return CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


def as_markdown(text: str) -> str:
    """Markdown that shows the text as it is: no pictures, links, HTML, cells, lists or code."""
    escaped = MARKUP.sub(r"\\\g<0>", printable(text)).replace("\n", " ")
    return BLOCK.sub(r"\1\\\2", escaped.lstrip(" \t"))
