"""The words of the report, and the forms numbers and dates have in its language."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from vkflow.insights.sentences import LanguageCode
from vkflow.translation import NO_BREAK, filled, localised, stored_sentence


class Language:
    """A catalogue of phrases, with the forms of numbers and dates that go with it."""

    def __init__(self, code: LanguageCode, phrases: Mapping[str, Any]) -> None:
        self.code = code
        self._phrases = phrases

    def __call__(self, key: str, **values: object) -> str:
        """The phrase ``key`` with ``values`` in its gaps; no line of it begins with % or a dash."""
        return filled(str(self._phrases[key]), self.code, values)

    def has(self, key: str) -> bool:
        """Whether there is such a phrase."""
        return key in self._phrases

    def stored(self, sentence: str) -> str:
        """A sentence that was stored in English, in this language; as it is if it is unknown."""
        return stored_sentence(sentence, self.code)

    def stored_list(self, sentences: str) -> str:
        """Stored sentences with semicolons between them, each as :meth:`stored` has it."""
        return "; ".join(self.stored(sentence) for sentence in sentences.split("; "))

    def activity(self, name: str) -> str:
        """What an activity is called."""
        return self(f"activity_{name}")

    def number(self, value: float | None, digits: int = 0, *, signed: bool = False) -> str:
        """Such as 1 234,5 in Russian; a dash when it is unknown."""
        if value is None or value != value:
            return "–"
        if round(value, digits) == 0:
            value, signed = 0.0, False
        text = f"{value:{'+' if signed else ''},.{digits}f}"
        return localised(text, self.code)

    def percent(self, share: float | None, digits: int = 0, *, signed: bool = False) -> str:
        """A share as percent: 0.183 is 18 %."""
        if share is None or share != share:
            return "–"
        return self.number(100 * share, digits, signed=signed) + self("percent_sign")

    def rate(self, probability: float | None) -> str:
        """A probability as percent with two significant digits: 0.034 %."""
        if probability is None or probability != probability:
            return "–"
        percent = 100 * probability
        digits = next((d for d in range(5) if percent * 10**d >= 9.95), 5) if percent else 0
        return self.number(percent, digits) + self("percent_sign")

    def plain(self, value: float) -> str:
        """A number without superfluous zeros, for an axis: 0.1, 20,000."""
        return localised(f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}", self.code)

    def times(self, factor: float | None) -> str:
        """A factor: × 1.8."""
        if factor is None:
            return "–"
        return f"×{NO_BREAK}{self.number(factor, 1 if factor >= 0.95 else 2)}"

    def plural(self, key: str, number: int) -> str:
        """A number with its noun: 1 пост, 2 поста, 5 постов."""
        forms = self._phrases[key]
        return f"{self.number(number)}{NO_BREAK}{forms[plural_form(self.code, number)]}"

    def long_date(self, day: date | datetime | None) -> str:
        """Such as 24 ноября 2026."""
        if day is None:
            return "–"
        month = self._phrases["months"][day.month - 1]
        return self("date", day=day.day, month=month, year=day.year)

    def moment(self, moment: datetime | None) -> str:
        """Such as 24 ноября, 02:30."""
        if moment is None:
            return self("without_date")
        month = self._phrases["months"][moment.month - 1]
        return self("moment", day=moment.day, month=month, time=f"{moment:%H:%M}")

    def short_date(self, day: date | datetime) -> str:
        """Such as 24 ноя, for an axis."""
        return f"{day.day} {self._phrases['short_months'][day.month - 1]}"

    def weekdays(self) -> list[str]:
        """Short names, Monday first."""
        return list(self._phrases["weekdays"])

    def duration(self, seconds: float | None) -> str:
        """Seconds below a minute and a half, minutes above."""
        if seconds is None or seconds != seconds:
            return "–"
        if seconds < 90:
            return f"{self.number(seconds, 1 if seconds < 10 else 0)}{NO_BREAK}{self('seconds')}"
        return f"{self.number(seconds / 60, 1)}{NO_BREAK}{self('minutes')}"


def plural_form(code: str, number: int) -> int:
    """Which form of a noun follows a number: of two in English, of three in Russian."""
    if code != "ru":
        return 0 if number == 1 else 1
    if number % 10 == 1 and number % 100 != 11:
        return 0
    return 1 if 2 <= number % 10 <= 4 and not 12 <= number % 100 <= 14 else 2


@cache
def load_language(code: LanguageCode) -> Language:
    """The language ``ru`` or ``en``."""
    file = files("vkflow.insights") / "catalogue" / f"report.{code}.yaml"
    return Language(code, yaml.safe_load(file.read_text("utf-8")))
