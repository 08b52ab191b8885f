"""Google Drive, played by a server on loopback that the proxy settings lead to."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.pictures import write_certificate
from vkflow.errors import SourceError, TransientError
from vkflow.sources.dataset import drive
from vkflow.sources.dataset.remote import download_once

CONTENT = b"view,like\n" + bytes(range(256)) * 8_000
FORM = (
    b'<html><form id="download-form" action="https://drive.usercontent.google.com/download">'
    b'<input type="hidden" name="id" value="ID"><input type="hidden" name="confirm" value="t">'
    b"</form></html>"
)


@dataclass
class FakeDrive:
    """Attributes: ``has_file``, where answers break off, and what was asked."""

    has_file: bool = True
    breaks: list[int] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)


class Handler(http.server.BaseHTTPRequestHandler):
    """A proxy that answers for every host itself."""

    drive: FakeDrive
    context: ssl.SSLContext
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb")
        self.close_connection = False
        self.handle_one_request()
        self.wfile.flush()

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.drive.asked.append((self.path, wanted))
        self.close_connection = True
        if "confirm" not in self.path or not self.drive.has_file:
            body = FORM if self.drive.has_file else b"<html>Sign in</html>"
            self._answer(200, body, {"Content-Type": "text/html"})
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        headers = {
            "Content-Type": "text/csv",
            "Content-Disposition": 'attachment; filename="posts.csv"',
            "ETag": '"1"',
        }
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        self._answer(206 if start else 200, CONTENT[start:], headers)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[: self.drive.breaks.pop(0)] if self.drive.breaks else body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def fake_drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDrive]:
    certificate = write_certificate(
        tmp_path / "drive.pem", ["drive.google.com", "drive.usercontent.google.com"]
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    made = FakeDrive()
    handler = type("DriveHandler", (Handler,), {"drive": made, "context": context})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("HOME", str(tmp_path / "nobody's home"))
    yield made
    server.shutdown()
    server.server_close()


def test_a_shared_file_is_downloaded_once_past_the_warning(fake_drive: FakeDrive, tmp_path: Path):
    for _ in range(2):
        file = download_once("gdrive:ID", tmp_path / "downloads")
        assert file.read_bytes() == CONTENT
    assert len(fake_drive.asked) == 2  # the warning, and the file
    assert not (tmp_path / "nobody's home").exists()


def test_a_broken_download_goes_on_where_it_was(fake_drive: FakeDrive, tmp_path: Path):
    fake_drive.breaks = [len(FORM), 1_500_000]
    assert download_once("gdrive:ID", tmp_path / "downloads").read_bytes() == CONTENT
    assert any(wanted for _, wanted in fake_drive.asked)


def test_another_run_goes_on_with_what_came(
    fake_drive: FakeDrive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(drive, "RETRIES", 0)
    fake_drive.breaks = [len(FORM), 1_500_000]
    with pytest.raises(TransientError, match="gdrive:ID breaks off"):
        download_once("gdrive:ID", tmp_path / "downloads")
    assert download_once("gdrive:ID", tmp_path / "downloads").read_bytes() == CONTENT
    (wanted,) = [wanted for _, wanted in fake_drive.asked if wanted]
    assert wanted != "bytes=0-"


def test_a_file_that_is_not_shared_is_told(fake_drive: FakeDrive, tmp_path: Path):
    fake_drive.has_file = False
    with pytest.raises(SourceError, match="gdrive:ID cannot be downloaded: there is no such file"):
        download_once("gdrive:ID", tmp_path / "downloads")
