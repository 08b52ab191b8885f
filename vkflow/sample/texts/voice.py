"""How a community writes: its voice."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Voice:
    """Habits of one community; all but the last four are probabilities for one post.

    Attributes:
        emoji: posts with emoji.
        exclaims: posts whose sentences end in exclamation marks.
        shouts: posts with a first sentence, or a whole short text, in capitals.
        asks: posts that ask the reader a question.
        hashtags: posts that end in hashtags.
        links: posts with a link.
        mentions: posts that mention a page or a person.
        calls: posts that ask for a like, a comment, a subscription.
        length: how much longer than usual its posts are.
        line_breaks: writes paragraphs, so that its posts have ``<br>``.
        straight_quotes: writes ``"``, which VK's data has as ``&quot;``.
        emoji_entities: its emoji reach the data as entities such as ``&#128571;``.
    """

    emoji: float
    exclaims: float
    shouts: float
    asks: float
    hashtags: float
    links: float
    mentions: float
    calls: float
    length: float
    line_breaks: bool
    straight_quotes: bool
    emoji_entities: bool


def draw_voice(generator: np.random.Generator) -> Voice:
    """A voice. Most habits are rare in most communities and strong in a few."""
    emoji, exclaims, shouts, asks, hashtags, links, mentions, calls = generator.beta(
        [0.8, 0.7, 0.4, 1.0, 0.6, 0.5, 0.4, 0.8],
        [1.2, 1.6, 3.5, 3.0, 1.8, 2.5, 4.0, 3.0],
    ).tolist()
    line_breaks, straight_quotes, emoji_entities = (generator.random(3) < [0.6, 0.5, 0.6]).tolist()
    return Voice(
        emoji, exclaims, shouts, asks, hashtags, links, mentions, calls,
        length=float(generator.normal(0.0, 0.25)),
        line_breaks=line_breaks,
        straight_quotes=straight_quotes,
        emoji_entities=emoji_entities,
    )  # fmt: skip
