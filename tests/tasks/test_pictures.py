import multiprocessing
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import numpy as np
import polars as pl
import pytest

from flows.sampling import ensure_sample
from tasks import pictures as step
from tasks import similarities
from tasks.pictures import tag_pictures
from tasks.pulling import pull_posts
from tasks.step import warehouse_of
from tests.fakes.faulty_taggers import (
    POISON,
    load_faulty_reader,
    load_faulty_tagger,
    poison,
    tag_with_dying_reader,
    tag_with_dying_tagger,
)
from vkflow.engines.workers import pictures as workers
from vkflow.engines.workers.pictures import recruit_pair_worker
from vkflow.images.media import picture_name
from vkflow.images.tagger import load_tagger
from vkflow.images.taxonomy import Taxonomy, load_taxonomy
from vkflow.sample.truth import read_latent
from vkflow.settings import Settings, load_settings
from vkflow.storage import StorageError

AS_OF = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    ensure_sample(tmp_path / "sample", 40, until=AS_OF, owners=5)
    settings = load_settings(home=tmp_path, images={"chunk_images": 16, "batch_size": 5})
    pull_posts.fn(settings, AS_OF)
    return settings


def stored(settings: Settings, statement: str) -> pl.DataFrame:
    with warehouse_of(settings) as connection:
        return connection.execute(statement).pl()


def test_pictures_get_the_category_that_was_drawn(settings: Settings) -> None:
    tagged = tag_pictures.fn(settings)
    found = stored(
        settings,
        "SELECT owner_id, post_id, category FROM image_tags JOIN posts USING (image_hash) "
        "WHERE rank = 1",
    )
    drawn = read_latent(settings.sample_directory).drop_nulls("picture_category")
    both = found.join(drawn, on=["owner_id", "post_id"])
    assert len(both) == len(drawn) >= tagged > 30
    assert (both["category"] == both["picture_category"]).mean() > 0.95


def test_full_scores_and_ranked_tags_belong_together(settings: Settings) -> None:
    tag_pictures.fn(settings)
    rows = stored(
        settings,
        "SELECT scores, score, rank FROM image_scores JOIN image_tags "
        "USING (image_hash, encoder_id, taxonomy) ORDER BY image_hash, rank",
    )
    scores = np.array(rows["scores"].to_list())
    assert scores.shape[1] == 26
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-4)
    best = -np.sort(-scores, axis=1)[np.arange(len(rows)), rows["rank"].to_numpy() - 1]
    np.testing.assert_allclose(best, rows["score"].to_numpy(), atol=1e-6)
    assert set(rows["rank"].to_list()) == {1, 2, 3, 4, 5}


def test_tagging_again_costs_nothing_and_keeps_the_prompts(settings: Settings) -> None:
    tag_pictures.fn(settings)
    assert tag_pictures.fn(settings) == 0
    assert stored(settings, "SELECT count(*) FROM category_embeddings").item() == 26


def test_lost_picture_is_marked_and_the_others_are_tagged(settings: Settings) -> None:
    lost = stored(settings, "SELECT image_hash FROM images ORDER BY image_hash LIMIT 1").item()
    (settings.media.folder / picture_name(lost)).write_bytes(b"damaged")
    tag_pictures.fn(settings)
    assert stored(
        settings, "SELECT image_hash, status FROM images WHERE status <> 'ok'"
    ).rows() == [(lost, "lost")]
    untagged = "SELECT image_hash FROM images ANTI JOIN image_embeddings USING (image_hash)"
    assert stored(settings, untagged).to_series().to_list() == [lost]
    assert tag_pictures.fn(settings) == 0


def test_switched_off_tagger_tags_nothing(settings: Settings) -> None:
    images = settings.images.model_copy(update={"tagger": "none"})
    assert tag_pictures.fn(settings.model_copy(update={"images": images})) == 0
    assert stored(settings, "SELECT count(*) FROM image_tags").item() == 0


def test_text_is_compared_with_its_own_picture(settings: Settings) -> None:
    tag_pictures.fn(settings)
    pairs = stored(
        settings,
        "SELECT DISTINCT posts.text_hash, posts.image_hash, similarity FROM posts "
        "LEFT JOIN text_image_similarities USING (text_hash, image_hash) "
        "WHERE text <> '' AND image_hash IS NOT NULL",
    )
    assert len(pairs) > 30
    assert pairs["similarity"].null_count() == 0
    assert pairs["similarity"].is_between(-1, 1).all()
    assert pairs["similarity"].n_unique() > 20


