from controlplane.api.patch.schema import DefinitionNode
from tests.support.definitions import definitions, schema


def walk(node, *names):
    for name in names:
        node = node.item() if name == "[]" else node.field(name)
        assert node is not None, name
    return node


def test_extensions_beside_a_reference_belong_to_the_place():
    strategy = schema("apps.v1.DeploymentSpec").field("strategy")
    assert strategy.patch_strategy == {"retainKeys"}
    assert strategy.kind == "object"


def test_lists_of_every_type():
    pod = schema("core.v1.PodSpec")
    containers = pod.field("containers")
    assert (containers.kind, containers.atomic) == ("array", False)
    assert (containers.list_map_keys, containers.patch_merge_key) == (("name",), "name")
    assert pod.requires("containers")
    assert not pod.requires("volumes")
    args = walk(containers, "[]", "args")
    assert args.atomic
    finalizers = walk(schema("core.v1.Pod"), "metadata", "finalizers")
    assert (finalizers.is_set, finalizers.atomic) == (True, False)


def test_maps():
    assert walk(schema("core.v1.Pod"), "spec", "nodeSelector").atomic
    labels = walk(schema("core.v1.Pod"), "metadata", "labels")
    assert (labels.kind, labels.atomic) == ("map", False)
    assert labels.field("any").kind == "scalar"
    assert walk(schema("core.v1.ServiceSpec"), "selector").atomic


def test_unknown_fields_have_no_schema():
    assert schema("core.v1.Pod").field("nope") is None
    assert DefinitionNode.named(definitions(), "nope") is None


def test_the_all_of_reference_of_openapi_v3():
    place = {"allOf": [{"$ref": "#/components/schemas/X"}], "x-kubernetes-map-type": "atomic"}
    found = {"X": {"type": "object", "properties": {"a": {"type": "string"}}}}
    node = DefinitionNode(found, place)
    assert (node.kind, node.atomic) == ("object", True)
    assert node.field("a").kind == "scalar"
