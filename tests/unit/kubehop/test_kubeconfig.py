import os
from pathlib import Path

import pytest
import yaml

from kubehop.local import kubeconfig
from kubehop.local.kubeconfig import check_kubeconfig, default_path, merge_context, remove_context
from netcore.model.errors import ConfigError

ADMIN = """
apiVersion: v1
kind: Config
clusters: [{name: x, cluster: {server: "https://127.0.0.1:1", certificate-authority-data: Q0E=}}]
contexts: [{name: x, context: {cluster: x, user: y}}]
users: [{name: y, user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}}]
current-context: x
"""
OTHER = """
apiVersion: v1
kind: Config
clusters:
- {name: prod, cluster: {server: "https://prod"}}
contexts:
- {name: prod, context: {cluster: prod, user: me, namespace: shop}}
users:
- {name: me, user: {auth-provider: {config: {expiry: 2024-01-01T00:00:00Z, id: "007"}}}}
current-context: prod
extensions: [{name: mine}]
"""


@pytest.fixture
def admin(tmp_path):
    path = tmp_path / "admin"
    path.write_text(ADMIN)
    return path


@pytest.fixture
def target(tmp_path):
    return tmp_path / "kube" / "config"


def read(path):
    return yaml.load(path.read_text(), Loader=yaml.BaseLoader)


def test_a_new_file_holds_the_context_and_is_for_its_owner_only(admin, target):
    merge_context(target, "shop", admin)

    config = read(target)
    assert config["current-context"] == "kubehop-shop"
    assert config["contexts"] == [
        {"name": "kubehop-shop", "context": {"cluster": "kubehop-shop", "user": "kubehop-shop"}}
    ]
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:1"
    assert config["users"][0]["user"]["client-key-data"] == "S0VZ"
    assert target.stat().st_mode & 0o777 == 0o600


def test_other_contexts_stay_as_they_are(admin, target):
    target.parent.mkdir()
    target.write_text(OTHER)
    before = read(target)

    merge_context(target, "shop", admin)
    between = read(target)
    remove_context(target, "shop")
    after = read(target)

    assert between["current-context"] == "kubehop-shop"
    for section in ("clusters", "contexts", "users"):
        assert between[section][:-1] == before[section]
    assert after == {**before, "current-context": ""}


def test_merging_again_replaces(admin, target):
    merge_context(target, "shop", admin)
    merge_context(target, "shop", admin)

    assert len(read(target)["contexts"]) == 1


def test_the_last_context_takes_the_file_with_it(admin, target):
    merge_context(target, "shop", admin)
    remove_context(target, "shop")

    assert not target.exists()


def test_another_current_context_stays_current(admin, target):
    target.parent.mkdir()
    target.write_text(OTHER)
    merge_context(target, "shop", admin)
    target.write_text(
        target.read_text().replace("current-context: kubehop-shop", "current-context: prod")
    )

    remove_context(target, "shop")

    assert read(target)["current-context"] == "prod"


def test_removing_what_is_not_there_writes_nothing(admin, target):
    target.parent.mkdir()
    target.write_text(OTHER)
    before = target.stat().st_mtime_ns

    remove_context(target, "shop")

    assert target.stat().st_mtime_ns == before
    assert os.listdir(target.parent) == ["config"]


def test_a_symbolic_link_stays_one(admin, target, tmp_path):
    real = tmp_path / "real"
    real.write_text(OTHER)
    target.parent.mkdir()
    target.symlink_to(real)

    merge_context(target, "shop", admin)

    assert target.is_symlink()
    assert read(real)["current-context"] == "kubehop-shop"


@pytest.mark.parametrize("text", ["- a\n- b\n", "clusters: 3\n", "{", "just text"])
def test_what_is_no_kubeconfig_is_not_touched(admin, target, text):
    target.parent.mkdir()
    target.write_text(text)

    with pytest.raises(ConfigError, match=str(target)) as refused:
        merge_context(target, "shop", admin)
    with pytest.raises(ConfigError, match=str(target)):
        check_kubeconfig(target)
    assert "\n" not in str(refused.value)

    assert target.read_text() == text
    assert os.listdir(target.parent) == ["config"]


def test_a_lock_that_another_program_holds_is_respected(admin, target, monkeypatch):
    monkeypatch.setattr(kubeconfig, "_LOCK_PATIENCE_S", 0.0)
    target.parent.mkdir()
    lock = Path(f"{target}.lock")
    lock.touch()

    with pytest.raises(ConfigError, match=r"config\.lock"):
        merge_context(target, "shop", admin)

    assert lock.exists()
    assert not target.exists()


@pytest.mark.parametrize(
    ("explicit", "variable", "existing", "expected"),
    [
        (Path("mine"), "a:b", (), "mine"),
        (None, "a:b", ("b",), "b"),
        (None, "a:b", ("a", "b"), "a"),
        (None, "a:b", (), "b"),
        (None, ":a:", (), "a"),
        (None, "", (), "home/.kube/config"),
    ],
)
def test_the_file_is_chosen_as_kind_chooses_it(
    explicit, variable, existing, expected, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", variable)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in existing:
        (tmp_path / name).touch()

    assert default_path(explicit) == tmp_path / expected
