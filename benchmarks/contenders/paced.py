"""Pushes to users at a steady pace, by the function push: `python -m benchmarks.contenders.paced COUNT INTERVAL`.

It prints a JSON object: `milliseconds`, one for each push, from when it was due until the function had answered, so one
that makes the next ones late counts for these as well; and how many posts were `missed`.
"""

import contextlib
import io
import json
import sys
import time
from typing import Any

from benchmarks.contenders.harness import NOTIFICATION, PACED_CONNECTIONS, PACED_WARM
from benchmarks.contenders.worker import Context
from benchmarks.stub.answers import user_name
from websocket_push.handlers import push


class Patient(Context):
    """What Lambda passes to a handler, with as much time as the function push has."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        return 30_000


def main() -> None:
    """Push, and print how long each push took."""
    count, interval = int(sys.argv[1]), float(sys.argv[2])
    taken, missed = [], 0
    started = time.monotonic() + interval
    for number in range(-PACED_WARM, count):
        due = started + (number + PACED_WARM) * interval
        time.sleep(max(0.0, due - time.monotonic()))
        failed = _push(number)
        if number >= 0:
            taken.append((time.monotonic() - due) * 1000)
            missed += failed
    print(json.dumps({"milliseconds": taken, "missed": missed}))


def _push(number: int) -> int:
    """Push to a user; return how many connections it did not reach."""
    request = {"userId": user_name(PACED_CONNECTIONS, number), "content": json.loads(NOTIFICATION)}
    with contextlib.redirect_stdout(io.StringIO()):
        report: Any = push.handler(request, Patient())
    if "totals" not in report or report["totals"]["connections"] != PACED_CONNECTIONS:
        raise RuntimeError(f"not pushed: {report}")
    return PACED_CONNECTIONS - int(report["totals"]["delivered"])


if __name__ == "__main__":
    main()
