"""The fan-out worker's engine of this project, on all connections of a table that the stub makes up."""

import os
import random
import time
from collections.abc import Sequence

from benchmarks.contenders import harness
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.aws.management import Management
from websocket_push.protocol.identifiers import RANDOM_BYTES, new_notification_id
from websocket_push.push.fan_out import Means, spread
from websocket_push.push.posting import Clocks
from websocket_push.push.refusals import Refusals
from websocket_push.push.schedule import Schedule
from websocket_push.tables.audience import Audience, Share
from websocket_push.tables.clients import Clients
from websocket_push.tables.notifications import Notification

_SECONDS = 3600.0
_UNBOUNDED = 1e9
"""Posts per second: what is measured is the engine, not the rate that it is held to."""


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


def main() -> None:
    """Do the tasks of the command line; the user of each names the table."""
    sender = ConcurrentSender(os.environ)
    dynamodb = DynamoDB(sender)
    management = Management(sender, os.environ["CONNECTIONS_URL"])

    async def push(users: Sequence[str]) -> int:
        (table,) = users
        until = time.monotonic() + _SECONDS
        outcome, _ = await spread(
            Means(
                audience=Audience(dynamodb, subscriptions="subscriptions", clients=table),
                clients=Clients(dynamodb, table),
                management=management,
                clocks=Clocks(now=_milliseconds, posts_until=until, closes_until=until),
                random=random.random,
                refusals=Refusals(),
            ),
            Share("*"),
            Notification(new_notification_id(time.time_ns(), os.urandom(RANDOM_BYTES)), harness.NOTIFICATION),
            after="",
            persisted=True,
            schedule=Schedule(_UNBOUNDED),
            until=until,
        )
        return outcome.delivered

    harness.run_async(push)


if __name__ == "__main__":
    main()
