"""What a Russian page says, and which of its numbers have the form of another language."""

import re
from html.parser import HTMLParser

UNSEEN = frozenset({"style", "script", "title"})
ENGLISH_NUMBER = re.compile(
    r"(?<![\w.:/-])[+-]?\d+\.\d+(?![\w.]*\w)"  # a decimal point, but no version
    r"|(?<![\d,])[1-9]\d{0,2},\d{3}(?!\d)"  # thousands; 0,123 are thousandths
    r"|[^\u00a0]%"  # a sign that may stand alone at the beginning of a line
    r"|(?<!\w)-\d+,\d"  # a hyphen for a minus
)


class _Text(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._unseen = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in UNSEEN

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in UNSEEN

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.lines.append(data)


def seen_lines(page: str) -> list[str]:
    """The texts of an HTML page, those in its figures, too."""
    return [line for line in _Text(page).lines if line.strip()]


def english_numbers(lines: list[str]) -> list[str]:
    """Lines in which a number has a decimal point, or a percent sign without a no-break space."""
    return [line for line in lines if ENGLISH_NUMBER.search(line)]
