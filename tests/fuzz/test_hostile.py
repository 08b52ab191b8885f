"""Hostile inputs of every kind: the answer is a value or an error for people, never anything else.

A few examples in every test run; ``make test-fuzz`` draws others for ten minutes.
"""

import io
import os
import re
import string
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from vkflow.errors import VkflowError
from vkflow.images.decoding import decode_base64, decode_picture
from vkflow.images.jpeg import cut_to_picture
from vkflow.printing import printable
from vkflow.settings import load_settings
from vkflow.sources.dataset.source import REQUIRED, DatasetSource
from vkflow.sources.validation import check_chunk
from vkflow.text.cleaning import text_hashes
from vkflow.text.statistics import text_statistics

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "15"))
NIGHT = datetime(2026, 6, 1, tzinfo=UTC)
bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
any_text = st.text(st.characters(exclude_categories=()), max_size=200)
HEADER = ",".join((*REQUIRED, "owner_id", "post_id", "published_at", "observed_at", "is_ad"))


def read(content: bytes, name: str) -> None:
    """Every row is accounted for, or the file is refused with a message for people."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(content)
        try:
            for chunk in DatasetSource(str(file), Path(folder), chunk_rows=7).fetch(None, NIGHT):
                checked = check_chunk(chunk, as_of=NIGHT, max_characters=10_000)
                accepted = len(checked.posts) + len(checked.rejected)
                assert accepted >= len(chunk.posts)
                assert checked.rejected["reason"].null_count() == 0
                text_hashes(checked.posts["text"])
                text_statistics(checked.posts["text"])
        except VkflowError as error:
            assert str(error)


cell = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
    st.datetimes().map(str),
    st.text(max_size=30).map(lambda text: '"' + text.replace('"', '""') + '"'),
    st.text(string.printable, max_size=20),
)
csv_line = st.lists(cell, max_size=18).map(",".join)


@bounded
@given(
    lines=st.lists(csv_line, max_size=20),
    codec=st.sampled_from(["utf-8", "cp1251", "koi8-r", "cp866", "latin-1", "utf-16"]),
    ending=st.sampled_from(["\n", "\r\n", "\r", ""]),
    noise=st.binary(max_size=30),
    at=st.integers(0, 2_000),
)
def test_csv(lines: list[str], codec: str, ending: str, noise: bytes, at: int) -> None:
    content = ending.join([HEADER, *lines]).encode(codec, "replace")
    read(content[:at] + noise + content[at:], "posts.csv")


@bounded
@given(content=st.binary(max_size=500), name=st.sampled_from(["a.csv", "a.csv.gz", "a.parquet"]))
def test_any_bytes(content: bytes, name: str) -> None:
    read(content, name)
    read(b"\x1f\x8b" + content, name)
    read(b"PAR1" + content + b"PAR1", name)


column = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=3, max_size=3).map(pa.array),
    st.lists(st.floats(), min_size=3, max_size=3).map(pa.array),
    st.lists(st.text(max_size=50), min_size=3, max_size=3).map(pa.array),
    st.lists(st.binary(max_size=50), min_size=3, max_size=3).map(pa.array),
    st.lists(st.none(), min_size=3, max_size=3).map(pa.array),
    st.lists(st.booleans(), min_size=3, max_size=3).map(pa.array),
    st.lists(st.datetimes(), min_size=3, max_size=3).map(pa.array),
    st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=3, max_size=3).map(pa.array),
    st.lists(st.binary(max_size=20), min_size=3, max_size=3).map(lambda values: not_utf_8(values)),
    st.lists(st.text(max_size=9), min_size=3, max_size=3).map(
        lambda values: pa.array(values).dictionary_encode()
    ),
)


def not_utf_8(values: list[bytes]) -> pa.Array:
    ends = np.cumsum([0, *map(len, values)]).astype(np.int32)
    return pa.StringArray.from_buffers(
        len(values), pa.py_buffer(ends), pa.py_buffer(b"".join(values))
    )


@bounded
@given(columns=st.fixed_dictionaries(dict.fromkeys((*REQUIRED, "post_id", "published_at"), column)))
def test_parquet(columns: dict[str, pa.Array]) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    read(file.getvalue(), "posts.parquet")


def picture(kind: str, mode: str, side: int) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (side, side)).save(file, kind)
    return file.getvalue()


pictures = st.builds(
    picture,
    st.sampled_from(["PNG", "GIF", "BMP", "JPEG", "WEBP"]),
    st.sampled_from(["RGB", "L"]),
    st.integers(1, 60),
)


@bounded
@given(
    content=st.one_of(st.binary(max_size=300), pictures),
    cut=st.integers(0, 5_000),
    noise=st.binary(max_size=9),
    at=st.integers(0, 400),
)
def test_pictures(content: bytes, cut: int, noise: bytes, at: int) -> None:
    content = (content[:at] + noise + content[at + len(noise) :])[:cut]
    decoded = decode_picture(content, max_pixels=10_000, longest_side=32)
    assert (decoded.image is None) == (decoded.status != "ok") == (decoded.error is not None)
    kept = cut_to_picture(content)
    assert kept is None or len(kept) <= len(content)
    decode_base64(content.decode("latin-1"))


@bounded
@given(texts=st.lists(any_text, max_size=5))
def test_texts(texts: list[str]) -> None:
    for text in texts:
        shown = printable(text)
        assert re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown) is None
        shown.encode()
    whole = [text.encode("utf-8", "replace").decode() for text in texts]
    assert len(text_statistics(pl.Series(whole, dtype=pl.String))) == len(whole)


names = st.sampled_from(
    ["HOME", "DEVICE", "MEMORY_MIB", "DATASET__PATH", "DATASET__COLUMNS", "DATASET__ENCODING",
     "DATABASE__URL", "DATABASE__LAG", "VK__OWNERS", "VK__API_URL", "VK__TOKEN", "VK__REFRESH_DAYS",
     "TRAINING__TIME_ZONE", "TRAINING__OWNER_TIME_ZONES", "WAREHOUSE__MEMORY_LIMIT", "SOURCE",
     "EXPORT__URL", "NOTHING", "TEXT", "TEXT__NOTHING"]
)  # fmt: skip
values = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
    st.sampled_from(
        ["inf", "nan", "-1", "1e999", "https://[::1", "[" * 5_000, "{}", "null", "4GB"]
    ),
)


@bounded
@given(variables=st.dictionaries(names, values, max_size=4), toml=any_text)
def test_settings(variables: dict[str, str], toml: str) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.chdir(folder)
        Path("vkflow.toml").write_bytes(toml.encode("utf-8", "surrogatepass"))
        for name, value in variables.items():
            patch.setenv(f"VKFLOW_{name}", value)
        try:
            loaded: Any = load_settings()
        except VkflowError as error:
            token = variables.get("VK__TOKEN", "")
            assert len(token) < 12 or token not in str(error)
        else:
            assert loaded.memory_bytes > 0
