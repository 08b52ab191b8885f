"""Settings of the sources: where posts come from."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from vkflow.settings.section import MAX_DAYS, Section, WordList
from vkflow.sources.vk.names import screen_name


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


ColumnNames = dict[str, str]
"""Names of somebody's columns by ours, where they differ; an empty one: there is no such column."""


class DatasetSettings(Section):
    """Where the source ``dataset`` reads."""

    path: Annotated[str, BeforeValidator(_as_text)] | None = Field(
        None,
        description="CSV or Parquet file with the posts, a folder or pattern of them, a URL "
        "(https, s3 and others) or gdrive:ID",
    )
    columns: ColumnNames = Field(
        {},
        description='names of its columns by ours, where they differ: {"text": "message"}; '
        "an empty name: it has no such column",
    )
    chunk_rows: int = Field(20_000, ge=1, description="rows read and written at a time, at most")
    encoding: Literal["auto", "UTF-8", "Windows-1251", "KOI8-R", "CP866", "Latin-1"] = Field(
        "auto",
        description="encoding of CSV files; auto: UTF-8 or Windows-1251, found in the whole file",
    )

    download_gib: float = Field(
        50, gt=0, description="size above which a URL is not downloaded, GiB"
    )
    download_hours: float = Field(
        12, gt=0, description="longest time of a download in one run, hours"
    )


class DatabaseSettings(Section):
    """Where the source ``database`` reads."""

    url: SecretStr | None = Field(
        None, description="SQLAlchemy URL of a database with the posts; give it as a variable"
    )
    table: str | None = Field(None, description="table or view with the posts; schema.table too")
    query: str | None = Field(None, description="SELECT that gives the posts, instead of a table")
    columns: ColumnNames = Field({}, description="names of its columns by ours, where they differ")
    cursor: str | None = Field(
        None,
        description="column that grows with every change, such as updated_at: only what is new in "
        "it is read; unset: everything, every night",
    )
    lag: float = Field(
        3_600,
        ge=0,
        description="how far behind the last value of the cursor to read again, for rows that "
        "were committed late: seconds of a time, else units",
    )
    chunk_rows: int = Field(20_000, ge=1, description="rows read and written at a time, at most")


class VkSettings(Section):
    """Whose walls the source ``vk`` reads, and how politely."""

    token: SecretStr | None = Field(
        None, description="user or service token of VK; give it as a variable, not in the file"
    )
    owners: WordList = Field(
        (), description="walls to read, with commas: screen names, links, or ids (-1: community 1)"
    )
    api_url: str = Field(
        "https://api.vk.ru",
        description="where the VK API answers; https://api.vk.com is its older name",
    )
    id_url: str = Field("https://id.vk.ru", description="where VK ID renews tokens")
    api_version: str = Field("5.199", pattern=r"^5\.\d+$", description="version of the VK API")
    first_days: int = Field(
        90, ge=1, le=MAX_DAYS, description="how far back the first pull of a wall reads"
    )
    refresh_days: tuple[int, ...] = Field(
        (1, 3, 7, 14, 30), description="ages of a post, in days, at which its counts are read again"
    )
    requests_per_second: float = Field(
        3, gt=0, description="requests a second, all of this process together"
    )
    daily_budgets: dict[str, int] = Field(
        {"wall.get": 5_000}, description="calls of a method a day; methods not named have no limit"
    )
    timeout_seconds: float = Field(30, gt=0, description="longest wait for one whole answer")
    attempts: int = Field(5, ge=1, description="tries of a request before its wall is left out")
    longest_wait_seconds: float = Field(
        60, ge=0, description="ceiling of the growing pause between two tries"
    )
    picture_hosts: WordList = Field(
        ("userapi.com", "vkuserphoto.ru", "vkuser.net", "vk-cdn.net", "mycdn.me", "okcdn.ru"),
        description="hosts, with all below them, pictures may come from",
    )
    picture_downloads: int = Field(8, ge=1, le=64, description="pictures downloaded at a time")

    @field_validator("refresh_days")
    @classmethod
    def _ages_ascend(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 1 <= day <= MAX_DAYS for day in days) or list(days) != sorted(set(days)):
            raise ValueError("give whole days from 1 on, each larger than the one before")
        return days

    @field_validator("owners")
    @classmethod
    def _names_say_somebody(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if empty := [name for name in names if not screen_name(name)]:
            raise ValueError(f"nobody is named by {', '.join(map(repr, empty))}")
        return names

    @field_validator("api_url", "id_url")
    @classmethod
    def _token_travels_encrypted(cls, url: str) -> str:
        parts = urlsplit(url)
        is_here = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
        if not parts.hostname or not (parts.scheme == "https" or is_here):
            raise ValueError("it must begin with https://, or the token would travel unencrypted")
        return url.rstrip("/")
