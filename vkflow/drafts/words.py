"""What forecasts of drafts say, in Russian or English."""

from functools import cache
from math import expm1

from vkflow.drafts.draft import Draft, name_of
from vkflow.drafts.forecast import ActivityForecast, Parts
from vkflow.drafts.levers import OpenLever
from vkflow.insights.report.language import Language
from vkflow.insights.sentences import LanguageCode, advice_sentence
from vkflow.translation import phrases

SHOWN_PARTS = 3
MIN_PART = 0.01
"""On the logit scale: a part that moves less is not worth a word."""


@cache
def draft_language(code: LanguageCode) -> Language:
    """The phrases of the report, and those of drafts."""
    return Language(code, phrases("report", code, "insights") | phrases("drafts", code))


def name_text(draft: Draft, say: Language) -> str:
    """What a draft is called beside others: "draft 1" on a Russian page is "черновик 1"."""
    name = name_of(draft.name)
    return name if isinstance(name, str) else name.in_language(say.code)


def interval_text(forecast: ActivityForecast, say: Language) -> str:
    """Such as 0.8 % – 3.1 %."""
    if forecast.low is None or forecast.high is None:
        return say("no_interval")
    return f"{say.rate(forecast.low)} – {say.rate(forecast.high)}"


def rank_text(forecast: ActivityForecast, say: Language) -> str:
    """Such as 3 of 21."""
    if forecast.rank is None:
        return say("no_rank")
    return say("rank", rank=forecast.rank, all=forecast.n_ranked)


def parts_text(parts: Parts | None, say: Language) -> str:
    """The strongest groups, such as "text +12 %, owner −8 %" of the odds."""
    if parts is None:
        return say("by_owner_rate")
    strongest = sorted(parts.groups.items(), key=lambda part: -abs(part[1]))[:SHOWN_PARTS]
    return ", ".join(
        f"{say(f'group_{group}')} {change_text(effect, say)}"
        for group, effect in strongest
        if abs(effect) >= MIN_PART
    )


def change_text(effect: float, say: Language) -> str:
    """What a difference of logits does to the odds: 0.2 is +22 %."""
    return say.percent(expm1(min(effect, 20.0)), signed=True)


def lever_text(lever: OpenLever, say: Language) -> str:
    """What could be pulled or given up, with its effect, interval and posts."""
    key = "lever_present" if lever.has_it else "lever_missing"
    return say(key, sentence=advice_sentence(lever.row, say.code))
