"""Records of a CSV text: whole ones by the thousand, damaged ones one by one.

A damaged record must cost nothing but itself. One with a wrong number of fields is set aside
whole. Where quotes do not close, only the line on which it begins is set aside: reading goes on
with the next line, which is mostly a good one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from vkflow.sources.dataset.decoding import ESCAPED, UTF_8, Decoder

LONGEST_RECORD = 2**24
"""Characters after which a quote counts as never closed: more than a picture of 10 MB."""

MAX_FIELDS = 10_000
SHOWN_CHARACTERS = 400
BLANK_LINES = re.compile(r"\A(?:[^\S\n]*+\n)++")
BLANK = re.compile(r"(?:\r?\n)++")
QUOTED = re.compile(r'"(?:[^"]++|"")*+"')
SEPARATORS = ",;\t"


@dataclass(frozen=True)
class Damaged:
    """A record that cannot be read: its number from 1, why, and how it begins."""

    row: int
    reason: str
    text: str


@dataclass
class Records:
    """Some records of a file.

    Attributes:
        whole: CSV text of the records that keep the rules of CSV to the letter.
        whole_rows: their numbers.
        loose: number and fields of records with a quote inside an unquoted field.
        damaged: the others.
    """

    whole: list[str] = field(default_factory=list)
    whole_rows: list[int] = field(default_factory=list)
    loose: list[tuple[int, list[str]]] = field(default_factory=list)
    damaged: list[Damaged] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.whole_rows) + len(self.loose) + len(self.damaged)


@dataclass(frozen=True)
class Walked:
    """One record read field by field: where it ends, and its fields or what is wrong."""

    end: int
    fields: list[str]
    problem: str | None = None


class RecordReader:
    """Reads a CSV text record by record.

    Attributes:
        header: the first record.
        separator: comma, semicolon or tabulator: whichever the first line has most of.
    """

    def __init__(self, blocks: Iterator[str], decoder: Decoder) -> None:
        self._blocks, self._decoder = blocks, decoder
        self._text, self._at, self._at_end, self._row = "", 0, False, 0
        self._enough = MAX_FIELDS
        while not (self._at_end or self._text.strip() or len(self._text) > LONGEST_RECORD):
            self._at = self._text.rfind("\n") + 1  # a file may begin with any number of them
            self._read_more()
        self._text = BLANK_LINES.sub("", self._text)
        first_line = self._text.partition("\n")[0]
        self.separator = max(SEPARATORS, key=first_line.count)
        self._plain = re.compile(f"[^{self.separator}\n]*+")
        self.header = self._read_header()
        self._enough = len(self.header)
        self._strict = self._strict_pattern("")
        self._cautious = self._strict_pattern("\udc80-\udcff")

    def chunks(self, max_rows: int, most_characters: int) -> Iterator[Records]:
        """All records, some at a time; the last of a chunk may go over the characters."""
        records, characters = Records(), 0
        while not (self._at_end and self._at == len(self._text)):
            characters += self._take_whole(
                records, max_rows - len(records), most_characters - characters
            )
            if len(records) >= max_rows or characters >= most_characters:
                yield records
                records, characters = Records(), 0
            else:
                characters += self._take_unusual(records)
        if records:
            yield records

    def _strict_pattern(self, forbidden: str) -> re.Pattern[str]:
        """A record that keeps the rules, with as many fields as the header."""
        quoted = f'"(?:[^"{forbidden}]++|"")*+"'
        one = f'(?:{quoted}|[^"{self.separator}\n{forbidden}]*+)'
        others = max(len(self.header) - 1, 0)
        return re.compile(f"{one}(?:{self.separator}{one}){{{others}}}\r?\n")

    def _read_header(self) -> list[str]:
        while (walked := self._walk()) is None:
            self._read_more()
        self._at = walked.end
        return [name.strip() for name in walked.fields]

    def _read_more(self) -> None:
        block = next(self._blocks, None)
        self._text = self._text[self._at :] + (block or "")
        self._at, self._at_end = 0, block is None
        if self._at_end and self._text and not self._text.endswith("\n"):
            self._text += "\n"

    def _take_whole(self, records: Records, max_rows: int, most_characters: int) -> int:
        """Take records as long as they keep the rules; returns the characters taken."""
        match = (self._cautious if self._decoder.is_damaged else self._strict).match
        text, start, at, taken = self._text, self._at, self._at, 0
        while taken < max_rows and at - start < most_characters:
            found = match(text, at)
            if found is None:
                break
            at, taken = found.end(), taken + 1
        if taken:
            records.whole.append(text[start:at])
            records.whole_rows.extend(range(self._row + 1, self._row + taken + 1))
        self._at, self._row = at, self._row + taken
        return at - start

    def _take_unusual(self, records: Records) -> int:
        """Take the record that breaks a rule, or read on; returns the characters taken."""
        if blank := BLANK.match(self._text, self._at):  # a file may have any number of them
            self._at = blank.end()
            return 0
        walked = None if self._at == len(self._text) else self._walk()
        if walked is None:
            self._read_more()
            return 0
        start, self._at = self._at, walked.end
        self._row += 1
        problem = walked.problem or self._problem(walked.fields)
        if problem is None:
            records.loose.append((self._row, walked.fields))
        else:
            beginning = self._text[start : min(walked.end, start + SHOWN_CHARACTERS)]
            shown = beginning.encode("utf-8", "replace").decode()
            records.damaged.append(Damaged(self._row, problem, shown))
        return walked.end - start

    def _problem(self, fields: list[str]) -> str | None:
        if len(fields) != len(self.header):
            which = "more" if len(fields) > len(self.header) else "fewer"
            return f"the row has {which} fields than the header"
        if any(ESCAPED.search(text) for text in fields):
            return f"the row has bytes that are no {self._decoder.encoding or UTF_8}"
        return None

    def _walk(self) -> Walked | None:
        """Read one record field by field; ``None`` where more text is needed to tell."""
        text, at = self._text, self._at
        fields: list[str] = []
        while True:
            if len(fields) > MAX_FIELDS:
                return self._first_line("the row has more fields than any post")
            if text.startswith('"', at):
                quoted = QUOTED.match(text, at)
                if quoted is None:
                    return self._unfinished("a quote is never closed")
                fields.append(quoted[0][1:-1].replace('""', '"'))
                at = quoted.end()
                if text.startswith("\r", at) and at + 1 == len(text):
                    return self._unfinished("the row breaks off")
                at += text.startswith("\r\n", at)
            else:
                plain = self._plain.match(text, at)
                fields.append(plain[0] if plain else "")
                at += len(fields[-1])
            match text[at : at + 1]:
                case "":
                    return self._unfinished("the row is longer than any post")
                case "\n":
                    return Walked(at + 1, [*fields[:-1], fields[-1].removesuffix("\r")])
                case self.separator:
                    at += 1
                    if len(fields) == self._enough + 1 and (end := self._plain_rest(at)):
                        return Walked(end, fields)
                case _:
                    return self._first_line("a quote stands inside a quoted text undoubled")

    def _plain_rest(self, at: int) -> int | None:
        """Where a record ends that has too many fields already, if no quote can hide its end."""
        end = self._text.find("\n", at)
        is_plain = end >= 0 and self._text.find('"', at, end) < 0
        return end + 1 if is_plain else None

    def _unfinished(self, problem: str) -> Walked | None:
        is_everything = self._at_end or len(self._text) - self._at > LONGEST_RECORD
        return self._first_line(problem) if is_everything else None

    def _first_line(self, problem: str) -> Walked | None:
        """Give up on the line on which the record begins."""
        end = self._text.find("\n", self._at)
        if end < 0 and not self._at_end:
            if len(self._text) - self._at <= LONGEST_RECORD:
                return None
            self._forget_line()
            end = self._text.find("\n")
        return Walked(len(self._text) if end < 0 else end + 1, [], problem)

    def _forget_line(self) -> None:
        """Read to the end of an endless line, keeping only how it begins."""
        beginning = self._text[self._at : self._at + SHOWN_CHARACTERS]
        while not self._at_end and self._text.find("\n", self._at) < 0:
            self._at = len(self._text)
            self._read_more()
        self._text, self._at = beginning + self._text, 0
