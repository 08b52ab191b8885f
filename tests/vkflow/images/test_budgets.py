import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from PIL import Image, ImageFile

from vkflow.images.budgets import ByteBudget
from vkflow.images.decoding import decode_picture


def test_no_more_bytes_are_taken_at_once_than_there_are() -> None:
    budget, lock, now, most = ByteBudget(100), threading.Lock(), 0, 0

    def work(wanted: int) -> None:
        nonlocal now, most
        with budget.taken(wanted):
            with lock:
                now += wanted
                most = max(most, now)
            threading.Event().wait(0.005)
            with lock:
                now -= wanted

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [40] * 20 + [100] * 3))
    assert 40 < most <= 100


def test_who_wants_more_than_there_is_works_alone_and_gives_it_back() -> None:
    budget = ByteBudget(100)
    with budget.taken(10**9):
        pass
    with budget.taken(100):
        pass


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
def test_no_pixel_is_decoded_before_its_bytes_are_taken(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []

    class Watched(ByteBudget):
        @contextmanager
        def taken(self, wanted: int) -> Iterator[None]:
            with super().taken(wanted):
                held.append(True)
                yield
                held.pop()

    loads: list[bool] = []
    load = ImageFile.ImageFile.load

    def watched_load(image: ImageFile.ImageFile) -> object:
        loads.append(bool(held))
        return load(image)

    file = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(file, kind)
    monkeypatch.setattr(ImageFile.ImageFile, "load", watched_load)
    picture = decode_picture(file.getvalue(), longest_side=32, budget=Watched(10**6))
    assert picture.status == "ok" and loads and all(loads)
