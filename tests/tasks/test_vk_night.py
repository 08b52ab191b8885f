"""Nights with VK: from the API to predictions, new counts, and pictures."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from tasks.publishing import publish_snapshot
from tasks.pulling import pull_posts
from tasks.scoring import score_posts
from tasks.texts import compute_text_statistics, embed_texts
from tasks.training import decide_on_bundle, train_bundle
from tests.fakes.pictures import Page, jpeg, serving_pictures
from tests.fakes.vk import FakeVk, make_photo, make_post
from tests.fakes.vk_nights import NIGHT, ago, ask, settings_for
from vkflow.images.decoding import picture_hash
from vkflow.images.media import picture_name
from vkflow.sources.downloads import PictureDownloader
from vkflow.sources.vk.source import VkSource
from warehouse.publishing import read_snapshot


def busy_wall(owner_id: int, posts: int, random: Random) -> list[dict]:
    words = ["котики", "футбол", "рецепт", "скидки", "новости", "погода", "кино", "музыка"]
    wall = []
    for number in range(1, posts + 1):
        views = random.randint(500, 5_000)
        on_walls = random.randint(0, 5)
        rate = 0.02 + 0.03 * random.random()
        wall.append(
            make_post(
                owner_id,
                number,
                ago(hours=12 * (posts - number) + 1),
                f"{random.choice(words)} и {random.choice(words)} номер {number}",
                likes=round(views * rate),
                views={"count": views},
                comments={"count": random.randint(0, 9)},
                reposts={"count": on_walls + 4, "wall_count": on_walls, "mail_count": 4},
            )
        )
    return wall


@pytest.mark.night
def test_a_night_goes_from_the_api_to_predictions(tmp_path: Path, vk: FakeVk):
    random = Random(1)
    vk.administered = {-1}
    for owner_id in (-1, -2, 3):
        vk.add_wall(owner_id, busy_wall(owner_id, 60, random))
    for post in vk.walls[-2]:
        post["reposts"] = {"count": post["reposts"]["count"]}
    night = settings_for(
        vk, tmp_path, -1, -2, 3, training={"min_posts": 50, "iterations": 20, "threads": 2}
    )
    pulled = pull_posts.fn(night, NIGHT)
    assert (pulled.seen, pulled.new, pulled.snapshots) == (180, 180, 180)
    assert not pulled.quarantined
    compute_text_statistics.fn(night)
    embed_texts.fn(night)
    after_the_pull = datetime.now(UTC)
    trained = train_bundle.fn(night, after_the_pull)
    assert trained.model_version is not None, trained.message
    decide_on_bundle.fn(night, trained.model_version, after_the_pull)
    score_posts.fn(night, after_the_pull, "run")
    publish_snapshot.fn(night)
    rows = read_snapshot(
        night.snapshot_file,
        "SELECT activity, count(*) AS n, min(probability) AS low, max(probability) AS high "
        "FROM latest_predictions GROUP BY ALL",
    )
    assert set(rows["activity"]) == {"like", "comment", "repost", "share_to_message", "hide"}
    assert rows["low"].min() > 0 and rows["high"].max() < 1
    assert "repost is learnt from a mixture" in trained.message
    named = read_snapshot(
        night.snapshot_file,
        "SELECT DISTINCT owner_id, owner_name, members, address "
        "FROM predictions_wide JOIN owners USING (owner_id)",
    )
    assert set(named.rows()) == {
        (-1, "Community 1", 10_001, "https://vk.com/community_1"),
        (-2, "Community 2", 10_002, "https://vk.com/community_2"),
        (3, "Anna Number 3", 103, "https://vk.com/anna_3"),
    }
    manifest = read_snapshot(night.snapshot_file, "SELECT manifest FROM models").item()
    assert "owner_members" not in json.loads(manifest)["features"], "nobody had counted them then"
    assert any("on walls" in note for note in json.loads(manifest)["notes"])
    kinds = read_snapshot(
        night.snapshot_file, "SELECT DISTINCT owner_id, reposts_with_messages FROM labels"
    )
    assert set(kinds.rows()) == {(-1, False), (-2, True), (3, False)}
    known = read_snapshot(night.snapshot_file, "SELECT DISTINCT owner_id, hides FROM labels")
    assert set(known.rows()) == {(-1, 4), (-2, None), (3, None)}


def test_counts_of_a_second_night_become_labels(tmp_path: Path, vk: FakeVk):
    vk.add_wall(-1, [make_post(-1, 1, ago(hours=1))])
    night = settings_for(vk, tmp_path, -1)
    pull_posts.fn(night, NIGHT)
    assert pull_posts.fn(night, NIGHT).snapshots == 0
    vk.walls[-1][0]["likes"]["count"] = 77
    assert pull_posts.fn(night, NIGHT + timedelta(days=3)).snapshots == 1
    assert ask(tmp_path, "SELECT likes FROM snapshots ORDER BY observed_at") == [(4,), (77,)]


HOST = "https://sun9-1.userapi.com"


def test_pictures_of_the_night_are_in_the_media_store(
    tmp_path: Path, vk: FakeVk, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "certificate").mkdir()
    posts = [make_post(-1, number, ago(hours=number)) for number in (1, 2, 3)]
    posts[0]["attachments"] = [make_photo(f"{HOST}/a.jpg")]
    posts[1]["attachments"] = [make_photo("https://evil.example/b.jpg")]
    vk.add_wall(-1, posts)
    night = settings_for(vk, tmp_path, -1, tagger="ViT-B-32:any")
    with serving_pictures(tmp_path / "certificate") as pictures:
        downloader = PictureDownloader(night.vk.picture_hosts, network=pictures.network())
        monkeypatch.setattr("tasks.pulling.open_source", lambda *_: VkSource(night.vk, downloader))
        pulled = pull_posts.fn(night, NIGHT)
        posts[0] |= {
            "text": "edited",
            "edited": int(NIGHT.timestamp()),
            "attachments": [make_photo(f"{HOST}/gone.jpg")],
        }
        pictures.pages["/gone.jpg"] = Page(status=404)
        assert pull_posts.fn(night, NIGHT + timedelta(days=2)).changed == 1
    assert pulled.new == 3
    assert ask(tmp_path, "SELECT text FROM posts WHERE post_id = 1") == [("edited",)]
    name = picture_hash(jpeg())
    assert ask(tmp_path, "SELECT post_id, image_hash FROM posts ORDER BY 1") == [
        (1, name),
        (2, None),
        (3, None),
    ]
    assert (night.media.folder / picture_name(name)).read_bytes() == jpeg()
    (gone, (key, reason)) = ask(tmp_path, "SELECT key, reason FROM quarantine ORDER BY key")
    assert gone == ("-1_1 picture", "the picture is left out: HTTP 404")
    assert key == "-1_2 picture" and "evil.example" in reason
