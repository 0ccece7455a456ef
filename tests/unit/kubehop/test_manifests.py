import pytest

from kubehop.kubernetes.manifests import (
    load_manifests,
    manifests_of_objects,
    manifests_of_text,
)
from netcore.model.errors import ConfigError

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {}\n"


def write(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def names(*paths):
    return [manifest.object["metadata"]["name"] for manifest in load_manifests(paths)]


def test_files_come_as_given_and_those_of_a_folder_by_name(tmp_path):
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    write(folder / "below", "x.yaml", POD.format("never"))
    write(folder, "b.yml", POD.format("b"))
    write(folder, "a.yaml", f"---\n{POD.format('a1')}---\n# nothing\n---\n{POD.format('a2')}")
    write(folder, "c.json", '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "c"}}')
    write(folder, "README.md", "no manifest")
    single = write(tmp_path, "single.txt", POD.format("single"))

    assert names(single, folder) == ["single", "a1", "a2", "b", "c"]


def test_a_list_stands_for_its_items(tmp_path):
    item = "- {apiVersion: v1, kind: Pod, metadata: {name: x}}\n"
    path = write(tmp_path, "l.yaml", f"apiVersion: v1\nkind: List\nitems:\n{item}")

    assert names(path) == ["x"]


def test_what_looks_like_a_date_stays_text(tmp_path):
    path = write(tmp_path, "a.yaml", POD.format("a") + "  annotations: {since: 2026-11-23}\n")

    [manifest] = load_manifests([path])

    assert manifest.object["metadata"]["annotations"] == {"since": "2026-11-23"}


def test_the_title_names_kind_name_and_file(tmp_path):
    [manifest] = load_manifests([write(tmp_path, "a.yaml", POD.format("a"))])

    assert manifest.title == f"Pod a ({tmp_path}/a.yaml)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", r"a.yaml: line \d+: "),
        ("", "there is nothing to apply in .*a.yaml"),
        ("- 1", "not a Kubernetes object: '\\[1\\]'"),
        ("kind: Pod\nmetadata: {name: a}", "an object without apiVersion"),
        ("apiVersion: v1\nmetadata: {name: a}", "an object without kind"),
        ("apiVersion: v1\nkind: [Pod]", "an object without kind"),
        ("apiVersion: v1\nkind: Pod", "a Pod without metadata.name"),
        ("apiVersion: v1\nkind: Pod\nmetadata: x", "a Pod without metadata.name"),
        (POD.format("a/status"), "Pod: metadata.name 'a/status' is no name"),
        (POD.format(7), "Pod: metadata.name 7 is no name"),
        (POD.format("a") + "  namespace: [b]", "metadata.namespace \\['b'\\] is no name"),
        ("!!python/object:os.system {}", "a.yaml: line 1"),
        ("a: \x00", "a.yaml is not YAML"),
    ],
)
def test_what_is_no_manifest_is_said_with_its_place(text, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        load_manifests([write(tmp_path, "a.yaml", text)])


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read .*nowhere: No such file"):
        load_manifests([tmp_path / "nowhere"])
    with pytest.raises(ConfigError, match=r"has no .yaml, .yml, .json files"):
        load_manifests([tmp_path])
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    with pytest.raises(ConfigError, match=r"cannot read .*latin.yaml"):
        load_manifests([tmp_path])


def test_text_and_objects_are_named_by_where_they_are_from():
    [of_text] = manifests_of_text(POD.format("a"), "the text")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b", "labels": {"a": "1"}}}
    one, two = manifests_of_objects([pod, {"kind": "List", "items": [pod]}], "objects")

    assert of_text.title == "Pod a (the text)"
    assert (one.title, two.title) == ("Pod b (objects[0])", "Pod b (objects[1])")
    assert one.object == pod
    assert one.object["metadata"] is not pod["metadata"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "there is nothing to apply in objects"),
        ([{}, 3], r"objects\[0\]: an object without apiVersion"),
        ([{"kind": {1, 2}}], r"objects\[0\]: not JSON: "),
        ([object()], r"objects\[0\]: not JSON: "),
        (["text"], r"objects\[0\]: not a Kubernetes object: 'text'"),
    ],
)
def test_objects_that_are_none(given, message):
    with pytest.raises(ConfigError, match=message):
        manifests_of_objects(given, "objects")


@pytest.mark.parametrize(("text", "message"), [("a: [", "text: line 1: "), ("", "nothing to")])
def test_text_that_has_none(text, message):
    with pytest.raises(ConfigError, match=message):
        manifests_of_text(text, "text")
