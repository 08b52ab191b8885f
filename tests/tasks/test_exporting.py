"""What is wrong with an export is said before a database is asked."""

import pytest

from tasks.exporting import export_predictions
from vkflow.errors import SettingsError
from vkflow.settings import load_settings


def test_export_without_a_database_says_which_setting_it_lacks() -> None:
    with pytest.raises(SettingsError, match="VKFLOW_EXPORT__URL"):
        export_predictions.fn(load_settings())


def test_two_exports_into_one_table_are_refused() -> None:
    export = {"url": "sqlite:///mine.db", "wide_table": "posts", "owners_table": "posts"}
    with pytest.raises(SettingsError, match="must be different tables"):
        export_predictions.fn(load_settings(export=export))
