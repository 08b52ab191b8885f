"""The engine of many machines: Ray Data keeps workers in actors and hands them the names of parts.

The only module that knows Ray. What is sent around are names; rows and results are files.
"""

import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from vkflow.engines.engine import Job, Recruit, WorkFailedError
from vkflow.engines.parts import PartFolder
from vkflow.engines.processing import PartProcessor
from vkflow.errors import SettingsError
from vkflow.settings import Settings
from vkflow.settings.sections import RaySettings

MAX_TRIES = 3
"""Actors that may die with a part. The second one works in a process of its own, so that a row to
blame kills that and not the actor: if they go on dying, the machines are to blame."""
STORE_BYTES = 128 * 2**20
"""Of Ray's object store on our own cluster: it holds names only."""
FREE_CPUS = 1
"""Where actors take all, the rest of a pipeline waits for ever without an error."""
KNOCK_SECONDS = 10
SIGNALS = (signal.SIGTERM, signal.SIGINT)

ANSWER = pa.schema([("part", pa.string()), ("error", pa.string())])


class RayEngine:
    """Has parts worked on by actors of the cluster that is open; see :func:`open_ray`."""

    def __init__(self, settings: RaySettings, *, may_use_gpus: bool) -> None:
        self._settings = settings
        self._may_use_gpus = may_use_gpus

    def work(self, job: Job, names: Iterable[str]) -> Iterator[str]:
        """See :class:`vkflow.engines.engine.Engine`.

        Raises:
            SettingsError: the cluster has no room for an actor.
            WorkFailedError: some parts failed, or nothing was finished for too long.
        """
        failed = {}
        for name, error in self._answers(job, list(names)):
            if error is None:
                yield name
            else:
                failed[name] = error
        if failed:
            name, error = next(iter(failed.items()))
            raise WorkFailedError(
                f"{len(failed)} parts of the work could not be done, such as {name} ({error}). "
                f"The others are stored; the next run tries these again."
            )

    def _answers(self, job: Job, names: Sequence[str]) -> Iterator[tuple[str, str | None]]:
        import ray.data
        from ray.data.exceptions import ExecutionTimeoutError

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_no_progress_timeout_s = 60 * self._settings.stall_minutes
        gpus, actors = self._actors(job, ray.cluster_resources(), len(names))
        # One part a block, and names: to read the parts, Ray would start dozens of readers.
        blocks = ray.data.from_arrow([pa.table({"part": [name]}) for name in names])
        answers = blocks.map_batches(
            _Actor,
            fn_constructor_args=(job.recruit, job.parts),
            batch_size=1,
            batch_format="pyarrow",
            num_cpus=1,
            num_gpus=gpus or None,
            compute=ray.data.ActorPoolStrategy(min_size=1, initial_size=actors, max_size=actors),
        )
        try:
            for row in answers.iter_rows():
                yield row["part"], row["error"]
        except ExecutionTimeoutError:
            failure = (
                f"no part of the work was finished for {self._settings.stall_minutes:g} minutes "
                f"(ray.stall_minutes): see whether the machines of the cluster live, and have "
                f"the CPUs and GPUs that actors ask for"
            )
        except ray.exceptions.RayError as error:
            failure = (
                f"Ray cannot work: {str(error).strip().splitlines()[-1]}. Every machine of the "
                f"cluster needs the same vkflow, and the same packages, as this one."
            )
        else:
            return
        # Out here, without the error: it holds objects of Ray, which must not outlive the cluster.
        raise WorkFailedError(failure)

    def _actors(self, job: Job, cluster: dict[str, float], parts: int) -> tuple[float, int]:
        """GPUs of an actor, and how many actors there may be."""
        gpus = 0.0
        room = int(cluster.get("CPU", 0)) - FREE_CPUS
        if job.wants_gpu and self._may_use_gpus and cluster.get("GPU", 0):
            gpus = self._settings.gpus_per_actor
            room = min(room, int(cluster["GPU"] / gpus))
        if room < 1:
            raise SettingsError(
                f"the Ray cluster has {cluster.get('CPU', 0):g} CPUs and {cluster.get('GPU', 0):g} "
                f"GPUs, too few for one actor with {gpus:g} GPUs and {FREE_CPUS} CPU beside it: "
                f"add machines, or set ray.gpus_per_actor or engine = local"
            )
        return gpus, min(room, parts, self._settings.actors or room)


