from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from vkflow.images.checkpoints import SAMPLE_DIRECTORY
from vkflow.images.tagger import PictureTagger, load_tagger
from vkflow.images.taxonomy import Taxonomy, load_taxonomy
from vkflow.sample.clip_training.captions import TEMPLATES, is_russian
from vkflow.sample.clip_training.training import train_sample_clip
from vkflow.sample.drawings import CATEGORIES, draw

FIRST_HELD_OUT_SEED = 10_000_000
PICTURES_PER_CATEGORY = 10

UNSEEN_TEMPLATES = {
    "English": (
        "{} picture posted in a social network",
        "VK wall attachment depicting {}",
        "here we can clearly see {} today",
        "content type is {}",
    ),
    "Russian": (
        "типичная иллюстрация из паблика: {}",
        "подписчики прислали снимок, на нём {}",
        "сегодня в ленте {}",
        "вложение к записи: {}",
    ),
}


def in_one_language(language: str) -> Taxonomy:
    """The sample taxonomy with unseen templates and the phrases of one language."""
    taxonomy = load_taxonomy("sample")
    categories = [
        category.model_copy(
            update={
                "prompts": tuple(
                    phrase
                    for phrase in category.prompts
                    if is_russian(phrase) == (language == "Russian")
                )
            }
        )
        for category in taxonomy.categories
    ]
    templates = UNSEEN_TEMPLATES[language]
    return taxonomy.model_copy(update={"categories": tuple(categories), "templates": templates})


def accuracy(tagger: PictureTagger, pictures: list[Image.Image], taxonomy: Taxonomy) -> float:
    """Share of pictures whose most similar category is the one that was drawn."""
    similarities = tagger.embed(pictures) @ tagger.category_embeddings(taxonomy).T
    drawn = np.repeat(np.arange(len(CATEGORIES)), len(pictures) // len(CATEGORIES))
    return float((similarities.argmax(axis=1) == drawn).mean())


@pytest.fixture(scope="module")
def tagger() -> PictureTagger:
    # Threads that wait for each other on busy cores make such a tiny model slower, not faster.
    torch.set_num_threads(1)
    return load_tagger("sample")


@pytest.fixture(scope="module")
def held_out() -> list[Image.Image]:
    seeds = range(FIRST_HELD_OUT_SEED, FIRST_HELD_OUT_SEED + PICTURES_PER_CATEGORY)
    return [draw(category, seed) for category in CATEGORIES for seed in seeds]


@pytest.mark.parametrize("language", ["English", "Russian"])
def test_held_out_drawings_are_recognised_with_unseen_templates(tagger, held_out, language):
    assert not set(UNSEEN_TEMPLATES[language]) & set(TEMPLATES)

    assert accuracy(tagger, held_out, in_one_language(language)) >= 0.95


def test_held_out_drawings_are_recognised_with_the_sample_taxonomy(tagger, held_out):
    assert accuracy(tagger, held_out, load_taxonomy("sample")) >= 0.95


def test_letterboxed_drawings_are_recognised(tagger, held_out):
    boxed = [ImageOps.expand(picture, (0, 64), "black") for picture in held_out]

    assert accuracy(tagger, boxed, load_taxonomy("sample")) >= 0.9


def test_the_checkpoint_is_at_most_5_megabytes():
    assert sum(file.stat().st_size for file in SAMPLE_DIRECTORY.iterdir()) <= 5_000_000


def test_training_again_gives_the_same_weights_and_reports_its_progress(tmp_path):
    seen = []

    first, second = (
        train_sample_clip(
            tmp_path / name,
            seed=5,
            steps=3,
            pictures_per_category=4,
            threads=1,
            on_progress=lambda *progress: seen.append(progress),
        )
        for name in ("first", "second")
    )

    weights = [result.directory / "open_clip_model.safetensors" for result in (first, second)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert first.n_bytes == weights[0].stat().st_size
    assert seen[: len(seen) // 2] == [
        *(("drawing", 4 * done, 104) for done in range(1, 27)),
        *(("training", done, 3) for done in range(1, 4)),
    ]
    load_tagger(f"local-dir:{first.directory}")


def test_a_directory_that_cannot_be_made_is_told_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told: list[str] = []
    with pytest.raises(NotADirectoryError):
        train_sample_clip(
            tmp_path / "file" / "clip", on_progress=lambda stage, done, total: told.append(stage)
        )
    assert told == []
