"""Parameters of the flows: Prefect turns them into the form a person fills in."""

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from vkflow.errors import SettingsError
from vkflow.settings import Settings, SourceName, load_settings
from vkflow.sources.validation import FIRST_DAY

CLOCK_SKEW = timedelta(minutes=5)
"""A moment the form was filled in with may lie ahead of this machine's clock by so much."""


WITHOUT_SECRETS = r"^(?![A-Za-z][A-Za-z0-9+.-]*://(?:[^/]*@|[^?#]*[?#]))"
"""No URL with a user, a password or parameters."""


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
        "Empty: as in the settings. A URL with a password or signature belongs there.",
        json_schema_extra={"pattern": WITHOUT_SECRETS},
    )
    as_of: datetime | None = Field(
        None,
        title="As of",
        description="Run as if it were this moment, knowing nothing later. Empty: now.",
    )

    def settings(self) -> Settings:
        """The machine's settings with what was filled in.

        Raises:
            SettingsError: one of them is wrong, or the moment lies in the future.
        """
        self.moment()
        if not re.search(WITHOUT_SECRETS, self.path):
            raise SettingsError(
                "a URL with a user, a password or parameters would be kept with the run, and shown "
                "in the list of processes: set VKFLOW_DATASET__PATH instead of --path"
            )
        overrides: dict[str, object] = {}
        if self.source != "as in the settings":
            overrides["source"] = self.source
        if self.path:
            overrides["dataset"] = {"path": self.path}
        return load_settings(**overrides)

    def moment(self) -> datetime:
        """The moment the run stands at, in UTC; a time without a zone is UTC.

        Raises:
            SettingsError: it lies in the future, and what is noted with it would be newer than
                everything the next nights find, or before all posts.
        """
        now = datetime.now(UTC)
        if self.as_of is None:
            return now
        try:
            given = self.as_of if self.as_of.tzinfo else self.as_of.replace(tzinfo=UTC)
            moment = given.astimezone(UTC)
        except OverflowError:
            raise SettingsError(f"as-of {self.as_of} is no moment a run can stand at") from None
        if moment > now + CLOCK_SKEW:
            raise SettingsError(
                f"as-of {moment:%Y-%m-%d %H:%M} UTC lies in the future; it is "
                f"{now:%Y-%m-%d %H:%M} UTC now. Later nights would find everything known already."
            )
        if moment < FIRST_DAY:
            raise SettingsError(f"as-of {moment:%Y-%m-%d} UTC lies before VK existed")
        return moment
