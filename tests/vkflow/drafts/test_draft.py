import base64
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from vkflow.drafts.draft import Draft, check_draft, check_drafts
from vkflow.drafts.files import read_drafts
from vkflow.drafts.intake import Intake
from vkflow.drafts.moments import read_moment
from vkflow.drafts.owners import KnownOwner, find_owner
from vkflow.drafts.pictures import read_picture
from vkflow.errors import DraftError, SourceError, VkflowError, translated_errors
from vkflow.sources.downloads import PictureDownloader

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
MOSCOW = ZoneInfo("Europe/Moscow")
OWNERS = [
    KnownOwner(-7, "Котики и пёсики", "kotiki"),
    KnownOwner(-8, "Новости", "news_city"),
    KnownOwner(5, "Новости", "id5x"),
]
NOBODY = PictureDownloader(("userapi.com",))


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    return file.getvalue()


def draft(**changes: object) -> Draft:
    return Draft(**{"name": "draft 1", "owner_id": -7, "at": NOW, "text": "привет", **changes})


def check(**changes: object) -> None:
    check_draft(draft(**changes), now=NOW, max_characters=100)


def test_text_picture_or_both_make_a_draft() -> None:
    check()
    check(text="", picture=png())
    check(picture=png(), at=NOW + timedelta(days=7))
    check(at=NOW - timedelta(minutes=4))  # while the form was filled in
    check(text="a" * 100)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"text": " \n"}, "the draft is empty: give it a text, a picture, or both"),
        ({"text": "a" * 101}, "the text has 101 characters, and at most 100 are read"),
        ({"text": "a" * 10**6}, "the text has 1,000,000 characters"),
        ({"text": "a\0b"}, "the text contains NUL characters"),
        ({"text": "a\ud800"}, "halves of characters"),
        ({"at": NOW - timedelta(hours=1)}, "its time 2026-11-02 08:00 UTC lies in the past"),
        ({"at": NOW + timedelta(days=400)}, "more than a year ahead"),
        ({"picture": b"no picture"}, "the picture cannot be used: "),
        ({"picture": b""}, "the picture cannot be used: "),
        ({"picture": png()[:50]}, "the picture cannot be used: "),
    ],
)
def test_what_is_no_draft_is_told_in_one_sentence(changes: dict[str, object], said: str) -> None:
    with pytest.raises(DraftError) as caught:
        check(**changes)
    assert str(caught.value).startswith("draft 1: ") and said in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


NO_WORDS = re.compile(
    r"\((?:text\.max_characters|image file is truncated|unrecognized data)[^)]*\)"
    r"|UTC|NUL|XML|JPEG|PNG|GIF|WEBP|BMP|TIFF|base64|https?\b|vk\.picture_hosts|evil\.test\S*|Kotyky"
)
"""Formats, settings, what was given, and what a parser says of a damaged file."""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"text": ""}, "черновик пуст"),
        ({"text": "а" * 10**6}, "длина текста 1 000 000 знаков, а читается не больше 100"),
        ({"text": "a\0b"}, "знаки NUL"),
        ({"at": NOW - timedelta(hours=1)}, "уже прошло"),
        ({"picture": b"no picture"}, "это не картинка"),
        ({"picture": b"<html>"}, "это веб-страница или XML"),
        ({"picture": b"II*\0" + bytes(9)}, "это файл TIFF; читаются"),
        ({"picture": b""}, "файл пустой"),
        ({"picture": png()[:9]}, "файл обрывается в самом начале"),
        ({"picture": png()[:50]}, "файл повреждён или обрезан"),
        ({"owner": "Kotyky"}, "постов владельца Kotyky нет; есть -7 (Котики и пёсики)"),
        ({"entry": "http://evil.test/a.jpg"}, "адрес не https"),
        ({"entry": "https://evil.test/a.jpg?key=1"}, "хоста evil.test нет в vk.picture_hosts"),
        ({"entry": "@@@"}, "не base64"),
    ],
)
def test_in_russian_all_of_the_sentence_is(changes: dict[str, Any], said: str) -> None:
    """What a form refuses is told in the language of the home, to its last word."""
    with pytest.raises(DraftError) as caught, translated_errors("ru"):
        if "owner" in changes:
            find_owner(changes["owner"], OWNERS)
        elif "entry" in changes:
            read_picture(changes["entry"], NOBODY, files=False)
        else:
            check(**changes)
    sentence = str(caught.value).replace("\u00a0", " ")
    assert said in sentence and len(sentence) < 200
    assert not re.search("[A-Za-z]{2,}", NO_WORDS.sub("", sentence)), sentence


