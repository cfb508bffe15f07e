import io
import signal

import pytest

from tools.acceptance.interrupts import first_one_unwinds, unbreakable


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_unwinds_and_the_later_ones_only_say_what_goes_on(number: signal.Signals) -> None:
    said: list[str] = []
    steps = []
    with first_one_unwinds(said.append, "verify-1"):
        try:
            signal.raise_signal(number)
            steps.append("not reached")
        except KeyboardInterrupt:
            signal.raise_signal(number)
            signal.raise_signal(signal.SIGINT)
            steps.append("destroyed")
    assert steps == ["destroyed"]
    assert "Interrupted" in said[0]
    assert len(said) == 3
    assert all("CLEAN=verify-1" in line for line in said[1:])


def test_while_cleaning_up_not_even_the_first_signal_unwinds() -> None:
    said: list[str] = []
    with first_one_unwinds(said.append, "verify-1") as cleaning:
        cleaning()
        signal.raise_signal(signal.SIGINT)
    assert ["Destroying goes on" in line for line in said] == [True]


def test_afterwards_signals_mean_what_they_meant() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with first_one_unwinds(lambda line: None, "verify-1"):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


class Gone(io.StringIO):
    """A terminal that was closed."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")

    def flush(self) -> None:
        raise OSError(5, "Input/output error")

    def isatty(self) -> bool:
        raise ValueError("I/O operation on closed file")


def test_a_terminal_that_is_gone_stops_nothing() -> None:
    stream = unbreakable(Gone())
    assert stream.write("text") == 4
    stream.flush()
    assert stream.isatty() is False


def test_a_terminal_that_is_there_gets_everything() -> None:
    target = io.StringIO()
    unbreakable(target).write("text")
    assert target.getvalue() == "text"
