"""Run the tests marked ``scale``, and the warehouse's on DuckLakes, on loopback alone.

``make test-scale`` makes the network; without one the tests of Ray are skipped.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

SIOCSIFFLAGS, UP, RUNNING = 0x8914, 0x1, 0x40

if __name__ == "__main__":
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", UP | RUNNING))
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])  # actors import tests.fakes
    # On a busy machine a worker may take minutes to start.
    os.environ["RAY_worker_register_timeout_seconds"] = "900"  # noqa: SIM112 - Ray's own name
    status = pytest.main(["-m", "scale", *(sys.argv[1:] or ["tests/scale"])])
    if not sys.argv[1:]:  # and the tables of the warehouse's tests in DuckLakes
        lakes = [sys.executable, "-m", "pytest", "--lake", "s3", "-m", "not slow"]
        status = status or subprocess.run([*lakes, "tests/warehouse"], check=False).returncode
    sys.exit(status)
