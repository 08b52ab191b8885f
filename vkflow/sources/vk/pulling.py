"""One pull: every wall down to its watermark, then the young posts, chunk by chunk."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl

from vkflow.errors import SourceError, VkflowError
from vkflow.settings.sources import VkSettings
from vkflow.sources.downloads import PictureDownloader
from vkflow.sources.source import Chunk
from vkflow.sources.vk.chunks import make_chunk
from vkflow.sources.vk.client import VkClient
from vkflow.sources.vk.descriptions import describe_owners
from vkflow.sources.vk.errors import OwnerError, UnavailableError
from vkflow.sources.vk.methods import Wall, wall_get
from vkflow.sources.vk.owners import find_owners
from vkflow.sources.vk.packing import CALLS_IN_EXECUTE, Packed
from vkflow.sources.vk.posts import PARTS, Post
from vkflow.sources.vk.progress import Progress, YoungPost, ages_passed
from vkflow.sources.vk.reach import ReachRead, ReachReader
from vkflow.sources.vk.refreshing import Batch, Refreshed, due_batches, is_changed, refresh
from vkflow.sources.vk.rejections import Rejection, rejected_frame
from vkflow.sources.vk.wall import FIRST_PAGE, SeenPost, WallRead, oldest_wanted, read_wall

logger = logging.getLogger(__name__)

CHUNK_POSTS = 100
"""Posts stored at a time, at most."""

SHOWN_WALLS = 5
REACH_PATIENCE = timedelta(days=7)
"""After VK gave no statistics of a wall, so long it is not asked for them."""
PICTURES_AT_ONCE = 8
"""Pictures downloaded before it is seen how large they are."""
PICTURE_PATIENCE = timedelta(days=7)
"""So long after the last reading of its counts a post's missing picture is still asked for."""


