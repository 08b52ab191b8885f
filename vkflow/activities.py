"""The eight activities, and the columns their counts have in tables and frames."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Activity:
    """One thing a viewer may do, at most once a view.

    Attributes:
        name: the word used in tables, settings and reports.
        count_column: the column of ``snapshots`` that counts it.
        dataset_column: the column of a data set file that counts it.
    """

    name: str
    count_column: str
    dataset_column: str


ACTIVITIES: tuple[Activity, ...] = (
    Activity("like", "likes", "like"),
    Activity("comment", "comments", "comment"),
    Activity("repost", "reposts", "repost"),
    Activity("share_to_message", "shares_to_message", "share_to_message"),
    Activity("hide", "hides", "hide"),
    Activity("expand", "expands", "expand"),
    Activity("open_photo", "photo_opens", "open_photo"),
    Activity("open", "opens", "open"),
)

ACTIVITY_NAMES: tuple[str, ...] = tuple(activity.name for activity in ACTIVITIES)
COUNT_COLUMNS: tuple[str, ...] = tuple(activity.count_column for activity in ACTIVITIES)
