"""Structured logs: one JSON object a line on standard output.

With the function's log format set to JSON, Lambda passes such lines on as they are and filters them by `level`
(AWS Lambda developer guide, "Configuring JSON and plain text log formats"). So what one of them holds at its top level
reaches CloudWatch at the top level, metrics in the embedded format included.

Fields hold ids, codes, counts and durations. Never a token, a notification's content or a stack trace.
"""

import json
from collections.abc import Mapping

from websocket_push.protocol.identifiers import rfc_3339

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""Lambda's application log levels, lowest first."""


def log_line(level: str, message: str, fields: Mapping[str, object], *, unix_milliseconds: int) -> str:
    """Write a log line, without its line end."""
    record = {"timestamp": rfc_3339(unix_milliseconds), "level": level, "message": message, **fields}
    return json.dumps(record, separators=(",", ":"))


def is_logged(level: str, lowest: str) -> bool:
    """Say whether a level is at or above the lowest one that is logged; an unknown lowest level logs everything."""
    return lowest not in LEVELS or LEVELS.index(level) >= LEVELS.index(lowest)


def log(level: str, message: str, fields: Mapping[str, object], *, unix_milliseconds: int) -> None:
    """Print a log line."""
    print(log_line(level, message, fields, unix_milliseconds=unix_milliseconds), flush=True)


def where(error: BaseException) -> str:
    """Name the place that an error came from, as `module:line`: what a log may say in place of a stack trace."""
    traceback = error.__traceback__
    place = "unknown"
    while traceback is not None:
        place = f"{traceback.tb_frame.f_globals.get('__name__', '?')}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
