"""Which source the settings name."""

from pathlib import Path

import pytest

from vkflow.errors import SettingsError
from vkflow.settings import load_settings
from vkflow.sources.dataset.source import DatasetSource
from vkflow.sources.opening import open_source
from vkflow.sources.sample import SampleSource


def test_the_default_is_the_sample():
    source = open_source(load_settings())
    assert isinstance(source, SampleSource)
    assert source.name == "sample"


def test_a_dataset_is_opened_for_any_tagger_but_the_samples():
    source = open_source(
        load_settings(source="dataset", dataset={"path": "x.csv"}, images={"tagger": "none"})
    )
    assert isinstance(source, DatasetSource)
    assert source.name == "dataset"


def test_the_sample_tagger_is_refused_for_real_posts_with_the_remedy():
    settings = load_settings(source="dataset", dataset={"path": Path("x.csv")})
    with pytest.raises(SettingsError, match=r"source dataset set VKFLOW_IMAGES__TAGGER to .*none"):
        open_source(settings)


def test_a_dataset_without_a_file_is_refused_with_the_remedy():
    settings = load_settings(source="dataset", images={"tagger": "none"})
    with pytest.raises(SettingsError, match="VKFLOW_DATASET__PATH"):
        open_source(settings)
