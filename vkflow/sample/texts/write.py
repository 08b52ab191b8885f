"""Writes a post: how long, what it says, how the community decorates it, how VK encodes it."""

from math import exp
from typing import Final, NamedTuple

from vkflow.sample.texts.dice import Dice
from vkflow.sample.texts.grammar import Grammar, Phrase, Speaker
from vkflow.sample.texts.voice import Voice


class _Length(NamedTuple):
    """How many posts have it, and how many sentences it means."""

    share: float
    fewest: int
    most: int


_EMPTY: Final = _Length(0.090, 0, 0)
_HEADLINE: Final = _Length(0.130, 0, 0)  # a few words
_LENGTHS: Final = (
    _EMPTY,
    _HEADLINE,
    _Length(0.550, 1, 2),
    _Length(0.165, 3, 5),
    _Length(0.040, 6, 9),
)
_ARTICLE: Final = _Length(0.0235, 34, 41)  # more than the 512 tokens that encoders read


def write_post(grammar: Grammar, voice: Voice, dice: Dice) -> str:
    """One raw text, as VK's data set has it: entities, ``<br>`` for line breaks."""
    length = _length(grammar.length + voice.length, dice)
    if length is _EMPTY:
        return ""
    speaker = Speaker(grammar, dice)
    if length is _HEADLINE:
        lines = [_few_words(grammar, voice, speaker, dice)]
    else:
        n_sentences = dice.integer(length.fewest, length.most)
        lines = _paragraphs(grammar, voice, speaker, dice, n_sentences)
    if length is not _HEADLINE or dice.chance(0.15):
        lines += _tail(grammar, voice, dice)
    return _encode("\n".join(lines), voice)


def _length(tilt: float, dice: Dice) -> _Length:
    """A tilt of 1 makes each next length e times as likely; articles are as rare everywhere."""
    if dice.chance(_ARTICLE.share):
        return _ARTICLE
    weights = [length.share * exp(tilt * i) for i, length in enumerate(_LENGTHS)]
    rest = dice.number() * sum(weights)
    for length, weight in zip(_LENGTHS, weights, strict=True):
        rest -= weight
        if rest < 0:
            return length
    return _LENGTHS[-1]


def _few_words(grammar: Grammar, voice: Voice, speaker: Speaker, dice: Dice) -> str:
    if dice.chance(0.08):
        return "".join(dice.sample(grammar.emoji, dice.integer(1, 3)))
    words = speaker.say(dice.pick(grammar.headlines))
    if dice.chance(voice.shouts):
        words = words.upper()
    return f"{words} {dice.pick(grammar.emoji)}" if dice.chance(voice.emoji) else words


def _paragraphs(
    grammar: Grammar, voice: Voice, speaker: Speaker, dice: Dice, n_sentences: int
) -> list[str]:
    sentences = [speaker.say(phrase) for phrase in _script(grammar, voice, dice, n_sentences)]
    if dice.chance(voice.shouts):
        sentences[0] = sentences[0].upper()
    if dice.chance(voice.exclaims):
        sentences = [
            f"{line[:-1]}!" if line[-1] == "." and dice.chance(0.6) else line for line in sentences
        ]
    if dice.chance(voice.emoji):
        share = dice.number()
        sentences[0] += f" {dice.pick(grammar.emoji)}"
        sentences[1:] = [
            f"{line} {dice.pick(grammar.emoji)}" if dice.chance(share * 0.4) else line
            for line in sentences[1:]
        ]
    return _broken(sentences, dice) if voice.line_breaks else [" ".join(sentences)]


def _script(grammar: Grammar, voice: Voice, dice: Dice, n_sentences: int) -> list[Phrase]:
    """What to say, in order."""
    # An article needs more to say than a topic has; a short post keeps to its topic.
    sayings = grammar.sentences + (grammar.asides if n_sentences > 9 else ())
    script = dice.sample(sayings, n_sentences)
    if dice.chance(0.12):
        script.insert(0, dice.pick(grammar.openings))
    elif dice.chance(0.25):
        headline = dice.pick(grammar.headlines)
        script.insert(0, (*headline[:-1], headline[-1].rstrip("!.") + "."))
    if dice.chance(voice.asks):
        script.append(dice.pick(grammar.questions))
    if dice.chance(voice.calls):
        script.append(dice.pick(grammar.calls))
    return script


def _broken(sentences: list[str], dice: Dice) -> list[str]:
    """Sentences as lines: a new line, or a blank one too, after some of them."""
    lines = [sentences[0]]
    for sentence in sentences[1:]:
        if dice.chance(0.45):
            lines += ["", sentence] if dice.chance(0.3) else [sentence]
        else:
            lines[-1] += f" {sentence}"
    return lines


def _tail(grammar: Grammar, voice: Voice, dice: Dice) -> list[str]:
    tail = []
    if dice.chance(voice.mentions):
        tail.append(_mention(grammar, dice))
    if dice.chance(voice.links):
        tail.append(f"https://{dice.pick(grammar.sites)}/{dice.integer(1000, 999999):x}")
    if dice.chance(voice.hashtags):
        tags = dice.sample(grammar.hashtags, dice.integer(1, 4))
        tail.append(" ".join(f"#{tag}" for tag in tags))
    return tail


def _mention(grammar: Grammar, dice: Dice) -> str:
    kind = dice.integer(0, 2)
    if kind == 0:
        return f"@{dice.pick(grammar.handles)}"
    if kind == 1:
        names = grammar.things["man"] + grammar.things["woman"]
        return f"Фото: [id{dice.integer(1, 99_999_999)}|{dice.pick(names)['nom']}]"
    return f"[club{dice.integer(1, 99_999_999)}|{dice.pick(grammar.clubs)}]"


def _encode(text: str, voice: Voice) -> str:
    if voice.straight_quotes:
        text = text.replace("«", '"').replace("»", '"')
    text = text.replace("&", "&amp;").replace('"', "&quot;").replace("\n", "<br>")
    if not voice.emoji_entities:
        return text
    return "".join(f"&#{ord(letter)};" if ord(letter) > 0xFFFF else letter for letter in text)
