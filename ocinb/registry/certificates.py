"""A certificate authority of its own, so that TLS can be taught and tested offline."""

from __future__ import annotations

import datetime
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ocinb.content.durable import make_directory, replace_file, storage_errors
from ocinb.frozen import Frozen

LIFETIME = datetime.timedelta(days=365)


class Certificates(Frozen):
    """Files in PEM form.

    Attributes:
        authority: the certificate that clients must trust.
        certificate: the server's.
        key: the server's private key.
    """

    authority: Path
    certificate: Path
    key: Path


def make_certificates(directory: Path, hosts: tuple[str, ...]) -> Certificates:
    """A new authority and a certificate for these host names and addresses.

    The authority's key is not kept: nobody can make further certificates in its name.

    Raises:
        StorageError: the disk refused.
    """
    made = Certificates(
        authority=directory / "ca.crt",
        certificate=directory / "server.crt",
        key=directory / "server.key",
    )
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("ocinb registry authority")
    authority = (
        _builder(authority_name, authority_name, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signing=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(_name(hosts[0]), authority_name, authority_key, key)
        .add_extension(x509.SubjectAlternativeName(list(map(_alternative, hosts))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signing=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    make_directory(directory)
    pem = serialization.Encoding.PEM
    replace_file(made.authority, authority.public_bytes(pem))
    replace_file(made.certificate, certificate.public_bytes(pem))
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with storage_errors("write", made.key):
        made.key.unlink(missing_ok=True)
        file = os.open(made.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(file, "wb") as stream:
            stream.write(private)
    return made


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    public = (key or issuer_key).public_key()
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(issued_by, critical=False)
    )


def _key_usage(*, signing: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signing,
        crl_sign=signing,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, common_name)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
