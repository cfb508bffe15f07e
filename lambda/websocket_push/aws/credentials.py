"""Credentials from the environment."""

from collections.abc import Mapping

from websocket_push.aws.errors import AwsError


class Credentials:
    """An access key with its secret and, for a role, its session token; immutable by convention."""

    __slots__ = ("access_key", "secret_key", "token")

    def __init__(self, access_key: str, secret_key: str, token: str = "") -> None:
        self.access_key = access_key
        self.secret_key = secret_key
        self.token = token

    def __eq__(self, other: object) -> bool:
        """Compare all three parts."""
        if not isinstance(other, Credentials):
            return NotImplemented
        return (self.access_key, self.secret_key, self.token) == (other.access_key, other.secret_key, other.token)

    def __hash__(self) -> int:
        """Hash what `__eq__` compares."""
        return hash((self.access_key, self.secret_key, self.token))

    def __repr__(self) -> str:
        """Show nothing that could be used."""
        return "Credentials(...)"


def read_credentials(environment: Mapping[str, str]) -> Credentials:
    """Read the credentials that are in the environment now.

    Lambda puts the execution role's credentials into these variables (AWS Lambda Developer Guide, "Defined runtime
    environment variables"). No other source is looked at: a function has no profile and no metadata service.

    Parameters
    ----------
    environment
        Holds `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, for a role, `AWS_SESSION_TOKEN`.

    Returns
    -------
    Credentials
        The token is empty where there is none.

    Raises
    ------
    AwsError
        `MissingCredentials` where the key or the secret is absent or empty, or where one of the three holds a
        character that an HTTP header cannot carry (a line break left by a copied value).
    """
    access_key = _variable(environment, "AWS_ACCESS_KEY_ID", required=True)
    secret_key = _variable(environment, "AWS_SECRET_ACCESS_KEY", required=True)
    return Credentials(access_key, secret_key, _variable(environment, "AWS_SESSION_TOKEN", required=False))


def _variable(environment: Mapping[str, str], name: str, *, required: bool) -> str:
    value = environment.get(name, "")
    if required and not value:
        raise AwsError("MissingCredentials", detail=f"set {name}")
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise AwsError("MissingCredentials", detail=f"{name} holds white space or a character outside ASCII")
    return value
