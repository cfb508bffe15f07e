"""Plans of the whole module with the real provider, offline: what a change of sources, folder or input changes.

The mocked plans of `terraform test` do not show the parts' resources under the root module, nor can they edit a file.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.conftest import CHECKOUT
from tools.errors import ToolError
from tools.package_sources import FUNCTIONS
from tools.terraform import Terraform, copy_sources, find_program, terraform_environment

LISTED = json.loads((CHECKOUT / "lambda" / "packages.json").read_text())
PACKAGES = {function: LISTED.get(f"{function}_extended", LISTED[function]) for function in FUNCTIONS}
"""The packages of the plans below, which have topics, inboxes and events."""
CONTENTS = {
    function: {*package["sources"], *([package["requirements"]] if "requirements" in package else [])}
    for function, package in PACKAGES.items()
}
SOURCES = sorted(set.union(*CONTENTS.values()))

# Nothing is asked of AWS: no credentials are checked, no account is looked up, no metadata service is tried.
ROOT = """
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "made-up"
  secret_key                  = "made-up"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}

variable "inputs" {
  type    = any
  default = {}
}

locals {
  events = { event_bus_arn = "arn:aws:events:eu-central-1:123456789012:event-bus/push" }
}

module "push" {
  source = "../"

  jwt                 = lookup(var.inputs, "jwt", { jwks_uri = "https://issuer.example/jwks.json" })
  authorizer          = lookup(var.inputs, "authorizer", null)
  allow_anonymous     = lookup(var.inputs, "allow_anonymous", false)
  allowed_origins     = lookup(var.inputs, "allowed_origins", [])
  name                = lookup(var.inputs, "name", "websocket-push")
  tags                = lookup(var.inputs, "tags", {})
  client_push         = lookup(var.inputs, "client_push", "self")
  persist_by_default  = lookup(var.inputs, "persist_by_default", true)
  notification_ttl    = lookup(var.inputs, "notification_ttl", 604800)
  keepalive           = lookup(var.inputs, "keepalive", {})
  max_frame_kb        = lookup(var.inputs, "max_frame_kb", 32)
  control             = lookup(var.inputs, "control", {})
  topics              = lookup(var.inputs, "topics", {})
  limits              = lookup(var.inputs, "limits", null)
  inbox               = lookup(var.inputs, "inbox", {})
  events              = lookup(var.inputs, "events", local.events)
  async_invocation    = lookup(var.inputs, "async_invocation", {})
  push_queue          = lookup(var.inputs, "push_queue", null)
  stage_name          = lookup(var.inputs, "stage_name", "live")
  throttling          = lookup(var.inputs, "throttling", {})
  functions           = lookup(var.inputs, "functions", {})
  packages            = lookup(var.inputs, "packages", {})
  log_retention_days  = lookup(var.inputs, "log_retention_days", 30)
  log_level           = lookup(var.inputs, "log_level", "INFO")
  metrics_namespace   = lookup(var.inputs, "metrics_namespace", "WebSocketPush")
  alarms              = lookup(var.inputs, "alarms", null)
  dashboard           = lookup(var.inputs, "dashboard", false)
  tracing             = lookup(var.inputs, "tracing", false)
  deletion_protection = lookup(var.inputs, "deletion_protection", true)
}
"""

Values = Mapping[str, dict[str, Any]]
"""What is planned, by address within the module."""


class Checkout:
    """A copy of the module in a folder of its own."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder = copy_sources(folder)
        root = folder / "root"
        root.mkdir()
        (root / "main.tf").write_text(ROOT)
        program = find_program()
        # No Python, nor anything else, is within reach of a plan.
        environment = {**terraform_environment(data, program), "PATH": str(folder / "no-programs-here")}
        self._terraform = Terraform(program, root, data, environment)
        self._terraform.init()

    def plan(self, **inputs: object) -> Values:
        """Plan from nothing, and return the planned resources."""
        plan = self._terraform.data / "plan"
        variable = f"-var=inputs={json.dumps(inputs)}"
        self._terraform.run("plan", "-input=false", "-no-color", f"-out={plan}", variable)
        shown = json.loads(self._terraform.run("show", "-json", str(plan)))
        return dict(_resources(shown["planned_values"]["root_module"]))


