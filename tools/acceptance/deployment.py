"""The deployment that the doctor looks at, and what its parts are called, found by the two outputs that there are."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tools.emulator.server import Emulator
from tools.errors import ToolError
from tools.terraform import find_program

_ARN = re.compile(r"arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):\d{12}:function:(?P<name>[\w-]+)(:[\w$-]+)?")
_ADDRESS = re.compile(r"(?P<api>[a-z0-9]+)\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_URL = re.compile(r"wss://(\[[0-9a-f:.]+\]|[\w.-]+)(:\d{1,5})?(/[\w.~%/-]*)?", re.ASCII | re.IGNORECASE)
_PUSH = "-push"
"""What the name of the push function ends in."""
_OUTPUTS = ("websocket_url", "push_function_arn")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment in use.

    Parameters
    ----------
    websocket_url, push_function_arn
        The module's outputs.
    user
        The test user, the only one that anything is pushed to.
    token
        A token of the test user; None where there is none.
    local
        The local AWS that it is in; None for AWS itself.
    """

    websocket_url: str
    push_function_arn: str
    user: str
    token: str | None = field(repr=False)
    local: Emulator | None

    @property
    def region(self) -> str:
        """Its Region."""
        return self._function["region"]

    @property
    def function_name(self) -> str:
        """The name of the push function."""
        return self._function["name"]

    @property
    def name(self) -> str:
        """What the names of its resources begin with."""
        return self.function_name.removesuffix(_PUSH)

    @property
    def stage(self) -> tuple[str, str] | None:
        """The API's id and its stage; None if clients use another domain."""
        url = urlsplit(self.websocket_url)
        found = _ADDRESS.fullmatch(url.hostname or "")
        return (found["api"], url.path.strip("/")) if found else None

    @property
    def _function(self) -> re.Match[str]:
        found = _ARN.fullmatch(self.push_function_arn)
        if found is None:
            raise ToolError(_no_arn(self.push_function_arn))
        return found


def checked(deployment: Deployment) -> Deployment:
    """Return a deployment whose address and ARN are such, and may belong together.

    Raises
    ------
    ToolError
        If they are not.
    """
    if not _ARN.fullmatch(deployment.push_function_arn):
        raise ToolError(_no_arn(deployment.push_function_arn))
    if not deployment.function_name.endswith(_PUSH):
        raise ToolError(
            f"{deployment.function_name} is not a push function, and no other is invoked. ARN is the output "
            f"push_function_arn, of a function whose name ends in {_PUSH}."
        )
    if not _URL.fullmatch(deployment.websocket_url):
        raise ToolError(
            "The address is not one to connect to. It is the output websocket_url, such as "
            "wss://abcdef123.execute-api.eu-central-1.amazonaws.com/live, with nothing before or after it."
        )
    address = _ADDRESS.fullmatch(urlsplit(deployment.websocket_url).hostname or "")
    if address and address["region"] != deployment.region:
        raise ToolError(
            f"The address is in {address['region']} and the push function in {deployment.region}: they are of two "
            "deployments. Take websocket_url and push_function_arn from the outputs of one."
        )
    return deployment


def outputs_of(root: Path) -> dict[str, str]:
    """Return the outputs of an applied root module that the doctor needs, read as the person would read them.

    Raises
    ------
    ToolError
        If Terraform cannot read them, or they are not all there.
    """
    program = find_program()
    if not root.is_dir():
        raise ToolError(f"{root} is not a folder. ROOT is the folder of the root module that was applied.")
    answer = subprocess.run(
        [program.path, "output", "-json", "-no-color"],
        cwd=root,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        raise ToolError(f"terraform output in {root} failed. Run terraform init there?\n{answer.stderr.strip()}")
    return needed(json.loads(answer.stdout), root)


def needed(outputs: Mapping[str, Mapping[str, object]], root: Path) -> dict[str, str]:
    """Pick the outputs that the doctor needs.

    Raises
    ------
    ToolError
        If one is missing.
    """
    missing = [name for name in _OUTPUTS if name not in outputs]
    if missing:
        raise ToolError(
            f"{root} has no output {' and no output '.join(missing)}: is it applied? Pass on the module's outputs of "
            "these names, or name the values: make doctor URL=wss://... ARN=arn:aws:lambda:..."
        )
    return {name: str(outputs[name]["value"]) for name in _OUTPUTS}


def _no_arn(text: str) -> str:
    return (
        f"{text} is not the ARN of a function. It is the output push_function_arn, such as "
        "arn:aws:lambda:eu-central-1:123456789012:function:websocket-push-push."
    )
