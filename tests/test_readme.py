"""The README is tested: its SQL runs, the table of settings beside it is the code's."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from vkflow.drafts.tables import COLUMNS
from vkflow.settings import PREFIX, Settings
from warehouse.publishing import read_snapshot

ROOT = Path(__file__).parents[1]
GUIDES = [
    ROOT / folder / "README.md"
    for folder in (
        ".",
        "flows",
        "vkflow/drafts",
        "vkflow/modelling",
        "vkflow/insights",
        "warehouse",
        "deployments",
    )
]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "vkflow" / "README.md").read_text(encoding="utf-8")
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


def test_every_setting_is_in_the_table() -> None:
    documented = re.search(r"<!-- settings -->\n(.*?)\n?<!-- /settings -->", SETTINGS, re.DOTALL)
    assert documented is not None
    assert documented[1].strip() == settings_table(), f"the table should be:\n{settings_table()}"


def test_every_setting_says_what_it_does() -> None:
    assert "| None |" not in settings_table()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(guide: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", guide.read_text(encoding="utf-8"))
    local = [link for link in links if not link.startswith(("http:", "https:"))]
    assert not [link for link in local if not leads_somewhere(guide, link)]


def leads_somewhere(guide: Path, link: str) -> bool:
    name, _, heading = link.partition("#")
    place = (guide.parent / name) if name else guide
    if not heading:
        return place.exists()
    headings = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return heading in {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def test_every_number_of_a_draft_is_held_by_tests_that_exist() -> None:
    """The table beside the code of drafts names them."""
    table = (ROOT / "vkflow" / "drafts" / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", table)
    assert len(named) > 20
    for file, name in named:
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), (file, name)
    columns = yaml.safe_load(
        (ROOT / "vkflow" / "drafts" / "catalogue" / "drafts.en.yaml").read_text(encoding="utf-8")
    )
    for column in COLUMNS[1:]:
        assert f"| {columns[f'table_{column}']} |" in table.replace("\u00a0", " "), column
