import errno
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import BertConfig, PreTrainedTokenizerFast

from vkflow.errors import MissingModelError, SettingsError
from vkflow.images.checkpoints import SAMPLE_DIRECTORY
from vkflow.images.decoding import decode_picture
from vkflow.images.scores import category_scores
from vkflow.images.tagger import load_tagger
from vkflow.images.taxonomy import Taxonomy, load_taxonomy
from vkflow.sample.drawings import CATEGORIES, draw, draw_jpeg


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [draw(category, 10_000_000) for category in CATEGORIES]


@pytest.fixture
def picture_files(tmp_path: Path) -> list[Path]:
    """A good, a broken, a missing, and another good file."""
    names = ["cat.jpg", "broken.jpg", "missing.jpg", "dog.jpg"]
    (tmp_path / "cat.jpg").write_bytes(draw_jpeg("cat", 1))
    (tmp_path / "broken.jpg").write_bytes(draw_jpeg("cat", 1)[:900])
    (tmp_path / "dog.jpg").write_bytes(draw_jpeg("dog", 1))
    return [tmp_path / name for name in names]


@pytest.fixture
def a_cpu_with_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others emulate it: slowly, with the same numbers."""
    monkeypatch.setattr("vkflow.neural.devices.cpu_has_bf16", lambda: True)


def test_a_large_file_is_decoded_small_and_means_the_same(tagger, tmp_path: Path):
    large = [
        draw(category, 5).resize((1_280, 1_280), Image.Resampling.BICUBIC)
        for category in CATEGORIES
    ]
    files = [tmp_path / f"{number}.jpg" for number in range(len(large))]
    for picture, file in zip(large, files, strict=True):
        picture.save(file, quality=90)
    shrunk = [decode_picture(file.read_bytes(), min_side=96).image for file in files]
    assert {picture.size for picture in shrunk} == {(160, 160)}
    cosine = (tagger.embed(files) * tagger.embed([Image.open(f) for f in files])).sum(axis=1)
    assert cosine.min() > 0.99


def test_scores_equal_the_recipe_of_open_clip(tagger, pictures):
    taxonomy = load_taxonomy("sample")
    model, _, preprocess = open_clip.create_model_and_transforms(
        f"local-dir:{SAMPLE_DIRECTORY}", require_pretrained=True
    )
    tokenizer = open_clip.get_tokenizer(f"local-dir:{SAMPLE_DIRECTORY}")
    with torch.inference_mode():
        model.eval()
        weights = [
            open_clip.build_zero_shot_classifier(
                model,
                tokenizer,
                classnames=[category.name],
                templates=[lambda _, c=caption: c for caption in taxonomy.captions(category)],
            )
            for category in taxonomy.categories
        ]
        batch = torch.stack([preprocess(picture) for picture in pictures])
        features = model.encode_image(batch, normalize=True)
        logits = model.logit_scale.exp() * features @ torch.cat(weights, dim=1)
        expected = logits.softmax(dim=1).numpy()

    categories = tagger.category_embeddings(taxonomy)
    scores = category_scores(tagger.embed(pictures), categories, tagger.logit_scale)

    np.testing.assert_allclose(scores, expected, atol=1e-4)


@pytest.mark.parametrize("number", [1, 7, 20, 33])
def test_embeddings_have_the_same_bits_on_any_number_of_threads(
    tagger, pictures, torch_threads, number
):
    some = (pictures * 4)[:number]
    torch_threads(1)
    alone = tagger.embed(some)
    for threads in (2, 4):
        torch_threads(threads)
        np.testing.assert_array_equal(tagger.embed(some), alone)


def test_embeddings_are_float32_of_length_one(tagger, pictures):
    embeddings = tagger.embed(pictures)
    categories = tagger.category_embeddings(load_taxonomy("sample"))

    assert (embeddings.dtype, categories.dtype) == (np.float32, np.float32)
    assert embeddings.shape == categories.shape == (26, tagger.dimensions)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(categories, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_results_do_not_depend_on_the_batch_size(tagger, pictures, batch_size):
    embeddings = tagger.embed(pictures, batch_size=batch_size)

    np.testing.assert_allclose(embeddings, tagger.embed(pictures), atol=1e-5)


def test_results_do_not_depend_on_the_threads_that_share_a_batch(tagger, pictures, torch_threads):
    alone = tagger.embed(pictures)
    torch_threads(3)
    np.testing.assert_allclose(tagger.embed(pictures), alone, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_a_bad_file_is_a_nan_row_and_a_warning(tagger, picture_files, batch_size, caplog):
    with caplog.at_level("INFO"):
        embeddings = tagger.embed(picture_files, batch_size=batch_size)

    assert np.isnan(embeddings).all(axis=1).tolist() == [False, True, True, False]
    good = tagger.embed([picture_files[0], picture_files[3]])
    np.testing.assert_allclose(embeddings[[0, 3]], good, atol=1e-5)
    assert "broken.jpg is left out" in caplog.text
    assert "missing.jpg is gone" in caplog.text


class _Failing:
    def __init__(self, number: int) -> None:
        self._error = OSError(number, os.strerror(number))

    def read_bytes(self) -> bytes:
        raise self._error


def test_a_disk_that_fails_loses_no_picture(tagger, pictures):
    assert np.isnan(tagger.embed([_Failing(errno.EIO)])).all(), "a bad sector"
    for number in (errno.ESTALE, errno.EACCES, errno.EMFILE):
        with pytest.raises(OSError, match=re.escape(os.strerror(number))):
            tagger.embed([pictures[0], _Failing(number)])


def test_a_batch_of_only_bad_files_works(tagger, picture_files):
    embeddings = tagger.embed([picture_files[1]] * 3, batch_size=3)

    assert embeddings.shape == (3, tagger.dimensions)
    assert np.isnan(embeddings).all()


def test_no_pictures_and_no_texts_work(tagger):
    assert tagger.embed([]).shape == tagger.embed_texts([]).shape == (0, tagger.dimensions)


def test_progress_counts_pictures(tagger, pictures):
    seen = []

    tagger.embed(pictures, batch_size=10, on_progress=lambda *progress: seen.append(progress))

    assert seen == [(10, 26), (20, 26), (26, 26)]


def test_phrases_of_unknown_words_are_named(tagger, caplog):
    categories = [
        {"name": "cat", "ru": "кот", "prompts": ["a cat"]},
        {"name": "nothing", "ru": "ничто", "prompts": ["quantum thermodynamics"]},
    ]
    taxonomy = Taxonomy(name="odd", version=1, templates=["{}"], categories=categories)

    with caplog.at_level(logging.WARNING):
        tagger.category_embeddings(taxonomy)

    assert "does not know: quantum thermodynamics" in caplog.text
    assert "a cat" not in caplog.text


def test_the_encoder_id_names_weights_preprocessing_and_precision(
    tagger, tmp_path, a_cpu_with_bf16
):
    assert re.fullmatch(r"clip:sample:[0-9a-f]{12}:96-squash-bicubic-draft:fp32", tagger.encoder_id)
    shutil.copytree(SAMPLE_DIRECTORY, tmp_path / "copy")

    local = load_tagger(f"local-dir:{tmp_path / 'copy'}", precision="bf16")

    expected = tagger.encoder_id.replace("sample", "local").replace("fp32", "bf16")
    assert local.encoder_id == expected


def test_bf16_agrees_with_fp32(tagger, pictures, a_cpu_with_bf16):
    half = load_tagger("sample", precision="bf16")

    cosines = (half.embed(pictures) * tagger.embed(pictures)).sum(axis=1)

    assert cosines.min() > 0.99


def test_a_directory_without_weights_is_a_missing_model(tmp_path):
    shutil.copy(SAMPLE_DIRECTORY / "open_clip_config.json", tmp_path)

    with pytest.raises(MissingModelError, match=r"it needs open_clip_config\.json and"):
        load_tagger(f"local-dir:{tmp_path}")


def test_pickled_weights_are_never_read(tmp_path):
    shutil.copy(SAMPLE_DIRECTORY / "open_clip_config.json", tmp_path)
    (tmp_path / "open_clip_pytorch_model.bin").write_bytes(b"a pickle")

    with pytest.raises(MissingModelError, match="safetensors"):
        load_tagger(f"local-dir:{tmp_path}")


def test_damaged_weights_are_a_missing_model(tmp_path):
    shutil.copytree(SAMPLE_DIRECTORY, tmp_path, dirs_exist_ok=True)
    (tmp_path / "open_clip_model.safetensors").write_bytes(b"cut short")

    with pytest.raises(MissingModelError, match="damaged"):
        load_tagger(f"local-dir:{tmp_path}")


@pytest.mark.parametrize(
    ("section", "name", "number"),
    [
        ("text_cfg", "layers", 100_000),
        ("vision_cfg", "layers", [100_000, 1, 1, 1]),
        ("text_cfg", "width", 10**6),
        ("text_cfg", "context_length", 10**9),
        ("vision_cfg", "image_size", 10**6),
        ("vision_cfg", "image_size", 7_000),
    ],
)
def test_configuration_larger_than_its_weights_is_refused_before_a_model_is_made(
    tmp_path, monkeypatch, section, name, number
):
    shutil.copytree(SAMPLE_DIRECTORY, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "open_clip_config.json"
    config = json.loads(file.read_text())
    config["model_cfg"]["vision_cfg"]["patch_size"] = 1
    config["model_cfg"][section][name] = number
    file.write_text(json.dumps(config))
    monkeypatch.setattr("open_clip.create_model_and_transforms", None)

    with pytest.raises(MissingModelError, match=rf"{name} is \d+, more than its weights have"):
        load_tagger(f"local-dir:{tmp_path}")


@pytest.mark.parametrize("change", [{"width": 40_000, "heads": 8}, {"layers": 100, "width": 4_000}])
def test_configuration_of_more_numbers_than_its_weights_is_refused_too(
    tmp_path, monkeypatch, caplog, change
):
    """Each number alone is one that its weights have, of the words of its vocabulary."""
    shutil.copytree(SAMPLE_DIRECTORY, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "open_clip_config.json"
    config = json.loads(file.read_text())
    config["model_cfg"]["text_cfg"] |= change
    file.write_text(json.dumps(config))
    monkeypatch.setattr("open_clip.create_model_and_transforms", None)

    with pytest.raises(MissingModelError, match="model it describes is larger than its weights"):
        load_tagger(f"local-dir:{tmp_path}")
    assert "randomly" not in caplog.text


def test_side_of_the_preprocessing_is_bounded_too(tmp_path):
    shutil.copytree(SAMPLE_DIRECTORY, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "open_clip_config.json"
    file.write_text(file.read_text().replace('"size": 96', '"size": [9999999, 9999999]'))

    with pytest.raises(MissingModelError, match="size is 9999999, more than its weights have"):
        load_tagger(f"local-dir:{tmp_path}")


@pytest.mark.parametrize("junk", ["", "[" * 100_000, '{"model_cfg"', "null"], ids=len)
def test_configuration_that_is_none_is_a_missing_model(tmp_path, junk):
    shutil.copytree(SAMPLE_DIRECTORY, tmp_path, dirs_exist_ok=True)
    (tmp_path / "open_clip_config.json").write_text(junk)

    with pytest.raises(MissingModelError, match="damaged"):
        load_tagger(f"local-dir:{tmp_path}")


def test_pipe_in_the_directory_is_told_and_not_read(tmp_path):
    shutil.copytree(SAMPLE_DIRECTORY, tmp_path, dirs_exist_ok=True)
    os.mkfifo(tmp_path / "tokenizer.json")

    with pytest.raises(MissingModelError, match=r"tokenizer\.json is no file, but a pipe"):
        load_tagger(f"local-dir:{tmp_path}")


TRUSTING = {"hf_tokenizer_name": "any", "tokenizer_kwargs": {"trust_remote_code": True}}


@pytest.mark.parametrize("texts", [TRUSTING, {"hf_tokenizer_name": "any"}, {"hf_model_name": "."}])
def test_code_of_a_model_is_never_run_whatever_its_configuration_says(tmp_path, monkeypatch, texts):
    folder, ran = tmp_path / "clip", tmp_path / "ran"
    monkeypatch.setattr(
        "transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "code")
    )
    monkeypatch.setattr("builtins.input", lambda question: "y")
    shutil.copytree(SAMPLE_DIRECTORY, folder)
    monkeypatch.chdir(folder)
    file = folder / "open_clip_config.json"
    config = json.loads(file.read_text())
    config["model_cfg"]["text_cfg"] |= texts
    file.write_text(json.dumps(config))
    code = {"AutoTokenizer": ["odd.Odd", "odd.Odd"], "AutoConfig": "odd.Odd"}
    for name in ("tokenizer_config.json", "config.json"):
        (folder / name).write_text(json.dumps({"model_type": "odd", "auto_map": code}))
    (folder / "odd.py").write_text(f"open({str(ran)!r}, 'w')\nclass Odd: pass\n")

    with pytest.raises(MissingModelError, match="damaged"):
        load_tagger(f"local-dir:{folder}")
    assert not ran.exists()


def test_a_text_tower_of_transformers_is_read_from_the_folder(tmp_path):
    folder, tower = tmp_path / "clip", tmp_path / "tower"
    BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=16,
    ).save_pretrained(tower)  # fmt: skip
    words = Tokenizer(WordLevel({"[PAD]": 0, "[UNK]": 1, "cat": 2}, "[UNK]"))
    PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    config = {
        "embed_dim": 8,
        "vision_cfg": {
            "image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16
        },
        "text_cfg": {
            "hf_model_name": str(tower), "hf_tokenizer_name": "any", "hf_proj_type": "linear",
            "hf_pooler_type": "mean_pooler", "context_length": 8,
        },
    }  # fmt: skip
    open_clip.add_model_config(_json(tmp_path / "tiny.json", config))
    model = open_clip.create_model("tiny", pretrained_text=False)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    _json(folder / "open_clip_config.json", {"model_cfg": config, "preprocess_cfg": {}})

    read = load_tagger(f"local-dir:{folder}").embed_texts(["cat", "dog"])
    expected = model.eval().encode_text(torch.tensor([[2], [1]]), normalize=True)
    np.testing.assert_allclose(read, expected.detach().numpy(), atol=1e-5)


def _json(file: Path, content: object) -> Path:
    file.write_text(json.dumps(content))
    return file


def test_weights_that_cannot_be_downloaded_are_a_missing_model(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    with pytest.raises(MissingModelError, match=r"could not be downloaded.*local-dir:PATH"):
        load_tagger("RN50:cc12m")


@pytest.mark.parametrize(
    ("tagger_name", "problem"),
    [
        ("ViT-L-14", "MODEL:PRETRAINED"),
        ("", "MODEL:PRETRAINED"),
        ("ViT-L14:openai", "'ViT-L14' is not a CLIP model.*ViT-L-14"),
        ("ViT-L-14:opnai", "'opnai' is not a pretrained tag of ViT-L-14.*openai"),
        ("ViT-L-14:", "pretrained tag"),
    ],
)
def test_a_misspelt_tagger_is_a_settings_error(tagger_name, problem):
    with pytest.raises(SettingsError, match=problem):
        load_tagger(tagger_name)


@pytest.mark.parametrize(
    ("device", "precision"),
    [("gpu", "fp32"), ("cuda:99", "fp32"), ("cpu:x", "fp32"), ("cpu", "fp8"), ("cpu", "fp16")],
)
def test_impossible_devices_and_precisions_are_settings_errors(device, precision):
    with pytest.raises(SettingsError, match=r"Device|Precision"):
        load_tagger("sample", device=device, precision=precision)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_agrees_with_the_cpu(tagger, pictures):
    on_gpu = load_tagger("sample", device="cuda", precision="fp32")

    np.testing.assert_allclose(on_gpu.embed(pictures), tagger.embed(pictures), atol=1e-3)


def test_importing_the_tagger_does_not_import_torch():
    check = "import sys, vkflow.images.tagger; sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    assert subprocess.run([sys.executable, "-c", check], env=environment).returncode == 0
