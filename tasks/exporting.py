"""Export: the published predictions into a table of somebody's database."""

from tasks.step import run_logger, step
from vkflow.databases.exporting import write_tables
from vkflow.errors import SettingsError
from vkflow.settings import Settings
from warehouse.exporting import LONG, OWNERS, WIDE, published_rows

BATCH_ROWS = 20_000


@step("export predictions")
def export_predictions(settings: Settings) -> dict[str, int]:
    """Replace the rows of all tables by what is published; returns the rows by table."""
    export = settings.export
    if export.url is None:
        raise SettingsError(
            "export needs the SQLAlchemy URL of a database to write to: set VKFLOW_EXPORT__URL"
        )
    names = (export.wide_table, export.long_table, export.owners_table)
    if len(set(names)) < len(names):
        raise SettingsError(
            "export.wide_table, export.long_table and export.owners_table must be different tables"
        )
    written = write_tables(
        export.url,
        {
            export.wide_table: published_rows(settings.snapshot_file, WIDE, BATCH_ROWS),
            export.long_table: published_rows(settings.snapshot_file, LONG, BATCH_ROWS),
            export.owners_table: published_rows(settings.snapshot_file, OWNERS, BATCH_ROWS),
        },
        export.schema_name,
    )
    run_logger().info(
        "exported %s", ", ".join(f"{n} rows to {name}" for name, n in written.items())
    )
    return written
