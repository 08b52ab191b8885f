"""Delete what is no longer needed: old snapshots, bundles, pictures, reports. A dry run first."""

from dataclasses import asdict
from datetime import UTC, datetime

from prefect import flow
from prefect.artifacts import create_table_artifact
from pydantic import BaseModel, ConfigDict, Field

from tasks.maintaining import maintain_home
from tasks.run_log import logged_run
from vkflow.settings import load_settings
from vkflow.settings.section import MAX_DAYS


class MaintenanceOptions(BaseModel):
    """What to delete."""

    model_config = ConfigDict(extra="forbid")

    older_than_days: int = Field(
        180,
        ge=1,
        le=MAX_DAYS,
        title="Older than (days)",
        description="Nothing younger is touched.",
    )
    dry_run: bool = Field(
        True, title="Dry run", description="Only tell what would be deleted. Off: delete it."
    )


@flow(name="maintenance", description=__doc__)
def maintenance(
    options: MaintenanceOptions = MaintenanceOptions(),  # noqa: B008
) -> list[dict[str, object]]:
    """Tell or delete; returns a row for each kind of thing: kind, number, bytes."""
    settings = load_settings()
    with logged_run(settings, "maintenance") as (_, counts):
        found = maintain_home(
            settings, datetime.now(UTC), options.older_than_days, dry_run=options.dry_run
        )
        rows = [asdict(kind) for kind in found]
        counts |= {"dry_run": options.dry_run, "found": rows}
    verb = "Would be deleted" if options.dry_run else "Deleted"
    create_table_artifact(rows, key="maintenance", description=verb)
    return rows
