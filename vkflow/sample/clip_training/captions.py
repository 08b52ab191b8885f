"""Training captions: phrases of the sample taxonomy in many templates, among strangers."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import torch

from vkflow.images.taxonomy import load_taxonomy
from vkflow.sample.drawings import CATEGORIES

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

CONSONANTS = "бвгджзйклмнпрстфхцчшщ"
VOWELS = "аеиоуыэюя"

N_BYTE_TOKENS = 512
"""CLIP's first tokens are single bytes, parts of any unknown word: they never stand for one."""

MOST_STRANGERS = 8
N_NONSENSE_WORDS = 500

Tokenizer = Callable[[list[str]], torch.Tensor]


@dataclass(frozen=True)
class CaptionBook:
    """Tokenised captions of every category.

    Attributes:
        captions: For every category an int64 tensor (n_captions, context_length).
        known: Bool tensor (vocabulary,): the tokens that occur in any caption.
        unknown: Ids of whole-word tokens that no caption uses.
        nonsense: Token ids of made-up Russian words.
        start: Id of the token that opens a caption.
        end: Id of the token that closes it.
    """

    captions: list[torch.Tensor]
    known: torch.Tensor
    unknown: list[int]
    nonsense: list[list[int]]
    start: int
    end: int

    def draw(self, category: int, random: Random) -> torch.Tensor:
        """A caption of a category, int64 (context_length,), half the time among strangers.

        So the model learns to find the words it knows wherever they stand.
        """
        caption = random.choice(self.captions[category])
        return self.surround(caption, random) if random.random() < 0.5 else caption

    def surround(self, caption: torch.Tensor, random: Random) -> torch.Tensor:
        """Put one to eight strangers before and after the words of a caption."""
        words = words_of(caption, self.end)
        count = random.randint(1, MOST_STRANGERS)
        before = random.randint(0, count)
        strangers = [self.stranger(random) for _ in range(count)]
        text = [*strangers[:before], words, *strangers[before:]]
        tokens = [token for word in text for token in word][: len(caption) - 2]
        tokens = [self.start, *tokens, self.end]
        return torch.tensor(tokens + [0] * (len(caption) - len(tokens)))

    def stranger(self, random: Random) -> list[int]:
        """A word of no meaning for the model.

        English words are one token each, and the embedding of a token it never saw is zero.
        Russian words fall into fragments, of which some occur in its phrases too.
        """
        if random.random() < 0.5:
            return [random.choice(self.unknown)]
        return random.choice(self.nonsense)


def words_of(caption: torch.Tensor, end: int) -> list[int]:
    """Token ids of a caption between its opening token and its closing one, `end`."""
    words: list[int] = caption[1 : int((caption == end).nonzero()[0])].tolist()
    return words


def nonsense_words(count: int) -> list[str]:
    """Made-up Russian words of one to four syllables, the same ones every time."""
    random = Random("nonsense")

    def word() -> str:
        length = random.randint(1, 4)
        syllables = (random.choice(CONSONANTS) + random.choice(VOWELS) for _ in range(length))
        return "".join(syllables) + random.choice(CONSONANTS)

    return [word() for _ in range(count)]


def write_captions(tokenize: Tokenizer, n_tokens: int) -> CaptionBook:
    """Tokenise every phrase of the sample taxonomy in every template.

    Args:
        tokenize: Turns texts into int64 token ids (n_texts, context_length), CLIP's way.
        n_tokens: Size of the vocabulary; its last two ids open and close a caption.
    """
    phrases = {c.name: c.prompts for c in load_taxonomy("sample").categories}
    captions = [
        tokenize([template.format(p) for p in phrases[category] for template in TEMPLATES])
        for category in CATEGORIES
    ]
    known = torch.bincount(torch.cat(captions).flatten(), minlength=n_tokens) > 0
    words = range(N_BYTE_TOKENS, n_tokens - 2)
    unknown = [token for token in words if not known[token]]
    start, end = n_tokens - 2, n_tokens - 1
    nonsense = [words_of(caption, end) for caption in tokenize(nonsense_words(N_NONSENSE_WORDS))]
    return CaptionBook(captions, known, unknown, nonsense, start, end)
