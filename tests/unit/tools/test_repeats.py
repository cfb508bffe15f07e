import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from tools.emulator.repeats import Message, Send, answering_repeats

TERRAFORM = b"APN/1.0 HashiCorp/1.0 Terraform/1.11.4 terraform-provider-aws/5.100.0"


class Creator:
    """Answers the first requests with one status and refuses the later ones, because the thing exists."""

    def __init__(self, status: int = 200, first: int = 1) -> None:
        self.asked = 0
        self.status = status
        self.first = first

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        self.asked += 1
        await send(
            {"type": "http.response.start", "status": self.status if self.asked <= self.first else 400, "headers": []}
        )
        await send({"type": "http.response.body", "body": b"cre", "more_body": True})
        await send({"type": "http.response.body", "body": b"ated"})


def request(*, attempt: int, invocation: bytes = b"one", agent: bytes = TERRAFORM) -> Message:
    counted = f"attempt={attempt}; max=25".encode()
    headers = [(b"amz-sdk-invocation-id", invocation), (b"amz-sdk-request", counted), (b"user-agent", agent)]
    return {"type": "http", "headers": headers}


def ask(creator: Creator, requests: Sequence[Message], *, lost: int = 0) -> list[int]:
    """Send requests, the answers to the first of which are lost; give the statuses of the answers."""
    app = answering_repeats(creator)
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def main() -> None:
        for number, each in enumerate(requests):

            async def send(message: Message, number: int = number) -> None:
                if number < lost and "body" in message and not message.get("more_body"):
                    raise ConnectionResetError
                if message["type"] == "http.response.start":
                    statuses.append(message["status"])

            try:
                await app(each, receive, send)
            except ConnectionResetError:
                statuses.clear()

    asyncio.run(main())
    return statuses


def test_a_request_that_is_sent_again_gets_the_answer_that_was_lost() -> None:
    creator = Creator()
    assert ask(creator, [request(attempt=1), request(attempt=2), request(attempt=3)], lost=1) == [200, 200]
    assert creator.asked == 1


@pytest.mark.parametrize(
    "second",
    [
        request(attempt=2, invocation=b"another"),
        request(attempt=1),
        request(attempt=2, agent=b"Boto3/1.40"),
        {"type": "http", "headers": []},
        {"type": "lifespan"},
    ],
)
def test_any_other_request_is_carried_out(second: Message) -> None:
    creator = Creator()
    assert ask(creator, [request(attempt=1), second]) == [200, 400]
    assert creator.asked == 2


def test_what_failed_is_tried_again() -> None:
    creator = Creator(status=503)
    assert ask(creator, [request(attempt=1), request(attempt=2)]) == [503, 400]


@pytest.mark.parametrize(("between", "asked"), [(199, 200), (200, 202)])
def test_the_latest_200_answers_are_kept(between: int, asked: int) -> None:
    creator = Creator(first=300)
    others = [request(attempt=1, invocation=str(number).encode()) for number in range(between)]
    ask(creator, [request(attempt=1), *others, request(attempt=2)])
    assert creator.asked == asked