class Pull:
    """The work of one run.

    Args:
        settings: owners, ages.
        client: the open client.
        downloader: of pictures; ``None`` leaves them out.
        as_of: the moment of the run.
        progress: what is stored already.
        chunk_bytes: bytes of pictures at a time, about.

    Attributes:
        progress: what is stored once the last chunk given out is.
    """

    def __init__(
        self,
        settings: VkSettings,
        client: VkClient,
        downloader: PictureDownloader | None,
        as_of: datetime,
        progress: Progress,
        chunk_bytes: int,
    ) -> None:
        self._chunk_bytes = chunk_bytes
        self.progress = progress
        self._settings = settings
        self._client = client
        self._downloader = downloader
        self._as_of = as_of
        self._reach = ReachReader(client)
        self._closed: set[int] = set()
        self._answered = 0
        self._unread: list[str] = []
        self._problems: list[VkflowError] = []

    def chunks(self) -> Iterator[Chunk]:
        """Everything there is to store, oldest first on each wall.

        Raises:
            SourceError, UnavailableError: no wall could be read; what else came is given out.
        """
        owners = find_owners(self._client, self._settings.owners)
        self._unread += [f"{each.key}: {each.reason}" for each in owners.unknown]
        described = describe_owners(self._client, owners.ids)
        rejections = [*owners.unknown, *described.rejections]
        first = make_chunk(rejections=rejections, mended=(*self._settings.owners, "owners"))
        yield replace(first, owners=described.frame())
        turns = self.progress.longest_unread(owners.ids)
        logger.info("%d walls to read", len(turns))
        for start in range(0, len(turns), CALLS_IN_EXECUTE):
            some = turns[start : start + CALLS_IN_EXECUTE]
            firsts = self._client.pack([wall_get(owner, 0, FIRST_PAGE) for owner in some])
            for owner_id, page in zip(some, firsts, strict=True):
                yield from self._new_posts(owner_id, page)
        open_owners = [owner_id for owner_id in turns if owner_id not in self._closed]
        batches = due_batches(self.progress, open_owners, self._as_of, self._settings.refresh_days)
        logger.info("%d posts to count again", sum(len(batch.posts) for batch in batches))
        for batch, refreshed in refresh(self._client, batches):
            yield self._refreshed(batch, refreshed)
        if not self._answered:
            raise _nothing_read(self._unread, self._problems)

    def _new_posts(self, owner_id: int, first: Packed[Wall]) -> Iterator[Chunk]:
        after = self.progress.of(owner_id).newest
        after = after or oldest_wanted(self._as_of, self._settings.first_days)
        read = read_wall(self._client, owner_id, after, self._as_of, first)
        self._note(owner_id, read)
        reach = self._reach_of(owner_id, [seen.post for seen in read.posts])
        advances = after if read.problem is None else None
        left = read.posts
        while True:
            some, files, lost = self._portion(left)
            left = left[len(some) :]
            chunk = self._stored(owner_id, some, reach, files, lost, advances)
            del files  # the chunk has them: once is enough
            if not left:
                break
            yield chunk
        yield self._with_ending(chunk, owner_id, read)

    def _portion(
        self, seen: Sequence[SeenPost]
    ) -> tuple[Sequence[SeenPost], dict[int, bytes], dict[str, Rejection]]:
        """The first posts, as many as their pictures leave room for, and these."""
        taken, files, lost = 0, dict[int, bytes](), dict[str, Rejection]()
        step = CHUNK_POSTS if self._downloader is None else PICTURES_AT_ONCE
        while taken < min(len(seen), CHUNK_POSTS):
            if sum(map(len, files.values())) >= self._chunk_bytes:
                break
            came, missing = self._pictures([each.post for each in seen[taken : taken + step]])
            files, lost, taken = files | came, lost | missing, taken + step
        return seen[:taken], files, lost

    def _note(self, owner_id: int, read: WallRead) -> None:
        if read.is_answered:
            self._answered += 1
        elif read.problem is not None:
            self._problems.append(read.problem)
            self._unread.append(f"{owner_id}: {read.problem}")
        if isinstance(read.problem, OwnerError):
            self._closed.add(owner_id)

    def _reach_of(self, owner_id: int, posts: Sequence[Post]) -> ReachRead:
        """Statistics of posts; walls whose statistics are refused are left alone for a while."""
        refused_at = self.progress.of(owner_id).reach_refused_at
        if not posts or (refused_at is not None and self._as_of < refused_at + REACH_PATIENCE):
            return ReachRead()
        read = self._reach.read(owner_id, posts)
        now_refused_at = self._as_of if owner_id in self._reach.refused_owners else None
        if now_refused_at != refused_at:
            self.progress = self.progress.reach_refused(owner_id, now_refused_at)
        return read

    def _stored(
        self,
        owner_id: int,
        seen: Sequence[SeenPost],
        reach: ReachRead,
        files: dict[int, bytes],
        lost: dict[str, Rejection],
        after: tuple[int, int] | None,
    ) -> Chunk:
        """A chunk of new posts; of a wall not read to its end, the watermark stays."""
        posts = [each.post for each in seen]
        if after is not None:
            self._advance([post for post in posts if self._is_past(post, after)], lost)
        rejections = [*_odd_reach(reach, posts), *_remarks(posts), *lost.values()]
        return make_chunk(posts, seen, reach.rows, files, rejections, _part_keys(posts))

    def _with_ending(self, chunk: Chunk, owner_id: int, read: WallRead) -> Chunk:
        """The last chunk of a wall says how its reading ended."""
        rejections = list(read.rejections)
        mended = [*chunk.mended, str(owner_id), f"{owner_id} reach"]
        if read.problem is None:
            self.progress = self.progress.finished(owner_id, self._as_of)
        else:
            rejections.append(Rejection(str(owner_id), str(read.problem)))
        rejected = pl.concat([chunk.rejected, rejected_frame(rejections)])
        return replace(chunk, rejected=rejected, mended=tuple(mended))

    def _is_past(self, post: Post, after: tuple[int, int]) -> bool:
        """Not so of posts with an impossible date, which must not move the watermark."""
        return post.position > after and post.date <= self._as_of.timestamp()

    def _advance(self, posts: Sequence[Post], lost: Mapping[str, Rejection]) -> None:
        if not posts:
            return
        young = [self._young(post, post.key in lost) for post in posts]
        last_age = len(self._settings.refresh_days)
        waiting = [post for post in young if post.ages_done < last_age or post.lacks_picture]
        self.progress = self.progress.stored(posts[-1].owner_id, posts[-1].position, waiting)

    def _refreshed(self, batch: Batch, refreshed: Refreshed) -> Chunk:
        """Counts of a batch, and its posts that were edited or still lack their picture."""
        owner_id = batch.owner_id
        seen = sorted(refreshed.posts.values(), key=lambda each: each.post.position)
        young = {post.post_id: post for post in batch.posts}
        changed = [each.post for each in seen if is_changed(young[each.post.post_id], each.post)]
        files, lost = self._some_pictures(changed)
        posts = [each.post for each in seen]
        reach = self._reach_of(owner_id, posts)
        remarks = [*_odd_reach(reach, posts), *_remarks(posts), *lost.values()]
        rejections = [*refreshed.rejections, *remarks]
        if refreshed.problem is None:
            self._pass_ages(batch, refreshed, lost)
        else:
            rejections.append(Rejection(f"{owner_id} counts", str(refreshed.problem)))
        shown = [post.key for post in posts]
        mended = [f"{owner_id} counts", f"{owner_id} reach", *shown, *_part_keys(posts)]
        return make_chunk(changed, seen, reach.rows, files, rejections, mended)

    def _pass_ages(self, batch: Batch, refreshed: Refreshed, lost: Mapping[str, Rejection]) -> None:
        """Also of posts that did not come: they are noted, and asked for at their next age."""
        passed = []
        for young in batch.posts:
            if seen := refreshed.posts.get(young.post_id):
                passed.append(self._young(seen.post, seen.post.key in lost))
            else:
                done = self._ages_passed(young.date)
                lacks = young.lacks_picture and self._may_get_picture(young.date)
                update = {"ages_done": done, "lacks_picture": lacks}
                passed.append(young.model_copy(update=update))
        self.progress = self.progress.refreshed(
            batch.owner_id, passed, len(self._settings.refresh_days)
        )

    def _young(self, post: Post, lacks_picture: bool) -> YoungPost:
        return YoungPost(
            post_id=post.post_id,
            date=post.date,
            ages_done=self._ages_passed(post.date),
            edited=post.edited,
            lacks_picture=lacks_picture and self._may_get_picture(post.date),
        )

    def _may_get_picture(self, published: int) -> bool:
        """Some days longer than counts are read, a picture that did not come is asked for."""
        last = timedelta(days=max(self._settings.refresh_days, default=0)) + PICTURE_PATIENCE
        return self._as_of - datetime.fromtimestamp(published, UTC) < last

    def _ages_passed(self, published: int) -> int:
        return ages_passed(published, self._as_of, self._settings.refresh_days)

    def _some_pictures(
        self, posts: Sequence[Post]
    ) -> tuple[dict[int, bytes], dict[str, Rejection]]:
        """As many as there is room for; the others wait for another night."""
        files, lost = dict[int, bytes](), dict[str, Rejection]()
        for start in range(0, len(posts), PICTURES_AT_ONCE):
            some = posts[start : start + PICTURES_AT_ONCE]
            if sum(map(len, files.values())) < self._chunk_bytes:
                came, missing = self._pictures(some)
            else:
                came = {}
                missing = {
                    post.key: Rejection(f"{post.key} picture", "the picture waits for another pull")
                    for post in some
                    if post.picture_url and self._downloader
                }
            files, lost = files | came, lost | missing
        return files, lost

    def _pictures(self, posts: Sequence[Post]) -> tuple[dict[int, bytes], dict[str, Rejection]]:
        """Files by post id; by post key, why a picture did not come."""
        if self._downloader is None:
            return {}, {}
        shown = [(post, post.picture_url) for post in posts if post.picture_url]
        downloads = self._downloader.download([url for _, url in shown])
        files, lost = {}, {}
        for (post, _), download in zip(shown, downloads, strict=True):
            if download.problem is None:
                files[post.post_id] = download.content
            else:
                lost[post.key] = Rejection(f"{post.key} picture", download.problem)
        return files, lost


def _remarks(posts: Sequence[Post]) -> list[Rejection]:
    return [remark for post in posts for remark in post.remarks]


def _odd_reach(reach: ReachRead, posts: Sequence[Post]) -> list[Rejection]:
    """Those of these posts, and those of nobody."""
    wanted = {0, *(post.post_id for post in posts)}
    return [odd for post_id, odd in reach.rejections.items() if post_id in wanted]


def _nothing_read(unread: Sequence[str], problems: Sequence[VkflowError]) -> VkflowError:
    """Worth another try only if VK did not answer at all."""
    shown = "; ".join(unread[:SHOWN_WALLS])
    more = f"; and {len(unread) - SHOWN_WALLS} more" if len(unread) > SHOWN_WALLS else ""
    message = f"no wall could be read: {shown}{more}"
    passing = problems and all(isinstance(each, UnavailableError) for each in problems)
    return UnavailableError(message) if passing else SourceError(message)


def _part_keys(posts: Sequence[Post]) -> list[str]:
    return [f"{post.key} {part}" for post in posts for part in PARTS]
