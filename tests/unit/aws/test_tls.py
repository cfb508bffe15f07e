"""TLS with an authority made for the test."""

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.unit.aws.support import (
    CONNECTIONS_URL,
    OK,
    SENDERS,
    Answer,
    Exchange,
    Maker,
    Server,
    byte_by_byte,
    environment,
    hang_up,
    kept_loop,
    post,
    post_failure,
    reply,
    run,
    soon,
    status,
)
from websocket_push.aws.authorities import client_tls
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.errors import AwsError
from websocket_push.aws.management import Management
from websocket_push.aws.requests import Payload
from websocket_push.aws.sender import Attempt, Sender
from websocket_push.http.tls import ClientTls

# Python 3.13 verifies strictly (RFC 5280): an authority must say what its key is for, and be named by its key.
AUTHORITY_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class Authority:
    """A certificate authority with a file that says so, and servers that it vouches for."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._sign(
            self._name,
            self._key.public_key(),
            x509.BasicConstraints(ca=True, path_length=None),
            x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()),
            AUTHORITY_USAGE,
        )
        self.bundle = folder / "authority.pem"
        self.bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, *names: x509.GeneralName) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        certificate = self._sign(
            subject,
            key.public_key(),
            x509.SubjectAlternativeName(names),
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
        )
        path = self._folder / "server.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *extensions: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )
        for extension in extensions:
            critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self._key, hashes.SHA256())


LOOPBACK = x509.IPAddress(ip_address("127.0.0.1"))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture(params=SENDERS)
def kind(request: pytest.FixtureRequest) -> Maker:
    """One kind of sender after the other: they promise the same."""
    made: Maker = request.param
    return made


@pytest.fixture
def secure(kind: Maker) -> Maker:
    """Make a sender to a server that speaks TLS."""

    def make(server: Server, **variables: str) -> Sender:
        url = f"https://127.0.0.1:{server.port}"
        return kind(environment(server.port, AWS_ENDPOINT_URL=url, **variables), random=lambda: 0.0)

    return make


async def post_three_times(transport: Sender) -> None:
    for _ in range(3):
        await post(transport)


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_an_authority_named_in_the_environment_is_trusted(authority: Authority, variable: str, secure: Maker) -> None:
    with Server(tls=authority.server(LOOPBACK)) as server:
        run(secure(server, **{variable: str(authority.bundle)}), post_three_times)
        assert [request.connection for request in server.requests] == [1, 1, 1]


def test_the_variable_of_the_sdks_counts_before_that_of_openssl(
    authority: Authority, tmp_path: Path, secure: Maker
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with Server(tls=authority.server(LOOPBACK)) as server:
        bundles = {"AWS_CA_BUNDLE": str(authority.bundle), "SSL_CERT_FILE": str(Authority(other).bundle)}
        run(secure(server, **bundles), post)
        assert len(server.requests) == 1


def refused(transport: Sender) -> AwsError:
    error = run(transport, post_failure)
    assert (error.code, error.attempts, error.transient) == ("ConnectionFailed", 0, False)
    assert "SSLCertVerificationError" in str(error)
    return error


def test_an_unknown_authority_is_refused_at_once(authority: Authority, secure: Maker) -> None:
    with Server(tls=authority.server(LOOPBACK)) as server:
        refused(secure(server))
        assert server.requests == []


def test_a_certificate_for_another_name_is_refused_at_once(authority: Authority, secure: Maker) -> None:
    with Server(tls=authority.server(x509.DNSName("other.example.com"))) as server:
        refused(secure(server, AWS_CA_BUNDLE=str(authority.bundle)))
        assert server.requests == []


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_cannot_be_read_is_named(tmp_path: Path, content: str | None, secure: Maker) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    with Server() as server:
        error = run(secure(server, AWS_CA_BUNDLE=str(bundle)), post_failure)
        assert (error.code, error.transient) == ("InvalidConfiguration", False)
        assert "AWS_CA_BUNDLE" in str(error)
        assert server.connections == 0


def test_a_bundle_that_cannot_be_read_is_left_by_a_call_to_the_request_to_raise(tmp_path: Path) -> None:
    async def work(transport: ConcurrentSender) -> Attempt | None:
        ended: asyncio.Future[Attempt | None] = asyncio.get_running_loop().create_future()
        Management(transport, CONNECTIONS_URL).begin_post(
            "id", Payload(b""), deadline=soon(), done=lambda _, attempt: ended.set_result(attempt)
        )
        return await ended

    with Server() as server:
        attempt = run(concurrent_to(server, AWS_CA_BUNDLE=str(tmp_path / "none.pem")), work)
    assert attempt is not None
    assert (attempt.sent, attempt.response, attempt.failure) == (0, None, None)


def test_a_server_without_tls_is_a_connection_failure() -> None:
    async def main() -> AwsError:
        served = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example.com\r\n")
            await reader.read()
            writer.transport.abort()
            served.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        variables = environment(port, AWS_ENDPOINT_URL=f"https://127.0.0.1:{port}")
        error = await post_failure(ConcurrentSender(variables), attempts=1)
        await served.wait()
        server.close()
        await server.wait_closed()
        return error

    error = asyncio.run(main())
    assert (error.code, error.attempts, error.transient) == ("ConnectionFailed", 0, True)


def test_a_handshake_that_stalls_is_given_up(kind: Maker) -> None:
    with Server() as server:
        url = f"https://127.0.0.1:{server.port}"  # where the handshake is never answered
        variables = environment(server.port, AWS_ENDPOINT_URL=url)
        error = run(kind(variables, attempt_timeout=0.05), lambda sender: post_failure(sender, attempts=1))
        assert (error.code, error.attempts, error.transient) == ("Timeout", 0, True)


def test_a_closed_tls_connection_is_replaced(authority: Authority, secure: Maker) -> None:
    with Server(reply(), hang_up(), reply(), tls=authority.server(LOOPBACK)) as server:
        run(secure(server, AWS_CA_BUNDLE=str(authority.bundle)), post_three_times)
        assert [request.connection for request in server.requests] == [1, 1, 2, 2]


def test_tls_connections_closed_between_two_invocations_are_replaced(authority: Authority, secure: Maker) -> None:
    with Server(tls=authority.server(LOOPBACK)) as server:
        transport = secure(server, AWS_CA_BUNDLE=str(authority.bundle))
        with kept_loop(transport) as loop:
            loop.run_until_complete(post(transport))
            loop.run_until_complete(post(transport))
            server.hang_up()
            loop.run_until_complete(post(transport))
        assert [request.connection for request in server.requests] == [1, 1, 2]


def concurrent_to(server: Server, **variables: str) -> ConcurrentSender:
    url = f"https://127.0.0.1:{server.port}"
    return ConcurrentSender(environment(server.port, AWS_ENDPOINT_URL=url, **variables), random=lambda: 0.0)


def sessions_reused(server: Server) -> list[bool]:
    return [bool(transport.get_extra_info("ssl_object").session_reused) for transport in server._transports]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("answer", [reply(), status(200, connection="close")])
def test_the_session_of_a_connection_is_resumed_by_those_that_follow(
    authority: Authority, version: ssl.TLSVersion, answer: Answer
) -> None:
    context = authority.server(LOOPBACK)
    context.minimum_version = context.maximum_version = version
    with Server(answer, tls=context) as server:

        async def work(transport: ConcurrentSender) -> None:
            await post(transport)
            await asyncio.gather(*(post(transport) for _ in range(4)))
            if server.open:
                await asyncio.to_thread(server.hang_up)
            await post(transport)

        run(concurrent_to(server, AWS_CA_BUNDLE=str(authority.bundle)), work)
        reused = sessions_reused(server)
        assert len(reused) > 4
        assert reused == [False] + [True] * (len(reused) - 1)


def test_a_session_is_not_resumed_under_another_authority(authority: Authority, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with Server(tls=authority.server(LOOPBACK)) as server:
        run(concurrent_to(server, AWS_CA_BUNDLE=str(authority.bundle)), post)
        refused(concurrent_to(server, AWS_CA_BUNDLE=str(Authority(other).bundle)))
        assert len(server.requests) == 1


@pytest.mark.parametrize("size", [1, 16 * 1024, 100_000])
def test_messages_and_answers_of_any_size_go_through(authority: Authority, size: int) -> None:
    body = b"x" * size
    with Server(status(200, body), tls=authority.server(LOOPBACK)) as server:

        async def work(transport: ConcurrentSender) -> None:
            management = Management(transport, CONNECTIONS_URL)
            for _ in range(2):
                await management.post("id", Payload(body), deadline=soon())

        run(concurrent_to(server, AWS_CA_BUNDLE=str(authority.bundle)), work)
        assert [request.body for request in server.requests] == [body] * 2


def test_records_that_arrive_in_pieces_are_one_answer(authority: Authority, secure: Maker) -> None:
    with Server(byte_by_byte(OK), reply(), tls=authority.server(LOOPBACK)) as server:
        run(secure(server, AWS_CA_BUNDLE=str(authority.bundle)), post_three_times)
        assert [request.connection for request in server.requests] == [1, 1, 1]


UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\n\r\n{}"


def test_an_answer_that_ends_with_the_connection_needs_the_end_that_tls_says(
    authority: Authority, secure: Maker
) -> None:
    async def close_politely(exchange: Exchange) -> bool:
        await exchange.write(UNTIL_CLOSED)
        exchange.writer.close()  # says so within TLS, then waits for the client to agree
        await exchange.reader.read()
        return False

    async def cut_off(exchange: Exchange) -> bool:
        await exchange.write(UNTIL_CLOSED)
        exchange.writer.get_extra_info("socket").shutdown(socket.SHUT_WR)
        await exchange.reader.read()
        return False

    for answer, requests in ((close_politely, 1), (cut_off, 2)):
        with Server(answer, reply(), tls=authority.server(LOOPBACK)) as server:
            run(secure(server, AWS_CA_BUNDLE=str(authority.bundle)), post)
            assert len(server.requests) == requests


def test_a_cancelled_handshake_closes_its_socket() -> None:
    with Server() as server:
        url = f"https://127.0.0.1:{server.port}"  # where the handshake is never answered
        transport = ConcurrentSender(environment(server.port, AWS_ENDPOINT_URL=url), random=lambda: 0.0)

        async def work(transport: ConcurrentSender) -> None:
            posting = asyncio.create_task(post(transport))
            while not server.connections:  # noqa: ASYNC110 - the server is in another thread
                await asyncio.sleep(0)
            posting.cancel()
            await asyncio.wait([posting])
            await asyncio.to_thread(server.wait_until, lambda: server.open == 0)

        run(transport, work)


class Trust:
    """A bundle of an authority with a name of AWS's, and another one."""

    def __init__(self, folder: Path) -> None:
        for name in ("aws", "other", "unknown"):
            (folder / name).mkdir()
        self.aws = Authority(folder / "aws", "Amazon Root CA 9")
        self.other = Authority(folder / "other")
        # A stranger may call itself what it likes: a name decides what is read first, not what is trusted.
        self.stranger = Authority(folder / "unknown", "Amazon Root CA 9")
        self.bundle = folder / "bundle.pem"
        texts = [self.other.bundle.read_text(), "# a remark\n", self.aws.bundle.read_text()]
        self.bundle.write_text("".join(texts))


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return Trust(tmp_path)


