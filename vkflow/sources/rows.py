"""Rows of text, as files and tables have them, become posts, snapshots and pictures.

What is wrong with the post itself rejects the row. What is wrong with its counts rejects only
these: the post stays, and is scored like one whose outcome is not known.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import polars as pl

from vkflow.images.decoding import decode_base64
from vkflow.sources.columns import COLUMNS, COUNTS, IDS, TIMES
from vkflow.sources.source import (
    NAMES_SCHEMA,
    PICTURES_SCHEMA,
    POSTS_SCHEMA,
    REJECTED_SCHEMA,
    SNAPSHOTS_SCHEMA,
    Chunk,
)
from vkflow.sources.values import times, truths, whole_numbers

PAYLOAD_CHARACTERS = 500
MAX_EDITS = 100
"""Of a post in one chunk; of those after them only the last is told, and the oldest and newest. A
file that calls all its rows by the same ids would take a transaction for each."""

POST = pl.format("{}_{}", *IDS)
HAS_COUNTS = pl.any_horizontal(pl.col(*COUNTS).is_not_null())
KINDS = {"is_ad": "true or false", **dict.fromkeys(TIMES, "a time")}

NameRows = Callable[[pl.DataFrame], pl.Series]
"""Names for rows that cannot be called by their ids; ``given`` is what is in them."""


@dataclass
class SeenRows:
    """What must be remembered from one chunk of a file to the next.

    Attributes:
        contents: how often a text with its picture came so far.
        undated: posts whose counts came without the time they were observed.
    """

    contents: Counter[bytes] = field(default_factory=Counter)
    undated: set[tuple[int, int]] = field(default_factory=set)


def rows_to_chunks(
    raw: pl.DataFrame, seen: SeenRows, name_rows: NameRows, *, makes_ids: bool = True
) -> list[Chunk]:
    """Type the columns and part posts from their counts and pictures.

    Rows without ids get ``owner_id`` 0 and a number made of their text and picture. A file may
    repeat a post, once for each time it was observed. What its rows say otherwise than those before
    comes in a chunk after theirs.

    Args:
        raw: ``COLUMNS`` (text; empty or NULL: not given), and where rows have a number, ``row``.
        seen: of the rows before; is brought up to date.
        name_rows: what to call rows that cannot be called by their ids.
        makes_ids: whether rows without ``post_id`` get one; else they are rejected.
    """
    rows = _with_ids(_typed(raw), seen, makes_ids)
    rows = rows.with_columns(
        pl.coalesce("id_problem", *_not_typed("is_ad", "published_at")).alias("reason")
    )
    bad, fine = rows.filter(pl.col("reason").is_not_null()), rows.filter(pl.col("reason").is_null())
    fine = fine.with_columns(_count_problem(fine, seen).alias("reason"))
    bad_counts = fine.filter(pl.col("reason").is_not_null())
    first, *others = [_chunk(version, name_rows) for version in _versions(fine)]
    first = replace(
        first,
        rejected=pl.concat(
            [
                _rejected(bad, pl.coalesce(_own_key(), pl.lit(name_rows(bad)))),
                _rejected(bad_counts, pl.format("{} counts", POST)),
            ]
        ),
        mended=tuple(fine.filter(~HAS_COUNTS).select(pl.format("{} counts", POST)).to_series()),
        seen=fine.select(*IDS).n_unique() + len(bad),
    )
    return [first, *others]


def _versions(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """The rows of all posts until one that says something else, then until the next, and so on."""
    if not rows.select(*IDS).is_duplicated().any():
        return [rows.with_columns(is_told=pl.lit(value=True))]
    content, observed = pl.col("content"), pl.col("observed_at")
    rows = rows.with_columns(
        pl.struct("text", "photo", "is_ad", "published_at").hash().alias("content")
    )
    rows = rows.with_columns(
        (content != content.shift()).fill_null(value=False).cum_sum().over(*IDS).alias("version"),
        ((observed == observed.min()) | (observed == observed.max())).over(*IDS).alias("is_end"),
    )
    version = pl.col("version")
    is_told = (version < MAX_EDITS) | (version == version.max().over(*IDS)) | pl.col("is_end")
    rows = rows.with_columns(is_told.fill_null(value=False).alias("is_told"))
    told = rows.filter("is_told").partition_by("version", maintain_order=True)
    return [pl.concat([told[0], rows.filter(~pl.col("is_told"))]), *told[1:]]


def _chunk(rows: pl.DataFrame, name_rows: NameRows) -> Chunk:
    """Posts that each say one thing; they are counted with their first version."""
    told = rows.filter("is_told")
    posts = told.unique(subset=[*IDS, "observed_at"], keep="last", maintain_order=True)
    first = posts.unique(subset=list(IDS), keep="first", maintain_order=True)
    return Chunk(
        posts=posts.select(*POSTS_SCHEMA),
        snapshots=_snapshots(rows.filter(HAS_COUNTS, pl.col("reason").is_null())),
        pictures=_pictures(first),
        names=_names(first.filter(~pl.col("has_own_id")), name_rows),
        seen=0,
    )


def _typed(raw: pl.DataFrame) -> pl.DataFrame:
    """The rows with typed values, and what was ``given`` beside them."""
    return raw.with_columns(
        pl.struct(pl.all().exclude("photo")).alias("given"),
        *(whole_numbers(raw[name]) for name in (*COUNTS, *IDS)),
        *(times(raw[name]) for name in TIMES),
        truths(raw["is_ad"]),
        pl.col("text", "photo").fill_null(""),
    )


def _is_given(name: str) -> pl.Expr:
    given = pl.col("photo") if name == "photo" else pl.col("given").struct.field(name)
    return given.fill_null("").str.strip_chars() != ""


def _not_typed(*names: str) -> list[pl.Expr]:
    """For each column: what to say where a value is given that is none of its type."""
    return [
        pl.when(_is_given(name) & pl.col(name).is_null()).then(
            pl.lit(f"{name} is not {KINDS.get(name, 'a whole number')}")
        )
        for name in names
    ]


def _with_ids(rows: pl.DataFrame, seen: SeenRows, makes_ids: bool) -> pl.DataFrame:
    """Give an id to rows that came without; those with an unreadable one are nobody's."""
    nothing = ~pl.any_horizontal(*(_is_given(name) for name in COLUMNS))
    rows = rows.with_columns(
        pl.coalesce(
            pl.when(nothing).then(pl.lit("the row is empty")),
            *_not_typed(*IDS),
            pl.when(pl.col("post_id") < 0).then(pl.lit("post_id is negative")),
            pl.when(~_is_given("post_id") & pl.lit(not makes_ids)).then(
                pl.lit("post_id is missing")
            ),
        ).alias("id_problem"),
        _is_given("post_id").alias("has_own_id"),
    )
    lacking = rows.select(~pl.col("has_own_id") & pl.col("id_problem").is_null()).to_series()
    numbers = _content_ids(rows.filter(lacking), seen.contents)
    return rows.with_columns(
        pl.col("owner_id").fill_null(0), rows["post_id"].scatter(lacking.arg_true(), numbers)
    )


