"""Trees that no schema has seen: nothing in them may be a traceback."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.api.strategies.names import port_name, qualified_name
from controlplane.api.strategies.registry import strategies
from controlplane.api.strategies.selectors import selector_matches
from controlplane.api.strategies.tree import child, grow

leaves = st.none() | st.booleans() | st.integers(-5, 70000) | st.sampled_from(
    ["", "x", "None", "TCP", "ClusterIP", "10.0.0.1", "25%"]
)  # fmt: skip
keys = st.sampled_from(
    ["spec", "metadata", "template", "containers", "ports", "port", "name", "selector",
     "matchLabels", "strategy", "rollingUpdate", "volumes", "tolerations", "data", "stringData",
     "subsets", "addresses", "endpoints", "taints", "clusterIPs", "resources", "limits"]
)  # fmt: skip
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=25,
)


@given(st.dictionaries(keys.filter(lambda key: key != "metadata"), trees, max_size=6))
def test_defaults_take_anything(tree):
    for strategy in strategies().values():
        strategy.default({"metadata": {"name": "x", "namespace": "default"}, **tree})


def test_growing_and_reading():
    tree = {"a": "text"}
    assert child(tree, "a", "b") == {}
    assert grow(tree, "a", "b") == {}
    grow(tree, "c", "d")["e"] = 1
    assert tree == {"a": "text", "c": {"d": {"e": 1}}}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Nonsense"}]}, False),
    ],
)
def test_selectors(selector, expected):
    assert selector_matches(selector, {"a": "1"}) is expected


@pytest.mark.parametrize(
    ("name", "fine"),
    [("http", True), ("a-1", True), ("1", False), ("-a", False), ("a--b", False),
     ("A", False), ("a" * 16, False)],
)  # fmt: skip
def test_port_names(name, fine):
    assert (port_name(name) == []) is fine


@pytest.mark.parametrize(
    ("name", "fine"),
    [("a", True), ("a.b/c", True), ("/c", False), ("A_/c", False), ("", False), ("a" * 64, False)],
)
def test_qualified_names(name, fine):
    assert (qualified_name(name) == []) is fine
