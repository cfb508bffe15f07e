"""The delivery engine of this project, as the push function uses it."""

import os
import random
import time
from collections.abc import Sequence

from benchmarks.contenders import harness
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.management import Management
from websocket_push.aws.prepared import PreparingDynamoDB
from websocket_push.protocol.identifiers import RANDOM_BYTES, new_notification_id
from websocket_push.push.delivery import Delivery
from websocket_push.push.posting import Clocks
from websocket_push.push.refusals import Refusals
from websocket_push.tables.clients import Clients
from websocket_push.tables.notifications import Notification
from websocket_push.tables.storing import Notifications

_SECONDS = 600.0


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


def main() -> None:
    """Do the tasks of the command line."""
    sender = ConcurrentSender(os.environ)
    dynamodb = PreparingDynamoDB(sender)
    clients = Clients(dynamodb, os.environ["CLIENTS_TABLE"], os.environ["CLIENTS_INDEX"])
    notifications = Notifications(os.environ["NOTIFICATIONS_TABLE"])
    management = Management(sender, os.environ["CONNECTIONS_URL"])
    ttl = int(os.environ["NOTIFICATION_TTL"])

    async def push(users: Sequence[str]) -> int:
        until = time.monotonic() + _SECONDS
        delivery = Delivery(
            dynamodb,
            clients,
            notifications,
            management,
            notification=Notification(
                new_notification_id(time.time_ns(), os.urandom(RANDOM_BYTES)), harness.NOTIFICATION
            ),
            stored_until=_milliseconds() // 1000 + ttl,
            clocks=Clocks(now=_milliseconds, posts_until=until, closes_until=until),
            random=random.random,
            refusals=Refusals(),
        )
        return sum(outcome.delivered for outcome in await delivery.run(users) if outcome.persisted)

    harness.run_async(push)


if __name__ == "__main__":
    main()
