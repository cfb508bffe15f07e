"""Mutation tests: changes the sources, one place at a time, and sees whether a test fails each time.

`python3 -m tools.mutation` with the names of parts of the package (such as push or tables/clients.py) works in a copy
of the checkout, so that an interrupted run leaves no change behind.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tools.environments import FOLDERS
from tools.paths import CHECKOUT, executable
from tools.processes import end_on_signals

PACKAGE = Path("lambda", "websocket_push")

PARTS = (
    *("push", "tables", "history.py", "logs.py", "authorization.py", "listening.py", "marking.py"),
    *("control", "events", "protocol/inbox.py", "protocol/segment.py", "handlers"),
)
"""What is changed if nothing is named."""

TESTS = {
    "push/delivery.py": ("tests/unit/push/test_delivery.py", "tests/unit/push/test_delivery_over_sockets.py"),
    "push/fan_out.py": ("tests/unit/push/test_fan_out.py",),
    "push/intake.py": ("tests/unit/push/test_intake.py", "tests/handlers/test_push_queue.py"),
    "push/outcome.py": ("tests/unit/push/test_report.py", "tests/unit/push/test_delivery.py"),
    "push/posting.py": ("tests/unit/push/test_delivery.py", "tests/unit/push/test_delivery_over_sockets.py"),
    "push/retrying.py": ("tests/unit/push/test_delivery.py", "tests/unit/push/test_delivery_over_sockets.py"),
    "push/refusals.py": ("tests/unit/push/test_refusals.py",),
    "push/report.py": ("tests/unit/push/test_report.py",),
    "push/schedule.py": ("tests/unit/push/test_fan_out.py",),
    "push/topic_push.py": ("tests/unit/push/test_topic_push.py", "tests/handlers/test_topics.py"),
    "push/undelivered.py": ("tests/unit/push/test_undelivered.py", "tests/handlers/test_events.py"),
    "push/window.py": ("tests/unit/push/test_window.py", "tests/unit/push/test_delivery.py"),
    "push": ("tests/unit/push", "tests/handlers/test_push.py", "tests/handlers/test_push_queue.py"),
    "tables/audience.py": ("tests/unit/tables/test_audience.py", "tests/handlers/test_topics.py"),
    "tables/inboxes.py": ("tests/unit/tables/test_inboxes.py", "tests/handlers/test_mark.py"),
    "tables/tracking.py": ("tests/unit/tables/test_tracking.py", "tests/handlers/test_events.py"),
    "tables": ("tests/unit/push", "tests/unit/test_history.py", "tests/handlers"),
    "history.py": ("tests/unit/test_history.py",),
    "logs.py": ("tests/unit/test_logs.py",),
    "listening.py": ("tests/handlers/test_subscriptions.py",),
    "marking.py": ("tests/unit/test_marking.py", "tests/handlers/test_mark.py"),
    "control/connection_limit.py": ("tests/handlers/test_limits.py", "tests/unit/control/test_connection_limit.py"),
    "control": ("tests/unit/control", "tests/handlers/test_control.py"),
    "events": ("tests/unit/test_changes.py", "tests/handlers/test_events.py"),
    "protocol/inbox.py": ("tests/unit/protocol/test_inbox.py",),
    "protocol/segment.py": ("tests/unit/protocol/test_segment.py",),
    "authorization.py": ("tests/unit/test_authorization.py",),
    "handlers/connect.py": ("tests/handlers/test_connect.py", "tests/handlers/test_limits.py"),
    "handlers/disconnect.py": ("tests/handlers/test_disconnect.py", "tests/handlers/test_subscriptions.py"),
    "handlers/control.py": (
        "tests/handlers/test_control.py",
        "tests/handlers/test_mark.py",
        "tests/handlers/test_events.py",
    ),
    "handlers/events.py": ("tests/handlers/test_events.py",),
    "handlers/fanout.py": ("tests/unit/test_fanout.py", "tests/handlers/test_topics.py"),
    "handlers/mark.py": ("tests/handlers/test_mark.py", "tests/handlers/test_limits.py"),
    "handlers/poll_inbox.py": ("tests/unit/test_poll_inbox.py", "tests/handlers/test_mark.py"),
    "handlers/poll_topics.py": ("tests/handlers/test_subscriptions.py",),
    "handlers/poll.py": ("tests/handlers/test_poll.py", "tests/handlers/test_subscriptions.py"),
    "handlers/push.py": ("tests/handlers/test_push.py", "tests/handlers/test_push_queue.py"),
    "handlers/push_queue.py": ("tests/handlers/test_push_queue.py",),
    "handlers/push_route.py": ("tests/unit/test_pushing.py", "tests/handlers/test_push.py"),
    "handlers/pushing.py": (
        *("tests/unit/test_pushing.py", "tests/handlers/test_push.py", "tests/handlers/test_push_queue.py"),
        *("tests/handlers/test_topics.py", "tests/handlers/test_replacing.py", "tests/handlers/test_events.py"),
    ),
    "handlers/subscriptions.py": ("tests/handlers/test_subscriptions.py", "tests/handlers/test_limits.py"),
    "handlers/verify_jwt.py": ("tests/handlers/test_verify_jwt.py",),
    "handlers": ("tests/handlers",),
}
"""The tests that have to notice a change, by the part that is changed; of several that name it, the first counts."""

TIMEOUT_SECONDS = 300
"""How long the tests of a part may take with a change in it. What makes them hang has been noticed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Change each of the parts that are named, or all, and print what no test noticed and the score."""
    parser = argparse.ArgumentParser(prog="python3 -m tools.mutation")
    parser.add_argument("parts", nargs="*", help="files and folders of the package; all that are tested if left out")
    parts = parser.parse_args(arguments).parts
    with tempfile.TemporaryDirectory(prefix="mutation-") as name:
        copy = Path(name) / "checkout"
        shutil.copytree(CHECKOUT, copy, ignore=shutil.ignore_patterns(".*", "node_modules", "dist"))
        for file in files(parts or PARTS):
            _mutate(copy, file)
    return 0


def files(parts: Iterable[str]) -> list[str]:
    """List the files of parts of the package, each once."""
    package = CHECKOUT / PACKAGE
    found = (file for part in parts for file in [package / part, *(package / part).rglob("*.py")] if file.is_file())
    return [file.relative_to(package).as_posix() for file in dict.fromkeys(found) if file.name != "__init__.py"]


def _mutate(copy: Path, part: str) -> None:
    session, settings = copy / "session.sqlite", copy / "mutation.toml"
    session.unlink(missing_ok=True)
    settings.write_text(configuration(part), encoding="utf-8")
    tool = FOLDERS["mutation"]
    for command in (("cosmic-ray", "init", settings, session), ("cosmic-ray", "exec", settings, session)):
        subprocess.run([executable(tool, command[0]), *command[1:]], cwd=copy, check=True)
    for report in (("cr-report", "--surviving-only", "--show-diff"), ("cr-rate",)):
        subprocess.run([executable(tool, report[0]), *report[1:], session], cwd=copy, check=True)
    sys.stdout.flush()


def configuration(part: str) -> str:
    """Write cosmic-ray's settings for a part of the package."""
    tests = next(chosen for name, chosen in TESTS.items() if part == name or part.startswith(f"{name}/"))
    python = executable(FOLDERS["dev"], "python")
    command = f"{python} -m pytest --quiet --exitfirst -p no:terraform -p no:cacheprovider {' '.join(tests)}"
    return f"""[cosmic-ray]
module-path = "{(PACKAGE / part).as_posix()}"
timeout = {TIMEOUT_SECONDS}
test-command = "{command}"

[cosmic-ray.distributor]
name = "local"
"""


if __name__ == "__main__":
    end_on_signals()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
