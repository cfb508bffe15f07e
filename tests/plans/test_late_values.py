"""Every input may be sensitive, or known only after something else is applied; few must be known when planning.

One configuration calls the module several times, with every member of every input made sensitive, or taken from a resource
that does not exist yet.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.plans.roots import PROVIDER, Change, make_root, plan
from tools.errors import ToolError
from tools.paths import CHECKOUT

ARN = "arn:aws:{}:us-east-1:123456789012:{}"
KEY = ARN.format("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")
JWT = {
    "issuer": "https://issuer.example/",
    "audience": ["app"],
    "algorithms": ["RS256"],
    "user_id_claim": "email",
    "leeway": 5,
    "jwks_cache_seconds": 60,
    "allow_insecure_loopback": False,
}
FUNCTION = {
    "memory_size": 512,
    "timeout": 20,
    "reserved_concurrency": 5,
    "provisioned_concurrency": 2,
    "architecture": "x86_64",
    "runtime": "python3.12",
    "environment": {"EXTRA": "1"},
}
CAPACITY = {"read_capacity": 2, "read_capacity_max": 4, "write_capacity": 3, "write_capacity_max": 6}

EVERYTHING: Mapping[str, Any] = {
    "name": "push",
    "tags": {"team": "a"},
    "allowed_origins": ["https://app.example"],
    "client_push": "any",
    "persist_by_default": False,
    "notification_ttl": 60,
    "async_invocation": {"maximum_event_age": 120, "maximum_retry_attempts": 1},
    "push_queue": {
        "batch_size": 20,
        "maximum_batching_window": 2,
        "maximum_concurrency": 3,
        "max_receive_count": 4,
        "source_arns": [ARN.format("sns", "orders")],
    },
    "stage_name": "trial",
    "throttling": {"rate_limit": 5, "burst_limit": 6},
    "functions": {"push": FUNCTION},
    "packages": {
        "poll": {
            "s3_bucket": "packages",
            "s3_key": "poll.zip",
            "s3_object_version": "1",
            "source_code_hash": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        },
        "connect": {"filename": "connect.zip", "source_code_hash": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
    },
    "log_retention_days": 7,
    "log_level": "WARN",
    "metrics_namespace": "Push",
    "alarms": {
        "sns_topic_arns": [ARN.format("sns", "operations")],
        "leave_out": ["faults"],
        "thresholds": {"errors": 3},
    },
    "dashboard": True,
    "tracing": True,
    "deletion_protection": False,
    "point_in_time_recovery": False,
    "table_billing": {
        "mode": "PROVISIONED",
        "clients": CAPACITY,
        "clients_index": {"read_capacity": 2, "write_capacity": 3},
        "notifications": CAPACITY,
        "target_utilization": 50,
    },
    "kms": {"tables_key_arn": KEY, "logs_key_arn": KEY, "queues_key_arn": KEY},
    "vpc": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]},
    "iam_roles": {"path": "/push/", "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/boundary"},
    "access_logs": {"retention_days": 7, "source_ip": True},
    "custom_domain": {
        "domain_name": "push.example.com",
        "certificate_arn": ARN.format("acm", "certificate/1234"),
        "hosted_zone_id": "Z1",
        "mapping_key": "v1",
        "posts": True,
    },
}

WAYS_TO_CONNECT: Mapping[str, Mapping[str, Any]] = {
    "key_set": {"jwt": {**JWT, "jwks_uri": "https://issuer.example/jwks.json"}},
    "secret": {
        "jwt": {
            **JWT,
            "algorithms": ["HS256"],
            "secret_arn": ARN.format("ssm", "parameter/push"),
            "secret_kms_key_arn": KEY,
        }
    },
    "authorizer": {"authorizer": {"function_name": "mine", "function_arn": ARN.format("lambda", "function:mine")}},
    "anonymous": {"allow_anonymous": True},
}

KNOWN_WHEN_PLANNING = {
    "alarms.leave_out",
    "client_push",
    "dashboard",
    "functions.push.runtime",
    "metrics_namespace",
    "table_billing.mode",
}
"""What decides which resources there are, and the runtime, which the provider wants at once."""

Value = str | bool | int | list[Any] | Mapping[str, Any]


def inputs(way: str) -> Mapping[str, Any]:
    """Return every input for a way to connect: the variable of the function that is not there is left out."""
    return {**EVERYTHING, **WAYS_TO_CONNECT[way]}


def members(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every member: maps of strings and lists are one."""
    if isinstance(value, Mapping) and path[-1:] not in (("environment",), ("tags",)):
        for name, member in value.items():
            yield from members(member, (*path, name))
    else:
        yield path


def written(value: Any, source: str, given: frozenset[str], path: tuple[str, ...] = ()) -> str:
    """Write inputs in Terraform's language, those in `given` as they are and the others by an expression."""
    if path and path in set(members(value, path)):
        name = ".".join(path)
        return f"local.everything.{name}" if name in given else source.format(name)
    return (
        "{" + "\n".join(f"{name} = {written(each, source, given, (*path, name))}" for name, each in value.items()) + "}"
    )
