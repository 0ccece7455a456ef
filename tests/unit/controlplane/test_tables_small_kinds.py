"""The tables of autoscalers, volumes, roles, revisions."""

from datetime import UTC, datetime

from controlplane.api.tables import autoscaling, cluster, network, rbac, storage, workloads

NOW = datetime(2030, 1, 1, 1, 0, 0, tzinfo=UTC)
META = {"name": "x", "creationTimestamp": "2030-01-01T00:59:00Z"}


def cells(printer, metadata=META, **fields):
    found = printer.cells({"metadata": metadata, **fields}, NOW)
    assert len(found) == len(printer.columns)
    return found


def metric(kind, name="", **target):
    source = {"name": name} if name else {}
    return {"type": kind, kind[:1].lower() + kind[1:]: {**source, "target": target}}


def test_autoscaler():
    spec = {
        "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 5,
        "metrics": [metric("Resource", "cpu", averageUtilization=80)],
    }
    assert cells(autoscaling.AUTOSCALER, spec=spec) == [
        "x", "Deployment/web", "cpu: <unknown>/80%", "2", 5, 0, "60s",
    ]  # fmt: skip
    metrics = [
        metric("Object", value="10"),
        metric("External", averageValue="5"),
        metric("Pods", averageValue="1"),
    ]
    found = cells(autoscaling.AUTOSCALER, spec={**spec, "metrics": metrics, "minReplicas": None})
    assert found[2:4] == ["<unknown>/10, <unknown>/5 (avg) + 1 more...", "<unset>"]
    assert cells(autoscaling.AUTOSCALER, spec={})[2] == "<none>"


def test_claim():
    spec = {"volumeName": "v", "storageClassName": "fast", "volumeMode": "Filesystem"}
    status = {
        "phase": "Bound",
        "accessModes": ["ReadOnlyMany", "ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
    }
    assert cells(storage.CLAIM, spec=spec, status=status) == [
        "x", "Bound", "v", "1Gi", "RWO,ROX", "fast", "<unset>", "60s", "Filesystem",
    ]  # fmt: skip
    going = {**META, "deletionTimestamp": "2030-01-01T00:59:00Z"}
    assert cells(storage.CLAIM, going, status=status)[1:6] == ["Terminating", "", "", "", ""]


def test_volume():
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOncePod"],
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": {"namespace": "default", "name": "data"},
    }
    assert cells(storage.VOLUME, spec=spec, status={"phase": "Bound"}) == [
        "x", "1Gi", "RWOP", "Retain", "Bound", "default/data", "", "<unset>", "", "60s", "<unset>",
    ]  # fmt: skip


def test_storage_class():
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    assert cells(storage.STORAGE_CLASS, META | {"annotations": annotations}, provisioner="p") == [
        "x (default)", "p", "Delete", "Immediate", False, "60s",
    ]  # fmt: skip


def test_roles_and_bindings():
    assert cells(rbac.ROLE) == ["x", "2030-01-01T00:59:00Z"]
    subjects = [
        {"kind": "User", "name": "ann"},
        {"kind": "Group", "name": "dev"},
        {"kind": "ServiceAccount", "namespace": "ns", "name": "bot"},
    ]
    role = {"kind": "ClusterRole", "name": "view"}
    assert cells(rbac.BINDING, roleRef=role, subjects=subjects) == [
        "x", "ClusterRole/view", "60s", "ann", "dev", "ns/bot",
    ]  # fmt: skip


def test_revisions_and_templates():
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "controller": True}
    owned = META | {"ownerReferences": [owner]}
    assert cells(workloads.CONTROLLER_REVISION, owned, revision=3) == [
        "x", "statefulset.apps/db", 3, "60s",
    ]  # fmt: skip
    assert cells(workloads.CONTROLLER_REVISION)[1] == "<none>"
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    assert cells(workloads.POD_TEMPLATE, template=template) == ["x", "c", "i", "a=b"]


def test_quotas_and_limits():
    status = {"hard": {"pods": "4", "limits.cpu": "2"}, "used": {"pods": "1"}}
    assert cells(cluster.QUOTA, status=status) == ["x", "pods: 1/4", "limits.cpu: 0/2", "60s"]
    assert cells(cluster.LIMIT_RANGE) == ["x", "2030-01-01T00:59:00Z"]


def test_addresses():
    parent = {"resource": "services", "namespace": "default", "name": "web"}
    assert cells(network.IP_ADDRESS, spec={"parentRef": parent}) == ["x", "services/default/web"]
    parent["group"] = "example.org"
    assert cells(network.IP_ADDRESS, spec={"parentRef": parent})[1].startswith("example.org/")
    cidrs = ["10.96.0.0/16", "fd00::/112"]
    assert cells(network.SERVICE_CIDR, spec={"cidrs": cidrs}) == ["x", ",".join(cidrs), "60s"]