def test_nothing_is_compared_where_the_text_tower_cannot_read_the_labels(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    taxonomy = load_taxonomy(settings.images.taxonomy_name)
    labels = dict(zip(taxonomy.labels, reversed(taxonomy.labels.values()), strict=True))
    monkeypatch.setattr(Taxonomy, "labels", property(lambda self: labels))
    with caplog.at_level("INFO", logger="vkflow"):
        tag_pictures.fn(settings)
    assert "texts are not compared with pictures" in caplog.text
    assert stored(settings, "FROM text_image_similarities").is_empty()


def test_post_whose_text_changes_is_compared_anew(settings: Settings) -> None:
    tag_pictures.fn(settings)
    with warehouse_of(settings) as connection:
        (before,) = connection.execute("SELECT count(*) FROM text_image_similarities").fetchone()
        connection.execute(
            "UPDATE posts SET text = 'кот', text_hash = 'new' WHERE (owner_id, post_id) = "
            "(SELECT (owner_id, post_id) FROM posts WHERE image_hash IS NOT NULL LIMIT 1)"
        )
    assert tag_pictures.fn(settings) == 0
    after = stored(settings, "FROM text_image_similarities")
    assert len(after) == before + 1
    assert after.filter(pl.col("text_hash") == "new")["similarity"].is_not_null().all()


def put(settings: Settings, content: bytes) -> str:
    """Put something else into the place of a picture; returns whose."""
    image_hash = stored(settings, "SELECT min(image_hash) FROM images").item()
    settings.media.write(picture_name(image_hash), content)
    return image_hash


def quarantined(settings: Settings) -> list[tuple[object, ...]]:
    return stored(settings, "SELECT key, reason FROM quarantine").rows()


def test_a_picture_the_tagger_fails_on_is_quarantined_and_the_rest_goes_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned = put(settings, poison())
    n_images = stored(settings, "SELECT count(*) FROM images").item()
    monkeypatch.setattr(step, "load_tagger", lambda *_, **__: load_faulty_tagger("raises"))
    assert tag_pictures.fn(settings) == n_images - 1
    reason = "the tagger fails on this picture: ValueError cannot see this"
    assert quarantined(settings) == [(poisoned, reason)]
    monkeypatch.setattr(step, "load_tagger", lambda *_, **__: load_faulty_tagger("always raises"))
    assert tag_pictures.fn(settings) == 0, "the next night does not try it again"


@pytest.mark.slow
def test_a_picture_that_kills_the_tagger_twice_is_quarantined(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned = put(settings, poison())
    die_of(tag_with_dying_tagger, settings)
    keep_loaders(monkeypatch)
    tag_with_dying_tagger(settings)
    assert quarantined(settings) == [(poisoned, "the tagger's process dies on this picture")]
    untagged = "SELECT image_hash FROM images ANTI JOIN image_embeddings USING (image_hash)"
    assert stored(settings, untagged).to_series().to_list() == [poisoned]


def test_a_text_the_text_tower_fails_on_is_quarantined_and_the_rest_goes_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag_pictures.fn(settings)
    pairs = forget_pairs(settings)
    text_hash = poison_text(settings)
    monkeypatch.setattr(step, "load_tagger", lambda *_, **__: load_faulty_reader("raises"))
    tag_pictures.fn(settings)
    reason = "the tagger's text tower fails on this text: ValueError cannot read this"
    assert stored(settings, "SELECT key, reason, payload FROM quarantine").rows() == [
        (text_hash, reason, POISON)
    ]
    assert stored(settings, "SELECT count(*) FROM text_image_similarities").item() == pairs - 1
    tag_pictures.fn(settings)  # the next night does not try it again
    assert len(stored(settings, "FROM quarantine")) == 1


@pytest.mark.slow
def test_a_text_that_kills_the_text_tower_twice_is_quarantined(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag_pictures.fn(settings)
    pairs = forget_pairs(settings)
    text_hash = poison_text(settings)
    die_of(tag_with_dying_reader, settings)
    keep_loaders(monkeypatch)
    tag_with_dying_reader(settings)
    reason = "the tagger's text tower's process dies on this text"
    assert quarantined(settings) == [(text_hash, reason)]
    assert stored(settings, "SELECT count(*) FROM text_image_similarities").item() == pairs - 1


def forget_pairs(settings: Settings) -> int:
    """Have all texts compared again; returns how many."""
    with warehouse_of(settings) as connection:
        (pairs,) = connection.execute("SELECT count(*) FROM text_image_similarities").fetchone()
        connection.execute("DELETE FROM text_image_similarities")
    return int(pairs)


def poison_text(settings: Settings) -> str:
    """Write the poison below a picture whose text nobody else has; returns its hash."""
    with warehouse_of(settings) as connection:
        connection.execute(
            "UPDATE posts SET text = ?, text_hash = 'poisoned' WHERE (owner_id, post_id) = "
            "(SELECT min((owner_id, post_id)) FROM posts WHERE image_hash IS NOT NULL "
            "AND text <> '' AND text_hash IN "
            "(SELECT text_hash FROM posts GROUP BY text_hash HAVING count(*) = 1))",
            [POISON],
        )
    return "poisoned"


def die_of(step_of_night: Callable[[Settings], int], settings: Settings) -> None:
    """Have a first night end with its process."""
    context = multiprocessing.get_context("spawn")
    night = context.Process(target=step_of_night, args=(settings,))
    night.start()
    night.join(60)
    assert night.exitcode == -9, "the first night dies of it"


def keep_loaders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what a dying tagger replaces in this process put back."""
    for name in ("load_tagger", "recruit_picture_worker"):
        monkeypatch.setattr(step, name, getattr(step, name))
    monkeypatch.setattr(similarities, "recruit_pair_worker", recruit_pair_worker)
    monkeypatch.setattr(workers, "load_tagger", load_tagger)


def test_a_tagger_that_fails_on_everything_blames_no_picture(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "load_tagger", lambda *_, **__: load_faulty_tagger("always raises"))
    with pytest.raises(RuntimeError, match="the device is gone"):
        tag_pictures.fn(settings)
    assert quarantined(settings) == []


def test_a_store_that_does_not_answer_loses_no_picture(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = stored_elsewhere(settings)
    filesystem = fsspec.filesystem("memory")

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionResetError("broken pipe")

    with monkeypatch.context() as patch:
        patch.setattr(type(filesystem), "cat_file", refuse)
        with pytest.raises(StorageError, match="ConnectionResetError"):
            tag_pictures.fn(elsewhere)
    assert quarantined(elsewhere) == []
    assert tag_pictures.fn(elsewhere) > 30
    filesystem.store.clear()


def stored_elsewhere(settings: Settings, **images: object) -> Settings:
    """The same home, its pictures in an object store: fsspec's in memory."""
    changed = {"media": "memory://bucket/media", **images}
    elsewhere = settings.model_copy(update={"images": settings.images.model_copy(update=changed)})
    for name in settings.media.names():
        elsewhere.media.write(name, settings.media.read(name))
    return elsewhere


@pytest.mark.parametrize("place", ["folder", "memory"])
def test_pictures_that_are_not_kept_are_dropped_once_they_are_tagged(
    settings: Settings, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    not_kept = settings.model_copy(
        update={"images": settings.images.model_copy(update={"keep": False})}
    )
    if place == "memory":
        not_kept = stored_elsewhere(settings, keep=False)
    media = not_kept.media
    damaged = put(not_kept, b"damaged")
    untold = "f" * 64
    media.write(picture_name(untold), b"of a post that is about to be stored")
    before = len(media.names())
    rows = stored(settings, "SELECT * REPLACE ('' AS status, '' AS error) FROM images")
    tagged = tag_pictures.fn(not_kept)
    assert media.names() == sorted([picture_name(damaged), picture_name(untold)])
    assert tagged == before - 2 > 30
    assert stored(settings, "SELECT * REPLACE ('' AS status, '' AS error) FROM images").equals(
        rows
    ), "rows stay"
    with warehouse_of(settings) as connection:
        connection.execute("DELETE FROM watermarks")
    pull_posts.fn(not_kept, AS_OF)
    assert media.read(picture_name(damaged)) != b"damaged", "all pictures came again"
    assert len(media.names()) == 2, "what is tagged is not stored again"
    with warehouse_of(settings) as connection:
        connection.execute("UPDATE image_embeddings SET encoder_id = 'another tagger'")
    caplog.clear()
    with caplog.at_level("INFO"):
        assert tag_pictures.fn(not_kept) == 1
    told = [record.getMessage() for record in caplog.records if "gone" in record.getMessage()]
    assert [line for line in told if line.startswith(f"{tagged} pictures are gone")]
    assert not [record for record in caplog.records if record.levelname == "WARNING"][1:]
    fsspec.filesystem("memory").store.clear()
