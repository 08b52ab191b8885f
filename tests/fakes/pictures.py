"""A picture server with a certificate of its own authority, on loopback."""

import datetime
import io
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from PIL import Image

from tests.fakes.vk import _Server
from vkflow.sources.downloads import Network

CERTIFIED_NAMES = ("sun9-1.userapi.com", "sun9-2.userapi.com")


def jpeg(colour: str = "red", width: int = 64) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, 48), colour).save(file, "JPEG")
    return file.getvalue()


@dataclass
class Page:
    """What a path answers."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip: float = 0
    delay: float = 0
    drip_headers: float = 0


@dataclass
class FakePictures:
    """Paths and their answers; any other path is a red JPEG."""

    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0
    trusting: ssl.SSLContext | None = None

    def network(self) -> Network:
        """Every host is this server."""
        return Network(
            resolve=lambda _host: [ip_address("127.0.0.1")],
            is_allowed=lambda _address: True,
            port=self.port,
            certificates=self.trusting,
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    pictures: FakePictures
    lock = threading.Lock()

    def do_GET(self) -> None:
        pictures = self.pictures
        with self.lock:
            pictures.asked.append((self.headers["Host"], self.path))
            pictures.at_once += 1
            pictures.most_at_once = max(pictures.most_at_once, pictures.at_once)
        try:
            self._send(pictures.pages.get(self.path.partition("?")[0], Page(jpeg())))
        except OSError:
            self.close_connection = True
        finally:
            with self.lock:
                pictures.at_once -= 1

    def _send(self, page: Page) -> None:
        time.sleep(page.delay)
        self.send_response(page.status)
        for name, value in page.headers.items():
            self.send_header(name, value)
            if page.drip_headers:
                self.flush_headers()
                time.sleep(page.drip_headers)
        if "Content-Length" not in page.headers:
            self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        if page.drip:
            for byte in page.body:
                self.wfile.write(bytes([byte]))
                time.sleep(page.drip)
        else:
            self.wfile.write(page.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@contextmanager
def serving_pictures(
    folder: Path, names: Sequence[str] = CERTIFIED_NAMES
) -> Iterator[FakePictures]:
    """Serve https on a free port of loopback."""
    certificate = write_certificate(folder / "server.pem", names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    pictures = FakePictures(trusting=ssl.create_default_context(cafile=str(certificate)))
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"pictures": pictures}))
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    pictures.port = server.server_port
    try:
        yield pictures
    finally:
        server.shutdown()
        server.server_close()


def write_certificate(path: Path, names: Sequence[str]) -> Path:
    """Key and self-signed certificate in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fake pictures")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
