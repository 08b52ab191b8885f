"""Encodings are found in the file itself."""

import pytest

from vkflow.errors import SourceError
from vkflow.sources.dataset.decoding import CODECS, UTF_8, WINDOWS_1251, Decoder, find_encoding


def decode(content: bytes, block_bytes: int = 10_000) -> tuple[str, Decoder]:
    blocks = [content[at : at + block_bytes] for at in range(0, len(content), block_bytes)]
    decoder = Decoder(find_encoding(iter(blocks), "posts.csv"))
    return "".join(decoder.decode(iter(blocks))), decoder


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


def test_stray_byte_before_the_first_cyrillic_letter_costs_itself_only():
    text = "cafe\n" * 300_000 + "Съешь ещё этих булок\n" * 10
    content = text.encode().replace(b"cafe", b"caf\xe9", 1)
    decoded, decoder = decode(content, 2**20)
    assert decoder.encoding == UTF_8 and decoder.is_damaged
    assert decoded == text.replace("cafe", "caf\udce9", 1)


@pytest.mark.parametrize(
    "text",
    ["Съешь ещё этих мягких булок, да выпей чаю", "ПОКУПАЙТЕ СЛОНОВ ОПТОМ", "кот", "Ёж и Ко"],
)
@pytest.mark.parametrize("encoding", ["KOI8-R", "CP866"])
def test_another_cyrillic_encoding_is_named_and_not_taken_for_windows_1251(
    text: str, encoding: str
):
    content = f"a,b\n{text}".encode(CODECS[encoding])
    with pytest.raises(SourceError, match=f"VKFLOW_DATASET__ENCODING to {encoding}"):
        decode(content)
    decoder = Decoder(encoding)
    assert "".join(decoder.decode(iter([content]))) == f"a,b\n{text}"
    assert decode(f"a,b\n{text}".encode("cp1251"))[1].encoding == WINDOWS_1251


def test_latin_1_is_damaged_utf_8_and_not_windows_1251():
    text = "Der Bär läuft über die Straße, où est le café?\n" * 50
    decoded, decoder = decode(text.encode("latin-1"))
    assert decoder.encoding == UTF_8 and decoder.is_damaged
    assert "\udce4" in decoded


@pytest.mark.parametrize("text", ["Їжак і ґава — це «друзі»", "Ці ёсць у вас ўсё?", "№ 5 … «ООО»"])
def test_neighbours_of_russian_are_windows_1251(text: str):
    decoded, decoder = decode(f"a,b\n{text}\n".encode("cp1251"))
    assert (decoded, decoder.encoding) == (f"a,b\n{text}\n", WINDOWS_1251)
