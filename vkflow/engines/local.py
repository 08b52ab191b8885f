"""The engine of one machine: this process does the work, a part after the other."""

from collections.abc import Iterable, Iterator
from contextlib import closing

from vkflow.engines.engine import Job
from vkflow.engines.processing import PartProcessor


class LocalEngine:
    """Works with the worker that is here already. The first failure ends it."""

    def work(self, job: Job, names: Iterable[str]) -> Iterator[str]:
        """See :class:`vkflow.engines.engine.Engine`."""
        with closing(PartProcessor(job.parts, job.here, job.recruit)) as processor:
            for name in names:
                processor.process(name)
                yield name
