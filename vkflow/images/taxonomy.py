"""Named, versioned lists of picture categories, each with prompts for CLIP and a Russian label."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from vkflow.errors import SettingsError

MAX_BYTES = 2**18
"""Of a file: some 4,000 categories. Reading YAML takes about 20 s a megabyte."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Phrase = Annotated[str, Field(min_length=1, max_length=300)]


class Category(BaseModel):
    """One thing that a picture may show.

    Attributes:
        name: Key in tables and reports: short, snake case, never changed within a version.
        ru: Label for Russian readers.
        prompts: Phrases that fill the templates; their embeddings are averaged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    ru: Phrase
    prompts: tuple[Phrase, ...] = Field(min_length=1)


class Taxonomy(BaseModel):
    """Categories and the templates that turn their phrases into captions.

    Attributes:
        name: What settings call it.
        version: Raised with every change, because stored category embeddings are kept by it.
        templates: Captions with one `{}` for the phrase.
        categories: In the order of the rows of a category embedding matrix.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    version: int = Field(ge=1)
    templates: tuple[Phrase, ...] = Field(min_length=1)
    categories: tuple[Category, ...] = Field(min_length=2)

    @property
    def taxonomy_id(self) -> str:
        """Name and version, such as `vk88@1`: the key under which results are stored."""
        return f"{self.name}@{self.version}"

    @property
    def names(self) -> tuple[str, ...]:
        """Category names in order."""
        return tuple(category.name for category in self.categories)

    @property
    def labels(self) -> dict[str, str]:
        """Russian label of each category name."""
        return {category.name: category.ru for category in self.categories}

    def captions(self, category: Category) -> list[str]:
        """Every template filled with every phrase of a category."""
        return [t.replace("{}", phrase) for phrase in category.prompts for t in self.templates]

    @field_validator("templates")
    @classmethod
    def _templates_have_one_gap(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        for template in templates:
            if template.count("{}") != 1:
                raise ValueError(f"template {template!r} needs exactly one {{}} for the phrase")
        return templates

    @field_validator("categories")
    @classmethod
    def _names_are_unique(cls, categories: tuple[Category, ...]) -> tuple[Category, ...]:
        names = [category.name for category in categories]
        duplicates = sorted({name for name in names if names.count(name) > 1})
        if duplicates:
            raise ValueError(f"duplicate category names: {', '.join(duplicates)}")
        return categories


def known_taxonomies() -> list[str]:
    """Names of the taxonomies that come with vkflow, sorted."""
    folder = files("vkflow.images") / "taxonomies"
    return sorted(file.name[:-5] for file in folder.iterdir() if file.name.endswith(".yaml"))


def load_taxonomy(name_or_path: str | Path) -> Taxonomy:
    """Load a taxonomy that comes with vkflow by its name, or any other by its path.

    Args:
        name_or_path: A name from `known_taxonomies()`, or the path of a `.yaml` or `.yml` file.

    Returns:
        The checked taxonomy.

    Raises:
        SettingsError: There is no such taxonomy, the file is not YAML, or a field is wrong.
    """
    text = _read(str(name_or_path))
    try:
        return Taxonomy.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'file'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise SettingsError(f"Taxonomy {name_or_path} is not usable: {problems}") from error
    except (yaml.YAMLError, ValueError) as error:  # the latter: a day or a number that is none
        raise SettingsError(f"Taxonomy {name_or_path} is not valid YAML: {error}") from error
    except RecursionError:
        raise SettingsError(f"Taxonomy {name_or_path} is nested deeper than any") from None


def _read(name_or_path: str) -> str:
    if name_or_path in known_taxonomies():
        return (files("vkflow.images") / "taxonomies" / f"{name_or_path}.yaml").read_text("utf-8")
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        known = ", ".join(known_taxonomies())
        raise SettingsError(
            f"No taxonomy is called {name_or_path!r}. "
            f"Use one of these: {known}; or the path of a .yaml file."
        )
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise SettingsError(
                f"Taxonomy file {path} is no file, but a folder, a pipe or the like"
            )
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise SettingsError(f"Taxonomy file {path} is larger than {MAX_BYTES >> 10} KiB")
        return content.decode("utf-8")
    except (OSError, ValueError) as error:  # the latter: bytes that are no UTF-8, NUL in the path
        raise SettingsError(f"Taxonomy file {path} cannot be read: {error}") from error