def test_no_draft_and_a_data_set_of_drafts_are_refused() -> None:
    for drafts in ([], [draft()] * 1_001):
        with pytest.raises(DraftError, match=r"no draft|too many"):
            check_drafts(drafts, now=NOW, max_characters=100)


@pytest.mark.parametrize(
    "entry",
    [
        "-7", "club7", "public7", "https://vk.com/club7", "vk.ru/kotiki", "kotiki", "@Kotiki",
        " Котики и Пёсики ", "https://vk.com/wall-7_12",
    ],
)  # fmt: skip
def test_an_owner_is_found_by_id_link_and_name(entry: str) -> None:
    assert find_owner(entry, OWNERS) == -7


def test_a_data_set_without_owners_has_one() -> None:
    assert find_owner("", [KnownOwner(0)]) == find_owner("0", [KnownOwner(0)]) == 0


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("", "say on whose wall; there are -7 (Котики и пёсики)"),
        ("-9", "no posts of an owner -9 are known"),
        ("Новости", "2 owners are called Новости; say its id: -8 (Новости), 5 (Новости)"),
        ("Котик", r"no posts of an owner Котик are known; there are -7 (Котики"),
        ("\x1b[2Jx", r"\x1b[2Jx"),
        ("a" * 10**6, "no posts of an owner aaa"),
    ],
)
def test_an_unknown_owner_is_told_with_the_known_ones(entry: str, said: str) -> None:
    with pytest.raises(DraftError) as caught:
        find_owner(entry, OWNERS)
    assert said in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "entry", ["-10660873", "Новосити", "news_cyti", "https://vk.com/news_cty", "club106608733"]
)
def test_of_many_owners_the_one_that_was_meant_is_told_first(entry: str) -> None:
    many = [KnownOwner(-number) for number in range(1, 60)]
    meant = KnownOwner(-106608732, "Новости", "news_city")
    with pytest.raises(DraftError, match=r"there are -106608732 \(Новости\), -"):
        find_owner(entry, [*many, meant])


def test_without_any_posts_the_way_out_is_told() -> None:
    with pytest.raises(DraftError, match="vkflow nightly"):
        find_owner("kotiki", [])


