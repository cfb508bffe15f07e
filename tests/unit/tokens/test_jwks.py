import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from tests.unit.tokens.jwks_server import Answer, JwksServer, dripping, keys, raw, reply, silent
from tests.unit.tokens.support import ec_key
from websocket_push.http.endpoint import Endpoint
from websocket_push.tokens.jwks import MAX_JWKS_BYTES, fetch_jwks, parse_uri
from websocket_push.tokens.key_cache import KeysUnavailable

SHORT = 0.05  # seconds; given to a fetch that is to end by running out of them


@pytest.fixture
def server() -> Iterator[JwksServer]:
    with JwksServer(keys({"kty": "RSA"})) as server:
        yield server


def address(server: JwksServer, uri: str = "") -> Endpoint:
    return parse_uri(uri or server.uri, allow_insecure_loopback=True)


def test_the_keys_are_fetched_with_one_plain_request(server: JwksServer) -> None:
    assert fetch_jwks(address(server, f"{server.uri}?p=b2c_1")) == [{"kty": "RSA"}]
    (request,) = server.requests
    first, *headers = request.split("\r\n")
    assert first == "GET /.well-known/jwks.json?p=b2c_1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in headers
    assert "Accept-Encoding: identity" in headers


@pytest.mark.parametrize(
    "answer",
    [
        raw(b'HTTP/1.1 200 OK\r\n\r\n{"keys":[]}'),
        raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n{"keys":[]}\r\n0\r\n\r\n'),
        reply(b'{"keys":[],"more":1}', Content_Type="text/plain"),
        reply(b'{"keys":[]}' + b" " * (MAX_JWKS_BYTES - 11)),
    ],
)
def test_however_http_delimits_it_and_up_to_the_limit(server: JwksServer, answer: Answer) -> None:
    server.answer = answer
    assert fetch_jwks(address(server)) == []


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (reply(b"", "500 Internal Server Error"), "HTTP 500"),
        (reply(b'{"keys":[]}', "404 Not Found"), "HTTP 404"),
        (reply(b'{"keys":[]}', "201 Created"), "HTTP 201"),
        (reply(b'{"keys":[]}', "302 Found", Location="https://evil.test/"), "HTTP 302; redirects are not followed"),
        (reply(b'{"keys":[]}', "308 Permanent Redirect", Location="/"), "HTTP 308; redirects"),
        (reply(b"<html>Sign in</html>", Content_Type="text/html"), "not JSON"),
        (reply(b""), "not JSON"),
        (reply(b"\x1f\x8b\x08\x00"), "not JSON"),
        (reply(b"[" * 100_000), "not JSON"),
        (reply(b"[]"), "list of keys"),
        (reply(b'{"keys":{}}'), "list of keys"),
        (reply(b"{}"), "list of keys"),
        (reply(b" " * (MAX_JWKS_BYTES + 1)), "body is too large"),
        (raw(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (MAX_JWKS_BYTES + 1)), "body is too large"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), "body is too large"),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000), "head is too large"),
        (raw(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"keys":[]}'), "closed before"),
        (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "not an HTTP"),
        (raw(b""), "closed before"),
    ],
)
def test_anything_else_is_no_key_set(server: JwksServer, answer: Answer, cause: str) -> None:
    server.answer = answer
    with pytest.raises(KeysUnavailable, match=cause):
        fetch_jwks(address(server))
    assert len(server.requests) == 1


def test_an_issuer_that_says_nothing_is_not_waited_for(server: JwksServer) -> None:
    server.answer = silent
    with pytest.raises(KeysUnavailable, match=r"within 0\.05 s"):
        fetch_jwks(address(server), seconds=SHORT)


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 200 OK\r\nContent-Length: 250000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "], ids=["body", "head"]
)
def test_an_issuer_that_drips_does_not_prolong_its_time(server: JwksServer, start: bytes) -> None:
    server.answer = dripping(start)
    with pytest.raises(KeysUnavailable, match=r"within 0\.05 s"):
        fetch_jwks(address(server), seconds=SHORT)


