"""What production installs is pinned with hashes, as the constraints have it."""

import json
import re
import runpy
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REQUIREMENTS = (ROOT / "deployments" / "requirements.txt").read_text(encoding="utf-8")
PINNED = dict(re.findall(r"^([\w.-]+)==(\S+) \\$", REQUIREMENTS, re.MULTILINE))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_package_has_a_hash() -> None:
    hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})$", REQUIREMENTS, re.MULTILINE)
    assert len(hashes) == len(PINNED) > 100


def test_versions_are_those_of_the_constraints() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    constraints = {normal(n): v for n, v in (line.split("==") for line in lines if "==" in line)}
    others = {
        name: (version, constraints[normal(name)])
        for name, version in PINNED.items()
        if constraints.get(normal(name), version) != version
    }
    assert others == {}


def test_everything_vkflow_needs_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {normal(re.split(r"[^\w.-]", line)[0]) for line in project["dependencies"]}
    assert needed - {normal(name) for name in PINNED} == set()


def test_requirements_are_made_from_the_report_of_pip() -> None:
    report = {
        "install": [
            {
                "metadata": {"name": "Some_Package", "version": "1.0"},
                "download_info": {"archive_info": {"hashes": {"sha256": "ab" * 32}}},
            },
            {
                "metadata": {"name": "vkflow", "version": "1"},
                "download_info": {"dir_info": {}, "archive_info": {}},
            },
        ]
    }
    done = subprocess.run(
        [sys.executable, ROOT / "deployments" / "pin.py"],
        input=json.dumps(report), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.endswith(f"some-package==1.0 \\\n    --hash=sha256:{'ab' * 32}\n")
    assert "vkflow==" not in done.stdout


def test_kept_advisories_are_found_and_none_applies_now() -> None:
    kept = runpy.run_path(str(ROOT / "deployments" / "audit.py"))["kept_advisories"]
    assert kept([("torch", "2.5.1"), ("jinja2", "3.1.6")]) == [("torch", "2.5.1", "CVE-2025-32434")]
    assert kept(list(PINNED.items())) == []


def test_of_every_kept_advisory_it_is_said_whether_it_was_tried() -> None:
    text = (ROOT / "deployments" / "advisories.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    silent = [line for line in lines if not re.search(r"  # (tried|not tried|read)\b", line)]
    assert len(lines) > 10 and silent == []


@pytest.mark.parametrize(
    ("results", "status", "said"),
    [
        ([{}] * len(PINNED), 0, "packages compared with OSV"),
        ([{"vulns": [{"id": "PYSEC-1"}]}, *[{}] * (len(PINNED) - 1)], 1, "PYSEC-1"),
        ([], 2, "NOT AUDITED"),
        (None, 2, "NOT AUDITED"),
    ],
    ids=["nothing", "a hole", "nonsense", "nobody answers"],
)
def test_audit_that_could_ask_nobody_is_none(
    results: list[dict] | None, status: int, said: str
) -> None:
    with answering(results) as address:
        code = (
            "import runpy, sys; from pathlib import Path; "
            f"source = Path({str(ROOT / 'deployments' / 'audit.py')!r}); "
            "text = source.read_text().replace('https://api.osv.dev/v1/querybatch', sys.argv[1]); "
            "exec(compile(text, str(source), 'exec'), "
            "{'__name__': '__main__', '__file__': str(source)})"
        )
        done = subprocess.run([sys.executable, "-c", code, address], capture_output=True, text=True)
    assert (done.returncode, said in done.stdout) == (status, True), done.stdout + done.stderr


@contextmanager
def answering(results: list[dict] | None) -> Iterator[str]:
    """An OSV on loopback that gives these results; the address of nobody for none."""
    if results is None:
        yield "http://127.0.0.1:1/"
        return

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"results": results}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
