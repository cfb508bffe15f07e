"""The way of a notification through a local AWS: from the backend's invoke to the device's receipt.

The emulator runs the functions, the tables and the WebSockets; its own time is in every figure and is most of it, so
the difference between the two functions says more than their ratio. The boto3 function is deployed with the role, the
environment and the memory of this project's.
"""

import asyncio
import importlib.util
import io
import json
import shutil
import statistics
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.definitions import BOTO3, OURS, Definition
from benchmarks.progress import Progress
from tools.aws import backend, clients
from tools.emulator.server import Emulator, emulator
from tools.paths import BUILD, CHECKOUT
from tools.terraform import Terraform, copy_sources, find_program, terraform_environment
from tools.websocket import Device, device

PUSHES = 200
WARM_PUSHES = 10
_REFERENCE = "websocket-push-on-boto3"
_HANDLER = CHECKOUT / "benchmarks" / "boto3_handlers" / "push.py"
_LIBRARIES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
_SERVICES = ("dynamodb", "apigatewaymanagementapi")

DEFINITIONS = tuple(
    Definition(f"emulated.receipt.{name}", f"invoke to receipt, {name} in the emulator", "ms", (BOTO3,))
    for name in ("p50", "p99")
)


def percentile(samples: Sequence[float], percent: int) -> float:
    """Return the value that so many percent of at least 100 samples do not exceed."""
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]


def measure(progress: Progress) -> dict[str, dict[str, list[float]]]:
    """Apply the minimal example to an emulator, push through both functions in turn, and return the samples.

    Raises
    ------
    ToolError
        If the machine lacks Terraform, the provider or the emulator.
    """
    BUILD.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-", dir=BUILD))
    program = find_program()
    settings = terraform_environment(folder, program)
    with emulator(folder) as local:
        root = copy_sources(folder / "checkout") / "examples" / "minimal"
        terraform = Terraform(program, root, folder / "terraform", settings | local.credentials)
        progress.step("terraform apply in the emulator")
        terraform.init()
        terraform.apply()
        outputs = terraform.outputs()
        progress.step(f"{PUSHES} pushes through either function")
        reference = _deploy_reference(local, outputs)
        times = asyncio.run(_push_in_turn(local, outputs, reference))
    shutil.rmtree(folder)
    return {
        f"emulated.receipt.p{percent}": {name: [percentile(found, percent)] for name, found in times.items()}
        for percent in (50, 99)
    }


async def _push_in_turn(local: Emulator, outputs: Mapping[str, Any], reference: str) -> dict[str, list[float]]:
    functions = {OURS: str(outputs["push_function_arn"]), BOTO3: reference}
    invoke = backend(local, outputs).lambda_.invoke
    times: dict[str, list[float]] = {name: [] for name in functions}
    async with device(local, str(outputs["websocket_url"]), userId="alice") as alice:
        for number in range(WARM_PUSHES + PUSHES):
            for name, function in functions.items():
                payload = json.dumps({"userId": "alice", "content": {"number": number, "through": name}})
                seconds = await _time_receipt(alice, lambda f=function, p=payload: invoke(FunctionName=f, Payload=p))
                if number >= WARM_PUSHES:
                    times[name].append(seconds * 1000)
    return times


async def _time_receipt(alice: Device, invoke: Any) -> float:
    started = time.perf_counter()
    answered = asyncio.create_task(asyncio.to_thread(invoke))
    await alice.next_notification()
    seconds = time.perf_counter() - started
    await answered
    return seconds


def _deploy_reference(local: Emulator, outputs: Mapping[str, Any]) -> str:
    """Deploy the boto3 function beside this project's, and return its ARN."""
    lambda_ = clients(local)("lambda")
    ours = lambda_.get_function_configuration(FunctionName=outputs["push_function_arn"])
    variables = dict(ours["Environment"]["Variables"])
    # boto3 takes one address for all; the emulator serves a stage under this path as well.
    variables["CONNECTIONS_URL"] = f"{local.endpoint}/_aws/execute-api/{outputs['api_id']}/{_stage(outputs)}"
    answer = lambda_.create_function(
        FunctionName=_REFERENCE,
        Role=ours["Role"],
        Runtime=ours["Runtime"],
        Handler="push.handler",
        Code={"ZipFile": reference_package()},
        MemorySize=ours["MemorySize"],
        Timeout=ours["Timeout"],
        Environment={"Variables": variables},
    )
    return str(answer["FunctionArn"])


def reference_package() -> bytes:
    """Zip the boto3 function with the SDK that is installed here, as far as it needs it."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as package:
        package.write(_HANDLER, _HANDLER.name)
        for path, name in _library_files():
            package.write(path, name)
    return written.getvalue()


def _library_files() -> Iterator[tuple[Path, str]]:
    for library in _LIBRARIES:
        specification = importlib.util.find_spec(library)
        if specification is None or specification.origin is None:
            raise ModuleNotFoundError(library)
        origin = Path(specification.origin)
        if origin.name != "__init__.py":
            yield origin, origin.name
            continue
        for path in sorted(origin.parent.rglob("*")):
            parts = path.relative_to(origin.parent).parts
            if path.is_file() and "__pycache__" not in parts and _is_needed(parts):
                yield path, "/".join((library, *parts))


def _is_needed(parts: tuple[str, ...]) -> bool:
    # botocore describes every service of AWS, 25 MB of them.
    return parts[0] != "data" or len(parts) == 2 or parts[1] in _SERVICES


def _stage(outputs: Mapping[str, Any]) -> str:
    return str(outputs["websocket_url"]).rstrip("/").rpartition("/")[2]
