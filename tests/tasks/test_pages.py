"""Pages on disk."""

import os
from pathlib import Path

import pytest

from flows.served_pages import PAGE
from tasks.pages import address_of, write_drafts_page, write_page
from tests.fakes.drafts import made_told
from vkflow.settings import load_settings


def test_a_page_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "new" / "page.html"
    for page in ("<p>1", "<p>2"):
        write_page(file, page)
    assert file.read_text() == "<p>2" and list(file.parent.iterdir()) == [file]


def test_a_page_takes_the_place_of_no_device_pipe_or_folder(tmp_path: Path) -> None:
    """Whoever is root would lose /dev/stdout by it."""
    pipe, folder = tmp_path / "pipe", tmp_path / "folder"
    os.mkfifo(pipe)
    folder.mkdir()
    for file in (pipe, folder):
        with pytest.raises(OSError, match="no file, but a folder, a device") as raised:
            write_page(file, "<p>")
        assert raised.value.filename == str(file)
    assert pipe.is_fifo() and {*tmp_path.iterdir()} == {pipe, folder}


@pytest.mark.parametrize("name", ["a file/page.html", "x" * 300])
def test_the_page_is_named_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(OSError, match="cannot be written") as raised:
        write_page(tmp_path / name, "<p>")
    assert raised.value.filename == str(tmp_path / name)


def test_who_asks_in_the_same_second_sees_the_own_answer(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    texts = ("Кто с нами?", "Просто лес")
    pages = [write_drafts_page(settings, made_told(text), None) for text in texts]
    for page, text in zip(pages, texts, strict=True):
        assert text in page.read_text("utf-8")
        assert PAGE.fullmatch(address_of(settings, page))
    assert write_drafts_page(settings, made_told(texts[0]), None) == pages[0]
