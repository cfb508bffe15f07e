"""The DynamoDB operations that the functions use (AWS JSON 1.0 protocol)."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from websocket_push.aws.endpoints import dynamodb_endpoint, region
from websocket_push.aws.requests import Payload, Target, decode_object
from websocket_push.aws.sender import Sender
from websocket_push.aws.signing import canonical_path
from websocket_push.http.errors import InvalidResponse

AttributeValue: TypeAlias = dict[str, Any]
Item: TypeAlias = dict[str, AttributeValue]

Result = TypeVar("Result")

encode = json.JSONEncoder(separators=(",", ":")).encode
"""Writes a request, in ASCII."""


MAX_BATCH_WRITE = 25
"""How many items one BatchWriteItem request may name ("BatchWriteItem", API reference)."""

MAX_BATCH_READ = 50
"""How many items one BatchGetItem request names.

It may name 100 ("BatchGetItem", API reference). That many notifications of 128 KB, with their quotation marks escaped,
would exceed the limit of a response.
"""


class QueryPage:
    """One page of a query.

    Attributes
    ----------
    items
        In the order of the sort key.
    last_evaluated_key
        Where the next page starts; None after the last one.
    """

    __slots__ = ("items", "last_evaluated_key")

    def __init__(self, items: list[Item], last_evaluated_key: Item | None) -> None:
        self.items = items
        self.last_evaluated_key = last_evaluated_key


class DynamoDB:
    """DynamoDB in the functions' region, items as DynamoDB JSON: `{"userId": {"S": "alice"}}`.

    Every operation is safe to repeat, and is repeated as `Sender.request` says; all raise its `AwsError`.

    A `table` is given by name or ARN, a `key` by its attributes, and a `deadline` as in `Sender.request`.

    Parameters
    ----------
    sender
        Sends the requests.

    Raises
    ------
    AwsError
        `InvalidConfiguration` where the environment names no region or no valid endpoint.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._endpoint = dynamodb_endpoint(sender.environment)
        region(sender.environment)  # so that a missing setting is reported when this is created
        self._path = f"{self._endpoint.path}/"
        self._canonical_path = canonical_path(self._path)
        self._targets: dict[str, Target] = {}

    async def put_item(self, table: str, item: Item, *, deadline: float) -> None:
        """Write an item over whatever has its key."""
        await self._call("PutItem", {"TableName": table, "Item": item}, decode_object, deadline)

    async def get_item(self, table: str, key: Item, *, deadline: float) -> Item | None:
        """Read an item, strongly consistently.

        Returns
        -------
        Item or None
            None where there is none.
        """
        request = {"TableName": table, "Key": key, "ConsistentRead": True}
        return await self._call("GetItem", request, _decode_item, deadline)

    async def get_items(self, table: str, keys: Sequence[Item], *, attributes: str, deadline: float) -> list[Item]:
        """Read items of one table, none of them twice; eventually consistent.

        Parameters
        ----------
        attributes
            Which attributes, with commas between them.

        Returns
        -------
        list[Item]
            The items that exist, in no order.
        """
        items: list[Item] = []
        waiting = list(keys)
        while waiting:
            asked = {"Keys": waiting[:MAX_BATCH_READ], "ProjectionExpression": attributes}
            found, left = await self._call("BatchGetItem", {"RequestItems": {table: asked}}, _decode_batch, deadline)
            items += found
            # A response has 16 MB at most; what did not fit is asked for again.
            waiting = [*left, *waiting[MAX_BATCH_READ:]]
        return items

    async def delete_item(self, table: str, key: Item, *, deadline: float) -> None:
        """Delete an item; deleting what is not there is success."""
        await self._call("DeleteItem", {"TableName": table, "Key": key}, decode_object, deadline)

    async def take_item(self, table: str, key: Item, *, deadline: float) -> Item:
        """Delete an item and return it as it was.

        Returns
        -------
        Item
            Empty where there was none, and where an earlier attempt deleted it without an answer.
        """
        request = {"TableName": table, "Key": key, "ReturnValues": "ALL_OLD"}
        return await self._call("DeleteItem", request, _decode_attributes, deadline)

    async def update_item(self, request: Mapping[str, object], *, deadline: float) -> Item:
        """Change an item.

        Parameters
        ----------
        request
            The members of DynamoDB's UpdateItem request, which must be safe to repeat.

        Returns
        -------
        Item
            The attributes that `ReturnValues` asks for.
        """
        return await self._call("UpdateItem", request, _decode_attributes, deadline)

    async def write_items(self, table: str, writes: Sequence[Mapping[str, object]], *, deadline: float) -> None:
        """Write and delete items of one table, none of them twice.

        Parameters
        ----------
        writes
            `PutRequest` and `DeleteRequest` members of DynamoDB's BatchWriteItem request. What DynamoDB leaves
            unprocessed is repeated, with the others of its request.
        """
        for start in range(0, len(writes), MAX_BATCH_WRITE):
            request = {"RequestItems": {table: writes[start : start + MAX_BATCH_WRITE]}}
            await self._call("BatchWriteItem", request, _decode_written, deadline)

    async def query(self, request: Mapping[str, object], *, deadline: float) -> QueryPage:
        """Read one page of a query.

        Parameters
        ----------
        request
            The members of DynamoDB's Query request: `TableName`, `KeyConditionExpression` and so on.

        Returns
        -------
        QueryPage
            At most 1 MB of items.
        """
        return await self._call("Query", request, decode_page, deadline)

    async def scan(self, request: Mapping[str, object], *, deadline: float) -> QueryPage:
        """Read one page of a scan.

        Parameters
        ----------
        request
            The members of DynamoDB's Scan request: `TableName`, `Segment` and so on.

        Returns
        -------
        QueryPage
            At most 1 MB of items, in no order.
        """
        return await self._call("Scan", request, decode_page, deadline)

    def address(self, operation: str) -> tuple[Target, str, str]:
        """Return where an operation's requests go: the target, the path as sent, and the path as signed."""
        target = self._targets.get(operation)
        if target is None:
            target = self._targets[operation] = self._sender.target(
                operation,
                "POST",
                "dynamodb",
                self._endpoint,
                content_type="application/x-amz-json-1.0",
                x_amz_target=f"DynamoDB_20120810.{operation}",
            )
        return target, self._path, self._canonical_path

    async def _call(
        self, operation: str, request: Mapping[str, object], decode: Callable[[bytes], Result], deadline: float
    ) -> Result:
        payload = Payload(encode(dict(request)).encode())
        return await self._sender.request(*self.address(operation), payload, decode, deadline=deadline)