def test_of_a_bundle_only_the_authorities_of_aws_are_read_while_they_do(trust: Trust, secure: Maker) -> None:
    with Server(tls=trust.aws.server(LOOPBACK)) as server:
        sender = secure(server, AWS_CA_BUNDLE=str(trust.bundle))
        run(sender, post_three_times)
        assert server.connections == 1
        assert sender._tls is not None
        assert len(sender._tls.context.get_ca_certs()) == 1
        assert sender._tls.partial


def test_a_server_of_another_authority_has_the_whole_bundle_read(trust: Trust, secure: Maker) -> None:
    with Server(tls=trust.other.server(LOOPBACK)) as server:
        sender = secure(server, AWS_CA_BUNDLE=str(trust.bundle))
        run(sender, post_three_times)
        assert [request.connection for request in server.requests] == [1, 1, 1]
        assert sender._tls is not None
        assert len(sender._tls.context.get_ca_certs()) == 2


@pytest.mark.parametrize("name", ["127.0.0.1", "other.example.com"])
def test_whose_authority_the_bundle_does_not_hold_is_refused_after_all_of_it(
    trust: Trust, secure: Maker, name: str
) -> None:
    authority = trust.stranger if name == "127.0.0.1" else trust.aws
    names = LOOPBACK if name == "127.0.0.1" else x509.DNSName(name)
    with Server(tls=authority.server(names)) as server:
        sender = secure(server, AWS_CA_BUNDLE=str(trust.bundle))
        refused(sender)
        assert server.requests == []
        assert sender._tls is not None
        assert len(sender._tls.context.get_ca_certs()) == 2


