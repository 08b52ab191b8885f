"""Which encoding a text file has: UTF-8 or Windows-1251, found while it is read."""

import codecs
import re
from collections.abc import Iterator

UTF_8, WINDOWS_1251 = "UTF-8", "Windows-1251"
ESCAPED = re.compile("[\udc80-\udcff]")
"""What ``surrogateescape`` makes of bytes that are no text."""


class Decoder:
    """Decodes blocks of a file, one after the other.

    The first block with more than ASCII decides: bytes that make no UTF-8 in it mean
    Windows-1251, unless most of it is UTF-8, which then is damaged in places.

    Attributes:
        encoding: what was found; ``None`` while all was ASCII.
        is_damaged: whether there were bytes that are no text; they are escaped, see ``ESCAPED``.
    """

    def __init__(self) -> None:
        self.encoding: str | None = None
        self.is_damaged = False
        self._utf_8 = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def decode(self, blocks: Iterator[bytes]) -> Iterator[str]:
        """The text of ``blocks``, without a byte order mark."""
        for number, block in enumerate(blocks):
            if number == 0 and block.startswith(codecs.BOM_UTF8):
                self.encoding, block = UTF_8, block.removeprefix(codecs.BOM_UTF8)
            yield self._text(block)
        yield self._text(b"", is_last=True)

    def _text(self, block: bytes, *, is_last: bool = False) -> str:
        if self.encoding == WINDOWS_1251:
            text = block.decode("cp1251", "surrogateescape")
        else:
            begun, _ = self._utf_8.getstate()  # bytes of a character that goes on in this block
            text = self._utf_8.decode(block, final=is_last)
        if text.isascii():
            return text
        damage = 0 if _is_unicode(text) else len(ESCAPED.findall(text))
        if self.encoding is None:
            is_mostly_damage = damage > sum(not letter.isascii() for letter in text) / 2
            self.encoding = WINDOWS_1251 if is_mostly_damage else UTF_8
            if is_mostly_damage:
                return self._text(begun + block)
        self.is_damaged |= damage > 0
        return text


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
