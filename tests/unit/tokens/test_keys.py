import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.tokens.support import SECRET, ec_key, ed_key, jwk, pem, rsa_key, segment
from websocket_push.protocol.error_codes import ErrorCode
from websocket_push.protocol.errors import RequestError
from websocket_push.tokens.algorithms import ALGORITHMS, SECRET_ALGORITHMS
from websocket_push.tokens.key_cache import KeysUnavailable
from websocket_push.tokens.keys import choose_key, keys_of_secret, keys_of_set

PUBLIC = sorted(ALGORITHMS.keys() - SECRET_ALGORITHMS)
RSA_ALGORITHMS = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}


def algorithms_of(entry: dict[str, Any]) -> set[str]:
    (key,) = keys_of_set([entry], PUBLIC)
    return set(key.algorithms)


def refusal(entries: list[Any], *, kid: str | None, algorithm: str = "RS256") -> tuple[ErrorCode, str]:
    with pytest.raises(RequestError) as raised:
        choose_key(keys_of_set(entries, PUBLIC), kid=kid, algorithm=algorithm)
    return raised.value.code, raised.value.message


def test_the_algorithms_are_those_of_the_registry_and_none_is_not_among_them() -> None:
    assert set(SECRET_ALGORITHMS) == {"HS256", "HS384", "HS512"}
    assert set(PUBLIC) == RSA_ALGORITHMS | {"ES256", "ES384", "ES512", "EdDSA"}


@pytest.mark.parametrize(
    ("entry", "algorithms"),
    [
        (jwk(rsa_key()), RSA_ALGORITHMS),
        (jwk(rsa_key(), alg="PS384"), {"PS384"}),
        (jwk(rsa_key(), use="sig", key_ops=["verify"], x5c=["ignored"]), RSA_ALGORITHMS),
        (jwk(ec_key("P-256")), {"ES256"}),
        (jwk(ec_key("P-384"), alg="ES384"), {"ES384"}),
        (jwk(ec_key("P-521")), {"ES512"}),
        (jwk(ed_key("Ed25519")), {"EdDSA"}),
        (jwk(ed_key("Ed448"), kid=None), {"EdDSA"}),
    ],
)
def test_a_key_verifies_what_it_fits(entry: dict[str, Any], algorithms: set[str]) -> None:
    assert algorithms_of(entry) == algorithms


def test_a_key_verifies_nothing_that_is_not_allowed() -> None:
    (key,) = keys_of_set([jwk(rsa_key())], ["PS256", "ES256"])
    assert key.algorithms == {"PS256"}


@pytest.mark.parametrize(
    ("unusable", "problem"),
    [
        (jwk(rsa_key(), "bad", use="enc"), "not for signatures"),
        (jwk(rsa_key(), "bad", use=["sig"]), "not for signatures"),
        (jwk(rsa_key(), "bad", key_ops=["encrypt"]), "not for verifying"),
        (jwk(rsa_key(), "bad", key_ops=["sign"]), "not for verifying"),
        (jwk(rsa_key(), "bad", key_ops="verify"), "not for verifying"),
        (jwk(rsa_key(), "bad", alg="RSA-OAEP"), "no allowed algorithm"),
        (jwk(rsa_key(), "bad", alg=None), "no allowed algorithm"),
        (jwk(rsa_key(), "bad", alg="RS512"), "another algorithm"),
        (jwk(rsa_key(), "bad", alg="HS256"), "no allowed algorithm"),
        (jwk(rsa_key(), "bad", d="AQAB"), "private part"),
        (jwk(rsa_key("short", 1024), "bad"), "fewer than 2048 bits"),
        (jwk(ec_key("P-384"), "bad"), "another algorithm"),
        (jwk(ec_key("P-256"), "bad", crv="P-384"), "cannot be read"),
        (jwk(ec_key("P-256"), "bad", crv="secp256k1"), "no allowed algorithm"),
        (jwk(ec_key("P-256"), "bad", y=segment(bytes(32))), "cannot be read"),
        (jwk(ed_key(), "bad", x="AAAA"), "cannot be read"),
        (jwk(ed_key(), "bad", crv="X25519"), "no allowed algorithm"),
        (jwk(rsa_key(), "bad", n=""), "cannot be read"),
        (jwk(rsa_key(), "bad", n=17), "cannot be read"),
        (jwk(rsa_key(), "bad", e="AQ"), "cannot be read"),
        ({"kid": "bad", "kty": "RSA"}, "cannot be read"),
        ({"kid": "bad", "kty": "oct", "k": segment(SECRET), "alg": "HS256"}, "no allowed algorithm"),
        ({"kid": "bad", "kty": ["RSA"]}, "no allowed algorithm"),
        ({"kid": "bad"}, "no allowed algorithm"),
    ],
)
def test_a_key_that_must_not_be_used_is_not_and_spoils_no_other(unusable: dict[str, Any], problem: str) -> None:
    good = jwk(rsa_key(), "good", alg="RS256")
    code, message = refusal([unusable, good], kid="bad")
    assert code == "UNUSABLE_KEY"
    assert problem in message
    (chosen,) = [choose_key(keys_of_set([unusable, good], PUBLIC), kid="good", algorithm="RS256")]
    assert chosen.kid == "good"