@pytest.mark.parametrize(
    ("entry", "moment"),
    [
        (None, NOW),
        ("", NOW),
        ("2026-11-03 18:30", datetime(2026, 11, 3, 15, 30, tzinfo=UTC)),
        ("2026-11-03T18:30+05:00", datetime(2026, 11, 3, 13, 30, tzinfo=UTC)),
        ("2026-11-03", datetime(2026, 11, 2, 21, tzinfo=UTC)),
        (datetime(2026, 11, 3, 18, 30), datetime(2026, 11, 3, 15, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_by_the_clock_of_the_owner(entry: object, moment: datetime) -> None:
    assert read_moment(entry, MOSCOW, NOW) == moment  # type: ignore[arg-type]


@pytest.mark.parametrize("entry", ["tomorrow", "25:00", "0001-01-01", "\x1b[2J"])
def test_what_is_no_time_is_told(entry: str) -> None:
    with pytest.raises(DraftError) as caught:
        read_moment(entry, MOSCOW, NOW)
    assert "\x1b" not in str(caught.value)


def test_a_picture_is_read_from_a_file_and_from_base64(tmp_path: Path) -> None:
    file = tmp_path / "cat.png"
    file.write_bytes(png())
    text = base64.b64encode(png()).decode()
    for entry in (str(file), text, f"data:image/png;base64,{text}", f" {text}\n"):
        assert read_picture(entry, NOBODY) == png()
    assert read_picture(" ", NOBODY) is None


def test_a_form_reads_no_file_of_the_machine_it_runs_on(tmp_path: Path) -> None:
    file = tmp_path / "secret.png"
    file.write_bytes(png())
    with pytest.raises(DraftError, match="no base64"):
        read_picture(str(file), NOBODY, files=False)


@pytest.mark.parametrize("name", ["secret.png", "a:b.png", "a://b.png"])
def test_a_table_reads_no_file_either(tmp_path: Path, name: str) -> None:
    """Who writes the table need not be who runs the command."""
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(png())
    make = Intake(OWNERS, "Europe/Moscow", {}, NOW, NOBODY).from_row("-7", "", "")
    row = {"text": "а", "photo": str(file), "owner_id": None, "published_at": None, "is_ad": False}
    with pytest.raises(DraftError, match=r"row 1: the picture .* is no base64"):
        make("row 1", row)
    text = base64.b64encode(png()).decode()
    for photo in (text, f"data:image/png;base64,{text}"):
        assert make("row 1", {**row, "photo": photo}).picture == png()


def test_what_is_no_picture_to_read_is_told(tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    with large.open("wb") as opened:
        opened.truncate(10**7 + 1)
    for entry, said in {
        str(tmp_path): "no file, but a folder",
        str(large): "more than 10 MB",
        "no such file.png": "neither a file here, nor an https address, nor base64",
        "http://userapi.com/a.png": "not https",
        "https://user:secret@example.com/a.png?key=secret": "",
        "file:///etc/passwd": "not https",
        "data:image/png,xx": "the picture xx is no base64",
        "data:;base64,@@@": "the picture @@@ is no base64",
        "\x1b[2J": r"\x1b[2J",
        "https://userapi.com/\r\nHost: x": "userapi.com",
    }.items():
        with pytest.raises(DraftError) as caught:
            read_picture(entry, NOBODY)
        assert said in str(caught.value)
        assert not re.search("secret|\x1b|\n", str(caught.value))


def make(name: str, row: dict[str, object]) -> Draft:
    owner = int(str(row["owner_id"] or -7))
    return Draft(name, owner, NOW, str(row["text"] or ""), is_ad=bool(row["is_ad"]))


def test_a_file_of_drafts_has_the_columns_of_a_data_set(tmp_path: Path) -> None:
    file = tmp_path / "drafts.csv"
    file.write_text(
        'id,cat,text,owner_id,is_ad,like,post_id,owner_name\n'
        '1,я,"раз, два",-8,,1,,Новости\n2,я,три,,true,,,\n', encoding="utf-8"
    )  # fmt: skip
    assert read_drafts(str(file), {}, None, make) == [
        Draft("row 1", -8, NOW, "раз, два"),
        Draft("row 2", -7, NOW, "три", is_ad=True),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text\n", "no drafts"),
        ("owner_id,published_at\n1,2\n", "lacks the columns text"),
        ("text,publishd_at\nа,\n", "has no column published_at, but publishd_at: rename it"),
        ("text,Owner_ID \nа,\n", "has no column owner_id, but Owner_ID"),
        ("text,owner\nа,\n", "has no column owner_id, but owner"),
        ("text,at\nа,\n", "has no column published_at, but at"),
        ("text,picture\nа,\n", "has no column photo, but picture"),
        ("text,is_ad\nа,perhaps\n", "row 1: is_ad is not true or false"),
        ('text,is_ad\nа,"\n', "row 1"),
        ("text\n" + "а\n" * 1_001, "too many drafts"),
    ],
)
def test_what_is_no_file_of_drafts_is_told(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "drafts.csv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(VkflowError, match=said):
        read_drafts(str(file), {}, None, make)
    with pytest.raises(SourceError, match=r"no file of drafts|no file in"):
        read_drafts(str(tmp_path), {}, None, make)


def test_an_address_of_a_file_is_refused_and_not_quoted():
    with pytest.raises(DraftError, match="no address") as raised:
        read_drafts("https://user:p4ss@example.org/drafts.csv", {}, None, lambda *_: None)
    assert "p4ss" not in str(raised.value)
