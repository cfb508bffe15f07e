"""The chunked transfer coding (RFC 9112, section 7.1) from bytes, without a socket."""

from collections.abc import Callable

from websocket_push.http.errors import InvalidResponse

_LINE_LIMIT = 4 * 1024
_HEX = b"0123456789abcdefABCDEF"

_SIZE, _DATA, _TRAILER = range(3)


class Chunks:
    """Decodes one body from its chunks, however the bytes are split.

    Parameters
    ----------
    body_limit
        The most bytes that the body may have.
    trailer_limit
        The most bytes that the trailers may have.
    check_fields
        Raises `InvalidResponse` for trailer lines that are not header fields.

    Attributes
    ----------
    surplus
        Whether bytes follow the end of the body.
    """

    def __init__(self, body_limit: int, trailer_limit: int, check_fields: Callable[[list[bytes]], object]) -> None:
        self._body_limit = body_limit
        self._trailer_limit = trailer_limit
        self._check_fields = check_fields
        self._state = _SIZE
        self._buffer = bytearray()  # what was fed and not understood yet
        self._body = bytearray()
        self._remaining = 0
        self._trailer_size = 0
        self.surplus = False

    def feed(self, data: bytes) -> bytes | None:
        """Take the next bytes; return the body once it is complete.

        Raises
        ------
        InvalidResponse
            It cannot be used any more.
        """
        buffer = self._buffer
        buffer += data
        position = 0
        while True:
            if self._state == _DATA:
                if len(buffer) - position < 2 and not self._remaining:
                    break
                position = self._take_data(position)
                if self._state == _DATA:
                    break
                continue
            end = buffer.find(b"\r\n", position)
            if end < 0:
                self._check_line(len(buffer) - position - 1)
                break
            self._check_line(end - position)
            line = bytes(buffer[position:end])
            position = end + 2
            if self._state == _SIZE:
                self._begin_chunk(line)
            elif not line:
                self.surplus = len(buffer) > position
                return bytes(self._body)
            else:
                self._check_trailer(line)
        del buffer[:position]
        return None

    def _check_line(self, size: int) -> None:
        if size > _LINE_LIMIT:
            raise InvalidResponse("a line among the chunks is too long")

    def _begin_chunk(self, line: bytes) -> None:
        digits = line.partition(b";")[0].strip(b" \t")
        if not digits or len(digits) > 16 or digits.translate(None, _HEX):
            raise InvalidResponse("a chunk without a size")
        self._remaining = int(digits, 16)
        if len(self._body) + self._remaining > self._body_limit:
            raise InvalidResponse("the body is too large")
        self._state = _DATA if self._remaining else _TRAILER

    def _take_data(self, position: int) -> int:
        """Move what is there of a chunk to the body; stay in `_DATA` where more must come."""
        buffer = self._buffer
        if self._remaining:
            taken = buffer[position : position + self._remaining]
            self._body += taken
            self._remaining -= len(taken)
            position += len(taken)
        if not self._remaining and len(buffer) - position >= 2:
            if buffer[position : position + 2] != b"\r\n":
                raise InvalidResponse("a chunk longer than its size")
            self._state = _SIZE
            position += 2
        return position

    def _check_trailer(self, line: bytes) -> None:
        self._trailer_size += len(line) + 2
        if self._trailer_size > self._trailer_limit:
            raise InvalidResponse("the trailers are too large")
        self._check_fields([line])
