"""An AWS account as the commands meet it: the clients, who the credentials belong to, and what a refusal means."""

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    ConnectionError,
    HTTPClientError,
    InfiniteLoopConfigError,
    InvalidConfigError,
    InvalidRegionError,
    MissingDependencyException,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from tools.emulator.server import Emulator
from tools.errors import ToolError

AwsError = (BotoCoreError, ClientError)
"""What boto3 raises."""

NO_MFA_CODE = (
    "The profile asks for an MFA code. Terraform cannot ask for one, nor can a program without a terminal. Instead of "
    "AWS_PROFILE set what this prints: aws configure export-credentials --format env --profile NAME"
)
"""Said where boto3 asks for a code and gets an `EOFError`, and where Terraform would have to ask."""

_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
_STALE = {
    *("ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidSignatureException", "SignatureDoesNotMatch"),
    *("IncompleteSignature", "InvalidToken"),
}
_UNKNOWN = {"InvalidClientTokenId", "UnrecognizedClientException"}
"""Also the answer of a Region that the account has not opted into."""
_DISABLED = {"OptInRequired", "RegionDisabledException"}
_LOGINS = {
    "AssumeRole": "sts:AssumeRole",
    "AssumeRoleWithSAML": "sts:AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity": "sts:AssumeRoleWithWebIdentity",
    "GetRoleCredentials": "sso:GetRoleCredentials",
}
_MISSING = {
    *("AWS.SimpleQueueService.NonExistentQueue", "NoSuchEntity", "NotFoundException", "QueueDoesNotExist"),
    "ResourceNotFoundException",
}
_THROTTLED = {
    *("RequestLimitExceeded", "RequestThrottled", "Throttling", "ThrottlingException", "TooManyRequestsException"),
}


@dataclass(frozen=True, slots=True)
class Account:
    """An account and Region that can be reached.

    Parameters
    ----------
    client
        boto3's `client`.
    local
        The local AWS that the variable `AWS_ENDPOINT_URL` names; None for AWS itself.
    """

    number: str
    region: str
    client: Callable[..., Any]
    local: Emulator | None


def local_aws(environment: Mapping[str, str]) -> Emulator | None:
    """Return the local AWS that the standard variable AWS_ENDPOINT_URL names, if it names this machine."""
    url = urlsplit(environment.get("AWS_ENDPOINT_URL", ""))
    if url.scheme != "http" or url.hostname not in ("127.0.0.1", "localhost") or url.port is None:
        return None
    return Emulator(url.port, Path(), Path())


def clients(region: str | None) -> Callable[..., Any]:
    """Return boto3's `client` for a Region, with the credentials and settings that any AWS tool would find.

    Raises
    ------
    ToolError
        If the profile that is named does not exist, or the file of profiles cannot be read.
    """
    session = _session(region)
    proxies: dict[str, Any] = {"proxies": {}} if local_aws(os.environ) else {}
    config = Config(
        connect_timeout=10, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 3}, **proxies
    )
    return functools.partial(session.client, config=config)


def open_account(region: str | None) -> Account:
    """Return the account of the credentials in the environment.

    Parameters
    ----------
    region
        None for the one that the environment or the profile names.

    Raises
    ------
    ToolError
        If there is no Region or no credentials, if AWS refuses them or cannot be reached, or if Terraform cannot use
        them.
    """
    found = region or os.environ.get("AWS_REGION") or boto3_region()
    if not found:
        raise ToolError("No Region. Name one: make verify-aws REGION=eu-central-1, or set AWS_REGION.")
    client = clients(found)
    # Credentials in variables win over a profile.
    if not os.environ.get("AWS_ACCESS_KEY_ID") and botocore.session.get_session().get_scoped_config().get("mfa_serial"):
        raise ToolError(NO_MFA_CODE)
    try:
        number = str(client("sts").get_caller_identity()["Account"])
    except (*AwsError, ValueError) as problem:  # ValueError: what is no Region makes no host name.
        raise ToolError(f"The account cannot be used: {explain(problem, 'sts:GetCallerIdentity').text}") from None
    except EOFError:
        raise ToolError(NO_MFA_CODE) from None
    return Account(number, found, client, local_aws(os.environ))


def boto3_region() -> str | None:
    """Return the Region of the profile, if it has one.

    Raises
    ------
    ToolError
        If the profile does not exist, or the file of profiles cannot be read.
    """
    return _session(None).region_name


def _session(region: str | None) -> boto3.session.Session:
    try:
        return boto3.session.Session(region_name=region)
    except ProfileNotFound as problem:
        raise ToolError(f"{problem}. Set AWS_PROFILE to one of: aws configure list-profiles") from None
    except (ConfigNotFound, ConfigParseError) as problem:
        raise ToolError(f"{problem}. Correct the file, or name another: AWS_CONFIG_FILE") from None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why AWS did not answer a question.

    Parameters
    ----------
    kind
        `denied`, `credentials`, `missing`, `throttled`, `unreachable` or `other`.
    text
        What it is, and what to do.
    """

    kind: str
    text: str


def explain(problem: Exception, permission: str) -> Refusal:
    """Return what an exception of boto3's means for a call that needs a permission."""
    if isinstance(problem, ClientError):
        return _explain_answer(problem, permission)
    if isinstance(problem, NoCredentialsError | PartialCredentialsError):
        return Refusal("credentials", "no credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if type(problem).__name__.startswith(("SSO", "Unauthorized", "Token", "CredentialRetrieval", "Login")):
        return Refusal("credentials", "the credentials cannot be read or have expired: log in again (aws sso login)")
    if isinstance(problem, InvalidRegionError):
        return Refusal("other", f"{problem} Name a Region as AWS does, such as eu-central-1.")
    # What they say is about the person's own files.
    if isinstance(problem, InvalidConfigError | InfiniteLoopConfigError | MissingDependencyException):
        return Refusal("credentials", f"the profile cannot be used: {problem}")
    if isinstance(problem, HTTPClientError | ConnectionError):
        return Refusal(
            "unreachable", f"AWS cannot be reached for {permission}: check the Region's name, the network and the proxy"
        )
    return Refusal("other", f"{permission}: {type(problem).__name__}")


def _explain_answer(problem: ClientError, permission: str) -> Refusal:
    error = problem.response.get("Error", {})
    code = error.get("Code", "")
    # Before a question is asked, boto3 gets the credentials that the profile is about.
    if problem.operation_name in _LOGINS and (code in _DENIED or code == "ForbiddenException"):
        return Refusal(
            "credentials",
            f"the profile's role cannot be used, since AWS refuses {_LOGINS[problem.operation_name]}. Check the role "
            "and, if it asks for one, the MFA code",
        )
    if code in _DENIED:
        return Refusal("denied", f"needs {permission}: allow it to these credentials")
    if code in _STALE:
        return Refusal("credentials", "AWS refuses the credentials: they have expired or are not valid; log in again")
    if code in _UNKNOWN:
        return Refusal(
            "credentials",
            "AWS refuses the credentials: they are not valid, or this Region is not enabled in the account; log in "
            "again, or name another Region",
        )
    if code in _DISABLED:
        return Refusal(
            "credentials", "this Region is not enabled in the account: enable it (AWS Regions), or name another Region"
        )
    if code in _MISSING:
        return Refusal("missing", f"what {permission} is asked about does not exist: was it deleted?")
    if code in _THROTTLED:
        return Refusal("throttled", f"AWS throttles {permission}: the account is at a quota; look at the quotas")
    return Refusal("other", f"{permission}: AWS answered {code or 'an error'}")
