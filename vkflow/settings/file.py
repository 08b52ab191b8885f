"""Reading the settings file: bounded, before anything is made of it."""

import re
import tomllib
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic_settings import TomlConfigSettingsSource

MAX_BYTES = 2**20
DEEP_NAME = re.compile(rb"""(?<![\w"'-])(?:[\w"'-]++[ \t]*+\.[ \t]*+){20}""")
"""Twenty levels, where there are three; of thousands tomllib takes the square of their number."""


class SettingsFile(TomlConfigSettingsSource):
    """The settings of a TOML file in UTF-8, with or without a byte order mark."""

    def _read_file(self, file_path: Path | Traversable) -> dict[str, Any]:
        with file_path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES >> 20} MiB, which are no settings")
        if deep := DEEP_NAME.search(content):
            line = content.count(b"\n", 0, deep.start()) + 1
            raise ValueError(f"a name of 20 levels and more (at line {line})")
        return tomllib.loads(content.decode("utf-8-sig").replace("\r\n", "\n"))
