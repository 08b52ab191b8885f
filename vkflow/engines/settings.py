"""Settings of engines."""

from pydantic import Field

from vkflow.settings.section import Section


class RaySettings(Section):
    """How the engine ``ray`` works."""

    address: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]+:[0-9]{1,5}$",
        description="HOST:PORT of a Ray cluster; unset: one of this machine for the time of a step",
    )
    actors: int | None = Field(
        None, ge=1, description="workers at most; unset: as many as the cluster has room for"
    )
    gpus_per_actor: float = Field(
        1.0, gt=0, le=16, description="GPUs of a worker with a model, where the cluster has any"
    )
    stall_minutes: float = Field(
        30, gt=0, le=1440, description="time without a finished part after which the step fails"
    )
