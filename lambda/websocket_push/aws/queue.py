"""Sending to an SQS queue (AWS JSON 1.0 protocol)."""

import json

from websocket_push.aws.endpoints import sqs_endpoint
from websocket_push.aws.requests import Payload, decode_object
from websocket_push.aws.sender import Sender
from websocket_push.aws.signing import canonical_path
from websocket_push.http.errors import InvalidResponse


class Queue:
    """A queue of the functions' own.

    Parameters
    ----------
    sender
        Sends the requests.
    url
        The queue's URL. It names the queue; the requests go to the region's endpoint.

    Raises
    ------
    AwsError
        `InvalidConfiguration` where the environment names no region or no valid endpoint.
    """

    def __init__(self, sender: Sender, url: str) -> None:
        endpoint = sqs_endpoint(sender.environment)
        self._sender = sender
        self._url = url
        self._path = f"{endpoint.path}/"
        self._target = sender.target(
            "SendMessage",
            "POST",
            "sqs",
            endpoint,
            content_type="application/x-amz-json-1.0",
            x_amz_target="AmazonSQS.SendMessage",
        )

    async def send(self, body: str, *, deadline: float, delay: int = 0) -> None:
        """Send a message; one whose answer was lost is sent again, so it may be received twice.

        Parameters
        ----------
        body
            At most 256 KB.
        deadline
            Event loop time in seconds.
        delay
            Seconds before it can be received.

        Raises
        ------
        AwsError
            See `Sender.request`.
        """
        request = {"QueueUrl": self._url, "MessageBody": body, "DelaySeconds": delay}
        payload = Payload(json.dumps(request).encode())
        await self._sender.request(
            self._target, self._path, canonical_path(self._path), payload, _require_message_id, deadline=deadline
        )


def _require_message_id(body: bytes) -> None:
    """Raise `InvalidResponse` for an answer that does not say that the message was taken."""
    if not isinstance(decode_object(body).get("MessageId"), str):
        raise InvalidResponse("an answer without the message's id")