def test_an_issuer_that_is_down_is_told_by_its_cause(server: JwksServer) -> None:
    place = address(server)
    server.stop()
    with pytest.raises(KeysUnavailable, match="Connection refused"):
        fetch_jwks(place)


def test_the_next_address_of_a_name_is_tried(server: JwksServer, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    places = [(*stream, ("127.0.0.1", 9)), (*stream, ("127.0.0.1", server.port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
    assert fetch_jwks(address(server, "http://localhost/keys")) == [{"kty": "RSA"}]


@pytest.mark.parametrize("failure", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_a_name_that_cannot_be_looked_up_is_a_fetch_that_failed(
    server: JwksServer, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def look_up(*_: object, **__: object) -> object:
        raise failure

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(KeysUnavailable, match=r"Name or service not known|UnicodeError"):
        fetch_jwks(address(server))


def test_a_time_that_is_up_before_it_begins_opens_nothing(server: JwksServer) -> None:
    with pytest.raises(KeysUnavailable, match="within"):
        fetch_jwks(address(server), seconds=0)
    assert server.requests == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a certificate for 127.0.0.1, signed by itself, and its key."""
    now, key = datetime.now(UTC), ec_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "issuer.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_over_tls_the_certificate_counts(certificate: Path, tls: ssl.SSLContext) -> None:
    with JwksServer(keys(1), tls) as server:
        with pytest.raises(KeysUnavailable, match=r"(?i)certificate"):
            fetch_jwks(address(server))
        assert server.requests == []
        trusting = ssl.create_default_context(cafile=str(certificate))
        assert fetch_jwks(address(server), context=trusting) == [1]


def test_over_tls_the_name_counts(certificate: Path, tls: ssl.SSLContext) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    with JwksServer(keys(1), tls) as server, pytest.raises(KeysUnavailable, match=r"(?i)certificate"):
        fetch_jwks(address(server, f"https://localhost:{server.port}/"), context=trusting)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://issuer.test", ("https", "issuer.test", 443, "issuer.test", "")),
        ("https://issuer.test?a=b", ("https", "issuer.test", 443, "issuer.test", "?a=b")),
        ("https://Issuer.test:8443/A/b/?c=d", ("https", "issuer.test", 8443, "issuer.test:8443", "/A/b/?c=d")),
        ("https://[::1]:1/", ("https", "::1", 1, "[::1]:1", "/")),
        ("http://localhost/k", ("http", "localhost", 80, "localhost", "/k")),
        ("http://127.9.9.9:1/k", ("http", "127.9.9.9", 1, "127.9.9.9:1", "/k")),
        ("http://[::1]/k", ("http", "::1", 80, "[::1]", "/k")),
    ],
)
def test_uris_are_taken_apart(uri: str, expected: tuple[str, str, int, str, str]) -> None:
    endpoint = parse_uri(uri, allow_insecure_loopback=True)
    assert (endpoint.scheme, endpoint.dial_host, endpoint.port, endpoint.host, endpoint.path) == expected


@pytest.mark.parametrize(
    "uri",
    [
        "http://issuer.test/",
        "http://127.0.0.1.issuer.test/",
        "http://127.1/",
        "http://localhost.issuer.test/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http:///keys",
        "https:///keys",
        "https://user@issuer.test/",
        "https://user:password@issuer.test/",
        "https://issuer.test/#fragment",
        "https://issuer.test:0/",
        "https://issuer.test:port/",
        "https://issuer.test:65536/",
        "https://[::1/",
        "https://issuer.test/a b",
        "https://issuer.test/\r\nX: y",
        "https://\u0131ssuer.test/",
        "ftp://issuer.test/",
        "file:///etc/passwd",
        "issuer.test/keys",
        "",
    ],
)
def test_other_uris_are_refused(uri: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        parse_uri(uri, allow_insecure_loopback=True)


@pytest.mark.parametrize("uri", ["http://localhost/", "http://127.0.0.1/", "http://[::1]/"])
def test_http_is_refused_even_for_loopback_unless_asked_for(uri: str) -> None:
    with pytest.raises(ValueError, match="https"):
        parse_uri(uri, allow_insecure_loopback=False)
