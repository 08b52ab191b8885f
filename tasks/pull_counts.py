"""What a pull did, in numbers."""

import logging
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class PullCounts:
    """What a pull did.

    Attributes:
        seen: posts that came, rejected ones included.
        new: posts the warehouse did not have.
        changed: posts that say, or said, something else than before the pull, or of another date.
        refreshed: posts of earlier runs that got newer counts.
        snapshots: snapshots added.
        corrected: counts given up for others of the same moment that were delivered later.
        contradicted: how often what a post said at a moment was given up, likewise.
        bad_pictures: pictures that are none, or are damaged.
        quarantined: rejected rows by reason.
    """

    seen: int = 0
    new: int = 0
    changed: int = 0
    refreshed: int = 0
    snapshots: int = 0
    corrected: int = 0
    contradicted: int = 0
    bad_pictures: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, object]:
        """For JSON; ``asdict`` would make a count of pairs of the count of reasons."""
        return {**vars(self), "quarantined": dict(self.quarantined)}

    def tell(self, log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
        """Say what was done, and what of it somebody should look at."""
        log.info(
            "%d posts seen: %d new, %d changed, %d refreshed",
            self.seen,
            self.new,
            self.changed,
            self.refreshed,
        )
        if self.corrected:
            log.warning(
                "%d counts were given up for others of the same moment: the newest delivered count",
                self.corrected,
            )
        if self.contradicted:
            log.warning(
                "%d times a post was told otherwise of the same moment (text, picture, mark or "
                "date): the newest delivered counts",
                self.contradicted,
            )
        for reason, rows in self.quarantined.most_common():
            log.warning("%d rows to quarantine: %s", rows, reason)
