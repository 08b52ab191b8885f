from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from vkflow.errors import MissingModelError, SettingsError
from vkflow.text import transformer
from vkflow.text.budgets import ROUNDS, RememberedBudgets
from vkflow.text.checkpoints import load_transformer_encoder
from vkflow.text.packed_linear import PackedLinear
from vkflow.text.transformer import (
    CANDIDATES,
    CHUNK_TEXTS,
    TOKEN_BUDGETS,
    TransformerEncoder,
)

TEXTS = [
    "Сегодня в городе",
    "кот",
    "Рецепт пирога с яблоками: мука, сахар, два яйца и корица " * 9,
    "The match ended two to one, what a game! 😺 #football",
    "",
    "метро",
]


@pytest.fixture(scope="module")
def encoder(tiny_encoder_directory: Path) -> TransformerEncoder:
    return load_transformer_encoder(str(tiny_encoder_directory), device="cpu")


@pytest.fixture(scope="module")
def one_by_one(tiny_encoder_directory: Path) -> np.ndarray:
    """The plain computation: one text at a time, mean over its own tokens."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder_directory)
    model = AutoModel.from_pretrained(tiny_encoder_directory).eval()
    rows = []
    for text in TEXTS:
        tokens = tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
        with torch.no_grad():
            rows.append(model(**tokens).last_hidden_state[0].mean(dim=0).numpy())
    return np.stack(rows)


@pytest.mark.parametrize("token_budget", [8, 70, 4_096])
def test_batches_equal_the_one_by_one_computation(
    encoder: TransformerEncoder, one_by_one: np.ndarray, token_budget: int
) -> None:
    encoder.token_budget = token_budget
    np.testing.assert_allclose(encoder.encode(TEXTS).vectors, one_by_one, atol=1e-4)


def test_order_of_the_texts_does_not_matter(
    encoder: TransformerEncoder, one_by_one: np.ndarray
) -> None:
    order = [3, 0, 5, 2, 4, 1]
    shuffled = encoder.encode([TEXTS[position] for position in order])
    np.testing.assert_allclose(shuffled.vectors, one_by_one[order], atol=1e-4)


def test_tokens_are_counted_and_cuts_recorded(encoder: TransformerEncoder) -> None:
    encoded = encoder.encode(TEXTS)
    assert encoded.truncated.tolist() == [False, False, True, False, False, False]
    assert encoded.n_tokens[2] == 64, "RoBERTa has two positions less than the table"
    assert encoded.n_tokens[4] == 2, "an empty text still has its two special tokens"


def test_running_out_of_memory_halves_the_budget_and_goes_on(
    encoder: TransformerEncoder, one_by_one: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder.token_budget = 4_096
    encode_batch = encoder._encode_batch

    def encode_small_batch(token_ids: list[list[int]]) -> torch.Tensor:
        if len(token_ids) > 2:
            raise torch.OutOfMemoryError("injected")
        return encode_batch(token_ids)

    monkeypatch.setattr(encoder, "_encode_batch", encode_small_batch)
    progress: list[int] = []
    encoded = encoder.encode(TEXTS, progress.append)
    np.testing.assert_allclose(encoded.vectors, one_by_one, atol=1e-4)
    assert encoder.token_budget < 4_096
    assert sum(progress) == len(TEXTS)


def test_any_number_of_threads_gives_the_same_bits(
    encoder: TransformerEncoder, torch_threads: Callable[[int], None]
) -> None:
    encoder.token_budget = 70

    def encode_on(threads: int) -> np.ndarray:
        torch_threads(threads)
        return encoder.encode(TEXTS * 3).vectors

    alone = encode_on(1)
    np.testing.assert_array_equal(encode_on(2), alone)
    np.testing.assert_array_equal(encode_on(5), alone)


def test_one_text_too_large_for_memory_is_an_error(
    encoder: TransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(token_ids: list[list[int]]) -> torch.Tensor:
        raise torch.OutOfMemoryError("injected")

    monkeypatch.setattr(encoder, "_encode_batch", fail)
    with pytest.raises(torch.OutOfMemoryError):
        encoder.encode(TEXTS)


def test_the_best_budget_is_probed_once_and_remembered(
    tiny_encoder_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probed: list[int] = []

    def speed(_encoder: TransformerEncoder, budget: int) -> float:
        probed.append(budget)
        return {256: 80.0, 512: 99.0, 1_024: 100.0}.get(budget, 50.0)

    monkeypatch.setattr(TransformerEncoder, "_tokens_per_second", speed)
    budgets = RememberedBudgets(tmp_path / "token_budgets.json")
    first = load_transformer_encoder(str(tiny_encoder_directory), device="cpu", budgets=budgets)
    first.encode(["кот"] * 300)
    first.encode(["кот"])
    assert first.token_budget == TOKEN_BUDGETS["cpu"], "a little work is not worth a probe"
    monkeypatch.setattr(transformer, "PROBED_AFTER_SECONDS", 0.001)
    first.encode(["кот"])
    assert first.token_budget == 512
    second = load_transformer_encoder(str(tiny_encoder_directory), device="cpu", budgets=budgets)
    assert second.token_budget == 512, "known from the start"
    second.encode(["кот"] * 300)
    second.encode(["кот"])
    assert probed[:4] == [256, 512, 1_024, 2_048]
    assert sorted(probed) == sorted(probed[:4] * ROUNDS), "in turns, and only by the first encoder"


def test_a_budget_that_is_set_is_not_probed(
    tiny_encoder_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(TransformerEncoder, "_tokens_per_second")
    monkeypatch.setattr(transformer, "PROBED_AFTER_SECONDS", 0.0)
    encoder = load_transformer_encoder(str(tiny_encoder_directory), device="cpu", token_budget=100)
    encoder.encode(["кот"])
    assert encoder.token_budget == 100


def test_a_probe_measures_and_survives_a_budget_too_large_for_memory(
    tiny_encoder_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vkflow.text.transformer.PROBE_SECONDS", 0.01)
    encoder = load_transformer_encoder(str(tiny_encoder_directory), device="cpu")
    encode_batch = encoder._encode_batch

    def too_large(token_ids: list[list[int]]) -> torch.Tensor:
        if len(token_ids) > 8:
            raise torch.OutOfMemoryError("injected")
        return encode_batch(token_ids)

    monkeypatch.setattr(encoder, "_encode_batch", too_large)
    encoder.tune()
    assert encoder.token_budget in (256, 512)


def test_more_texts_than_are_tokenised_at_once_keep_their_places(
    encoder: TransformerEncoder, one_by_one: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vkflow.text.transformer.TOKENISED_AT_ONCE", 2)
    encoder.token_budget = 70
    encoded = encoder.encode(TEXTS)
    np.testing.assert_allclose(encoded.vectors, one_by_one, atol=1e-4)
    assert encoded.truncated.tolist() == [False, False, True, False, False, False]
    assert encoded.n_tokens[[2, 4]].tolist() == [64, 2]


@pytest.mark.parametrize(("capability", "is_packed"), [("AVX512", True), ("AVX2", False)])
def test_linear_layers_are_packed_where_that_is_faster_and_compute_the_same(
    tiny_encoder_directory: Path,
    encoder: TransformerEncoder,
    one_by_one: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    capability: str,
    is_packed: bool,
) -> None:
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: capability)
    loaded = load_transformer_encoder(str(tiny_encoder_directory), device="cpu")
    kinds = {type(layer) for layer in loaded._model.modules()}
    assert (PackedLinear in kinds, torch.nn.Linear in kinds) == (is_packed, not is_packed)
    assert loaded.encoder_id == encoder.encoder_id
    np.testing.assert_allclose(loaded.encode(TEXTS).vectors, one_by_one, atol=1e-4)


@pytest.mark.parametrize("bias", [True, False])
def test_a_packed_layer_is_the_layer(bias: bool) -> None:
    layer = torch.nn.Linear(24, 40, bias=bias)
    inputs = torch.randn(3, 7, 24)
    with torch.inference_mode():
        torch.testing.assert_close(PackedLinear(layer)(inputs), layer(inputs))


def test_encoder_id_names_weights_pooling_cut_and_precision(encoder: TransformerEncoder) -> None:
    name, pooling, cut, precision = encoder.encoder_id.split("/")
    assert name.startswith("tiny-xlm-roberta@")
    assert (pooling, cut, precision) == ("mean", "64", "fp32")


def test_no_texts_give_no_vectors(encoder: TransformerEncoder) -> None:
    assert encoder.encode([]).vectors.shape == (0, 32)


def test_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MissingModelError, match="vkflow models pull"):
        load_transformer_encoder("no-such/encoder")
    with pytest.raises(MissingModelError, match="cannot be loaded"):
        load_transformer_encoder(str(tmp_path))


def test_fp16_on_a_cpu_is_refused(tiny_encoder_directory: Path) -> None:
    with pytest.raises(SettingsError, match="needs a GPU"):
        load_transformer_encoder(str(tiny_encoder_directory), device="cpu", precision="fp16")


def test_bf16_agrees_with_fp32(
    tiny_encoder_directory: Path, one_by_one: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vkflow.neural.devices.cpu_has_bf16", lambda: True)  # others emulate it
    encoder = load_transformer_encoder(str(tiny_encoder_directory), device="cpu", precision="bf16")
    vectors = encoder.encode(TEXTS).vectors
    cosine = (vectors * one_by_one).sum(axis=1) / np.linalg.norm(one_by_one, axis=1)
    np.testing.assert_allclose(cosine / np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


@pytest.fixture
def gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")


@pytest.mark.gpu
def test_gpu_agrees_with_the_cpu(
    gpu: None, tiny_encoder_directory: Path, one_by_one: np.ndarray
) -> None:
    encoder = load_transformer_encoder(str(tiny_encoder_directory), device="cuda", precision="fp32")
    np.testing.assert_allclose(encoder.encode(TEXTS).vectors, one_by_one, atol=1e-3)


@pytest.mark.gpu
def test_gpu_is_picked_up_and_its_budget_found(gpu: None, tiny_encoder_directory: Path) -> None:
    encoder = load_transformer_encoder(str(tiny_encoder_directory))
    assert encoder.encoder_id.endswith(("/bf16", "/fp32"))
    assert encoder.chunk_texts == CHUNK_TEXTS["cuda"]
    encoder.tune()
    assert encoder.token_budget in CANDIDATES["cuda"]
