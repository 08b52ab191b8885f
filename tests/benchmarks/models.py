"""Models of real size with random weights: what a model computes takes as long as a trained one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from tests.benchmarks.worlds import UNTIL

XLM_ROBERTA_LAYERS = 12
XLM_ROBERTA_WIDTH = 768
VOCABULARY = 4_000
"""Pieces of the tokenizer: the real one has 250,002, of which no text computes more."""


def post_texts(n: int) -> list[str]:
    """Distinct texts of sample posts, cleaned for encoders."""
    from vkflow.sample.world import draw_world
    from vkflow.text.cleaning import clean_for_encoder

    posts = draw_world(3 * n, until=UNTIL).posts
    texts = posts.filter(pl.col("text") != "")["text"].unique(maintain_order=True)
    return clean_for_encoder(texts.head(n)).to_list()


def save_xlm_roberta(folder: Path, corpus: list[str]) -> None:
    """XLM-RoBERTa of base size with a tokenizer made of ``corpus``."""
    import torch
    from tokenizers import SentencePieceUnigramTokenizer
    from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizer

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    unigram = SentencePieceUnigramTokenizer()
    unigram.train_from_iterator(
        corpus,
        vocab_size=VOCABULARY,
        special_tokens=special,
        unk_token="<unk>",
        show_progress=False,
    )
    pieces = [tuple(piece) for piece in json.loads(unigram.to_str())["model"]["vocab"]]
    tokenizer = XLMRobertaTokenizer(vocab=pieces, model_max_length=512)
    torch.manual_seed(0)
    model = XLMRobertaModel(
        XLMRobertaConfig(
            vocab_size=len(tokenizer),
            hidden_size=XLM_ROBERTA_WIDTH,
            num_hidden_layers=XLM_ROBERTA_LAYERS,
            num_attention_heads=12,
            intermediate_size=4 * XLM_ROBERTA_WIDTH,
            max_position_embeddings=514,
            type_vocab_size=1,
            pad_token_id=1,
        )
    )
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


def save_clip(folder: Path) -> None:
    """CLIP ViT-B/32 with random weights, as a directory that open_clip and vkflow load."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    model = open_clip.create_model("ViT-B-32")
    folder.mkdir(parents=True, exist_ok=True)
    preprocessing = open_clip.get_model_preprocess_cfg(model)
    config = {"model_cfg": open_clip.get_model_config("ViT-B-32"), "preprocess_cfg": preprocessing}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")


def save_pictures(folder: Path, n: int, width: int, height: int) -> list[Path]:
    """JPEG files with soft coloured shapes, about as hard to decode as photographs."""
    import numpy as np
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(0)
    files = []
    for number in range(n):
        coarse = chance.integers(0, 255, (height // 16, width // 16, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        files.append(folder / f"{width}-{number}.jpg")
        picture.save(files[-1], quality=88)
    return files


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is deleted afterwards."""
    with TemporaryDirectory(prefix="vkflow-benchmark-") as folder:
        yield Path(folder)