def _decode_item(body: bytes) -> Item | None:
    item = decode_object(body).get("Item")
    return None if item is None else _checked_item(item)


def _decode_attributes(body: bytes) -> Item:
    return _checked_item(decode_object(body).get("Attributes", {}))


def _decode_written(body: bytes) -> None:
    if decode_object(body).get("UnprocessedItems"):
        # Like any unexpected answer, it causes the request to be sent again, after a pause.
        raise InvalidResponse("items were left unprocessed")


def _decode_batch(body: bytes) -> tuple[list[Item], list[Item]]:
    document = decode_object(body)
    try:
        found = [item for each in document.get("Responses", {}).values() for item in each]
        left = [key for each in document.get("UnprocessedKeys", {}).values() for key in each["Keys"]]
    except (AttributeError, KeyError, TypeError):
        raise InvalidResponse("a batch without its items and keys") from None
    if not found and left:
        # None of it could be read now: like any unexpected answer, it is requested again later.
        raise InvalidResponse("no item was processed")
    return [_checked_item(item) for item in found], [_checked_item(key) for key in left]


def decode_page(body: bytes) -> QueryPage:
    """Read the answer to a query; `InvalidResponse` where it is not one."""
    document = decode_object(body)
    items = document.get("Items")
    if not isinstance(items, list):
        raise InvalidResponse("a page without its items")
    key = document.get("LastEvaluatedKey")
    return QueryPage([_checked_item(item) for item in items], None if key is None else _checked_item(key))


def _checked_item(item: object) -> Item:
    # What `json.loads` makes of an object is a dict and no subclass; a set of types is quicker than a loop.
    if isinstance(item, dict) and {dict}.issuperset(map(type, item.values())):
        return item
    raise InvalidResponse("an item that is not an object of attribute values")
