"""What is said of somebody's database, without its secrets."""

import pytest
from pydantic import SecretStr

from vkflow.databases.connections import MESSAGE_CHARACTERS, explained, open_database
from vkflow.errors import SettingsError


@pytest.mark.parametrize("before", range(MESSAGE_CHARACTERS - 12, MESSAGE_CHARACTERS + 1))
def test_no_part_of_a_password_is_told_where_a_message_is_cut(before: int):
    engine = open_database(SecretStr("sqlite:///a.db?password=swordfish"), "database.url")
    said = explained(ValueError("x" * before + "swordfish"), engine)
    assert "s" not in said and len(said) <= MESSAGE_CHARACTERS


@pytest.mark.parametrize(
    "rest",
    ["a@p4ss@127.0.0.1:1/db", "a@p4ss/b@h/db", "a@p4ss@[::1]/db", "a@h/p4ss@"],
)
def test_a_password_with_an_at_is_refused_and_not_told(rest: str) -> None:
    with pytest.raises(SettingsError, match=r"%40|is no SQLAlchemy URL") as raised:
        open_database(SecretStr(f"postgresql://u:{rest}"), "database.url")
    assert "p4ss" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user@server:a%40b%2Fc@h:5432/db",
        "postgresql://u:a/b#c?d@[::1]:5432/db",
        "postgresql://u:p@H.example/db?sslmode=require",
        "postgresql://h/db",
        "postgresql:///db?host=/run/postgresql",
        "sqlite:////folder/a@b/c@d.db",
    ],
)
def test_other_signs_do_no_harm(url: str) -> None:
    assert open_database(SecretStr(url), "database.url")
