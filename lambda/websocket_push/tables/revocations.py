"""A user's revocations, as an item of the clients table, and what a row says about a connection's token."""

from typing import NamedTuple

from websocket_push.aws.dynamodb import Item

_REVOKED = "revoked#"


class Token(NamedTuple):
    """What is known of the token that a connection was authorized by; None for what its authorizer does not pass on.

    Parameters
    ----------
    issued_at
        In seconds since the epoch.
    token_id
        By which its issuer knows it.
    """

    issued_at: int | None
    token_id: str | None


class Revocation(NamedTuple):
    """Which tokens of a user are revoked.

    Parameters
    ----------
    issued_before
        Those issued before this time, in seconds since the epoch; None for none.
    token_ids
        Those with these ids.
    """

    issued_before: int | None
    token_ids: frozenset[str]

    def covers(self, token: Token) -> bool:
        """Return whether a token is revoked. One that does not say when it was issued may have been issued before."""
        if token.token_id is not None and token.token_id in self.token_ids:
            return True
        return self.issued_before is not None and (token.issued_at is None or token.issued_at < self.issued_before)


def revocation_key(user_id: str) -> str:
    """Return under which key the table holds a user's revocation: no connection id has a `#` (they are Base64)."""
    return _REVOKED + user_id


def read_revocation(item: Item, *, now: int) -> Revocation | None:
    """Read a revocation; None for one that is over now (seconds): DynamoDB may keep it for days."""
    if "expiresAt" in item and int(item["expiresAt"]["N"]) <= now:
        return None
    issued_before = item.get("issuedBefore")
    return Revocation(
        issued_before=None if issued_before is None else int(issued_before["N"]),
        token_ids=frozenset(item.get("tokenIds", {}).get("SS", ())),
    )


def token_attributes(token: Token) -> Item:
    """Return the attributes of a row that say what is known of its connection's token."""
    attributes: Item = {}
    if token.issued_at is not None:
        attributes["issuedAt"] = {"N": str(token.issued_at)}
    if token.token_id is not None:
        attributes["tokenId"] = {"S": token.token_id}
    return attributes
