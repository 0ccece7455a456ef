from nodeagent.pods.records import initial_records
from nodeagent.pods.status import ContainerRole
from tests.support.pods import container, pod_manifest


def test_roles_and_order():
    sidecar = container("side", restartPolicy="Always")
    pod = pod_manifest(initContainers=[container("init"), sidecar])
    records = initial_records(pod)
    assert [(record.name, record.role) for record in records] == [
        ("init", ContainerRole.INIT),
        ("side", ContainerRole.SIDECAR),
        ("main", ContainerRole.APP),
    ]
    assert records[2].state == {"waiting": {"reason": "PodInitializing"}}


def test_what_ran_before_counts_as_a_restart():
    pod = pod_manifest()
    pod["status"] = {
        "containerStatuses": [
            {
                "name": "main",
                "containerID": "kubehop://1",
                "restartCount": 2,
                "state": {"running": {"startedAt": "t"}},
            }
        ]
    }
    (record,) = initial_records(pod)
    assert record.restart_count == 3
    assert record.last_state["terminated"]["exitCode"] == 255
    assert record.last_state["terminated"]["startedAt"] == "t"


def test_what_never_started_does_not():
    pod = pod_manifest()
    pod["status"] = {"containerStatuses": [{"name": "main", "containerID": "", "restartCount": 0}]}
    assert initial_records(pod)[0].restart_count == 0
