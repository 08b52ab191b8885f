"""Drafts through the real pipeline: what the night would say, and nothing stored."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flows.sampling import ensure_sample
from tasks import drafting, training
from tasks import texts as texts_task
from tasks.draft_contents import read_contents
from tasks.draft_intake import known_owners
from tasks.drafting import Desk, draft_rows, forecast, open_desk, tell_of
from tasks.keeping import keep_drafts
from tasks.pictures import tag_pictures
from tasks.pulling import pull_posts
from tasks.resembling import Search
from tasks.scoring import score_posts
from tasks.selected_posts import selected_posts
from tasks.step import warehouse_of
from tasks.training import decide_on_bundle, train_bundle
from tests.fakes.hashed_words import HashedWords
from vkflow.drafts.comparison import compare_drafts
from vkflow.drafts.contrasts import contrast, uncertain_logits
from vkflow.drafts.draft import Draft
from vkflow.errors import DraftError, NotReadyError
from vkflow.insights.contributions import design_groups
from vkflow.modelling.metrics import logits
from vkflow.modelling.neighbours import unit_length
from vkflow.settings import Settings, load_settings
from vkflow.sources.sample import SampleSource
from vkflow.text.cleaning import clean_for_encoder
from warehouse import features
from warehouse.drafts import draft_features
from warehouse.publishing import publish

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)
NIGHT = UNTIL - timedelta(days=12)
KEYS = ["owner_id", "post_id"]
HOURS = timedelta(hours=6)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with a champion of some days ago, and posts since."""
    home: Path = tmp_path_factory.mktemp("drafts")
    ensure_sample(home / "sample", 900, until=UNTIL, owners=9)
    settings = load_settings(home=home, training={"iterations": 60, "threads": 1})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts_task, "load_encoder", lambda _settings: HashedWords())
        patch.setattr(training, "emit_event", lambda **_: None)
        pull_posts.fn(settings, UNTIL)
        texts_task.compute_text_statistics.fn(settings)
        texts_task.embed_texts.fn(settings)
        tag_pictures.fn(settings)
        version = train_bundle.fn(settings, NIGHT).model_version
        assert "promoted" in decide_on_bundle.fn(settings, version, NIGHT)
    return settings


@pytest.fixture(autouse=True)
def _quick_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafting, "load_encoder", lambda _settings: HashedWords())


