"""A headless Chromium driven through its DevTools protocol, for tests that look at pages."""

import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip

ATTEMPTS = 5


def find_chromium() -> str | None:
    """Where Chromium is, if it is installed."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


class Page:
    """One tab. What its console complains of is kept in ``errors``."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._number = 0
        self.errors: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol; returns its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        self._connection.send(json.dumps(message))
        while True:
            answer = json.loads(self._connection.recv(timeout=60))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        parameters = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.errors.append(parameters["exceptionDetails"]["text"])
        elif event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(parameters["entry"]["text"])
        elif event.get("method") == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])

    def open(self, url: str, width: int = 1280, height: int = 900) -> None:
        """Go to a page, in a window of this size in pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 500,
        )  # fmt: skip
        self.send("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, condition: str, seconds: float = 60) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(condition):
            text = self.evaluate("document.body?.innerText") or ""
            assert time.monotonic() < deadline, f"never true: {condition}; page says: {text[:2000]}"
            time.sleep(0.3)

    def wait_for_text(self, text: str, seconds: float = 60) -> None:
        """Wait until the page shows a text."""
        self.wait(f"document.body?.innerText.includes({json.dumps(text)})", seconds)

    def click(self, selector: str, text: str = "") -> None:
        """Press with the mouse on the last visible element of ``selector`` with this text."""
        find = (
            f"[...document.querySelectorAll({json.dumps(selector)})].filter(e => "
            f"(e.innerText || '').trim().startsWith({json.dumps(text)}) && e.offsetParent).pop()"
        )
        self._press(find)

    def fill(self, title: str, text: str) -> None:
        """Click into the field of a form with this title, and type; again if it was drawn anew."""
        field = _control(title, "textarea")
        for _ in range(ATTEMPTS):
            self._press(field)
            self.type(text)
            time.sleep(0.5)
            if self.evaluate(f"({field}).value"):
                return
        raise AssertionError(f"nothing can be typed into {title}")

    def switch(self, title: str) -> None:
        """Press the switch of a form with this title."""
        self._press(_control(title, "[role=switch]"))

    def _press(self, find: str) -> None:
        self.wait(f"!!({find})")
        place = self.evaluate(
            f"(() => {{ const e = {find}; "
            "e.scrollIntoView({block: 'center', behavior: 'instant'}); "
            "const r = e.getBoundingClientRect(); "
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send(
                "Input.dispatchMouseEvent",
                type=kind, x=place[0], y=place[1], button="left", clickCount=1,
            )  # fmt: skip

    def choose(self, option: str) -> None:
        """Choose an option of the list that has it."""
        find = f"document.querySelector({json.dumps(f'option[value={json.dumps(option)}]')})"
        self.wait(f"!!({find})")
        self.evaluate(
            f"(() => {{ const o = {find}; o.selected = true; "
            "o.parentElement.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.send("Input.insertText", text=text)

    def screenshot(self, file: Path) -> None:
        """Keep what the window shows."""
        picture = self.send("Page.captureScreenshot", format="png")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(picture["data"]))


def _control(title: str, selector: str) -> str:
    """The control that stands nearest to a title: an expression of JavaScript."""
    return (
        "(() => { let e = [...document.querySelectorAll('form *')].filter(e => "
        f"(e.innerText || '').trim().startsWith({json.dumps(title + ' (Optional)')})).pop(); "
        f"while (e && !e.querySelector({json.dumps(selector)})) e = e.parentElement; "
        f"return e && e.querySelector({json.dumps(selector)}); }})()"
    )


@contextmanager
def chromium() -> Iterator[Page]:
    """A fresh browser with one empty tab; it reaches nothing but this machine."""
    program = find_chromium()
    assert program, "Chromium is not installed"
    # Its last children may still write while the folder is removed.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            port = _port(Path(profile) / "DevToolsActivePort")
            tabs = httpx.get(f"http://127.0.0.1:{port}/json/list").json()
            tab = next(tab for tab in tabs if tab["type"] == "page")
            with connect(
                tab["webSocketDebuggerUrl"], max_size=None, ping_interval=None
            ) as connection:
                yield Page(connection)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _port(file: Path) -> int:
    deadline = time.monotonic() + 60
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < deadline, "Chromium did not start"
        time.sleep(0.1)
    return int(file.read_text().splitlines()[0])
