"""Pictures from the net, trusting neither the address nor the server nor the content.

An address must be https, on an allowed host; the host must resolve to public addresses only, and
the connection goes to the very address that was checked, so that a name that resolves to another
one a moment later (DNS rebinding) gains nothing. Redirects are followed by the same rules.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from vkflow.images.decoding import BEGINNINGS, MAX_BYTES
from vkflow.sources.addresses import Address, Resolve, is_public, resolve
from vkflow.sources.deadlines import (
    LoopThread,
    TooManyBytesError,
    read_at_most,
    trusted_certificates,
)

HTTPS_PORT = 443
MAX_SECONDS = 15.0
MAX_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Download:
    """A picture, or why there is none.

    Attributes:
        content: the file as it came; empty if there is a problem.
        problem: what is wrong, as a sentence.
    """

    content: bytes
    problem: str | None = None


class RefusedError(Exception):
    """A picture that is not downloaded; the message says why."""


@dataclass(frozen=True)
class Network:
    """How names become connections; other than the default only in tests.

    Attributes:
        resolve: addresses of a host.
        is_allowed: whether an address may be connected to.
        port: where https is spoken.
        certificates: whom to trust; ``None``: the authorities everybody trusts.
    """

    resolve: Resolve = resolve
    is_allowed: Callable[[Address], bool] = is_public
    port: int = HTTPS_PORT
    certificates: ssl.SSLContext | None = None


class PictureDownloader:
    """Downloads pictures, some at a time.

    Args:
        hosts: allowed hosts; those below them are allowed as well.
        at_a_time: concurrent downloads.
        max_bytes: larger pictures are refused.
        max_seconds: for one picture, redirects included.
        network: replaced in tests.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        at_a_time: int = 8,
        *,
        max_bytes: int = MAX_BYTES,
        max_seconds: float = MAX_SECONDS,
        network: Network | None = None,
    ) -> None:
        self._hosts = tuple(host.lower().strip(".") for host in hosts)
        self._at_a_time = at_a_time
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._network = network or Network()
        self._certificates = self._network.certificates or trusted_certificates()

    def download(self, urls: Sequence[str]) -> list[Download]:
        """Download pictures; one that cannot be had is a value, never an exception."""
        if not urls:
            return []
        with LoopThread() as loop:
            return loop.run(self._all(urls))

    async def _all(self, urls: Sequence[str]) -> list[Download]:
        turns = asyncio.Semaphore(self._at_a_time)
        async with self._client() as client:
            return await asyncio.gather(*(self._one(client, turns, url) for url in urls))

    def _client(self) -> httpx.AsyncClient:
        """Without a proxy, which would connect to addresses nobody has checked.

        No connection is kept: another name on the same address must show its own certificate.
        """
        return httpx.AsyncClient(
            verify=self._certificates,
            timeout=self._max_seconds,
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
            follow_redirects=False,
            headers={"Accept": "image/*", "Accept-Encoding": "identity"},
        )

    async def _one(self, client: httpx.AsyncClient, turns: asyncio.Semaphore, url: str) -> Download:
        try:
            async with turns, asyncio.timeout(self._max_seconds):
                content = await self._follow(client, url)
        except (RefusedError, TooManyBytesError) as refusal:
            return Download(b"", f"the picture is left out: {refusal}")
        except TimeoutError:
            return Download(b"", f"the picture took longer than {self._max_seconds:g} seconds")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Download(b"", f"the picture could not be downloaded: {type(error).__name__}")
        if not content.startswith(BEGINNINGS):
            return Download(b"", "the picture is left out: the bytes that came are no picture")
        return Download(content)

    async def _follow(self, client: httpx.AsyncClient, url: str) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            async with self._open(client, httpx.URL(url)) as response:
                if response.status_code not in REDIRECTS:
                    return await self._body(response)
                url = str(httpx.URL(url).join(response.headers.get("location", "")))
        raise RefusedError(f"it redirects more than {MAX_REDIRECTS} times")

    @asynccontextmanager
    async def _open(
        self, client: httpx.AsyncClient, url: httpx.URL
    ) -> AsyncIterator[httpx.Response]:
        """Connect to an address of the host that was checked, as that host."""
        host = self._checked_host(url)
        address = await asyncio.to_thread(self._checked_address, host)
        target = url.copy_with(host=str(address), port=self._network.port)
        async with client.stream(
            "GET", target, headers={"Host": host}, extensions={"sni_hostname": host}
        ) as response:
            yield response

    def _checked_host(self, url: httpx.URL) -> str:
        host = url.host.lower().rstrip(".")
        if url.scheme != "https":
            raise RefusedError("its address is not https")
        if url.port not in (None, HTTPS_PORT) or url.userinfo:
            raise RefusedError("its address names a port or a user")
        if not any(host == allowed or host.endswith(f".{allowed}") for allowed in self._hosts):
            raise RefusedError(f"its host {host[:100]} is not in vk.picture_hosts")
        return host

    def _checked_address(self, host: str) -> Address:
        addresses = self._network.resolve(host)
        if not addresses or not all(self._network.is_allowed(each) for each in addresses):
            raise RefusedError(f"its host {host[:100]} resolves to an address that is not public")
        return min(addresses, key=lambda address: address.version)

    async def _body(self, response: httpx.Response) -> bytes:
        if response.status_code != httpx.codes.OK:
            raise RefusedError(f"HTTP {response.status_code}")
        if "content-encoding" in response.headers:
            raise RefusedError("it comes compressed, which pictures are already")
        return await read_at_most(self._max_bytes, response.aiter_raw())
