"""How well a post's text names what its picture shows, where the tagger reads its language."""

import polars as pl

from tasks.step import run_logger, warehouse_of
from vkflow.images.scores import Floats, language_accuracy, pair_similarities
from vkflow.images.tagger import PictureTagger
from vkflow.images.taxonomy import Taxonomy
from vkflow.modelling.vectors import as_matrix
from vkflow.settings import Settings
from vkflow.text.cleaning import clean_for_encoder
from warehouse import images

KNOWS_LANGUAGE = 0.5
"""Share of the taxonomy's Russian labels a text tower must place to be asked about texts."""

MOST_CHARACTERS = 1_000
"""More than any CLIP reads; spares the tokenizer a text of megabytes."""


def compare_with_texts(
    settings: Settings, tagger: PictureTagger, taxonomy: Taxonomy, categories: Floats
) -> int:
    """Compare texts and pictures that were posted together; returns how many pairs.

    Nothing is compared where the text tower does not know Russian: its similarities would be
    noise. That is measured, on the Russian labels of the taxonomy.

    Args:
        settings: where the warehouse is, and how much to do at a time.
        tagger: the loaded CLIP.
        taxonomy: whose labels to try the text tower on.
        categories: their embeddings by the prompts, float32 (n_categories, d).
    """
    done = 0
    while not (pairs := _waiting(settings, tagger)).is_empty():
        if not done:
            accuracy = language_accuracy(
                tagger.embed_texts(list(taxonomy.labels.values())), categories
            )
            if accuracy < KNOWS_LANGUAGE:
                run_logger().info(
                    "texts are not compared with pictures: %s places %.0f %% of the Russian labels",
                    tagger.encoder_id,
                    100 * accuracy,
                )
                return 0
        done += _compare_chunk(settings, tagger, pairs)
        if len(pairs) < settings.images.chunk_images:
            break  # these were the last: to ask for more would open the warehouse once again
    if done:
        run_logger().info("%d texts compared with their pictures", done)
    return done


def compare_pairs(tagger: PictureTagger, texts: pl.Series, pictures: Floats) -> Floats:
    """Cosine of each text with its picture's vector, float32, shape (pairs,)."""
    cleaned = clean_for_encoder(texts.str.slice(0, MOST_CHARACTERS)).to_list()
    return pair_similarities(tagger.embed_texts(cleaned), pictures)


def _waiting(settings: Settings, tagger: PictureTagger) -> pl.DataFrame:
    with warehouse_of(settings) as connection:
        limit = settings.images.chunk_images
        return images.pairs_without_similarity(connection, tagger.encoder_id, limit)


def _compare_chunk(settings: Settings, tagger: PictureTagger, pairs: pl.DataFrame) -> int:
    similarities = compare_pairs(tagger, pairs["text"], as_matrix(pairs["embedding"])[0])
    rows = pairs.select(
        "text_hash",
        "image_hash",
        pl.lit(tagger.encoder_id).alias("encoder_id"),
        pl.Series("similarity", similarities, dtype=pl.Float32),
    )
    with warehouse_of(settings) as connection:
        images.write_similarities(connection, rows)
    return len(rows)
