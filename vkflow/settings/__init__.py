"""All settings in one frozen tree: ``vkflow.toml``, then ``VKFLOW_…`` environment variables.

Levels are joined by two underscores: ``VKFLOW_TEXT__ENCODER=xlm-roberta-base`` is
``encoder`` in the table ``[text]`` of the file. Unknown names are refused in both places.
"""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as UnreadableVariableError

from vkflow.errors import SettingsError
from vkflow.neural.devices import Precision
from vkflow.settings.file import SettingsFile
from vkflow.settings.section import MAX_DAYS, Section
from vkflow.settings.sections import (
    ExportSettings,
    ImageSettings,
    PublishSettings,
    RaySettings,
    ReportSettings,
    ScoringSettings,
    TextSettings,
    TrainingSettings,
    WarehouseSettings,
)
from vkflow.settings.sources import DatabaseSettings, DatasetSettings, VkSettings
from vkflow.storage import Storage

SETTINGS_FILE = Path("vkflow.toml")
PREFIX = "VKFLOW_"
MAX_PROBLEMS = 20

SourceName = Literal["sample", "dataset", "database", "vk"]


class Settings(BaseSettings):
    """The whole tree. Build it with :func:`load_settings`, which words errors for people."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,  # `VKFLOW_HOME= vkflow ...` means the default, not this folder
        toml_file=SETTINGS_FILE,
    )

    home: Path = Field(Path("data"), description="folder of everything vkflow keeps")
    hub: Path | None = Field(
        None,
        description="folder of text encoders and taggers, which several homes may share; unset: "
        "models/hub in the home",
    )
    source: SourceName = Field("sample", description="where posts come from")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?)$",
        description="auto (cuda when there is one, else cpu), cpu, cuda or cuda:N",
    )
    precision: Precision = Field(
        "auto",
        description="auto: bf16 on GPUs that have it, else fp32; bf16: also on CPUs with units for "
        "it",
    )
    label_maturity_hours: int = Field(
        72,
        ge=1,
        le=24 * MAX_DAYS,
        description="age of a post after which its counts count as final",
    )
    memory_mib: int = Field(
        512,
        ge=64,
        le=2**24,
        description="MiB of posts and decoded pictures in memory at once, on their way into the "
        "warehouse",
    )
    engine: Literal["local", "ray"] = Field(
        "local",
        description="who stores and tags pictures, embeds and scores: this process, or a Ray "
        "cluster (needs vkflow[ray])",
    )
    parts: str | None = Field(
        None,
        pattern=r"^[^@?#]+$",
        description="folder of work on its way to workers and back, or a URL such as "
        "s3://bucket/parts; unset: parts in the home",
    )
    dataset: DatasetSettings = DatasetSettings()
    database: DatabaseSettings = DatabaseSettings()
    vk: VkSettings = VkSettings()
    text: TextSettings = TextSettings()
    images: ImageSettings = ImageSettings()
    training: TrainingSettings = TrainingSettings()
    scoring: ScoringSettings = ScoringSettings()
    report: ReportSettings = ReportSettings()
    publish: PublishSettings = PublishSettings()
    export: ExportSettings = ExportSettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    ray: RaySettings = RaySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Values given in code win over the environment, the environment over the file."""
        return init_settings, env_settings, SettingsFile(settings_cls)

    @field_validator("home", "hub")
    @classmethod
    def _is_unicode(cls, folder: Path | None) -> Path | None:
        """DuckDB, for the home, and tokenizers, for the hub, take no other names."""
        str(folder).encode()
        return folder

    @property
    def label_maturity(self) -> timedelta:
        """Age of a post after which its counts count as final."""
        return timedelta(hours=self.label_maturity_hours)

    @property
    def memory_bytes(self) -> int:
        """Bytes of posts and decoded pictures in memory at once."""
        return self.memory_mib * 2**20

    @property
    def warehouse_file(self) -> Path:
        """The DuckDB file one flow at a time writes."""
        return self.home / "warehouse.duckdb"

    @property
    def lake_data(self) -> str:
        """Where the data of a DuckLake lies, if there is one."""
        data = self.warehouse.data or str(self.home / "lake")
        return data if "://" in data else str(Path(data).absolute())

    @property
    def snapshot_file(self) -> Path:
        """The read-only copy for people with SQL."""
        return self.home / "published" / "predictions.duckdb"

    @property
    def media(self) -> Storage:
        """Pictures by content hash."""
        return Storage(_place(self.images.media or str(self.home / "media")), "images.media")

    @property
    def models_directory(self) -> Path:
        """Bundles by version."""
        return self.home / "models"

    @property
    def hub_directory(self) -> Path:
        """Encoders and taggers, a directory each: fetched ones and the offline default."""
        return self.hub or self.models_directory / "hub"

    @property
    def parts_url(self) -> str:
        """Where parts of work lists and their results lie for the time of a step."""
        return _place(self.parts or str(self.home / "parts"))

    @property
    def token_budgets_file(self) -> Path:
        """Batch sizes that were found best for text encoders on this machine."""
        return self.models_directory / "token_budgets.json"

    @property
    def backups_directory(self) -> Path:
        """Copies of the warehouse."""
        return self.home / "backups"

    @property
    def reports_directory(self) -> Path:
        """Morning reports by date, and the latest one."""
        return self.home / "reports"

    @property
    def downloads_directory(self) -> Path:
        """Data set files that came from a URL."""
        return self.home / "downloads"

    @property
    def sample_directory(self) -> Path:
        """Sample posts and, in a folder of its own, their truth."""
        return self.home / "sample"


