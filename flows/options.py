"""Parameters of the flows: Prefect turns them into the form a person fills in."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from vkflow.settings import Settings, SourceName, load_settings


class RunOptions(BaseModel):
    """What a run does; everything else is a setting of the machine it runs on."""

    model_config = ConfigDict(extra="forbid")

    source: Literal["as in the settings", SourceName] = Field(
        "as in the settings", title="Source", description="Where posts come from."
    )
    path: str = Field(
        "",
        title="File",
        description="CSV or Parquet file, a folder of them, or a URL, for the source dataset. "
        "Empty: as in the settings.",
    )
    as_of: datetime | None = Field(
        None,
        title="As of",
        description="Run as if it were this moment, knowing nothing later. Empty: now.",
    )

    def settings(self) -> Settings:
        """The machine's settings with what was filled in."""
        overrides: dict[str, object] = {}
        if self.source != "as in the settings":
            overrides["source"] = self.source
        if self.path:
            overrides["dataset"] = {"path": self.path}
        return load_settings(**overrides)

    def moment(self) -> datetime:
        """The moment the run stands at, in UTC; a time without a zone is UTC."""
        moment = self.as_of or datetime.now(UTC)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
