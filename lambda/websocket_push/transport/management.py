"""Messages to open WebSocket connections: the API Gateway management API."""

from websocket_push.transport.aws import AwsError, Payload, Transport
from websocket_push.transport.endpoints import management_endpoint
from websocket_push.transport.signing import canonical_path, quote_segment

_NOTHING = Payload(b"")


class ConnectionGone(AwsError):  # noqa: N818 - a fact about the connection, seldom a failure
    """The connection is closed, or never was (HTTP 410)."""


class Management:
    """The connections of one API's stage.

    Parameters
    ----------
    transport : Transport
        Sends the requests.
    connections_url : str
        `https://{api_id}.execute-api.{region}.{suffix}/{stage}`.

    Raises
    ------
    AwsError
        `InvalidConfiguration` where a URL is not valid or the environment names no region.
    """

    def __init__(self, transport: Transport, connections_url: str) -> None:
        endpoint = management_endpoint(transport.environment, connections_url)
        self._transport = transport
        self._path = f"{endpoint.path}/@connections/"
        self._canonical_path = canonical_path(self._path)
        self._post = transport.target(
            "PostToConnection", "POST", "execute-api", endpoint, content_type="application/octet-stream"
        )
        self._delete = transport.target("DeleteConnection", "DELETE", "execute-api", endpoint)

    async def post(self, connection_id: str, payload: Payload, *, deadline: float) -> None:
        """Send a message to a connection.

        Parameters
        ----------
        connection_id : str
            As `$connect` got it.
        payload : Payload
            The message, at most 128 KB.
        deadline : float
            Event loop time in seconds.

        Raises
        ------
        ConnectionGone
            No such connection is open.
        AwsError
            Any other failure, see `Transport.request`.
        """
        segment = quote_segment(connection_id)
        canonical = self._canonical_path + segment.replace("%", "%25")
        try:
            await self._transport.request(
                self._post, self._path + segment, canonical, payload, _ignore, deadline=deadline
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
        connection_id : str
            As `$connect` got it.
        deadline : float
            Event loop time in seconds.

        Raises
        ------
        AwsError
            Any failure but 410, see `Transport.request`.
        """
        segment = quote_segment(connection_id)
        canonical = self._canonical_path + segment.replace("%", "%25")
        try:
            await self._transport.request(
                self._delete, self._path + segment, canonical, _NOTHING, _ignore, deadline=deadline
            )
        except AwsError as error:
            if error.status != 410:
                raise


def _ignore(body: bytes) -> None:
    pass
