import json
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.tokens.support import SECRET_ARN
from websocket_push.settings import SettingsError
from websocket_push.tokens.token_settings import TokenSettings, read_token_settings

URI = "https://issuer.test/keys"
OTHER = {"issuer": "https://other.test/", "secretArn": SECRET_ARN, "algorithms": ["HS256"]}
PARAMETER_ARN = "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/jwt/secret"


def read(**values: Any) -> TokenSettings:
    (settings,) = read_token_settings({"JWT": json.dumps(values)})
    return settings


def test_all_that_is_set_is_taken() -> None:
    settings = read(
        issuer="https://issuer.test/",
        audience=["a", "b"],
        jwksUri=URI,
        secretArn=None,
        algorithms=["RS256", "EdDSA"],
        userIdClaim="cognito:username",
        topicsClaim="scope",
        tokenUse="access",
        typ="application/AT+jwt",
        leeway=5,
        jwksCacheSeconds=60,
        allowInsecureLoopback=False,
    )
    assert replace(settings, jwks=None) == TokenSettings(
        issuer="https://issuer.test/",
        audience=("a", "b"),
        jwks=None,
        secret_arn=None,
        algorithms=("RS256", "EdDSA"),
        user_id_claim="cognito:username",
        topics_claim="scope",
        token_use="access",
        typ="application/AT+jwt",
        leeway=5,
        cache_seconds=60,
    )
    assert settings.jwks is not None
    assert (settings.jwks.address, settings.jwks.path) == (("https", "issuer.test", 443), "/keys")


@pytest.mark.parametrize("arn", [SECRET_ARN, PARAMETER_ARN])
@pytest.mark.parametrize("absent", [{}, dict.fromkeys(["issuer", "audience", "jwksUri", "userIdClaim", "leeway"])])
def test_what_is_absent_or_null_has_its_default(arn: str, absent: dict[str, None]) -> None:
    assert read(secretArn=arn, algorithms=["HS256"], **absent) == TokenSettings(
        issuer=None,
        audience=(),
        jwks=None,
        secret_arn=arn,
        algorithms=("HS256",),
        user_id_claim="sub",
        topics_claim=None,
        token_use=None,
        typ=None,
        leeway=0,
        cache_seconds=300,
    )


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"jwksUri": None}, "jwksUri or secretArn must be given"),
        ({"secretArn": SECRET_ARN}, "not both"),
        ({"jwksUri": None, "secretArn": "arn:aws:s3:::bucket", "algorithms": ["HS256"]}, "secretArn must be the ARN"),
        ({"jwksUri": None, "secretArn": "secret", "algorithms": ["HS256"]}, "secretArn must be the ARN"),
        ({"jwksUri": None, "secretArn": SECRET_ARN}, "algorithms .* HS256, HS384, HS512"),
        ({"algorithms": ["HS256"]}, "algorithms .* with jwksUri: ES256"),
        ({"algorithms": ["RS256", "HS256"]}, "algorithms"),
        ({"algorithms": ["none"]}, "algorithms"),
        ({"algorithms": ["None"]}, "algorithms"),
        ({"algorithms": ["rs256"]}, "algorithms"),
        ({"algorithms": ["ES256K"]}, "algorithms"),
        ({"algorithms": []}, "algorithms"),
        ({"algorithms": None}, "algorithms"),
        ({"algorithms": "RS256"}, "algorithms must be a list"),
        ({"algorithms": [1]}, "algorithms must be a list"),
        ({"jwksUri": "http://issuer.test/keys"}, "jwksUri must begin with https"),
        ({"jwksUri": "http://127.0.0.1/keys"}, "jwksUri must begin with https"),
        ({"jwksUri": "http://issuer.test/", "allowInsecureLoopback": True}, "jwksUri must begin with https"),
        ({"jwksUri": 1}, "jwksUri must be a string"),
        ({"issuer": ""}, "issuer must be a string"),
        ({"issuer": ["a"]}, "issuer must be a string"),
        ({"audience": "app"}, "audience must be a list"),
        ({"audience": [""]}, "audience must be a list"),
        ({"userIdClaim": ""}, "userIdClaim must be a string"),
        ({"topicsClaim": ""}, "topicsClaim must be a string"),
        ({"leeway": -1}, "leeway must be a whole number of seconds, at least 0"),
        ({"leeway": 1.5}, "leeway"),
        ({"leeway": True}, "leeway"),
        ({"jwksCacheSeconds": 0}, "jwksCacheSeconds must be a whole number of seconds, at least 1"),
        ({"allowInsecureLoopback": "true"}, "allowInsecureLoopback must be true or false"),
        ({"algorithm": ["RS256"]}, "algorithm is not known; known are issuer"),
        ({"tokenUse": ""}, "tokenUse must be a string"),
        ({"typ": 1}, "typ must be a string"),
        *(
            ({"typ": typ}, "typ must be that of a login")
            for typ in ("logout+jwt", "secevent+jwt", "application/Logout+JWT")
        ),
        ({"additionalIssuers": {}}, "additionalIssuers must be a list of objects"),
        ({"additionalIssuers": ["https://other.test/"]}, "additionalIssuers must be a list of objects"),
        ({"issuer": "a", "additionalIssuers": [{"issuer": "b"}]}, "jwksUri or secretArn must be given"),
        ({"issuer": "a", "additionalIssuers": [{"issuer": "b", "jwksUri": URI}]}, "algorithms must name"),
        ({"issuer": "a", "additionalIssuers": [OTHER | {"leeway": 5}]}, "leeway is not known; known are issuer"),
        ({"issuer": "a", "additionalIssuers": [OTHER | {"issuer": None}]}, "issuer must be given for each"),
        ({"additionalIssuers": [OTHER]}, "issuer must be given for each"),
        ({"issuer": "a", "additionalIssuers": [OTHER | {"issuer": "a"}]}, "issuer must be given for each .* differ"),
        ({"issuer": "a", "additionalIssuers": [OTHER, OTHER]}, "issuer must be given for each .* differ"),
    ],
)
def test_what_is_wrong_is_named_as_a_fault_of_the_deployment(changes: dict[str, Any], named: str) -> None:
    sound: dict[str, Any] = {"jwksUri": URI, "algorithms": ["RS256"]}
    assert read(**sound).algorithms == ("RS256",)
    with pytest.raises(SettingsError, match=named):
        read(**sound | changes)


