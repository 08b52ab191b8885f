"""Where a DuckLake is, and how errors about it are told without its password."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.errors import WarehouseError, WarehouseUnreachableError

if TYPE_CHECKING:
    import psycopg

EXTRA = "a DuckLake needs the extra vkflow[ducklake]: pip install -c constraints.txt '.[ducklake]'"
NO_URL = (
    "setting warehouse.catalog cannot be read as a URL of PostgreSQL, such as "
    "postgresql://USER:PASSWORD@HOST/DATABASE; odd characters of the password are written as %40 "
    "for @, %2F for /"
)
NETWORK = {
    "connect_timeout": "10",
    "keepalives_idle": "60",
    "keepalives_interval": "15",
    "keepalives_count": "4",
    "tcp_user_timeout": "120000",
}
"""Where the URL does not say otherwise: a machine that is gone is noticed in minutes, not hours."""
SIGNS_OF_REFUSAL = (
    "authentication failed",
    "no password supplied",
    "does not exist",
    "pg_hba.conf",
    "permission denied",
)
"""What waiting does not mend."""
SIGNS_OF_ABSENCE = (
    "connection",
    "onnect to Postgres",
    'Failed to execute query "COMMIT"',
    'Failed to execute query "ROLLBACK"',
)
"""Of PostgreSQL, before or in the middle of a transaction."""
STORE_IS_AWAY = re.compile(r"error for HTTP|HTTP (code )?5\d\d")
"""In what DuckDB says of an object store that nobody answers for, or that fails."""


@dataclass(frozen=True)
class Lake:
    """A DuckLake.

    Attributes:
        url: of the PostgreSQL database that has the catalog, with the password.
        data: folder, or URL such as ``s3://bucket/folder``, of the data and of nothing else.
        home: folder for what DuckDB writes on the way, and of a warehouse in a file before it.
    """

    url: str = field(repr=False)
    data: str
    home: Path

    def __post_init__(self) -> None:
        """Refuse what is no URL, and a missing extra, before anything else does.

        Raises:
            WarehouseError: it is no URL of PostgreSQL, or psycopg is not installed.
        """
        fields_of(self)

    def __str__(self) -> str:
        """Where the catalog is, for people."""
        known = fields_of(self)
        place = f"{known.get('host', 'this machine')}:{known.get('port', '5432')}"
        return f"the DuckLake of {place}/{known.get('dbname', '')}"


def fields_of(lake: Lake) -> dict[str, str]:
    """The parts of its URL, by the names that libpq gives them.

    Raises:
        WarehouseError: it is no such URL, or psycopg is not installed.
    """
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise WarehouseError(EXTRA) from None
    try:
        known = conninfo_to_dict(lake.url)
    except ProgrammingError:  # its message quotes the URL
        raise WarehouseError(NO_URL) from None
    # With an @ or / of the password as it is, the rest of it would be told as host or database.
    if any("@" in str(known.get(name)) for name in ("host", "dbname")):
        raise WarehouseError(NO_URL)
    return {name: str(value) for name, value in known.items() if value is not None}


def connect_catalog(lake: Lake, application: str = "vkflow") -> "psycopg.Connection":
    """The PostgreSQL database itself; every statement is a transaction of its own.

    Args:
        lake: whose catalog.
        application: what PostgreSQL calls this session.

    Raises:
        WarehouseUnreachableError: nobody answers.
        WarehouseError: the server refuses, or psycopg is not installed.
    """
    known = NETWORK | fields_of(lake)
    known["application_name"] = application
    import psycopg

    try:
        return psycopg.connect(**known, autocommit=True)  # type: ignore[arg-type]
    except psycopg.Error as error:
        raise explained(lake, error) from None


def explained(lake: Lake, error: Exception) -> WarehouseError:
    """What DuckDB or PostgreSQL complain of, as an error of the warehouse without its secrets."""
    message = " ".join(str(error).split())
    if password := fields_of(lake).get("password"):
        message = message.replace(password, "…").replace(lake.url, "…")
    if STORE_IS_AWAY.search(message):
        return WarehouseUnreachableError(
            f"the data of {lake} in {lake.data} does not answer ({message}); start the object "
            f"store, or correct AWS_ENDPOINT_URL"
        )
    if not any(sign in message for sign in SIGNS_OF_ABSENCE):
        return WarehouseError(f"{lake} cannot be used: {message}")
    if any(sign in message for sign in SIGNS_OF_REFUSAL):
        return WarehouseError(
            f"{lake} does not let vkflow in ({message}); correct warehouse.catalog, or the rights "
            f"of its user"
        )
    return WarehouseUnreachableError(
        f"{lake} does not answer ({message}); start PostgreSQL, or correct warehouse.catalog"
    )
