from decimal import Decimal

import pytest

from netcore.model.errors import ConfigError
from nodeagent.pods.downward import PodFacts, parse_quantity
from tests.support.pods import container, node_facts, pod_manifest


@pytest.mark.parametrize(
    ("text", "value"), [("1500m", "1.5"), ("64Mi", "67108864"), ("1e3", "1000"), ("2k", "2000")]
)
def test_parse_quantity(text, value):
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "x", "1x", "--1"])
def test_what_is_no_quantity(text):
    with pytest.raises(ConfigError, match="not a resource quantity"):
        parse_quantity(text)


def test_limits_of_a_container(tmp_path):
    limits = {"limits": {"cpu": "1500m", "memory": "64Mi"}}
    pod = pod_manifest(containers=[container("c", resources=limits)])
    facts = PodFacts(pod, node_facts(tmp_path), ())
    assert facts.resource({"resource": "limits.cpu"}, "c") == "2"
    assert facts.resource({"resource": "limits.memory", "divisor": "1Mi"}, "c") == "64"


def test_labels_as_lines_and_by_name(tmp_path):
    pod = pod_manifest()
    pod["metadata"]["labels"] = {"b": 'say "hi"', "a": "1"}
    facts = PodFacts(pod, node_facts(tmp_path), ())
    assert facts.field("metadata.labels") == 'a="1"\nb="say \\"hi\\""'
    assert facts.field("metadata.labels['a']") == "1"
