"""Defaults for Prefect on one machine; to be set before Prefect is imported."""

import os
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from flows.authentication import auth_string, private_folder


def prepare_prefect(home: Path) -> Path:
    """Keep Prefect's files in the home, quiet and offline, unless the environment says else.

    Its server, temporary or not, asks for the auth string of the home; a server on another
    machine has one of its own, and is never told this one.

    Returns:
        The folder of Prefect's files.
    """
    folder = private_folder(home)
    defaults = {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    }
    if _is_here(os.environ.get("PREFECT_API_URL")):
        known, _ = auth_string(folder)
        defaults |= {"PREFECT_SERVER_API_AUTH_STRING": known, "PREFECT_API_AUTH_STRING": known}
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    return folder


def _is_here(url: str | None) -> bool:
    if not url:
        return True  # there will be a temporary server
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
