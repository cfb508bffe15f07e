"""Signatures compared with botocore's."""

from urllib.parse import unquote

from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.aws.support import botocore_headers
from websocket_push.aws.credentials import Credentials
from websocket_push.aws.requests import Payload
from websocket_push.aws.signing import Signer, canonical_path, quote_segment, signing_key

visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60)
credentials = st.builds(Credentials, visible, visible, st.just("") | visible)
seconds = st.integers(0, 4_000_000_000)
connection_ids = st.text(st.sampled_from("abcXYZ019=-_+/"), min_size=1, max_size=24) | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=24
)
stages = st.sampled_from(["", "/prod", "/$default", "/a/b.c", "/a%20b", "//odd/../path/.", "/~tilde", "/x/"])
services = st.sampled_from(["dynamodb", "execute-api"])
hosts = st.sampled_from(["abc.execute-api.eu-west-1.amazonaws.com", "dynamodb.eu-west-1.amazonaws.com", "[::1]:4566"])
# botocore trims and folds the white space of a value, and so must the canonical request.
values = st.text(st.sampled_from("ab ;=_./\t"), max_size=20).map(str.strip)
headers = st.dictionaries(st.sampled_from(["content-type", "x-amz-target", "x-a", "x-amz-e", "z"]), values)


def parse(lines: str) -> dict[str, str]:
    pairs = [line.partition(": ") for line in lines.split("\r\n")]
    parsed = {name: value for name, _, value in pairs}
    assert len(parsed) == len(pairs)
    return parsed


@given(
    credentials, services, hosts, seconds, st.sampled_from(["GET", "POST", "DELETE", "PUT"]), stages, connection_ids,
    headers, st.binary(max_size=200),
)  # fmt: skip
def test_a_signed_request_is_what_botocore_would_send(
    owner: Credentials,
    service: str,
    host: str,
    second: int,
    method: str,
    stage: str,
    connection_id: str,
    more: dict[str, str],
    body: bytes,
) -> None:
    path = f"{stage}/@connections/{quote_segment(connection_id)}"
    signer = Signer(service, "eu-west-1", [("host", host), *more.items()])
    signed = parse(signer.sign(owner, second, method, canonical_path(path), Payload(body).digest))
    expected = botocore_headers(owner, service, second, method, f"https://{host}{path}", more, body)
    assert signed.pop("host") == host
    assert signed == expected


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0, 1, 86_399, 86_400, 86_401])), min_size=2, max_size=8))
def test_what_is_kept_between_requests_never_shows(sequence: list[tuple[int, int]]) -> None:
    owners = [Credentials("a", "first"), Credentials("a", "second"), Credentials("a", "second", "token")]
    warm = Signer("execute-api", "eu-west-1", [("host", "x")])
    for owner, second in sequence:
        fresh = Signer("execute-api", "eu-west-1", [("host", "x")])
        arguments = (owners[owner], second, "POST", "/", Payload(b"").digest)
        assert warm.sign(*arguments) == fresh.sign(*arguments)


def test_the_documented_example_of_a_signing_key() -> None:
    # "Troubleshooting AWS Signature Version 4", AWS Identity and Access Management User Guide.
    secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    key = signing_key(secret, "20120215", "us-east-1", "iam")
    assert key.hex() == "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"


def test_unsigned_headers_are_sent_and_not_signed() -> None:
    signer = Signer("dynamodb", "eu-west-1", [("host", "x")], [("user-agent", "me")])
    lines = parse(signer.sign(Credentials("a", "b"), 0, "POST", "/", Payload(b"").digest))
    assert lines["user-agent"] == "me"
    assert "SignedHeaders=host;x-amz-date," in lines["authorization"]


@given(connection_ids)
@example("L0SM9cOFvHcCIhw=")
@example("..")
@example(".")
@example("é=")
@example("a\r\nb: c")
def test_a_quoted_segment_stays_one_segment_and_means_the_same(text: str) -> None:
    quoted = quote_segment(text)
    assert set(quoted) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~%")
    assert unquote(quoted) == text


def test_a_connection_id_is_quoted_as_every_client_does() -> None:
    assert quote_segment("L0SM9cOFvHcCIhw=") == "L0SM9cOFvHcCIhw%3D"
