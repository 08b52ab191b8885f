"""The operations guide against the commands, and the service files against systemd."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

DEPLOYMENTS = Path(__file__).parents[2] / "deployments"
GUIDE = (DEPLOYMENTS / "README.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("unit", sorted((DEPLOYMENTS / "systemd").glob("*.service")), ids=str)
def test_service_files_are_valid(unit: Path, tmp_path: Path) -> None:
    """With programs that exist here in place of those of /opt/vkflow, which do not."""
    for file in (DEPLOYMENTS / "systemd").glob("*.service"):
        text = file.read_text(encoding="utf-8")
        text = re.sub(r"/opt/vkflow/.venv/bin/\w+", "/bin/true", text)
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)],
        capture_output=True,
        text=True,
    )
    complaints = [line for line in done.stderr.splitlines() if "vkflow-" in line]
    assert complaints == []
    assert done.returncode == 0, done.stderr


COMMANDS = sorted(set(re.findall(r"(?:`|bin/)vkflow ([a-z]+)\b", GUIDE)))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_guide_exists(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from flows.command_line import main; main()", command, "--help"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"


def test_every_event_that_is_emitted_is_in_the_guide() -> None:
    tasks = DEPLOYMENTS.parent / "tasks"
    emitted = {
        event
        for file in tasks.glob("*.py")
        for event in re.findall(r'"(vkflow\.[a-z]+\.[a-z]+)"', file.read_text(encoding="utf-8"))
    }
    assert len(emitted) >= 3
    assert all(f"`{event}`" in GUIDE for event in emitted)


def test_run_that_completed_with_warnings_is_not_taken_for_a_crashed_one() -> None:
    from flows.stopwatch import WITH_WARNINGS

    automations = yaml.safe_load((DEPLOYMENTS / "automations.yaml").read_text(encoding="utf-8"))
    expected = automations[0]["trigger"]["expect"]
    assert f"prefect.flow-run.{WITH_WARNINGS}" in expected
