"""A backend in a process of its own, with a clock of its own: `python -m tests.chaos.pusher TASK`, TASK as JSON.

It pushes at a timetable that another process may keep to as well, with ids by its own clock, and prints as JSON what
was accepted.
"""

import json
import sys
import time
from pathlib import Path

from tests.chaos.backend import Sender, new_id
from tools.aws import clients
from tools.emulator.server import Emulator

_INTERVAL_MILLISECONDS = 40


def main() -> None:
    """Push."""
    task = json.loads(sys.argv[1])
    client = clients(Emulator(task["port"], Path(), Path()))
    listeners = {topic: frozenset(users) for topic, users in task["listeners"].items()}
    sender = Sender({"lambda": client("lambda")}, task["outputs"], listeners)
    addresses, start = task["addresses"], int(task["start"] * 1000)
    for number, ticket in enumerate(task["tickets"]):
        moment = start + number * _INTERVAL_MILLISECONDS
        time.sleep(max(0.0, moment / 1000 - time.time()))
        to, notification_id = addresses[number % len(addresses)], new_id(moment + task["ahead"])
        if isinstance(to, str):
            sender.publish(to, notification_id=notification_id, ticket=ticket)
        else:
            sender.push(to, notification_id=notification_id, ticket=ticket)
    tickets = {ticket: sorted(to) for ticket, to in sender.tickets.items()}
    sys.stdout.write(json.dumps({"tickets": tickets, "reports": sender.reports}))


if __name__ == "__main__":
    main()
