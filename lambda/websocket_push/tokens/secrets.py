"""Reads a shared secret from AWS Secrets Manager or a SecureString parameter of Systems Manager.

The only part of the functions that uses boto3, because it runs once every few minutes. boto3 is in the Lambda runtime
and is imported only here, when a secret is read: with a JWKS it costs nothing.
"""

from typing import TYPE_CHECKING

from websocket_push.tokens.key_cache import KeysUnavailable

if TYPE_CHECKING:
    from botocore.config import Config

_CONNECT_SECONDS = 2
_READ_SECONDS = 2
_ATTEMPTS = 2


def read_secret(arn: str) -> bytes:
    """Read the current value of a secret.

    Parameters
    ----------
    arn
        ARN of a secret or of a parameter, in any Region: the request goes to the Region in the ARN.

    Returns
    -------
    bytes
        The current version's text in UTF-8, or its bytes.

    Raises
    ------
    KeysUnavailable
        With AWS's error code, or the kind of failure if AWS could not be reached.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    _, _, service, region, *_ = arn.split(":")
    operation, read = (
        ("GetSecretValue", _read_secret) if service == "secretsmanager" else ("GetParameter", _read_parameter)
    )
    try:
        return read(arn, region)
    except ClientError as error:
        raise KeysUnavailable(f"{operation}: {error.response['Error']['Code']}.") from error
    except BotoCoreError as error:
        raise KeysUnavailable(f"{operation}: {type(error).__name__}.") from error


def _read_secret(arn: str, region: str) -> bytes:
    import boto3

    response = boto3.client("secretsmanager", region_name=region, config=_config()).get_secret_value(SecretId=arn)
    text: str | None = response.get("SecretString")
    if text is not None:
        return text.encode()
    data: bytes = response["SecretBinary"]
    return data


def _read_parameter(arn: str, region: str) -> bytes:
    import boto3

    client = boto3.client("ssm", region_name=region, config=_config())
    parameter = client.get_parameter(Name=arn, WithDecryption=True)["Parameter"]
    if parameter["Type"] != "SecureString":
        raise KeysUnavailable(f"GetParameter: the type is {parameter['Type']}; it must be SecureString.")
    value: str = parameter["Value"]
    return value.encode()


def _config() -> "Config":
    from botocore.config import Config

    return Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
    )
