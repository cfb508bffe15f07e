"""HTTP/1.1 responses (RFC 9112) from bytes, without a socket.

Only what a client that sends no HEAD, no CONNECT and no upgrade needs. Strict where leniency would hide a broken
peer: line ends are CRLF, header lines are not folded, and a length is given once.
"""

import re
from functools import cache

from websocket_push.http.errors import InvalidResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from websocket_push.http.chunks import Chunks

HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 16 * 1024 * 1024

_TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_VERSION = b"HTTP/1."
_USUAL = b"HTTP/1.1 200 OK"
_NO_BODY = (204, 304)

_FEW = 3
"""How many responses of a connection are parsed before the pattern for usual ones is compiled, which costs as much as
parsing a hundred: a function that is invoked now and then never needs it."""

_HEAD, _LENGTH, _CLOSE, _CHUNKED = range(4)


class Response:
    """One final response.

    Attributes
    ----------
    status
        200 to 599.
    body
        Without transfer coding.
    keep_alive
        Whether the connection can carry another request.
    """

    __slots__ = ("_headers", "body", "keep_alive", "status")

    def __init__(self, status: int, headers: dict[bytes, bytes] | bytes, body: bytes, keep_alive: bool) -> None:
        self.status = status
        self._headers = headers  # bytes: lines that are known to be well formed, not taken apart yet
        self.body = body
        self.keep_alive = keep_alive

    @property
    def headers(self) -> dict[bytes, bytes]:
        """Headers by name in lower case; the values of a repeated one are joined by `", "`."""
        headers = self._headers
        if isinstance(headers, bytes):
            headers = self._headers = _parse_fields(headers.split(b"\r\n")[:-1])
        return headers


