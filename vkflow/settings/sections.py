"""The sections of the settings, but for those of sources: what can be set, and what for."""

from typing import Literal
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, field_validator

from vkflow.settings.section import MAX_DAYS, Section

NAME = r"^[\w .$-]+$"
"""Of a table: drivers take percent signs and colons for places of values."""

LONGEST_NAME_BYTES = 63


def _time_zone(name: str) -> str:
    if name not in available_timezones() - {"localtime", "Factory"}:
        raise ValueError("there is no such time zone; give one such as Europe/Moscow")
    return name


class ExportSettings(Section):
    """Where ``export`` writes the predictions."""

    url: SecretStr | None = Field(
        None, description="SQLAlchemy URL of a database to write to; give it as a variable"
    )
    schema_name: str | None = Field(
        None, pattern=NAME, description="schema of the tables there; unset: the connection's own"
    )
    wide_table: str = Field("predictions_wide", pattern=NAME, description="one row a post")
    long_table: str = Field(
        "latest_predictions", pattern=NAME, description="one row a post and activity"
    )
    owners_table: str = Field(
        "predictions_owners", pattern=NAME, description="one row an owner: its name and address"
    )

    @field_validator("schema_name", "wide_table", "long_table", "owners_table")
    @classmethod
    def _is_short(cls, name: str | None) -> str | None:
        if len((name or "").encode()) > LONGEST_NAME_BYTES:
            raise ValueError(f"PostgreSQL takes no name of more than {LONGEST_NAME_BYTES} bytes")
        return name


class PublishSettings(Section):
    """What the published snapshot has."""

    vectors: bool = Field(
        False,
        description="vectors of texts and pictures in the published snapshot, for similar_to; 384 "
        "dimensions are 1.5 KB a post",
    )


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
    media: str | None = Field(
        None,
        pattern=r"^[^@?#]+$",
        description="folder of stored pictures, of this home alone, or a URL such as "
        "s3://bucket/media; unset: media in the home",
    )
    keep: bool = Field(
        True,
        description="whether pictures stay once they are tagged; false: pages show none, and "
        "another tagger gets new ones only",
    )

    @property
    def taxonomy_name(self) -> str:
        """The taxonomy to use, with ``auto`` resolved."""
        if self.taxonomy != "auto":
            return self.taxonomy
        return "sample" if self.tagger == "sample" else "vk88"


class TrainingSettings(Section):
    """How a bundle is trained and judged."""

    window_days: int = Field(
        180, ge=1, le=MAX_DAYS, description="posts older than this are not learnt from"
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
    learning_rate: float = Field(
        0.06, gt=0, le=1, description="step of a tree of the first learner"
    )
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
    threads: int = Field(-1, description="CPU threads of training; -1: all")
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
        30, ge=1, le=MAX_DAYS, description="posts published in these last days are scored"
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
    """Where the tables are, and how they are opened."""

    catalog: SecretStr | None = Field(
        None,
        description="URL of a PostgreSQL database, for the catalog of a DuckLake (needs "
        "vkflow[ducklake]); unset: the tables are in a file. Give it as a variable",
    )
    data: str | None = Field(
        None,
        pattern=r"^[^@?#]+$",
        description="folder of the DuckLake's data and of nothing else, or a URL such as "
        "s3://bucket/warehouse; unset: lake in the home",
    )
    grace_days: float = Field(
        7,
        ge=0,
        le=MAX_DAYS,
        description="how long maintenance keeps old states of a DuckLake, and parts of "
        "work nobody goes on with",
    )
    wait_seconds: float = Field(
        60, ge=0, le=10**6, description="how long to wait for another writer"
    )
    memory_limit: str | None = Field(
        None,
        pattern=r"^\s*(0*[1-9][0-9]{0,6}(\.[0-9]+)?|0*\.0*[1-9][0-9]*)\s*([KMGT]i?B|[kmgt]i?b)\s*$",
        description="DuckDB's memory_limit, such as 4GB",
    )
    backups: int = Field(
        3, ge=0, description="copies of the warehouse to keep, one a night; 0: none"
    )
    least_free_gib: float = Field(
        1.0, ge=0, description="no run begins with less free on the home's disk"
    )


class RaySettings(Section):
    """How the engine ``ray`` works."""

    address: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]+:[0-9]{1,5}$",
        description="HOST:PORT of a Ray cluster; unset: one of this machine for the time of a step",
    )
    actors: int | None = Field(
        None, ge=1, description="workers at most; unset: as many as the cluster has room for"
    )
    gpus_per_actor: float = Field(
        1.0, gt=0, le=16, description="GPUs of a worker with a model, where the cluster has any"
    )
    stall_minutes: float = Field(
        30, gt=0, le=1440, description="time without a finished part after which the step fails"
    )
