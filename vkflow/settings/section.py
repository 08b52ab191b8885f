"""What the sections of the settings have in common."""

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_settings import NoDecode


def _split_words(value: object) -> object:
    return (
        [word for word in re.split(r"[\s,]+", value) if word] if isinstance(value, str) else value
    )


WordList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_words)]
"""Words in a list, or in one string with commas, as a variable has them."""


MAX_DAYS = 36_500
"""A hundred years: more days make dates that are none."""


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
