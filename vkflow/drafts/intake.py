"""From what a person gives, in a command, a form or a file, to a draft."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vkflow.drafts.draft import Draft, name_of
from vkflow.drafts.moments import read_moment, zone_of
from vkflow.drafts.owners import KnownOwner, find_owner
from vkflow.drafts.pictures import ADDRESS, DATA, read_picture
from vkflow.errors import DraftError, SourceError
from vkflow.sources.downloads import PictureDownloader

BYTES_A_CHARACTER = 4


@dataclass(frozen=True)
class Intake:
    """What drafts are read by.

    Attributes:
        owners: those with posts.
        time_zone: where they live.
        owner_time_zones: of owners that live elsewhere, by id.
        now: the moment the forecasts stand at, UTC.
        downloader: of pictures.
        reads_files: whether a picture may be a file of this machine.
    """

    owners: Sequence[KnownOwner]
    time_zone: str
    owner_time_zones: Mapping[int, str]
    now: datetime
    downloader: PictureDownloader
    reads_files: bool = True

    def draft(
        self,
        name: str,
        *,
        text: str = "",
        picture: str = "",
        owner: str = "",
        at: str | datetime | None = None,
        is_ad: bool = False,
    ) -> Draft:
        """One draft; see :mod:`vkflow.drafts.owners`, ``moments`` and ``pictures``.

        Raises:
            DraftError: it is nobody's, its time is none, or its picture cannot be read.
        """
        owner_id = find_owner(owner, self.owners)
        zone = zone_of(owner_id, self.time_zone, self.owner_time_zones)
        moment = read_moment(at, zone, self.now)
        content = read_picture(picture, self.downloader, files=self.reads_files)
        return Draft(name, owner_id, moment, text, content, is_ad)

    def from_row(self, owner: str, at: str | datetime | None, picture: str) -> Any:
        """How a row of a file becomes a draft; what it does not say is as given here."""

        def make(name: str, row: Mapping[str, Any]) -> Draft:
            try:
                return self.draft(
                    name,
                    text=row["text"] or "",
                    picture=_apart_from_files(row["photo"]) or picture,
                    owner=row["owner_id"] or owner,
                    at=row["published_at"] or at,
                    is_ad=row["is_ad"],
                )
            except DraftError as error:
                raise DraftError("of", name=name_of(name), problem=error.message) from None

        return make


def _apart_from_files(photo: str | None) -> str:
    """A picture of a table is base64 or an address; as base64 it is no path of this machine."""
    photo = (photo or "").strip()
    is_clear = not photo or ADDRESS.match(photo) or DATA.match(photo)
    return photo if is_clear else f"data:;base64,{photo}"


def read_text_file(path: Path, max_characters: int) -> str:
    """The text of a draft in a file, UTF-8.

    Raises:
        SourceError: it cannot be read, or is no UTF-8.
        DraftError: it is larger than any text.
    """
    most = BYTES_A_CHARACTER * max_characters
    try:
        if not path.is_file():
            raise SourceError(f"there is no file {path}")
        with path.open("rb") as opened:
            content = opened.read(most + 1)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > most:
        raise DraftError("long_file", path=path, most=max_characters)
    try:
        return content.decode("utf-8-sig").rstrip("\n")
    except UnicodeDecodeError:
        raise SourceError(f"{path} is no text in UTF-8") from None
