"""Prefect's server as ``vkflow serve`` and runs by hand start it, seen by a stranger."""

import base64
import json
import os
import re
import secrets
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from uuid import UUID

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from flows.authentication import auth_string, private_folder
from flows.malformed import OF_RUNS

ROOT = Path(__file__).parents[2]
EVIL = "https://evil.example"


@dataclass(frozen=True)
class Server:
    port: int
    known: str
    home: Path
    log: Path

    def ask(
        self, method: str, path: str, *, signed_in: bool, body: object = None,
        raw: str | None = None, **headers: str,
    ) -> httpx.Response:  # fmt: skip
        if signed_in:
            token = base64.b64encode(self.known.encode()).decode()
            headers["Authorization"] = f"Basic {token}"
        url = f"http://127.0.0.1:{self.port}/api{path}"
        content = raw if body is None else json.dumps(body)
        return httpx.request(method, url, headers=headers, timeout=300, content=content)

    def csrf(self) -> dict[str, str]:
        client = secrets.token_hex(8)
        answer = self.ask("GET", f"/csrf-token?client={client}", signed_in=True)
        token = answer.raise_for_status().json()["token"]
        return {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": client}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    folder = private_folder(home)
    known, _ = auth_string(folder)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_API_AUTH_STRING": known,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    log = home / "log"
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.prefect_server", "--port", "0", "--temporary", "--bound"],
        env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=log.open("w"), text=True,
    )  # fmt: skip
    try:
        port = int(process.stdout.readline())
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/api/health").is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        yield Server(port, known, home, log)
    finally:
        process.stdin.close()
        assert process.wait(timeout=60) == 0, "it did not end with the one who started it"


def test_nobody_gets_in_without_the_password(server: Server) -> None:
    assert server.ask("POST", "/flows/filter", signed_in=False, **server.csrf()).status_code == 401
    secret = "/block_documents/name/vkflow-vk-token?include_secrets=true"
    assert server.ask("GET", secret, signed_in=False).status_code == 401


def test_who_signs_in_and_has_a_token_against_forgery_is_answered(server: Server) -> None:
    assert server.ask("POST", "/flows/filter", signed_in=True, **server.csrf()).status_code == 200
    assert server.ask("POST", "/flows/filter", signed_in=True).status_code == 403


@pytest.mark.parametrize("origin", [EVIL, "null", "http://127.0.0.1:1", "http://localhost.evil"])
def test_page_of_somebody_else_is_refused_even_with_the_password(
    server: Server, origin: str
) -> None:
    answer = server.ask("POST", "/flows/filter", signed_in=True, Origin=origin, **server.csrf())
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_preflight_of_a_foreign_page_allows_nothing(server: Server) -> None:
    answer = server.ask(
        "OPTIONS", "/flows/filter", signed_in=False,
        **{"Origin": EVIL, "Access-Control-Request-Method": "POST"},
    )  # fmt: skip
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_its_own_page_is_answered_also_through_a_tunnel(server: Server) -> None:
    for host in (f"127.0.0.1:{server.port}", f"localhost:{server.port}", "localhost:8080"):
        headers = {"Host": host, "Origin": f"http://{host}", **server.csrf()}
        assert server.ask("POST", "/flows/filter", signed_in=True, **headers).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:4200", "127.0.0.1.evil.example", "127.0.0.1@evil", ""),
        "127.0.0.1/api/health?",  # as if that were the path, for which no password is asked
    ],
)
def test_foreign_host_is_refused(server: Server, host: str) -> None:
    answer = server.ask("GET", "/health", signed_in=False, Host=host)
    assert answer.status_code in (400, 421)


def test_foreign_page_opens_no_web_socket(server: Server) -> None:
    url = f"ws://127.0.0.1:{server.port}/api/events/in"
    with pytest.raises(InvalidStatus) as refused:
        connect(url, origin=EVIL, subprotocols=["prefect"], proxy=None)
    assert refused.value.response.status_code == 403


GARBAGE = ["garbage", b"\xff\0", "[]", "null", '{"type": "auth", "token": "ж"}', "[" * 100_000]
SOCKETS = ["/events/in", "/events/out", "/logs/out", "/work_pools/vkflow/workers/connect"]


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("message", GARBAGE, ids=lambda message: repr(message)[:12])
def test_garbage_at_a_web_socket_is_at_most_one_line_of_the_log(
    server: Server, path: str, message: str | bytes
) -> None:
    before = server.log.read_text()
    url = f"ws://127.0.0.1:{server.port}/api{path}"
    with connect(url, subprotocols=["prefect"], proxy=None) as socket:
        socket.send(message)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=10)
    said = server.log.read_text()[len(before) :].splitlines()
    assert len(said) <= 1 and all(path in line for line in said)


def test_who_has_signed_in_and_sends_garbage_is_cut_off_in_one_line(server: Server) -> None:
    before = server.log.read_text()
    with connect(
        f"ws://127.0.0.1:{server.port}/api/events/in", subprotocols=["prefect"], proxy=None
    ) as socket:
        socket.send(json.dumps({"type": "auth", "token": server.known}))
        assert json.loads(socket.recv(timeout=10)) == {"type": "auth_success"}
        socket.send("garbage")
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=10)
    (line,) = server.log.read_text()[len(before) :].splitlines()
    assert "/events/in was closed" in line


