"""What links of artifacts lead to: reports of the home, for those who know the password."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from flows.served_pages import ServedPages
from tasks.pages import address_of
from vkflow.settings import load_settings

KNOWN = ("vkflow", "пароль")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    """Of a server whose home has two pages, and a file beside the reports."""
    (tmp_path / "reports" / "drafts").mkdir(parents=True)
    (tmp_path / "reports" / "latest.html").write_text("<p>night", encoding="utf-8")
    (tmp_path / "reports" / "drafts" / "2026-11-30-180000.html").write_text("<p>draft")
    (tmp_path / "secret.html").write_text("<p>secret")
    behind = Starlette(
        routes=[Route("/{path:path}", lambda request: PlainTextResponse(request.url.path))]
    )
    with TestClient(ServedPages(behind, tmp_path / "reports", ":".join(KNOWN))) as found:
        yield found


@pytest.mark.parametrize(
    ("path", "said"),
    [("latest.html", "<p>night"), ("drafts/2026-11-30-180000.html", "<p>draft")],
)
def test_a_report_is_shown_to_who_knows_the_password_and_runs_nothing(
    client: httpx.Client, path: str, said: str
) -> None:
    answer = client.get(f"/reports/{path}", auth=KNOWN)
    assert answer.status_code == 200 and answer.text == said
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("auth", [None, ("vkflow", "other"), ("vkflow", "")])
def test_a_stranger_is_asked_for_the_password(
    client: httpx.Client, auth: tuple[str, str] | None
) -> None:
    answer = client.get("/reports/latest.html", auth=auth)
    assert answer.status_code == 401 and "night" not in answer.text
    assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "path",
    [
        "/reports/%2e%2e/secret.html", "/reports/..%2fsecret.html", "/reports/drafts/../latest",
        "/reports/drafts/%2e%2e/%2e%2e/secret.html", "/reports/none.html", "/reports/",
        "/reports/%00.html", "/reports//etc/passwd",
    ],
)  # fmt: skip
def test_nothing_but_reports_is_shown(client: httpx.Client, path: str) -> None:
    answer = client.get(path, auth=KNOWN)
    assert answer.status_code == 404 and "secret" not in answer.text
    assert "home of the worker" in answer.text


@pytest.mark.parametrize("name", ["latest.html", "drafts/page.html"])
def test_links_pipes_and_folders_among_the_reports_are_not_followed(
    client: httpx.Client, tmp_path: Path, name: str
) -> None:
    page = tmp_path / "reports" / name
    page.unlink(missing_ok=True)
    for target in (tmp_path / "secret.html", "/dev/zero", page, "nowhere"):
        page.symlink_to(target)
        assert client.get(f"/reports/{name}", auth=KNOWN).status_code == 404
        page.unlink()
    for make in (os.mkfifo, os.mkdir):
        make(page)
        assert client.get(f"/reports/{name}", auth=KNOWN).status_code == 404
        page.unlink() if page.is_fifo() else page.rmdir()


def test_links_of_artifacts_lead_there(client: httpx.Client, tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    for name in ("latest.html", "drafts/2026-11-30-180000.html"):
        address = address_of(settings, settings.reports_directory / name)
        assert client.get(address, auth=KNOWN).status_code == 200


def test_all_else_is_passed_on(client: httpx.Client) -> None:
    assert client.get("/api/health").text == "/api/health"
