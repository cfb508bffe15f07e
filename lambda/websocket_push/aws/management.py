"""Messages to open WebSocket connections: the API Gateway management API."""

from collections.abc import Callable

from websocket_push.aws.endpoints import management_endpoint
from websocket_push.aws.errors import AwsError
from websocket_push.aws.requests import Payload
from websocket_push.aws.sender import Attempt, Sender
from websocket_push.aws.signing import canonical_path, quote_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Only `Management` works with these, and what has one has imported them.
    from websocket_push.aws.calls import Call
    from websocket_push.aws.concurrent import ConcurrentSender

_NOTHING = Payload(b"")


class ConnectionGone(AwsError):  # noqa: N818 - a fact about the connection, seldom a failure
    """The connection is closed, or never was (HTTP 410)."""


class Connections:
    """The connections of one API's stage.

    Parameters
    ----------
    sender
        Sends the requests.
    connections_url
        `https://{api_id}.execute-api.{region}.{suffix}/{stage}`.

    Raises
    ------
    AwsError
        `InvalidConfiguration` where a URL is not valid or the environment names no region.
    """

    def __init__(self, sender: Sender, connections_url: str) -> None:
        endpoint = management_endpoint(sender.environment, connections_url)
        self._sender = sender
        self._path = f"{endpoint.path}/@connections/"
        self._canonical_path = canonical_path(self._path)
        self._post = sender.target(
            "PostToConnection",
            "POST",
            "execute-api",
            endpoint,
            individual=True,
            content_type="application/octet-stream",
        )
        self._delete = sender.target("DeleteConnection", "DELETE", "execute-api", endpoint, individual=True)

    async def post(
        self,
        connection_id: str,
        payload: Payload,
        *,
        deadline: float,
        attempts: int | None = None,
        begun: Attempt | None = None,
    ) -> None:
        """Send a message to a connection.

        Parameters
        ----------
        connection_id
            As `$connect` got it.
        payload
            The message, at most 128 KB.
        deadline
            Event loop time in seconds.
        attempts
            How many failed attempts end it; None leaves that to the deadline.
        begun
            The attempt that `begin_post` left.

        Raises
        ------
        ConnectionGone
            No such connection is open.
        AwsError
            Any other failure, see `Sender.request`.
        """
        path, canonical = self._paths(connection_id)
        try:
            await self._sender.request(
                self._post, path, canonical, payload, _ignore, deadline=deadline, attempts=attempts, begun=begun
            )
        except AwsError as error:
            if error.status != 410:
                raise
            raise ConnectionGone(
                error.code, status=410, attempts=error.attempts, operation="PostToConnection"
            ) from None

    async def close(self, connection_id: str, *, deadline: float) -> None:
        """Close a connection; closing one that is gone is success.

        Parameters
        ----------
        connection_id
            As `$connect` got it.
        deadline
            Event loop time in seconds.

        Raises
        ------
        AwsError
            Any failure but 410, see `Sender.request`.
        """
        path, canonical = self._paths(connection_id)
        try:
            await self._sender.request(self._delete, path, canonical, _NOTHING, _ignore, deadline=deadline)
        except AwsError as error:
            if error.status != 410:
                raise

    def _paths(self, connection_id: str) -> tuple[str, str]:
        """Return the path as sent, and as signed."""
        segment = quote_segment(connection_id)
        return self._path + segment, self._canonical_path + segment.replace("%", "%25")


class Management(Connections):
    """The same, for many messages at once.

    Parameters
    ----------
    sender
        Sends the requests.
    connections_url
        See `Connections`.
    """

    def __init__(self, sender: "ConcurrentSender", connections_url: str) -> None:
        super().__init__(sender, connections_url)
        self._concurrent = sender

    def begin_post(
        self,
        connection_id: str,
        payload: Payload,
        *,
        deadline: float,
        done: "Callable[[Call, Attempt | None], None]",
    ) -> "Call":
        """Send a message to a connection without waiting for the answer.

        Parameters
        ----------
        connection_id, payload, deadline
            See `Connections.post`.
        done
            Called once, perhaps before this returns: with None where the message was accepted, else with the attempt
            that `post` continues from.

        Returns
        -------
        Call
            See `ConcurrentSender.begin`.
        """
        path, canonical = self._paths(connection_id)
        return self._concurrent.begin(self._post, path, canonical, payload, deadline=deadline, done=done)


def _ignore(body: bytes) -> None:
    pass
