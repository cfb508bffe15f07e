"""DynamoDB requests that differ only in one string, such as the user id of each recipient of a push.

Writing a request as JSON takes longer than signing it. So the common part is written once, and the string is inserted.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from websocket_push.aws.calls import Call
from websocket_push.aws.concurrent import ConcurrentSender
from websocket_push.aws.dynamodb import DynamoDB, encode
from websocket_push.aws.requests import Payload, Target
from websocket_push.aws.sender import Attempt
from websocket_push.http.errors import InvalidResponse

VARIED = "\0"
"""What stands for the string in a request; no name may hold it ("Naming rules", DynamoDB developer guide)."""

Result = TypeVar("Result")


class Prepared:
    """One DynamoDB request, to be sent for many strings; made by `PreparingDynamoDB.prepare`."""

    __slots__ = ("_after", "_before", "_canonical_path", "_path", "_sender", "_target")

    def __init__(
        self, sender: ConcurrentSender, address: tuple[Target, str, str], request: Mapping[str, object]
    ) -> None:
        self._sender = sender
        self._target, self._path, self._canonical_path = address
        # Inside other strings, quotation marks are escaped, so this cannot be part of one.
        self._before, _, self._after = encode(dict(request)).partition(encode(VARIED))

    def begin(self, text: str, *, deadline: float, done: Callable[[Call, Attempt | None], None]) -> Call:
        """Send the request for a string without waiting for the answer.

        Parameters
        ----------
        text
            Takes the place of `VARIED`.
        deadline
            Event loop time in seconds.
        done
            See `ConcurrentSender.begin`; where it succeeded, `decoded` gives the result.

        Returns
        -------
        Call
            See `ConcurrentSender.begin`.
        """
        return self._sender.begin(
            self._target, self._path, self._canonical_path, self._payload(text), deadline=deadline, done=done
        )

    async def send(
        self, text: str, decode: Callable[[bytes], Result], *, deadline: float, begun: Attempt | None = None
    ) -> Result:
        """Send the request for a string until it is answered.

        Parameters
        ----------
        text, deadline
            See `begin`.
        decode, begun
            See `Sender.request`.

        Returns
        -------
        Result
            What `decode` returned.
        """
        return await self._sender.request(
            self._target,
            self._path,
            self._canonical_path,
            self._payload(text),
            decode,
            deadline=deadline,
            begun=begun,
        )

    def _payload(self, text: str) -> Payload:
        return Payload(f"{self._before}{encode(text)}{self._after}".encode("ascii"))


class PreparingDynamoDB(DynamoDB):
    """DynamoDB with requests that are prepared.

    Parameters
    ----------
    sender
        Sends the requests.

    Raises
    ------
    AwsError
        See `DynamoDB`.
    """

    def __init__(self, sender: ConcurrentSender) -> None:
        super().__init__(sender)
        self._concurrent = sender

    def prepare(self, operation: str, request: Mapping[str, object]) -> Prepared:
        """Prepare a request.

        Parameters
        ----------
        operation
            One that `DynamoDB` knows, and that is safe to repeat.
        request
            Its members. The first string that is `VARIED` is the one that varies.
        """
        return Prepared(self._concurrent, self.address(operation), request)


def decoded(call: Call, decode: Callable[[bytes], Result]) -> Result | Attempt:
    """Return the result of a call that succeeded, or, if the response is unexpected, the attempt to continue from.

    Parameters
    ----------
    call
        With its response.
    decode
        See `Sender.request`.
    """
    response = call.response
    assert response is not None  # noqa: S101 - for the type checker: the call has succeeded
    try:
        return decode(response.body)
    except InvalidResponse:
        return Attempt(call.sent, response)
