"""The password of the server: made once, kept for its user alone, and told to no other server."""

import errno
import os
import select
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.authentication import auth_string, private_folder
from flows.environment import prepare_prefect
from vkflow.errors import SettingsError

ROOT = Path(__file__).parents[2]


def test_password_is_made_once_and_again_when_others_could_read_it(tmp_path: Path) -> None:
    folder = private_folder(tmp_path)
    first, is_new = auth_string(folder)
    assert is_new and auth_string(folder) == (first, False)
    (folder / "auth-string").chmod(0o644)
    second, is_new = auth_string(folder)
    assert is_new and second != first and len(second) > 30
    assert stat.S_IMODE((folder / "auth-string").stat().st_mode) == 0o600


@pytest.mark.parametrize("junk", [b"", b"vkflow:", b"\xff\xfe:\0x", b"a:b\nc", b"word"], ids=repr)
def test_password_that_is_none_is_replaced(tmp_path: Path, junk: bytes) -> None:
    folder = private_folder(tmp_path)
    (folder / "auth-string").write_bytes(junk)
    (folder / "auth-string").chmod(0o600)
    known, is_new = auth_string(folder)
    assert is_new and auth_string(folder) == (known, False)


def test_home_that_is_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SettingsError, match="cannot be used"):
        private_folder(tmp_path / "loop")


def test_password_that_cannot_be_written_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as a file that is closed does

    folder = private_folder(tmp_path)
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SettingsError, match=r"auth-string cannot be used \(No space left"):
        auth_string(folder)


START = """
import sys, time
from pathlib import Path
from flows import authentication
folder, go = map(Path, sys.argv[1:])
token = authentication.secrets.token_urlsafe
def slowly(length):
    print("making", flush=True)
    while not go.exists():
        time.sleep(0.01)
    return token(length)
authentication.secrets.token_urlsafe = slowly
print(authentication.auth_string(folder)[0], flush=True)
"""


@pytest.mark.parametrize("is_there", [False, True], ids=["none yet", "one others could read"])
def test_two_that_start_at_once_know_the_same_password(tmp_path: Path, is_there: bool) -> None:
    folder, go = private_folder(tmp_path), tmp_path / "go"
    if is_there:
        auth_string(folder)
        (folder / "auth-string").chmod(0o644)
    command = [sys.executable, "-c", START, folder, go]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in "12"]
    select.select([process.stdout for process in both], [], [], 60)
    time.sleep(1)  # the other one comes as far as it can
    go.touch()
    said = [process.communicate(timeout=60)[0].splitlines() for process in both]
    assert {lines[-1] for lines in said} == {auth_string(folder)[0]}
    assert sorted(len(lines) for lines in said) == [1, 2], "only one of them made a password"


def test_password_is_made_where_the_file_system_has_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_arguments: object, **_more: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    folder = private_folder(tmp_path)
    known, is_new = auth_string(folder)
    assert is_new and auth_string(folder) == (known, False)
    assert {file.name for file in folder.iterdir()} == {"auth-string", ".auth-string.guard"}


def test_server_elsewhere_is_never_told_the_password_of_this_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_HOME"):
        monkeypatch.setenv(name, "x")  # so that it is put back
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_API_URL", "https://prefect.example/api")
    prepare_prefect(tmp_path)
    assert "PREFECT_API_AUTH_STRING" not in os.environ
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    prepare_prefect(tmp_path)
    assert os.environ["PREFECT_API_AUTH_STRING"] == auth_string(tmp_path / "prefect")[0]
