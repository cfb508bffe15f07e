"""A function's life up to its first answer: `python -I -B first_answer.py FOLDER MODULE EVENT`."""

import json
import os
import sys


class Context:
    """What Lambda passes beside the event."""

    aws_request_id = "8f5d7f0e-6c1b-4f57-9d3e-0a1b2c3d4e5f"

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still run."""
        return 10_000


def main() -> None:
    """Import the handler from the folder, invoke it and print its answer in the last line."""
    folder, module, event = sys.argv[1:]
    sys.path.insert(0, folder)
    __import__(module)
    answer = sys.modules[module].handler(json.loads(event), Context())
    print(json.dumps(answer), flush=True)
    # What an interpreter does at its end, a function never does.
    os._exit(0)


if __name__ == "__main__":
    main()
