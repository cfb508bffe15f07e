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
    sender = Sender({"lambda": client("lambda")}, task["outputs"])
    users, start = task["users"], int(task["start"] * 1000)
    for number, ticket in enumerate(task["tickets"]):
        moment = start + number * _INTERVAL_MILLISECONDS
        time.sleep(max(0.0, moment / 1000 - time.time()))
        sender.push([users[number % len(users)]], notification_id=new_id(moment + task["ahead"]), ticket=ticket)
    tickets = {ticket: sorted(to) for ticket, to in sender.tickets.items()}
    sys.stdout.write(json.dumps({"tickets": tickets, "reports": sender.reports}))


if __name__ == "__main__":
    main()
