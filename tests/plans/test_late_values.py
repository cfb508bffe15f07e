"""Every input may be sensitive, or known only after something else is applied; few must be known when planning.

One configuration calls the module several times, with every member of every input made sensitive, or taken from a
resource that does not exist yet, or both.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.plans.roots import PROVIDER, Change, make_root, plan
from tools.errors import ToolError
from tools.paths import CHECKOUT
from tools.readme_tables import declared
from tools.terraform import Terraform

ARN = "arn:aws:{}:us-east-1:123456789012:{}"
KEY = ARN.format("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")
JWT = {
    "issuer": "https://issuer.example/",
    "audience": ["app"],
    "algorithms": ["RS256"],
    "user_id_claim": "email",
    "topics_claim": "topics",
    "leeway": 5,
    "jwks_cache_seconds": 60,
    "allow_insecure_loopback": False,
    "token_use": "access",
    "typ": "at+jwt",
    "additional_issuers": [
        {
            "issuer": "second",
            "audience": ["app"],
            "jwks_uri": "https://second.example/jwks.json",
            "algorithms": ["RS256"],
            "user_id_claim": "sub",
            "topics_claim": "scope",
            "token_use": "id",
            "typ": "JWT",
        },
        {"issuer": "third", "secret_arn": ARN.format("ssm", "parameter/third"), "secret_kms_key_arn": KEY},
    ],
}
FUNCTION = {
    "memory_size": 512,
    "timeout": 20,
    "reserved_concurrency": 10,
    "provisioned_concurrency": 2,
    "architecture": "x86_64",
    "runtime": "python3.12",
    "environment": {"EXTRA": "1"},
}
LATER = {name: value for name, value in FUNCTION.items() if name != "runtime"}
CAPACITY = {"read_capacity": 2, "read_capacity_max": 4, "write_capacity": 3, "write_capacity_max": 6}

EVERYTHING: Mapping[str, Any] = {
    "name": "push",
    "tags": {"team": "a"},
    "allowed_origins": ["https://app.example"],
    "client_push": "any",
    "persist_by_default": False,
    "notification_ttl": 60,
    "keepalive": {"action": "ping", "seconds": 300},
    "max_frame_kb": 64,
    "events": {"event_bus_arn": ARN.format("events", "event-bus/push"), "offline_after": 60, "include_content": True},
    "inbox": {"state_ttl": 90000},
    "limits": {"connections_per_user": 5, "on_excess": "close_oldest", "messages_per_second": 5, "burst": 10},
    "async_invocation": {"maximum_event_age": 120, "maximum_retry_attempts": 1},
    "push_queue": {
        "batch_size": 20,
        "maximum_batching_window": 2,
        "maximum_concurrency": 3,
        "max_receive_count": 4,
        "source_arns": [ARN.format("sns", "orders")],
    },
    "control": {"revocation_ttl": 3600},
    "topics": {"max_per_connection": 5, "immediate_connections": 100, "broadcast_rate": 900, "workers": 3},
    "stage_name": "trial",
    "throttling": {"rate_limit": 5, "burst_limit": 6, "client_rate_limit": 2, "client_burst_limit": 3},
    "functions": {"push": FUNCTION, **dict.fromkeys(("control", "events", "fanout", "mark", "subscriptions"), LATER)},
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
        "subscriptions": CAPACITY,
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

KNOWN_WHEN_PLANNING: Mapping[str, str] = {
    "alarms.leave_out": "metrics_namespace and alarms.leave_out must be known when planning",
    "client_push": "client_push must be known when planning",
    "dashboard": "dashboard must be known when planning",
    "functions.push.runtime": "runtime must be known when planning",
    "metrics_namespace": "metrics_namespace and alarms.leave_out must be known when planning",
    "table_billing.clients.read_capacity": "read_capacity and write_capacity must be known when planning",
    "table_billing.clients.write_capacity": "read_capacity and write_capacity must be known when planning",
    "table_billing.mode": "table_billing.mode must be known when planning",
    "table_billing.notifications.read_capacity": "read_capacity and write_capacity must be known when planning",
    "table_billing.notifications.write_capacity": "read_capacity and write_capacity must be known when planning",
    "table_billing.subscriptions.read_capacity": "read_capacity and write_capacity must be known when planning",
    "table_billing.subscriptions.write_capacity": "read_capacity and write_capacity must be known when planning",
}
"""What decides which resources there are, and what the provider wants at once; with what the plan says."""

KNOWN_AS_A_WHOLE = {"alarms", "functions", "packages"} | {path.split(".")[0] for path in KNOWN_WHEN_PLANNING}
"""Inputs that have such a member, and maps whose keys say what there is."""

SENSITIVE = "sensitive(local.everything.{})"
LATE = "terraform_data.late.output.{}"
BOTH = f"sensitive({LATE})"


def inputs(way: str) -> Mapping[str, Any]:
    """Return every input for one way to connect."""
    return {**EVERYTHING, **WAYS_TO_CONNECT[way]}


def members(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every member; a map of strings and a list are one."""
    if not isinstance(value, Mapping) or path.endswith(("tags", "environment")):
        yield path
        return
    for name, member in value.items():
        yield from members(member, f"{path}.{name}".lstrip("."))


def written(value: Any, source: str, known: Mapping[str, str], path: str = "") -> str:
    """Write inputs in Terraform's language: members in `known` by their values, the others by the source."""
    if [*members(value, path)] == [path]:
        return f"local.everything.{path}" if path in known else source.format(path)
    lines = (f"{name} = {written(each, source, known, f'{path}.{name}'.lstrip('.'))}" for name, each in value.items())
    return "{{\n{}\n}}".format("\n".join(lines))


