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
CODE = re.compile(r"return (?:1|\[(?:API\.[\w.]+\(\{.*?\}\)(?:, )?)+\]);")
MAX_EXECUTE_BYTES = 5_000_000
MAX_CALLS_IN_EXECUTE = 25
PAGE = 100
POSTS_WITH_REACH = 300
RIGHTS = {
    "wall.get": ("user", "service"),
    "wall.getById": ("user", "service"),
    "execute": ("user", "community"),
    "stats.getPostReach": ("user",),
    "groups.getById": ("user", "service", "community"),
    "users.get": ("user", "service", "community"),
    "utils.resolveScreenName": ("user", "service", "community"),
}
FILTERS = ("owner", "others", "all", "postponed", "suggests", "archived", "donut")
MESSAGES = {
    1: "Unknown error occurred",
    3: "Unknown method passed",
    5: "User authorization failed: invalid access_token (4).",
    6: "Too many requests per second",
    8: "Invalid request: v is required",
    12: "Unable to compile code",
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
    def __init__(self, code: int, subcode: int | None = None) -> None:
        self.code = code
        self.subcode = subcode


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


def whole(params: Params, name: str, default: int | None = None) -> int:
    """A parameter that must be a whole number."""
    try:
        return int(params[name]) if default is None else int(params.get(name, default))
    except (KeyError, ValueError):
        raise VkFaultError(100) from None


class FakeVk:
    """State of the server; tests change it while it runs.

    Attributes:
        walls: posts by owner.
        names: what screen names stand for.
        owners: who owners are, as ``groups.getById`` and ``users.get`` have it.
        errors: by method and owner, the code VK answers.
        answers: by method and owner, what comes instead of an answer.
        administered: communities whose statistics the token sees.
        small: communities with too few members to have statistics.
        token_kind: user, service or community.
        is_expired: the token was good once.
        refresh_token: what VK ID takes for a new pair.
        daily: calls a day by method; those inside of ``execute`` count, whatever comes of them.
        calls: calls by method, counted as VK does.
        tells_the_split: whether walls and messages are counted apart in ``reposts``.
    """

    def __init__(self) -> None:
        self.walls: dict[int, list[dict]] = {}
        self.names: dict[str, dict] = {}
        self.owners: dict[int, Any] = {}
        self.errors: dict[tuple[str, int], int | VkFaultError] = {}
        self.answers: dict[tuple[str, int], Reply] = {}
        self.administered: set[int] = set()
        self.small: set[int] = set()
        self.token = TOKEN
        self.token_kind = "user"
        self.is_expired = False
        self.refresh_token: str | None = None
        self.renewals: list[Params] = []
        self.troubles: dict[str, deque[Trouble]] = defaultdict(deque)
        self.requests: list[tuple[str, Params]] = []
        self.times: list[float] = []
        self.calls: Counter[str] = Counter()
        self.daily: dict[str, int] = {"wall.get": 5_000}
        self.requests_per_second: int | None = None
        self.after_page: Callable[[int, int], None] | None = None
        self.reach_rows: Callable[[int, list[int]], list[Any]] | None = None
        self.max_bytes = MAX_EXECUTE_BYTES
        self.padding = ""
        self.address = ""
        self.tells_the_split = True
        self._lock = threading.Lock()

    def add_wall(self, owner_id: int, posts: list[dict]) -> None:
        """Any order; the wall shows them newest first, the pinned one on top."""
        self.walls[owner_id] = list(posts)

    def trouble(self, method: str, *troubles: Trouble) -> None:
        self.troubles[method].extend(troubles)

    def methods(self) -> list[str]:
        """Of the requests that came, less those for the names of owners."""
        names = ("groups.getById", "users.get")
        return [method for method, _ in self.requests if method not in names]

    def respond(self, method: str, params: Params) -> Reply:
        with self._lock:
            self.requests.append((method, params))
            self.times.append(time.monotonic())
            if problem := self._problem_of_token(params):
                return self._error(VkFaultError(problem), params)
            if self._is_too_fast():
                return self._error(VkFaultError(6), params)
            if reply := self.answers.get((method, int(params.get("owner_id", 0)))):
                return reply
            if self.troubles[method]:
                trouble = self.troubles[method].popleft()
                self._count(method, params)
                is_reply = isinstance(trouble, Reply)
                return trouble if is_reply else self._error(VkFaultError(trouble), params)
            try:
                return Reply(self._body(method, params))
            except VkFaultError as fault:
                return self._error(fault, params)

    def renew(self, params: Params) -> Reply:
        """VK ID: a new pair of tokens for a refresh token, which is void from then on."""
        with self._lock:
            self.renewals.append(params)
            wanted = ("grant_type", "refresh_token", "client_id", "device_id", "state")
            is_right = params.get("refresh_token") == self.refresh_token is not None
            if not is_right or not all(params.get(name) for name in wanted):
                said = {"error": "invalid_request", "error_description": "refresh token is invalid"}
                return Reply(json.dumps(said).encode())
            number = len(self.renewals)
            self.token, self.refresh_token = f"vk2.a.renewed-{number}", f"vk2.r.renewed-{number}"
            self.is_expired = False
            pair = {"access_token": self.token, "refresh_token": self.refresh_token}
            return Reply(json.dumps(pair | {"token_type": "Bearer", "expires_in": 3_600}).encode())

    def _problem_of_token(self, params: Params) -> int | None:
        if params.get("access_token") != self.token:
            return 5
        if self.is_expired:
            return 1117
        return None if "v" in params else 8

    def _is_too_fast(self) -> bool:
        if self.requests_per_second is None:
            return False
        now = self.times[-1]
        return sum(now - moment < 1 for moment in self.times) > self.requests_per_second

    def _count(self, method: str, params: Params) -> None:
        """A request that fails costs as much as one that does not."""
        self.calls[method] += 1
        if method == "execute":
            self.calls.update(inner for inner, _ in CALL.findall(params.get("code", "")))

    def _error(self, fault: VkFaultError, params: Params) -> Reply:
        """Like VK, it tells the parameters; unlike VK, the token too: nothing may show it."""
        shown = [{"key": key, "value": value} for key, value in params.items()]
        error = {
            "error_code": fault.code,
            "error_msg": f"{MESSAGES.get(fault.code, 'An error')} {params.get('access_token')}",
            "request_params": shown,
        }
        if fault.subcode is not None:
            error["error_subcode"] = fault.subcode
        return Reply(json.dumps({"error": error}).encode())

    def _body(self, method: str, params: Params) -> bytes:
        errors: list[dict] = []
        answer = {"response": self._run(method, params, errors)}
        if errors:
            answer["execute_errors"] = errors
        body = json.dumps(answer, ensure_ascii=False).encode("utf-8", "surrogatepass")
        if len(body) > self.max_bytes:
            raise VkFaultError(13)
        return body

    def _run(self, method: str, params: Params, errors: list[dict]) -> Any:
        if method not in RIGHTS:
            raise VkFaultError(3)
        self.calls[method] += 1
        if self.token_kind not in RIGHTS[method]:
            raise VkFaultError(28 if self.token_kind == "service" else 27)
        if self.calls[method] > self.daily.get(method, self.calls[method]):
            raise VkFaultError(29)
        answers = {
            "wall.get": self._wall_get,
            "wall.getById": self._wall_get_by_id,
            "stats.getPostReach": self._post_reach,
            "utils.resolveScreenName": self._resolve_name,
            "groups.getById": self._groups,
            "users.get": self._users,
        }
        return self._execute(params, errors) if method == "execute" else answers[method](params)

    def _wall_get(self, params: Params) -> dict:
        owner_id, offset = whole(params, "owner_id"), whole(params, "offset", 0)
        count, kind = whole(params, "count", 20), params.get("filter", "all")
        if not 0 <= count <= PAGE or offset < 0 or kind not in FILTERS:
            raise VkFaultError(100)
        self._check("wall.get", owner_id)
        posts = sorted(
            self._shown(owner_id, kind),
            key=lambda post: (
                number(post, "is_pinned"),
                number(post, "date"),
                number(post, "id"),
            ),
            reverse=True,
        )
        items = [self._seen(post) for post in posts[offset : offset + count]]
        page = {"count": len(posts), "items": items}
        if self.after_page:
            self.after_page(owner_id, offset)
        return page

    def _shown(self, owner_id: int, kind: str) -> list[dict]:
        posts = self.walls[owner_id]
        if kind == "owner":
            return [post for post in posts if number(post, "from_id", owner_id) == owner_id]
        return posts

    def _seen(self, post: dict) -> dict:
        """A post as this token sees it: service tokens get no split of reposts, and no rights."""
        seen = post | {"x": self.padding} if self.padding else post
        reposts, is_service = seen.get("reposts"), self.token_kind == "service"
        if isinstance(reposts, dict) and (is_service or not self.tells_the_split):
            left = {k: v for k, v in reposts.items() if k not in ("wall_count", "mail_count")}
            seen = seen | {"reposts": left}
        return seen

    def _wall_get_by_id(self, params: Params) -> dict:
        names = params.get("posts", "").split(",")
        if len(names) > PAGE or not all(re.fullmatch(r"-?\d+_\d+", name) for name in names):
            raise VkFaultError(100)
        found = []
        for name in names:
            owner_id, post_id = map(int, name.split("_"))
            self._check("wall.getById", owner_id)
            found += [post for post in self.walls[owner_id] if post.get("id") == post_id]
        return {"items": [self._seen(post) for post in found]}

    def _post_reach(self, params: Params) -> list:
        owner_id = whole(params, "owner_id")
        names = params.get("post_ids", "").split(",")
        self._check("stats.getPostReach", owner_id)
        if owner_id not in self.administered:
            raise VkFaultError(15)
        if len(names) > 30 or not all(name.isdigit() and int(name) > 0 for name in names):
            raise VkFaultError(100)
        post_ids = [int(name) for name in names]
        if self.reach_rows:
            return self.reach_rows(owner_id, post_ids)
        newest = sorted(self.walls[owner_id], key=lambda post: number(post, "date"))
        known = {post.get("id") for post in newest[-POSTS_WITH_REACH:]}
        if owner_id in self.small or not known.issuperset(post_ids):
            raise VkFaultError(100)
        return [
            {"post_id": post_id, "reach_total": 900, "hide": 4, "report": 0, "links": 1}
            for post_id in post_ids
        ]

    def _resolve_name(self, params: Params) -> Any:
        if not params.get("screen_name"):
            raise VkFaultError(100)
        return self.names.get(params["screen_name"], [])

    def _groups(self, params: Params) -> dict:
        ids = [-int(name) for name in params.get("group_ids", "").split(",") if name.isdigit()]
        if not ids or len(ids) > 500:
            raise VkFaultError(100)
        self._check_owners("groups.getById", ids)
        groups = [self.owners.get(each, plain_group(-each)) for each in ids if each in self.walls]
        return {"groups": groups, "profiles": []}

    def _users(self, params: Params) -> list:
        ids = [int(name) for name in params.get("user_ids", "").split(",") if name.isdigit()]
        if not ids or len(ids) > 1_000:
            raise VkFaultError(100)
        self._check_owners("users.get", ids)
        return [self.owners.get(each, plain_user(each)) for each in ids if each in self.walls]

    def _execute(self, params: Params, errors: list[dict]) -> Any:
        code = params.get("code", "")
        if not CODE.fullmatch(code):
            raise VkFaultError(12 if code else 100)
        if code == "return 1;":
            return 1
        calls = CALL.findall(code)
        if len(calls) > MAX_CALLS_IN_EXECUTE:
            raise VkFaultError(13)
        return [self._packed(method, arguments, errors) for method, arguments in calls]

    def _packed(self, method: str, arguments: str, errors: list[dict]) -> Any:
        given = {name: str(value) for name, value in json.loads(arguments).items()}
        try:
            return self._run(method, given, errors)
        except VkFaultError as fault:
            said = MESSAGES.get(fault.code, "An error")
            errors.append({"method": method, "error_code": fault.code, "error_msg": said})
            return False

    def _check_owners(self, method: str, owner_ids: list[int]) -> None:
        for owner_id in owner_ids:
            if (method, owner_id) in self.errors:
                self._check(method, owner_id)

    def _check(self, method: str, owner_id: int) -> None:
        if (method, owner_id) in self.errors:
            fault = self.errors[method, owner_id]
            raise fault if isinstance(fault, VkFaultError) else VkFaultError(fault)
        if owner_id not in self.walls:
            raise VkFaultError(100)


def number(post: dict, name: str, broken: int = 0) -> int:
    """A field that VK itself goes by; what a broken one is taken for."""
    value = post.get(name)
    return value if type(value) is int else broken


def plain_group(number: int) -> dict:
    return {
        "id": number,
        "name": f"Community {number}",
        "screen_name": f"community_{number}",
        "is_closed": 0,
        "type": "group",
        "members_count": 10_000 + number,
    }


def plain_user(number: int) -> dict:
    return {
        "id": number,
        "first_name": "Anna",
        "last_name": f"Number {number}",
        "screen_name": f"anna_{number}",
        "followers_count": 100 + number,
        "is_closed": False,
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    vk: FakeVk

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        params = dict(parse_qsl(form, keep_blank_values=True))
        method = self.path.rpartition("/")[2]
        is_renewal = self.path == "/oauth2/auth"
        reply = self.vk.renew(params) if is_renewal else self.vk.respond(method, params)
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
