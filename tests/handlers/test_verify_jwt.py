"""The authorizer against everything that may be brought to it, and everything that may happen to its keys."""

import json
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import boto3
import pytest

from tests.handlers.conftest import Context, Event
from tests.unit.tokens.jwks_server import JwksServer, dripping, keys, raw, reply, silent
from tests.unit.tokens.support import CLAIMS, NOW, SECRET, ec_key, jwk, pem, rsa_key, segment, token
from websocket_push.handlers import verify_jwt
from websocket_push.http.endpoint import Endpoint
from websocket_push.tokens import secrets, verifier
from websocket_push.tokens.claims import START_TOLERANCE
from websocket_push.tokens.jwks import MAX_JWKS_BYTES, fetch_jwks
from websocket_push.tokens.key_cache import RENEWAL_SECONDS, RETRY_SECONDS
from websocket_push.tokens.presented import MAX_TOKEN_BYTES

EventMaker = Callable[..., Event]
LogLines = Callable[[], list[dict[str, Any]]]

ARN = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/live/$connect"
LEEWAY = 10
TTL = 300
SHORT = 0.05  # seconds, for an issuer that is to be too slow

PUBLISHED = [
    jwk(rsa_key("a"), "a", use="sig", alg="RS256"),
    jwk(rsa_key("b"), "b"),
    jwk(ec_key("P-256"), "e"),
    jwk(rsa_key("enc"), "enc", use="enc"),
    jwk(rsa_key("oaep"), "oaep", alg="RSA-OAEP"),
    jwk(rsa_key("short", 1024), "short"),
    {"kty": "oct", "kid": "oct", "k": segment(SECRET), "alg": "HS256"},
]


class Clock:
    """The time that the function reads."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Result(NamedTuple):
    """What a client sees, and what the operator."""

    status: int
    code: str
    policy: dict[str, Any] | None = None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(verify_jwt, "_now", clock)
    return clock


@pytest.fixture(autouse=True)
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins with a function that has not run yet; what it does to stack traces ends with the test."""
    verify_jwt._verifiers.cache_clear()
    monkeypatch.setattr(sys, "tracebacklimit", 100, raising=False)


