import http.client
import json
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tools.aws import Answer
from tools.aws import Backend as PushingBackend
from tools.emulator.server import Emulator
from tools.errors import ToolError
from tools.playground.__main__ import (
    Running,
    configuration,
    main,
    parsed,
    push_command,
    pushed,
    remembered,
    running_now,
    show,
    welcome,
)
from tools.playground.site import CLIENT, FRONT, PAGE, Front, Site, site

OUTPUTS = {
    "api_id": "a1b2",
    "websocket_url": "wss://a1b2.execute-api.us-east-1.amazonaws.com/live",
    "push_function_arn": "arn:aws:lambda:us-east-1:000000000000:function:push-by-jwt-push",
}


@pytest.fixture
def served() -> Iterator[Site]:
    with site() as running:
        yield running


def ask(served: Site, path: str, method: str = "GET", **headers: str) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "file", "kind"),
    [
        ("/", PAGE / "index.html", "text/html"),
        ("/?url=wss://elsewhere", PAGE / "index.html", "text/html"),
        ("/page/view.js", PAGE / "page" / "view.js", "text/javascript"),
        ("/clients/browser/src/link.js", CLIENT / "link.js", "text/javascript"),
        ("/style.css", PAGE / "style.css", "text/css"),
    ],
)
def test_the_page_and_its_client_are_served(served: Site, path: str, file: Path, kind: str) -> None:
    assert ask(served, path) == (200, f"{kind}; charset=utf-8", file.read_bytes())


@pytest.mark.parametrize(
    "path",
    [
        "/nothing.js",
        "/../jwt/main.tf",
        "/%2e%2e/minimal/main.tf",
        "/README.md",
        "/page",
        "/config.json",
        "/clients/browser/package.json",
        "/clients/browser/src/../package.json",
        "/clients/browser/src/",
    ],
)
def test_nothing_else_is_served(served: Site, path: str) -> None:
    assert ask(served, path)[0] == 404


def test_what_lies_beside_the_page_is_not_served(served: Site) -> None:
    served.page = PAGE / "page"
    assert ask(served, "/view.js")[0] == 200
    assert ask(served, "/../app.js")[0] == 404


def test_the_configuration_is_served_once_it_is_known(served: Site) -> None:
    served.config = {"url": "ws://127.0.0.1:1/live"}
    status, _, body = ask(served, "/config.json")
    assert (status, json.loads(body)) == (200, served.config)


def test_a_token_is_for_the_page_alone(served: Site) -> None:
    assert ask(served, "/token", "POST", Origin=served.address)[0] == 404
    served.token = lambda: "t.o.k"
    assert ask(served, "/token", "POST", Origin=served.address) == (200, "text/plain; charset=utf-8", b"t.o.k")
    assert ask(served, "/token", "POST")[0] == 403
    assert ask(served, "/token", "POST", Origin="https://elsewhere.example")[0] == 403
    assert ask(served, "/token")[0] == 404


@pytest.fixture
def front(served: Site) -> list[object]:
    """Have the page of the playground served; return what is pushed from it."""
    pushes: list[object] = []

    def push(request: object) -> dict[str, object]:
        pushes.append(request)
        return {"totals": {"delivered": 1}}

    served.config = {"url": "ws://127.0.0.1:1/live", "user": "alice"}
    served.front = Front(("alice", "bob"), "push this", lambda user: f"token of {user}", push)
    return pushes


def test_the_playground_shows_the_page_of_each_user(served: Site, front: list[object]) -> None:
    assert ask(served, "/")[2] == (FRONT / "index.html").read_bytes()
    assert ask(served, "/playground/app.js")[2] == (FRONT / "app.js").read_bytes()
    assert json.loads(ask(served, "/playground.json")[2]) == {"users": ["alice", "bob"], "command": "push this"}
    assert ask(served, "/users/bob/")[2] == (PAGE / "index.html").read_bytes()
    assert ask(served, "/users/bob/page/view.js")[2] == (PAGE / "page" / "view.js").read_bytes()
    assert json.loads(ask(served, "/users/bob/config.json")[2])["user"] == "bob"
    assert ask(served, "/users/bob/token", "POST", Origin=served.address)[2] == b"token of bob"
    for path in ("/users/eve/", "/users/bob/playground.json", "/users/bob/../../jwt/main.tf", "/playground/site.py"):
        assert ask(served, path)[0] == 404
    assert ask(served, "/users/eve/token", "POST", Origin=served.address)[0] == 404
    assert front == []


