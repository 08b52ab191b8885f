"""Prefect's server, guarded: ``python -m flows.prefect_server``.

It asks for the user and password of ``PREFECT_SERVER_API_AUTH_STRING``, checks CSRF tokens, and
answers only to the hosts, and only pages, of ``PREFECT_SERVER_CORS_ALLOWED_ORIGINS``: by default
its own address. It shows the reports of the home, too. What it writes only its user can read.
"""

import argparse
import os
import socket
import sys

from flows.guard import Guard
from flows.malformed import RefuseMalformed
from flows.parent import end_with_parent
from flows.served_pages import ServedPages
from flows.sqlite_writers import let_writers_take_turns
from vkflow.errors import SettingsError
from vkflow.settings import load_settings

HOST = "127.0.0.1"
AUTH, ORIGINS = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_SERVER_CORS_ALLOWED_ORIGINS"


def main() -> None:
    """Serve until told to stop, on this machine only; says at once on which port that will be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=4200, help="0: any that is free")
    parser.add_argument("--temporary", action="store_true", help="for one run: no UI, no scheduler")
    parser.add_argument("--bound", action="store_true", help="end when standard input ends")
    arguments = parser.parse_args()
    os.umask(0o077)
    try:
        _serve(arguments.port, is_temporary=arguments.temporary, is_bound=arguments.bound)
    except (SettingsError, OSError, OverflowError, ValueError) as error:  # of a port, an origin
        sys.exit(f"Prefect's server cannot start: {error}")


def _serve(port: int, *, is_temporary: bool, is_bound: bool) -> None:
    if not os.environ.get(AUTH, "").partition(":")[2]:
        raise SettingsError(f"{AUTH} must be user:password, or everybody here could run commands")
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        # Nobody can connect yet; the one who started it goes on, while this takes seconds.
        print(listening.getsockname()[1], flush=True)  # noqa: T201
        origins = _prepared(listening.getsockname()[1], is_temporary)
        # Only now: Prefect reads its settings when it is imported.
        import uvicorn
        from prefect.server.api.server import create_app

        let_writers_take_turns()
        known = os.environ[AUTH]
        application = RefuseMalformed(create_app(final=True), known)
        pages = ServedPages(application, load_settings().reports_directory, known)
        server = uvicorn.Server(uvicorn.Config(Guard(pages, origins), log_level="warning"))
        if is_bound:
            end_with_parent(lambda: setattr(server, "should_exit", True))
        server.run(sockets=[listening])


def _prepared(port: int, is_temporary: bool) -> list[str]:
    """Set what Prefect's server must know; returns the addresses of its pages."""
    if os.environ.get(ORIGINS, "*") == "*":
        os.environ[ORIGINS] = f"http://{HOST}:{port},http://localhost:{port}"
    os.environ["PREFECT_SERVER_CSRF_PROTECTION_ENABLED"] = "true"
    os.environ.setdefault("PREFECT_UI_API_URL", f"http://{HOST}:{port}/api")
    if is_temporary:
        os.environ |= {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1"}
    return [origin.strip() for origin in os.environ[ORIGINS].split(",")]


if __name__ == "__main__":
    main()
