"""Certificates: made once, renewed when names change, private."""

import base64
import json
import ssl

import pytest

from controlplane import pki
from netcore.model.errors import ConfigError


def content(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_they_are_made_once(tmp_path):
    made = pki.ensure(tmp_path / "pki", ["localhost", "127.0.0.1"])
    before = content(tmp_path / "pki")
    pki.ensure(tmp_path / "pki", ["127.0.0.1", "localhost", "localhost"])
    assert content(tmp_path / "pki") == before
    assert made.ca_certificate.startswith("-----BEGIN CERTIFICATE-----")
    for name in ("ca.key", "apiserver.key", "admin.key"):
        assert (tmp_path / "pki" / name).stat().st_mode & 0o777 == 0o600


def test_new_names_renew_the_server_and_nothing_else(tmp_path):
    pki.ensure(tmp_path, ["localhost"])
    before = content(tmp_path)
    pki.ensure(tmp_path, ["localhost", "10.96.0.1"])
    after = content(tmp_path)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"apiserver.crt", "apiserver.key", "apiserver.json"}


def test_the_server_context_loads(tmp_path):
    context = pki.ensure(tmp_path, ["localhost"]).server_context()
    assert context.verify_mode is ssl.CERT_OPTIONAL


def test_the_kubeconfig_embeds_everything(tmp_path):
    config = json.loads(pki.ensure(tmp_path, ["x"]).kubeconfig("c", "https://h:1"))
    assert config["clusters"][0]["cluster"]["server"] == "https://h:1"
    data = base64.b64decode(config["users"][0]["user"]["client-certificate-data"])
    assert data == (tmp_path / "admin.crt").read_bytes()


def test_damage_is_one_message(tmp_path):
    pki.ensure(tmp_path, ["x"])
    (tmp_path / "ca.key").write_text("damaged")
    with pytest.raises(ConfigError, match=r"the certificates in .* cannot be read"):
        pki.ensure(tmp_path, ["y"])


def test_a_place_that_is_none(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot keep certificates in"):
        pki.ensure(tmp_path / "file" / "pki", ["x"])