def _resources(module: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for resource in module.get("resources", []):
        # Nothing is shown of a resource of which nothing is known yet.
        yield resource["address"].removeprefix("module.push."), resource.get("values", {})
    for child in module.get("child_modules", []):
        yield from _resources(child)


def digests(planned: Values) -> dict[str, str]:
    return {
        function: planned[f'module.lambda.aws_lambda_function.this["{function}"]']["source_code_hash"]
        for function in PACKAGES
    }


def changed(before: Values, after: Values) -> set[str]:
    return {address for address in before.keys() | after.keys() if before.get(address) != after.get(address)}


@pytest.fixture(scope="module")
def make_checkout(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Checkout]:
    def make(name: str) -> Checkout:
        folder = tmp_path_factory.mktemp("checkout")
        return Checkout(folder / name, folder / "data")

    return make


@pytest.fixture(scope="module")
def checkout(make_checkout: Callable[[str], Checkout]) -> Checkout:
    return make_checkout("module")


@pytest.fixture(scope="module")
def planned(checkout: Checkout) -> Values:
    return checkout.plan()


def holders(source: str) -> set[str]:
    return {function for function in PACKAGES if source in CONTENTS[function]}


def representative_sources() -> list[str]:
    """One source held by one function, one by two, and so on; and the file that locks libraries."""
    locks = {package["requirements"] for package in PACKAGES.values() if "requirements" in package}
    return sorted({*{len(holders(source)): source for source in SOURCES}.values(), *locks})


@pytest.mark.parametrize("source", representative_sources())
def test_an_edited_source_changes_only_the_functions_that_hold_it(
    checkout: Checkout, planned: Values, source: str
) -> None:
    file = checkout.folder / "lambda" / source
    before = file.read_bytes()
    file.write_bytes(before + b"\n# edited\n")
    try:
        edited = checkout.plan()
    finally:
        file.write_bytes(before)

    kinds = ("aws_lambda_function.this", "terraform_data.package")
    expected = {f'module.lambda.{kind}["{each}"]' for each in holders(source) for kind in kinds}
    # The tag notes which packages the functions have.
    assert changed(planned, edited) == expected | {"module.lambda.aws_dynamodb_tag.deployed[0]"}
    assert {each for each in PACKAGES if digests(planned)[each] != digests(edited)[each]} == holders(source)


@pytest.mark.parametrize(
    "setting", [{"runtime": "python3.12"}, {"architecture": "x86_64"}], ids=["runtime", "architecture"]
)
def test_only_libraries_depend_on_where_they_run(
    checkout: Checkout, planned: Values, setting: Mapping[str, str]
) -> None:
    changed_digests = digests(checkout.plan(functions=dict.fromkeys(PACKAGES, setting)))
    assert {each for each in PACKAGES if digests(planned)[each] != changed_digests[each]} == {"verify_jwt"}


def test_another_package_format_changes_every_function(checkout: Checkout, planned: Values) -> None:
    builder = checkout.folder / "modules" / "lambda" / "build_package.py"
    before = builder.read_text()
    line = next(line for line in before.splitlines() if line.startswith("PACKAGE_FORMAT = "))
    builder.write_text(before.replace(line, "PACKAGE_FORMAT = 999999"))
    try:
        edited = checkout.plan()
    finally:
        builder.write_text(before)
    assert all(digests(planned)[function] != digests(edited)[function] for function in PACKAGES)


def test_the_same_sources_elsewhere_plan_the_same(make_checkout: Callable[[str], Checkout], planned: Values) -> None:
    """Neither the folder counts, nor a file that no package holds, nor how the builder is written."""
    elsewhere = make_checkout("a folder with spaces")
    (elsewhere.folder / "lambda" / "websocket_push" / "unlisted.py").write_text("unlisted = True\n")
    with (elsewhere.folder / "modules" / "lambda" / "build_package.py").open("a") as builder:
        builder.write("# edited\n")
    assert changed(planned, elsewhere.plan()) == set()


def test_no_folder_of_this_machine_is_planned(checkout: Checkout, planned: Values) -> None:
    assert str(checkout.folder) not in json.dumps(planned)


def test_a_plan_writes_nothing_into_the_module(checkout: Checkout, planned: Values) -> None:
    assert planned
    kept = shutil.ignore_patterns(".terraform.lock.hcl", "__pycache__")
    copy = shutil.copytree(checkout.folder, checkout.folder.parent / "copy", ignore=kept)
    expected = {
        path.relative_to(CHECKOUT) for path in (CHECKOUT / "modules").rglob("*") if "__pycache__" not in str(path)
    }
    assert {path.relative_to(copy) for path in (copy / "modules").rglob("*")} == expected
    assert sorted(path.name for path in (copy / "root").iterdir()) == ["main.tf"]


def test_every_input_reaches_its_resources(make_checkout: Callable[[str], Checkout]) -> None:
    checkout = make_checkout("inputs")
    # While one variable of a function's environment is unknown, the provider shows none of them.
    composition = checkout.folder / "main.tf"
    text = composition.read_text()
    for unknown, known in (
        ("= local.connections_url", '= "https://known"'),
        ("= local.dns_suffix", '= "amazonaws.com"'),
        *(
            (
                f'"https://sqs.${{local.here.region}}.${{local.dns_suffix}}/${{local.here.account_id}}/${{{queue}}}"',
                f'"https://{queue}"',
            )
            for queue in ("local.queue_names.control", "local.queue_names.fanout")
        ),
        (
            '"https://sqs.${local.here.region}.${local.dns_suffix}/${local.here.account_id}/${local.queue_names.events}"',
            '"https://queue"',
        ),
    ):
        assert text.count(unknown) == 1
        text = text.replace(unknown, known)
    composition.write_text(text)

    planned = checkout.plan(
        name="events",
        tags={"team": "a"},
        jwt=None,
        allow_anonymous=True,
        allowed_origins=["https://app.example"],
        packages={"poll": {"s3_bucket": "packages", "s3_key": "poll.zip"}},
        client_push="none",
        persist_by_default=False,
        notification_ttl=60,
        keepalive={"action": "ping", "seconds": 540},
        max_frame_kb=64,
        control={"revocation_ttl": 3600},
        topics={"max_per_connection": 7, "immediate_connections": 300, "broadcast_rate": 1001, "workers": 4},
        limits={
            "connections_per_user": 4,
            "on_excess": "close_oldest",
            "messages_per_second": 7,
            "burst": 9,
        },
        inbox={"state_ttl": 86400},
        events={
            "event_bus_arn": "arn:aws:events:eu-central-1:123456789012:event-bus/push",
            "offline_after": 45,
            "include_content": True,
        },
        async_invocation={"maximum_event_age": 120, "maximum_retry_attempts": 1},
        push_queue={
            "batch_size": 20,
            "maximum_batching_window": 2,
            "maximum_concurrency": 3,
            "max_receive_count": 4,
        },
        stage_name="trial",
        throttling={"rate_limit": 5, "burst_limit": 6, "client_rate_limit": 2, "client_burst_limit": 3},
        functions={"push": {"memory_size": 1024, "timeout": 60}},
        log_retention_days=7,
        log_level="WARN",
        metrics_namespace="Push/Test",
        alarms={"thresholds": {"faults": 3}},
        dashboard=True,
        tracing=True,
        deletion_protection=False,
    )
    push = planned['module.lambda.aws_lambda_function.this["push"]']
    settings = push["environment"][0]["variables"]
    stage = planned["module.websocket_api.aws_apigatewayv2_stage.this"]
    clients = planned["module.dynamodb.aws_dynamodb_table.clients"]

    assert clients["name"] == "events-clients"
    assert clients["deletion_protection_enabled"] is False
    assert push["function_name"] == "events-push"
    assert push["memory_size"] == 1024
    assert push["tracing_config"] == [{"mode": "Active"}]
    assert settings["ALLOW_ANONYMOUS"] == "true"
    connect = planned['module.lambda.aws_lambda_function.this["connect"]']
    assert connect["environment"][0]["variables"]["ALLOWED_ORIGINS"] == '["https://app.example"]'
    limits = connect["environment"][0]["variables"]
    assert (limits["CONNECTIONS_PER_USER"], limits["CLOSE_OLDEST"]) == ("4", "true")
    poll = planned['module.lambda.aws_lambda_function.this["poll"]']
    assert poll["s3_bucket"] == "packages"
    told = poll["environment"][0]["variables"]
    assert (told["MESSAGES_PER_SECOND"], told["MESSAGE_BURST"]) == ("7", "9")
    assert (told["KEEPALIVE_ACTION"], told["KEEPALIVE_SECONDS"]) == ("ping", "540")
    assert settings["MAX_FRAME_BYTES"] == told["MAX_FRAME_BYTES"] == str(64 * 1024)
    assert settings["REVOCABLE"] == told["REVOCABLE"] == "true"
    control = planned['module.lambda.aws_lambda_function.this["control"]']["environment"][0]["variables"]
    assert control["REVOCATION_TTL"] == "3600"
    fanout, subscriptions = (
        planned[f'module.lambda.aws_lambda_function.this["{key}"]']["environment"][0]["variables"]
        for key in ("fanout", "subscriptions")
    )
    assert (settings["FANOUT_SEGMENTS"], settings["IMMEDIATE_CONNECTIONS"]) == ("4", "300")
    assert settings["FANOUT_QUEUE_URL"] == fanout["FANOUT_QUEUE_URL"] == "https://local.queue_names.fanout"
    assert (fanout["POSTS_PER_SECOND"], subscriptions["MAX_TOPICS_PER_CONNECTION"]) == ("250", "7")
    assert planned["module.queues.aws_lambda_event_source_mapping.fanout[0]"]["scaling_config"] == [
        {"maximum_concurrency": 4}
    ]
    mark = planned['module.lambda.aws_lambda_function.this["mark"]']["environment"][0]["variables"]
    assert mark["INBOX_TTL"] == control["INBOX_TTL"] == "86400"
    assert mark["MESSAGES_PER_SECOND"] == "7"
    events = planned['module.lambda.aws_lambda_function.this["events"]']["environment"][0]["variables"]
    assert events["EVENT_BUS_ARN"] == "arn:aws:events:eu-central-1:123456789012:event-bus/push"
    assert events["OFFLINE_AFTER"] == "45"
    assert settings["EVENTS_INCLUDE_CONTENT"] == "true"
    assert clients["stream_view_type"] == "NEW_AND_OLD_IMAGES"
    assert not [address for address in planned if "authorizer" in address or "verify_jwt" in address]
    assert settings["CLIENT_PUSH"] == "none"
    assert 'module.websocket_api.aws_lambda_permission.route["push"]' not in planned
    assert settings["PERSIST_BY_DEFAULT"] == "false"
    assert settings["NOTIFICATION_TTL"] == "60"
    assert settings["CLIENTS_TABLE"] == "events-clients"
    assert settings["CLIENTS_INDEX"] == "userId-index"
    assert settings["NOTIFICATIONS_TABLE"] == "events-notifications"
    assert planned['module.lambda.aws_cloudwatch_log_group.this["push"]']["retention_in_days"] == 7
    assert settings["LOG_LEVEL"] == "WARN"
    assert (settings["METRICS_NAMESPACE"], settings["METRICS_NAME"]) == ("Push/Test", "events")
    faults = planned['module.monitoring.aws_cloudwatch_metric_alarm.this["faults"]']
    assert (faults["alarm_name"], faults["namespace"], faults["threshold"]) == ("events-faults", "Push/Test", 3)
    assert faults["dimensions"] == {"Name": settings["METRICS_NAME"]}
    duration = planned['module.monitoring.aws_cloudwatch_metric_alarm.this["push_duration"]']
    assert duration["threshold"] == 800 * push["timeout"]  # 80 % of it, in milliseconds
    assert planned["module.monitoring.aws_cloudwatch_dashboard.this[0]"]["dashboard_name"] == "events"
    assert planned["module.api.aws_apigatewayv2_api.this"]["name"] == "events"
    assert stage["name"] == "trial"
    assert stage["default_route_settings"][0]["throttling_rate_limit"] == 5
    assert stage["default_route_settings"][0]["throttling_burst_limit"] == 6
    assert {
        each["route_key"]: (each["throttling_rate_limit"], each["throttling_burst_limit"])
        for each in stage["route_settings"]
    } == dict.fromkeys(("mark", "poll", "push", "subscribe", "unsubscribe"), (2, 3))
    asynchronous = planned["module.queues.aws_lambda_function_event_invoke_config.push"]
    assert asynchronous["maximum_event_age_in_seconds"] == 120
    assert asynchronous["maximum_retry_attempts"] == 1
    mapping = planned["module.queues.aws_lambda_event_source_mapping.push[0]"]
    assert (mapping["batch_size"], mapping["maximum_batching_window_in_seconds"]) == (20, 2)
    assert mapping["scaling_config"] == [{"maximum_concurrency": 3}]
    assert planned["module.queues.aws_sqs_queue.push[0]"]["name"] == "events-push"
    assert planned["module.queues.aws_sqs_queue.push[0]"]["visibility_timeout_seconds"] == 6 * 60 + 2
    assert "module.queues.aws_sqs_queue_redrive_policy.push[0]" in planned
    tagged = {address: values["tags"] for address, values in planned.items() if "tags" in values}
    assert {address.split(".")[2] for address in tagged} == {
        "aws_apigatewayv2_api",
        "aws_apigatewayv2_stage",
        "aws_cloudwatch_log_group",
        "aws_cloudwatch_metric_alarm",
        "aws_dynamodb_table",
        "aws_iam_role",
        "aws_lambda_event_source_mapping",
        "aws_lambda_function",
        "aws_sqs_queue",
    }
    assert all(tags["team"] == "a" for tags in tagged.values())


# --- Where push requests come from


def test_no_push_queue_is_planned_unless_it_is_asked_for(planned: Values) -> None:
    queues = {address for address in planned if address.startswith("module.queues.aws_sqs_queue.")}
    names = (
        "dead_letter",
        "control[0]",
        *(f"{name}{of}[0]" for name in ("fanout", "events") for of in ("", "_dead_letter")),
    )
    assert queues == {f"module.queues.aws_sqs_queue.{name}" for name in names}
    mappings = {address for address in planned if "event_source_mapping" in address}
    others = ("control", "events", "fanout", "stream")
    assert mappings == {f"module.queues.aws_lambda_event_source_mapping.{name}[0]" for name in others}


@pytest.mark.parametrize(
    ("name", "words"),
    [("control", ["control"]), ("topics", ["fanout", "subscri"]), ("inbox", ["mark"]), ("events", ["events"])],
)
def test_nothing_of_an_input_is_planned_unless_it_is_asked_for(checkout: Checkout, name: str, words: list[str]) -> None:
    planned = checkout.plan(**{name: None})
    assert not [address for address in planned if any(word in address for word in words)]


def test_without_events_the_clients_table_has_no_stream(checkout: Checkout) -> None:
    assert not checkout.plan(events=None)["module.dynamodb.aws_dynamodb_table.clients"]["stream_enabled"]


def test_the_push_function_has_what_optional_inputs_need_only_with_them(checkout: Checkout, planned: Values) -> None:
    without = checkout.plan(topics=None, inbox=None, events=None)
    assert digests(planned)["push"] != without['module.lambda.aws_lambda_function.this["push"]']["source_code_hash"]
    assert set(LISTED["push"]["sources"]) < set(LISTED["push_extended"]["sources"])


def test_topics_and_rules_may_be_made_in_the_same_apply(checkout: Checkout) -> None:
    root = checkout.folder / "root" / "main.tf"
    before = root.read_text()
    given = 'lookup(var.inputs, "push_queue", null)'
    assert before.count(given) == 1
    made = 'resource "aws_sns_topic" "made" {\n  name = "made"\n}\n'
    root.write_text(before.replace(given, "{ source_arns = [aws_sns_topic.made.arn] }") + made)
    try:
        planned = checkout.plan()
    finally:
        root.write_text(before)
    assert "module.queues.aws_sqs_queue.push[0]" in planned


# --- Who may connect

AUTHORIZER = 'module.websocket_api.aws_apigatewayv2_authorizer.this["$connect"]'
ROUTE = 'module.websocket_api.aws_apigatewayv2_route.this["$connect"]'


def test_tokens_are_verified_before_a_client_connects(planned: Values) -> None:
    assert (
        planned['module.lambda.aws_lambda_function.this["verify_jwt"]']["function_name"] == "websocket-push-verify-jwt"
    )
    assert planned[AUTHORIZER]["authorizer_type"] == "REQUEST"
    assert planned[ROUTE]["authorization_type"] == "CUSTOM"
    assert 'module.websocket_api.aws_lambda_permission.authorizer["$connect"]' in planned


def test_a_function_of_the_users_own_is_asked(checkout: Checkout) -> None:
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:mine"
    planned = checkout.plan(jwt=None, authorizer={"function_name": "mine", "function_arn": arn})
    assert planned[ROUTE]["authorization_type"] == "CUSTOM"
    assert planned['module.websocket_api.aws_lambda_permission.authorizer["$connect"]']["function_name"] == arn
    assert not [address for address in planned if "verify_jwt" in address]


def test_the_refusal_shows_what_to_write(checkout: Checkout) -> None:
    with pytest.raises(ToolError) as refusal:
        checkout.plan(jwt=None)
    # Terraform may break lines.
    said = " ".join(str(refusal.value).replace("│", " ").split())
    for form in (
        'jwt = { issuer = "https://issuer.example", jwks_uri = "https://issuer.example/.well-known/jwks.json" }',
        'authorizer = { function_name = "my-authorizer", function_arn = aws_lambda_function.my_authorizer.arn }',
        "allow_anonymous = true",
    ):
        assert form in said


@pytest.mark.parametrize(
    "jwt",
    [
        "{ issuer = terraform_data.made.id, jwks_uri = terraform_data.made.id }",
        "{ secret_arn = terraform_data.made.id, secret_kms_key_arn = terraform_data.made.id }",
    ],
    ids=["issuer", "secret"],
)
def test_what_is_made_in_the_same_apply_is_not_known_yet(checkout: Checkout, jwt: str) -> None:
    """A user pool or a secret in the same configuration has no address before it exists."""
    root = checkout.folder / "root" / "main.tf"
    before = root.read_text()
    given = 'lookup(var.inputs, "jwt", { jwks_uri = "https://issuer.example/jwks.json" })'
    assert before.count(given) == 1
    root.write_text(before.replace(given, jwt) + 'resource "terraform_data" "made" {}\n')
    try:
        planned = checkout.plan()
    finally:
        root.write_text(before)
    assert 'module.lambda.aws_lambda_function.this["verify_jwt"]' in planned
    assert AUTHORIZER in planned
