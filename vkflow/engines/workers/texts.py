"""Texts to vectors."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from vkflow.engines.engine import Recruit
from vkflow.engines.opening import settings_for_workers
from vkflow.engines.workers.faults import reason
from vkflow.errors import SettingsError
from vkflow.modelling.vectors import as_lists
from vkflow.settings import Settings
from vkflow.text.cleaning import clean_for_encoder
from vkflow.text.encoders import TextEncoder

LoadEncoder = Callable[[Settings], TextEncoder]
HARMLESS = pl.DataFrame({"text_hash": ["harmless"], "text": ["текст"]})


class TextWorker:
    """Rows of text_hash, text to rows of text_hash, encoder_id, embedding, n_tokens, truncated.

    A row of a text the encoder fails on has no embedding, but a ``fault``, and the ``text`` to be
    looked at; others have neither.
    """

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder

    def work(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Vectors of texts; one that is not finite is a fault."""
        encoded = self._encoder.encode(clean_for_encoder(rows["text"]).to_list())
        finite = np.atleast_1d(np.isfinite(encoded.vectors).all(axis=1))
        done = rows.filter(pl.Series(finite)).select(
            "text_hash",
            pl.lit(self._encoder.encoder_id).alias("encoder_id"),
            as_lists(encoded.vectors[finite]).alias("embedding"),
            pl.Series("n_tokens", encoded.n_tokens[finite]),
            pl.Series("truncated", encoded.truncated[finite]),
            pl.lit(None, pl.String).alias("text"),
            pl.lit(None, pl.String).alias("fault"),
        )
        if finite.all():
            return done
        fault = "the text encoder gives no finite vector for this text"
        return pl.concat([done, self._refused(rows.filter(pl.Series(~finite)), fault)])

    def harmless(self) -> pl.DataFrame:
        """See :class:`vkflow.engines.engine.Worker`."""
        return HARMLESS

    def refuse(self, rows: pl.DataFrame, error: Exception) -> pl.DataFrame:
        """See :class:`vkflow.engines.engine.Worker`."""
        return self._refused(rows, reason("the text encoder", "text", error))

    def _refused(self, rows: pl.DataFrame, fault: str) -> pl.DataFrame:
        return rows.select(
            "text_hash",
            pl.lit(self._encoder.encoder_id).alias("encoder_id"),
            pl.lit(None, pl.List(pl.Float32)).alias("embedding"),
            pl.lit(0, pl.Int32).alias("n_tokens"),
            pl.lit(False).alias("truncated"),
            "text",
            pl.lit(fault).alias("fault"),
        )


def recruit_text_worker(load: LoadEncoder, settings: Settings, encoder_id: str) -> Recruit:
    """How to make a worker elsewhere.

    Args:
        load: a function of a module.
        settings: what it loads from.
        encoder_id: of the vectors that are missing.
    """
    return _TextRecruit(load, settings_for_workers(settings), encoder_id)


@dataclass(frozen=True)
class _TextRecruit:
    load: LoadEncoder
    settings: Settings
    encoder_id: str

    def __call__(self) -> TextWorker:
        encoder = self.load(self.settings)
        if encoder.encoder_id != self.encoder_id:
            raise SettingsError(
                f"this worker has the encoder {encoder.encoder_id}, but the vectors of "
                f"{self.encoder_id} are missing: set device and precision, and give all machines "
                f"the same model"
            )
        return TextWorker(encoder)
