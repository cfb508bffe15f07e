"""Where requests go, as the environment says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websocket_push.aws.endpoints import dynamodb_endpoint, management_endpoint, region
from websocket_push.aws.errors import AwsError
from websocket_push.http.endpoint import Endpoint

URL = "https://abc.execute-api.eu-west-1.amazonaws.com/prod"
REGION = {"AWS_REGION": "eu-west-1"}


def parts(endpoint: Endpoint) -> tuple[str, str, int, str, str, str]:
    assert endpoint.address == (endpoint.scheme, endpoint.dial_host, endpoint.port)
    return (
        endpoint.scheme, endpoint.dial_host, endpoint.port, endpoint.host, endpoint.path, endpoint.server_name,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "us-gov-west-1"}, "us-gov-west-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, "eu-west-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
    ],
)
def test_the_region(variables: dict[str, str], expected: str) -> None:
    assert region(variables) == expected


@pytest.mark.parametrize("variables", [{}, {"AWS_REGION": ""}, {"AWS_REGION": "eu-west-1/x"}, {"AWS_REGION": "é"}])
def test_no_region_is_an_error_that_names_the_variable(variables: dict[str, str]) -> None:
    with pytest.raises(AwsError, match="AWS_REGION") as caught:
        region(variables)
    assert caught.value.code == "InvalidConfiguration"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ("https", "dynamodb.eu-west-1.amazonaws.com", 443, "dynamodb.eu-west-1.amazonaws.com", "")),
        (
            {"DNS_SUFFIX": "amazonaws.com.cn"},
            ("https", "dynamodb.eu-west-1.amazonaws.com.cn", 443, "dynamodb.eu-west-1.amazonaws.com.cn", ""),
        ),
        ({"AWS_ENDPOINT_URL": "http://localhost:4566"}, ("http", "localhost", 4566, "localhost:4566", "")),
        ({"AWS_ENDPOINT_URL": "http://LocalHost/"}, ("http", "localhost", 80, "localhost", "")),
        ({"AWS_ENDPOINT_URL": "http://h:80"}, ("http", "h", 80, "h", "")),
        ({"AWS_ENDPOINT_URL": "https://h:443"}, ("https", "h", 443, "h", "")),
        ({"AWS_ENDPOINT_URL": "https://h:80"}, ("https", "h", 80, "h:80", "")),
        ({"AWS_ENDPOINT_URL": "HTTPS://h/a/B/"}, ("https", "h", 443, "h", "/a/B")),
        ({"AWS_ENDPOINT_URL": "http://[::1]:8000/x"}, ("http", "::1", 8000, "[::1]:8000", "/x")),
        ({"AWS_ENDPOINT_URL": "http://[::FFFF:127.0.0.1]"}, ("http", "::ffff:127.0.0.1", 80, "[::ffff:127.0.0.1]", "")),
        (
            {"AWS_ENDPOINT_URL": "http://global", "AWS_ENDPOINT_URL_DYNAMODB": "http://own/p"},
            ("http", "own", 80, "own", "/p"),
        ),
        (
            {"AWS_ENDPOINT_URL": "http://global", "AWS_ENDPOINT_URL_DYNAMODB": ""},
            ("http", "global", 80, "global", ""),
        ),
        (
            {"AWS_ENDPOINT_URL": "http://global", "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": "http://other"},
            ("http", "global", 80, "global", ""),
        ),
        (
            {
                "AWS_ENDPOINT_URL": "http://global",
                "AWS_ENDPOINT_URL_DYNAMODB": "http://own",
                "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "True",
            },
            ("https", "dynamodb.eu-west-1.amazonaws.com", 443, "dynamodb.eu-west-1.amazonaws.com", ""),
        ),
        (
            {"AWS_ENDPOINT_URL": "http://global", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"},
            ("http", "global", 80, "global", ""),
        ),
    ],
)
def test_dynamodb(variables: dict[str, str], expected: tuple[str, str, int, str, str]) -> None:
    assert parts(dynamodb_endpoint(REGION | variables)) == (*expected, expected[1])


@pytest.mark.parametrize(
    ("variables", "url", "expected"),
    [
        (
            {}, URL,
            ("https", "abc.execute-api.eu-west-1.amazonaws.com", 443, "abc.execute-api.eu-west-1.amazonaws.com",
             "/prod", "abc.execute-api.eu-west-1.amazonaws.com"),
        ),
        ({}, "https://push.example.com/a/b/", ("https", "push.example.com", 443, "push.example.com", "/a/b",
                                              "push.example.com")),
        ({}, "https://push.example.com", ("https", "push.example.com", 443, "push.example.com", "",
                                          "push.example.com")),
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566/unused"}, URL,
            ("http", "127.0.0.1", 4566, "abc.execute-api.eu-west-1.amazonaws.com", "/prod", "127.0.0.1"),
        ),
        (
            {"AWS_ENDPOINT_URL": "https://proxy"}, URL,
            ("https", "proxy", 443, "abc.execute-api.eu-west-1.amazonaws.com", "/prod", "proxy"),
        ),
        (
            {"AWS_ENDPOINT_URL": "http://global", "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": "http://own:1/x/y"}, URL,
            ("http", "own", 1, "own:1", "/x/y", "own"),
        ),
        (
            {"AWS_ENDPOINT_URL": "http://global", "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": "http://own:1/x/y",
             "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, URL,
            ("https", "abc.execute-api.eu-west-1.amazonaws.com", 443, "abc.execute-api.eu-west-1.amazonaws.com",
             "/prod", "abc.execute-api.eu-west-1.amazonaws.com"),
        ),
    ],
)  # fmt: skip
def test_management(variables: dict[str, str], url: str, expected: tuple[str, str, int, str, str, str]) -> None:
    assert parts(management_endpoint(variables, url)) == expected


@pytest.mark.parametrize(
    "url",
    [
        "localhost:4566",
        "wss://abc.execute-api.eu-west-1.amazonaws.com/prod",
        "https:/h",
        "https://",
        "https:///path",
        "https://:443",
        "https://user@h",
        "https://user:word@h",
        "https://h:port",
        "https://h:0",
        "https://h:65536",
        "https://h:-1",
        "https://h:٣",
        "https://h:",
        "https://h/a?b=c",
        "https://h?b=c",
        "https://h/a#b",
        "https://h/a b",
        "https://h/é",
        "https://h/a\r\nx: y",
        "https://é",
        "https://a..b",
        "https://.a",
        "https://" + "a" * 64,
        "https://h h",
        "https://h\r\nx",
        "https://::1",
        "https://[::1",
        "https://[::1]x",
        "https://[h]",
        "https://[]",
        "https://[::1%eth0]",
    ],
)
def test_what_is_not_a_url_is_an_error_that_names_its_source_and_not_its_value(url: str) -> None:
    def at_connections_url() -> Endpoint:
        return management_endpoint({}, url)

    def at_global_url() -> Endpoint:
        return management_endpoint({"AWS_ENDPOINT_URL": url}, URL)

    def at_own_url() -> Endpoint:
        return dynamodb_endpoint({"AWS_ENDPOINT_URL_DYNAMODB": url})

    for source, call in (
        ("the connections URL", at_connections_url),
        ("AWS_ENDPOINT_URL", at_global_url),
        ("AWS_ENDPOINT_URL_DYNAMODB", at_own_url),
    ):
        with pytest.raises(AwsError) as caught:
            call()
        assert str(caught.value).startswith(f"InvalidConfiguration: {source} ")
        assert "word" not in str(caught.value)
        assert not caught.value.transient


@given(st.text(max_size=60))
def test_any_text_is_an_endpoint_or_an_error(text: str) -> None:
    try:
        endpoint = management_endpoint({}, f"https://{text}")
    except AwsError:
        return
    assert f"{endpoint.host}{endpoint.path}".isascii()
    assert not set(f"{endpoint.host}{endpoint.path}") & set(" \r\n\t?#")
    assert "@" not in endpoint.host
