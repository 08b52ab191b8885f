"""Encodings are found in the file itself."""

import pytest

from vkflow.sources.dataset.decoding import UTF_8, WINDOWS_1251, Decoder


def decode(content: bytes, block_bytes: int = 10_000) -> tuple[str, Decoder]:
    decoder = Decoder()
    blocks = (content[at : at + block_bytes] for at in range(0, len(content), block_bytes))
    return "".join(decoder.decode(blocks)), decoder


@pytest.mark.parametrize("block_bytes", [5, 6, 7, 10_000])
@pytest.mark.parametrize(("name", "codec"), [(UTF_8, "utf-8"), (WINDOWS_1251, "cp1251")])
def test_russian_text_is_recognised_in_blocks_of_any_size(name: str, codec: str, block_bytes: int):
    text = "a,b\n" + "Съешь ещё этих мягких булок — «да»\n" * 20
    decoded, decoder = decode(text.encode(codec), block_bytes)
    assert (decoded, decoder.encoding, decoder.is_damaged) == (text, name, False)


def test_ascii_needs_no_decision_and_what_comes_late_still_decides():
    start = "x" * 100_000
    assert decode(start.encode())[1].encoding is None
    text = start + "кот"
    assert decode(text.encode("cp1251"))[0] == text
    assert decode(text.encode())[0] == text


def test_a_byte_order_mark_is_left_out():
    decoded, decoder = decode(b"\xef\xbb\xbfa,b\n")
    assert (decoded, decoder.encoding) == ("a,b\n", UTF_8)


def test_some_damaged_bytes_make_no_windows_1251_of_utf_8():
    decoded, decoder = decode("кот и пёс ".encode() * 5 + b"\xff\xfe")
    assert decoder.encoding == UTF_8 and decoder.is_damaged
    assert decoded == "кот и пёс " * 5 + "\udcff\udcfe"


def test_a_character_cut_off_at_the_end_is_damage():
    decoded, decoder = decode("кот".encode()[:-1])
    assert decoder.is_damaged and decoded == "ко\udcd1"