@pytest.mark.parametrize("kid", [None, "", "b", "A", "a ", "../a", "' OR '1'='1"])
def test_a_kid_is_compared_and_nothing_else(kid: str | None) -> None:
    entries = [jwk(rsa_key(), "a"), jwk(rsa_key("b"), "c")]
    assert refusal(entries, kid=kid)[0] == "UNKNOWN_KEY"


def test_a_key_whose_kid_is_no_string_is_not_used() -> None:
    entries = [jwk(rsa_key(), None) | {"kid": 1}, jwk(ec_key(), "b")]
    assert refusal(entries, kid="1")[0] == "UNKNOWN_KEY"
    assert refusal(entries, kid=None)[0] == "UNKNOWN_KEY"


def test_without_a_kid_exactly_one_key_must_fit_the_algorithm() -> None:
    one_of_each = keys_of_set([jwk(rsa_key(), "r"), jwk(ec_key(), None)], PUBLIC)
    assert choose_key(one_of_each, kid=None, algorithm="RS256").kid == "r"
    assert choose_key(one_of_each, kid=None, algorithm="ES256").kid is None
    code, message = refusal([jwk(rsa_key(), "r"), jwk(rsa_key("b"), "s")], kid=None)
    assert (code, "More than one" in message) == ("UNKNOWN_KEY", True)


def test_keys_of_different_types_may_share_a_kid_but_not_of_one() -> None:
    # RFC 7517 section 4.5
    shared = keys_of_set([jwk(rsa_key(), "a"), jwk(ec_key(), "a")], PUBLIC)
    assert choose_key(shared, kid="a", algorithm="ES256").algorithms == {"ES256"}
    assert refusal([jwk(rsa_key(), "a"), jwk(rsa_key("b"), "a")], kid="a")[0] == "UNKNOWN_KEY"


@pytest.mark.parametrize("kid", ["a", None])
@pytest.mark.parametrize(
    ("key", "algorithm"), [(rsa_key(), "RS256"), (ec_key(), "ES256"), (ed_key(), "EdDSA"), (ed_key("Ed448"), "EdDSA")]
)
@pytest.mark.parametrize("changes", [{}, {"use": "sig"}, {"alg": None}, {"x5c": ["AAAA"]}, {"use": "enc"}])
def test_a_key_that_is_listed_more_than_once_is_one(
    key: Any, algorithm: str, kid: str | None, changes: dict[str, Any]
) -> None:
    again = jwk(key, "a") | changes | ({"alg": algorithm} if "alg" in changes else {})
    keys = keys_of_set([jwk(key, "a"), again, jwk(key, "a")], PUBLIC)
    assert choose_key(keys, kid=kid, algorithm=algorithm).material == key.public_key()


def test_the_same_key_under_two_ids_is_one_for_a_token_that_names_none() -> None:
    keys = keys_of_set([jwk(rsa_key(), "old"), jwk(rsa_key(), "new")], PUBLIC)
    assert choose_key(keys, kid=None, algorithm="RS256").material == rsa_key().public_key()


@pytest.mark.parametrize("kid", ["a", None])
def test_a_key_twice_beside_another_one_is_still_two(kid: str | None) -> None:
    for entries in ([rsa_key(), rsa_key(), rsa_key("b")], [rsa_key("b"), rsa_key(), rsa_key()]):
        assert refusal([jwk(each, "a") for each in entries], kid=kid)[0] == "UNKNOWN_KEY"


def test_different_keys_under_one_kid_are_told_apart_by_what_they_are_for() -> None:
    entries = [jwk(rsa_key(), "a", alg="RS256"), jwk(rsa_key("b"), "a", alg="PS256"), jwk(rsa_key("c"), "a", use="enc")]
    keys = keys_of_set(entries, PUBLIC)
    assert choose_key(keys, kid="a", algorithm="RS256").material == rsa_key().public_key()
    assert choose_key(keys, kid="a", algorithm="PS256").material == rsa_key("b").public_key()


@pytest.mark.parametrize(
    "entries", [[], [None, 1, "x", []], [{}], [{"kty": "oct", "k": segment(SECRET)}], [jwk(rsa_key(), use="enc")]]
)
def test_a_set_without_a_key_to_verify_with_is_as_good_as_none(entries: list[Any]) -> None:
    with pytest.raises(KeysUnavailable, match="no key to verify with"):
        keys_of_set(entries, PUBLIC)


