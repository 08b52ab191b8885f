"""From text to typed values; what is no such value becomes NULL."""

import polars as pl

from vkflow.sources.source import TIME

TRUE, FALSE = ("1", "1.0", "true", "t", "yes"), ("0", "0.0", "false", "f", "no")


def whole_numbers(text: pl.Series) -> pl.Series:
    """Whole numbers; also 12.0, as tools write a column in which some are missing."""
    numbers = text.cast(pl.Int64, strict=False)
    if numbers.null_count() == text.null_count():
        return numbers  # as nearly always, and ten times faster
    plain = text.str.strip_chars().str.replace(r"\.0*$", "")
    return plain.cast(pl.Int64, strict=False)


def times(text: pl.Series) -> pl.Series:
    """ISO 8601 times, to the microsecond; without a zone they are UTC."""
    if text.null_count() == len(text):
        return text.cast(TIME)
    iso = (
        text.str.strip_chars()
        .str.replace(" ", "T", literal=True)
        .str.replace(r"(\d[+-]\d{2})$", "${1}:00")  # +03, as PostgreSQL writes a zone
    )
    zoned = iso.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    midnights = iso.str.replace(r"^(\d{4}-\d{2}-\d{2})(:00)?$", "${1}T00:00:00")
    plain = midnights.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    return pl.select(
        pl.coalesce(zoned, plain.dt.replace_time_zone("UTC")).cast(TIME).alias(text.name)
    ).to_series()


def truths(text: pl.Series) -> pl.Series:
    """True and false, by many names."""
    word = pl.lit(text.str.strip_chars().str.to_lowercase())
    truth = pl.when(word.is_in(TRUE)).then(True).when(word.is_in(FALSE)).then(False)
    return pl.select(truth.alias(text.name)).to_series()
