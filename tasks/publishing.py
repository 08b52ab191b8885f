"""Publish the snapshot for people with SQL."""

from pathlib import Path

from tasks.step import run_logger, step, warehouse_of
from vkflow.settings import Settings
from warehouse.publishing import publish


@step("publish snapshot")
def publish_snapshot(settings: Settings) -> Path:
    """Replace the published snapshot by tonight's tables; returns its path."""
    with warehouse_of(settings) as connection:
        publish(connection, settings.snapshot_file, with_vectors=settings.publish.vectors)
    run_logger().info("published %s", settings.snapshot_file)
    return settings.snapshot_file
