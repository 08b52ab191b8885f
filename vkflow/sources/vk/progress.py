"""How far each wall is read: the watermark of the source ``vk``, as JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from vkflow.errors import SourceError


class YoungPost(BaseModel):
    """A stored post whose counts will be read again.

    Attributes:
        post_id: number on its wall.
        date: when it was published, in seconds since 1970.
        ages_done: how many of the ages in ``vk.refresh_days`` it has passed.
        edited: its last edit when it was stored, likewise in seconds; 0: none.
        lacks_picture: its picture could not be downloaded and is tried again.
    """

    model_config = ConfigDict(frozen=True)

    post_id: int
    date: int
    ages_done: int
    edited: int = 0
    lacks_picture: bool = False


class OwnerProgress(BaseModel):
    """What is known of one wall.

    Attributes:
        newest: date and id of the newest stored post: all before it are stored too.
        read_at: when the wall was last read to the end; walls that wait longest come first.
        young: posts to refresh.
        reach_refused_at: when VK last gave no statistics of it to the token.
    """

    model_config = ConfigDict(frozen=True)

    newest: tuple[int, int] | None = None
    read_at: datetime | None = None
    young: tuple[YoungPost, ...] = ()
    reach_refused_at: datetime | None = None


class _Stored(BaseModel):
    owners: dict[int, OwnerProgress] = {}
    day: date | None = None
    calls: dict[str, int] = {}


@dataclass(frozen=True)
class Progress:
    """The state between two runs; each change is a new value.

    Attributes:
        owners: by owner id.
        day: the day the calls were made on.
        calls: calls that day, by method.
    """

    owners: Mapping[int, OwnerProgress]
    day: date | None = None
    calls: Mapping[str, int] | None = None

    @classmethod
    def read(cls, watermark: str | None) -> Self:
        """Understand a stored watermark; ``None``: nothing is read yet.

        Raises:
            SourceError: it was not written by vkflow.
        """
        try:
            stored = _Stored.model_validate_json(watermark or "{}")
        except ValidationError:
            raise SourceError(
                "the watermark of the source vk cannot be read. Delete its row from the table "
                "watermarks of the warehouse: the walls are then read again, nothing is lost"
            ) from None
        return cls(stored.owners, stored.day, stored.calls)

    def write(self, day: date, calls: Mapping[str, int]) -> str:
        """The watermark, with the calls made on ``day``."""
        stored = _Stored(owners=dict(self.owners), day=day, calls=dict(calls))
        return stored.model_dump_json(exclude_defaults=True)

    def of(self, owner_id: int) -> OwnerProgress:
        """What is known of a wall."""
        return self.owners.get(owner_id, OwnerProgress())

    def longest_unread(self, owner_ids: Iterable[int]) -> list[int]:
        """Owners in the order of their turns, so that a short budget reaches all in time."""
        never = datetime.min.replace(tzinfo=UTC)
        return sorted(owner_ids, key=lambda owner_id: self.of(owner_id).read_at or never)

    def stored(self, owner_id: int, newest: tuple[int, int], young: Iterable[YoungPost]) -> Self:
        """After all posts of a wall up to ``newest`` are stored."""
        known = self.of(owner_id)
        change = {"newest": newest, "young": (*known.young, *young)}
        return self._with(owner_id, known.model_copy(update=change))

    def finished(self, owner_id: int, at: datetime) -> Self:
        """After a wall is read to the end."""
        return self._with(owner_id, self.of(owner_id).model_copy(update={"read_at": at}))

    def refreshed(self, owner_id: int, posts: Iterable[YoungPost], last_age: int) -> Self:
        """After counts were read again; posts are let go that passed all ages and lack nothing."""
        changed = {post.post_id: post for post in posts}
        known = self.of(owner_id)
        young = (changed.get(post.post_id, post) for post in known.young)
        kept = tuple(post for post in young if post.ages_done < last_age or post.lacks_picture)
        return self._with(owner_id, known.model_copy(update={"young": kept}))

    def reach_refused(self, owner_id: int, at: datetime | None) -> Self:
        """After VK has given statistics of a wall, or not."""
        change = {"reach_refused_at": at}
        return self._with(owner_id, self.of(owner_id).model_copy(update=change))

    def _with(self, owner_id: int, owner: OwnerProgress) -> Self:
        return replace(self, owners={**self.owners, owner_id: owner})


def ages_passed(published: int, as_of: datetime, ages_days: Iterable[int]) -> int:
    """How many of the ages a post has reached."""
    age = as_of - datetime.fromtimestamp(published, UTC)
    return sum(age >= timedelta(days=days) for days in ages_days)