@pytest.fixture
def issuer() -> Iterator[JwksServer]:
    with JwksServer(keys(*PUBLISHED)) as server:
        yield server


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what sets the function up."""

    def configured(**changes: Any) -> None:
        values = {
            "issuer": "https://issuer.test/",
            "audience": ["app"],
            "algorithms": ["RS256", "ES256"],
            "leeway": LEEWAY,
            "jwksCacheSeconds": TTL,
            "allowInsecureLoopback": True,
        }
        monkeypatch.setenv("JWT", json.dumps(values | changes))
        monkeypatch.setenv("LOG_LEVEL", "INFO")

    return configured


@pytest.fixture
def connect(event: EventMaker, log_lines: LogLines, clock: Clock) -> Callable[..., Result]:
    """Return what connects with a token, or in any other way, and looks at both ends."""

    def connected(text: str | None = None, **changes: Any) -> Result:
        if text is not None:
            changes["multiValueHeaders"] = {"Authorization": [f"Bearer {text}"]}
        log_lines()
        try:
            policy: Any = verify_jwt.handler(event("authorizer", **changes), Context())
        except Exception as error:
            status, policy = 401 if str(error) == "Unauthorized" else 500, None
        else:
            (statement,) = policy["policyDocument"]["Statement"]
            status = {"Allow": 200, "Deny": 403}[statement["Effect"]]
        (line,) = log_lines()
        told = [part for part in (text or "").split(".") if len(part) > 1]
        assert not [secret for secret in [*told, "alice", "issuer.test"] if secret in json.dumps(line)]
        return Result(status, line["outcome"], policy)

    return connected


Connect = Callable[..., Result]
Configure = Callable[..., None]


def forged(header: object, key: bytes, claims: object = CLAIMS) -> str:
    """Make a token that is signed with HS256 by these bytes."""
    return token(key, "HS256", header=json.dumps(header), claims=claims)


def unsigned(header: object, signed: str = "") -> str:
    return f"{segment(header)}.{segment(CLAIMS)}.{signed}"


def rs256(**header: Any) -> dict[str, Any]:
    return {"alg": "RS256", "kid": "a"} | header


EVIL = jwk(rsa_key("evil"), "a")
GOOD = token()

ATTACKS: dict[str, tuple[str, int, str]] = {
    "a sound token": (GOOD, 200, "OK"),
    "a sound token, another key": (token(rsa_key("b"), header=rs256(kid="b")), 200, "OK"),
    "a sound token, another algorithm": (token(ec_key(), "ES256", header={"alg": "ES256", "kid": "e"}), 200, "OK"),
    "a sound token without kid, one key that fits": (token(ec_key(), "ES256", header={"alg": "ES256"}), 200, "OK"),
    # Algorithms
    "alg none": (unsigned({"alg": "none"}), 403, "ALGORITHM_NOT_ALLOWED"),
    "alg none, with a kid and a signature": (unsigned(rs256(alg="none"), "AAAA"), 403, "ALGORITHM_NOT_ALLOWED"),
    "alg None": (unsigned(rs256(alg="None")), 403, "ALGORITHM_NOT_ALLOWED"),
    "alg absent": (unsigned({"kid": "a"}), 403, "ALGORITHM_NOT_ALLOWED"),
    "alg no string": (unsigned(rs256(alg=["RS256"])), 403, "ALGORITHM_NOT_ALLOWED"),
    "HS256 by the public key as PEM": (forged(rs256(alg="HS256"), pem(rsa_key())), 403, "ALGORITHM_NOT_ALLOWED"),
    "HS256 by the public key as JWK": (
        forged(rs256(alg="HS256"), json.dumps(PUBLISHED[0]).encode()),
        403,
        "ALGORITHM_NOT_ALLOWED",
    ),
    "HS256 by the published oct key": (
        forged(rs256(alg="HS256", kid="oct"), SECRET),
        403,
        "ALGORITHM_NOT_ALLOWED",
    ),
    "RS256 said, HMAC by the PEM": (forged(rs256(), pem(rsa_key())), 403, "INVALID_SIGNATURE"),
    "RS256 said, kid of the oct key": (forged(rs256(kid="oct"), SECRET), 403, "UNUSABLE_KEY"),
    "an algorithm that is not allowed": (
        token(rsa_key(), "RS512", header=rs256(alg="RS512")),
        403,
        "ALGORITHM_NOT_ALLOWED",
    ),
    "an algorithm that the key is not for": (
        token(ec_key(), "ES256", header={"alg": "ES256", "kid": "a"}),
        403,
        "UNUSABLE_KEY",
    ),
    # Keys
    "a wrong key": (token(rsa_key("evil")), 403, "INVALID_SIGNATURE"),
    "a wrong kid": (token(header=rs256(kid="b")), 403, "INVALID_SIGNATURE"),
    "an unknown kid": (token(header=rs256(kid="z")), 403, "UNKNOWN_KEY"),
    "no kid, several keys that fit": (token(header={"alg": "RS256"}), 403, "UNKNOWN_KEY"),
    "a kid with a path": (token(header=rs256(kid="../../../../dev/null")), 403, "UNKNOWN_KEY"),
    "a kid with SQL": (token(header=rs256(kid="x' UNION SELECT 'AAAA")), 403, "UNKNOWN_KEY"),
    "a kid with a URL": (token(header=rs256(kid="https://evil.test/jwks.json")), 403, "UNKNOWN_KEY"),
    "a kid with a NUL": (token(header=rs256(kid="a\x00")), 403, "UNKNOWN_KEY"),
    "a kid that is a number": (token(header=rs256(kid=1)), 403, "MALFORMED_TOKEN"),
    "a kid that is null": (token(header=rs256(kid=None)), 403, "MALFORMED_TOKEN"),
    "a kid of 1 KB": (token(header=rs256(kid="a" * 1024)), 403, "MALFORMED_TOKEN"),
    "a key for encryption": (token(rsa_key("enc"), header=rs256(kid="enc")), 403, "UNUSABLE_KEY"),
    "a key for another algorithm": (token(rsa_key("oaep"), header=rs256(kid="oaep")), 403, "UNUSABLE_KEY"),
    "an RSA key of 1024 bits": (token(rsa_key("short", 1024), header=rs256(kid="short")), 403, "UNUSABLE_KEY"),
    "jku elsewhere": (token(rsa_key("evil"), header=rs256(jku="https://evil.test/")), 403, "INVALID_SIGNATURE"),
    "x5u elsewhere": (token(rsa_key("evil"), header=rs256(x5u="https://evil.test/")), 403, "INVALID_SIGNATURE"),
    "a key in the header": (token(rsa_key("evil"), header=rs256(jwk=EVIL)), 403, "INVALID_SIGNATURE"),
    "a key in the header, without kid": (
        token(rsa_key("evil"), header={"alg": "RS256", "jwk": EVIL}),
        403,
        "UNKNOWN_KEY",
    ),
    "a certificate in the header": (token(rsa_key("evil"), header=rs256(x5c=["AAAA"])), 403, "INVALID_SIGNATURE"),
    "members that say where keys are, though signed": (token(header=rs256(jku="https://evil.test/")), 200, "OK"),
    # Times
    "expired, within the leeway": (token(exp=NOW - LEEWAY + 1), 200, "OK"),
    "expired, at the end of the leeway": (token(exp=NOW - LEEWAY), 403, "TOKEN_EXPIRED"),
    "expired by a second beyond the leeway": (token(exp=NOW - LEEWAY - 1), 403, "TOKEN_EXPIRED"),
    "not yet valid, within the leeway": (token(nbf=NOW + LEEWAY), 200, "OK"),
    "not yet valid": (token(nbf=NOW + LEEWAY + 1), 403, "TOKEN_NOT_YET_VALID"),
    "from the future": (token(iat=NOW + LEEWAY + 1), 403, "TOKEN_NOT_YET_VALID"),
    "exp missing": (token(exp=None), 403, "MISSING_CLAIM"),
    "exp a string": (token(exp=str(CLAIMS["exp"])), 403, "INVALID_CLAIM"),
    "exp true": (token(exp=True), 403, "INVALID_CLAIM"),
    "exp null": (token(claims=CLAIMS | {"exp": None}), 403, "INVALID_CLAIM"),
    "exp NaN": (token(exp=float("nan")), 403, "MALFORMED_TOKEN"),
    "exp Infinity": (token(exp=float("inf")), 403, "MALFORMED_TOKEN"),
    "exp 1e999": (
        token(claims=json.dumps(CLAIMS | {"exp": 0}).replace('"exp": 0', '"exp": 1e999')),
        403,
        "INVALID_CLAIM",
    ),
    "nbf a string": (token(nbf="0"), 403, "INVALID_CLAIM"),
    # Issuer and audience
    "iss wrong": (token(iss="https://evil.test/"), 403, "INVALID_ISSUER"),
    "iss missing": (token(iss=None), 403, "MISSING_CLAIM"),
    "iss a list": (token(iss=["https://issuer.test/"]), 403, "INVALID_ISSUER"),
    "aud wrong": (token(aud="other"), 403, "INVALID_AUDIENCE"),
    "aud missing": (token(aud=None), 403, "MISSING_CLAIM"),
    "aud a list with it": (token(aud=["other", "app"]), 200, "OK"),
    "aud a list without it": (token(aud=["other"]), 403, "INVALID_AUDIENCE"),
    "aud a list with more than strings": (token(aud=["app", 1]), 403, "INVALID_AUDIENCE"),
    "aud part of it": (token(aud="ap"), 403, "INVALID_AUDIENCE"),
    "client_id for an aud that is missing": (token(aud=None, client_id="app"), 200, "OK"),
    "client_id of another app, aud missing": (token(aud=None, client_id="other"), 403, "INVALID_AUDIENCE"),
    "client_id a list, aud missing": (token(aud=None, client_id=["app"]), 403, "INVALID_AUDIENCE"),
    "client_id beside an aud that is wrong": (token(aud="other", client_id="app"), 403, "INVALID_AUDIENCE"),
    "client_id beside an aud that is null": (
        token(claims=CLAIMS | {"aud": None, "client_id": "app"}),
        403,
        "INVALID_AUDIENCE",
    ),
    # Kinds of token
    "typ JWT": (token(header=rs256(typ="JWT")), 200, "OK"),
    "typ of an access token": (token(header=rs256(typ="at+jwt")), 200, "OK"),
    "typ of an access token, in full": (token(header=rs256(typ="application/AT+JWT")), 200, "OK"),
    "a logout token": (token(header=rs256(typ="logout+jwt")), 403, "INVALID_TOKEN_TYPE"),
    "a logout token, in capitals": (token(header=rs256(typ="Logout+JWT")), 403, "INVALID_TOKEN_TYPE"),
    "a logout token, in full": (token(header=rs256(typ="application/logout+jwt")), 403, "INVALID_TOKEN_TYPE"),
    "a logout token that says JWT": (
        token(header=rs256(typ="JWT"), events={"http://schemas.openid.net/event/backchannel-logout": {}}),
        403,
        "INVALID_TOKEN_TYPE",
    ),
    "a security event": (token(header=rs256(typ="secevent+jwt"), events={}), 403, "INVALID_TOKEN_TYPE"),
    "a security event without typ": (token(events={"urn:e": {}}), 403, "INVALID_TOKEN_TYPE"),
    "a security event, expired": (token(events={}, exp=1), 403, "INVALID_TOKEN_TYPE"),
    "a proof of possession": (token(header=rs256(typ="dpop+jwt")), 403, "INVALID_TOKEN_TYPE"),
    "a typ that is a number": (token(header=rs256(typ=1)), 403, "MALFORMED_TOKEN"),
    "a typ that is null": (token(header=rs256(typ=None)), 403, "MALFORMED_TOKEN"),
    "a typ that is a list": (token(header=rs256(typ=["JWT"])), 403, "MALFORMED_TOKEN"),
    # The user
    "sub missing": (token(sub=None), 403, "MISSING_CLAIM"),
    "sub empty": (token(sub=""), 403, "INVALID_USER_ID"),
    "sub blank": (token(sub=" "), 403, "INVALID_USER_ID"),
    "sub a number": (token(sub=7), 403, "INVALID_USER_ID"),
    "sub a list": (token(sub=["alice"]), 403, "INVALID_USER_ID"),
    "sub null": (token(claims=CLAIMS | {"sub": None}), 403, "INVALID_USER_ID"),
    "sub of 3 KB": (token(sub="x" * 3072), 403, "INVALID_USER_ID"),
    "sub with control characters": (token(sub="alice\x00\x1b[2J"), 403, "INVALID_USER_ID"),
    "sub with an unpaired surrogate": (token(sub="\ud800"), 403, "INVALID_USER_ID"),
    # Structure
    "truncated in the signature": (GOOD[:-10], 403, "INVALID_SIGNATURE"),
    "truncated in the claims": (GOOD.rpartition(".")[0][:-10] + ".", 403, "INVALID_SIGNATURE"),
    "without its signature": (GOOD.rpartition(".")[0], 403, "MALFORMED_TOKEN"),
    "with the signature emptied": (GOOD.rpartition(".")[0] + ".", 403, "INVALID_SIGNATURE"),
    "with a segment more": (GOOD + ".AAAA", 403, "MALFORMED_TOKEN"),
    "five segments, as encrypted ones have": ("a.b.c.d.e", 403, "MALFORMED_TOKEN"),
    "two tokens in one": (f"{GOOD} {GOOD}", 403, "MALFORMED_TOKEN"),
    "non-ASCII": (GOOD[:-1] + "\u00e9", 403, "MALFORMED_TOKEN"),
    "padded": (GOOD + "==", 403, "MALFORMED_TOKEN"),
    "what a script makes of none": ("undefined", 403, "MALFORMED_TOKEN"),
    "a huge header": (token(header=rs256(x="x" * 5000)), 200, "OK"),
    "8 KB and more": (token(header=rs256(x="x" * MAX_TOKEN_BYTES)), 403, "TOKEN_TOO_LARGE"),
    "a header that asks for an extension": (token(header=rs256(crit=["exp"])), 403, "MALFORMED_TOKEN"),
    "an unencoded payload": (token(header=rs256(b64=False, crit=["b64"])), 403, "MALFORMED_TOKEN"),
    "alg twice in the header": (token(header='{"alg":"none","alg":"RS256","kid":"a"}'), 403, "MALFORMED_TOKEN"),
    "sub twice in the claims": (
        token(claims='{"sub":"admin",' + json.dumps(CLAIMS)[1:]),
        403,
        "MALFORMED_TOKEN",
    ),
    "claims that are a list": (token(claims=json.dumps([CLAIMS])), 403, "MALFORMED_TOKEN"),
    "claims nested without end": (token(claims="[" * 5000), 403, "MALFORMED_TOKEN"),
    "claims changed after signing": (
        f"{GOOD.split('.')[0]}.{segment(CLAIMS | {'sub': 'admin'})}.{GOOD.split('.')[2]}",
        403,
        "INVALID_SIGNATURE",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_attack_ends_as_it_should(attack: str, issuer: JwksServer, configure: Configure, connect: Connect) -> None:
    configure(jwksUri=issuer.uri)
    text, status, code = ATTACKS[attack]
    result = connect(text)
    assert (result.status, result.code) == (status, code)
    assert len(issuer.requests) <= 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"iat": NOW + 0.3}, 200, "OK"),
        ({"nbf": NOW + 0.3}, 200, "OK"),
        ({"nbf": NOW + START_TOLERANCE, "iat": NOW + START_TOLERANCE}, 200, "OK"),
        ({"iat": NOW + START_TOLERANCE + 0.3}, 403, "TOKEN_NOT_YET_VALID"),
        ({"nbf": NOW + START_TOLERANCE + 0.3}, 403, "TOKEN_NOT_YET_VALID"),
        ({"exp": NOW}, 403, "TOKEN_EXPIRED"),
        ({"exp": NOW - 0.3}, 403, "TOKEN_EXPIRED"),
    ],
)
def test_without_a_leeway_a_start_may_lie_moments_ahead_and_an_end_not_behind(
    changes: dict[str, Any],
    status: int,
    code: str,
    issuer: JwksServer,
    configure: Configure,
    connect: Connect,
) -> None:
    configure(jwksUri=issuer.uri, leeway=0)
    assert connect(token(**changes))[:2] == (status, code)


@pytest.mark.parametrize(
    ("required", "header", "changes", "status", "code"),
    [
        ({"tokenUse": "access"}, {}, {"token_use": "access"}, 200, "OK"),
        ({"tokenUse": "access"}, {}, {"token_use": "id"}, 403, "INVALID_TOKEN_TYPE"),
        ({"tokenUse": "id"}, {}, {"token_use": "access"}, 403, "INVALID_TOKEN_TYPE"),
        ({"tokenUse": "id"}, {}, {}, 403, "MISSING_CLAIM"),
        ({"typ": "at+jwt"}, {"typ": "application/at+jwt"}, {}, 200, "OK"),
        ({"typ": "at+jwt"}, {"typ": "JWT"}, {}, 403, "INVALID_TOKEN_TYPE"),
        ({"typ": "at+jwt"}, {}, {}, 403, "INVALID_TOKEN_TYPE"),
        ({"typ": "at+jwt"}, {"typ": "logout+jwt"}, {}, 403, "INVALID_TOKEN_TYPE"),
        ({"typ": "at+jwt"}, {"typ": "at+jwt"}, {"events": {}}, 403, "INVALID_TOKEN_TYPE"),
        ({"typ": "acme+jwt"}, {"typ": "acme+jwt"}, {}, 200, "OK"),
    ],
)
def test_a_kind_of_token_can_be_required(
    required: dict[str, str],
    header: dict[str, str],
    changes: dict[str, Any],
    status: int,
    code: str,
    issuer: JwksServer,
    configure: Configure,
    connect: Connect,
) -> None:
    configure(jwksUri=issuer.uri, **required)
    assert connect(token(header=rs256(**header), **changes))[:2] == (status, code)


V2 = "https://issuer.test/v2.0"


@pytest.fixture
def second() -> Iterator[JwksServer]:
    # Its keys have the ids of the first one's, as those of an issuer's next version may.
    with JwksServer(keys(jwk(rsa_key("v2"), "a"))) as server:
        yield server


@pytest.fixture
def migrating(issuer: JwksServer, second: JwksServer, configure: Configure) -> None:
    """Set the function up for two issuers."""
    additional = {"issuer": V2, "audience": ["app2"], "jwksUri": second.uri, "algorithms": ["RS256"]}
    configure(jwksUri=issuer.uri, additionalIssuers=[additional | {"userIdClaim": "oid", "typ": "at+jwt"}])


def v2(key: str = "v2", *, header: dict[str, Any] | None = None, **changes: Any) -> str:
    return token(
        rsa_key(key), header=rs256(typ="at+jwt") if header is None else header, **{"iss": V2, "aud": "app2"} | changes
    )


@pytest.mark.usefixtures("migrating")
@pytest.mark.parametrize(
    ("text", "status", "code", "asked"),
    [
        (GOOD, 200, "OK", (1, 0)),
        (v2(oid="alice"), 200, "OK", (0, 1)),
        # What holds for one issuer says nothing of the other.
        (token(iss=V2, header=rs256(typ="at+jwt"), aud="app2", oid="alice"), 403, "INVALID_SIGNATURE", (0, 1)),
        (token(rsa_key("v2")), 403, "INVALID_SIGNATURE", (1, 0)),
        (v2(oid="alice", header=rs256(typ="at+jwt", kid="b")), 403, "UNKNOWN_KEY", (0, 1)),
        (v2(oid="alice", aud="app"), 403, "INVALID_AUDIENCE", (0, 1)),
        (token(aud="app2"), 403, "INVALID_AUDIENCE", (1, 0)),
        (v2(), 403, "MISSING_CLAIM", (0, 1)),
        (v2(oid="alice", header=rs256()), 403, "INVALID_TOKEN_TYPE", (0, 1)),
        (v2(oid="alice", header={"alg": "ES256", "kid": "a"}), 403, "ALGORITHM_NOT_ALLOWED", (0, 0)),
        # The issuer that a token names chooses among those that are known, and nothing else.
        (v2(iss="https://evil.test/"), 403, "INVALID_ISSUER", (0, 0)),
        (v2(iss=V2 + "/"), 403, "INVALID_ISSUER", (0, 0)),
        (v2(iss=[V2]), 403, "INVALID_ISSUER", (0, 0)),
        (v2(iss=None), 403, "MISSING_CLAIM", (0, 0)),
        (token(claims='{"iss":"https://issuer.test/",' + json.dumps(CLAIMS)[1:]), 403, "MALFORMED_TOKEN", (0, 0)),
        ("a.b.c", 403, "MALFORMED_TOKEN", (0, 0)),
        ("e30.A.c", 403, "MALFORMED_TOKEN", (0, 0)),
    ],
)
def test_each_issuer_is_held_to_its_own_keys_and_settings(
    text: str, status: int, code: str, asked: tuple[int, int], issuer: JwksServer, second: JwksServer, connect: Connect
) -> None:
    assert connect(text)[:2] == (status, code)
    assert (len(issuer.requests), len(second.requests)) == asked


@pytest.mark.usefixtures("migrating")
def test_an_issuer_that_is_down_does_not_hold_up_the_other(
    issuer: JwksServer, event: EventMaker, log_lines: LogLines, clock: Clock
) -> None:
    def connecting(text: str) -> Event:
        return event("authorizer", multiValueHeaders={"Authorization": [f"Bearer {text}"]})

    late: dict[str, Any] = {"exp": NOW + 9_000}
    verify_jwt.handler(connecting(token(**late)), Context())
    issuer.stop()
    clock.now += TTL
    verify_jwt.handler(connecting(token(**late)), Context())
    assert "keysFailure" in log_lines()[-1]
    answer = verify_jwt.handler(connecting(v2(oid="alice", **late)), Context())
    assert answer["principalId"] == "alice"
    assert "keysFailure" not in log_lines()[-1]


def test_a_secret_of_one_issuer_and_the_keys_of_another_stay_apart(
    store: "Store", issuer: JwksServer, configure: Configure, connect: Connect
) -> None:
    additional = {"issuer": V2, "secretArn": store.arn, "algorithms": ["HS256"]}
    configure(jwksUri=issuer.uri, additionalIssuers=[additional])
    assert connect(GOOD)[:2] == (200, "OK")
    assert connect(hs256(iss=V2))[:2] == (200, "OK")
    assert connect(hs256())[:2] == (403, "ALGORITHM_NOT_ALLOWED")
    assert connect(token(iss=V2))[:2] == (403, "ALGORITHM_NOT_ALLOWED")


def test_a_key_that_the_set_lists_twice_is_one(issuer: JwksServer, configure: Configure, connect: Connect) -> None:
    configure(jwksUri=issuer.uri)
    issuer.answer = keys(PUBLISHED[0], jwk(rsa_key("a"), "a"), PUBLISHED[0])
    assert connect(GOOD)[:2] == (200, "OK")
    assert connect(token(header={"alg": "RS256"}))[:2] == (200, "OK")
    assert connect(token(rsa_key("evil")))[:2] == (403, "INVALID_SIGNATURE")


def test_an_allowed_connection_is_told_to_the_other_functions(
    issuer: JwksServer, configure: Configure, connect: Connect
) -> None:
    configure(jwksUri=issuer.uri)
    assert connect(token(exp=CLAIMS["exp"] + 0.9, jti="t1")).policy == {
        "principalId": "alice",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ARN}],
        },
        "context": {
            "userId": "alice",
            "expiresAt": str(CLAIMS["exp"] + LEEWAY),
            "issuedAt": str(CLAIMS["iat"]),
            "tokenId": "t1",
        },
    }


def test_a_denied_one_tells_nothing(issuer: JwksServer, configure: Configure, connect: Connect) -> None:
    configure(jwksUri=issuer.uri)
    assert connect(token(exp=1)).policy == {
        "principalId": "anonymous",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": ARN}],
        },
        "context": {},
    }


def test_the_largest_answer_is_within_what_api_gateway_takes(
    issuer: JwksServer, configure: Configure, connect: Connect
) -> None:
    configure(jwksUri=issuer.uri)
    policy = connect(token(sub="\u2603" * 85, exp=10**3000)).policy
    assert policy is not None
    assert len(json.dumps(policy)) < 8 * 1024


QUERY = "multiValueQueryStringParameters"
OTHER = token(sub="bob")


@pytest.mark.parametrize(
    ("request_parts", "status", "code"),
    [
        ({}, 401, "MISSING_TOKEN"),
        ({"multiValueHeaders": {"Authorization": ["Basic YTpi"]}}, 401, "MISSING_TOKEN"),
        ({QUERY: {"token": [""]}}, 401, "MISSING_TOKEN"),
        ({QUERY: {"token": [GOOD]}}, 200, "OK"),
        ({"multiValueHeaders": {"sec-websocket-protocol": [f"bearer, {GOOD}"]}}, 200, "OK"),
        ({"multiValueHeaders": {"authorization": [f"bearer {GOOD}"]}}, 200, "OK"),
        ({"multiValueHeaders": {"authorization": [f"bearer {GOOD}"]}, QUERY: {"token": [GOOD]}}, 200, "OK"),
        (
            {"multiValueHeaders": {"authorization": [f"bearer {GOOD}"]}, QUERY: {"token": [OTHER]}},
            403,
            "AMBIGUOUS_TOKEN",
        ),
        ({QUERY: {"token": [GOOD, OTHER]}}, 403, "AMBIGUOUS_TOKEN"),
    ],
)
def test_the_token_may_travel_in_each_place(
    request_parts: dict[str, Any],
    status: int,
    code: str,
    issuer: JwksServer,
    configure: Configure,
    connect: Connect,
) -> None:
    configure(jwksUri=issuer.uri)
    result = connect(**request_parts)
    assert (result.status, result.code) == (status, code)
    if status == 200:
        assert result.policy is not None
        assert result.policy["context"]["userId"] == "alice"


Fault = Callable[[JwksServer], None]


def answering(answer: Any) -> Fault:
    """Return what has an issuer answer in this way."""
    return lambda issuer: setattr(issuer, "answer", answer)


SLOW = (silent, dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 250000\r\n\r\n"))

FAULTS: dict[str, tuple[Fault, str]] = {
    "down": (JwksServer.stop, "Connection refused"),
    "hanging up": (answering(raw(b"")), "closed before"),
    "silent": (answering(SLOW[0]), "did not come within"),
    "dripping": (answering(SLOW[1]), "did not come within"),
    "500": (answering(reply(b"oops", "500 Internal Server Error")), "HTTP 500"),
    "HTML": (answering(reply(b"<html>Sign in</html>")), "not JSON"),
    "huge": (answering(reply(b" " * (MAX_JWKS_BYTES + 1))), "too large"),
    "empty body": (answering(reply(b"")), "not JSON"),
    "empty object": (answering(reply(b"{}")), "list of keys"),
    "empty set": (answering(keys()), "no key to verify with"),
    "keys for encryption alone": (answering(keys(PUBLISHED[3])), "not for signatures"),
    "truncated": (answering(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")), "closed before"),
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, issuer: JwksServer) -> None:
    """Have little time for an issuer that is to be too slow."""

    def fetch(endpoint: Endpoint) -> list[object]:
        return fetch_jwks(endpoint, seconds=SHORT) if issuer.answer in SLOW else fetch_jwks(endpoint)

    monkeypatch.setattr(verifier, "fetch_jwks", fetch)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("impatient")
def test_an_issuer_at_fault_is_an_error_unless_the_last_good_keys_are_there(
    fault: str, issuer: JwksServer, configure: Configure, event: EventMaker, log_lines: LogLines, clock: Clock
) -> None:
    configure(jwksUri=issuer.uri)
    sound = event("authorizer", multiValueHeaders={"Authorization": [f"Bearer {token(exp=NOW + 9_000)}"]})
    happen, cause = FAULTS[fault]
    verify_jwt.handler(sound, Context())
    happen(issuer)

    clock.now += TTL
    assert verify_jwt.handler(sound, Context())["principalId"] == "alice"
    warning = log_lines()[-1]
    assert (warning["outcome"], warning["level"], cause in warning["keysFailure"]) == ("OK", "WARN", True)

    verify_jwt._verifiers.cache_clear()
    with pytest.raises(Exception, match=r"^Internal Server Error$") as raised:
        verify_jwt.handler(sound, Context())
    (error,) = log_lines()
    assert (error["outcome"], error["level"], cause in error["reason"]) == ("KEYS_UNAVAILABLE", "ERROR", True)
    assert raised.type.__name__ == "KEYS_UNAVAILABLE"


def test_a_redirect_is_not_followed(issuer: JwksServer, configure: Configure, connect: Connect) -> None:
    with JwksServer(keys(EVIL)) as evil:
        issuer.answer = reply(b"", "302 Found", Location=evil.uri)
        configure(jwksUri=issuer.uri)
        assert connect(token(rsa_key("evil")))[:2] == (500, "KEYS_UNAVAILABLE")
        assert evil.requests == []


def test_an_issuer_that_comes_back_is_asked_again_soon(
    issuer: JwksServer, configure: Configure, connect: Connect, clock: Clock
) -> None:
    configure(jwksUri=issuer.uri)
    issuer.answer = reply(b"", "503 Service Unavailable")
    assert [connect(GOOD)[:2] for _ in range(3)] == [(500, "KEYS_UNAVAILABLE")] * 3
    assert len(issuer.requests) == 1
    issuer.answer = keys(*PUBLISHED)
    clock.now += RETRY_SECONDS
    assert connect(GOOD)[:2] == (200, "OK")


def test_keys_rotated_while_tokens_are_out_are_noticed(
    issuer: JwksServer, configure: Configure, connect: Connect, clock: Clock
) -> None:
    configure(jwksUri=issuer.uri)
    issuer.answer = keys(PUBLISHED[0])
    new = token(rsa_key("new"), header=rs256(kid="new"))
    assert connect(GOOD).status == 200
    clock.now += 1
    assert connect(new)[:2] == (403, "UNKNOWN_KEY")
    # That asked the issuer once more; now it must wait.
    issuer.answer = keys(PUBLISHED[0], jwk(rsa_key("new"), "new"))
    clock.now += RENEWAL_SECONDS - 1
    assert connect(new)[:2] == (403, "UNKNOWN_KEY")
    clock.now += 1
    assert connect(new)[:2] == (200, "OK")
    assert connect(GOOD)[:2] == (200, "OK")
    assert len(issuer.requests) == 3


def test_a_key_replaced_under_its_kid_is_noticed(
    issuer: JwksServer, configure: Configure, connect: Connect, clock: Clock
) -> None:
    configure(jwksUri=issuer.uri)
    assert connect(GOOD).status == 200
    issuer.answer = keys(jwk(rsa_key("new"), "a"))
    clock.now += 1
    assert connect(token(rsa_key("new")))[:2] == (200, "OK")
    assert connect(GOOD)[:2] == (403, "INVALID_SIGNATURE")


def test_a_key_that_was_removed_verifies_until_its_time_is_up(
    issuer: JwksServer, configure: Configure, connect: Connect, clock: Clock
) -> None:
    configure(jwksUri=issuer.uri)
    assert connect(GOOD).status == 200
    issuer.answer = keys(PUBLISHED[1])
    clock.now += TTL - 1
    assert connect(GOOD)[:2] == (200, "OK")
    clock.now += 1
    assert connect(GOOD)[:2] == (403, "UNKNOWN_KEY")


def test_random_kids_ask_the_issuer_once_in_a_while(
    issuer: JwksServer, configure: Configure, connect: Connect, clock: Clock
) -> None:
    configure(jwksUri=issuer.uri)
    connect(GOOD)
    for number in range(20):
        clock.now += 1
        assert connect(token(header=rs256(kid=str(number)))).code == "UNKNOWN_KEY"
    assert len(issuer.requests) == 2


class Store:
    """A place that keeps the secret."""

    def __init__(self, url: str, kind: str) -> None:
        self._client: Any = boto3.client(kind, endpoint_url=url, region_name="eu-west-1")  # type: ignore[call-overload]
        self._kind = kind
        self.arn = ""

    def put(self, secret: str | bytes, *, type_: str = "SecureString") -> None:
        """Keep a secret; the first time under a new name."""
        if self._kind == "ssm":
            self._client.put_parameter(Name="/jwt/secret", Value=secret, Type=type_, Overwrite=True)
            self.arn = self._client.get_parameter(Name="/jwt/secret")["Parameter"]["ARN"]
            return
        field = "SecretBinary" if isinstance(secret, bytes) else "SecretString"
        if self.arn:
            self._client.put_secret_value(SecretId=self.arn, **{field: secret})
        else:
            self.arn = self._client.create_secret(Name="jwt", **{field: secret})["ARN"]

    def clear(self) -> None:
        """Forget it."""
        if self._kind == "ssm":
            self._client.delete_parameter(Name="/jwt/secret")
        else:
            self._client.delete_secret(SecretId=self.arn, ForceDeleteWithoutRecovery=True)


OLD, NEW = "o" * 32, "n" * 32


def hs256(secret: str | bytes = OLD, **changes: Any) -> str:
    return token(secret if isinstance(secret, bytes) else secret.encode(), "HS256", **changes)


@pytest.fixture
def account(aws_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the SDK find the account of the tests and not repeat what fails."""
    for name, value in {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(secrets, "_ATTEMPTS", 1)


@pytest.fixture(params=["secretsmanager", "ssm"])
def store(request: pytest.FixtureRequest, aws_url: str, account: None, configure: Configure) -> Iterator[Store]:
    store = Store(aws_url, request.param)
    store.put(OLD)
    configure(secretArn=store.arn, algorithms=["HS256"])
    yield store
    store.clear()


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        (hs256(), 200, "OK"),
        (hs256(header={"alg": "HS256"}), 200, "OK"),
        (hs256(NEW), 403, "INVALID_SIGNATURE"),
        (hs256(""), 403, "INVALID_SIGNATURE"),
        (hs256(exp=None), 403, "MISSING_CLAIM"),
        (unsigned({"alg": "none"}), 403, "ALGORITHM_NOT_ALLOWED"),
        (token(OLD.encode(), "HS512", header={"alg": "HS512"}), 403, "ALGORITHM_NOT_ALLOWED"),
        (token(), 403, "ALGORITHM_NOT_ALLOWED"),
    ],
)
def test_a_shared_secret_verifies_what_was_signed_with_it(text: str, status: int, code: str, connect: Connect) -> None:
    assert connect(text)[:2] == (status, code)


