"""The emulator's own process: `python -m tools.emulator.launch`, in the emulator's environment.

It ends when its parent does, however that happens: the parent holds the other end of standard input.
"""

import os
import sys
import threading
from importlib.metadata import version
from typing import Any

from tools.emulator import patches
from tools.emulator.repeats import answering_repeats


def main() -> None:
    """Correct the emulator's faults and run it."""
    if version("ministack") != patches.VERSION:
        sys.exit(
            f"ministack {version('ministack')} is installed, but tools/emulator/patches corrects {patches.VERSION}. "
            "Check each patch against the new version."
        )
    threading.Thread(target=_end_with_parent, daemon=True, name="end-with-parent").start()
    patches.apply()

    from ministack import app

    app.app = answering_repeats(app.app)
    _end_once_stored(app)
    try:
        app.main()
    finally:
        _end_workers()


def _end_once_stored(app: Any) -> None:
    """Where the emulator stores its state at its end (PERSIST_STATE=1), end with that: it would wait for threads."""
    store = app.save_all

    def store_and_end(*arguments: Any) -> None:
        store(*arguments)
        _end_workers()
        os._exit(0)

    app.save_all = store_and_end


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    _end_workers()
    os._exit(0)


def _end_workers() -> None:
    from ministack.core import lambda_runtime

    lambda_runtime.reset()


if __name__ == "__main__":
    main()
