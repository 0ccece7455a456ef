import pytest

from netcore.model.errors import ConfigError
from nodeagent.pods.downward import PodFacts
from nodeagent.pods.interfaces import PodKey
from nodeagent.pods.references import MissingReference, References
from nodeagent.pods.volumes import VolumeFile, render_volume
from tests.support.pods import node_facts, pod_manifest

REFERENCES = References(
    {PodKey("default", "cm"): {"data": {"a": "1", "b": "2"}, "binaryData": {"c": "AP8="}}},
    {PodKey("default", "s"): {"data": {"p": "aHVudGVyMg=="}}},
    {PodKey("default", "p"): {"uid": "uid-p", "tokens": {"v/token": "signed"}}},
)


@pytest.fixture
def render(tmp_path):
    pod = pod_manifest("p")
    pod["metadata"]["labels"] = {"app": "x"}
    facts = PodFacts(pod, node_facts(tmp_path), ("10.0.0.5",))
    return lambda **source: render_volume({"name": "v", **source}, facts, REFERENCES)


def test_empty_dir_is_writable(render):
    assert render(emptyDir={}).writable
    assert render().writable


def test_a_claim_is_an_empty_directory_here(render):
    assert render(persistentVolumeClaim={"claimName": "data-db-0"}).writable


def test_configmap_with_all_keys(render):
    files = render(configMap={"name": "cm", "defaultMode": 0o400}).files
    assert files == {
        "a": VolumeFile(b"1", 0o400),
        "b": VolumeFile(b"2", 0o400),
        "c": VolumeFile(b"\x00\xff", 0o400),
    }


def test_items_choose_and_rename(render):
    items = [{"key": "a", "path": "dir/x", "mode": 0o600}]
    assert render(configMap={"name": "cm", "items": items}).files == {
        "dir/x": VolumeFile(b"1", 0o600)
    }


def test_secret(render):
    assert render(secret={"secretName": "s"}).files == {"p": VolumeFile(b"hunter2")}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"configMap": {"name": "no"}}, 'configmap "no" not found'),
        ({"secret": {"secretName": "no"}}, 'secret "no" not found'),
        ({"configMap": {"name": "cm", "items": [{"key": "z", "path": "z"}]}}, "config key: z"),
    ],
)
def test_what_is_missing_is_named(render, source, message):
    with pytest.raises(MissingReference, match=message):
        render(**source)


def test_optional_may_be_missing(render):
    assert render(configMap={"name": "no", "optional": True}).files == {}


def test_projected_joins_its_sources(render):
    sources = [
        {"configMap": {"name": "cm", "items": [{"key": "a", "path": "a"}]}},
        {"secret": {"name": "s"}},
        {
            "downwardAPI": {
                "items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
            }
        },
    ]
    files = render(projected={"sources": sources}).files
    assert {path: file.content for path, file in files.items()} == {
        "a": b"1",
        "p": b"hunter2",
        "labels": b'app="x"',
    }


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x"])
def test_paths_stay_inside(render, path):
    with pytest.raises(ConfigError, match="inside the volume"):
        render(configMap={"name": "cm", "items": [{"key": "a", "path": path}]})


def test_unsupported_kinds_say_what_there_is(render):
    with pytest.raises(ConfigError, match="use emptyDir"):
        render(nfs={"server": "x", "path": "/"})


def test_the_token_is_the_one_that_was_issued_for_this_place(render):
    def token(path):
        sources = [{"serviceAccountToken": {"path": path}}]
        return render(projected={"sources": sources, "defaultMode": 0o400}).files[path]

    assert token("token") == VolumeFile(b"signed", 0o400)
    assert token("other").content == b"the control plane issues no service account tokens\n"
    with pytest.raises(ConfigError, match="inside the volume"):
        token("../token")
