"""Where a request goes: the address to dial, and the Host and path that the server is told.

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
from websocket_push.http.endpoint import Endpoint

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._")
_IPV6_CHARACTERS = frozenset("0123456789abcdef:.")
_REGION_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_PATH_CHARACTERS = frozenset(map(chr, range(0x21, 0x7F))) - frozenset('"<>\\^`{|}?#')


def region(environment: Mapping[str, str]) -> str:
    """Return the region to call and to sign for.

    Parameters
    ----------
    environment : Mapping[str, str]
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
    environment : Mapping[str, str]
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
    """Return the endpoint of SQS in this region.

    Parameters
    ----------
    environment : Mapping[str, str]
        See `dynamodb_endpoint`.

    Returns
    -------
    Endpoint
        Where SQS requests go.

    Raises
    ------
    AwsError
        See `dynamodb_endpoint`.
    """
    return _regional_endpoint(environment, "sqs")


def management_endpoint(environment: Mapping[str, str], connections_url: str) -> Endpoint:
    """Return the endpoint of an API's stage for messages to its connections.

    Parameters
    ----------
    environment : Mapping[str, str]
        The variables named at the top of this module.
    connections_url : str
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


def _regional_endpoint(environment: Mapping[str, str], service: str) -> Endpoint:
    name, url = _configured(environment, service.upper())
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
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in _DEFAULT_PORTS:
        raise _invalid(source, "must begin with https:// or http://")
    authority, slash, path = rest.partition("/")
    path = f"{slash}{path}".rstrip("/")
    if not _PATH_CHARACTERS.issuperset(path):
        raise _invalid(source, "must end with its path: no query, no fragment, nothing that needs percent-encoding")
    host, port = _split_authority(authority.lower(), source)
    dial_host = host.strip("[]")
    if port is None or port == _DEFAULT_PORTS[scheme]:
        return Endpoint(scheme, dial_host, _DEFAULT_PORTS[scheme], host, path)
    return Endpoint(scheme, dial_host, port, f"{host}:{port}", path)


def _split_authority(authority: str, source: str) -> tuple[str, int | None]:
    if authority.startswith("["):
        host, bracket, rest = authority.partition("]")
        host += bracket
        valid = bracket and ":" in host and _IPV6_CHARACTERS.issuperset(host[1:-1]) and rest[:1] in ("", ":")
        colon, digits = rest[:1], rest[1:]
    else:
        host, colon, digits = authority.partition(":")
        labels = host.removesuffix(".").split(".")
        valid = _HOST_CHARACTERS.issuperset(host) and all(0 < len(label) < 64 for label in labels)
    if not valid:
        raise _invalid(source, "needs a host name or an IP address (IPv6 in brackets), and no user name")
    if not colon:
        return host, None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and 0 < int(digits) < 65536):
        raise _invalid(source, "has a port that is not a number from 1 to 65535")
    return host, int(digits)


def _invalid(source: str, reason: str) -> AwsError:
    # The value itself is not repeated: a URL with a user name in it can hold a password.
    return AwsError("InvalidConfiguration", detail=f"{source} {reason}")
