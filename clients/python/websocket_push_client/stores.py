"""Where a client keeps its position while it does not run."""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Protocol


class Store(Protocol):
    """Keeps one line of text. What either method raises is reported as STORE."""

    def load(self) -> str | None:
        """Return what was saved last, or a lone notification id. None: begin with the newest page."""

    def save(self, text: str) -> None:
        """Keep a text in place of the last one."""


class MemoryStore:
    """Keeps the position for as long as the object lives.

    Parameters
    ----------
    text
        What it holds at first.
    """

    def __init__(self, text: str | None = None) -> None:
        self.text = text

    def load(self) -> str | None:
        """Return what was saved last."""
        return self.text

    def save(self, text: str) -> None:
        """Keep a text in place of the last one."""
        self.text = text


class FileStore:
    """Keeps the position in a file, one for each user; a crash leaves the old text or the new one.

    Parameters
    ----------
    path
        The file. Its folder must exist.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def load(self) -> str | None:
        """Return what was saved last."""
        with contextlib.suppress(FileNotFoundError):
            return self._path.read_text(encoding="ascii", errors="replace")
        return None

    def save(self, text: str) -> None:
        """Keep a text in place of the last one."""
        with tempfile.NamedTemporaryFile("w", dir=self._path.parent, encoding="ascii", delete=False) as file:
            written = Path(file.name)
            try:
                file.write(text)
                file.close()
                written.replace(self._path)
            except OSError:
                # A full disk would fill up with what could not be written.
                written.unlink(missing_ok=True)
                raise
