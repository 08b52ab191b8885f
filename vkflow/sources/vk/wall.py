"""Reading a wall from its top down to the watermark, while it moves."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from vkflow.sources.validation import CLOCK_SKEW, FIRST_DAY
from vkflow.sources.vk.calls import Answer
from vkflow.sources.vk.client import VkClient
from vkflow.sources.vk.errors import WALL_ERRORS, TooLargeError, UnavailableError, WallError
from vkflow.sources.vk.methods import POSTS_IN_PAGE, Wall, wall_get
from vkflow.sources.vk.packing import Packed
from vkflow.sources.vk.posts import Post, read_post
from vkflow.sources.vk.rejections import Rejection

FIRST_PAGE = 20
"""Posts in the first look at a wall, of which one ``execute`` takes 25: enough for a day."""

OVERLAP = 10
"""Posts of a page asked for again with the next one: while a wall is read, posts that are
deleted move the others up, and without an overlap some would slip by."""

IDLE_PAGES = 6
"""After so many pages without a new post, VK repeats itself."""

MAX_RETREATS = 20
"""Steps back on one wall, where posts have moved up farther than the overlap."""


@dataclass(frozen=True)
class SeenPost:
    """A post, and when its counts were as they are."""

    post: Post
    asked_at: datetime


@dataclass(frozen=True)
class WallRead:
    """What is new on a wall.

    Attributes:
        posts: oldest first.
        rejections: items that are no posts.
        problem: why it was not read down to the watermark; ``None``: it was.
        is_answered: whether VK showed any of it.
    """

    posts: list[SeenPost]
    rejections: list[Rejection]
    problem: WallError | None
    is_answered: bool = True


def read_wall(
    client: VkClient,
    owner_id: int,
    after: tuple[int, int],
    as_of: datetime,
    first: Packed[Wall] = None,
) -> WallRead:
    """Read what was published after a position and until a moment.

    Args:
        client: the open client.
        owner_id: whose wall.
        after: date and id of the newest post that is known.
        as_of: later posts are left for the next run.
        first: the top ``FIRST_PAGE`` posts if they are here already, or why they cannot be read.
    """
    if isinstance(first, WALL_ERRORS):
        return WallRead([], [], first, is_answered=False)
    reader = _WallReader(client, owner_id, after, as_of)
    problem = None
    try:
        reader.read(first)
    except WALL_ERRORS as error:
        problem = error
    posts = sorted(reader.posts, key=lambda seen: seen.post.position)
    return WallRead(posts, reader.rejections, problem, reader.is_answered)


class _WallReader:
    def __init__(
        self, client: VkClient, owner_id: int, after: tuple[int, int], as_of: datetime
    ) -> None:
        self._client = client
        self._owner_id = owner_id
        self._after = after
        self._as_of = as_of
        self._seen: set[str] = set()
        self._idle = 0
        self._page_posts = POSTS_IN_PAGE
        self._retreats_left = MAX_RETREATS
        self.posts: list[SeenPost] = []
        self.rejections: list[Rejection] = []
        self.is_answered = False

    def read(self, first: Answer[Wall] | None) -> None:
        """Page by page; what has come so far is kept when it breaks off."""
        offset, count, page = 0, FIRST_PAGE, first
        while True:
            if page is None:
                page, count = self._page(offset)
            self.is_answered = True
            step = count - min(OVERLAP, count // 2)
            if offset > 0 and step < count and self._is_torn(page.value, offset):
                self._retreats_left -= 1
                offset = max(0, offset - step)
            elif self._take(page) or _is_last(page.value, offset, count):
                return
            else:
                offset += step
            page = None

    def _is_torn(self, wall: Wall, offset: int) -> bool:
        """Whether a page does not join those before it: posts between have moved up."""
        if self._retreats_left == 0:
            return False
        if not wall.items:
            return wall.count is not None and wall.count <= offset
        return self._seen.isdisjoint(_name(read_post(item, self._owner_id)) for item in wall.items)

    def _page(self, offset: int) -> tuple[Answer[Wall], int]:
        """A page and its size, smaller from now on if it would be too large an answer."""
        while True:
            call = wall_get(self._owner_id, offset, self._page_posts)
            try:
                return self._client.call(call), self._page_posts
            except TooLargeError:
                if self._page_posts == 1:
                    raise
                self._page_posts //= 2

    def _take(self, page: Answer[Wall]) -> bool:
        """Keep what is new of a page; whether it reaches below the watermark."""
        known, last = len(self._seen), None
        for item in page.value.items:
            read = read_post(item, self._owner_id)
            if isinstance(read, Post) and not (read.is_pinned or _is_impossible(read)):
                last = read.position
            if _name(read) not in self._seen:
                self._seen.add(_name(read))
                self._keep(read, page.asked_at)
        self._idle = 0 if len(self._seen) > known else self._idle + 1
        if self._idle == IDLE_PAGES:
            raise UnavailableError("wall.get: page after page holds the same posts")
        return last is not None and last <= self._after

    def _keep(self, read: Post | Rejection, asked_at: datetime) -> None:
        """Impossible dates go on, so that they are refused aloud instead of passed over as old."""
        if isinstance(read, Rejection):
            self.rejections.append(read)
        elif _is_impossible(read) or (
            read.position > self._after and not self._is_later(read, asked_at)
        ):
            self.posts.append(SeenPost(read, asked_at))

    def _is_later(self, post: Post, asked_at: datetime) -> bool:
        """Published after ``as_of``, but not in a future that cannot be true."""
        return self._as_of.timestamp() < post.date <= (asked_at + CLOCK_SKEW).timestamp()


def _name(read: Post | Rejection) -> str:
    """A broken item must not pass for the post whose number it has."""
    return read.key if isinstance(read, Post) else f"{read.key} {read.reason}"


def _is_impossible(post: Post) -> bool:
    return post.date < FIRST_DAY.timestamp()


def _is_last(wall: Wall, offset: int, count: int) -> bool:
    if not wall.items:
        return True
    return len(wall.items) < count if wall.count is None else offset + count >= wall.count


def oldest_wanted(as_of: datetime, first_days: int) -> tuple[int, int]:
    """The position the first pull of a wall reads down to."""
    return int((as_of - timedelta(days=first_days)).timestamp()), 0
