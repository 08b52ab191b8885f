"""The README is tested: its SQL runs, its table of settings is the code's."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from vkflow.settings import PREFIX, Settings
from warehouse.publishing import read_snapshot

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", README, flags=re.DOTALL)
QUERIES += re.findall(r"vkflow sql \"(.*?)\"", README)


def settings_table() -> str:
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            lines += [row(f"{name}__{inner}", f) for inner, f in section.model_fields.items()]
        else:
            lines.append(row(name, field))
    return "\n".join(lines)


def row(name: str, field) -> str:
    value = field.get_default(call_default_factory=True)
    default = "" if value is None else f"`{value}`"
    return f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |"


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_of_the_readme_runs(query: str, nights) -> None:
    read_snapshot(nights.home / "published" / "predictions.duckdb", query)


def test_there_are_queries_to_run() -> None:
    assert len(QUERIES) >= 5


def test_every_setting_is_in_the_readme() -> None:
    documented = re.search(r"<!-- settings -->\n(.*?)\n?<!-- /settings -->", README, re.DOTALL)
    assert documented is not None
    assert documented[1].strip() == settings_table(), f"the table should be:\n{settings_table()}"


def test_every_setting_says_what_it_does() -> None:
    assert "| None |" not in settings_table()
