"""Parameters of the flows: Prefect turns them into the form a person fills in."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from vkflow.settings import Settings, SourceName, load_settings


class RunOptions(BaseModel):
    """What a run does; everything else is a setting of the machine it runs on."""

    model_config = ConfigDict(extra="forbid")

    source: SourceName | None = Field(
        None, title="Source", description="Where posts come from. Empty: as in the settings."
    )
    path: str | None = Field(
        None,
        title="File",
        description="CSV or Parquet file, a folder of them, or a URL, for the source dataset.",
    )
    as_of: datetime | None = Field(
        None,
        title="As of",
        description="Run as if it were this moment, knowing nothing later. Empty: now.",
    )

    def settings(self) -> Settings:
        """The machine's settings with what was filled in."""
        overrides: dict[str, object] = {}
        if self.source is not None:
            overrides["source"] = self.source
        if self.path is not None:
            overrides["dataset"] = {"path": self.path}
        return load_settings(**overrides)

    def moment(self) -> datetime:
        """The moment the run stands at, in UTC; a time without a zone is UTC."""
        moment = self.as_of or datetime.now(UTC)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
