"""A CSV text record by record: a damaged one costs nothing but itself."""

import csv
import io
import time
from collections.abc import Iterator

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vkflow.sources.dataset import records as module
from vkflow.sources.dataset.decoding import Decoder
from vkflow.sources.dataset.records import RecordReader, Records


def blocks(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def reader(content: bytes, block_bytes: int = 1_000) -> RecordReader:
    decoder = Decoder()
    return RecordReader(decoder.decode(blocks(content, block_bytes)), decoder)


def read(content: bytes, block_bytes: int = 1_000) -> Records:
    merged = Records()
    for part in reader(content, block_bytes).chunks(10**6, 10**9):
        merged.whole += part.whole
        merged.whole_rows += part.whole_rows
        merged.loose += part.loose
        merged.damaged += part.damaged
    return merged


def fields(records: Records) -> dict[int, list[str]]:
    """The fields of all readable records by number."""
    content = "".join(records.whole).encode()
    schema = dict.fromkeys("abc", pl.String)
    whole = pl.read_csv(content, has_header=False, schema=schema) if content else pl.DataFrame()
    rows = [list(row) for row in whole.fill_null("").rows()]
    return dict(zip(records.whole_rows, rows, strict=True)) | dict(records.loose)


def complaints(records: Records) -> list[tuple[int, str]]:
    return [(each.row, each.reason) for each in records.damaged]


MORE, FEWER = "the row has more fields than the header", "the row has fewer fields than the header"
UNDOUBLED = "a quote stands inside a quoted text undoubled"
HEADER = "a,b,c\n"


@pytest.mark.parametrize("block_bytes", [1, 2, 3, 7, 1_000])
@pytest.mark.parametrize(
    ("text", "expected", "expected_complaints"),
    [
        ("1,2,3\n", {1: ["1", "2", "3"]}, []),
        ("1,2,3", {1: ["1", "2", "3"]}, []),
        ("1,2,3\r\n4,5,6\r\n", {1: ["1", "2", "3"], 2: ["4", "5", "6"]}, []),
        ('1,"x, ""y""\nz",3\n', {1: ["1", 'x, "y"\nz', "3"]}, []),
        ("\n1,2,3\n\r\n\n", {1: ["1", "2", "3"]}, []),
        (",,\n", {1: ["", "", ""]}, []),
        ("1,2\n1,2,3\n", {2: ["1", "2", "3"]}, [(1, FEWER)]),
        ("1,2,3,4\n1,2,3\n", {2: ["1", "2", "3"]}, [(1, MORE)]),
        ('"1\n2",2,3,4\n1,2,3\n', {2: ["1", "2", "3"]}, [(1, MORE)]),
        ('1,he said "hi",3\n', {1: ["1", 'he said "hi"', "3"]}, []),
        ('1,"a"b,3\n1,2,3\n', {2: ["1", "2", "3"]}, [(1, UNDOUBLED)]),
        ('1,"open,3\n1,"2",3\n', {2: ["1", "2", "3"]}, [(1, UNDOUBLED)]),
        ('1,"open,3\n1,2,3\n', {2: ["1", "2", "3"]}, [(1, "a quote is never closed")]),
        ('1,2,3\n1,"', {1: ["1", "2", "3"]}, [(2, "a quote is never closed")]),
        ("1,кот,3\n", {1: ["1", "кот", "3"]}, []),
    ],
)
def test_records_are_told_apart(
    text: str,
    expected: dict[int, list[str]],
    expected_complaints: list[tuple[int, str]],
    block_bytes: int,
):
    records = read((HEADER + text).encode(), block_bytes)
    assert fields(records) == expected
    assert complaints(records) == expected_complaints


def test_a_broken_line_in_a_text_without_quotes_is_two_damaged_rows():
    records = read(b"a,b,c\n1,two\nlines,3\n4,5,6\n")
    assert complaints(records) == [(1, FEWER), (2, FEWER)]
    assert fields(records) == {3: ["4", "5", "6"]}


def test_bytes_that_are_no_utf_8_cost_their_row_only():
    rows = "".join(f"{number},кот,3\n" for number in range(10)).encode()
    records = read(HEADER.encode() + rows + b"11,\xff\xfe,3\n" + rows)
    assert complaints(records) == [(11, "the row has bytes that are no UTF-8")]
    assert records.damaged[0].text == "11,??,3\n"
    assert len(fields(records)) == 20


def test_rows_longer_than_any_post_are_given_up_with_their_beginning(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(module, "LONGEST_RECORD", 1_000)
    for start in ("1,2,", '1,"2,'):
        content = f"{HEADER}{start}{'x' * 5_000}\n4,5,6\n".encode()
        for block_bytes in (100, 10_000):
            records = read(content, block_bytes)
            assert [row for row, _ in complaints(records)] in ([1], [])
            assert fields(records)[2] == ["4", "5", "6"]
            if records.damaged:
                assert records.damaged[0].text.startswith(f"{start}xxx")


def test_an_unclosed_quote_costs_no_more_than_its_line_in_a_long_file(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(module, "LONGEST_RECORD", 1_000)
    rows = "".join(f"{number},x,y\n" for number in range(1_000))
    records = read(f'{HEADER}0,"open,y\n{rows}'.encode(), 64)
    assert complaints(records) == [(1, "a quote is never closed")]
    assert len(fields(records)) == 1_000


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_found_in_the_header(separator: str):
    made = reader(separator.join("abc").encode() + b"\n" + separator.join("123").encode())
    assert (made.separator, made.header) == (separator, ["a", "b", "c"])
    (records,) = made.chunks(10, 100)
    assert records.whole == [separator.join("123") + "\n"]


def test_the_header_may_be_quoted_spaced_and_come_after_blank_lines():
    assert reader(b'\n\r\n"a", b ,c\r\n1,2,3\n').header == ["a", "b", "c"]


def test_a_file_of_nothing_has_an_empty_header():
    assert not any(reader(b"\n\n").header)
    assert not any(reader(b"").header)


def test_chunks_end_at_so_many_rows_or_characters():
    content = HEADER.encode() + b"1,2,3\n" * 10
    assert [len(part) for part in reader(content).chunks(4, 10**6)] == [4, 4, 2]
    assert [len(part) for part in reader(content).chunks(100, 13)] == [3, 3, 3, 1]


cells = st.text(st.sampled_from('ab,;"\n\r кя'), max_size=6)


@given(rows=st.lists(st.tuples(cells, cells, cells)), block_bytes=st.integers(1, 20))
def test_what_a_writer_of_csv_wrote_is_read_back(
    rows: list[tuple[str, str, str]], block_bytes: int
):
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("a", "b", "c"), *rows])
    records = read(file.getvalue().encode(), block_bytes)
    assert complaints(records) == []
    assert fields(records) == {number: list(row) for number, row in enumerate(rows, 1)}


@given(text=st.text(st.sampled_from('a,"\n\r'), max_size=40), block_bytes=st.integers(1, 9))
def test_any_text_is_read_to_its_end_the_same_in_blocks_of_any_size(text: str, block_bytes: int):
    content = (HEADER + text + '\n7,"8",9\n').encode()
    records = read(content, block_bytes)
    whole = read(content)
    assert (fields(records), records.damaged) == (fields(whole), whole.damaged)
    numbers = [*fields(records), *(each.row for each in records.damaged)]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("line", ["\n", " \r\n", " "])
def test_many_blank_lines_before_the_header_take_no_longer_each(line: str):
    blocks = [line * (2**20 // len(line))] * 60
    began = time.monotonic()
    try:
        RecordReader(iter([*blocks, "\na,b\n1,2\n"]), Decoder())
    finally:
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_many_blank_lines_between_rows_take_no_time_each(line: str):
    blocks = ["a,b\n1,2\n", *[line * (2**20 // len(line))] * 10, "3,4\n"]
    began = time.process_time()
    [records] = RecordReader(iter(blocks), Decoder()).chunks(1_000, 10**6)
    assert time.process_time() - began < 2
    assert records.whole_rows == [1, 2]


@pytest.mark.parametrize("end", ["", "\n"])
def test_endless_commas_take_no_longer_each(end: str):
    blocks = iter(["a,b\n", *["," * 2**20] * 40, end + "1,2\n"])
    began = time.monotonic()
    records = [*RecordReader(blocks, Decoder()).chunks(1_000, 10**9)]
    assert time.monotonic() - began < 5
    assert sum(len(chunk.damaged) for chunk in records) == 1
    assert sum(len(chunk.whole_rows) for chunk in records) == (1 if end else 0)


def test_many_lines_with_far_too_many_fields_are_read_quickly():
    lines = [("," * 5_000 + "\n") * 200] * 20
    began = time.monotonic()
    [records] = RecordReader(iter(["a,b\n", *lines]), Decoder()).chunks(10_000, 10**9)
    assert time.monotonic() - began < 5
    assert len(records.damaged) == 4_000
    assert {each.reason for each in records.damaged} == {
        "the row has more fields than the header"
    }  # fmt: skip


def test_row_of_one_empty_quoted_field_is_a_row():
    records = read(b'a,b\n\n""\n1,2\n')
    assert [each.row for each in records.damaged] == [1]
    assert records.whole_rows == [2]
