from datetime import UTC, datetime

from controlplane.api.tables import cluster

NOW = datetime(2030, 1, 1, 1, 0, 0, tzinfo=UTC)
META = {"name": "x", "creationTimestamp": "2030-01-01T00:59:00Z"}


def cells(printer, **fields):
    return printer.cells({"metadata": META, **fields}, NOW)


def test_node():
    node = {
        "metadata": {**META, "labels": {"node-role.kubernetes.io/control-plane": "",
                                        "kubernetes.io/role": "edge"}},
        "spec": {"unschedulable": True},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": "172.18.0.11"}],
            "nodeInfo": {"kubeletVersion": "v1.33.0", "osImage": "Debian"},
        },
    }  # fmt: skip
    assert cluster.NODE.cells(node, NOW) == [
        "x", "Ready,SchedulingDisabled", "control-plane,edge", "60s", "v1.33.0",
        "172.18.0.11", "<none>", "Debian", "<unknown>", "<unknown>",
    ]  # fmt: skip
    assert cells(cluster.NODE)[1:3] == ["Unknown", "<none>"]
    not_ready = {"conditions": [{"type": "Ready", "status": "Unknown"}]}
    assert cells(cluster.NODE, status=not_ready)[1] == "NotReady"


def test_small_kinds():
    assert cells(cluster.NAMESPACE, status={"phase": "Active"}) == ["x", "Active", "60s"]
    assert cells(cluster.CONFIG_MAP, data={"a": ""}, binaryData={"b": ""}) == ["x", 2, "60s"]
    assert cells(cluster.SECRET, type="Opaque", data={"a": ""}) == ["x", "Opaque", 1, "60s"]
    assert cells(cluster.SERVICE_ACCOUNT) == ["x", 0, "60s"]
    assert cells(cluster.LEASE, spec={"holderIdentity": "n"}) == ["x", "n", "60s"]
    assert cells(cluster.PRIORITY_CLASS, value=5) == [
        "x", 5, "false", "60s", "PreemptLowerPriority",
    ]  # fmt: skip
    assert cells(cluster.DISRUPTION_BUDGET, spec={"minAvailable": "50%"}) == [
        "x", "50%", "N/A", 0, "60s",
    ]  # fmt: skip


def test_event():
    shown = cells(
        cluster.EVENT,
        type="Normal",
        reason="Scheduled",
        message="assigned\n",
        involvedObject={"kind": "Pod", "name": "p", "fieldPath": "spec"},
        source={"component": "scheduler", "host": "h"},
        firstTimestamp="2030-01-01T00:00:00Z",
        lastTimestamp="2030-01-01T00:59:50Z",
        count=4,
    )
    assert shown == [
        "10s", "Normal", "Scheduled", "pod/p", "spec", "scheduler, h", "assigned", "60m", 4, "x",
    ]  # fmt: skip


def test_event_of_the_newer_form():
    shown = cells(
        cluster.EVENT,
        regarding={"kind": "Node"},
        note="n",
        reportingComponent="c",
        eventTime="2030-01-01T00:59:00.000000Z",
        series={"count": 3, "lastObservedTime": "2030-01-01T00:59:55Z"},
    )
    assert shown == ["5s", "", "", "node", "", "c", "n", "60s", 3, "x"]
