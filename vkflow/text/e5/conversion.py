"""A transformers model and tokenizer from the packed weights."""

import struct
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from vkflow.text.e5.packed_file import PackedModel

PREFIX = "passage:"
"""What E5 was trained to read before a text that is not a question."""
SPECIAL_TOKENS = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "cls_token": "<s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}
EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln": "embeddings.LayerNorm",
}
LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def write_model_directory(packed: PackedModel, directory: Path) -> None:
    """Write config.json, model.safetensors and the tokenizer's files, readable by everybody."""
    build_model(packed).save_pretrained(directory)
    build_tokenizer(packed).save_pretrained(directory)
    for file in directory.iterdir():
        file.chmod(0o644)


def build_model(packed: PackedModel) -> Any:
    """A ``transformers.BertModel`` in float32 that holds the packed weights.

    Raises:
        RuntimeError: a tensor is missing or has another size.
    """
    shape = packed.shape
    config = transformers.BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
        hidden_act="gelu",
        max_position_embeddings=shape.positions,
        type_vocab_size=shape.types,
        layer_norm_eps=float(f"{shape.epsilon:.6g}"),
        pad_token_id=packed.pad,
    )
    with torch.device("meta"):
        model: Any = transformers.BertModel(config)
    shapes = {name: tensor.shape for name, tensor in model.named_parameters()}
    # The file has no pooler and nothing reads one; without it AutoModel would draw it at random.
    state = {name: torch.zeros(size) for name, size in shapes.items() if "pooler" in name}
    names = _long_names(shape.layers)
    for short, values in packed.tensors.items():
        start, _, end = short.rpartition(".")
        name = names.get(short) or f"{names[start]}.{'weight' if end == 'w' else 'bias'}"
        state[name] = torch.from_numpy(values).reshape(shapes[name])
    model.load_state_dict(state, strict=True, assign=True)
    # Buffers are in no state and still without memory.
    model.embeddings.position_ids = torch.arange(shape.positions)[None]
    model.embeddings.token_type_ids = torch.zeros(1, shape.positions, dtype=torch.long)
    return model.eval()


def _long_names(layers: int) -> dict[str, str]:
    return EMBEDDINGS | {
        f"l{layer}.{short}": f"encoder.layer.{layer}.{name}"
        for layer in range(layers)
        for short, name in LAYER.items()
    }


def build_tokenizer(packed: PackedModel) -> Any:
    """The tokenizer: text becomes ``<s> passage: text </s>``, so that a cut keeps the prefix."""
    tokenizer = Tokenizer(models.Unigram(packed.pieces, unk_id=packed.unk))
    # XLM-R composes characters; of its rules the file holds only those of one character.
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Precompiled(character_map(packed.characters)),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    # One named token with two ids: a piece such as ":" cannot stand in a template by itself.
    prefix = tokenizer.encode(PREFIX, add_special_tokens=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> prefix $A </s>",
        special_tokens=[
            ("<s>", packed.bos),
            {"id": "prefix", "ids": prefix.ids, "tokens": prefix.tokens},
            ("</s>", packed.eos),
        ],
    )
    fast: Any = transformers.PreTrainedTokenizerFast
    return fast(
        tokenizer_object=tokenizer,
        model_max_length=packed.shape.positions,
        padding_side="right",
        model_input_names=["input_ids", "attention_mask"],
        **SPECIAL_TOKENS,
    )


def character_map(characters: dict[str, str]) -> bytes:
    """SentencePiece's precompiled normaliser: a double-array trie, then what it leads to.

    Unit layout: https://github.com/s-yata/darts-clone, ``DoubleArrayUnit``; the outputs end with
    a zero byte each.

    Args:
        characters: what each single character becomes.
    """
    children: list[dict[int, int]] = [{}]  # of inner nodes: byte -> inner node, or -1 - output
    outputs = bytearray()
    for character, output in characters.items():
        node, (*first, last) = 0, character.encode()
        for byte in first:
            if byte not in children[node]:
                children.append({})
                children[node][byte] = len(children) - 1
            node = children[node][byte]
        children[node][last] = -1 - len(outputs)
        outputs += output.encode() + b"\0"
    # Inner node i has the 256 units from 256 (i + 1) for its children; values follow them all.
    units = [256 << 10] + [0] * (256 * (len(children) + 1) - 1)
    for node, below in enumerate(children):
        for byte, child in below.items():
            place = 256 * (node + 1) + byte
            goal = 256 * (child + 1) if child >= 0 else len(units)
            units[place] = byte | (place ^ goal) << 10 | (child < 0) << 8
            if child < 0:
                units.append(-1 - child | 1 << 31)
    units += [0] * (-len(units) % 256)
    return struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + bytes(outputs)
