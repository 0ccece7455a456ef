import json

import pytest

from netcore.model.change import Batch, Change, Manifest
from nodeagent.pods.desired import DesiredPods
from nodeagent.pods.interfaces import PodKey
from tests.support.agent import FakeKubelet
from tests.support.cluster import CONFIG, batch, node, pod


@pytest.fixture
def kubelet() -> FakeKubelet:
    return FakeKubelet()


@pytest.fixture
def desired(kubelet) -> DesiredPods:
    return DesiredPods(kubelet)


def manifest(name: str = "web", kind: str = "Pod", **fields) -> Manifest:
    return Manifest(kind, "default", name, json.dumps({"name": name, **fields}).encode())


def test_manifests_reach_the_pods_once_the_state_is_whole(desired, kubelet):
    desired.receive(batch(manifest(), manifest("settings", "ConfigMap")))
    desired.receive(batch(manifest("web", "PodTokens", uid="u")))
    assert kubelet.syncs == []
    desired.receive(batch(manifest("key", "Secret"), synced=True))
    assert kubelet.syncs == [
        (
            {PodKey("default", "web"): {"name": "web"}},
            {PodKey("default", "settings"): {"name": "settings"}},
            {PodKey("default", "key"): {"name": "key"}},
            {PodKey("default", "web"): {"name": "web", "uid": "u"}},
        )
    ]


def test_pods_are_told_even_if_there_are_none(desired, kubelet):
    desired.receive(batch(synced=True))
    assert kubelet.syncs == [({}, {}, {}, {})]


def test_network_changes_alone_do_not_bother_the_pods(desired, kubelet):
    desired.receive(batch(synced=True))
    desired.receive(batch(pod("web-1", 1, 2), synced=True))
    assert len(kubelet.syncs) == 1


def test_a_changed_and_a_deleted_manifest(desired, kubelet):
    desired.receive(batch(manifest(), manifest("other"), synced=True))
    gone = Change(Manifest("Pod", "default", "other"), deleted=True)
    desired.receive(Batch("epoch", 2, (Change(manifest(image="v2")), gone, gone)))
    assert kubelet.syncs[-1][0] == {PodKey("default", "web"): {"name": "web", "image": "v2"}}


def test_a_reset_forgets_the_manifests(desired, kubelet):
    desired.receive(batch(manifest(), synced=True))
    desired.receive(batch(CONFIG, node(1), reset=True, synced=True))
    assert kubelet.syncs[-1] == ({}, {}, {}, {})


def test_unknown_kinds_of_manifests_are_passed_over(desired, kubelet):
    desired.receive(batch(manifest("x", "VolumeAttachment"), synced=True))
    assert kubelet.syncs == [({}, {}, {}, {})]
