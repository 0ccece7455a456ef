import pytest

from kubehop.testing.connection import ConnectionFailed
from kubehop.testing.reporting import sections
from netcore.model.errors import KubehopError


class Named:
    def __init__(self, name):
        self.name = name


class FakeCluster:
    def __init__(self, *failures):
        self.failures = list(failures)

    def take_failures(self):
        found, self.failures = self.failures, []
        return [(Named(name), url) for name, url in found]

    def trace_request(self, sender, url):
        if sender.name == "gone":
            raise KubehopError("gone")

        class Traced:
            text = f"hops from {sender.name}"

        return Traced


FAILED = ConnectionFailed("no", "hops", "rules")
ITS = [("kubehop trace", "hops"), ("kubehop policy explain", "rules")]


def caused(error, by):
    error.__cause__ = by
    return error


def during(error, other):
    error.__context__ = other
    return error


@pytest.mark.parametrize(
    "error",
    [
        FAILED,
        caused(RuntimeError(), FAILED),
        during(RuntimeError(), FAILED),
        caused(RuntimeError(), caused(KeyError(), FAILED)),
        ExceptionGroup("two", [ValueError(), ExceptionGroup("one", [FAILED])]),
    ],
)
def test_the_assertion_that_failed_is_found_wherever_it_is(error):
    assert list(sections(error, [])) == ITS


def test_without_an_explanation_there_is_the_trace():
    assert list(sections(ConnectionFailed("no", "hops"), [])) == ITS[:1]


def test_an_error_that_was_put_aside_does_not_count():
    error = during(RuntimeError(), FAILED)
    error.__suppress_context__ = True
    assert list(sections(error, [])) == []


def test_a_circle_of_causes_ends():
    error = RuntimeError()
    error.__cause__ = caused(ValueError(), error)
    assert list(sections(error, [])) == []


def test_requests_are_traced_where_no_assertion_speaks():
    clusters = FakeCluster(("a", "http://b")), FakeCluster(("gone", "http://c"))
    assert list(sections(ValueError(), clusters)) == [
        ("kubehop trace a http://b", "hops from a"),
        ("kubehop trace gone http://c", "not to be had: gone"),
    ]
    assert list(sections(None, clusters)) == []


def test_where_one_does_requests_are_forgotten():
    cluster = FakeCluster(("a", "http://b"))
    assert list(sections(FAILED, [cluster])) == ITS
    assert cluster.failures == []
