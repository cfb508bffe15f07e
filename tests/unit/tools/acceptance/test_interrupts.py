import io
import signal

import pytest

from tools.acceptance.interrupts import Interrupts, unbreakable


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_unwinds_and_the_later_ones_only_say_what_goes_on(number: signal.Signals) -> None:
    said: list[str] = []
    steps = []
    with Interrupts(said.append, "verify-1").handled():
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


def test_what_is_under_way_comes_to_its_end_before_a_signal_unwinds() -> None:
    said: list[str] = []
    steps = []
    interrupts = Interrupts(said.append, "verify-1")

    def apply() -> None:
        with interrupts.finishing():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            steps.append("applied")
        steps.append("not reached")

    with interrupts.handled(), pytest.raises(KeyboardInterrupt):
        apply()
    assert steps == ["applied"]
    assert "Interrupted" in said[0]
    assert len(said) == 2


def test_what_fails_under_way_is_interrupted_all_the_same() -> None:
    interrupts = Interrupts(lambda line: None, "verify-1")

    def apply() -> None:
        with interrupts.finishing():
            signal.raise_signal(signal.SIGINT)
            raise ValueError

    with interrupts.handled(), pytest.raises(KeyboardInterrupt):
        apply()


def test_what_is_under_way_and_not_interrupted_goes_on() -> None:
    interrupts = Interrupts(lambda line: None, "verify-1")
    with interrupts.handled():
        with interrupts.finishing():
            pass
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_while_cleaning_up_not_even_the_first_signal_unwinds() -> None:
    said: list[str] = []
    interrupts = Interrupts(said.append, "verify-1")
    with interrupts.handled():
        interrupts.clean()
        signal.raise_signal(signal.SIGINT)
        with interrupts.finishing():
            signal.raise_signal(signal.SIGINT)
    assert ["CLEAN=verify-1" in line for line in said] == [True, True]


def test_afterwards_signals_mean_what_they_meant() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts(lambda line: None, "verify-1").handled():
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
