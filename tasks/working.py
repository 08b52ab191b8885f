"""A step's work list to an engine, and the results back into the warehouse: one way for all."""

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

import duckdb
import polars as pl

from tasks.progress import progress
from tasks.step import forwarded_logs, run_logger, warehouse_of
from vkflow.engines.engine import Engine, Job, Recruit, Worker
from vkflow.engines.opening import engine_when_needed
from vkflow.engines.parts import PartFolder, part_name
from vkflow.settings import Settings
from warehouse.errors import WarehouseError
from warehouse.parts import storing_parts

SECONDS_BETWEEN_STORES = 5.0
MAX_ROWS = 100_000
"""Results stored at once, at most: vectors of some hundred MiB."""


@dataclass(frozen=True)
class Work:
    """What a step has to do.

    Attributes:
        step: its name.
        subject: what the results belong to, such as an encoder: other subjects have other parts.
        doing: what people read beside the bar, such as ``texts embedded``.
        keys: columns that say what a row of the work list is.
        export: reads the work list, in parts; nothing of it is stored before it is at its end.
        here: a worker of this process.
        recruit: makes one elsewhere.
        store: writes results where they are missing, in a transaction; ``None``: they are for
            :func:`worked_off`.
        wants_gpu: whether a GPU makes it faster.
    """

    step: str
    subject: str
    doing: str
    keys: tuple[str, ...]
    export: Callable[[], Iterable[pl.DataFrame]]
    here: Worker
    recruit: Recruit
    store: Callable[[duckdb.DuckDBPyConnection, pl.DataFrame], None] | None = None
    wants_gpu: bool = True


def work_off(settings: Settings, work: Work) -> int:
    """Have an engine do everything that is missing, and store it; returns the rows of the lists.

    What a run left behind that died comes first: its results are stored, the rest is done.

    Raises:
        WorkFailedError: some parts could not be done; all others are stored.
    """
    job = Job(work.here, work.recruit, PartFolder(_url(settings, work)), work.wants_gpu)
    with forwarded_logs("vkflow.engines"), engine_when_needed(settings) as engine:
        done = 0
        if left := _left_over(job.parts):
            opened = engine()
            with _going_on(job.parts):
                _have_done(settings, opened, job, work, left)
            done += sum(left.values())
        if missing := _export(work, job.parts):
            _have_done(settings, engine(), job, work, missing)
            done += sum(missing.values())
    return done


@contextmanager
def worked_off(
    settings: Settings, work: Work, engine: Callable[[], Engine]
) -> Iterator[dict[str, pl.DataFrame]]:
    """As :func:`work_off`, for results that whoever asks stores together with something else.

    Yields:
        The results by part. When the block ends well the parts are removed; until then what was
        done is not done again.
    """
    parts = PartFolder(_url(settings, work))
    job = Job(work.here, work.recruit, parts, work.wants_gpu)
    results: dict[str, pl.DataFrame] = {}
    with forwarded_logs("vkflow.engines"):
        if left := _left_over(parts):
            opened = engine()
            with _going_on(parts):
                results |= {name: parts.read_result(name) for name in opened.work(job, left)}
        if missing := _export(work, parts, results):
            results |= {name: parts.read_result(name) for name in engine().work(job, missing)}
    with _forgotten_if_odd(parts, results):
        yield results
    for name in results:
        parts.remove(name)


@contextmanager
def _going_on(parts: PartFolder) -> Iterator[None]:
    """What a run left behind must not stop the next ones: what fails is on the work list again."""
    try:
        yield
    except WarehouseError:
        raise
    except Exception as error:
        run_logger().warning("what an earlier run left could not be done: %s", error)
        for name in parts.names():
            if not parts.has_result(name):
                parts.remove(name)


def _url(settings: Settings, work: Work) -> str:
    kind = re.sub(r"\W+", "-", work.step)
    subject = hashlib.sha256(work.subject.encode()).hexdigest()[:12]
    return f"{settings.parts_url}/{kind}/{subject}"


def _left_over(parts: PartFolder) -> dict[str, int]:
    """Parts of a run that died, and their rows; what is damaged is on the work list again."""
    counted = {name: parts.count_rows(name) for name in parts.names()}
    for name in [name for name, rows in counted.items() if rows is None]:
        parts.remove(name)
    return {name: rows for name, rows in counted.items() if rows is not None}


def _export(
    work: Work, parts: PartFolder, done: Mapping[str, pl.DataFrame] = MappingProxyType({})
) -> dict[str, int]:
    """Parts of what is missing, in the order of the list, and their rows; without what is done."""
    sizes = {}
    for listed in work.export():
        rows = listed
        for result in done.values():
            rows = rows.join(result, on=list(work.keys), how="anti", maintain_order="left")
        if rows.is_empty():
            continue
        name = part_name(rows, work.keys, work.subject)
        parts.write_work(name, rows)
        sizes[name] = len(rows)
    return sizes


def _have_done(
    settings: Settings,
    engine: Engine,
    job: Job,
    work: Work,
    sizes: dict[str, int],
) -> None:
    with progress(work.doing, sum(sizes.values())) as advance:
        for results in _grouped(job.parts, engine.work(job, sizes)):
            with _forgotten_if_odd(job.parts, results):
                _store(settings, work, results)
            for name in results:
                job.parts.remove(name)
                advance(sizes[name])


@contextmanager
def _forgotten_if_odd(parts: PartFolder, names: Iterable[str]) -> Iterator[None]:
    """Results that cannot be stored, such as those of other columns, would never be."""
    try:
        yield
    except (pl.exceptions.PolarsError, duckdb.Error):
        for name in names:
            parts.remove(name)
        raise


def _store(settings: Settings, work: Work, results: dict[str, pl.DataFrame]) -> None:
    counts = {name: len(rows) for name, rows in results.items()}
    with (
        warehouse_of(settings) as connection,
        storing_parts(connection, work.step, counts, datetime.now(UTC)),
    ):
        for rows in results.values():
            if work.store is not None:
                work.store(connection, rows)


def _grouped(parts: PartFolder, finished: Iterable[str]) -> Iterator[dict[str, pl.DataFrame]]:
    """Results to store together: opening the warehouse costs more than a small part.

    Where the work fails, what was done before is stored all the same.
    """
    group: dict[str, pl.DataFrame] = {}
    began, failure = time.monotonic(), None
    try:
        for name in finished:
            group[name] = parts.read_result(name)
            is_late = time.monotonic() - began >= SECONDS_BETWEEN_STORES
            if is_late or sum(map(len, group.values())) >= MAX_ROWS:
                yield group
                group, began = {}, time.monotonic()
    except Exception as error:
        failure = error
    if group:
        yield group
    if failure is not None:
        raise failure
