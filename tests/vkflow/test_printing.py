"""Text of others shows as it is, and does nothing."""

import pytest
from markdown_it import MarkdownIt

from vkflow.errors import SourceError
from vkflow.printing import as_markdown

EVIL = (
    "![x](http://evil/x.png)",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "`c` | d",
    "**b** _i_ ~~s~~",
    "# head",
    "<https://evil>",
    "a\\*b*",
    "- a",
    "+ a",
    "1. a",
    "2026) a",
    "---",
    "- - -",
    "-5 %",
    "+7 999",
)


@pytest.mark.parametrize("text", EVIL)
def test_markup_of_others_shows_as_it_was_written(text: str) -> None:
    blocks = MarkdownIt().parse(as_markdown(text))
    assert [each.type for each in blocks] == ["paragraph_open", "inline", "paragraph_close"]
    inline = blocks[1]
    assert "".join(child.content for child in inline.children or []) == text
    assert {child.type for child in inline.children or []} <= {"text", "text_special"}


def test_text_that_is_indented_is_no_code() -> None:
    assert as_markdown("    a\n\tb") == "a \tb"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see http://evil.test/x", r"see http\://evil.test/x"),
        ("HTTPS://evil.test", r"HTTPS\://evil.test"),
        ("www.evil.test", r"www\.evil.test"),
        ("me@evil.test", r"me\@evil.test"),
    ],
)
def test_addresses_become_no_links_of_their_own(text: str, shown: str) -> None:
    """The Prefect UI would make links of them (GitHub's autolinks)."""
    assert as_markdown(text) == shown


def test_what_an_error_quotes_does_nothing_where_it_is_shown() -> None:
    error = SourceError("the column ph\0to\x1b[2J\u202e is missing")
    assert str(error) == r"the column ph\x00to\x1b[2J\u202e is missing"
