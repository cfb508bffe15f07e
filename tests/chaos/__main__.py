"""`python -m tests.chaos`: every scenario in its long form, one line of figures each."""

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.scenarios import SCENARIOS, LostError, Scenario, perform
from tests.chaos.world import world
from tools.errors import ToolError
from tools.paths import BUILD
from tools.processes import end_on_signals


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios; the exit status is 0 only if nothing was lost in any."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    names = [_short(each) for each in SCENARIOS]
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, help="the scenarios to run, such as 1 or load"
    )
    parser.add_argument("--seed", type=int, help="the seed that a run printed, to have the same faults chosen again")
    parser.add_argument("--short", action="store_true", help="the sizes of make test")
    options = parser.parse_args(arguments)
    end_on_signals()
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    chosen = [each for each in SCENARIOS if _short(each) in options.only]
    BUILD.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=BUILD))
    failed = 0
    try:
        with world(folder, lambda what: _say(f"{what} ...")) as here:
            for scenario in chosen:
                size = scenario.short if options.short else scenario.long
                try:
                    _say(perform(here, scenario, size, seed))
                except LostError as problem:
                    failed += 1
                    _say(f"FAILED {problem}")
    except ToolError as problem:
        _say(str(problem))
        return 1
    except KeyboardInterrupt:
        return 130
    if failed:
        _say(f"Logs are kept in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def _short(scenario: Scenario) -> str:
    return scenario.name.split()[0]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
