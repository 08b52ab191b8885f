"""What people write for a wall, and the number it may say."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

LINK = re.compile(r"^(https?://)?([a-z0-9-]+\.)?vk\.(com|ru)(/|$)", re.IGNORECASE)
NUMBER = re.compile(r"^-?[1-9]\d{0,17}$")
PLAIN_NAME = re.compile(r"^(club|public|event|id)([1-9]\d{0,17})$", re.IGNORECASE)
WALL = re.compile(r"^wall(-?[1-9]\d{0,17})(_\d+)?$", re.IGNORECASE)


def screen_name(entry: str) -> str:
    """The name in an entry of the settings, which may be a link; empty where there is none."""
    entry = entry.strip()
    if LINK.match(entry):
        parts = urlsplit(entry if "//" in entry else f"https://{entry}")
        shown = parse_qs(parts.query).get("w", [""])[0]
        is_own = parts.path.strip("/") not in ("", "feed")
        entry = unquote(parts.path) if is_own or not WALL.match(shown) else shown
    return re.split(r"[?#/]", entry.strip().strip("/@"))[0].strip().removeprefix("@")


def numeric_owner(name: str) -> int | None:
    """The owner of a name that says its number."""
    if NUMBER.match(name):
        return int(name)
    if wall := WALL.match(name):
        return int(wall[1])
    if plain := PLAIN_NAME.match(name):
        number = int(plain[2])
        return number if plain[1].lower() == "id" else -number
    return None