members = st.sampled_from(["kty", "crv", "kid", "use", "key_ops", "alg", "n", "e", "x", "y", "d"])
values = st.none() | st.integers() | st.text(max_size=8) | st.sampled_from(["RSA", "EC", "OKP", "P-256", "Ed25519"])


@settings(deadline=None)
@given(st.dictionaries(members, values | st.lists(values)))
def test_whatever_an_entry_holds_the_sound_key_beside_it_serves(entry: dict[str, Any]) -> None:
    keys = keys_of_set([entry, jwk(rsa_key(), "good")], PUBLIC)
    if entry.get("kid") != "good":
        assert choose_key(keys, kid="good", algorithm="RS256").kid == "good"
    assert not keys[0].algorithms or not keys[0].problem


@pytest.mark.parametrize(("allowed", "least"), [(["HS256"], 32), (["HS384"], 48), (["HS256", "HS512"], 64)])
def test_a_secret_is_at_least_as_long_as_the_longest_hash(allowed: list[str], least: int) -> None:
    (key,) = keys_of_secret(SECRET[:least], allowed)
    assert key.material == SECRET[:least]
    assert key.algorithms == set(allowed)
    with pytest.raises(KeysUnavailable, match=f"shorter than the {least} bytes"):
        keys_of_secret(SECRET[: least - 1], allowed)


@pytest.mark.parametrize(
    ("secret", "cause"),
    [
        (pem(rsa_key()), "public key"),
        (pem(ec_key()), "public key"),
        (json.dumps(jwk(rsa_key())).encode(), "JSON object"),
        (json.dumps({"secret": "x" * 64}).encode(), "JSON object"),
        (b"ssh-ed25519 " + b"A" * 64, "public key"),
        (json.dumps(["x" * 64]).encode(), "JSON object or list"),
        (json.dumps({"secret": "x" * 64}, indent=2).encode(), "JSON object"),
        (json.dumps({"k": "v"}).encode() + b"\n", "JSON object"),
        (b"x" * 40 + b"\n", "white space, such as a line break"),
        (b"x" * 31 + b"\n", "white space"),
        (b"x" * 40 + b"\r\n", "white space"),
        (b" " + b"x" * 40, "white space"),
        (b"x y\tz" * 10 + b"\t", "white space"),
        (("x" * 40 + "\u00a0").encode(), "white space"),
        (b"\n" * 40, "white space"),
        (b'"' + b"x" * 40 + b'"', "in quotes"),
        (b"'" + b"x" * 40 + b"'", "in quotes"),
        (b"`" + b"x" * 40 + b"`", "in quotes"),
        (b'"' + b"x" * 29 + b'"', "in quotes"),
        (("\u201c" + "x" * 40 + "\u201d").encode(), "in quotes"),
        (b'"' + b"x" * 40 + b'"\n', "white space"),
        (b"\xef\xbb\xbf" + b"x" * 40, "byte order mark"),
        (("x" * 40).encode("utf-16"), "UTF-16"),
        (b"\xfe\xff" + ("x" * 40).encode("utf-16-be"), "UTF-16"),
        (("x" * 40).encode("utf-16-le"), "UTF-16"),
        (("x" * 40).encode("utf-16-be"), "UTF-16"),
        (("x" * 40 + "\ufeff").encode(), "no width"),
        (("\u200b" + "x" * 40).encode(), "no width"),
        (("x" * 40 + "\u200b\n").encode(), "no width"),
        (("\u201e" + "x" * 40 + "\u201c").encode(), "in quotes"),
    ],
)
def test_what_is_no_secret_is_not_taken_for_one(secret: bytes, cause: str) -> None:
    with pytest.raises(KeysUnavailable, match=cause) as refused:
        keys_of_secret(secret, ["HS256"])
    assert "xxx" not in str(refused.value)


@pytest.mark.parametrize(
    "secret",
    [
        b"x" * 40,
        b"correct horse battery staple, said twice",
        b"it's quoted nowhere \"at both ends\" here'",
        "\u2603".encode() * 11,
        b"\n" + bytes(range(128, 160)) + b"\n",
        b"\x00" * 31 + b"\n",
        b'"' + b"\xff" * 31 + b'"',
        b"\xff\xfe" + b"\x01" * 30,
        b"1" * 32,
        b"\x00" * 32,
        b"x\x00" * 20 + b"\x00x",
        ("x" * 20 + "\u200b" + "x" * 20).encode(),
    ],
)
def test_a_secret_is_taken_as_it_is_text_or_bytes(secret: bytes) -> None:
    (key,) = keys_of_secret(secret, ["HS256"])
    assert key.material == secret
