import pytest

from netcore.dns.find import Target, find, parse_target
from netcore.dns.names import parse_name
from tests.support.dns_cluster import build_index


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("svc", Target(b"svc")),
        ("ns.svc", Target(b"svc", b"ns")),
        ("web.ns.svc", Target(b"svc", b"ns", b"web")),
        ("host.web.ns.svc", Target(b"svc", b"ns", b"web", endpoint=b"host")),
        ("_p._tcp.web.ns.svc", Target(b"svc", b"ns", b"web", port=b"p", protocol=b"tcp")),
        ("p.tcp.web.ns.svc", Target(b"svc", b"ns", b"web", port=b"p", protocol=b"tcp")),
        ("a._p._tcp.web.ns.svc", None),
        ("web.ns", None),
    ],
)
def test_parse_target(text, expected):
    assert parse_target(parse_name(text)) == expected


def test_what_exists_without_standing_for_anything():
    index = build_index()
    for text in ("", "svc", "pod", "prod.svc", "prod.pod"):
        assert find(index, "insecure", parse_name(text)) == ()


def test_what_does_not_exist():
    index = build_index()
    for text in ("none", "none.svc", "none.prod.svc", "none.web.prod.svc"):
        assert find(index, "insecure", parse_name(text)) is None