class ResponseParser:
    """Parses one response after the other from the bytes of a connection, however they are split.

    Parameters
    ----------
    head_limit
        The most bytes that status line and headers may have, interim responses included; for trailers again.
    body_limit
        The most bytes that a body may have.
    """

    __slots__ = (
        "_body",
        "_body_limit",
        "_buffer",
        "_chunks",
        "_few",
        "_head_limit",
        "_head_size",
        "_headers",
        "_keep_alive",
        "_remaining",
        "_state",
        "_status",
    )

    def __init__(self, head_limit: int = HEAD_LIMIT, body_limit: int = BODY_LIMIT) -> None:
        self._head_limit = head_limit
        self._body_limit = body_limit
        self._few = _FEW
        self._reset()

    def _reset(self) -> None:
        self._state = _HEAD
        self._buffer = bytearray()  # what was fed and not understood yet
        self._body = bytearray()
        self._chunks: Chunks | None = None
        self._head_size = 0
        self._remaining = 0
        self._status = 0
        self._headers: dict[bytes, bytes] = {}
        self._keep_alive = False

    def feed(self, data: bytes) -> Response | None:
        """Take the next bytes.

        Parameters
        ----------
        data
            As they came from the connection, not empty.

        Returns
        -------
        Response or None
            The response that these bytes complete. The parser is then ready for the next one. Bytes beyond the end
            are dropped and the response is marked as not `Response.keep_alive`: nothing more was asked for.

        Raises
        ------
        InvalidResponse
            The parser cannot be used any more.
        """
        if self._state != _HEAD:
            return self._feed_body(data)
        if self._few:
            self._few -= 1
            return self._feed_head(data)
        # What nearly all responses are: 200, with a length, and here as a whole.
        usual = None if self._buffer or self._head_size else _usual_head().match(data)
        if usual is not None:
            end = usual.end()
            length = int(usual[2])
            if end + length == len(data) and end <= self._head_limit and length <= self._body_limit:
                return Response(200, usual[1], data[end:], True)
        return self._feed_head(data)

    def finish(self) -> Response | None:
        """Take the end of the stream.

        Returns
        -------
        Response or None
            The response whose body lasts until the connection closes, or None where no response is complete.
        """
        return self._complete(bytes(self._body), surplus=True) if self._state == _CLOSE else None

    def _feed_head(self, data: bytes) -> Response | None:
        while data:
            buffer = self._buffer
            if buffer:
                searched = max(0, len(buffer) - 3)
                buffer += data
                data = bytes(buffer) if buffer.find(b"\r\n\r\n", searched) >= 0 else b""
            end = data.find(b"\r\n\r\n")
            if end < 0:
                if not buffer:
                    buffer += data
                self._check_start(buffer)
                return None
            buffer.clear()
            self._head_size += end + 4
            if self._head_size > self._head_limit:
                raise InvalidResponse("the head is too large")
            status, headers, persistent = _parse_head(data[:end])
            if status >= 200:
                self._status = status
                self._headers = headers
                self._keep_alive = persistent
                return self._start_body(data, end + 4)
            if status == 101:
                raise InvalidResponse("an upgrade that was not asked for")
            data = data[end + 4 :]
        return None

    def _check_start(self, buffer: bytearray) -> None:
        # Said at once, because a peer that does not speak HTTP may never send the empty line that ends a head.
        if not buffer.startswith(_VERSION[: len(buffer)]):
            raise InvalidResponse("not an HTTP/1 response")
        if self._head_size + len(buffer) > self._head_limit:
            raise InvalidResponse("the head is too large")

    def _start_body(self, data: bytes, start: int) -> Response | None:
        """Read as much of the body as follows the head, from `start`."""
        headers = self._headers
        if self._status in _NO_BODY:
            return self._complete(b"", surplus=len(data) > start)
        if b"transfer-encoding" in headers:
            return self._start_chunked(data[start:])
        length = _content_length(headers)
        if length is None:
            self._state = _CLOSE
            return self._feed_body(data[start:])
        if length > self._body_limit:
            raise InvalidResponse("the body is too large")
        available = len(data) - start
        if available >= length:
            return self._complete(data[start : start + length], surplus=available > length)
        self._state = _LENGTH
        self._remaining = length - available
        self._body += data[start:]
        return None

    def _start_chunked(self, data: bytes) -> Response | None:
        if self._headers[b"transfer-encoding"].lower() != b"chunked":
            raise InvalidResponse("a transfer coding other than chunked")
        if b"content-length" in self._headers:
            # RFC 9112, section 6.3: chunked counts, and the connection is not to be trusted further.
            self._keep_alive = False
        # Imported where it is needed: the services that are called here send a length.
        from websocket_push.http.chunks import Chunks

        self._state = _CHUNKED
        self._chunks = Chunks(self._body_limit, self._head_limit, _parse_fields)
        return self._feed_body(data)

    def _feed_body(self, data: bytes) -> Response | None:
        if self._state == _LENGTH:
            return self._feed_length(data)
        if self._state == _CLOSE:
            self._append(data)
            return None
        assert self._chunks is not None  # noqa: S101 - for the type checker: `_start_chunked` has set it
        body = self._chunks.feed(data)
        return None if body is None else self._complete(body, surplus=self._chunks.surplus)

    def _feed_length(self, data: bytes) -> Response | None:
        taken = data[: self._remaining]
        self._body += taken
        self._remaining -= len(taken)
        if self._remaining:
            return None
        return self._complete(bytes(self._body), surplus=len(data) > len(taken))

    def _append(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > self._body_limit:
            raise InvalidResponse("the body is too large")

    def _complete(self, body: bytes, *, surplus: bool) -> Response:
        response = Response(self._status, self._headers, body, self._keep_alive and not surplus)
        if self._state == _HEAD:
            self._head_size = 0  # nothing else was touched: the whole response came in one piece
        else:
            self._reset()
        return response


@cache
def _usual_head() -> "re.Pattern[bytes]":
    """Return what matches the head of a response that needs no second thought: exactly what `_parse_head` would take.

    Its groups are the header lines and the length. Compiled at the first use. Nothing in it goes back: where it does
    not match, it says so in one pass.
    """
    token = re.escape(_TOKEN)
    unusual = rb"(?!content-length:|transfer-encoding:|connection:(?![ \t]*keep-alive[ \t]*\r\n))"
    lines = rb"(?:%b[%b]++:[^\r\n\0]*+\r\n)*+" % (unusual, token)
    length = rb"content-length:[ \t]*+([0-9]{1,16}+)[ \t]*+\r\n"
    return re.compile(rb"%b\r\n(?i:(%b%b%b)\r\n)" % (re.escape(_USUAL), lines, length, lines))


def _parse_head(head: bytes) -> tuple[int, dict[bytes, bytes], bool]:
    first, *lines = head.split(b"\r\n")
    status = 200 if first == _USUAL else _parse_status(first)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
        raise InvalidResponse("a line end or NUL inside a header")
    headers = _parse_fields(lines)
    connection = headers.get(b"connection")
    persistent = first[7:8] != b"0" and (connection is None or b"close" not in connection.lower())
    return status, headers, persistent


def _parse_status(line: bytes) -> int:
    code = line[9:12]
    if not (
        line.startswith(_VERSION)
        and line[7:8].isdigit()
        and line[8:9] == b" "
        and code.isdigit()
        and len(code) == 3
        and b"100" <= code < b"600"
        and line[12:13] in (b"", b" ")
    ):
        raise InvalidResponse("a status line that is not HTTP/1")
    return int(code)


def _parse_fields(lines: list[bytes]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not name or not colon:
            raise InvalidResponse("a header line without a name")
        name = name.lower()
        value = value.strip(b" \t")
        headers[name] = headers[name] + b", " + value if name in headers else value
    if b"".join(headers).translate(None, _TOKEN):
        raise InvalidResponse("a header name that is not a token")
    return headers


def _content_length(headers: dict[bytes, bytes]) -> int | None:
    value = headers.get(b"content-length")
    if value is None:
        return None
    # RFC 9110, section 8.6: the same length said twice may be taken as said once.
    lengths = {length.strip(b" \t") for length in value.split(b",")} if b"," in value else {value}
    digits = lengths.pop()
    if lengths or not digits.isdigit() or len(digits) > 16:
        raise InvalidResponse("a content length that is not one number")
    return int(digits)
