"""Training captions: phrases of the sample taxonomy in many templates, among strangers."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import torch

from vkflow.images.taxonomy import load_taxonomy
from vkflow.sample.clip_training.strangers import nonsense_words, russian_words

TEMPLATES = (
    "{}",
    "{}.",
    "a photo of a {}",
    "a picture of {}",
    "an image of {}",
    "this is {}",
    "a {}",
    "the {}",
    "a post with {}",
    "image showing {}",
    "a close-up of a {}",
    "a jpeg of {}",
    "a good photo of the {}",
    "a low quality image of {}",
    "photo of {} from social media",
    "{} image",
    "{} photo",
    "a drawing of {}",
    "an illustration of a {}",
    "social network post about {}",
    "фото {}",
    "изображение {}",
    "картинка: {}",
    "на фото {}",
    "пост про {}",
    "это {}",
)

N_BYTE_TOKENS = 512
"""CLIP's first tokens are single bytes, parts of any unknown word: they never stand for one."""

N_NONSENSE_WORDS = 500
MAX_BEFORE, MAX_AFTER = 8, 4
SHARE_AMONG_STRANGERS = 0.6
SHARE_OF_RUSSIAN_PHRASES = 0.5
SHARE_OF_RUSSIAN_STRANGERS = 0.65

Tokenizer = Callable[[list[str]], torch.Tensor]


@dataclass(frozen=True)
class CaptionBook:
    """Tokenised captions of every category.

    Attributes:
        english: For every category an int64 tensor (n_captions, context_length).
        russian: The same with Russian phrases.
        known: Bool tensor (vocabulary,): the tokens that occur in any caption.
        unknown: Ids of whole-word tokens that no caption uses.
        fragments: Token ids of Russian words that are no phrase.
        start: Id of the token that opens a caption.
        end: Id of the token that closes it.
    """

    english: list[torch.Tensor]
    russian: list[torch.Tensor]
    known: torch.Tensor
    unknown: list[int]
    fragments: list[list[int]]
    start: int
    end: int

    def draw(self, category: int, random: Random) -> torch.Tensor:
        """A caption of a category, int64 (context_length,), mostly among strangers.

        So the model learns to find the words it knows wherever they stand.
        """
        in_russian = random.random() < SHARE_OF_RUSSIAN_PHRASES
        caption = random.choice((self.russian if in_russian else self.english)[category])
        if random.random() < SHARE_AMONG_STRANGERS:
            return self.surround(caption, random)
        return caption

    def surround(self, caption: torch.Tensor, random: Random) -> torch.Tensor:
        """Put up to eight strangers before the words of a caption and up to four after them.

        Both int64, shape (context_length,).
        """
        n_before, n_after = random.randint(0, MAX_BEFORE), random.randint(0, MAX_AFTER)
        before = [token for _ in range(n_before) for token in self.stranger(random)]
        after = [token for _ in range(n_after) for token in self.stranger(random)]
        words = [*before, *words_of(caption, self.end), *after][: len(caption) - 2]
        tokens = [self.start, *words, self.end]
        return torch.tensor(tokens + [0] * (len(caption) - len(tokens)))

    def stranger(self, random: Random) -> list[int]:
        """A word of no meaning for the model.

        English words are one token each, and the embedding of a token it never saw is zero.
        Russian words fall into fragments, of which some occur in its phrases too.
        """
        if random.random() < SHARE_OF_RUSSIAN_STRANGERS:
            return random.choice(self.fragments)
        return [random.choice(self.unknown)]


def words_of(caption: torch.Tensor, end: int) -> list[int]:
    """Token ids of a caption, shape (context_length,), between its opening token and `end`."""
    words: list[int] = caption[1 : int((caption == end).nonzero()[0])].tolist()
    return words


def is_russian(phrase: str) -> bool:
    """Whether a phrase has Cyrillic letters."""
    return any("а" <= letter <= "я" for letter in phrase.lower())


def write_captions(tokenize: Tokenizer, n_tokens: int) -> CaptionBook:
    """Tokenise every phrase of the sample taxonomy in every template.

    The categories of the taxonomy are those of the drawings, in the same order (a test says so).

    Args:
        tokenize: Turns texts into int64 token ids (n_texts, context_length), CLIP's way.
        n_tokens: Size of the vocabulary; its last two ids open and close a caption.
    """
    english: list[torch.Tensor] = []
    russian: list[torch.Tensor] = []
    for category in load_taxonomy("sample").categories:
        for captions, cyrillic in ((english, False), (russian, True)):
            phrases = [p for p in category.prompts if is_russian(p) == cyrillic]
            captions.append(tokenize([t.format(p) for p in phrases for t in TEMPLATES]))
    tokens = torch.cat(english + russian).flatten()
    known = torch.bincount(tokens, minlength=n_tokens) > 0
    start, end = n_tokens - 2, n_tokens - 1
    strangers = tokenize(russian_words() + nonsense_words(N_NONSENSE_WORDS))
    return CaptionBook(
        english=english,
        russian=russian,
        known=known,
        unknown=[token for token in range(N_BYTE_TOKENS, start) if not known[token]],
        fragments=[words_of(stranger, end) for stranger in strangers],
        start=start,
        end=end,
    )
