"""The sections of the settings: what can be set, in what range, and what for."""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from vkflow.sources.vk.names import screen_name


def _split_words(value: object) -> object:
    return (
        [word for word in re.split(r"[\s,]+", value) if word] if isinstance(value, str) else value
    )


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _time_zone(name: str) -> str:
    if name not in available_timezones() - {"localtime", "Factory"}:
        raise ValueError("there is no such time zone; give one such as Europe/Moscow")
    return name


WordList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_words)]
"""Words in a list, or in one string with commas, as a variable has them."""


MOST_DAYS = 36_500
"""A hundred years: more days make dates that are none."""


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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


class ExportSettings(Section):
    """Where ``export`` writes the predictions."""

    url: SecretStr | None = Field(
        None, description="SQLAlchemy URL of a database to write to; give it as a variable"
    )
    schema_name: str | None = Field(
        None, description="schema of the tables there; unset: the connection's own"
    )
    wide_table: str = Field("predictions_wide", min_length=1, description="one row a post")
    long_table: str = Field(
        "latest_predictions", min_length=1, description="one row a post and activity"
    )
    owners_table: str = Field(
        "predictions_owners", min_length=1, description="one row an owner: its name and address"
    )


class PublishSettings(Section):
    """What the published snapshot has."""

    vectors: bool = Field(
        False,
        description="text vectors in the published snapshot, for similar_to; 384 dimensions are "
        "1.5 KB a post",
    )


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
        90, ge=1, le=MOST_DAYS, description="how far back the first pull of a wall reads"
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
        if any(not 1 <= day <= MOST_DAYS for day in days) or list(days) != sorted(set(days)):
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


class TextSettings(Section):
    """How texts become vectors."""

    encoder: str = Field(
        "e5-small",
        min_length=1,
        description="e5-small (offline), or a transformers encoder by name or local directory",
    )
    revision: str | None = Field(None, description="commit of the encoder on the model hub")
    max_tokens: int = Field(512, ge=8, le=8192, description="tokens after which a text is cut")
    token_budget: int | None = Field(
        None,
        ge=8,
        description="tokens in one batch, padding included; unset: what a short probe finds best",
    )
    chunk_texts: int | None = Field(
        None, ge=1, description="texts encoded between two saves; unset: by device"
    )
    max_characters: int = Field(
        100_000, ge=1, description="longer texts are quarantined, their posts are not pulled"
    )


class ImageSettings(Section):
    """How pictures become vectors and categories."""

    tagger: str = Field(
        "sample",
        min_length=1,
        description="sample, none, an open_clip 'model:pretrained', or 'local-dir:PATH'",
    )
    taxonomy: str = Field(
        "auto",
        description="sample, vk88 or a YAML file; auto: sample for the sample tagger, else vk88",
    )
    batch_size: int = Field(32, ge=1, description="pictures in one batch of the tagger")
    chunk_images: int = Field(512, ge=1, description="pictures tagged between two saves")
    ranked_tags: int = Field(5, ge=1, le=100, description="best categories kept in image_tags")

    @property
    def taxonomy_name(self) -> str:
        """The taxonomy to use, with ``auto`` resolved."""
        if self.taxonomy != "auto":
            return self.taxonomy
        return "sample" if self.tagger == "sample" else "vk88"


class TrainingSettings(Section):
    """How a bundle is trained and judged."""

    window_days: int = Field(
        180, ge=1, le=MOST_DAYS, description="posts older than this are not learnt from"
    )
    validation_share: float = Field(
        0.15, gt=0, lt=0.5, description="newest share of the posts before the test, to stop early"
    )
    test_share: float = Field(0.15, gt=0, lt=0.5, description="newest share, to judge by")
    min_posts: int = Field(200, ge=20, description="labelled posts below which nothing is trained")
    max_posts: int = Field(
        5_000_000,
        ge=1_000,
        description="labelled posts learnt from at most; of more, a sample spread evenly over the "
        "window",
    )
    iterations: int = Field(1_000, ge=1, le=10**6, description="trees at most")
    learning_rate: float = Field(0.03, gt=0, le=1, description="step of a tree")
    depth: int = Field(3, ge=1, le=10, description="depth of a tree")
    feature_share: float = Field(
        0.3, gt=0, le=1, description="share of the features each split of a tree chooses from"
    )
    l2_leaf_reg: float = Field(30.0, ge=0, description="L2 regularisation of the leaves")
    early_stopping_rounds: int = Field(50, ge=1, description="trees without gain before stopping")
    text_components: int = Field(32, ge=1, description="principal components of text vectors")
    image_components: int = Field(16, ge=1, description="principal components of picture vectors")
    bootstrap_samples: int = Field(500, ge=100, description="resamples behind an interval")
    time_zone: str = Field("Europe/Moscow", description="where the owners live: hour and weekday")
    owner_time_zones: dict[int, str] = Field(
        default_factory=dict, description="time zones of owners that live elsewhere, by owner id"
    )
    metrics: tuple[str, ...] = Field(
        (), description="metrics of your own, each as package.module:function"
    )
    drift_threshold: float = Field(
        0.25,
        gt=0,
        description="population stability index below which drift is not told, though past weeks "
        "had none",
    )
    threads: int = Field(-1, description="CPU threads of CatBoost; -1: all")
    seed: int = Field(0, ge=0, lt=2**31, description="start of all random numbers")

    @field_validator("time_zone")
    @classmethod
    def _is_a_time_zone(cls, name: str) -> str:
        return _time_zone(name)

    @field_validator("owner_time_zones")
    @classmethod
    def _are_time_zones(cls, zones: dict[int, str]) -> dict[int, str]:
        return {owner_id: _time_zone(name) for owner_id, name in zones.items()}


class ScoringSettings(Section):
    """Which posts are scored."""

    window_days: int = Field(
        30, ge=1, le=MOST_DAYS, description="posts published in these last days are scored"
    )
    chunk_posts: int = Field(5_000, ge=1, description="posts scored between two saves")
    rescore_known: bool = Field(
        True,
        description="whether a new champion also scores posts whose outcome is known by now; "
        "false: they keep the scores of the one before",
    )


class ReportSettings(Section):
    """The morning report."""

    language: Literal["ru", "en"] = Field("ru", description="language of the report: ru or en")


class WarehouseSettings(Section):
    """How the DuckDB file is opened."""

    wait_seconds: float = Field(
        60, ge=0, le=10**6, description="how long to wait for another writer"
    )
    memory_limit: str | None = Field(
        None,
        pattern=r"^\s*(0*[1-9][0-9]{0,6}(\.[0-9]+)?|0*\.0*[1-9][0-9]*)\s*([KMGT]i?B|[kmgt]i?b)\s*$",
        description="DuckDB's memory_limit, such as 4GB",
    )
    backups: int = Field(3, ge=0, description="copies of the file to keep, one a night; 0: none")
    least_free_gib: float = Field(
        1.0, ge=0, description="no run begins with less free on the home's disk"
    )
