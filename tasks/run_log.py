"""One run at a time in a home, noted in the warehouse however it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

from prefect.context import FlowRunContext

from tasks.readiness import check_clock, check_room
from tasks.step import catalog_of, warehouse_of
from vkflow.settings import Settings
from warehouse.catalogs import check_only_writer, only_writer
from warehouse.runs import finish_run, start_run


@contextmanager
def logged_run(settings: Settings, flow: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Be the only writer of the home; note start, end and counts of the run.

    Yields:
        The run's id, and a dictionary to put counts into; with ``warnings`` in it, the run is
        noted as completed with warnings.

    Raises:
        WriterLockedError: another run is at work.
        WriterLostError: another run has taken the lock meanwhile.
        NotReadyError: the disk is nearly full, or the clock has gone backwards.
    """
    with only_writer(catalog_of(settings), flow, settings.warehouse.wait_seconds):
        check_room(settings)
        run_id = _run_id()
        counts: dict[str, object] = {}
        with warehouse_of(settings) as connection:
            check_clock(connection)
            start_run(connection, run_id, flow, datetime.now(UTC))
        status = "failed"
        try:
            yield run_id, counts
            check_only_writer(catalog_of(settings))
            status = "completed with warnings" if counts.get("warnings") else "completed"
        finally:
            with warehouse_of(settings) as connection:
                finish_run(
                    connection, run_id, finished_at=datetime.now(UTC), status=status, counts=counts
                )


def _run_id() -> str:
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        return str(context.flow_run.id)
    return str(uuid4())