@pytest.fixture(scope="module")
def published(settings: Settings) -> list[tuple[int, Draft]]:
    """Posts of the days after the night as the drafts they were, each with its number.

    Those that appeared in the same second as another of their owner are left out: which of the two
    was first only their numbers tell.
    """
    chunks = list(SampleSource(settings.sample_directory).fetch(None, UNTIL))
    posts = pl.concat([chunk.posts for chunk in chunks])
    pictures = pl.concat([chunk.pictures for chunk in chunks])
    posts = posts.filter(~pl.struct("owner_id", "published_at").is_duplicated())
    rows = (
        posts.filter(pl.col("published_at") > NIGHT)
        .join(pictures, on=KEYS, how="left")
        .sort("published_at")
    )
    return [
        (row["post_id"], Draft(
            f"{row['owner_id']}_{row['post_id']}", row["owner_id"], row["published_at"],
            row["text"], row["content"], row["is_ad"],
        ))
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip


VECTORS = ["text_embedding", "image_embedding", "image_scores"]
LAST_BITS = 1e-5
"""Of 32 bits: a sum of products depends on how many rows are multiplied at once."""


def scored(settings: Settings) -> dict[tuple[int, int, str], float]:
    with warehouse_of(settings) as connection:
        rows = connection.execute(
            "SELECT owner_id, post_id, activity, probability FROM predictions"
        ).fetchall()
    return {(owner_id, post_id, activity): p for owner_id, post_id, activity, p in rows}


def rows_of(settings: Settings, desk: Desk, drafts: list[Draft]) -> pl.DataFrame:
    """What is known of drafts, each as of when it was published."""
    contents, _ = read_contents(drafts, desk.readers)
    manifest = desk.bundle.manifest
    with warehouse_of(settings, UNTIL) as connection:
        return draft_features(
            connection,
            contents,
            contents.posts["published_at"],
            encoder_id=manifest.encoder_id,
            tagger_id=manifest.tagger_id,
            taxonomy=manifest.taxonomy,
            statistics_version=manifest.statistics_version,
        )


def rows_of_the_night(settings: Settings, desk: Desk) -> pl.DataFrame:
    with warehouse_of(settings, UNTIL) as connection:
        features.select_published_between(connection, NIGHT, UNTIL)
        return pl.concat(list(selected_posts(connection, desk.bundle.manifest)))


def test_a_draft_is_described_exactly_as_the_post_it_becomes(
    settings: Settings, published: list[tuple[int, Draft]]
) -> None:
    """Every post since the night, each as of its own publication."""
    desk, drafts = open_desk(settings, UNTIL), [draft for _, draft in published]
    assert {draft.picture is None for draft in drafts} == {True, False}
    assert {draft.text == "" for draft in drafts} == {True, False}
    found = rows_of(settings, desk, drafts)
    numbers = [post_id for post_id, _ in published]
    keyed = found.with_columns(post_id=pl.Series(numbers, dtype=pl.Int64))
    posts = keyed.select(KEYS).join(
        rows_of_the_night(settings, desk), on=KEYS, how="left", maintain_order="left"
    )
    assert len(found) == len(drafts) > 60 and posts["text_hash"].null_count() == 0
    plain = pl.exclude(*VECTORS, "text_image_similarity")
    assert_frame_equal(
        keyed.select(plain), posts.select(plain), check_exact=True, check_column_order=False
    )
    for name in VECTORS:
        ours, theirs = keyed[name], posts[name]
        assert ours.is_null().equals(theirs.is_null()) and ours.is_not_null().sum() > 20
        np.testing.assert_allclose(
            ours.explode().drop_nulls(), theirs.explode().drop_nulls(), atol=LAST_BITS, rtol=0
        )
    similar = keyed["text_image_similarity"].to_numpy()
    assert np.isnan(similar).any() and not np.isnan(similar).all()
    np.testing.assert_allclose(similar, posts["text_image_similarity"], atol=LAST_BITS)


def test_a_draft_gets_what_the_night_gives_the_post_it_becomes(
    settings: Settings, published: list[tuple[int, Draft]]
) -> None:
    """From the same rows to the last bit, whatever reads the text and the picture."""
    desk, drafts = open_desk(settings, UNTIL), [draft for _, draft in published]
    moment = published[40][1].at  # a night of its own, at which one of them had just appeared
    score_posts.fn(settings, moment, "night")
    before = [(post_id, draft) for post_id, draft in published if draft.at <= moment]
    expected = scored(settings)
    found = desk.bundle.predict(rows_of(settings, desk, drafts))
    assert len(before) == 41 and len(found) == 8
    for activity, probabilities in found.items():
        for (post_id, draft), probability in zip(before, probabilities, strict=False):
            night = expected[draft.owner_id, post_id, activity]
            assert probability == pytest.approx(night, rel=LAST_BITS), (draft.name, activity)
    post_id, draft = before[-1]
    ((alone,), _) = forecast(open_desk(settings, moment), [draft])
    assert {each.activity for each in alone.activities} == set(found)
    for each in alone.activities:
        night = expected[draft.owner_id, post_id, each.activity]
        assert each.probability == pytest.approx(night, rel=LAST_BITS), each.activity


def test_parts_add_up_to_the_logit_before_publication(
    settings: Settings, published: list[tuple[int, Draft]]
) -> None:
    desk = open_desk(settings, NIGHT)
    for each in forecast(desk, [draft for _, draft in published[:9]])[0]:
        told = {one.activity: one for one in each.activities if one.parts is not None}
        assert set(told) == set(desk.bundle.models) and len(told) > 3
        for one in told.values():
            assert one.parts is not None
            total = one.parts.base + sum(one.parts.groups.values())
            assert total == pytest.approx(logits(np.float64(one.probability)), abs=1e-4)
            assert set(one.parts.groups) == {"owner", "calendar", "text", "picture", "statistics"}


def test_a_picture_is_no_matter_of_style(settings: Settings) -> None:
    design = open_desk(settings, NIGHT).bundle.recipe.design
    places, n_statistics = design_groups(design), len(design.standardisers["statistics"].mean)
    first = 1 + len(design.owners) + len(design.standardisers["history"].mean) + 31
    last = first + len(design.categories) + n_statistics - 1  # the similarity of text and picture
    assert {last, last - 4} <= set(places["picture"]) and last - 1 in places["calendar"]
    assert {last - 5, last - 3, last - 2} <= set(places["statistics"])
    assert (
        sum(map(len, places.values()))
        == max(map(max, places.values()))
        == last
        + sum(
            len(design.standardisers[kind].mean)
            for kind in ("text", "image", "neighbours", "words")
        )
    )


def test_an_interval_holds_its_forecast_and_most_of_what_comes(
    settings: Settings, published: list[tuple[int, Draft]]
) -> None:
    desk = open_desk(settings, NIGHT)
    for each in forecast(desk, [draft for _, draft in published[:9]])[0]:
        for one in each.activities:
            assert one.low is not None and one.high is not None
            assert 0 <= one.low < one.probability < one.high <= 1
            assert one.rank is not None and 1 <= one.rank <= one.n_ranked <= 21


def test_drafts_leave_no_trace_and_say_nothing_of_one_another(
    settings: Settings, published: list[tuple[int, Draft]]
) -> None:
    def tables() -> dict[str, int]:
        with warehouse_of(settings) as connection:
            names = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
            return {
                name: connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
                for (name,) in names
            }

    before, media = tables(), sorted(settings.media.folder.rglob("*"))
    desk, draft = open_desk(settings, NIGHT), published[5][1]
    new = replace(draft, text="Чего никто ещё не писал", name="new")
    ((alone,), _) = forecast(desk, [new])
    beside, _ = forecast(desk, [new, *(draft for _, draft in published[:20]), new])
    for other in (beside[0], beside[-1]):
        for ours, theirs in zip(alone.activities, other.activities, strict=True):
            assert ours.probability == pytest.approx(theirs.probability, rel=LAST_BITS)
    assert tables() == before and len(before) > 20
    assert sorted(settings.media.folder.rglob("*")) == media


def test_a_draft_of_next_week_knows_of_its_owner_what_is_known_now(
    settings: Settings, published: list[tuple[int, Draft]]
) -> None:
    desk, draft = open_desk(settings, NIGHT), published[0][1]
    now, later = (replace(draft, at=NIGHT + timedelta(days=days)) for days in (0, 7))
    rows, _ = draft_rows(desk, [now, later])
    same = pl.exclude("post_id", "published_at")
    assert rows[0].select(same).equals(rows[1].select(same))
    assert rows["published_at"].to_list() == [now.at, later.at]


def test_lines_are_broken_as_in_the_posts(
    settings: Settings, published: list[tuple[int, Draft]]
) -> None:
    desk, draft = open_desk(settings, NIGHT), published[0][1]
    texts = ["раз<br>два", "раз\nдва", "раз\r\nдва"]
    rows, _ = draft_rows(desk, [replace(draft, text=text) for text in texts])
    assert rows["line_breaks"].to_list() == [1, 1, 1] and rows["text_hash"].n_unique() == 1


def test_without_a_champion_there_is_no_forecast(settings: Settings) -> None:
    with pytest.raises(NotReadyError, match="no champion yet"):
        open_desk(settings, NIGHT - timedelta(days=1))


def test_one_bad_draft_is_told_before_any_work(
    settings: Settings, published: list[tuple[int, Draft]]
) -> None:
    desk, draft = open_desk(settings, NIGHT), published[0][1]
    for bad, said in (
        (replace(draft, text="", picture=None), "is empty"),
        (replace(draft, picture=b"GIF8 no more"), "the picture cannot be used"),
        (replace(draft, text="a" * 10**6), "1,000,000 characters"),
        (replace(draft, at=NIGHT - timedelta(days=1)), "in the past"),
    ):
        with pytest.raises(DraftError, match=said):
            forecast(desk, [draft, replace(bad, name="bad")])
    assert {owner.owner_id for owner in known_owners(settings, NIGHT)} > {draft.owner_id}


def test_a_draft_resembles_the_posts_with_the_nearest_texts_that_were_out_by_then(
    settings: Settings, published: list[tuple[int, Draft]]
) -> None:
    """Against every vector, by numpy: of the draft's own wall, and of all others."""
    with warehouse_of(settings, NIGHT) as connection:
        posts = connection.execute(
            "SELECT owner_id, post_id, text FROM first_contents WHERE text <> '' "
            "AND published_at < ?",
            [NIGHT],
        ).pl()
        outcomes = connection.execute("SELECT owner_id, post_id, activity, rate FROM outcomes").pl()
    drafts = [draft for _, draft in published if draft.text][:4]
    encode = HashedWords().encode
    known, asked = (
        unit_length(encode(clean_for_encoder(texts).to_list()).vectors)
        for texts in (posts["text"], pl.Series([draft.text for draft in drafts]))
    )
    told = tell_of(settings, NIGHT, [*drafts, replace(drafts[0], text="")], search=Search("text"))
    assert len(told.similar) == 5 and told.similar[-1] == ()
    rates = outcomes.group_by("owner_id", "post_id").agg("activity", "rate")
    got = {(o, p): dict(zip(a, r, strict=True)) for o, p, a, r in rates.iter_rows()}
    for draft, cosines, similar in zip(drafts, asked @ known.T, told.similar, strict=False):
        is_own = (posts["owner_id"] == draft.owner_id).to_numpy()
        for mine in (is_own, ~is_own):
            expected = np.sort(cosines[mine])[::-1][:3]
            found = [each for each in similar if each.is_own == mine[is_own].all()]
            assert [each.text_cosine for each in found] == pytest.approx(expected, abs=2e-5)
        shown = [each.text_cosine or 0 for each in similar]
        assert shown == sorted(shown)[::-1]
        assert all(dict(s.rates) == got.get((s.owner_id, s.post_id), {}) for s in similar)
    assert any(each.picture for similar in told.similar for each in similar)
    assert any(each.rates for similar in told.similar for each in similar)


def test_a_picture_resembles_the_posts_with_the_nearest_pictures(
    settings: Settings, published: list[tuple[int, Draft]]
) -> None:
    """Against every vector, by numpy; the same picture is the nearest to itself."""
    with warehouse_of(settings, NIGHT) as connection:
        posts = connection.execute(
            "SELECT owner_id, embedding FROM first_contents JOIN image_embeddings "
            "USING (image_hash) WHERE published_at < ?",
            [NIGHT],
        ).pl()
        known = unit_length(np.array(posts["embedding"].to_list(), np.float32))
    drafts = [draft for _, draft in published if draft.picture][:3]
    bare = next(draft for _, draft in published if not draft.picture)
    desk = open_desk(settings, NIGHT)
    asked = draft_rows(desk, drafts)[0]["image_embedding"].to_list()
    told = tell_of(settings, NIGHT, [*drafts, bare], search=Search("picture"))
    assert told.similar[-1] == () and len(posts) > 100
    for draft, vector, similar in zip(drafts, asked, told.similar, strict=False):
        cosines = known @ unit_length(np.array([vector], np.float32))[0]
        is_own = (posts["owner_id"] == draft.owner_id).to_numpy()
        for mine, is_ours in ((is_own, True), (~is_own, False)):
            found = [each for each in similar if each.is_own == is_ours]
            assert [s.picture_cosine for s in found] == pytest.approx(
                np.sort(cosines[mine])[::-1][:3], abs=2e-5
            )
        assert all(each.picture for each in similar)


def test_by_both_a_draft_resembles_what_the_published_snapshot_says_of_its_post(
    settings: Settings, published: list[tuple[int, Draft]], tmp_path: Path
) -> None:
    """The macro leaves out the post itself, which is the nearest to the draft it was."""
    post_id, draft = next(each for each in published[::-1] if each[1].text and each[1].picture)
    with warehouse_of(settings, UNTIL) as connection:
        publish(connection, tmp_path / "published.duckdb", with_vectors=True)
    with duckdb.connect(str(tmp_path / "published.duckdb"), read_only=True) as copy:
        rows = copy.execute(
            "SELECT owner_id, post_id FROM similar_to(?, ?, 2000, compared := 'both')",
            [draft.owner_id, post_id],
        ).fetchall()
    of_own, of_others = (
        [row for row in rows if (row[0] == draft.owner_id) == is_own] for is_own in (True, False)
    )
    assert len(of_own) > 9 and len(of_others) > 99
    itself, now = (draft.owner_id, post_id), replace(draft, at=UNTIL)
    bare = replace(now, picture=None)
    for own_wall, expected in (
        (False, {itself, *of_own[:2], *of_others[:3]}),
        (True, {itself, *of_own[:5]}),
    ):
        told = tell_of(settings, UNTIL, [now, bare], search=Search("both", own_wall)).similar
        both, text = ([(each.owner_id, each.post_id) for each in similar] for similar in told)
        assert set(both) == expected and both[0] == itself and len(text) == 6
        assert all(len(each.cosines) == 2 for each in told[0])
        assert all(each.picture_cosine is None for each in told[1])


def test_another_encoder_or_tagger_is_told_and_a_picture_is_then_only_there(
    settings: Settings, published: list[tuple[int, Draft]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafting, "load_encoder", lambda _settings: HashedWords(8))
    draft = next(draft for _, draft in published if draft.text and draft.picture)
    rows, _ = draft_rows(desk := open_desk(settings, NIGHT), [draft])
    assert (
        "without their text" in desk.remarks[0].in_language("en")
        and rows["text_embedding"][0] is None
    )
    off = load_settings(home=settings.home, images={"tagger": "none"})
    rows, _ = draft_rows(desk := open_desk(off, NIGHT), [draft])
    assert "выключены" in desk.remarks[1].in_language("ru") and not rows["has_image"][0]


def test_other_texts_are_compared_less_surely_than_other_hours(
    settings: Settings, published: list[tuple[int, Draft]]
) -> None:
    draft = next(draft for _, draft in published if draft.text)
    drafts = [draft, replace(draft, text="Совсем другое"), replace(draft, at=draft.at + HOURS)]
    rows, _ = draft_rows(desk := open_desk(settings, NIGHT), drafts)
    plain = uncertain_logits(desk.bundle, rows)
    for pair, widened in zip(compare_drafts(desk.bundle, drafts, rows), (1.5, 1.0), strict=True):
        assert len(pair.contrasts) >= 5
        for found, bare in zip(pair.contrasts, contrast(plain, 0, pair.second), strict=True):
            assert found.high - found.low == pytest.approx(widened * (bare.high - bare.low))


def test_an_hour_of_the_week_gets_what_the_draft_would_get_if_it_were_for_that_hour(
    settings: Settings, published: list[tuple[int, Draft]]
) -> None:
    draft = next(draft for _, draft in published if draft.text)
    (week,) = tell_of(settings, NIGHT, [draft], with_week=True).weeks
    places = (0, 30, 167)
    assert len(week.moments) == 168 and week.moments[-1] == NIGHT + timedelta(days=7)
    at_hours = [replace(draft, at=week.moments[place]) for place in places]
    told = tell_of(settings, NIGHT, at_hours).forecasts
    assert len(week.activities) >= 5
    for each in week.activities:
        of_week = [each.probabilities[place] for place in places]
        alone = [forecast.of(each.activity).probability for forecast in told]
        assert of_week == pytest.approx(alone, rel=LAST_BITS)
        assert len(set(each.probabilities)) > 20


def test_a_wall_of_which_no_outcome_is_known_is_told(
    settings: Settings, published: list[tuple[int, Draft]]
) -> None:
    known = next(draft for _, draft in published if draft.text)
    assert tell_of(settings, NIGHT, [known]).remarks == ()
    told = tell_of(settings, NIGHT, [known, replace(known, owner_id=-999)])
    (remark,) = (each.in_language("en") for each in told.remarks)
    assert "no outcome of -999 is known yet" in remark and "rest on other walls" in remark


def test_kept_drafts_are_judged_by_the_posts_they_became(
    settings: Settings, published: list[tuple[int, Draft]]
) -> None:
    """Kept on the night, found among the posts that were published since."""
    post_id, draft = next(each for each in published if each[1].text.count(" ") > 5)
    new = replace(draft, text="Чего никто никогда ещё не писал здесь", name="new")
    told = tell_of(settings, NIGHT, [draft, new])
    assert keep_drafts(settings, told) == keep_drafts(settings, told) == 2
    with warehouse_of(settings) as connection:
        kept = connection.execute("SELECT count(*) FROM drafts").fetchall()
        found = connection.execute(
            "SELECT post_id, activity, probability, low, high, similarity FROM draft_outcomes"
        ).fetchall()
    assert kept == [(2,)] and {row[0] for row in found} == {post_id} and len(found) == 8
    forecasts = {each.activity: each for each in told.forecasts[0].activities}
    for _, activity, probability, low, high, similarity in found:
        told_of = forecasts[activity]
        assert (probability, low, high) == (told_of.probability, told_of.low, told_of.high)
        assert similarity == 1
