"""Structured logs: one JSON object per line on standard output.

With the function's log format set to JSON, Lambda passes such lines on unchanged and filters them by `level` (AWS
Lambda developer guide, "Configuring JSON and plain text log formats"). Members at the top level of a line, including
metrics in the embedded metric format, therefore reach CloudWatch at the top level.

Fields contain ids, codes, counts and durations; never a token, a notification's content or a stack trace.
"""

import json
from collections.abc import Mapping

from websocket_push.protocol.identifiers import rfc_3339

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""Lambda's application log levels, lowest first."""


def log_line(level: str, message: str, fields: Mapping[str, object], *, unix_milliseconds: int) -> str:
    """Return a log line, without its line break."""
    record = {"timestamp": rfc_3339(unix_milliseconds), "level": level, "message": message, **fields}
    return json.dumps(record, separators=(",", ":"))


def is_logged(level: str, lowest: str) -> bool:
    """Return whether a level is at or above the lowest logged level; an unknown lowest level logs everything."""
    return lowest not in LEVELS or LEVELS.index(level) >= LEVELS.index(lowest)


def log(level: str, message: str, fields: Mapping[str, object], *, unix_milliseconds: int) -> None:
    """Print a log line."""
    print(log_line(level, message, fields, unix_milliseconds=unix_milliseconds), flush=True)


def where(error: BaseException) -> str:
    """Return the place where an error was raised, as `module:line`, for the log instead of a stack trace."""
    traceback = error.__traceback__
    place = "unknown"
    while traceback is not None:
        place = f"{traceback.tb_frame.f_globals.get('__name__', '?')}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
