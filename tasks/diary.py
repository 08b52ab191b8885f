"""Note every run in the warehouse, however it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

from prefect.context import FlowRunContext

from tasks.step import warehouse_of
from vkflow.settings import Settings
from warehouse.runs import finish_run, start_run


@contextmanager
def noted_run(settings: Settings, flow: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Note start, end and counts of a run.

    Yields:
        The run's id, and a dictionary to put counts into.
    """
    run_id = _run_id()
    counts: dict[str, object] = {}
    with warehouse_of(settings) as connection:
        start_run(connection, run_id, flow, datetime.now(UTC))
    status = "failed"
    try:
        yield run_id, counts
        status = "completed"
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