def test_many_connections_at_once_read_the_whole_bundle_once_and_all_succeed(trust: Trust) -> None:
    with Server(tls=trust.other.server(LOOPBACK)) as server:
        url = f"https://127.0.0.1:{server.port}"
        variables = environment(server.port, AWS_ENDPOINT_URL=url, AWS_CA_BUNDLE=str(trust.bundle))

        def never() -> float:
            raise AssertionError("a failed attempt")

        async def work(transport: ConcurrentSender) -> None:
            await asyncio.gather(*(post(transport) for _ in range(8)))

        run(ConcurrentSender(variables, random=never), work)
        assert len(server.requests) == 8


def test_the_systems_bundle_is_read_in_the_same_way(trust: Trust, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = ssl.get_default_verify_paths()._replace(cafile=str(trust.bundle))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    settings = client_tls({})
    assert [dict(each[0] for each in found["subject"])["commonName"] for found in authorities(settings)] == [
        "Amazon Root CA 9"
    ]
    assert (settings.context.verify_mode, settings.context.check_hostname) == (ssl.CERT_REQUIRED, True)
    monkeypatch.setenv("SSL_CERT_FILE", str(trust.bundle))  # what OpenSSL reads as its default
    settings.complete()
    assert len(authorities(settings)) >= 2


def test_a_bundle_without_an_authority_of_aws_is_read_whole_at_once(authority: Authority) -> None:
    settings = client_tls({"AWS_CA_BUNDLE": str(authority.bundle)})
    assert not settings.partial
    assert len(authorities(settings)) == 1


def authorities(settings: ClientTls) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = settings.context.get_ca_certs()
    return found
