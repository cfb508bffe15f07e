import pytest

from tools.mutation import PARTS, TESTS, configuration, files
from tools.paths import CHECKOUT


def test_every_file_that_is_changed_has_tests_of_its_own() -> None:
    listed = files(PARTS)
    assert len(listed) == len(set(listed)) > len(PARTS)
    for file in listed:
        assert f'module-path = "lambda/websocket_push/{file}"' in configuration(file)
    assert files(["push/refusals.py", "push/refusals.py"]) == ["push/refusals.py"]


@pytest.mark.parametrize("tests", TESTS.values(), ids=TESTS)
def test_the_tests_are_there(tests: tuple[str, ...]) -> None:
    assert all((CHECKOUT / each).exists() for each in tests)
