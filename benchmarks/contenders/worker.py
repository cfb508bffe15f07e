"""A fan-out worker: the function fanout, with a segment that holds all connections of a table that the stub makes up.

`python -m benchmarks.contenders.worker TABLE POSTS_PER_SECOND`; the environment is that of the function. It prints what
the function logs: one line, when the segment is finished.
"""

import os
import sys
import time

from benchmarks.contenders.harness import NOTIFICATION
from websocket_push.handlers import fanout
from websocket_push.protocol.identifiers import RANDOM_BYTES, new_notification_id
from websocket_push.protocol.segment import Segment, segment_text

MILLISECONDS = 600_000


class Context:
    """What Lambda passes to a handler, with time enough for the whole segment."""

    aws_request_id = "8f5d7f0e-6c1b-4f57-9d3e-0a1b2c3d4e5f"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        return MILLISECONDS


def main() -> None:
    """Send to the connections of the table."""
    table, rate = sys.argv[1:]
    os.environ |= {
        "CLIENTS_TABLE": table,
        "SUBSCRIPTIONS_TABLE": "subscriptions",
        "FANOUT_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/fanout",
        "POSTS_PER_SECOND": rate,
    }
    notification_id = new_notification_id(time.time_ns(), os.urandom(RANDOM_BYTES))
    segment = Segment("*", notification_id, NOTIFICATION, persisted=True, part=0, of=1)
    record = {"messageId": "m1", "eventSource": "aws:sqs", "body": segment_text(segment), "attributes": {}}
    fanout.handler({"Records": [record]}, Context())


if __name__ == "__main__":
    main()
