"""Label and field selectors."""

import pytest

from controlplane.api.catalog import RESOURCES
from controlplane.api.errors import StatusError
from controlplane.api.selectors import parse_fields, parse_labels, parse_selection

PODS = RESOURCES.by_name("pods")
LABELS = {"app": "web", "tier": "front", "n": "5"}


def matches(selector, labels=None):
    return all(r.matches(LABELS if labels is None else labels) for r in parse_labels(selector))


@pytest.mark.parametrize(
    "selector",
    [
        "",
        "app=web",
        "app == web , tier!=back",
        "app in (web, db)",
        "app notin (db)",
        "missing notin (x)",
        "missing!=x",
        "app",
        "!missing",
        "n>4",
        "n<6,n>4",
        "app=web,tier in (front)",
    ],
)
def test_selectors_that_match(selector):
    assert matches(selector)


@pytest.mark.parametrize(
    "selector", ["app=db", "app!=web", "app in (db)", "!app", "missing", "n>5", "app>1", "app="]
)
def test_selectors_that_do_not(selector):
    assert not matches(selector)


def test_an_empty_value_is_a_value():
    assert matches("app=", {"app": ""})
    assert not matches("app=", {})


@pytest.mark.parametrize(
    "selector", ["=x", "a=b c", "a in x", "a in (b", ",", "a,", "a=b=c", "a in (-)"]
)
def test_selectors_that_are_none(selector):
    with pytest.raises(StatusError, match="unable to parse requirement") as error:
        parse_labels(selector)
    assert error.value.code == 400


def pod(phase="Running", node="worker"):
    return {
        "metadata": {"name": "p", "namespace": "d"},
        "spec": {"nodeName": node},
        "status": {"phase": phase},
    }


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("spec.nodeName=worker", True),
        ("spec.nodeName==other", False),
        ("status.phase!=Succeeded,status.phase!=Failed,", True),
        ("spec.nodeName=", False),
        ("spec.hostNetwork=false", True),
        ("status.podIP=", True),
        (r"metadata.name=a\,b", False),
    ],
)
def test_field_selectors(selector, expected):
    assert parse_selection(PODS, None, selector).matches(pod()) is expected


def test_escapes_in_field_values():
    (requirement,) = parse_fields(r"metadata.name=a\,b\=c\\d", PODS)
    assert requirement.value == r"a,b=c\d"


def test_one_name_is_known():
    assert parse_selection(PODS, None, "metadata.name=x").name == "x"
    assert parse_selection(PODS, None, "metadata.name!=x").name is None


@pytest.mark.parametrize("selector", ["spec.nope=x", "justaword", "=x"])
def test_fields_that_cannot_be_selected(selector):
    with pytest.raises(StatusError) as error:
        parse_fields(selector, PODS)
    assert error.value.code == 400
