"""The TLS settings of a client, created only where an endpoint is reached over https.

Reading the certificate authorities of a system, nearly 150 of them, takes OpenSSL longer than a whole handshake, and
many times longer in a small function (https://github.com/aws/aws-lambda-base-images/issues/154). Five of these vouch
for AWS's own servers (https://www.amazontrust.com/repository/). So these are picked out of the bundle by name, and the
others are read only if a server turns out to need one. The bundle alone decides who is trusted: those picked are part
of it, and no certificate is shipped with the function.
"""

from collections.abc import Mapping

from websocket_push.aws.errors import AwsError
from websocket_push.http.tls import ClientTls

_AWS_NAMES = (b"Amazon Root CA ", b"Starfield Services Root Certificate Authority - G2")
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


def client_tls(environment: Mapping[str, str]) -> ClientTls:
    """Return the settings for connections to AWS.

    Parameters
    ----------
    environment
        `AWS_CA_BUNDLE` (the variable of the AWS SDKs) or else `SSL_CERT_FILE` (OpenSSL's) names a PEM file of
        certificate authorities to trust in place of the system's.

    Returns
    -------
    ClientTls
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
                return _picked(path, path) or ClientTls(ssl.create_default_context(cafile=path), path, partial=False)
            except OSError as error:
                detail = f"{name} is not a readable file of PEM certificates"
                raise AwsError("InvalidConfiguration", detail=detail) from error
    system: str | None = ssl.get_default_verify_paths().cafile
    picked = _picked(system, None) if system else None
    return picked or ClientTls(ssl.create_default_context(), None, partial=False)


def _picked(bundle: str, path: str | None) -> ClientTls | None:
    """Return settings with AWS's authorities alone, or None where the bundle does not hold any."""
    import ssl

    certificates = aws_authorities(bundle)
    if not certificates:
        return None
    try:
        return ClientTls(ssl.create_default_context(cadata=certificates), path, partial=True)
    except ssl.SSLError:
        return None


def aws_authorities(bundle: str) -> bytes:
    """Pick those certificates out of a PEM file that bear the name of an authority of AWS.

    Parameters
    ----------
    bundle
        Path of the file.

    Returns
    -------
    bytes
        The certificates in DER, one after the other; empty where there is none.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    from binascii import Error, a2b_base64

    with open(bundle, "rb") as file:  # noqa: PTH123 - pathlib takes milliseconds to import
        blocks = file.read().split(_BEGIN)[1:]
    picked = b""
    for block in blocks:
        try:
            certificate = a2b_base64(block.partition(_END)[0])
        except Error:
            continue  # let OpenSSL report what is wrong
        if any(name in certificate for name in _AWS_NAMES):
            picked += certificate
    return picked
