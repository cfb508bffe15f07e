"""AWS Signature Version 4 for requests with a short, known body and no query string.

The rules are those of "Create a signed AWS API request" (AWS Identity and Access Management User Guide). They are
followed for every service but Amazon S3: the path, percent-encoded once on the wire, is encoded a second time in the
canonical request, and dot segments and empty segments are removed there.

A function signs many requests that differ only in path and body. So all the text around these two is built once per
second and per set of credentials, and the signing key, four HMACs deep, once per day; the hash states that an HMAC by
that key begins with (RFC 2104, section 4) are kept with it and copied for each request.
"""

import hmac
import time
from collections.abc import Sequence
from hashlib import sha256

from websocket_push.aws.credentials import Credentials

_ALGORITHM = "AWS4-HMAC-SHA256"
_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def _table(safe: frozenset[int]) -> list[str]:
    return [chr(byte) if byte in safe else f"%{byte:02X}" for byte in range(256)]


# A lone dot segment would be removed on the way, so a segment's dots are encoded too: RFC 3986, section 6.2.2.3.
_SEGMENT = _table(_UNRESERVED - frozenset(b"."))
_PATH = _table(_UNRESERVED | frozenset(b"/"))


def quote_segment(text: str) -> str:
    """Percent-encode text so that it is one segment of a path, whatever it holds.

    Parameters
    ----------
    text
        For example a connection id, `"L0SM9cOFvHcCIhw="`.

    Returns
    -------
    str
        ASCII letters, digits, `-`, `_`, `~` and `%XX` only: `"L0SM9cOFvHcCIhw%3D"`.
    """
    plain = text.replace("=", "").replace("-", "").replace("_", "")
    if plain.isalnum() and plain.isascii():
        return text.replace("=", "%3D")  # what every connection id looks like
    return "".join(map(_SEGMENT.__getitem__, text.encode("utf-8", "surrogatepass")))


def canonical_path(path: str) -> str:
    """Return a path as the canonical request wants it.

    Parameters
    ----------
    path
        The path as sent, percent-encoded once.

    Returns
    -------
    str
        Without dot segments and empty segments, percent-encoded again; `"/"` for an empty path.
    """
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    slash = "/" if kept and path.endswith("/") else ""
    return "".join(map(_PATH.__getitem__, f"/{'/'.join(kept)}{slash}".encode()))


def signing_key(secret_key: str, date: str, region: str, service: str) -> bytes:
    """Derive the key that signs one day's requests to one service in one region.

    Parameters
    ----------
    secret_key
        The secret access key.
    date
        `YYYYMMDD`, in UTC.
    region, service
        For example `"eu-west-1"` and `"execute-api"`.

    Returns
    -------
    bytes
        32 bytes.
    """
    key = f"AWS4{secret_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


class Signer:
    """Signs requests to one service that all carry the same headers.

    Parameters
    ----------
    service, region
        The credential scope.
    headers
        Names in lower case, with `host` among them; sent with every request and signed. The date and the session
        token are added.
    unsigned
        Sent with every request, not signed.
    """

    __slots__ = (
        "_after_path",
        "_before_signature",
        "_credentials",
        "_date",
        "_headers",
        "_inner",
        "_outer",
        "_region",
        "_second",
        "_service",
        "_text",
        "_unsigned",
    )

    def __init__(
        self,
        service: str,
        region: str,
        headers: Sequence[tuple[str, str]],
        unsigned: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._service = service
        self._region = region
        self._headers = tuple(headers)
        self._unsigned = tuple(unsigned)
        self._credentials: Credentials | None = None
        self._second = -1
        self._date = ""
        self._inner = self._outer = self._text = sha256()
        self._after_path = self._before_signature = ""

    def sign(self, credentials: Credentials, second: int, method: str, path: str, body_hash: str) -> str:
        """Sign one request.

        Parameters
        ----------
        credentials
            Whose request it is. The object is compared by identity, so pass the same one until they change.
        second
            The time in whole seconds since the epoch.
        method
            `"POST"`.
        path
            The canonical path, see `canonical_path`.
        body_hash
            SHA-256 of the body in lower-case hex.

        Returns
        -------
        str
            All headers, one per line, `Authorization` last and without a line end, so that more can follow.
        """
        if second != self._second or credentials is not self._credentials:
            self._prepare(credentials, second)
        canonical = f"{method}\n{path}{self._after_path}{body_hash}"
        text, outer = self._text.copy(), self._outer.copy()
        text.update(sha256(canonical.encode()).hexdigest().encode())
        outer.update(text.digest())
        return self._before_signature + outer.hexdigest()

    def _prepare(self, credentials: Credentials, second: int) -> None:
        timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        date = timestamp[:8]
        if credentials is not self._credentials or date != self._date:
            key = signing_key(credentials.secret_key, date, self._region, self._service).ljust(_BLOCK_BYTES, b"\0")
            self._inner, self._outer = sha256(key.translate(_INNER)), sha256(key.translate(_OUTER))
        headers = [*self._headers, ("x-amz-date", timestamp)]
        if credentials.token:
            headers.append(("x-amz-security-token", credentials.token))
        names = ";".join(sorted(name for name, _ in headers))
        canonical = "".join(f"{name}:{' '.join(value.split())}\n" for name, value in sorted(headers))
        scope = f"{date}/{self._region}/{self._service}/aws4_request"
        self._after_path = f"\n\n{canonical}\n{names}\n"
        self._text = self._inner.copy()
        self._text.update(f"{_ALGORITHM}\n{timestamp}\n{scope}\n".encode())
        lines = "".join(f"{name}: {value}\r\n" for name, value in (*headers, *self._unsigned))
        self._before_signature = (
            f"{lines}authorization: {_ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature="
        )
        self._credentials = credentials
        self._second = second
        self._date = date