def call(name: str, given: str) -> str:
    return f'module "{name}" {{\n  source = "../"\n{given.strip().removeprefix("{").removesuffix("}")}\n}}\n'


def configured(folder: Path, way: str, calls: Mapping[str, str]) -> Terraform:
    """Make a root module that has the inputs as local values, and a resource that will have them after apply."""
    terraform = make_root(folder, {"provider": {"aws": PROVIDER}})
    everything = json.dumps(inputs(way))
    late = 'resource "terraform_data" "late" {\n  input = local.everything\n}\n'
    text = f"locals {{\n  everything = {everything}\n}}\n{late}" + "".join(
        call(name, given) for name, given in calls.items()
    )
    (terraform.root / "calls.tf").write_text(text)
    terraform.init()
    return terraform


@pytest.mark.parametrize("way", sorted(WAYS_TO_CONNECT))
def test_all_may_be_sensitive_and_nearly_all_unknown(tmp_path: Path, way: str) -> None:
    """Every member by itself, and every input as a whole."""
    calls = {
        "sensitive": written(inputs(way), SENSITIVE, {}),
        "late": written(inputs(way), LATE, KNOWN_WHEN_PLANNING),
        "both": written(inputs(way), BOTH, KNOWN_WHEN_PLANNING),
        "sensitive_as_a_whole": whole(way, SENSITIVE, known=set()),
        "late_as_a_whole": whole(way, LATE, known=KNOWN_AS_A_WHOLE),
        "both_as_a_whole": whole(way, BOTH, known=KNOWN_AS_A_WHOLE),
    }
    plain = written(inputs(way), SENSITIVE, every_member(way))
    changes = plan(configured(tmp_path, way, {"plain": plain, **calls}))
    for name in calls:
        assert addresses(changes, name) == addresses(changes, "plain"), name


def addresses(changes: Mapping[str, Change], name: str) -> set[str]:
    return {address.split(".", 2)[2] for address in changes if address.startswith(f"module.{name}.")}


def whole(way: str, source: str, known: set[str]) -> str:
    """Write each input as one value: those in `known` as they are, the others by the source."""
    return "\n".join(
        f"{name} = {f'local.everything.{name}' if name in known else source.format(name)}" for name in inputs(way)
    )


def every_member(way: str) -> dict[str, str]:
    return dict.fromkeys(members(inputs(way)), "")


def test_what_must_be_known_says_so(tmp_path: Path) -> None:
    """A call for each such member, which is late while all others are known."""
    way = "anonymous"
    calls = {
        member.replace(".", "_"): written(
            inputs(way), LATE, {each: "" for each in members(inputs(way)) if each != member}
        )
        for member in KNOWN_WHEN_PLANNING
    }
    with pytest.raises(ToolError) as refusal:
        plan(configured(tmp_path, way, calls))
    said = " ".join(str(refusal.value).replace("│", " ").split())
    for member, message in KNOWN_WHEN_PLANNING.items():
        assert message in said, member


def test_a_message_about_sensitive_settings_is_shown(tmp_path: Path) -> None:
    """Terraform hides a message that is made of something sensitive, and warns of it in each plan."""
    calls = {
        "push": 'allow_anonymous = true\nfunctions = sensitive({ push = { environment = { LOG_LEVEL = "INFO" } } })'
    }
    with pytest.raises(ToolError) as refusal:
        plan(configured(tmp_path, "anonymous", calls))
    said = " ".join(str(refusal.value).replace("│", " ").split())
    assert "functions.push.environment sets what the module sets itself: LOG_LEVEL." in said


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of all members, also within lists, whose elements are one."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield f"{path}.{name}".lstrip(".")
            yield from paths(member, f"{path}.{name}".lstrip("."))
    if isinstance(value, list):
        for member in value:
            yield from paths(member, path)


def declared_paths(kind: str) -> Iterator[str]:
    """Yield the paths of all members of a type, as Terraform writes it; an object in a map or in a list is one."""
    around: list[str] = []
    name = ""
    for token in re.findall(r"\w+ = |[{}]", kind):
        if token == "{":
            around.append(name)
        elif token == "}":
            around.pop()
        else:
            name = token.removesuffix(" = ")
            yield ".".join([*filter(None, around), name])


def test_no_input_and_no_member_is_left_out() -> None:
    """By its path: a name that an outer object has as well is another member."""
    tried: dict[str, set[str]] = {}
    for way in WAYS_TO_CONNECT:
        for name, each in inputs(way).items():
            # The members of a map are its keys, and their members those that the type declares.
            values = list(each.values()) if name in ("functions", "packages") else each
            tried.setdefault(name, set()).update(paths(values))
    thresholds = re.compile(r"thresholds = .*?\}\)")
    for variable in declared(CHECKOUT / "variables.tf"):
        if variable.name == "packages_folder":  # Needs a release: see test_released.py.
            continue
        assert {*declared_paths(thresholds.sub("", variable.type))} <= tried[variable.name], variable.name


def test_a_member_that_was_not_tried_is_noticed() -> None:
    kind = (
        "object({ a = optional(list(object({ a = string b = optional(object({ c = number }), {}) })), []) d = bool })"
    )
    assert [*declared_paths(kind)] == ["a", "a.a", "a.b", "a.b.c", "d"]
    assert {*paths({"a": [{"a": "x"}, {"b": {}}], "d": True})} == {"a", "a.a", "a.b", "d"}
