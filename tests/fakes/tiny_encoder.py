"""XLM-RoBERTa in small: its real classes, with weights that were never trained."""

import json
from pathlib import Path

CORPUS = [
    "Сегодня в городе открыли новую станцию метро, жители довольны",
    "Рецепт пирога с яблоками: мука, сахар, два яйца и корица",
    "The match ended two to one, what a game! 😺 #football",
]


def make_tiny_encoder(directory: Path) -> Path:
    """Write model and tokenizer as transformers keeps them; returns the directory."""
    import torch
    from tokenizers import SentencePieceUnigramTokenizer
    from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizer

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    unigram = SentencePieceUnigramTokenizer()
    unigram.train_from_iterator(
        CORPUS * 20, vocab_size=200, special_tokens=special, unk_token="<unk>"
    )
    vocabulary = [tuple(piece) for piece in json.loads(unigram.to_str())["model"]["vocab"]]
    tokenizer = XLMRobertaTokenizer(vocab=vocabulary)
    torch.manual_seed(0)
    model = XLMRobertaModel(
        XLMRobertaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=66,
            pad_token_id=1,
        )
    )
    tokenizer.save_pretrained(directory)
    model.save_pretrained(directory)
    return directory
