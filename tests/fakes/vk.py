"""A VK of our own, on loopback: walls that move, tokens with rights, limits that count."""

import json
import re
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

TOKEN = "vk1.a.SECRET-token_that-must-never-be-seen-9f8e7d"
CALL = re.compile(r"API\.([\w.]+)\((\{.*?\})\)")
MAX_EXECUTE_BYTES = 5_000_000
PAGE = 100
MESSAGES = {
    1: "Unknown error occurred",
    5: "User authorization failed: invalid access_token (4).",
    6: "Too many requests per second",
    13: "Response size is too big",
    15: "Access denied",
    18: "User was deleted or banned",
    27: "Group authorization failed: method is unavailable with group auth.",
    28: "Application authorization failed: method is unavailable with service token.",
    29: "Rate limit reached",
    30: "This profile is private",
    100: "One of the parameters specified was missing or invalid",
    113: "Invalid user id",
}
Params = dict[str, str]


class VkFaultError(Exception):
    def __init__(self, code: int) -> None:
        self.code = code


@dataclass
class Reply:
    """An answer that is not VK's usual one."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    drip: float = 0
    drip_headers: float = 0
    cut_off: bool = False


Trouble = int | Reply
"""An error code, or what comes instead of an answer."""


def make_post(owner_id: int, post_id: int, date: int, text: str = "Привет", **more: Any) -> dict:
    """A post as `wall.get` answers it (API 5.199)."""
    likes = more.pop("likes", post_id % 40 + 3)
    post = {
        "inner_type": "wall_wallpost",
        "id": post_id,
        "owner_id": owner_id,
        "from_id": owner_id,
        "date": date,
        "type": "post",
        "post_type": "post",
        "post_source": {"type": "api"},
        "hash": "XxXxXxXxXx",
        "donut": {"is_donut": False},
        "marked_as_ads": 0,
        "text": text,
        "attachments": [],
        "comments": {"can_post": 1, "count": post_id % 7, "groups_can_post": True},
        "likes": {"can_like": 1, "count": likes, "user_likes": 0, "can_publish": 1},
        "reposts": {"count": 5, "wall_count": 2, "mail_count": 3, "user_reposted": 0},
        "views": {"count": 1_000 + post_id % 500},
    }
    return post | more


def make_photo(url: str) -> dict:
    letters = {"s": 75, "m": 130, "x": 604, "y": 807, "z": 1280, "w": 2560}
    sizes = [
        {"type": letter, "width": width, "height": width * 3 // 4, "url": f"{url}?size={letter}"}
        for letter, width in letters.items()
    ]
    return {"type": "photo", "photo": {"id": 1, "owner_id": -1, "sizes": sizes[::-1]}}


class FakeVk:
    """State of the server; tests change it while it runs."""

    def __init__(self) -> None:
        self.walls: dict[int, list[dict]] = {}
        self.names: dict[str, dict] = {}
        self.errors: dict[tuple[str, int], int] = {}
        self.answers: dict[tuple[str, int], Reply] = {}
        self.administered: set[int] = set()
        self.token_kind = "user"
        self.troubles: dict[str, deque[Trouble]] = defaultdict(deque)
        self.requests: list[tuple[str, Params]] = []
        self.times: list[float] = []
        self.calls: Counter[str] = Counter()
        self.requests_per_second: int | None = None
        self.after_page: Callable[[int, int], None] | None = None
        self.reach_rows: Callable[[int, list[int]], list[Any]] | None = None
        self.max_bytes = MAX_EXECUTE_BYTES
        self.padding = ""
        self.address = ""
        self._lock = threading.Lock()

    def add_wall(self, owner_id: int, posts: list[dict]) -> None:
        """Any order; the wall shows them newest first, the pinned one on top."""
        self.walls[owner_id] = list(posts)

    def trouble(self, method: str, *troubles: Trouble) -> None:
        self.troubles[method].extend(troubles)

    def methods(self) -> list[str]:
        return [method for method, _ in self.requests]

    def respond(self, method: str, params: Params) -> Reply:
        with self._lock:
            self.requests.append((method, params))
            self.times.append(time.monotonic())
            if params.get("access_token") != TOKEN:
                return self._error(5, params)
            if self._is_too_fast():
                return self._error(6, params)
            if reply := self.answers.get((method, int(params.get("owner_id", 0)))):
                return reply
            if self.troubles[method]:
                trouble = self.troubles[method].popleft()
                return trouble if isinstance(trouble, Reply) else self._error(trouble, params)
            try:
                answer = {"response": self._run(method, params)}
                if method == "execute":
                    answer["execute_errors"] = []
                body = json.dumps(answer, ensure_ascii=False).encode()
                if len(body) > self.max_bytes:
                    raise VkFaultError(13)
            except VkFaultError as fault:
                return self._error(fault.code, params)
            return Reply(body)

    def _is_too_fast(self) -> bool:
        if self.requests_per_second is None:
            return False
        now = self.times[-1]
        return sum(now - moment < 1 for moment in self.times) > self.requests_per_second

    @staticmethod
    def _error(code: int, params: Params) -> Reply:
        """Like VK, it tells the parameters; unlike VK, the token too: nothing may show it."""
        shown = [{"key": key, "value": value} for key, value in params.items()]
        error = {
            "error_code": code,
            "error_msg": f"{MESSAGES.get(code, 'An error')} {params.get('access_token')}",
            "request_params": shown,
        }
        return Reply(json.dumps({"error": error}).encode())

    def _run(self, method: str, params: Params) -> Any:
        self.calls[method] += 1
        allowed = {
            "wall.get": ("user", "service"),
            "wall.getById": ("user", "service"),
            "execute": ("user", "community"),
            "stats.getPostReach": ("user",),
        }.get(method, ("user", "service", "community"))
        if self.token_kind not in allowed:
            raise VkFaultError(28 if self.token_kind == "service" else 27)
        answers = {
            "wall.get": self._wall_get,
            "wall.getById": self._wall_get_by_id,
            "stats.getPostReach": self._post_reach,
            "utils.resolveScreenName": self._resolve_name,
            "execute": self._execute,
        }
        return answers[method](params)

    def _wall_get(self, params: Params) -> dict:
        owner_id, offset = int(params["owner_id"]), int(params.get("offset", 0))
        count = int(params.get("count", 20))
        if count > PAGE:
            raise VkFaultError(100)
        self._check("wall.get", owner_id)
        posts = sorted(
            self.walls[owner_id],
            key=lambda post: (post.get("is_pinned", 0), post.get("date", 0), post.get("id", 0)),
            reverse=True,
        )
        page = {"count": len(posts), "items": posts[offset : offset + count]}
        if self.padding:
            page = {"count": len(posts), "items": [p | {"x": self.padding} for p in page["items"]]}
        if self.after_page:
            self.after_page(owner_id, offset)
        return page

    def _wall_get_by_id(self, params: Params) -> dict:
        names = params["posts"].split(",")
        if len(names) > PAGE:
            raise VkFaultError(100)
        found = []
        for name in names:
            owner_id, post_id = map(int, name.split("_"))
            self._check("wall.getById", owner_id)
            found += [post for post in self.walls[owner_id] if post.get("id") == post_id]
        return {"items": [post | {"x": self.padding} if self.padding else post for post in found]}

    def _post_reach(self, params: Params) -> list:
        owner_id, post_ids = int(params["owner_id"]), params["post_ids"].split(",")
        self._check("stats.getPostReach", owner_id)
        if owner_id not in self.administered:
            raise VkFaultError(15)
        if len(post_ids) > 30:
            raise VkFaultError(100)
        if self.reach_rows:
            return self.reach_rows(owner_id, [int(post_id) for post_id in post_ids])
        return [
            {"post_id": int(post_id), "reach_total": 900, "hide": 4, "report": 0, "links": 1}
            for post_id in post_ids
        ]

    def _resolve_name(self, params: Params) -> Any:
        return self.names.get(params["screen_name"], [])

    def _execute(self, params: Params) -> Any:
        if params["code"] == "return 1;":
            return 1
        answers = []
        for method, arguments in CALL.findall(params["code"]):
            given = {name: str(value) for name, value in json.loads(arguments).items()}
            try:
                answers.append(self._run(method, given))
            except VkFaultError:
                answers.append(False)
        assert len(answers) <= 25
        return answers

    def _check(self, method: str, owner_id: int) -> None:
        if (method, owner_id) in self.errors:
            raise VkFaultError(self.errors[method, owner_id])
        if owner_id not in self.walls:
            raise VkFaultError(100)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    vk: FakeVk

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        params = dict(parse_qsl(form, keep_blank_values=True))
        method = self.path.rpartition("/")[2]
        reply = self.vk.respond(method, params)
        try:
            self._send(reply)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _send(self, reply: Reply) -> None:
        time.sleep(reply.delay)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
            if reply.drip_headers:
                self.flush_headers()
                time.sleep(reply.drip_headers)
        self.send_header("Content-Length", str(len(reply.body) + (1_000 if reply.cut_off else 0)))
        self.end_headers()
        if reply.drip:
            for byte in reply.body:
                self.wfile.write(bytes([byte]))
                time.sleep(reply.drip)
        else:
            self.wfile.write(reply.body)
        self.close_connection = reply.cut_off

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def serving(vk: FakeVk) -> Iterator[FakeVk]:
    """Serve on a free port of loopback; ``vk.address`` is where."""
    handler = type("Handler", (_Handler,), {"vk": vk})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    vk.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield vk
    finally:
        server.shutdown()
        server.server_close()
