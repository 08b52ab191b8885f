"""Features are called by words, not by the names of their columns."""

import pytest

from vkflow.insights.report.drift import feature_name
from vkflow.insights.report.language import load_language

NAMES = (
    "owner_like_logit",
    "owner_share_to_message_trend",
    "similar_repost_lift",
    "similar_own_repost_lift",
    "text_03",
)


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("name", NAMES)
def test_features_of_an_activity_have_a_name(language: str, name: str) -> None:
    assert "_" not in feature_name(name, load_language(language))
