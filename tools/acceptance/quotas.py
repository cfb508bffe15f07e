"""What an account may use, next to what the module needs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tools.acceptance.account import AwsError, explain

# By API Gateway's page "Quotas for configuring and running a WebSocket API", which links the quota by this code.
_NEW_CONNECTIONS = ("apigateway", "L-9ED1E49A")
_ROLES = 6
"""One for each function, and room for one more."""

_CONCURRENCY = 100
"""What Lambda keeps unreserved in every account: with less, no function can have a share of its own."""


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota of the account and Region.

    Parameters
    ----------
    value
        What AWS says; None where it could not be asked.
    need
        What the module needs; None where any value will do.
    meaning
        What the quota bounds, and what to do where it is too low; or why it could not be asked.
    binding
        Whether the module does not work with less, or only reaches the quota before its own ceiling.
    """

    name: str
    value: float | None
    need: float | None
    meaning: str
    binding: bool = True

    @property
    def verdict(self) -> str:
        """`unknown`, `enough`, `too low`, or `below the module's ceiling` where that is all."""
        if self.value is None:
            return "unknown"
        if self.need is None or self.value >= self.need:
            return "enough"
        return "too low" if self.binding else "below the module's ceiling"


def read(client: Callable[..., Any], throttling: dict[str, float] | None = None) -> list[Quota]:
    """Read the quotas that matter to the module.

    Parameters
    ----------
    client
        boto3's `client`.
    throttling
        What the stage asks for, as API Gateway has it; None for the module's defaults.
    """
    return [
        *_asked(("Lambda unreserved concurrent executions",), "lambda:GetAccountSettings", lambda: _lambda(client)),
        *_asked(
            ("API Gateway requests per second", "API Gateway burst of requests"),
            "apigateway:GET on /account",
            lambda: _api_gateway(client, throttling or {"ThrottlingRateLimit": 10_000, "ThrottlingBurstLimit": 5_000}),
        ),
        *_asked(
            ("API Gateway new connections per second",),
            "servicequotas:GetServiceQuota",
            lambda: _connections(client),
        ),
        *_asked(("IAM roles that can be made",), "iam:GetAccountSummary", lambda: _iam(client)),
    ]


def _asked(names: tuple[str, ...], permission: str, ask: Callable[[], Iterator[Quota]]) -> list[Quota]:
    try:
        return list(ask())
    except AwsError as problem:
        return [Quota(name, None, None, explain(problem, permission).text) for name in names]


def _lambda(client: Callable[..., Any]) -> Iterator[Quota]:
    limit = client("lambda").get_account_settings()["AccountLimit"]
    yield Quota(
        "Lambda unreserved concurrent executions",
        limit["UnreservedConcurrentExecutions"],
        _CONCURRENCY,
        "connects, polls and pushes at one time; with less, handshakes are throttled and reserved_concurrency or "
        "provisioned_concurrency fail the apply: ask for more in Service Quotas (Lambda, Concurrent executions)",
    )


def _api_gateway(client: Callable[..., Any], throttling: dict[str, float]) -> Iterator[Quota]:
    settings = client("apigateway").get_account()["throttleSettings"]
    meaning = "the ceiling of deliveries, of the whole account; the input throttling holds nothing back above it"
    for name, member, asked in (
        ("API Gateway requests per second", "rateLimit", "ThrottlingRateLimit"),
        ("API Gateway burst of requests", "burstLimit", "ThrottlingBurstLimit"),
    ):
        yield Quota(name, settings[member], throttling.get(asked), meaning, binding=False)


def _connections(client: Callable[..., Any]) -> Iterator[Quota]:
    service, code = _NEW_CONNECTIONS
    found = client("service-quotas").get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]
    meaning = "how fast clients come back after an outage; connections live for two hours"
    yield Quota("API Gateway new connections per second", found["Value"], None, meaning)


def _iam(client: Callable[..., Any]) -> Iterator[Quota]:
    summary = client("iam").get_account_summary()["SummaryMap"]
    free = summary["RolesQuota"] - summary["Roles"]
    yield Quota("IAM roles that can be made", free, _ROLES, "one for each function: remove some, or ask for more")
