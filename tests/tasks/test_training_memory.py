"""Training on a million posts, with vectors, in a process of its own whose memory is read."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.step import warehouse_of
from vkflow.settings import load_settings
from vkflow.text.statistics import VERSION
from warehouse import constants

NOW = datetime(2026, 11, 2, tzinfo=UTC)

FILL = """
CREATE TEMP TABLE drawn AS
SELECT
    i AS post_id, -1 - (i % 500) AS owner_id, 't' || i AS text_hash, 'i' || i AS image_hash,
    TIMESTAMPTZ '2026-10-28 00:00:00+00' - to_seconds(i * 15) AS published_at,
    500 + (random() * 5000)::BIGINT AS views
FROM range({posts}) AS numbers(i);

INSERT INTO posts BY NAME
SELECT owner_id, post_id, published_at, 'text' AS text, text_hash, image_hash, false AS is_ad,
    'test' AS source, published_at AS first_seen_at, published_at AS updated_at
FROM drawn;

INSERT INTO snapshots BY NAME
SELECT owner_id, post_id, published_at + INTERVAL 80 HOUR AS observed_at, views,
    (views * 0.03 * random() * 2)::BIGINT AS likes, (views * 0.004 * random())::BIGINT AS comments,
    (views * 0.002 * random())::BIGINT AS reposts, (views * 0.001 * random())::BIGINT AS hides,
    (views * 0.002 * random())::BIGINT AS shares_to_message,
    (views * 0.05 * random())::BIGINT AS expands, (views * 0.06 * random())::BIGINT AS photo_opens,
    (views * 0.01 * random())::BIGINT AS opens
FROM drawn;

INSERT INTO text_statistics
SELECT text_hash, {version}, 100 * random(), 20 * random(), 10, 0, 0.1 * random(), 3, 0,
    2 * random(), 0, random(), 0, random(), random(), 1, -1
FROM drawn;

INSERT INTO text_embeddings
SELECT text_hash, 'e', list_transform(range(384), lambda x: random()::FLOAT), 20, false FROM drawn;

INSERT INTO image_embeddings
SELECT image_hash, 'c', list_transform(range(512), lambda x: random()::FLOAT) FROM drawn;

INSERT INTO image_scores
SELECT image_hash, 'c', 't', list_transform(range(88), lambda x: random()::FLOAT) FROM drawn;

INSERT INTO image_tags SELECT image_hash, 'c', 't', 'c' || (post_id % 88), 0.5, 1 FROM drawn;

INSERT INTO category_embeddings
SELECT 'c', 't', i, 'c' || i, list_transform(range(512), lambda x: random()::FLOAT)
FROM range(88) AS numbers(i);
"""

TRAIN = """
import sys
from datetime import datetime
from pathlib import Path
from tasks.training import train_bundle
from tests.benchmarks.measuring import peak_memory
from vkflow.settings import load_settings

# Trees cost time, not memory: a few are enough to fill every buffer of CatBoost.
settings = load_settings(
    home=Path(sys.argv[1]), source="dataset", training={"iterations": 10, "window_days": 400},
    warehouse={"memory_limit": "4GB"},
)
print(train_bundle.fn(settings, datetime.fromisoformat(sys.argv[2])).message)
print("peak", peak_memory())
"""


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from /proc")
def test_a_million_posts_are_learnt_from_within_8_gibibytes(tmp_path: Path) -> None:
    with warehouse_of(load_settings(home=tmp_path)) as connection:
        connection.execute(FILL.format(posts=1_000_000, version=VERSION))
        for name, value in (("encoder_id", "e"), ("tagger_id", "c"), ("taxonomy", "t")):
            constants.write_constant(connection, name, value)
    result = subprocess.run(
        [sys.executable, "-c", TRAIN, str(tmp_path), NOW.isoformat()],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert float(result.stdout.split("peak ")[1]) < 8 * 1024
