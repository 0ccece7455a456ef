"""Which Service a request goes to: the tables of the Kubernetes documentation, "Ingress"."""

import pytest

from cloudlb.application.routing import Router
from netcore.model.load_balancer import IngressBackend
from tests.unit.cloudlb.objects import ingress, rule


def found(router, host, path):
    target = router.find(host, path)
    return None if target is None else target[1].service_name


@pytest.mark.parametrize(
    ("kind", "path", "request_path", "matches"),
    [
        ("Prefix", "/", "/any/thing", True),
        ("Exact", "/foo", "/foo", True),
        ("Exact", "/foo", "/bar", False),
        ("Exact", "/foo", "/foo/", False),
        ("Exact", "/foo/", "/foo", False),
        ("Prefix", "/foo", "/foo", True),
        ("Prefix", "/foo", "/foo/", True),
        ("Prefix", "/foo/", "/foo", True),
        ("Prefix", "/foo/", "/foo/", True),
        ("Prefix", "/aaa/bb", "/aaa/bbb", False),
        ("Prefix", "/aaa/bbb", "/aaa/bbb", True),
        ("Prefix", "/aaa/bbb/", "/aaa/bbb", True),
        ("Prefix", "/aaa/bbb", "/aaa/bbb/", True),
        ("Prefix", "/aaa/bbb", "/aaa/bbb/ccc", True),
        ("Prefix", "/aaa/bbb", "/aaa/bbbxyz", False),
        ("Prefix", "/Foo", "/foo", False),
        ("Prefix", "/a", "/a%2Fb", False),
        ("ImplementationSpecific", "/foo", "/foo/bar", True),
    ],
)
def test_paths(kind, path, request_path, matches):
    router = Router([ingress(paths=[rule("", path, "web", kind)])])
    assert found(router, "any.example", request_path) == ("web" if matches else None)


@pytest.mark.parametrize(
    ("wanted", "host", "matches"),
    [
        ("foo.com", "foo.com", True),
        ("foo.com", "FOO.com.", True),
        ("foo.com", "foo.com:8080", True),
        ("foo.com", "bar.foo.com", False),
        ("foo.com", "", False),
        ("*.foo.com", "bar.foo.com", True),
        ("*.foo.com", "bar.foo.com:80", True),
        ("*.foo.com", "baz.bar.foo.com", False),
        ("*.foo.com", "foo.com", False),
        ("*.foo.com", ".foo.com", False),
        ("", "[fd00::1]:80", True),
        ("", "", True),
    ],
)
def test_hosts(wanted, host, matches):
    router = Router([ingress(paths=[rule(wanted, "/", "web")])])
    assert found(router, host, "/") == ("web" if matches else None)


def test_the_most_exact_host_then_the_longest_path_then_exact():
    router = Router(
        [
            ingress(
                paths=[
                    rule("", "/long/path/of/all", "any"),
                    rule("*.foo.com", "/long/path", "wildcard"),
                    rule("bar.foo.com", "/", "host"),
                    rule("bar.foo.com", "/a", "prefix"),
                    rule("bar.foo.com", "/a", "exact", "Exact"),
                    rule("bar.foo.com", "/a/b", "longer"),
                ]
            )
        ]
    )
    assert found(router, "bar.foo.com", "/long/path/of/all") == "host"
    assert found(router, "x.foo.com", "/long/path/of/all") == "wildcard"
    assert found(router, "other", "/long/path/of/all") == "any"
    assert found(router, "bar.foo.com", "/a") == "exact"
    assert found(router, "bar.foo.com", "/a/") == "prefix"
    assert found(router, "bar.foo.com", "/a/b/c") == "longer"
    assert found(router, "x.foo.com", "/") is None


def test_the_default_backend_and_of_equal_rules_the_first():
    fallback = IngressBackend("fallback", port_number=80)
    two = ingress("two", [rule("h", "/", "second")], IngressBackend("other"))
    one = ingress("one", [rule("h", "/", "first")], fallback)
    router = Router([two, one])
    assert found(router, "h", "/") == "first"
    assert router.find("x", "/") == ("default", fallback)
    assert Router([]).find("x", "/") is None
