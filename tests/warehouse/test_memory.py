import os
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.memory import return_memory

SETTING = "DUCKDB_JE_MALLOC_CONF"


def imported_with(package: str, environment: dict[str, str]) -> str:
    """The setting of DuckDB's allocator, after a package and before DuckDB was imported."""
    command = (
        f"import os, sys, {package}\n"
        "assert 'duckdb' not in sys.modules\n"
        f"print(os.environ['{SETTING}'])"
    )
    others = {name: value for name, value in os.environ.items() if name != SETTING}
    done = subprocess.run(
        [sys.executable, "-c", command],
        env={**others, **environment}, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.mark.parametrize("package", ["warehouse", "tasks"])
def test_duckdb_is_told_to_keep_no_free_memory_before_it_is_imported(package: str):
    assert "dirty_decay_ms:0" in imported_with(package, {})


def test_another_setting_in_the_environment_is_left_alone():
    assert imported_with("warehouse", {SETTING: "dirty_decay_ms:500"}) == "dirty_decay_ms:500"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_between_what_is_kept_is_returned():
    blocks = [bytes(50_000) for _ in range(4_000)]
    kept = blocks[::2]
    del blocks
    before = resident()
    return_memory()
    assert before - resident() > 50 * 2**20
    assert len(kept) == 2_000


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
