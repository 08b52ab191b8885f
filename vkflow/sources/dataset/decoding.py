"""Which encoding a text file has, found in all of it: one stray byte says nothing."""

import codecs
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from vkflow.errors import SourceError

UTF_8, WINDOWS_1251 = "UTF-8", "Windows-1251"
CODECS: Mapping[str, str] = {
    UTF_8: "utf-8",
    WINDOWS_1251: "cp1251",
    "KOI8-R": "koi8-r",
    "CP866": "cp866",
    "Latin-1": "latin-1",
}
"""Encodings that can be stated, and what Python calls them."""

CYRILLIC = (WINDOWS_1251, "KOI8-R", "CP866")
ESCAPED = re.compile("[\udc80-\udcff]")
"""What ``surrogateescape`` makes of bytes that are no text."""

HIGH_BYTES = bytes(range(0x80, 0x100))
BESIDE_LATIN = re.compile(rb"(?<=[A-Za-z])[\x80-\xff]|[\x80-\xff](?=[A-Za-z])")
MAX_BESIDE_LATIN = 0.3
"""Share of letters beside a Latin one above which they are no Cyrillic letters."""

PER_MILLE = dict(
    zip(
        "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
        (
            *(109, 85, 80, 74, 67, 63, 55, 47, 45, 44, 35, 32, 30, 28, 26, 20, 19),
            *(17, 17, 17, 16, 15, 12, 10, 9, 7, 6, 5, 4, 3, 3, 0.4, 0.4),
        ),
        strict=True,
    )
)
"""How often Russian has its letters (Lyashevskaya and Sharov 2009)."""

FEW_CAPITALS = 0.1
"""Share of letters that are capitals, in a text that is not written in capitals."""

ALL_IN_CAPITALS = 0.1
"""Odds of a file that is."""

OTHER_LETTER, OTHER_SIGN, NO_TEXT = 1.0, 2.0, 0.001
"""Per mille of other Cyrillic letters, of signs, and of what no text has."""


def find_encoding(blocks: Iterator[bytes], file: str) -> str | None:
    """The encoding of a whole file: UTF-8, damaged in places or not, or Windows-1251.

    Args:
        blocks: the file.
        file: its name, for messages.

    Returns:
        One of ``UTF_8`` and ``WINDOWS_1251``; ``None`` where all is ASCII.

    Raises:
        SourceError: it is Cyrillic in another encoding, by how often its letters come.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    letters, damage, beside_latin = 0, 0, 0
    high: Counter[int] = Counter()
    for block in blocks:
        if block.isascii() and not decoder.getstate()[0]:
            continue
        text = decoder.decode(block)
        damaged = 0 if _is_unicode(text) else len(ESCAPED.findall(text))
        letters += len(text) - len(text.encode("ascii", "ignore")) - damaged
        damage += damaged
        if damage > letters:
            high.update(block.translate(None, bytes(range(0x80))))
            beside_latin += len(BESIDE_LATIN.findall(block))
    damage += len(decoder.getstate()[0])
    if not damage and not letters:
        return None
    # Of bytes that are no UTF-8 some happen to make a character of it: far less than half.
    if damage <= letters or beside_latin > MAX_BESIDE_LATIN * high.total():
        return UTF_8
    plausible = max(CYRILLIC, key=lambda encoding: _plausibility(high, encoding))
    if plausible != WINDOWS_1251:
        raise SourceError(
            f"{file} is neither UTF-8 nor Windows-1251: it looks like {plausible}. Set "
            f"VKFLOW_DATASET__ENCODING to {plausible}, or write it in UTF-8"
        )
    return WINDOWS_1251


def _plausibility(high: Counter[int], encoding: str) -> float:
    """Log likelihood of Russian text, in small letters or in capitals, with these bytes."""
    signs = HIGH_BYTES.decode(CODECS[encoding], "replace")
    return max(
        math.log(prior)
        + sum(
            high[byte] * math.log(_per_mille(sign, capitals))
            for byte, sign in zip(HIGH_BYTES, signs, strict=True)
        )
        for capitals, prior in ((FEW_CAPITALS, 1.0), (1 - FEW_CAPITALS, ALL_IN_CAPITALS))
    )


def _per_mille(sign: str, capitals: float) -> float:
    small = sign.lower()
    if small in PER_MILLE:
        return PER_MILLE[small] * (capitals if sign != small else 1 - capitals)
    if sign.isalpha():
        return OTHER_LETTER
    return OTHER_SIGN if sign.isprintable() and sign != "\ufffd" and sign < "─" else NO_TEXT


class Decoder:
    """Decodes blocks of a file, one after the other.

    Attributes:
        encoding: one of ``CODECS``; ``None``: ASCII, read as UTF-8.
        is_damaged: whether there were bytes that are no text; they are escaped, see ``ESCAPED``.
    """

    def __init__(self, encoding: str | None = None) -> None:
        self.encoding = encoding
        self.is_damaged = False
        codec = CODECS[encoding or UTF_8]
        self._decoder = codecs.getincrementaldecoder(codec)("surrogateescape")

    def decode(self, blocks: Iterator[bytes]) -> Iterator[str]:
        """The text of ``blocks``, without a byte order mark."""
        for number, block in enumerate(blocks):
            is_utf_8 = self.encoding in (None, UTF_8)
            beginning = block.removeprefix(codecs.BOM_UTF8) if number == 0 and is_utf_8 else block
            yield self._text(beginning)
        yield self._text(b"", is_last=True)

    def _text(self, block: bytes, *, is_last: bool = False) -> str:
        text = self._decoder.decode(block, final=is_last)
        self.is_damaged |= not _is_unicode(text)
        return text


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
