import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from websocket_push.protocol.identifiers import (
    RANDOM_BYTES,
    earliest_id_at,
    milliseconds_of,
    new_notification_id,
    parse_notification_id,
    rfc_3339,
)

nanoseconds = st.integers(0, 2**48 * 1_000_000 - 1)
randoms = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)
ids = st.builds(new_notification_id, nanoseconds, randoms)


@given(nanoseconds, randoms)
def test_a_new_id_is_a_uuid_of_version_7_that_holds_its_time(now: int, random: bytes) -> None:
    notification_id = new_notification_id(now, random)

    parsed = uuid.UUID(notification_id)
    assert str(parsed) == notification_id
    assert parsed.version == 7
    assert parsed.variant == uuid.RFC_4122
    assert milliseconds_of(notification_id) == now // 1_000_000


@given(nanoseconds, nanoseconds, randoms, randoms)
def test_ids_sort_as_their_times_down_to_a_quarter_of_a_microsecond(
    first: int, second: int, random: bytes, other: bytes
) -> None:
    if abs(first - second) < 250:
        return
    earlier, later = sorted((first, second))
    assert new_notification_id(earlier, random) < new_notification_id(later, other)


def test_ids_of_one_moment_differ_by_their_random_bits() -> None:
    assert len({new_notification_id(1, bytes([n] * RANDOM_BYTES)) for n in range(64)}) == 64


@given(nanoseconds, randoms)
def test_the_earliest_id_of_a_millisecond_is_not_above_any_of_it(now: int, random: bytes) -> None:
    millisecond = now // 1_000_000
    notification_id = new_notification_id(now, random)

    assert earliest_id_at(millisecond) <= notification_id
    assert millisecond == 0 or notification_id > earliest_id_at(millisecond - 1)
    assert parse_notification_id(earliest_id_at(millisecond)) is not None


def test_times_before_the_epoch_count_as_the_epoch() -> None:
    assert earliest_id_at(-5) == earliest_id_at(0) == "00000000-0000-7000-8000-000000000000"


@given(ids)
def test_upper_case_is_read_as_the_canonical_form(notification_id: str) -> None:
    assert parse_notification_id(notification_id.upper()) == notification_id


def test_what_is_no_uuid_of_version_7_is_no_id() -> None:
    sound = "0193a5b0-7c00-7abc-9def-0123456789ab"
    assert parse_notification_id(sound) == sound
    for value in (
        None,
        7,
        "",
        sound[:-1],
        sound + "0",
        sound + "\n",
        sound.replace("-", ""),
        "{" + sound + "}",
        str(uuid.UUID(int=0)),
        "0193a5b0-7c00-4abc-9def-0123456789ab",  # version 4
        "0193a5b0-7c00-7abc-7def-0123456789ab",  # another variant
        "0193a5b0-7c00-7abc-9def-0123456789ag",
        "0193a5b0-7c00-7abc-9def-0123456789a\u0661",
    ):
        assert parse_notification_id(value) is None, value


@given(ids, st.integers(0, 35), st.characters())
def test_an_id_with_another_character_is_one_if_it_reads_as_one(
    notification_id: str, place: int, character: str
) -> None:
    changed = notification_id[:place] + character + notification_id[place + 1 :]
    sound = re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", changed, re.IGNORECASE)
    assert parse_notification_id(changed) == (changed.lower() if sound else None)


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert rfc_3339(0) == "1970-01-01T00:00:00.000Z"
    assert rfc_3339(1_769_860_800_007) == "2026-01-31T12:00:00.007Z"
