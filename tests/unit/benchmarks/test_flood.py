from benchmarks.flood import BURST, PER_SECOND, SECONDS, Flood, play, table
from tools.paths import CHECKOUT


def test_the_table_in_the_documents_is_current() -> None:
    page = (CHECKOUT / "docs" / "limits.md").read_text(encoding="utf-8")
    shown = page.split("<!-- flood: begin -->\n")[1].split("\n<!-- flood: end -->")[0]
    assert shown.splitlines() == table(), "run: python -m benchmarks.flood"


def test_one_environment_keeps_exactly_to_the_limit() -> None:
    outcome = play(Flood("slow enough for one environment", 1, 50))
    assert outcome.environments == 1
    assert outcome.accepted <= BURST + PER_SECOND * SECONDS


def test_environments_bound_how_far_it_is_exceeded() -> None:
    for at_once in (1, 5, 50):
        outcome = play(Flood("some", at_once, 20))
        assert outcome.accepted <= outcome.environments * (BURST + PER_SECOND * SECONDS)
