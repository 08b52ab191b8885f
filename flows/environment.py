"""Defaults for Prefect on one machine; to be set before Prefect is imported."""

import os
from pathlib import Path


def prepare_prefect(home: Path) -> None:
    """Keep Prefect's files in the home, quiet and offline, unless the environment says else."""
    folder = (home / "prefect").resolve()
    folder.mkdir(parents=True, exist_ok=True)  # Prefect would not make the home above it
    defaults = {
        "PREFECT_HOME": str(folder),
        # The temporary server migrates its database first: the default of 20 s can be too short.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
