import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import boto3
import pytest
from moto import mock_aws

from tools import redrive
from tools.redrive import Again, batches, invoked_again, invoking, main, queued_again
from websocket_push.protocol.batch import QueuedMessage, parse_queued_push
from websocket_push.protocol.errors import RequestError
from websocket_push.protocol.identifiers import earliest_id_at, milliseconds_of
from websocket_push.protocol.segment import Segment, parse_segment, segment_text

NOW = 1_900_000_000_000
SENT = 1_769_860_800_000
ID = earliest_id_at(SENT)
REFUSED = '{"userId":"alice","content":1,"persits":true}'
REQUEST_ID = "8f5d7f0e-6c1b-4f57-9d3e-0a1b2c3d4e5f"
EXACT = '{"n" : 10000000000000000.01, "n":1E400}'


class Queues(NamedTuple):
    sqs: Any
    push: str
    dead: str

    def send(self, *bodies: str) -> list[QueuedMessage]:
        """Send to the push queue, and let every message fail."""
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.push, MessageBody=body)
        sent = self.all_of(self.push)
        assert self.all_of(self.push) == []
        return sent

    def all_of(self, url: str) -> list[QueuedMessage]:
        """Receive everything, and have it received again at once."""
        found = []
        while messages := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60, AttributeNames=["SentTimestamp"]
        ).get("Messages"):
            found += messages
        for message in found:
            self.sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        return [
            QueuedMessage(each["MessageId"], int(each["Attributes"]["SentTimestamp"]), each["Body"]) for each in found
        ]


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(redrive, "WAIT_SECONDS", 0)
    with mock_aws():
        sqs = boto3.client("sqs", region_name="eu-west-1")
        dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
        push = sqs.create_queue(QueueName="push", Attributes={"RedrivePolicy": policy})["QueueUrl"]
        yield Queues(sqs, push, dead)


def id_of(message: QueuedMessage) -> str | None:
    return parse_queued_push(message, now_milliseconds=NOW, max_frame_bytes=32 * 1024).notification_id


def ids_by_content(messages: list[QueuedMessage]) -> dict[str, str | None]:
    return {
        parse_queued_push(each, now_milliseconds=NOW, max_frame_bytes=32 * 1024).content: id_of(each)
        for each in messages
    }


