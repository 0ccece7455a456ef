"""Files of expectations: what is read, and what is said of those that are wrong."""

import pytest

from kubehop.ends import Place, Target
from kubehop.policy.expectations import load_expectations
from netcore.model.errors import ConfigError

HEAD = "apiVersion: kubehop.dev/v1alpha1\nkind: PolicyExpectations\n"


@pytest.fixture
def load(tmp_path):
    def load(text, head=HEAD):
        file = tmp_path / "e.yaml"
        file.write_text(head + text)
        return load_expectations([file], "default")

    return load


def test_one_and_lists(load):
    one, two, three = load(
        "namespace: shop\n"
        "expectations:\n"
        "- {from: web, to: [svc/api:80, other/db:5432], verdict: allowed}\n"
        "- {name: no way, from: other/x, to: web:80/udp, verdict: denied, by: shop/deny}\n"
    )
    assert (one.start, one.end) == (
        Place("name", "web", "shop") if one.start.kind == "name" else Place("pod", "web", "shop"),
        Target(Place("service", "api", "shop"), "80"),
    )
    assert (two.allowed, two.title) == (True, "web -> other/db:5432")
    assert (three.allowed, three.by, three.title) == (False, "shop/deny", "no way")
    assert three.place.endswith("e.yaml: expectations[1]")


def test_several_documents(load):
    entry = "expectations: [{from: a, to: b, verdict: allowed}]\n"
    assert len(load(f"{entry}---\n{HEAD}{entry}")) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("expectations: []", "no expectations"),
        ("expectations: {}", "expectations: needed is a list"),
        ("expectation: []", 'unknown field "expectation"'),
        ("expectations: [x]", "expectations[0]: needed is a mapping"),
        ("expectations: [{from: a, to: b}]", "expectations[0].verdict: needed is allowed or"),
        ("expectations: [{from: a, to: b, verdict: [x]}]", "[0].verdict: needed is allowed"),
        ("expectations: [{from: a, to: b, verdict: yes}]", "[0].verdict: needed is allowed"),
        ("expectations: [{to: b, verdict: allowed}]", "expectations[0].from: needed is a name"),
        ("expectations: [{from: a, to: [], verdict: allowed}]", "[0].to: needed is a name"),
        ("expectations: [{from: a, to: [b, 7], verdict: allowed}]", "[0].to: needed is a name"),
        ("expectations: [{from: a, to: 'b:0', verdict: allowed}]", 'expectations[0]: "b:0"'),
        ("expectations: [{from: a, to: b, verdict: allowed, by: 7}]", "[0].by: needed is a text"),
        ("expectations: [{from: a, to: b, verdict: allowed, port: 7}]", 'unknown field "port"'),
        ("expectations: [", "line 4"),
    ],
)
def test_what_is_wrong_is_named(load, text, message):
    with pytest.raises(ConfigError) as raised:
        load(text + "\n")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_another_kind_is_refused(load):
    with pytest.raises(ConfigError, match="kind: PolicyExpectations"):
        load("", "apiVersion: v1\nkind: Pod\n")
    with pytest.raises(ConfigError, match="no mapping"):
        load("", "- a\n")