@pytest.mark.parametrize("text", ["", "null", "[]", "{", "x" * 10, "[" * 100_000])
def test_a_variable_that_is_no_object_is_a_fault_of_the_deployment(text: str) -> None:
    with pytest.raises(SettingsError, match="JWT"):
        read_token_settings({"JWT": text})


def test_http_is_for_loopback_when_asked_for() -> None:
    endpoint = read(jwksUri="http://127.0.0.1:8080/keys", algorithms=["RS256"], allowInsecureLoopback=True).jwks
    assert endpoint is not None
    assert (endpoint.address, endpoint.path) == (("http", "127.0.0.1", 8080), "/keys")


def test_each_issuer_has_settings_of_its_own_and_shares_the_times() -> None:
    first, second = read_token_settings(
        {
            "JWT": json.dumps(
                {
                    "issuer": "https://issuer.test/",
                    "audience": ["app"],
                    "jwksUri": URI,
                    "algorithms": ["ES256"],
                    "userIdClaim": "oid",
                    "tokenUse": "id",
                    "typ": "JWT",
                    "leeway": 7,
                    "jwksCacheSeconds": 60,
                    "additionalIssuers": [OTHER],
                }
            )
        }
    )
    assert (first.issuer, first.audience, first.user_id_claim, first.token_use) == (
        "https://issuer.test/",
        ("app",),
        "oid",
        "id",
    )
    assert second == TokenSettings(
        issuer="https://other.test/",
        audience=(),
        jwks=None,
        secret_arn=SECRET_ARN,
        algorithms=("HS256",),
        user_id_claim="sub",
        topics_claim=None,
        token_use=None,
        typ=None,
        leeway=7,
        cache_seconds=60,
    )
