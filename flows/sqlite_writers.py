"""Writers of Prefect's SQLite database take turns.

Prefect begins most transactions so that they only read at first. One that then wants to write,
when another one has written meanwhile, is refused at once ("database is locked"), however long
SQLite would wait for its turn (https://www.sqlite.org/isolation.html, SQLITE_BUSY_SNAPSHOT): of
thirteen runs started at once twelve were answered 503. Transactions that say from the beginning
that they will write wait for one another, up to a minute. Prefect has no setting for that.
"""

from contextlib import AbstractAsyncContextManager
from typing import Any


def let_writers_take_turns() -> None:
    """For this process; on PostgreSQL it changes nothing."""
    from prefect.server.database.configurations import AioSqliteConfiguration

    begin = AioSqliteConfiguration.begin_transaction

    def begin_as_writer(
        self: AioSqliteConfiguration, session: Any, with_for_update: bool = False
    ) -> AbstractAsyncContextManager[Any]:
        return begin(self, session, with_for_update=True)

    AioSqliteConfiguration.begin_transaction = begin_as_writer  # type: ignore[assignment, method-assign]
