"""The cluster's certificates: a CA, the API server's, the administrator's. Made once, kept.

EC P-256 keys. Private keys are readable by their owner only. The server's certificate is made
again when the names change that it has to cover, or when it is about to expire; an expired CA
is never replaced silently, as every kubeconfig hangs on it.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_VALIDITY = timedelta(days=3650)
_RENEW_BEFORE = timedelta(days=30)
ADMIN_NAME = "kubernetes-admin"
ADMIN_GROUP = "system:masters"


@dataclass(frozen=True, slots=True)
class Pki:
    """Where the certificates are."""

    directory: Path

    @property
    def token_key(self) -> Path:
        """What tokens of ServiceAccounts are signed with."""
        return self.directory / "sa.key"

    @property
    def ca_certificate(self) -> str:
        """The CA's certificate, PEM."""
        return (self.directory / "ca.crt").read_text()

    def server_context(self) -> ssl.SSLContext:
        """TLS for the API: client certificates of this CA are asked for, not required."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "apiserver.crt", self.directory / "apiserver.key")
        context.load_verify_locations(self.directory / "ca.crt")
        context.verify_mode = ssl.CERT_OPTIONAL
        context.set_alpn_protocols(["http/1.1"])
        return context

    def kubeconfig(self, cluster_name: str, server_url: str) -> str:
        """A kubeconfig of the administrator, with everything embedded (JSON is YAML)."""

        def data(name: str) -> str:
            return base64.b64encode((self.directory / name).read_bytes()).decode()

        cluster = {"server": server_url, "certificate-authority-data": data("ca.crt")}
        user = {"client-certificate-data": data("admin.crt"), "client-key-data": data("admin.key")}
        context = {"cluster": cluster_name, "user": cluster_name}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": cluster_name, "cluster": cluster}],
            "users": [{"name": cluster_name, "user": user}],
            "contexts": [{"name": cluster_name, "context": context}],
            "current-context": cluster_name,
        }
        return json.dumps(config, indent=2) + "\n"


def ensure(directory: Path, server_names: Iterable[str]) -> Pki:
    """The certificates in `directory`, made as far as they are missing or no longer fit.

    `server_names` are DNS names and IP addresses. Raises ConfigError naming the file.
    """
    names = sorted(set(server_names))
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (directory / "ca.key").exists():
            _make_ca(directory)
        if not (directory / "sa.key").exists():
            _make_key(directory / "sa.key")
        if not (directory / "admin.crt").exists():
            _issue(directory, "admin", ADMIN_NAME, ADMIN_GROUP, [], server=False)
        if not _is_current(directory / "apiserver.json", names):
            _issue(directory, "apiserver", "kube-apiserver", None, names, server=True)
            expires = (datetime.now(UTC) + _VALIDITY).timestamp()
            about = json.dumps({"names": names, "expires": expires})
            (directory / "apiserver.json").write_text(about)
    except OSError as error:
        raise ConfigError(f"cannot keep certificates in {directory}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"the certificates in {directory} cannot be read: {error}") from error
    return Pki(directory)


def write_private(path: Path, content: str | bytes) -> None:
    """Replaces a file at once, readable by its owner only. Raises OSError."""
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    os.replace(fresh, path)


def _is_current(about: Path, names: list[str]) -> bool:
    """Whether the server's certificate covers the names and lasts. (Without reading it: that
    would cost the import of a cryptography library at every start.)"""
    try:
        known = json.loads(about.read_text())
        lasts = known["expires"] > (datetime.now(UTC) + _RENEW_BEFORE).timestamp()
        return bool(known["names"] == names and lasts)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _make_ca(directory: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("kubernetes", None)
    builder = _builder(name, name, key).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    builder = builder.add_extension(_key_usage(ca=True), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    _store(directory, "ca", key, builder.sign(key, hashes.SHA256()))


def _make_key(file: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    write_private(file, _pem(ec.generate_private_key(ec.SECP256R1())))


def _issue(
    directory: Path, name: str, common: str, group: str | None, sans: list[str], *, server: bool
) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    ca_key = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), None)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        raise ValueError("ca.key is no EC key")
    ca = x509.load_pem_x509_certificate((directory / "ca.crt").read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    usages = x509.oid.ExtendedKeyUsageOID
    usage = usages.SERVER_AUTH if server else usages.CLIENT_AUTH
    builder = (
        _builder(_name(common, group), ca.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
    )
    if sans:
        names = x509.SubjectAlternativeName([_general_name(san) for san in sans])
        builder = builder.add_extension(names, critical=False)
    _store(directory, name, key, builder.sign(ca_key, hashes.SHA256()))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _VALIDITY)
    )


def _name(common: str, group: str | None) -> x509.Name:
    from cryptography import x509

    attributes = [x509.NameAttribute(x509.NameOID.COMMON_NAME, common)]
    if group:
        attributes.append(x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, group))
    return x509.Name(attributes)


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _store(
    directory: Path, name: str, key: EllipticCurvePrivateKey, certificate: x509.Certificate
) -> None:
    from cryptography.hazmat.primitives import serialization

    write_private(directory / f"{name}.key", _pem(key))
    (directory / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
