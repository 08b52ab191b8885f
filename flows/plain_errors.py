"""Errors made for people, in the log of a run: one line, as on the command line."""

import logging

from vkflow.errors import VkflowError
from warehouse.errors import WarehouseError

LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


def tell_errors_in_one_line() -> None:
    """For all runs of this process; once is enough."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(without_traceback)


def without_traceback(record: logging.LogRecord) -> bool:
    """An error made for people is told in one line; of all others the traceback is shown."""
    error = record.exc_info[1] if record.exc_info else None
    is_of_a_file = isinstance(error, OSError) and error.filename
    if isinstance(error, VkflowError | WarehouseError) or is_of_a_file:
        record.exc_info = None
        record.msg, record.args = "%s", (str(error),)
    return True
