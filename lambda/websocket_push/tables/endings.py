"""Why a connection ended, noted in its row before it is removed, so that the table's stream says it."""

from websocket_push.aws.dynamodb import DynamoDB
from websocket_push.tables.clients import connection_key
from websocket_push.tables.conditional import update_if


class Endings:
    """The rows of the clients table, as far as their ends are concerned.

    Parameters
    ----------
    dynamodb
        How to reach DynamoDB.
    table
        Name of the table.
    """

    def __init__(self, dynamodb: DynamoDB, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    async def note(
        self, connection_id: str, cause: str, *, deadline: float, reason: str = "", code: int | None = None
    ) -> None:
        """Note why a connection is ending, unless that is noted already or its row is gone.

        Parameters
        ----------
        cause
            A value of `cause` in the event `connection.closed`.
        reason
            What its client was given as the reason.
        code
            The close code, where it is known.
        """
        noted = {
            "endCause": {"S": cause},
            **({"endReason": {"S": reason}} if reason else {}),
            **({} if code is None else {"endCode": {"N": str(code)}}),
        }
        request = {
            "TableName": self._table,
            "Key": connection_key(connection_id),
            "UpdateExpression": "SET " + ", ".join(f"{name} = :{name}" for name in noted),
            "ConditionExpression": "attribute_exists(connectionId) AND attribute_not_exists(endCause)",
            "ExpressionAttributeValues": {f":{name}": value for name, value in noted.items()},
        }
        await update_if(self._dynamodb, request, deadline=deadline)
