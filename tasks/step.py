"""What all tasks share: retries for passing faults, the warehouse, logs."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import duckdb
from prefect import Task, get_run_logger
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import MissingContextError

from vkflow.errors import TransientError
from vkflow.printing import printable
from vkflow.settings import Settings
from warehouse.catalogs import Catalog, check_only_writer
from warehouse.database import open_warehouse
from warehouse.errors import WarehouseLockedError, WarehouseUnreachableError
from warehouse.lake.kept import kept_lakes
from warehouse.lake.lake import Lake

P = ParamSpec("P")
Result = TypeVar("Result")


def _escape_controls(record: logging.LogRecord) -> bool:
    """What posts, files and servers say must not do anything on the terminal that shows the log."""
    record.msg, record.args = printable(record.getMessage()), None
    return True


for _name in ("prefect.flow_runs", "prefect.task_runs", "vkflow"):
    logging.getLogger(_name).addFilter(_escape_controls)


def _is_transient(_task: Any, _run: Any, state: Any) -> bool:
    """Only what may pass by itself is tried again."""
    return isinstance(
        state.result(raise_on_failure=False),
        TransientError | WarehouseLockedError | WarehouseUnreachableError | TimeoutError,
    )


def step(name: str) -> Callable[[Callable[P, Result]], Task[P, Result]]:
    """Decorator of every task. Reruns resume from the warehouse, so no result is cached.

    A step opens the warehouse for short work, and often: a lake is attached once for all of it.

    Args:
        name: what a person sees in the UI and the log.
    """

    def decorate(function: Callable[P, Result]) -> Task[P, Result]:
        @wraps(function)
        def work(*arguments: P.args, **named: P.kwargs) -> Result:
            with kept_lakes():
                return function(*arguments, **named)

        return Task(
            work,
            name=name,
            task_run_name=name,
            retries=2,
            retry_delay_seconds=[10, 60],
            retry_condition_fn=_is_transient,
            cache_policy=NO_CACHE,
        )

    return decorate


def run_logger() -> logging.Logger | logging.LoggerAdapter[logging.Logger]:
    """The run's logger, or a plain one where a task is called as a function."""
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger("vkflow")


class _Forwarder(logging.Handler):
    """Says in the run's log what was said elsewhere."""

    def __init__(self, log: logging.LoggerAdapter[logging.Logger]) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        self._log.log(record.levelno, "%s", printable(record.getMessage()))


@contextmanager
def forwarded_logs(name: str) -> Iterator[None]:
    """Forward what the logger ``name`` of the library says to the log of the run."""
    log = run_logger()
    if isinstance(log, logging.Logger):  # a plain one hears it anyway
        yield
        return
    source, forwarder = logging.getLogger(name), _Forwarder(log)
    level = source.level
    source.addHandler(forwarder)
    source.setLevel(logging.INFO)
    try:
        yield
    finally:
        source.removeHandler(forwarder)
        source.setLevel(level)


def catalog_of(settings: Settings) -> Catalog:
    """Which warehouse these settings name.

    Raises:
        WarehouseError: ``warehouse.catalog`` is no URL of PostgreSQL, or the extra is missing.
    """
    url = settings.warehouse.catalog
    if url is None:
        return settings.warehouse_file
    return Lake(url.get_secret_value(), settings.lake_data, settings.home.absolute())


@contextmanager
def warehouse_of(
    settings: Settings, as_of: datetime | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of these settings, seeing what was known at ``as_of``.

    Raises:
        WriterLostError: this run has lost the lock of its home.
    """
    catalog = catalog_of(settings)
    check_only_writer(catalog)
    with open_warehouse(
        catalog,
        label_maturity_hours=settings.label_maturity_hours,
        as_of=as_of,
        wait_seconds=settings.warehouse.wait_seconds,
        memory_limit=settings.warehouse.memory_limit,
    ) as connection:
        yield connection
