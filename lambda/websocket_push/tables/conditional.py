"""Changing an item only where a condition is met."""

from collections.abc import Mapping

from websocket_push.aws.dynamodb import DynamoDB, Item
from websocket_push.aws.errors import AwsError

_REFUSED = "ConditionalCheckFailedException"


async def update_if(dynamodb: DynamoDB, request: Mapping[str, object], *, deadline: float) -> Item | None:
    """Send an UpdateItem request that has a `ConditionExpression`.

    Returns
    -------
    Item or None
        The attributes that `ReturnValues` asks for; None, with nothing changed, where the condition is not met.
    """
    try:
        return await dynamodb.update_item(request, deadline=deadline)
    except AwsError as error:
        if error.code != _REFUSED:
            raise
        return None
