"""Files behind URLs, from real servers on loopback that break off as often as they like."""

import hashlib
import http.server
import json
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pytest

from vkflow.errors import SettingsError, SourceError, TransientError
from vkflow.sources.dataset.remote import ATTEMPTS, Limits, download_once, is_remote
from vkflow.sources.dataset.source import DatasetSource

CONTENT = os.urandom(3_000_000)
HEADER = b"view,like,comment,hide,expand,open_photo,open,share_to_message,text,photo\n"


@dataclass
class FakeFiles:
    """What a file server has and does.

    Attributes:
        content: of the only file.
        etag: its version.
        breaks: bytes after which the next answers break off, one by one.
        statuses: of the next answers, in place of a file.
        knows_ranges: whether it can begin in the middle.
        asked: the ``Range`` of each request.
    """

    content: bytes = CONTENT
    etag: str = '"1"'
    breaks: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    knows_ranges: bool = True
    asked: list[str | None] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/data/posts.csv"


class Handler(http.server.BaseHTTPRequestHandler):
    files: FakeFiles
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        files, wanted = self.files, self.headers.get("Range")
        files.asked.append(wanted)
        if files.statuses:
            self.send_response(files.statuses.pop(0))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(re.findall(r"\d+", wanted)[0]) if wanted else 0
        is_part = start > 0 and files.knows_ranges and self.headers.get("If-Range") == files.etag
        if is_part and start >= len(files.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(files.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = files.content[start if is_part else 0 :]
        self.send_response(206 if is_part else 200)
        if is_part:
            end = len(files.content) - 1
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(files.content)}")
        self.send_header("ETag", files.etag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if files.breaks:
            self.wfile.write(body[: files.breaks.pop(0)])
            self.close_connection = True
        else:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def files() -> Iterator[FakeFiles]:
    made = FakeFiles()
    handler = type("FilesHandler", (Handler,), {"files": made})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    made.port = server.server_port
    yield made
    server.shutdown()
    server.server_close()


def download(address: str, folder: Path) -> Path:
    return download_once(address, folder, sleep=lambda seconds: None)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("https://x.ru/posts.csv", True),
        ("s3://bucket/posts.parquet", True),
        ("gdrive:1rDNY4tWT2g7Bzf_2ULdyRFD6FEDe2VWA", True),
        ("/data/posts.csv", False),
        ("posts:2.csv", False),
        ("C://posts.csv", False),
    ],
)
def test_addresses_are_told_from_paths(path: str, expected: bool):
    assert is_remote(path) is expected


