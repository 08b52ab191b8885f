"""What is said of somebody's database, without its secrets."""

import pytest
from pydantic import SecretStr

from vkflow.databases.connections import MESSAGE_CHARACTERS, explained, open_database


@pytest.mark.parametrize("before", range(MESSAGE_CHARACTERS - 12, MESSAGE_CHARACTERS + 1))
def test_no_part_of_a_password_is_told_where_a_message_is_cut(before: int):
    engine = open_database(SecretStr("sqlite:///a.db?password=swordfish"), "database.url")
    said = explained(ValueError("x" * before + "swordfish"), engine)
    assert "s" not in said and len(said) <= MESSAGE_CHARACTERS
