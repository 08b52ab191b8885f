"""The token of VK, through Prefect: it works from a Secret block, and is seen nowhere."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.logging.handlers import APILogWorker
from pydantic import SecretStr

from flows.blocks import VK_TOKEN, with_secrets
from flows.doctor import run_checks
from flows.options import RunOptions
from flows.pull import pull
from tasks.secrets import keep_vk_token, load_vk_token
from tests.fakes.vk import TOKEN, FakeVk, make_post, serving
from vkflow.errors import SettingsError
from vkflow.settings import load_settings
from vkflow.sources.vk.errors import VkTokenError
from warehouse.database import open_warehouse


@pytest.fixture
def vk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeVk]:
    with serving(FakeVk()) as fake:
        hour_ago = int(datetime.now(UTC).timestamp()) - 3_600
        fake.add_wall(
            -1, [make_post(-1, 1, hour_ago), {"id": 2, "date": hour_ago, "text": [TOKEN]}]
        )
        settings = {
            "HOME": tmp_path / "home",
            "IMAGES__TAGGER": "none",
            "VK__OWNERS": "-1",
            "VK__API_URL": fake.address,
            "VK__REQUESTS_PER_SECOND": "10000",
        }
        for name, value in settings.items():
            monkeypatch.setenv(f"VKFLOW_{name}", str(value))
        yield fake


@pytest.fixture
def block(prefect_server: None) -> Iterator[None]:
    Secret(value=TOKEN).save(VK_TOKEN, overwrite=True)
    yield
    Secret.delete(VK_TOKEN)


def everything_the_server_knows() -> str:
    """Runs with their parameters and states, logs, artifacts, deployments: all but the block."""
    APILogWorker.drain_all(timeout=20)
    with get_client(sync_client=True) as client:
        said = [client.read_flow_runs(), client.read_task_runs(), client.read_logs()]
        said += [client.read_artifacts(), client.read_deployments()]
    return "".join(each.model_dump_json() for found in said for each in found)


def everything_on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_the_token_of_the_block_works_and_is_seen_nowhere(
    vk: FakeVk, block: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    pull(RunOptions(source="vk"))
    with open_warehouse(tmp_path / "home" / "warehouse.duckdb") as connection:
        assert connection.execute("SELECT post_id FROM posts").fetchall() == [(1,)]
        assert connection.execute("SELECT key FROM quarantine").fetchall() == [("-1_2",)]
    vk.trouble("wall.get", *[5] * 9)
    vk.trouble("execute", *[5] * 9)
    with pytest.raises(VkTokenError, match="wrong, expired or revoked") as raised:
        pull(RunOptions(source="vk"))
    printed = "".join(capfd.readouterr())
    known = everything_the_server_knows()
    assert "VK error 5" in known, "the failure is told"
    for seen in (printed, known, str(raised.value), repr(raised.value)):
        assert TOKEN not in seen
    assert TOKEN.encode() not in everything_on_disk(tmp_path)


def test_a_variable_goes_before_the_block(block: None, monkeypatch: pytest.MonkeyPatch, vk: FakeVk):
    monkeypatch.setenv("VKFLOW_VK__TOKEN", "of the variable")
    token = with_secrets(load_settings(source="vk")).vk.token
    assert token is not None and token.get_secret_value() == "of the variable"


def test_without_block_and_variable_the_run_says_what_to_do(vk: FakeVk, prefect_server: None):
    with pytest.raises(SettingsError, match=r"VKFLOW_VK__TOKEN .*vkflow-vk-token"):
        pull(RunOptions(source="vk"))


def test_a_token_that_has_expired_is_renewed_in_its_block(
    vk: FakeVk, block: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("VKFLOW_VK__ID_URL", vk.address)
    vk.is_expired, vk.refresh_token = True, "vk2.r.first"
    pair = {"refresh_token": "vk2.r.first", "client_id": "51", "device_id": "d"}
    Secret(value=json.dumps(pair)).save(VK_TOKEN, overwrite=True)
    for renewals in (1, 2):
        pull(RunOptions(source="vk"))
        kept = load_vk_token()
        assert kept is not None and json.loads(kept.get_secret_value()) == pair | {
            "access_token": f"vk2.a.renewed-{renewals}",
            "refresh_token": f"vk2.r.renewed-{renewals}",
        }
        vk.is_expired = True


def test_a_token_that_is_not_the_blocks_is_not_put_there(block: None):
    assert not keep_vk_token(SecretStr("another"), SecretStr("new"))
    assert Secret.load(VK_TOKEN).get() == TOKEN


def test_the_doctor_tells_what_the_token_can_do(vk: FakeVk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VKFLOW_VK__TOKEN", TOKEN)
    checks = {check.name: check for check in run_checks("vk")}
    assert checks["source"].ok
    assert checks["source"].finding.startswith("vk: 1 of 1 walls can be read")
    assert all(TOKEN not in check.finding for check in checks.values())