def test_a_file_is_downloaded_once_with_its_size_and_checksum(files: FakeFiles, tmp_path: Path):
    first = download(files.url, tmp_path)
    assert first.read_bytes() == CONTENT
    assert first.name == "posts.csv"
    record = json.loads((first.parent / "download.json").read_text())
    assert record["size"] == len(CONTENT)
    assert record["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert record["address"] == files.url
    assert download(files.url, tmp_path) == first
    assert files.asked == [None]
    assert sorted(file.name for file in first.parent.iterdir()) == ["download.json", "posts.csv"]


def test_a_broken_download_goes_on_where_it_was(
    files: FakeFiles, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    files.breaks = [1_200_000, 700_000]
    assert download(files.url, tmp_path).read_bytes() == CONTENT
    assert files.asked[0] is None
    starts = [int(re.findall(r"\d+", asked or "")[0]) for asked in files.asked[1:]]
    assert 0 < starts[0] < starts[1] < len(CONTENT)
    assert "broke off, going on" in caplog.text


def test_another_run_goes_on_with_what_came(files: FakeFiles, tmp_path: Path):
    files.breaks = [1_500_000] + [0] * (ATTEMPTS - 1)
    with pytest.raises(TransientError, match=r"/data/posts.csv breaks off again and again"):
        download(files.url, tmp_path)
    before = len(files.asked)
    assert download(files.url, tmp_path).read_bytes() == CONTENT
    (asked,) = files.asked[before:]
    assert asked is not None and not asked.startswith("bytes=0-")


def test_a_file_that_changed_meanwhile_is_begun_anew(files: FakeFiles, tmp_path: Path):
    files.breaks = [1_500_000] + [0] * (ATTEMPTS - 1)
    with pytest.raises(TransientError):
        download(files.url, tmp_path)
    files.content, files.etag = CONTENT[::-1], '"2"'
    assert download(files.url, tmp_path).read_bytes() == CONTENT[::-1]


def test_a_server_that_can_only_begin_at_the_start_is_understood(files: FakeFiles, tmp_path: Path):
    files.breaks, files.knows_ranges = [1_500_000], False
    assert download(files.url, tmp_path).read_bytes() == CONTENT


def test_a_part_that_is_all_of_it_is_taken(files: FakeFiles, tmp_path: Path):
    whole = download(files.url, tmp_path)
    record = whole.parent / "download.json"
    record.write_text(json.dumps({"version": files.etag}))
    whole.rename(whole.with_name("posts.csv.part"))
    assert download(files.url, tmp_path).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(files: FakeFiles, tmp_path: Path):
    files.statuses = [503, 429, 500]
    assert download(files.url, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_told_at_once_without_the_secrets_of_the_address(
    files: FakeFiles, tmp_path: Path, status: int
):
    files.statuses = [status]
    url = files.url.replace("http://", "http://user:passw0rd@") + "?signature=s3cret"
    with pytest.raises(SourceError, match=f"the server answers {status}") as raised:
        download(url, tmp_path)
    assert "passw0rd" not in str(raised.value) and "s3cret" not in str(raised.value)
    assert len(files.asked) == 1


def test_no_secret_of_an_address_is_written_down(
    files: FakeFiles, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", logger="vkflow")
    url = files.url.replace("http://", "http://user:passw0rd@") + "?signature=s3cret"
    files.breaks = [1_000_000]
    written = download(url, tmp_path).parent / "download.json"
    download(url, tmp_path)
    said = written.read_text() + caplog.text
    assert "passw0rd" not in said and "s3cret" not in said
    assert "MiB downloaded" in said


def test_a_server_that_is_not_there_is_a_passing_error(tmp_path: Path):
    with pytest.raises(
        TransientError, match=r"127\.0\.0\.1:9/posts\.csv breaks off again and again"
    ):
        download("http://127.0.0.1:9/posts.csv", tmp_path)


def test_what_fsspec_knows_is_downloaded_too(tmp_path: Path):
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/posts.csv", CONTENT)
    file = download("memory://bucket/posts.csv", tmp_path)
    assert file.read_bytes() == CONTENT
    with pytest.raises(SourceError, match=r"memory://bucket/other\.csv .* there is no such file"):
        download("memory://bucket/other.csv", tmp_path)


@pytest.mark.parametrize("address", ["nonsense://x/posts.csv", "abfs://x/posts.csv"])
def test_an_address_nothing_here_can_open_is_a_wrong_setting(tmp_path: Path, address: str):
    with pytest.raises(SettingsError, match=address):
        download(address, tmp_path)


def test_a_data_set_may_be_a_url(files: FakeFiles, tmp_path: Path):
    files.content = HEADER + b"9,1,1,1,1,1,1,1,cat,\n"
    source = DatasetSource(files.url, tmp_path / "downloads")
    for _ in range(2):
        (chunk,) = source.fetch(None, datetime.now(UTC))
        assert chunk.posts["text"].to_list() == ["cat"]
    assert len(files.asked) == 1


def test_file_that_is_too_large_is_refused_by_its_size_and_by_what_comes(
    files: FakeFiles, tmp_path: Path
):
    with pytest.raises(SourceError, match="more than 1 MiB"):
        download_once(files.url, tmp_path, limits=Limits(max_bytes=2**20))
    assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) < 2**20


def test_download_that_takes_too_long_is_given_up_and_goes_on_later(
    files: FakeFiles, tmp_path: Path
):
    with pytest.raises(TransientError, match="the next run goes on"):
        download_once(files.url, tmp_path, limits=Limits(max_seconds=-1))
    assert download_once(files.url, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("address", ["https://[::1", "http://[zz]/posts.csv?key=s3cret"])
def test_address_that_is_none_is_a_wrong_setting(address: str, tmp_path: Path):
    with pytest.raises(SettingsError, match="is no URL") as error:
        download_once(address, tmp_path)
    assert "s3cret" not in str(error.value)
