"""Many drafts at once: a query on the database of the settings, with the columns of a data set."""

from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl
import sqlalchemy as sa

from vkflow.databases.connections import explained, open_database, refuse_missing_file, shown
from vkflow.drafts.draft import MAX_DRAFTS, Draft
from vkflow.drafts.files import MEANT, REQUIRED, MakeDraft, drafts_of_rows
from vkflow.errors import DraftError, SettingsError, SourceError
from vkflow.settings.sources import DatabaseSettings
from vkflow.sources.database.reading import Batch, Reader

BATCH_CHARACTERS = 2**24
USED = ("text", "photo", "owner_id", "published_at", "is_ad")


def query_drafts(settings: DatabaseSettings, query: str, make: MakeDraft) -> list[Draft]:
    """The drafts a query gives, called by their rows; the database is only read.

    Args:
        settings: the URL, and names of columns by ours, where they differ.
        query: a SELECT with a column ``text``, and if wanted ``owner_id``, ``published_at``,
            ``photo`` (base64) and ``is_ad``.
        make: reads owner, time and picture.

    Raises:
        SettingsError: there is no URL.
        SourceError: the database does not answer, or the query does not run or lacks a column.
        DraftError: it gives no drafts, too many, or a row is none.
    """
    if settings.url is None:
        raise SettingsError(
            "--query needs the SQLAlchemy URL of a database: set VKFLOW_DATABASE__URL"
        )
    engine = open_database(settings.url, "database.url")
    refuse_missing_file(engine)
    columns = {ours: name for ours, name in settings.columns.items() if ours in USED}
    asked = {"query": query, "table": None, "cursor": None, "columns": columns}
    try:
        with engine.connect() as connection:
            reader = Reader(
                connection,
                settings.model_copy(update=asked),
                "drafts",
                datetime.now(UTC),
                BATCH_CHARACTERS,
                REQUIRED,
                MEANT,
            )
            return _drafts(reader.batches(None), make)
    except sa.exc.DBAPIError as error:
        raise SourceError(f"{shown(engine)}: {explained(error, engine)}") from None


def _drafts(batches: Iterator[Batch], make: MakeDraft) -> list[Draft]:
    drafts: list[Draft] = []
    for batch in batches:
        for reason, _ in batch.unreadable:
            raise SourceError(f"a row of --query cannot be read: {reason}")
        if len(drafts) + len(batch.rows) > MAX_DRAFTS:
            raise DraftError("many_of_query", most=MAX_DRAFTS)
        numbers = pl.int_range(len(drafts) + 1, len(drafts) + len(batch.rows) + 1, eager=True)
        drafts += drafts_of_rows(batch.rows.with_columns(row=numbers), make)
    if not drafts:
        raise DraftError("none_of_query")
    return drafts
