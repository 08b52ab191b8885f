"""Downloading pictures: what is let through, and everything that is not."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from unittest.mock import patch

import pytest

from tests.fakes.pictures import FakePictures, Page, jpeg, serving_pictures
from vkflow.sources.addresses import is_public, resolve
from vkflow.sources.downloads import Network, PictureDownloader

HOSTS = ("userapi.com",)
GOOD = "https://sun9-1.userapi.com"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakePictures]:
    with serving_pictures(tmp_path_factory.mktemp("certificate")) as pictures:
        yield pictures


@pytest.fixture
def pictures(server: FakePictures) -> FakePictures:
    server.pages.clear()
    server.asked.clear()
    server.most_at_once = 0
    return server


def problem_of(downloader: PictureDownloader, url: str) -> str:
    (download,) = downloader.download([url])
    assert download.content == b""
    return download.problem or ""


def test_pictures_come_in_the_order_of_their_addresses(pictures: FakePictures):
    colours = ("red", "green", "blue", "white")
    pictures.pages = {f"/{colour}.jpg": Page(jpeg(colour)) for colour in colours}
    downloads = PictureDownloader(HOSTS, network=pictures.network()).download(
        [f"{GOOD}/{colour}.jpg?as=1&sign=2" for colour in colours]
    )
    assert [each.content for each in downloads] == [jpeg(colour) for colour in colours]
    assert {each.problem for each in downloads} == {None}
    assert set(pictures.asked) == {
        ("sun9-1.userapi.com", f"/{colour}.jpg?as=1&sign=2") for colour in colours
    }


def test_nothing_asked_is_nothing_done(pictures: FakePictures):
    assert PictureDownloader(HOSTS, network=pictures.network()).download([]) == []


def test_no_more_than_so_many_at_a_time(pictures: FakePictures):
    pictures.pages["/slow.jpg"] = Page(jpeg(), delay=0.1)
    downloader = PictureDownloader(HOSTS, at_a_time=3, network=pictures.network())
    downloads = downloader.download([f"{GOOD}/slow.jpg"] * 12)
    assert all(each.problem is None for each in downloads)
    assert pictures.most_at_once == 3


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://sun9-1.userapi.com/a.jpg", "not https"),
        ("ftp://sun9-1.userapi.com/a.jpg", "not https"),
        ("file:///etc/passwd", "not https"),
        ("//sun9-1.userapi.com/a.jpg", "not https"),
        ("https://example.com/a.jpg", "not in vk.picture_hosts"),
        ("https://userapi.com.evil.org/a.jpg", "not in vk.picture_hosts"),
        ("https://eviluserapi.com/a.jpg", "not in vk.picture_hosts"),
        ("https://127.0.0.1/a.jpg", "not in vk.picture_hosts"),
        ("https://[::1]/a.jpg", "not in vk.picture_hosts"),
        ("https://169.254.169.254/latest/meta-data", "not in vk.picture_hosts"),
        ("https://sun9-1.userapi.com@evil.org/a.jpg", "names a port or a user"),
        ("https://user:pass@sun9-1.userapi.com/a.jpg", "names a port or a user"),
        ("https://sun9-1.userapi.com:8443/a.jpg", "names a port or a user"),
        ("https://sun9-1.userapi.com:22/a.jpg", "names a port or a user"),
        ("https:///a.jpg", "not in vk.picture_hosts"),
        ("", "not https"),
        ("https://sun9-1.userapi.com:99999999/", "names a port or a user"),
        ("https://\x00/", "InvalidURL"),
        ("https://\ud800.userapi.com/", ""),
    ],
)
def test_an_address_out_of_bounds_is_refused_before_any_request(
    pictures: FakePictures, url: str, reason: str
):
    assert reason in problem_of(PictureDownloader(HOSTS, network=pictures.network()), url)
    assert pictures.asked == []


PRIVATE = (
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.5.5",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::7f00:1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
    "2001:0:7f00:1::1",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_resolves_into_our_own_network_is_refused(address: str):
    network = Network(resolve=lambda _host: [ip_address("95.142.206.1"), ip_address(address)])
    problem = problem_of(PictureDownloader(HOSTS, network=network), f"{GOOD}/a.jpg")
    assert "resolves to an address that is not public" in problem


@pytest.mark.parametrize("address", ["95.142.206.1", "8.8.8.8", "2a00:bdc0::1"])
def test_addresses_of_the_open_net_are_public(address: str):
    assert is_public(ip_address(address))


def test_names_are_resolved_by_the_system_by_default():
    assert ip_address("127.0.0.1") in resolve("localhost")
    downloader = PictureDownloader(["localhost"])
    assert "not public" in problem_of(downloader, "https://localhost/a.jpg")


def test_a_name_that_does_not_resolve_is_a_problem_of_that_picture_alone(pictures: FakePictures):
    def resolving(host: str):
        if host == "sun9-2.userapi.com":
            raise socket.gaierror(-2, "Name or service not known")
        return [ip_address("127.0.0.1")]

    network = replace(pictures.network(), resolve=resolving)
    urls = ["https://sun9-2.userapi.com/a.jpg", f"{GOOD}/b.jpg"]
    lost, good = PictureDownloader(HOSTS, network=network).download(urls)
    assert lost.problem == "the picture could not be downloaded: gaierror"
    assert good.content == jpeg()


def test_the_connection_goes_to_the_address_that_was_checked(pictures: FakePictures):
    """A name that resolves differently the second time (DNS rebinding) gains nothing."""
    answers = iter(["127.0.0.1", "10.0.0.1"])
    network = replace(
        pictures.network(),
        resolve=lambda _host: [ip_address(next(answers))],
        is_allowed=lambda address: address == ip_address("127.0.0.1"),
    )
    downloader = PictureDownloader(HOSTS, network=network)
    with patch("socket.getaddrinfo", side_effect=only_numbers(socket.getaddrinfo)):
        assert downloader.download([f"{GOOD}/a.jpg"])[0].content == jpeg()
    assert "not public" in problem_of(downloader, f"{GOOD}/a.jpg")


def only_numbers(original):
    def getaddrinfo(host, *rest, **more):
        assert ip_address(host.decode() if isinstance(host, bytes) else host), "resolved again"
        return original(host, *rest, **more)

    return getaddrinfo


def test_the_server_must_have_a_certificate_of_the_name_asked_for(pictures: FakePictures):
    downloader = PictureDownloader(HOSTS, network=pictures.network())
    assert "ConnectError" in problem_of(downloader, "https://other.userapi.com/a.jpg")
    everybody = replace(pictures.network(), certificates=None)
    assert "ConnectError" in problem_of(
        PictureDownloader(HOSTS, network=everybody), f"{GOOD}/a.jpg"
    )
    assert pictures.asked == []


REDIRECTS = {
    "https://127.0.0.1/a.jpg": "not in vk.picture_hosts",
    "https://[::1]/a.jpg": "not in vk.picture_hosts",
    "https://[fc00::1]/a.jpg": "not in vk.picture_hosts",
    "https://[::ffff:127.0.0.1]/a.jpg": "not in vk.picture_hosts",
    "https://10.0.0.1/a.jpg": "not in vk.picture_hosts",
    "https://169.254.169.254/latest/meta-data/": "not in vk.picture_hosts",
    "https://example.com/a.jpg": "not in vk.picture_hosts",
    "http://sun9-1.userapi.com/a.jpg": "not https",
    "file:///etc/passwd": "not https",
    "https://inside.userapi.com/a.jpg": "not public",
    "/loop": "redirects more than 3 times",
    "": "redirects more than 3 times",
}


@pytest.mark.parametrize("location", REDIRECTS)
def test_a_redirect_is_checked_like_an_address(pictures: FakePictures, location: str):
    pictures.pages["/loop"] = Page(status=302, headers={"Location": location})
    inside = ip_address("10.1.2.3")
    network = replace(
        pictures.network(),
        resolve=lambda host: [inside if "inside" in host else ip_address("127.0.0.1")],
        is_allowed=lambda address: address != inside,
    )
    problem = problem_of(PictureDownloader(HOSTS, network=network), f"{GOOD}/loop")
    assert REDIRECTS[location] in problem


def test_an_honest_redirect_is_followed(pictures: FakePictures):
    pictures.pages["/old"] = Page(
        status=302, headers={"Location": "https://sun9-2.userapi.com/new.jpg"}
    )
    downloader = PictureDownloader(HOSTS, network=pictures.network())
    assert downloader.download([f"{GOOD}/old"])[0].content == jpeg()
    assert pictures.asked == [("sun9-1.userapi.com", "/old"), ("sun9-2.userapi.com", "/new.jpg")]


ELEVEN_MEGABYTES = jpeg() + b"\0" * 11_000_000
PAGES = {
    "11 MB": (Page(ELEVEN_MEGABYTES), "more than"),
    "11 MB that say they are 100 bytes": (
        Page(ELEVEN_MEGABYTES, headers={"Content-Length": "100"}),
        "",
    ),
    "a web page that says it is a picture": (
        Page(b"<html>no</html>", headers={"Content-Type": "image/jpeg"}),
        "no picture",
    ),
    "an SVG drawing": (Page(b"<svg onload='x'>"), "no picture"),
    "a program": (Page(b"\x7fELF\x02\x01\x01" * 100), "no picture"),
    "nothing": (Page(b""), "no picture"),
    "gone": (Page(b"", status=404), "HTTP 404"),
    "a fault": (Page(jpeg(), status=500), "HTTP 500"),
    "compressed": (Page(jpeg(), headers={"Content-Encoding": "gzip"}), "compressed"),
    "cut short": (Page(jpeg(), headers={"Content-Length": "100000"}), ""),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_bad_answer_is_refused(pictures: FakePictures, name: str):
    pictures.pages["/bad"], reason = PAGES[name]
    downloader = PictureDownloader(HOSTS, network=pictures.network(), max_seconds=3)
    (download,) = downloader.download([f"{GOOD}/bad"])
    if name == "11 MB that say they are 100 bytes":
        assert len(download.content) == 100
    else:
        assert reason in (download.problem or "") and download.content == b""


SLOW = {
    "silent": Page(jpeg(), delay=5),
    "a byte now and then": Page(jpeg(), drip=0.05),
    "a header now and then": Page(
        jpeg(), headers={f"X-{number}": "x" for number in range(50)}, drip_headers=0.1
    ),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_answer_is_given_up_when_its_time_is_over(pictures: FakePictures, name: str):
    pictures.pages["/slow"] = SLOW[name]
    downloader = PictureDownloader(HOSTS, network=pictures.network(), max_seconds=0.5)
    start = monotonic()
    slow, good = downloader.download([f"{GOOD}/slow", f"{GOOD}/good.jpg"])
    assert monotonic() - start < 2
    assert slow.problem == "the picture took longer than 0.5 seconds"
    assert good.content == jpeg()


def test_a_server_that_never_finishes_the_handshake_is_given_up():
    with silent_port() as port:
        network = Network(
            resolve=lambda _host: [ip_address("127.0.0.1")],
            is_allowed=lambda _address: True,
            port=port,
        )
        downloader = PictureDownloader(HOSTS, network=network, max_seconds=0.3)
        start = monotonic()
        assert "longer than" in problem_of(downloader, f"{GOOD}/a.jpg")
        assert monotonic() - start < 2


@contextmanager
def silent_port() -> Iterator[int]:
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_the_default_refuses_this_machine_even_when_the_host_is_allowed(pictures: FakePictures):
    network = Network(resolve=lambda _host: [ip_address("127.0.0.1")])
    problem = problem_of(PictureDownloader(HOSTS, network=network), f"{GOOD}/a.jpg")
    assert "not public" in problem
    assert pictures.asked == []


def test_a_proxy_of_the_environment_is_not_used(
    pictures: FakePictures, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    downloader = PictureDownloader(HOSTS, network=pictures.network())
    assert downloader.download([f"{GOOD}/a.jpg"])[0].content == jpeg()