def test_the_playground_pushes_what_its_page_asks_for(served: Site, front: list[object]) -> None:
    def push(body: str, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
        try:
            connection.request("POST", "/push", body=body.encode(), headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    assert push('{"userIds": ["bob"]}', Origin=served.address) == (200, b'{"totals": {"delivered": 1}}')
    assert push('{"userIds": ["bob"]}', Origin="https://elsewhere.example")[0] == 403
    assert push("[1]", Origin=served.address)[0] == push("{", Origin=served.address)[0] == 400
    assert front == [{"userIds": ["bob"]}]
    served.front = None
    assert push("{}", Origin=served.address)[0] == 404


@pytest.mark.parametrize(
    ("line", "length", "status"),
    [
        (b"GET //[ HTTP/1.1", b"0", b"404"),
        (b"GET /a\0.js HTTP/1.1", b"0", b"404"),
        (b"POST /push HTTP/1.1", b"x", b"400"),
        (b"POST /push HTTP/1.1", b"-1", b"400"),
        (b"POST /push HTTP/1.1", b"9" * 5000, b"400"),
        (b"POST /push HTTP/1.1", b"100000", b"400"),
    ],
)
def test_an_odd_request_is_answered_without_a_stack_trace(
    served: Site, front: list[object], capfd: pytest.CaptureFixture[str], line: bytes, length: bytes, status: bytes
) -> None:
    headers = b"Host: 127.0.0.1:%d\r\nOrigin: %s\r\nContent-Length: %b" % (
        served.port,
        served.address.encode(),
        length,
    )
    body = b"[" * 100_000 if length == b"100000" else b""
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as client:
        client.sendall(b"%b\r\n%b\r\n\r\n%b" % (line, headers, body))
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answer:
            assert answer.read().split()[1:2] == [status]
    assert capfd.readouterr().err == ""


def test_what_the_page_pushes_is_a_push_request() -> None:
    class Backend:
        def push(self, request: object) -> Answer:
            requests.append(request)
            return Answer({"id": "i"}, None)

    requests: list[object] = []
    backend = cast("PushingBackend", Backend())
    assert pushed(backend, {"userIds": ["bob"], "content": '{"n": 1}', "key": "k", "topic": "x"}) == {"id": "i"}
    pushed(backend, {"userIds": ["bob"], "recall": "i", "key": None})
    assert requests == [{"userIds": ["bob"], "key": "k", "content": {"n": 1}}, {"userIds": ["bob"], "recall": "i"}]


def test_another_hosts_name_is_refused(served: Site) -> None:
    for method in ("GET", "POST"):
        assert ask(served, "/", method, Host=f"rebound.example:{served.port}", Origin=served.address)[0] == 421
    assert ask(served, "/", Host=f"localhost:{served.port}")[0] == 200


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ToolError, match=f"Port {port} is not free .* PORT="), site(port):
            pass


def test_the_page_is_told_where_to_connect_and_how_to_be_pushed_to() -> None:
    config = configuration(Emulator(4711, Path(), Path()), OUTPUTS)
    assert config["url"] == "ws://127.0.0.1:4711/_aws/execute-api/a1b2/live"
    assert (config["user"], config["tokenEndpoint"]) == ("alice", "token")
    assert config["command"] == push_command()
    assert str(config["command"]) in welcome(Site(8080, config))


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tools.playground.__main__.STATE", tmp_path / "playground.json")
    return tmp_path / "playground.json"


def test_the_command_pushes_to_the_playground_that_runs(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []

    class Backend:
        def __init__(self, local: Emulator, outputs: dict[str, str]) -> None:
            called.append((local.port, outputs))

        def push(self, request: object) -> Answer:
            called.append(request)
            return Answer({"id": "1"}, None)

    monkeypatch.setattr("tools.playground.__main__.backend", Backend)
    words = shlex.split(push_command())
    assert words[1:3] == ["-m", "tools.playground"]
    with remembered(Running(4711, "push-by-jwt-push")):
        assert main(words[3:]) == 0
    request = {"userId": "alice", "content": "Your parcel is on its way"}
    assert called == [(4711, {"push_function_arn": "push-by-jwt-push"}), request]
    assert not state.exists()


@pytest.mark.usefixtures("state")
def test_a_playground_forgets_only_itself() -> None:
    with remembered(Running(1, "first")):
        with remembered(Running(2, "second")):
            assert running_now() == Running(2, "second")
        assert running_now() is None


@pytest.mark.usefixtures("state")
def test_pushing_to_nobody_says_what_may_be_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", "hi"]) == 1
    assert "No playground runs" in capsys.readouterr().err
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        with remembered(Running(reserved.getsockname()[1], "f")):
            assert main(["push", "hi"]) == 1
    assert "Does the playground still run?" in capsys.readouterr().err


def test_the_answer_is_shown_and_decides_the_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert show(Answer({"id": "1"}, None)) == 0
    assert show(Answer({"errorType": "INVALID_TTL"}, "Unhandled")) == 1
    assert "INVALID_TTL" in capsys.readouterr().out


def test_a_content_is_json_if_it_looks_like_it() -> None:
    assert parsed('{"a": 1}') == {"a": 1}
    assert parsed("[1]") == [1]
    assert [parsed(text) for text in ("12", "hi", "{broken")] == ["12", "hi", "{broken"]
