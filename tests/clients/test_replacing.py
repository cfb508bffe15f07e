"""The client for Python shows nothing after what replaces it, in whatever order the frames come."""

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.virtual import run
from websocket_push.protocol.identifiers import earliest_id_at
from websocket_push_client import Notification, PushClient, Recall

Frame = dict[str, Any]
START = 1_769_860_800_000


@st.composite
def histories(draw: st.DrawFn) -> list[Frame]:
    """Return frames in the order of their ids, each of which may replace or recall any one before it."""
    frames: list[Frame] = []
    for number in range(draw(st.integers(2, 6))):
        frame: Frame = {"id": earliest_id_at(START + number * 600_000), "createdAt": "", "content": number}
        earlier = [each for each in frames if "content" in each]
        match draw(st.sampled_from(["plain", "key", *(["replaces", "recalls"] if earlier else [])])):
            case "key":
                frame["key"] = draw(st.sampled_from(["k", "j"]))
            case "replaces":
                frame["replaces"] = draw(st.sampled_from(earlier))["id"]
            case "recalls":
                target = draw(st.sampled_from(earlier))
                frame = {"id": frame["id"], "createdAt": "", "recalls": target["id"], "key": target.get("key")}
        frames.append({name: value for name, value in frame.items() if value is not None})
    return frames


def left(frames: Sequence[Frame]) -> set[str]:
    """Return what there is to see in the end: what is neither replaced nor recalled, of each key the latest."""
    gone = {each.get("replaces") or each.get("recalls") for each in frames}
    latest = {each["key"]: each["id"] for each in frames if "key" in each and "content" in each}
    valid = [each for each in frames if "content" in each and each["id"] not in gone]
    return {each["id"] for each in valid if latest.get(each.get("key", ""), each["id"]) == each["id"]}


class Application:
    """An application as docs/protocol.md wants it. It fails if the client passes on what was replaced."""

    def __init__(self) -> None:
        self.shown: dict[str, str | None] = {}
        self._gone: set[str] = set()
        self._latest: dict[str, str] = {}

    def notify(self, notification: Notification) -> None:
        assert notification.id not in self._gone | self.shown.keys()
        assert notification.id >= self._latest.get(notification.key or "", "")
        self._drop(notification.replaces, notification.key, notification.id)
        if notification.key is not None:
            self._latest[notification.key] = notification.id
        self.shown[notification.id] = notification.key

    def recall(self, recall: Recall) -> None:
        self._drop(recall.recalls, recall.key, recall.recalls)

    def _drop(self, identifier: str | None, key: str | None, bound: str) -> None:
        earlier = {each for each, its in self.shown.items() if key is not None and its == key and each < bound}
        for each in earlier | {identifier or ""}:
            self.shown.pop(each, None)
        self._gone.add(identifier or "")


@given(st.data())
def test_whatever_the_order_and_repetition_what_is_left_is_shown(data: st.DataObject) -> None:
    frames = data.draw(histories())
    sent = data.draw(st.permutations([*frames, *data.draw(st.lists(st.sampled_from(frames), max_size=3))]))
    application = Application()

    async def never(*_: object) -> Any:
        await asyncio.Event().wait()

    async def play() -> None:
        async with PushClient("wss://example.test", connect=never, on_recall=application.recall) as client:
            for frame in sent:
                client.live(frame)
        async for notification in client:
            application.notify(notification)

    run(play())
    assert application.shown.keys() == left(frames)