@pytest.fixture(scope="module")
def deployment(server: Server) -> str:
    """Path of a deployment's runs."""
    new = {"body": {"name": "some"}, "signed_in": True, **server.csrf()}
    flow = server.ask("POST", "/flows/", **new).raise_for_status().json()["id"]
    new["body"] = {"name": "some", "flow_id": flow}
    made = server.ask("POST", "/deployments/", **new).raise_for_status().json()
    return f"/deployments/{made['id']}/create_flow_run"


NO_TEXT = "U+0000, or half a character, is no text: remove it."


@pytest.mark.parametrize(
    "body",
    [
        {"parameters": {"text": "a\0b"}},
        {"parameters": {"te\0xt": "a"}},
        {"parameters": {"deep": [{"er": ["\ud800"]}]}},
        {"name": "a\0"},
    ],
)
def test_what_is_no_text_is_refused_in_a_sentence_the_form_can_show(
    server: Server, deployment: str, body: dict
) -> None:
    answer = server.ask("POST", deployment, signed_in=True, body=body, **server.csrf())
    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["msg"] == NO_TEXT


NUMBER, DEEP = "Infinity, NaN, or an integer beyond", "nested deeper than anything"
BODIES = {
    "nan": ('{"limit": NaN}', NUMBER),
    "infinity": ('{"limit": [-1e999]}', NUMBER),
    "64 bits": ('{"offset": 9223372036854775808}', NUMBER),
    "page": ('{"page": 4611686018427387904}', NUMBER),
    "deep": ('{"name": ' + "[" * 300 + '"a\\u0000"' + "]" * 300 + "}", DEEP),
    "very deep": ('{"name": ' + "[" * 100_000, DEEP),
}


@pytest.mark.parametrize("path", ["/flow_runs/paginate", "/logs/", "/flow_runs/{id}/set_state"])
@pytest.mark.parametrize("body", BODIES)
def test_what_prefect_would_fail_at_is_refused(server: Server, path: str, body: str) -> None:
    sent, message = BODIES[body]
    answer = server.ask(
        "POST", path.replace("{id}", str(UUID(int=0))), signed_in=True, raw=sent, **server.csrf()
    )
    assert answer.status_code == 422
    assert message in answer.json()["exception_detail"][0]["msg"]


def test_second_password_is_not_looked_at(server: Server) -> None:
    """What is said to nobody's password would not be read, but the first one is right."""
    token = base64.b64encode(server.known.encode()).decode()
    headers = [("Authorization", f"Basic {token}"), ("Authorization", "Basic eA==")]
    answer = httpx.post(
        f"http://127.0.0.1:{server.port}/api/logs/",
        headers=[*headers, *server.csrf().items()],
        content='{"limit": NaN}',
    )
    assert answer.status_code == 422


def test_a_backslash_before_digits_is_text(server: Server, deployment: str) -> None:
    body = {"parameters": {"text": r"\u0000 \ud800", "number": 1e300, "none": None, "true": True}}
    answer = server.ask("POST", deployment, signed_in=True, body=body, **server.csrf())
    assert answer.status_code == 201
    assert answer.json()["parameters"] == body["parameters"]


def test_a_run_that_is_larger_than_any_is_refused(server: Server, deployment: str) -> None:
    body = {"parameters": {"text": "a" * 2**24}}
    answer = server.ask("POST", deployment, signed_in=True, body=body, **server.csrf())
    assert answer.status_code == 422 and "16 MiB" in answer.text


