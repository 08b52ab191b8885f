"""An object store that speaks S3, on loopback."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT = random.randint(2_000, 20_000)
"""Of S3; the next ones are its parts'. SeaweedFS names sockets in /tmp by them, so a store with
the same ports, be it in another network, would take them over."""
START_SECONDS = 180
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{PORT}",
}
"""To be set before: it is what every program finds the store by."""


@contextmanager
def running_object_store(folder: Path) -> Iterator[str]:
    """SeaweedFS with one bucket, whose URL is yielded."""
    command = [
        str(Path(sys.executable).with_name("weed")), f"-logdir={folder}", "server",
        "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", "-s3", f"-s3.port={PORT}",
        f"-master.port={PORT + 1}", f"-volume.port={PORT + 2}", f"-filer.port={PORT + 3}",
        "-volume.max=10", "-master.volumeSizeLimitMB=64",
    ]  # fmt: skip
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _make_bucket("vkflow")
        yield "s3://vkflow"
    finally:
        server.terminate()
        server.wait(60)


class _Failing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@contextmanager
def failing_object_store() -> Iterator[str]:
    """The endpoint of a store that is out of service."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Failing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _make_bucket(name: str) -> None:
    import s3fs

    end = time.monotonic() + START_SECONDS
    while True:
        try:
            s3fs.S3FileSystem(skip_instance_cache=True).mkdir(name)
            return
        except OSError:
            assert time.monotonic() < end, "SeaweedFS does not start"
            time.sleep(1)