def _content_ids(rows: pl.DataFrame, contents: Counter[bytes]) -> pl.Series:
    """Stable 63-bit numbers from text and picture; the n-th equal row gets the n-th number."""
    numbers = []
    for text, photo in rows.select("text", "photo").iter_rows():
        content = hashlib.blake2b(f"{text}\0{photo}".encode(), digest_size=16).digest()
        occurrence = contents[content]
        contents[content] += 1
        digest = hashlib.blake2b(content + occurrence.to_bytes(8), digest_size=8).digest()
        numbers.append(int.from_bytes(digest) >> 1)
    return pl.Series(numbers, dtype=pl.Int64)


def _count_problem(rows: pl.DataFrame, seen: SeenRows) -> pl.Series:
    repeated = pl.when(pl.lit(_repeated(rows, seen))).then(
        pl.lit("the post comes again, and observed_at does not say which counts are newer")
    )
    return rows.select(pl.coalesce(*_not_typed(*COUNTS, "observed_at"), repeated)).to_series()


def _repeated(rows: pl.DataFrame, seen: SeenRows) -> pl.Series:
    """Undated counts of a post that had some before."""
    undated = pl.col("observed_at").is_null() & HAS_COUNTS & pl.col("has_own_id")
    repeated = []
    for owner_id, post_id, is_undated in rows.select(*IDS, undated.alias("undated")).iter_rows():
        repeated.append(is_undated and (owner_id, post_id) in seen.undated)
        if is_undated:
            seen.undated.add((owner_id, post_id))
    return pl.Series(repeated, dtype=pl.Boolean)


def _snapshots(rows: pl.DataFrame) -> pl.DataFrame:
    counts = rows.rename(COUNTS).with_columns(
        pl.lit(None, pl.Int64).alias("reach"),
        pl.lit(None, pl.Boolean).alias("reposts_with_messages"),
    )
    return counts.select(*SNAPSHOTS_SCHEMA)


def _own_key() -> pl.Expr:
    return pl.when("has_own_id", pl.col("id_problem").is_null()).then(POST)


def _rejected(rows: pl.DataFrame, key: pl.Expr) -> pl.DataFrame:
    return rows.select(key.alias("key"), "reason", _payload(rows)).select(*REJECTED_SCHEMA)


def _payload(rows: pl.DataFrame) -> pl.Expr:
    """The row as a person needs it to find it again, its text last, where it may be cut.

    The picture would only fill the table.
    """
    names = [name for name in rows.columns if name in ("row", *COLUMNS)]
    given = pl.col("given").struct
    shown = [given.field(name) for name in names if name not in ("photo", "text")]
    return (
        pl.struct(*shown, given.field("text"))
        .struct.json_encode()
        .str.slice(0, PAYLOAD_CHARACTERS)
        .alias("payload")
    )


def _names(posts: pl.DataFrame, name_rows: NameRows) -> pl.DataFrame:
    return posts.select(*IDS, pl.lit(name_rows(posts)).alias("name")).select(*NAMES_SCHEMA)


def _pictures(posts: pl.DataFrame) -> pl.DataFrame:
    """Picture bytes; what is no base64 is kept as it came, for the decoder to name."""
    with_picture = posts.filter(pl.col("photo") != "")
    content = []
    for photo in with_picture["photo"]:
        decoded = decode_base64(photo)
        content.append(photo.encode() if decoded.error else decoded.content)
    frame = with_picture.select(*IDS)
    return frame.with_columns(pl.Series("content", content, dtype=pl.Binary)).select(
        *PICTURES_SCHEMA
    )
