"""Advice in words, Russian or English; the words are in ``catalogue/advice.*.yaml``."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

import polars as pl
import yaml

from vkflow.insights.advice import LOWERS, RAISES
from vkflow.translation import NO_BREAK, localised

LanguageCode = Literal["ru", "en"]
Row = Mapping[str, Any]

UNWANTED: Final = ("hide",)
"""Activities an author wants fewer of."""


@cache
def catalogue(language: LanguageCode) -> Mapping[str, Any]:
    """The words of a language."""
    file = files("vkflow.insights") / "catalogue" / f"advice.{language}.yaml"
    words: Mapping[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return words


def advice_sentence(
    row: Row, language: LanguageCode, picture_labels: Mapping[str, str] | None = None
) -> str:
    """One row of ``insights`` as a sentence, or that there are no data to judge it by.

    Args:
        row: of the table ``insights``.
        language: ``ru`` or ``en``.
        picture_labels: what picture categories are called; by default their names.
    """
    words = catalogue(language)
    is_evident = row["verdict"] in (RAISES, LOWERS)
    sentence = words["sentence" if is_evident else "sentence_without_evidence"].format(
        lever=lever_phrase(row["lever"], row["level"], language, picture_labels),
        activity=words["activities"][row["activity"]],
        effect=_told(row, language) if is_evident else "",
        posts=counted(row["n_posts"], "posts", language),
        owners=counted(row["n_owners"], "owners", language),
    )
    if row["owner_id"] is None:
        return str(sentence)
    return str(words["of_owner"].format(owner=row["owner_id"], sentence=sentence))


def trade_offs(
    insights: pl.DataFrame,
    language: LanguageCode,
    picture_labels: Mapping[str, str] | None = None,
) -> list[str]:
    """What is good for one activity and bad for another: "comments +18 %, but hides +9 %".

    Args:
        insights: rows of the table ``insights``, of one moment.
        language: ``ru`` or ``en``.
        picture_labels: what picture categories are called; by default their names.
    """
    words = catalogue(language)
    evident = insights.filter(pl.col("verdict").is_in([RAISES, LOWERS]))
    sentences = []
    for (owner, lever, level), rows in _by_choice(evident):
        sides: dict[bool, list[str]] = {True: [], False: []}
        for row in sorted(rows, key=lambda row: -abs(row["effect"])):
            is_gain = (row["effect"] > 0) != (row["activity"] in UNWANTED)
            change = percent(row["effect"], language)
            sides[is_gain].append(f"{words['activities'][row['activity']]}{NO_BREAK}{change}")
        if sides[True] and sides[False]:
            sentence = words["trade_off"].format(
                lever=lever_phrase(lever, level, language, picture_labels),
                gains=_joined(sides[True], words["and"]),
                losses=_joined(sides[False], words["and"]),
            )
            in_owner = words["of_owner"].format(owner=owner, sentence=sentence)
            sentences.append(sentence if owner is None else in_owner)
    return sentences


def lever_phrase(
    lever: str,
    level: str,
    language: LanguageCode,
    picture_labels: Mapping[str, str] | None = None,
) -> str:
    """What an author does, such as "A question in the text"."""
    phrase = catalogue(language)["levers"][lever]
    if isinstance(phrase, dict):
        return str(phrase[level])
    start, _, end = level.partition("-")
    label = (picture_labels or {}).get(level, level.replace("_", " "))
    # Only gaps of the catalogue are filled: a label with braces of its own stays as it is.
    return str(phrase.format(level=label, start=start, end=end))


def effect_phrase(change: float, low: float, high: float, language: LanguageCode) -> str:
    """A change with its interval, such as "+18 % (+9 % to +27 %)"."""
    shown = {"change": change, "low": low, "high": high}
    texts = {name: percent(share, language) for name, share in shown.items()}
    return str(catalogue(language)["effect"].format(**texts))


def percent(share: float, language: LanguageCode) -> str:
    """A change as percent with its sign: 0.183 is +18 %; below 1 % with one digit."""
    digits = 0 if abs(share) >= 0.01 else 1
    return localised(f"{100 * share:+,.{digits}f}%", language)


def counted(number: int, noun: str, language: LanguageCode) -> str:
    """A number and its noun in the right form: 1 пост, 2 поста, 5 постов.

    The rules are Unicode's: https://www.unicode.org/cldr/charts/latest/supplemental/
    language_plural_rules.html
    """
    words = catalogue(language)
    form = _russian_form(number) if language == "ru" else int(number != 1)
    return f"{localised(f'{number:,}', language)}{NO_BREAK}{words['plurals'][noun][form]}"


def _told(row: Row, language: LanguageCode) -> str:
    return effect_phrase(row["effect"], row["adjusted_low"], row["adjusted_high"], language)


def _russian_form(number: int) -> int:
    if number % 10 == 1 and number % 100 != 11:
        return 0
    return 1 if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else 2


def _by_choice(
    rows: pl.DataFrame,
) -> Iterator[tuple[tuple[int | None, str, str], list[dict[str, Any]]]]:
    choices: dict[tuple[int | None, str, str], list[dict[str, Any]]] = {}
    for row in rows.to_dicts():
        choices.setdefault((row["owner_id"], row["lever"], row["level"]), []).append(row)
    return iter(choices.items())


def _joined(parts: list[str], last: str) -> str:
    return last.join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