NUL = "a\0b"
PLACES = {
    "path": lambda path: (re.sub(r"{[^}]*}", "a%00b", path), {}),
    "query": lambda path: (f"{re.sub('{[^}]*}', str(UUID(int=0)), path)}?name=a%00b", {}),
    "value": lambda path: (re.sub(r"{[^}]*}", str(UUID(int=0)), path), {"name": [{"a": NUL}]}),
    "name": lambda path: (re.sub(r"{[^}]*}", str(UUID(int=0)), path), {NUL: 1}),
    "half": lambda path: (re.sub(r"{[^}]*}", str(UUID(int=0)), path), ["\ud800"]),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_route_takes_what_is_no_text(server: Server, place: str) -> None:
    """Nor does any answer that the server is at fault, after which clients ask again and again."""
    routes = server.ask("GET", "/openapi.json", signed_in=True).json()["paths"]
    asked = [
        (method.upper(), *PLACES[place](path.removeprefix("/api")))
        for path, methods in routes.items()
        for method, route in methods.items()
        if (place != "path" or "{" in path)
        and (place in ("path", "query") or "requestBody" in route)
    ]
    token = server.csrf()
    said = [
        (method, path, server.ask(method, path, signed_in=True, body=body or None, **token))
        for method, path, body in asked
    ]
    assert len(said) > 50
    is_body = place not in ("path", "query")
    of_runs = [answer for _, path, answer in said if is_body and OF_RUNS.fullmatch(f"/api{path}")]
    assert len(of_runs) == is_body * 7
    assert [a.text for a in of_runs if a.is_server_error or NO_TEXT in a.text] == []
    assert [
        (m, p, a.text)
        for m, p, a in said
        if a not in of_runs and (a.status_code != 422 or NO_TEXT not in a.text)
    ] == []


FAILS = r"""
from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact

@task
def break_off():
    raise ValueError("a\0b")

@flow
def tell():
    get_run_logger().info("said a\0b")
    create_markdown_artifact("a\0b", key="told")
    break_off()

tell()
"""


def test_run_whose_error_has_a_nul_ends_and_nothing_it_told_is_lost(
    server: Server, tmp_path: Path
) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
        "PREFECT_HOME": str(tmp_path),
        "PREFECT_API_URL": f"http://127.0.0.1:{server.port}/api",
        "PREFECT_API_AUTH_STRING": server.known,
    }
    done = subprocess.run(
        [sys.executable, "-c", FAILS], env=environment, capture_output=True, text=True, timeout=120
    )
    assert "ValueError" in done.stderr

    def told(kind: str, text: Callable[[dict], str]) -> None:
        """Of tasks and logs the server hears a little later."""
        deadline, said = time.monotonic() + 30, []
        while not any(each.endswith(r"a\x00b") for each in said):
            assert time.monotonic() < deadline, (kind, said)
            found = server.ask("POST", f"/{kind}/filter", signed_in=True, body={}, **server.csrf())
            said = [text(each) for each in found.raise_for_status().json()]
            time.sleep(0.2)

    def state(run: dict) -> str:
        return f"{run['state']['type']} {run['state']['message']}"

    told("flow_runs", state)
    told("artifacts", lambda artifact: str(artifact["data"]))
    told("logs", lambda log: log["message"])
    told("task_runs", state)


def test_no_socket_has_an_address_that_is_no_text(server: Server) -> None:
    url = f"ws://127.0.0.1:{server.port}/api/events/in?a=%00"
    with pytest.raises(InvalidStatus) as refused:
        connect(url, subprotocols=["prefect"], proxy=None)
    assert refused.value.response.status_code == 403


def test_header_with_a_nul_is_refused(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\0b\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_page_with_a_nul_is_refused_to_strangers_as_well(server: Server) -> None:
    url = f"http://127.0.0.1:{server.port}/assets/a%00b"
    assert httpx.get(url).status_code == 422


def test_what_a_stranger_sends_is_not_read(server: Server, deployment: str) -> None:
    body = {"parameters": {"text": "a\0" * 2**23}}
    answer = server.ask("POST", deployment, signed_in=False, body=body, **server.csrf())
    assert answer.status_code == 401


def test_thirteen_runs_that_are_started_at_once_are_all_there(
    server: Server, deployment: str
) -> None:
    def start(_: int) -> int:
        forgery = server.csrf()
        both.wait()
        return server.ask("POST", deployment, signed_in=True, body={}, **forgery).status_code

    both = Barrier(13)
    with ThreadPoolExecutor(13) as people:
        assert list(people.map(start, range(13))) == [201] * 13


def test_pages_are_shown_in_no_frame(server: Server) -> None:
    answer = server.ask("GET", "/health", signed_in=False)
    assert answer.headers["content-security-policy"] == "frame-ancestors 'none'"


def test_what_it_keeps_is_for_its_user_alone(server: Server) -> None:
    folder = server.home / "prefect"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert "prefect.db" in modes
    assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}


def test_server_without_a_password_does_not_start() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    done = subprocess.run(
        [sys.executable, "-m", "flows.prefect_server", "--port", "0"],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "PREFECT_SERVER_API_AUTH_STRING must be user:password" in done.stderr


@pytest.mark.night
def test_server_of_a_run_that_is_killed_ends_with_it(tmp_path: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
        "VKFLOW_HOME": str(tmp_path / "home"),
    }
    command = (
        "from pathlib import Path; from flows.running import load_flow; import time; "
        f"load_flow('publish', Path({str(tmp_path / 'home')!r})); print('up', flush=True); "
        "time.sleep(600)"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", command], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout.readline() == "up\n"
    children = psutil.Process(run.pid).children(recursive=True)
    assert any("flows.prefect_server" in child.cmdline() for child in children)
    run.send_signal(signal.SIGKILL)
    run.wait()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive


@pytest.mark.parametrize(
    ("port", "origins", "message"),
    [("99999", "*", "port must be 0-65535"), ("0", "http://[::1", "Invalid IPv6 URL")],
)
def test_port_or_origin_that_is_none_is_one_line(port: str, origins: str, message: str) -> None:
    environment = {
        "PREFECT_SERVER_API_AUTH_STRING": "a:b", "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": origins
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "flows.prefect_server", "--port", port],
        env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert message in done.stderr and done.stderr.count("\n") == 1
