"""Names, hostnames and claims of a StatefulSet's pods."""

import pytest

from controlplane.controllers.revisions import new_revision
from controlplane.controllers.stateful_pods import (
    claim_owner,
    new_claims,
    new_pod,
    ordinal_of,
    wanted_ordinals,
)
from tests.unit.controlplane.objects import pod, stateful_set


@pytest.mark.parametrize(
    ("name", "ordinal"),
    [("db-0", 0), ("db-12", 12), ("db-x", None), ("other-0", None), ("db", None)],
)
def test_the_ordinal_is_in_the_name(name, ordinal):
    assert ordinal_of(stateful_set("db"), pod(name)) == ordinal


def test_ordinals_may_start_elsewhere():
    assert list(wanted_ordinals(stateful_set(replicas=2, ordinals={"start": 5}))) == [5, 6]


def test_a_pod_has_its_name_host_and_labels():
    db = stateful_set("db", serviceName="peers")
    revision = new_revision(db, 1, "hash")
    made = new_pod(db, revision, 3)
    assert made["metadata"]["name"] == "db-3"
    assert "generateName" not in made["metadata"]
    assert made["metadata"]["labels"] == {
        "app": "web",
        "statefulset.kubernetes.io/pod-name": "db-3",
        "apps.kubernetes.io/pod-index": "3",
        "controller-revision-hash": revision["metadata"]["name"],
    }
    assert made["spec"]["hostname"] == "db-3"
    assert made["spec"]["subdomain"] == "peers"


def with_claims(**spec):
    claim = {
        "metadata": {"name": "data", "labels": {"tier": "fast"}},
        "spec": {"accessModes": ["ReadWriteOnce"]},
        "status": {"phase": "Pending"},
    }
    return stateful_set("db", volumeClaimTemplates=[claim], **spec)


def test_claims_become_volumes_and_replace_those_of_the_same_name():
    db = with_claims()
    db["spec"]["template"]["spec"]["volumes"] = [
        {"name": "data", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]
    made = new_pod(db, new_revision(db, 1, "hash"), 0)
    assert made["spec"]["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    (claim,) = new_claims(db, 0)
    assert claim["metadata"]["name"] == "data-db-0"
    assert claim["metadata"]["labels"] == {"tier": "fast", "app": "web"}
    assert "status" not in claim


@pytest.mark.parametrize(
    ("deleted", "scaled", "condemned", "kind"),
    [
        ("Retain", "Retain", False, None),
        ("Retain", "Retain", True, None),
        ("Delete", "Retain", True, "StatefulSet"),
        ("Delete", "Delete", False, "StatefulSet"),
        ("Delete", "Delete", True, "Pod"),
        ("Retain", "Delete", True, "Pod"),
        ("Retain", "Delete", False, None),
    ],
)
def test_claims_go_with_whom_the_policy_says(deleted, scaled, condemned, kind):
    policy = {"whenDeleted": deleted, "whenScaled": scaled}
    db = with_claims(persistentVolumeClaimRetentionPolicy=policy)
    owner = claim_owner(db, pod("db-0"), condemned=condemned)
    assert (owner or {}).get("kind") == kind
