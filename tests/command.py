"""The command ``vkflow``, run as a person does, or in the process of the tests."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from prefect.settings import PREFECT_API_URL


def vkflow(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, which takes some seconds to begin."""
    return subprocess.run(
        [sys.executable, "-c", "from flows.command_line import main; main()", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **_variables(home), **environment},
    )


def vkflow_here(
    *arguments: str, home: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """In this process, where everything is imported: for what a command says and does.

    Needs the fixture ``prefect_server``: a server that the command started would stay.
    """
    from flows.command_line import main

    assert PREFECT_API_URL.value(), "the fixture prefect_server is missing"
    status, out, err = 0, io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, {**_variables(home), **environment}),
        mock.patch.object(sys, "argv", ["vkflow", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


def _variables(home: Path) -> dict[str, str]:
    return {"VKFLOW_HOME": str(home), "COLUMNS": "200"}
