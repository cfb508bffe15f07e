"""The target of a request: the address to connect to, and the Host header and path.

The variables are those of every AWS SDK ("Service-specific endpoints", AWS SDKs and Tools Reference Guide):
`AWS_ENDPOINT_URL_<SERVICE>` wins over `AWS_ENDPOINT_URL`, an empty value counts as unset, and
`AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true` turns both off.

A service's own URL replaces the whole address: scheme, host, port, Host header and path prefix. So does the global
URL for DynamoDB and SQS. For the API Gateway management API the global URL changes only the address that is dialled:
Host, path and what is signed stay those of the connections URL, because one address for every service cannot say which
API and stage is meant. Its path, if it has one, is then not used.
"""

from collections.abc import Mapping

from websocket_push.aws.errors import AwsError
from websocket_push.http.endpoint import Endpoint, parse_url

_REGION_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def region(environment: Mapping[str, str]) -> str:
    """Return the region to call and to sign for.

    Parameters
    ----------
    environment
        `AWS_REGION` counts before `AWS_DEFAULT_REGION`; Lambda sets both.

    Returns
    -------
    str
        For example `"eu-west-1"`.

    Raises
    ------
    AwsError
        `InvalidConfiguration` where neither is set, or where it is not a region's name.
    """
    name = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or ""
    if not name:
        raise AwsError("InvalidConfiguration", detail="set AWS_REGION or AWS_DEFAULT_REGION to the region to call")
    if not _REGION_CHARACTERS.issuperset(name):
        raise AwsError("InvalidConfiguration", detail="AWS_REGION is not a region's name, such as eu-west-1")
    return name


def dynamodb_endpoint(environment: Mapping[str, str]) -> Endpoint:
    """Return the endpoint of DynamoDB in this region.

    Parameters
    ----------
    environment
        The region, `DNS_SUFFIX` (`amazonaws.com` unless set; other partitions differ), and the variables named
        at the top of this module.

    Returns
    -------
    Endpoint
        Where DynamoDB requests go.

    Raises
    ------
    AwsError
        `InvalidConfiguration`, naming the variable that is missing or not a URL.
    """
    return _regional_endpoint(environment, "dynamodb")


def sqs_endpoint(environment: Mapping[str, str]) -> Endpoint:
    """Return the endpoint of SQS in this region; see `dynamodb_endpoint`."""
    return _regional_endpoint(environment, "sqs")


def event_bus_endpoint(environment: Mapping[str, str]) -> Endpoint:
    """Return the endpoint of EventBridge in this region; see `dynamodb_endpoint`."""
    return _regional_endpoint(environment, "events", "EVENTBRIDGE")


def management_endpoint(environment: Mapping[str, str], connections_url: str) -> Endpoint:
    """Return the endpoint of an API's stage for messages to its connections.

    Parameters
    ----------
    environment
        The variables named at the top of this module.
    connections_url
        `https://{api_id}.execute-api.{region}.{suffix}/{stage}`.

    Returns
    -------
    Endpoint
        Where `/@connections/...` requests go.

    Raises
    ------
    AwsError
        `InvalidConfiguration`, naming what is not a URL.
    """
    name, url = _configured(environment, "APIGATEWAYMANAGEMENTAPI")
    if not url:
        return _parse(connections_url, "the connections URL")
    configured = _parse(url, name)
    if name != "AWS_ENDPOINT_URL":
        return configured
    stage = _parse(connections_url, "the connections URL")
    return Endpoint(configured.scheme, configured.dial_host, configured.port, stage.host, stage.path)


def _regional_endpoint(environment: Mapping[str, str], service: str, variable: str = "") -> Endpoint:
    name, url = _configured(environment, variable or service.upper())
    if url:
        return _parse(url, name)
    suffix = environment.get("DNS_SUFFIX") or "amazonaws.com"
    return _parse(f"https://{service}.{region(environment)}.{suffix}", "DNS_SUFFIX")


def _configured(environment: Mapping[str, str], service: str) -> tuple[str, str]:
    if environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return "", ""
    for name in (f"AWS_ENDPOINT_URL_{service}", "AWS_ENDPOINT_URL"):
        url = environment.get(name)
        if url:
            return name, url
    return "", ""


def _parse(url: str, source: str) -> Endpoint:
    try:
        endpoint = parse_url(url)
    except ValueError as error:
        # Its text does not repeat the value: a URL with a user name in it can hold a password.
        raise AwsError("InvalidConfiguration", detail=f"{source} {error}") from None
    endpoint.path = endpoint.path.rstrip("/")
    return endpoint
