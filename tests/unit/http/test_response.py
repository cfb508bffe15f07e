"""The response parser, without a socket."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from websocket_push.http.errors import InvalidResponse
from websocket_push.http.response import _FEW, Response, ResponseParser

# Characters that mean something to HTTP come often.
bodies = st.binary(max_size=300) | st.text(st.sampled_from("\r\n0:;a "), max_size=60).map(str.encode)
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=20)
names = st.sampled_from(["Date", "x-amzn-RequestId", "X-Amzn-ErrorType", "!#$%&'*+-.^_`|~", "Server"])


@dataclass
class Sample:
    """A valid response as bytes, and what it says."""

    data: bytes
    status: int
    body: bytes
    keep_alive: bool
    until_close: bool
    headers: dict[bytes, bytes]


@st.composite
def chunks(draw: st.DrawFn, body: bytes) -> bytes:
    encoded = b""
    while body:
        size = draw(st.integers(1, len(body)))
        digits = draw(st.sampled_from([f"{size:x}", f"{size:X}", f"000{size:x}"])).encode()
        extension = draw(st.sampled_from([b"", b";a=b", b' ; a="b;c"']))
        encoded += digits + extension + b"\r\n" + body[:size] + b"\r\n"
        body = body[size:]
    trailers = draw(st.sampled_from([b"", b"x-checksum: 1\r\n", b"a: b\r\nc: d\r\n"]))
    return encoded + b"0\r\n" + trailers + b"\r\n"


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    status = draw(st.sampled_from([200, 201, 204, 304, 400, 410, 429, 503, 599]))
    framing = draw(st.sampled_from(["length", "chunked", "close"]))
    body = b"" if status in {204, 304} else draw(bodies)
    lines = draw(st.lists(st.tuples(names, values), max_size=5, unique_by=lambda line: line[0]))
    headers = {name.lower().encode(): value.strip(" \t").encode("latin-1") for name, value in lines}
    minor = draw(st.sampled_from([1, 1, 1, 0]))
    connection = draw(st.sampled_from([None, "keep-alive", "close", "Foo, Close"]))
    content = body
    if framing == "length":
        lines.append(("Content-Length", f" {len(body)} "))
    elif framing == "chunked":
        lines.append(("Transfer-Encoding", "Chunked"))
        content = b"" if status in {204, 304} else draw(chunks(body))
    if connection is not None:
        lines.append(("Connection", connection))
    lines = draw(st.permutations(lines))
    reason = draw(st.sampled_from(["", " ", " OK", " Very Bad: Gateway"]))
    head = f"HTTP/1.{minor} {status}{reason}\r\n" + "".join(f"{name}:{value}\r\n" for name, value in lines) + "\r\n"
    interim = draw(
        st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\nLink: </x>\r\n\r\n"])
    )
    until_close = framing == "close" and status not in {204, 304}
    keep_alive = minor == 1 and connection in {None, "keep-alive"} and not until_close
    data = interim + head.encode("latin-1") + content
    return Sample(data, status, body, keep_alive, until_close, headers)


def feed_all(parser: ResponseParser, pieces: list[bytes]) -> Response | None:
    """Feed the pieces; only the last may complete the response."""
    response = None
    for piece in pieces:
        assert response is None
        response = parser.feed(piece)
    return response


def feed_bytewise(parser: ResponseParser, data: bytes) -> None:
    for byte in data:
        parser.feed(bytes([byte]))


def seasoned(**limits: int) -> ResponseParser:
    """A parser that has seen so many responses that it looks for usual ones first."""
    parser = ResponseParser(**limits)
    for _ in range(_FEW):
        assert parser.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") is not None
    return parser


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if start < end]


def check(parser: ResponseParser, sample: Sample, pieces: list[bytes]) -> None:
    response = feed_all(parser, pieces)
    if sample.until_close:
        assert response is None
        response = parser.finish()
    assert response is not None
    assert (response.status, response.body, response.keep_alive) == (sample.status, sample.body, sample.keep_alive)
    for name, value in sample.headers.items():
        assert response.headers[name] == value


@given(st.data(), samples())
def test_a_response_parses_the_same_however_it_is_split(data: st.DataObject, sample: Sample) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(sample.data)), max_size=12))
    check(ResponseParser(), sample, split(sample.data, cuts))


@given(samples())
def test_a_response_parses_the_same_whole_and_byte_by_byte(sample: Sample) -> None:
    check(ResponseParser(), sample, [sample.data])
    check(seasoned(), sample, [sample.data])
    check(ResponseParser(), sample, [bytes([byte]) for byte in sample.data])


@given(st.lists(samples(), min_size=2, max_size=4), st.integers(1, 40))
def test_one_parser_serves_one_response_after_the_other(sequence: list[Sample], size: int) -> None:
    parser = ResponseParser()
    for sample in sequence:
        pieces = [sample.data[start : start + size] for start in range(0, len(sample.data), size)]
        check(parser, sample, pieces)


@given(samples(), st.binary(min_size=1, max_size=30))
def test_bytes_beyond_the_end_are_dropped_and_end_the_connection(sample: Sample, surplus: bytes) -> None:
    if not sample.until_close:
        response = ResponseParser().feed(sample.data + surplus)
        assert response is not None
        assert (response.body, response.keep_alive) == (sample.body, False)


@given(samples(), st.data())
def test_a_response_that_stops_early_is_not_complete(sample: Sample, data: st.DataObject) -> None:
    if sample.until_close:
        return
    parser = ResponseParser()
    assert parser.feed(sample.data[: data.draw(st.integers(1, len(sample.data) - 1))]) is None
    assert parser.finish() is None


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\xff\xff\r\n", [])
def test_whatever_comes_is_a_response_an_error_or_not_complete(data: bytes, cuts: list[int]) -> None:
    parser = ResponseParser()
    outcome: object = None
    try:
        for piece in split(data, [min(cut, len(data)) for cut in cuts]):
            outcome = outcome or parser.feed(piece)
    except InvalidResponse as error:
        outcome = error
    assert outcome is None or isinstance(outcome, Response | InvalidResponse)


USUAL = b"HTTP/1.1 200 OK\r\nDate: x\r\ncontent-length: 4\r\nConnection: keep-alive\r\nx-id: 1\r\n\r\nbody"


def outcome_of(parser: ResponseParser, data: bytes) -> object:
    try:
        response = parser.feed(data)
    except InvalidResponse as error:
        return str(error)
    return response and (response.status, response.headers, response.body, response.keep_alive)


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(USUAL)),
            st.integers(0, 3),
            st.sampled_from([b"", b"\r\n", b"\n", b"\r", b"\0", b" ", b":", b"0", b"A", b",", b"close"])
            | st.binary(max_size=2),
        ),
        max_size=3,
    )
)
@example([])
@example([(USUAL.index(b"x-id"), 0, b"Transfer-Encoding: chunked\r\n")])
@example([(USUAL.index(b"x-id"), 0, b"CONTENT-LENGTH: 5\r\n")])
@example([(USUAL.index(b"HTTP"), 4, b"http")])
def test_a_usual_response_is_taken_for_what_it_would_be_taken_anyhow(changes: list[tuple[int, int, bytes]]) -> None:
    data = USUAL
    for position, dropped, added in changes:
        data = data[:position] + added + data[position + dropped :]
    if data:
        assert outcome_of(seasoned(), data) == outcome_of(ResponseParser(), data)


def test_the_headers_of_a_usual_response_are_there_when_they_are_asked_for() -> None:
    response = seasoned().feed(USUAL)
    assert response is not None
    assert isinstance(response._headers, bytes)
    assert response.headers == {b"date": b"x", b"content-length": b"4", b"connection": b"keep-alive", b"x-id": b"1"}


def test_nothing_but_http_is_refused_from_its_first_byte() -> None:
    with pytest.raises(InvalidResponse):
        ResponseParser().feed(b"S")
    parser = ResponseParser()
    assert parser.feed(b"HTT") is None
    with pytest.raises(InvalidResponse):
        parser.feed(b"X")


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.x 200 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 20\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1\t200 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 600 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na : space before the colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na: b\r\n folded: c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na: b\rc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1_0\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000001\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n",
    ],
)
def test_a_malformed_response_is_an_error_whole_and_byte_by_byte(data: bytes) -> None:
    with pytest.raises(InvalidResponse):
        ResponseParser().feed(data)
    with pytest.raises(InvalidResponse):
        seasoned().feed(data)
    with pytest.raises(InvalidResponse):
        feed_bytewise(ResponseParser(), data)


def test_a_length_said_twice_is_said_once() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"
    response = ResponseParser().feed(data)
    assert response is not None
    assert (response.body, response.keep_alive) == (b"x", True)


def test_chunks_count_before_a_length_and_end_the_connection() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    response = ResponseParser().feed(data)
    assert response is not None
    assert (response.body, response.keep_alive) == (b"x", False)


def test_repeated_headers_are_joined() -> None:
    response = ResponseParser().feed(b"HTTP/1.1 200 OK\r\na: 1\r\nContent-Length: 0\r\nA: 2\r\n\r\n")
    assert response is not None
    assert response.headers[b"a"] == b"1, 2"


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("fits", "exceeds"),
    [
        pytest.param(
            HEAD + b"a: " + b"x" * (100 - 24) + b"\r\n\r\n",
            HEAD + b"a: " + b"x" * (101 - 24) + b"\r\n\r\n",
            id="head",
        ),
        pytest.param(b"HTTP/1.1 100 C\r\n\r\n" * 4, b"HTTP/1.1 100 C\r\n\r\n" * 6, id="interim responses"),
        pytest.param(HEAD + b"Content-Length: 50\r\n\r\n", HEAD + b"Content-Length: 51\r\n\r\n", id="length"),
        pytest.param(HEAD + b"\r\n" + b"x" * 50, HEAD + b"\r\n" + b"x" * 51, id="until the end"),
        pytest.param(
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n19\r\n" + b"x" * 25 + b"\r\n19\r\n",
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n19\r\n" + b"x" * 25 + b"\r\n1a\r\n",
            id="chunks",
        ),
        pytest.param(
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: bcd\r\n" * 12,
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: bcd\r\n" * 13,
            id="trailers",
        ),
        pytest.param(
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 4094 + b"\r\n",
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 4095 + b"\r\n",
            id="chunk extension",
        ),
        pytest.param(
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 4094,
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 4096,
            id="endless chunk extension",
        ),
    ],
)
@pytest.mark.parametrize("make", [ResponseParser, seasoned])
def test_the_limits_are_exact(fits: bytes, exceeds: bytes, make: Callable[..., ResponseParser]) -> None:
    def parser() -> ResponseParser:
        return make(head_limit=100, body_limit=50)

    parser().feed(fits)
    with pytest.raises(InvalidResponse):
        parser().feed(exceeds)
    feed_bytewise(parser(), fits)
    with pytest.raises(InvalidResponse):
        feed_bytewise(parser(), exceeds)


def test_the_limits_are_each_response_s_own() -> None:
    parser = ResponseParser(head_limit=50, body_limit=2)
    for _ in range(10):
        assert parser.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxy") is not None
        assert parser.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx") is None
        assert parser.feed(b"y") is not None


def test_interim_responses_without_end_do_not_exhaust_the_stack() -> None:
    with pytest.raises(InvalidResponse):
        ResponseParser().feed(b"HTTP/1.1 100 C\r\n\r\n" * 10_000)
