"""A server for the tests of a module, with a home of few posts."""

import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.serving import ROOT, VKFLOW, Served, signed_in


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, tiny_encoder_directory: Path
) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("served")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
        "VKFLOW_HOME": str(home),
        "VKFLOW_TRAINING__ITERATIONS": "50",
        "VKFLOW_TEXT__ENCODER": str(tiny_encoder_directory),
        "PYTHONUNBUFFERED": "1",
    }
    subprocess.run(
        [*VKFLOW, "sample", "--posts", "700", "--owners", "15"],
        env=environment, cwd=ROOT, check=True,
    )  # fmt: skip
    process = subprocess.Popen(
        [*VKFLOW, "serve", "--port", str(port)],
        env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        told = next(line for line in process.stdout if line.startswith("To sign in, enter "))
        known = re.fullmatch(r"To sign in, enter (\S+) \(user \w+, password \S+\)\.\n", told)[1]
        line = next(line for line in process.stdout if line.startswith("Open "))
        url = line.split()[1]
        # Nobody else reads it: a full pipe would stop whoever writes the next line.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        environment["PREFECT_API_AUTH_STRING"] = known
        yield Served(url, signed_in(url, known), process, environment, known)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=90)