@contextmanager
def open_ray(settings: Settings) -> Iterator[RayEngine]:
    """A cluster of this machine for the time of a step, or the one at ``ray.address``.

    Raises:
        SettingsError: Ray is not installed.
        WorkFailedError: the cluster does not answer.
    """
    with _connected(settings.ray):
        yield RayEngine(settings.ray, may_use_gpus=settings.device != "cpu")


def describe_ray(settings: RaySettings) -> str:
    """What the engine is and where, for people; raises as :func:`open_ray`."""
    ray = _import_ray(settings)
    if settings.address is None:
        return f"ray {ray.__version__}, on a cluster of this machine for the time of each step"
    with _connected(settings):
        nodes = sum(node["Alive"] for node in ray.nodes())
        resources = ray.cluster_resources()
    return (
        f"ray {ray.__version__}, the cluster at {settings.address} answers: {nodes} nodes, "
        f"{resources.get('CPU', 0):g} CPUs, {resources.get('GPU', 0):g} GPUs"
    )


class _Actor:
    """A worker in a process of the cluster.

    It answers with errors: one that is raised would end the work on all other parts.
    """

    def __init__(self, recruit: Recruit, parts: PartFolder) -> None:
        self._recruit, self._parts = recruit, parts
        self._processor: PartProcessor | None = None

    def __call__(self, batch: pa.Table) -> pa.Table:
        (name,) = batch["part"].to_pylist()
        return pa.table({"part": [name], "error": [self._error(name)]}, schema=ANSWER)

    def _error(self, name: str) -> str | None:
        try:
            if self._processor is None:
                self._processor = PartProcessor(
                    self._parts, self._recruit(), self._recruit, MAX_TRIES
                )
            self._processor.process(name)
        except Exception as error:
            detail = str(error).splitlines()[0] if str(error) else ""
            return f"{type(error).__name__}: {detail}"
        return None


@contextmanager
def _connected(settings: RaySettings) -> Iterator[None]:
    ray = _import_ray(settings)
    try:
        with _handlers_kept():
            if settings.address is None:
                _init_own(ray)
            else:
                _knock(settings.address)
                _init(ray, address=settings.address)
    except (OSError, RuntimeError, ValueError) as error:
        place = settings.address or "this machine"
        reason = str(error).splitlines()[0]
        raise WorkFailedError(f"the Ray cluster of {place} does not answer: {reason}") from None
    try:
        yield
    finally:
        with _handlers_kept():
            ray.shutdown()


def _knock(address: str) -> None:
    """Ray would wait for minutes for an address where nobody is.

    Raises:
        OSError: nobody is there.
    """
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()


def _init_own(ray: Any) -> None:
    # "local" is a new one; without it whatever else runs here would be joined.
    _init(
        ray,
        address="local",
        num_cpus=(os.cpu_count() or 1) + FREE_CPUS,
        include_dashboard=False,
        object_store_memory=STORE_BYTES,
    )


def _init(ray: Any, **arguments: object) -> None:
    ray.init(logging_level=logging.WARNING, log_to_driver=False, **arguments)
    logging.getLogger("ray.data").setLevel(logging.WARNING)


def _import_ray(settings: RaySettings) -> Any:
    """Ray, which reads these variables when it is imported."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Whatever still runs in the background when the cluster is gone would start another one.
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
    # Unset, Ray takes the parent of this process for its node manager and, where that is process 1
    # (in a container, under systemd), for dead: at a lost message it ended the run without a word.
    os.environ["RAY_RAYLET_PID"] = str(os.getpid())
    if settings.address is None:
        # A cluster of our own listens on every interface there is, and is to answer us alone.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
        import ray.data
    except ImportError:
        raise SettingsError(
            "engine = ray needs the package ray: `pip install 'vkflow[ray]'`, or set engine = local"
        ) from None
    return ray


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Ray puts its own handler of signals in place of Prefect's, which cancels runs."""
    if threading.current_thread() is not threading.main_thread():
        yield  # where Ray leaves them alone, too
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
