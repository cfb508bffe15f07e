"""A certificate authority for one run, and the stub's certificate from it."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# The size of the certificates that AWS's endpoints show, so that a handshake costs what it costs there.
_KEY_BITS = 2048
_DAYS = 2
# AWS's servers are vouched for by authorities of this name, which the functions look for first.
_AUTHORITY = "Amazon Root CA (benchmark)"


def write_certificates(folder: Path) -> tuple[Path, Path]:
    """Make both and write them into a folder.

    Returns
    -------
    tuple
        The authority's certificate, to be trusted by clients; the server's chain with its key.
    """
    authority_key, server_key = _key(), _key()
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _AUTHORITY)])
    authority = _builder(authority_name, authority_name, authority_key.public_key(), authority_key.public_key())
    authority = authority.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    authority = authority.add_extension(_usage(signs_certificates=True), critical=True)
    server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    server = _builder(server_name, authority_name, server_key.public_key(), authority_key.public_key())
    server = server.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    server = server.add_extension(_usage(signs_certificates=False), critical=True)
    server = server.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
    server = server.add_extension(x509.SubjectAlternativeName(names), critical=False)

    trusted, chain = folder / "authority.pem", folder / "server.pem"
    trusted.write_bytes(_pem(authority.sign(authority_key, hashes.SHA256())))
    chain.write_bytes(_pem(server.sign(authority_key, hashes.SHA256())) + _key_pem(server_key))
    return trusted, chain


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey, issuer_key: rsa.RSAPublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
