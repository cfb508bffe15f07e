"""The TLS settings of a client, made only where an endpoint is reached over https."""

from collections.abc import Mapping

from websocket_push.transport.errors import AwsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext


def client_context(environment: Mapping[str, str]) -> "SSLContext":
    """Return a context that verifies the server's certificate and name.

    Parameters
    ----------
    environment : Mapping[str, str]
        `AWS_CA_BUNDLE` (the variable of the AWS SDKs) or else `SSL_CERT_FILE` (OpenSSL's) names a PEM file of
        certificate authorities to trust in place of the system's.

    Returns
    -------
    ssl.SSLContext
        Python's own defaults otherwise.

    Raises
    ------
    AwsError
        `InvalidConfiguration` where the file cannot be read or holds no certificate.
    """
    import ssl

    for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE"):
        path = environment.get(name)
        if path:
            try:
                return ssl.create_default_context(cafile=path)
            except OSError as error:
                detail = f"{name} is not a readable file of PEM certificates"
                raise AwsError("InvalidConfiguration", detail=detail) from error
    return ssl.create_default_context()