def load_settings(**overrides: object) -> Settings:
    """Read the settings; ``overrides`` win over the environment and the file.

    Raises:
        SettingsError: an unknown name or a value out of range, each named in the message.
    """
    _refuse_unknown_variables()
    _refuse_odd_file()
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(_describe(error)) from None
    except UnreadableVariableError as error:
        raise SettingsError(_describe_unreadable(error)) from None
    except RecursionError:
        raise SettingsError(f"{SETTINGS_FILE} or a variable nests far too deeply") from None
    except OSError as error:
        raise SettingsError(f"{SETTINGS_FILE} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"{SETTINGS_FILE} cannot be read: {error}") from None


def _place(folder_or_url: str) -> str:
    """The same wherever it is read, and with names behind a slash to come."""
    scheme, is_url, place = folder_or_url.partition("://")
    return f"{scheme}://{place.rstrip('/')}" if is_url else str(Path(folder_or_url).absolute())


def _refuse_unknown_variables() -> None:
    """Pydantic reads only the variables it knows; a typo would be ignored without this."""
    known = {name.upper(): field.annotation for name, field in Settings.model_fields.items()}
    for variable in sorted(os.environ):
        if not variable.upper().startswith(PREFIX):
            continue
        name, *inner = variable.upper().removeprefix(PREFIX).split("__")
        if name not in known or (inner and not _is_section(known[name])):
            raise SettingsError(
                f"environment variable {variable}: there is no such setting; "
                f"known: {', '.join(sorted(known)).lower()}"
            )


def _refuse_odd_file() -> None:
    """Pydantic passes over what is no file, and a link to nowhere: the settings would be lost."""
    is_there = SETTINGS_FILE.exists() or SETTINGS_FILE.is_symlink()
    if is_there and not SETTINGS_FILE.is_file():
        raise SettingsError(
            f"{SETTINGS_FILE} cannot be read: it is no file, but a folder, a device or a link to "
            f"nowhere"
        )


def _describe_unreadable(error: UnreadableVariableError) -> str:
    """Which variables it may be, without their values."""
    section = re.search(r'field "(\w+)"', str(error))
    beginning = f"{PREFIX}{section[1] if section else ''}".upper()
    names = sorted(name for name in os.environ if name.upper().startswith(beginning))
    return (
        f"an environment variable cannot be read, one of {', '.join(names)}; lists and tables are "
        f'given as JSON, such as [1, 3] or {{"text": "message"}}'
    )


def _is_section(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def _describe(error: ValidationError) -> str:
    """One line a problem; the value itself is left out, since it may be a secret."""
    lines = []
    problems = error.errors(include_url=False, include_input=False)
    for problem in problems[:MAX_PROBLEMS]:
        name = ".".join(str(part) for part in problem["loc"])
        message = "there is no such setting"
        if problem["type"] != "extra_forbidden":
            message = problem["msg"]
        lines.append(f"setting {name}: {message}")
    if len(problems) > MAX_PROBLEMS:
        lines.append(f"and {len(problems) - MAX_PROBLEMS} problems more")
    return "\n".join(lines)