def test_messages_go_back_with_the_ids_that_they_had_and_what_is_refused_stays(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = [f'{{"userId":"alice","content":{number}}}' for number in range(13)]
    sent = queues.send(*sound, REFUSED)
    assert len(queues.all_of(queues.dead)) == len(sent)
    assert main(["--from", queues.dead, "--to", queues.push]) == 1
    assert "13 moved, 1 stay." in (printed := capsys.readouterr().out)
    assert "UNKNOWN_FIELD: Unknown field 'persits'" in printed
    assert [each.body for each in queues.all_of(queues.dead)] == [REFUSED]
    assert ids_by_content(queues.all_of(queues.push)) == ids_by_content([each for each in sent if each.body != REFUSED])


def test_a_second_redrive_keeps_the_id_of_the_first(queues: Queues) -> None:
    (sent,) = queues.send('{"userId":"alice","content":1}')
    for _ in range(2):
        assert main(["--from", queues.dead, "--to", queues.push]) == 0
        (again,) = queues.all_of(queues.push)
        assert (again.message_id != sent.message_id, id_of(again)) == (True, id_of(sent))
        queues.all_of(queues.push)


def test_a_run_that_is_interrupted_loses_nothing_and_the_next_one_ends_it(queues: Queues) -> None:
    sent = queues.send(*(f'{{"userId":"alice","content":{number}}}' for number in range(5)))

    def send(batch: Any) -> Iterator[str]:
        yield batch[0].message_id
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        redrive.redrive(queues.sqs, queues.dead, lambda message: queued_again(message, now_milliseconds=NOW), send)
    assert len(queues.all_of(queues.dead)) == len(sent) - 1
    assert main(["--from", queues.dead, "--to", queues.push]) == 0
    assert queues.all_of(queues.dead) == []
    assert len(queues.all_of(queues.push)) == len(sent) - 1


def test_what_is_not_taken_stays(queues: Queues) -> None:
    queues.send('{"userId":"alice","content":1}')
    moved, stays = redrive.redrive(
        queues.sqs, queues.dead, lambda message: queued_again(message, now_milliseconds=NOW), lambda _: ()
    )
    assert (moved, list(stays.values())) == (0, ["It was not taken."])
    assert len(queues.all_of(queues.dead)) == 1


def test_a_queue_that_is_not_there_is_said(queues: Queues, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--from", f"{queues.dead}-not", "--to", queues.push]) == 1
    assert "NonExistentQueue" in capsys.readouterr().err


def received(body: str) -> dict[str, Any]:
    return {"MessageId": "m1", "Attributes": {"SentTimestamp": str(SENT)}, "Body": body}


@pytest.mark.parametrize(
    ("members", "id_"),
    [("", None), (',"id":null', None), (f',"id":"{ID.upper()}"', ID.upper())],
    ids=["no", "null", "own"],
)
def test_the_content_goes_back_as_it_was_written(members: str, id_: str | None) -> None:
    body = f'{{"content": {EXACT} ,"userIds":["\\ud83d\\ude00"],"ttl":60{members}}}'
    again = queued_again(received(body), now_milliseconds=NOW)
    expected = id_ or id_of(QueuedMessage("m1", SENT, body))
    assert again == f'{{"userIds":["\U0001f600"],"ttl":60,"id":"{expected}","content":{EXACT}}}'


@pytest.mark.parametrize(
    "request_",
    [
        f'{{"userId":"alice","recall":"{ID}"}}',
        f'{{"userIds":["alice","bob"],"recall":"{ID}","onFailure":"raise"}}',
        f'{{"userId":"alice","replaces":"{ID}","content":{EXACT}}}',
        f'{{"userId":"alice","key":"order-1","content":{EXACT}}}',
        f'{{"topic":"org/7","content":{EXACT}}}',
        '{"userIds":["alice","bob"],"content":null}',
    ],
)
def test_every_kind_of_request_goes_back_as_the_same_notification(request_: str) -> None:
    queued = queued_again(received(request_), now_milliseconds=NOW)
    expected = id_of(QueuedMessage("m1", SENT, request_))
    assert queued.count(f',"id":"{expected}"') == 1
    assert queued.replace(f',"id":"{expected}"', "") == request_
    invoked = invoked_again(received(record(request_, errorType="UNAVAILABLE")), now_milliseconds=NOW)
    assert id_of(QueuedMessage("m1", SENT, invoked)) == json.loads(invoked)["id"]


def test_a_message_that_cannot_be_read_keeps_no_other_in_the_queue(queues: Queues) -> None:
    sound = [f'{{"userId":"alice","recall":"{ID}"}}', '{"userId":"alice","content":1}']
    queues.send("[" * 100_000, '{"userId":"alice","content":' + "[" * 100_000, '{"Type":"Notification"}', *sound)
    assert main(["--from", queues.dead, "--to", queues.push]) == 1
    assert len(queues.all_of(queues.dead)) == 3
    assert len(queues.all_of(queues.push)) == 2


def record(payload: str = '{"userId":"alice","content":1}', *, invoked: int = 3, **answer: str) -> str:
    context = {"requestId": REQUEST_ID, "condition": "RetriesExhausted", "approximateInvokeCount": invoked}
    text = json.dumps({"version": "1.0", "requestContext": context, **({"responsePayload": answer} if answer else {})})
    return f'{text[:-1]},"requestPayload":{payload}}}'


def again_from(body: str, *, new_ids: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(invoked_again(received(body), now_milliseconds=NOW, new_ids=new_ids))
    return found


def test_an_incomplete_invocation_is_repeated_with_the_id_that_it_names() -> None:
    for message in (f"Push it again with the id {ID}: who has it", f"1 of 2. The id was {ID}."):
        assert again_from(record(errorType="INCOMPLETE", errorMessage=message))["id"] == ID


def test_an_id_of_the_requests_own_is_kept_however_it_failed() -> None:
    payload = f'{{"userId":"alice","content":1,"id":"{ID}"}}'
    for body in (record(payload), record(payload, errorType="Sandbox.Timedout"), record(payload, errorType="INTERNAL")):
        assert again_from(body)["id"] == ID


def test_one_that_came_to_nothing_gets_an_id_that_stays_the_same() -> None:
    for body in (record(errorType="UNAVAILABLE"), record(errorType="AWS_REFUSED"), record(invoked=0)):
        id_ = again_from(body)["id"]
        assert milliseconds_of(id_) == SENT
        assert again_from(body)["id"] == id_


@pytest.mark.parametrize("body", [record(), record(errorType="Sandbox.Timedout"), record(errorType="INTERNAL")])
def test_one_that_died_stays_unless_a_new_id_is_asked_for(body: str) -> None:
    with pytest.raises(RequestError, match="NEW_IDS=1"):
        again_from(body)
    assert milliseconds_of(again_from(body, new_ids=True)["id"]) == SENT


@pytest.mark.parametrize(
    "body",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        '{"userId":"alice","content":1}',
        record("[1]"),
        record(REFUSED),
        record('"x"'),
        "[" * 100_000,
    ],
)
def test_what_can_never_succeed_is_refused_with_its_reason(body: str) -> None:
    with pytest.raises(RequestError, match=r"record|object|persits"):
        again_from(body, new_ids=True)


def test_the_payload_of_an_invocation_goes_back_as_it_was_recorded() -> None:
    body = record(f'{{"userId":"alice","content":{EXACT}}}', errorType="UNAVAILABLE")
    assert invoked_again(received(body), now_milliseconds=NOW).endswith(f',"content":{EXACT}}}')


def test_the_function_is_invoked_asynchronously_and_each_message_reported_once_it_is_taken() -> None:
    calls: list[dict[str, Any]] = []

    class Lambda:
        def invoke(self, **call: Any) -> None:
            calls.append(call)

    lambda_: Any = Lambda()
    taken = iter(invoking(lambda_, "arn:f")([Again("m1", "{}"), Again("m2", '{"é":1}')]))
    assert (next(taken), len(calls)) == ("m1", 1)
    assert list(taken) == ["m2"]
    assert calls[1] == {"FunctionName": "arn:f", "InvocationType": "Event", "Payload": '{"é":1}'.encode()}


def test_batches_keep_to_what_sqs_takes_at_once() -> None:
    sizes = [1] * 11 + [redrive.BATCH_BYTES, 1, redrive.BATCH_BYTES // 2, redrive.BATCH_BYTES // 2, 1]
    found = list(batches(Again(str(number), "x" * size) for number, size in enumerate(sizes)))
    assert [[len(each.request) for each in batch] for batch in found] == [
        *([1] * 10, [1]),
        *([redrive.BATCH_BYTES], [1, redrive.BATCH_BYTES // 2], [redrive.BATCH_BYTES // 2, 1]),
    ]


SEGMENT = Segment("org/7", ID, EXACT, persisted=True, part=1, of=3, after="XnJk8E8yDoEFz2A=")


def test_a_segment_of_a_fan_out_goes_back_as_it_is_and_one_that_is_damaged_stays(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    body, damaged = segment_text(SEGMENT), segment_text(SEGMENT._replace(part=3))
    queues.send(body, damaged)
    assert main(["--from", queues.dead, "--to", queues.push]) == 1
    assert "1 moved, 1 stay." in (printed := capsys.readouterr().out)
    assert "INVALID_REQUEST: The message is not a segment of a fan-out." in printed
    assert [each.body for each in queues.all_of(queues.dead)] == [damaged]
    (again,) = queues.all_of(queues.push)
    assert again.body == body
    assert parse_segment(again.body) == SEGMENT


def test_ctrl_c_says_what_has_become_of_the_messages(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> list[Again]:
        raise KeyboardInterrupt

    queues.send('{"userId":"alice","content":1}')
    assert queues.all_of(queues.dead)
    monkeypatch.setattr(redrive, "batches", interrupted)
    assert main(["--from", queues.dead, "--to", queues.push]) == 130
    assert "Run it again to go on" in capsys.readouterr().err
    assert len(queues.all_of(queues.dead)) == 1
