"""The command line: `python -m benchmarks [run | emulated | check | cost]`."""

import argparse
import contextlib
import datetime
import sys
import tempfile
from pathlib import Path

from benchmarks import broadcast, cold, cost, machine, steady
from benchmarks.chart import chart
from benchmarks.definitions import FULL, QUICK, Plan, definitions
from benchmarks.programs import ProgramError, new_certificates
from benchmarks.progress import Progress
from benchmarks.results import FORMAT, IncompleteError, Results, load, save, summarize
from benchmarks.stub.launch import running_stub
from benchmarks.table import summary, table, verdict_lines
from tools.errors import ToolError
from tools.paths import BUILD, CHECKOUT
from tools.processes import end_on_signals

RESULTS = CHECKOUT / "benchmarks" / "results.json"
CHART = CHECKOUT / "docs" / "benchmark.svg"
COST_PAGE = CHECKOUT / "docs" / "cost.md"


def main() -> int:
    """Run what the command line names."""
    options = _parser().parse_args()
    end_on_signals()
    try:
        return {"run": _run, "emulated": _emulated, "check": _check, "cost": _cost}[options.command or "run"](options)
    except (ProgramError, IncompleteError, ToolError) as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted; nothing was written.\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.set_defaults(quick=False, results=None)
    commands = parser.add_subparsers(dest="command")
    runner = commands.add_parser("run", help="measure, and write the results and the chart (about ten minutes)")
    runner.add_argument("--quick", action="store_true", help="small and inexact, to see that everything works")
    runner.add_argument("--results", type=Path, help="where to write the results; the chart goes beside them")
    through = commands.add_parser("emulated", help="add the time from invoke to receipt through the local AWS")
    through.add_argument("--results", type=Path, default=RESULTS)
    checker = commands.add_parser("check", help="compare the results with the targets; fails below them")
    checker.add_argument("--results", type=Path, default=RESULTS)
    commands.add_parser("cost", help="rewrite the tables of docs/cost.md, from the results and the list prices")
    return parser


def _run(options: argparse.Namespace) -> int:
    plan = QUICK if options.quick else FULL
    results_path, chart_path = _outputs(options)
    results = _measured(plan)
    save(results, results_path)
    chart_path.parent.mkdir(parents=True, exist_ok=True)
    chart_path.write_text(chart(results), encoding="utf-8")
    if results_path == RESULTS:
        # They count with the CPU time that was just measured.
        cost.rewrite(COST_PAGE, results)
        broadcast.write_pages(broadcast.read_figures())
    sys.stdout.write(f"{table(results)}\n")
    sys.stdout.write("\n".join(verdict_lines(results)))
    sys.stdout.write(f"\n\n{summary(results['measures'])}. Written: {results_path}, {chart_path}\n")
    return 0


def _outputs(options: argparse.Namespace) -> tuple[Path, Path]:
    if options.results is not None:
        return options.results, options.results.with_suffix(".svg")
    if options.quick:
        # A quick run says nothing, so it does not replace a full one.
        return BUILD / "benchmarks" / "results.json", BUILD / "benchmarks" / "results.svg"
    return RESULTS, CHART


def _measured(plan: Plan) -> Results:
    samples = steady.new_samples()
    progress = Progress(steady.steps(plan) + cold.steps(plan))
    core = machine.separate_processors()
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        certificates = new_certificates(folder)
        unpacked = cold.build_packages(folder, samples)
        stub = stack.enter_context(running_stub(certificates, core=core))
        cold.measure(plan, stub, unpacked, samples, progress)
        steady.measure(plan, stub, samples, progress)
        slow = stack.enter_context(running_stub(certificates, core=core, latency=plan.latency))
        steady.measure_journeys(plan, slow, samples, progress)
        patient = stack.enter_context(running_stub(certificates, core=core, latency=plan.full_latency))
        steady.measure_beside_full(plan, patient, samples, progress)
    progress.finish()
    return {
        "format": FORMAT,
        "generatedAt": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "quick": plan.quick,
        "machine": machine.description(),
        "versions": machine.versions(),
        "measures": summarize(definitions(plan), samples),
    }


def _emulated(options: argparse.Namespace) -> int:
    # The emulator's tooling brings what the other commands do without.
    from benchmarks import emulated

    results = load(options.results)
    progress = Progress(2)
    measures = summarize(emulated.DEFINITIONS, emulated.measure(progress))
    progress.finish()
    names = {measure["id"] for measure in measures}
    results["measures"] = [each for each in results["measures"] if each["id"] not in names] + measures
    save(results, options.results)
    sys.stdout.write(table({**results, "measures": measures}))
    return 0


def _cost(options: argparse.Namespace) -> int:
    cost.rewrite(COST_PAGE, load(RESULTS))
    return 0


def _check(options: argparse.Namespace) -> int:
    results = load(options.results)
    sys.stdout.write("\n".join(verdict_lines(results)) + f"\n\n{summary(results['measures'])}\n")
    verdicts = broadcast.verdicts(broadcast.read_figures())
    sys.stdout.writelines(f"{'met' if met else 'MISSED':<13} {text}\n" for text, met in verdicts.items())
    return 1 if any(measure["met"] is False for measure in results["measures"]) or not all(verdicts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
