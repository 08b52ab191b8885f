import os
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.memory import bounded_memory, return_memory

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
    # Of zeros none would be in memory: new pages are zeros until they are written to.
    blocks = [b"x" * (50_000 + place % 2) for place in range(4_000)]
    kept = blocks[::2]
    del blocks
    before = resident()
    return_memory()
    assert before - resident() > 50 * 2**20
    assert len(kept) == 2_000


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know no such bound")
def test_what_duckdb_does_not_count_is_bounded_too():
    command = """
import duckdb
from warehouse.memory import bounded_memory
with duckdb.connect(config={"memory_limit": "100MB"}) as connection, bounded_memory("100MB"):
    try:
        connection.execute("SELECT list(range(100000000))").fetchone()
    except duckdb.OutOfMemoryException:
        print("refused")
"""
    done = subprocess.run([sys.executable, "-c", command], stdout=subprocess.PIPE, text=True)
    assert done.stdout == "refused\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know no such bound")
@pytest.mark.parametrize(
    ("size", "n_bytes"), [("1GB", 10**9), (" 1.5 mib ", 3 * 2**19), ("9TB", 9 * 10**12)]
)
def test_bound_is_of_the_size_and_only_for_a_while(size: str, n_bytes: int):
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    with bounded_memory(size):
        bound, _ = resource.getrlimit(resource.RLIMIT_DATA)
    assert n_bytes + 2**30 < bound < n_bytes + 2**30 + 64 * 2**30
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    with bounded_memory("9999999TB"):  # more than there is a number for
        assert resource.getrlimit(resource.RLIMIT_DATA)[0] >= 2**62
