"""VK as a source."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from vkflow.errors import SettingsError
from vkflow.settings.sources import VkSettings
from vkflow.sources.downloads import PictureDownloader
from vkflow.sources.source import Chunk
from vkflow.sources.vk.calls import Timing
from vkflow.sources.vk.client import VkClient
from vkflow.sources.vk.pacing import DailyBudget
from vkflow.sources.vk.progress import Progress
from vkflow.sources.vk.pulling import Pull
from vkflow.sources.vk.tokens import KeepToken, token_of

CHUNK_BYTES = 2**25


class VkSource:
    """Reads the walls of the settings.

    Args:
        settings: token, owners, pace.
        pictures: downloads pictures; ``None`` leaves them out.
        timing: replaced in tests.
        keep: where a renewed token goes.
        chunk_bytes: bytes of pictures at a time, about.

    Raises:
        SettingsError: there is no token, or no owner.
    """

    name = "vk"

    def __init__(
        self,
        settings: VkSettings,
        pictures: PictureDownloader | None = None,
        timing: Timing | None = None,
        *,
        keep: KeepToken | None = None,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        token_of(settings)
        if not settings.owners:
            raise SettingsError(
                "source = vk needs somebody's wall: set VKFLOW_VK__OWNERS to screen names or ids, "
                "with commas between them (a community's id is negative)"
            )
        self._settings = settings
        self._pictures = pictures
        self._chunk_bytes = chunk_bytes
        self._timing = timing or Timing()
        self._keep = keep

    def fetch(self, since: str | None, as_of: datetime) -> Iterator[Chunk]:
        """Chunk by chunk, each with a watermark that says no more than is stored with it."""
        progress = Progress.read(since)
        budget = DailyBudget(
            self._settings.daily_budgets,
            lambda: self._timing.now().astimezone(UTC).date(),
            progress.day,
            progress.calls,
        )
        with VkClient(self._settings, budget, self._timing, self._keep) as client:
            pull = Pull(self._settings, client, self._pictures, as_of, progress, self._chunk_bytes)
            for chunk in pull.chunks():
                watermark = pull.progress.write(*budget.state())
                yield replace(chunk, watermark=watermark, read_at=self._timing.now())
