from hypothesis import example, given
from hypothesis import strategies as st

from websocket_push.tables.notifications import key_of, topic_key

# Pieces of which keys are made, so that what looks like a key comes up often.
USERS = st.lists(st.sampled_from(["topic#", "user#", "topic", "user", "#", "*", "org/7", "alice"]), min_size=1).map(
    "".join
)
IDS = st.one_of(USERS, st.text(min_size=1))


@given(IDS, IDS)
@example("topic#a", "user#topic#a")
@example("user#topic#a", "user#user#topic#a")
def test_no_two_users_share_a_log(one: str, other: str) -> None:
    assert (key_of(one) == key_of(other)) is (one == other)


@given(IDS, IDS)
@example("topic#*", "*")
@example("topic#org/7", "org/7")
def test_no_user_shares_a_log_with_a_topic(user_id: str, topic: str) -> None:
    assert key_of(user_id) != topic_key(topic)


@given(st.text(min_size=1).filter(lambda text: "topic#" not in text))
@example("user#alice")
@example("topics")
def test_a_user_that_looks_like_no_topic_is_stored_as_ever(user_id: str) -> None:
    assert key_of(user_id) == user_id


@given(st.text(), st.text())
def test_no_two_topics_share_a_log(one: str, other: str) -> None:
    assert (topic_key(one) == topic_key(other)) is (one == other)
