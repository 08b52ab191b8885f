"""Other people's SQL databases: opening them, and telling what went wrong without passwords."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from vkflow.errors import SettingsError, SourceError

CONNECT_SECONDS = 10
FIRST_ATTEMPTS = 3
"""Of reaching a server that has never answered: it may be starting anew, or be none at all."""

LONGEST_WAIT_SECONDS = 30
POSTGRES_NAMES = ("postgres", "postgresql")
POSTGRES_DRIVER = "postgresql+psycopg"
PASSING_STATES = ("starting up", "shutting down", "recovery", "too many", "terminating connection")
MESSAGE_CHARACTERS = 300
SUCH_AS = "such as postgresql://user:password@host/name or sqlite:////folder/file.db"


def open_database(url: SecretStr, setting: str) -> sa.Engine:
    """An engine for a URL; it connects when it is used.

    Args:
        url: as SQLAlchemy has them; ``postgresql://`` means the driver psycopg.
        setting: name of the setting it is from, for messages.

    Raises:
        SettingsError: it is no such URL, or its driver is not installed.
    """
    try:
        address = make_url(url.get_secret_value())
        if "%00" in url.get_secret_value():
            raise ValueError  # drivers would read no further, and call at another address
    except (ArgumentError, ValueError):
        raise SettingsError(f"setting {setting} is no SQLAlchemy URL, {SUCH_AS}") from None
    after_secrets = url.get_secret_value().partition("://")[2].rpartition("@")[2].lstrip("[")
    if address.host and not after_secrets.startswith(address.host):
        # The rest of such a password would be told as host or name of the database.
        raise SettingsError(
            f"setting {setting} has an @ too many: in a password it is written as %40"
        )
    if address.drivername in POSTGRES_NAMES:
        address = address.set(drivername=POSTGRES_DRIVER)
    try:
        engine = _engine(address)
        engine.dialect.create_connect_args(address)
    except NoSuchModuleError:
        raise SettingsError(
            f"setting {setting}: SQLAlchemy knows no {address.drivername} databases; install the "
            f"package of that dialect, or correct the beginning of the URL"
        ) from None
    except ModuleNotFoundError as error:
        hint = "'vkflow[postgres]'" if error.name == "psycopg" else error.name
        raise SettingsError(
            f"setting {setting}: the driver {error.name} is not installed; pip install {hint}"
        ) from None
    except (ArgumentError, TypeError, ValueError):  # which quote values that may be secret
        raise SettingsError(
            f"setting {setting}: the host or a parameter of the URL has a value that "
            f"{address.drivername} does not take; a URL is {SUCH_AS}"
        ) from None
    if engine.dialect.is_async:
        raise SettingsError(
            f"setting {setting}: {address.drivername} is a driver for programs of another kind; "
            f"leave it out of the URL, as in {address.get_backend_name()}://"
        )
    return engine


def _engine(address: URL) -> sa.Engine:
    driver = address.drivername
    arguments = {"connect_timeout": CONNECT_SECONDS} if driver == POSTGRES_DRIVER else {}
    engine = sa.create_engine(
        address, poolclass=sa.NullPool, hide_parameters=True, connect_args=arguments
    )
    if driver == POSTGRES_DRIVER:
        sa.event.listen(engine, "connect", _read_times_as_iso_text)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _read_any_text)
    return engine


def refuse_missing_file(engine: sa.Engine) -> None:
    """SQLite would make an empty file of a name that is mistyped.

    Raises:
        SourceError: there is no such file.
    """
    name = engine.url.database
    is_file = engine.dialect.name == "sqlite" and name and not name.startswith((":", "file:"))
    if is_file and not Path(str(name)).is_file():
        raise SourceError(f"there is no SQLite file {name}; correct the URL of the database")


def _read_times_as_iso_text(connection: Any, _record: Any) -> None:
    """Python has no date for ``infinity`` or the year 10000: one such row would end the reading."""
    from psycopg.types.string import TextLoader

    for name in ("date", "timestamp", "timestamptz"):
        connection.adapters.register_loader(name, TextLoader)
    connection.execute("SET TimeZone TO 'UTC'; SET DateStyle TO 'ISO'")
    connection.commit()


def _read_any_text(connection: Any, _record: Any) -> None:
    """SQLite stores any bytes as text: one bad row would end the reading."""
    connection.text_factory = lambda content: content.decode("utf-8", "surrogateescape")


def shown(engine: sa.Engine) -> str:
    """Where a database is, without user, password and options."""
    url = engine.url
    port = f":{url.port}" if url.port else ""
    return f"{url.get_backend_name()}://{url.host or ''}{port}/{url.database or ''}"


def explained(error: Exception, engine: sa.Engine) -> str:
    """What a driver says, in a line, without anything secret from the URL."""
    original = getattr(error, "orig", None) or error
    lines = str(original).strip().splitlines() or [type(original).__name__]
    message = " ".join(line.strip() for line in lines)
    for secret in _secrets(engine.url):
        message = message.replace(secret, "***")
    # Only now: of a secret that is cut the beginning would stay.
    return message[:MESSAGE_CHARACTERS]


def _secrets(url: URL) -> list[str]:
    options: list[str] = []
    for name, value in url.query.items():
        if any(word in name.lower() for word in ("pass", "secret", "token", "key")):
            options += [value] if isinstance(value, str) else list(value)
    password = str(url.password or "")
    return [secret for secret in (password, quote(password, safe=""), *options) if secret]


def is_passing(error: sa.exc.DBAPIError, engine: sa.Engine) -> bool:
    """Whether the connection or the server's state is at fault, so that another try may do."""
    if error.connection_invalidated:
        return True
    if not isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
        return False
    message = str(error.orig)
    if engine.dialect.name == "sqlite":
        return "locked" in message or "busy" in message
    return "FATAL" not in message or any(state in message for state in PASSING_STATES)


def is_unanswered(error: sa.exc.DBAPIError, engine: sa.Engine) -> bool:
    """Whether no server has answered: there is none at this address, or it is not running."""
    answers = getattr(error.orig, "sqlstate", None) is not None or any(
        state in str(error.orig) for state in PASSING_STATES
    )
    is_file = engine.dialect.name == "sqlite"
    return is_passing(error, engine) and not (error.connection_invalidated or is_file or answers)


def seconds_until_next(failures: int) -> float:
    """How long to wait after so many attempts that failed."""
    return min(2.0**failures, LONGEST_WAIT_SECONDS)


def is_to_be_given_up(error: sa.exc.DBAPIError, failures: int) -> bool:
    """Whether a server that has never answered was asked often enough, or long enough."""
    has_waited = re.search(r"time(d )?[- ]?out", str(error.orig), re.IGNORECASE) is not None
    return failures >= FIRST_ATTEMPTS or has_waited


def no_answer(error: sa.exc.DBAPIError, engine: sa.Engine, variable: str) -> str:
    """The sentence about a server that has never answered; ``variable`` has its URL."""
    return (
        f"nobody answers at {shown(engine)}: {explained(error, engine)}; see that the database is "
        f"running, and that host and port in {variable} are right"
    )
