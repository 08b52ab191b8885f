import os
import re

import pytest
import yaml

from vkflow.errors import SettingsError
from vkflow.images.taxonomy import Taxonomy, known_taxonomies, load_taxonomy
from vkflow.sample.drawings import CATEGORIES


def two_categories(**changes: object) -> dict[str, object]:
    categories = [
        {"name": "cat", "ru": "кот", "prompts": ["a cat", "a kitten"]},
        {"name": "dog", "ru": "собака", "prompts": ["a dog"]},
    ]
    base = {"name": "pets", "version": 3, "templates": ["{}", "a photo of {}"]}
    return {**base, "categories": categories, **changes}


def test_vk88_has_the_88_categories_in_order():
    taxonomy = load_taxonomy("vk88")

    assert taxonomy.taxonomy_id == "vk88@1"
    assert len(taxonomy.categories) == 88
    assert (taxonomy.names[0], taxonomy.names[-2:]) == ("russian_meme", ("lego", "toy"))


def test_sample_has_the_drawn_categories():
    assert load_taxonomy("sample").names == CATEGORIES


@pytest.mark.parametrize("name", known_taxonomies())
def test_every_label_is_russian_and_unique(name):
    labels = list(load_taxonomy(name).labels.values())

    assert len(set(labels)) == len(labels)
    assert all(re.fullmatch(r"[а-яё][а-яё -]*", label) for label in labels)


@pytest.mark.parametrize("name", known_taxonomies())
def test_no_phrase_belongs_to_two_categories(name):
    phrases = [phrase for category in load_taxonomy(name).categories for phrase in category.prompts]

    assert len(set(phrases)) == len(phrases)


def test_an_own_file_is_read(tmp_path):
    path = tmp_path / "pets.yaml"
    path.write_text(yaml.safe_dump(two_categories(), allow_unicode=True), encoding="utf-8")

    taxonomy = load_taxonomy(path)

    assert taxonomy.taxonomy_id == "pets@3"
    assert taxonomy.labels == {"cat": "кот", "dog": "собака"}
    assert taxonomy.captions(taxonomy.categories[0]) == [
        "a cat",
        "a photo of a cat",
        "a kitten",
        "a photo of a kitten",
    ]


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(SettingsError, match=r"'vk99'.*sample, vk88"):
        load_taxonomy("vk99")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.yaml cannot be read"):
        load_taxonomy(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"categories": [two_categories()["categories"][0]] * 2}, "duplicate category names: cat"),
        ({"templates": ["a photo"]}, "exactly one {}"),
        ({"templates": []}, "templates"),
        ({"prompts": []}, "prompts: Extra inputs"),
        ({"name": "My Pets"}, "name"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, changes, problem):
    path = tmp_path / "pets.yaml"
    path.write_text(yaml.safe_dump(two_categories(**changes)), encoding="utf-8")

    with pytest.raises(SettingsError, match=re.escape(problem)):
        load_taxonomy(path)


@pytest.mark.parametrize(
    "text",
    [
        *("a: [", "!!python/object/apply:os.getcwd []", "just words"),
        *("[" * 3_000, "version: 2026-99-99", "version: " + "9" * 5_000, "name: " + "x" * 2**18),
    ],
    ids=lambda text: text[:20],
)
def test_a_file_that_is_no_taxonomy_is_refused(tmp_path, text):
    path = tmp_path / "pets.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(SettingsError, match=r"pets\.yaml"):
        load_taxonomy(path)


@pytest.mark.parametrize("kind", ["pipe", "folder", "endless", "nul"])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, kind):
    path = tmp_path / "pets.yaml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    else:
        path = tmp_path / "pe\0ts.yaml"
    with pytest.raises(SettingsError, match=r"Taxonomy file .*ts\.yaml"):
        load_taxonomy(path)


def test_a_taxonomy_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Taxonomy.model_validate(two_categories()).version = 4
