import pytest

from kubehop.capturing.target import Arguments, parse_arguments, split_link, target
from netcore.model.errors import ConfigError


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], Arguments("", "", "")),
        (["pod/web"], Arguments("pod", "pod/web", "")),
        (["deploy/web", "tcp", "port", "80"], Arguments("pod", "deploy/web", "tcp port 80")),
        (["node/a", "not arp"], Arguments("node", "a", "not arp")),
        (["link", "a-b", "udp"], Arguments("link", "a-b", "udp")),
        (["link/a-b"], Arguments("link", "a-b", "")),
        (["net", "10.0.0.0/8"], Arguments("", "", "net 10.0.0.0/8")),
        (["(tcp", "or", "udp)"], Arguments("", "", "(tcp or udp)")),
    ],
)
def test_a_place_and_then_the_filter(words, found):
    assert parse_arguments(words) == found


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["link"], "give two nodes"),
        (["svc/web"], "at 'svc/web'"),
        (["pod/"], "at 'pod/'"),
        (["pod/web", "port"], "a port number"),
    ],
)
def test_what_cannot_be(words, message):
    with pytest.raises(ConfigError, match=message):
        parse_arguments(words)


@pytest.mark.parametrize(
    ("value", "ends"),
    [
        ("a-b", ("a", "b")),
        ("x-worker-x-worker2", ("x-worker", "x-worker2")),
        ("a-a-b", ("a", "a-b")),
    ],
)
def test_a_link_between_nodes_with_dashes_in_their_names(value, ends):
    assert split_link(value, {"a", "b", "a-b", "x-worker", "x-worker2"}) == ends


@pytest.mark.parametrize("value", ["a-a", "a-c", "a", "", "-"])
def test_what_is_no_link_says_which_nodes_there_are(value):
    with pytest.raises(ConfigError, match="there are a, b"):
        split_link(value, {"a", "b"})


class FakeApi:
    def get(self, path, parameters=None):
        assert path == "/api/v1/nodes"
        return {"items": [{"metadata": {"name": name}} for name in ("a", "b")]}


@pytest.mark.parametrize(
    ("found", "where"),
    [
        (Arguments("", "", ""), {}),
        (Arguments("pod", "pod/web", ""), {"pod": {"namespace": "shop", "name": "web"}}),
        (Arguments("node", "a", ""), {"node": "a"}),
        (Arguments("link", "a-b", ""), {"link": ["a", "b"]}),
    ],
)
def test_the_request(found, where):
    assert target(FakeApi(), "shop", found) == where
