"""On whose wall a draft would appear: from what a person writes to an owner with posts."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from vkflow.errors import DraftError
from vkflow.printing import printable
from vkflow.sources.vk.names import numeric_owner, screen_name
from vkflow.translation import Message

SHOWN_CHARACTERS = 100
SHOWN_OWNERS = 5


@dataclass(frozen=True)
class KnownOwner:
    """An owner with posts: its id, and its name and that in addresses, where they are known."""

    owner_id: int
    name: str | None = None
    screen_name: str | None = None


def find_owner(entry: str, owners: Sequence[KnownOwner]) -> int:
    """The owner a person means.

    Args:
        entry: an id (-1 is community 1), ``club1``, a link, a screen name, or the owner's name,
            capitals or not; empty where there is only one owner.
        owners: all that have posts, those with the most posts first.

    Raises:
        DraftError: there is no such owner, or more than one is called that.
    """
    if not owners:
        raise DraftError("no_owners")
    if not entry.strip():
        if len(owners) == 1:
            return owners[0].owner_id
        raise DraftError("no_owner", owners=_shown(owners))
    wanted = screen_name(entry)
    number = 0 if wanted == "0" else numeric_owner(wanted)
    found = [owner for owner in owners if owner.owner_id == number] or [
        owner for owner in owners if _is_called(owner, entry, wanted)
    ]
    if len(found) == 1:
        return found[0].owner_id
    shown = printable(entry.strip()[:SHOWN_CHARACTERS])
    if found:
        raise DraftError("many_owners", n=len(found), entry=shown, owners=_shown(found))
    raise DraftError("unknown_owner", entry=shown, owners=_nearest(entry, owners))


def _is_called(owner: KnownOwner, entry: str, wanted: str) -> bool:
    by_name = (owner.name or "").strip().casefold() == entry.strip().casefold()
    return by_name or (owner.screen_name or "").casefold() == wanted.casefold() != ""


def _nearest(entry: str, owners: Sequence[KnownOwner]) -> Message:
    """Owners that are called nearly so first, then those with the most posts."""
    called = {
        name: owner
        for owner in owners
        for name in (str(owner.owner_id), owner.screen_name, owner.name)
        if name
    }
    entries = (entry.strip()[:SHOWN_CHARACTERS], screen_name(entry)[:SHOWN_CHARACTERS])
    close = [each for one in entries for each in get_close_matches(one, called, n=SHOWN_OWNERS)]
    first = list(dict.fromkeys(called[name] for name in close))
    return _shown([*first, *(owner for owner in owners if owner not in first)])


def _shown(owners: Sequence[KnownOwner]) -> Message:
    parts = [
        f"{owner.owner_id} ({printable(owner.name)})" if owner.name else str(owner.owner_id)
        for owner in owners[:SHOWN_OWNERS]
    ]
    more = len(owners) - SHOWN_OWNERS
    key = "owners_more" if more > 0 else "owners"
    return Message("drafts", key, {"owners": ", ".join(parts), "n": more})
