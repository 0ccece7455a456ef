"""How to reach an API server: a kubeconfig's current context."""

from __future__ import annotations

import base64
import binascii
import os
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Credentials:
    """Server URL and the PEM data to trust it and to be trusted by it."""

    server: str
    ca_pem: bytes
    certificate_pem: bytes
    key_pem: bytes

    @property
    def host(self) -> str:
        return urlsplit(self.server).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.server).port or 443

    def tls(self) -> ssl.SSLContext:
        """A client context that trusts this server only."""
        context = ssl.create_default_context(cadata=self.ca_pem.decode())
        # ssl loads keys from files only; this one exists in memory alone.
        descriptor = os.memfd_create("kubehop-client")
        try:
            os.write(descriptor, self.certificate_pem + b"\n" + self.key_pem)
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
        return context


def load_credentials(kubeconfig: Path) -> Credentials:
    """The current context of `kubeconfig`, with certificates inside the file. ConfigError."""
    try:
        config = yaml.safe_load(kubeconfig.read_text())
        context = _named(config, "contexts", config["current-context"])["context"]
        cluster = _named(config, "clusters", context["cluster"])["cluster"]
        user = _named(config, "users", context["user"])["user"]
        return Credentials(
            server=cluster["server"],
            ca_pem=_data(cluster, "certificate-authority-data"),
            certificate_pem=_data(user, "client-certificate-data"),
            key_pem=_data(user, "client-key-data"),
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError, StopIteration, binascii.Error) as error:
        raise ConfigError(f"{kubeconfig} cannot be used: {error!r}") from error


def _named(config: dict[str, Any], section: str, name: str) -> dict[str, Any]:
    return next(entry for entry in config[section] if entry["name"] == name)


def _data(entry: dict[str, Any], field: str) -> bytes:
    return base64.b64decode(entry[field])