def test_a_rotated_secret_is_read_when_a_signature_fails_and_the_old_one_is_over(
    store: Store, connect: Connect, clock: Clock
) -> None:
    assert connect(hs256()).status == 200
    store.put(NEW)
    clock.now += 1
    assert connect(hs256())[:2] == (200, "OK")
    assert connect(hs256(NEW))[:2] == (200, "OK")
    assert connect(hs256())[:2] == (403, "INVALID_SIGNATURE")


def test_a_rotated_secret_is_read_when_its_time_is_up(store: Store, connect: Connect, clock: Clock) -> None:
    assert connect(hs256()).status == 200
    store.put(NEW)
    clock.now += TTL
    assert connect(hs256())[:2] == (403, "INVALID_SIGNATURE")


def test_wrong_signatures_read_the_secret_once_in_a_while(
    store: Store, connect: Connect, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(hs256())
    store.put(NEW)
    clock.now += 1
    assert connect(hs256("x" * 32))[:2] == (403, "INVALID_SIGNATURE")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    clock.now += RENEWAL_SECONDS - 1
    # Read just before; another attempt would now fail and be reported.
    assert connect(hs256("x" * 32))[:2] == (403, "INVALID_SIGNATURE")
    assert connect(hs256(NEW))[:2] == (200, "OK")


def test_the_last_good_secret_serves_while_aws_is_out_of_reach(
    store: Store, event: EventMaker, log_lines: LogLines, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = event("authorizer", multiValueHeaders={"Authorization": [f"Bearer {hs256()}"]})
    verify_jwt.handler(sound, Context())
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    clock.now += TTL
    assert verify_jwt.handler(sound, Context())["principalId"] == "alice"
    assert "EndpointConnectionError" in log_lines()[-1]["keysFailure"]


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("arn", "cause"),
    [
        (
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:absent-AbCdEf",
            "GetSecretValue: ResourceNotFoundException.",
        ),
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/absent", "GetParameter: ParameterNotFound."),
    ],
)
def test_a_secret_that_is_not_there_is_an_error_with_its_cause(
    arn: str, cause: str, configure: Configure, event: EventMaker, log_lines: LogLines, clock: Clock
) -> None:
    configure(secretArn=arn, algorithms=["HS256"])
    sound = event("authorizer", multiValueHeaders={"Authorization": [f"Bearer {hs256()}"]})
    with pytest.raises(Exception, match=r"^Internal Server Error$"):
        verify_jwt.handler(sound, Context())
    (line,) = log_lines()
    assert (line["outcome"], line["level"], line["reason"]) == ("KEYS_UNAVAILABLE", "ERROR", cause)


@pytest.mark.parametrize(
    ("secret", "cause"),
    [
        ("!*?" * 7, "shorter than the 32 bytes"),
        (json.dumps({"jwt": OLD}), "JSON object"),
        (OLD + "\n", "white space, such as a line break"),
        (OLD + "\r\n", "white space, such as a line break"),
        (f'"{OLD}"', "in quotes"),
        (f"'{OLD}'", "in quotes"),
        ("\ufeff" + OLD, "byte order mark"),
        (pem(rsa_key()).decode(), "public key"),
    ],
)
def test_a_secret_that_is_none_is_an_error_with_its_cause(
    secret: str, cause: str, store: Store, event: EventMaker, log_lines: LogLines, clock: Clock
) -> None:
    store.put(secret)
    sound = event("authorizer", multiValueHeaders={"Authorization": [f"Bearer {hs256(secret)}"]})
    with pytest.raises(Exception, match=r"^Internal Server Error$"):
        verify_jwt.handler(sound, Context())
    (line,) = log_lines()
    assert (line["outcome"], cause in line["reason"]) == ("KEYS_UNAVAILABLE", True)
    assert secret not in json.dumps(line)
    assert OLD not in json.dumps(line)


@pytest.mark.usefixtures("account")
def test_a_secret_of_bytes_is_taken_as_they_are(aws_url: str, configure: Configure, connect: Connect) -> None:
    store = Store(aws_url, "secretsmanager")
    store.put(SECRET)
    configure(secretArn=store.arn, algorithms=["HS512"])
    assert connect(token(SECRET, "HS512", header={"alg": "HS512"}))[:2] == (200, "OK")
    store.clear()


@pytest.mark.usefixtures("account", "clock")
def test_a_parameter_in_the_clear_is_not_taken_for_a_secret(
    aws_url: str, configure: Configure, event: EventMaker, log_lines: LogLines
) -> None:
    store = Store(aws_url, "ssm")
    store.put(OLD, type_="String")
    configure(secretArn=store.arn, algorithms=["HS256"])
    with pytest.raises(Exception, match=r"^Internal Server Error$"):
        verify_jwt.handler(event("authorizer", multiValueHeaders={"Authorization": [f"Bearer {hs256()}"]}), Context())
    assert "must be SecureString" in log_lines()[0]["reason"]
    store.clear()


@pytest.mark.parametrize("text", [None, "", "{", '{"jwksUri":"https://issuer.test/","algorithms":["HS256"]}'])
@pytest.mark.parametrize("headers", [{}, {"Authorization": [f"Bearer {GOOD}"]}])
def test_a_bad_configuration_is_an_error_of_the_deployment_and_named(
    text: str | None,
    headers: dict[str, list[str]],
    event: EventMaker,
    log_lines: LogLines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("JWT", raising=False)
    if text is not None:
        monkeypatch.setenv("JWT", text)
    with pytest.raises(Exception, match=r"^Internal Server Error$"):
        verify_jwt.handler(event("authorizer", multiValueHeaders=headers), Context())
    (line,) = log_lines()
    assert (line["outcome"], line["level"], "JWT" in line["detail"]) == ("INTERNAL", "ERROR", True)


@pytest.mark.parametrize("unsound", [{}, [], None, "x", {"requestContext": {"connectionId": "c"}}])
def test_an_event_of_another_kind_is_an_error_and_no_permission(
    unsound: Any, configure: Configure, issuer: JwksServer, log_lines: LogLines
) -> None:
    configure(jwksUri=issuer.uri)
    with pytest.raises(Exception, match=r"^Internal Server Error$"):
        verify_jwt.handler(unsound, Context())
    assert log_lines()[0]["outcome"] == "INTERNAL"


def test_an_invocation_is_logged_in_one_line_that_names_the_check(
    configure: Configure, issuer: JwksServer, event: EventMaker, log_lines: LogLines, clock: Clock
) -> None:
    configure(jwksUri=issuer.uri)
    for text in (GOOD, token(exp=1)):
        verify_jwt.handler(event("authorizer", multiValueHeaders={"Authorization": [f"Bearer {text}"]}), Context())
    allowed, denied = log_lines()
    for line in (allowed, denied):
        assert line.pop("timestamp").endswith("Z")
        assert line.pop("durationMilliseconds") >= 0
    common = {"message": "verify-jwt", "requestId": Context.aws_request_id, "connectionId": "WKtlFcYLjoECFvg="}
    assert allowed == common | {"level": "INFO", "outcome": "OK"}
    assert denied == common | {"level": "WARN", "outcome": "TOKEN_EXPIRED", "reason": "The token has expired."}


def test_a_log_level_above_leaves_successes_out(
    configure: Configure,
    issuer: JwksServer,
    event: EventMaker,
    log_lines: LogLines,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(jwksUri=issuer.uri)
    monkeypatch.setenv("LOG_LEVEL", "WARN")
    verify_jwt.handler(event("authorizer", multiValueHeaders={"Authorization": [f"Bearer {GOOD}"]}), Context())
    assert log_lines() == []


def test_boto3_and_asyncio_are_not_loaded_with_the_function() -> None:
    program = (
        "import sys, websocket_push.handlers.verify_jwt\n"
        "print(sorted({'asyncio', 'boto3', 'botocore'} & sys.modules.keys()))"
    )
    sources = str(Path(verify_jwt.__file__).parents[2])
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", program], env={"PYTHONPATH": sources}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_what_is_raised_has_no_stack_trace(configure: Configure, issuer: JwksServer, event: EventMaker) -> None:
    configure(jwksUri=issuer.uri)
    with pytest.raises(Exception, match=r"^Unauthorized$") as raised:
        verify_jwt.handler(event("authorizer"), Context())
    assert (raised.type, raised.value.__context__) == (Exception, None)
    assert "File " not in "".join(traceback.format_exception(raised.value))


def test_the_log_says_how_long_it_took(event: EventMaker, log_lines: LogLines, monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter((100.0, 100.25))
    monkeypatch.delenv("JWT", raising=False)
    monkeypatch.setattr(verify_jwt, "time", SimpleNamespace(perf_counter=lambda: next(readings)))
    with pytest.raises(Exception, match="Internal Server Error"):
        verify_jwt.handler(event("authorizer"), Context())
    assert [line["durationMilliseconds"] for line in log_lines()] == [250.0]
