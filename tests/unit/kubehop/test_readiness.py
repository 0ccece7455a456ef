import time

import pytest

from kubehop.kubernetes.client import ApiError
from kubehop.kubernetes.conditions import is_ready
from kubehop.local import readiness
from kubehop.local.control import NoAnswer
from kubehop.local.paths import ClusterPaths
from kubehop.local.readiness import NotReady, Readiness


def node(name, ready):
    status = "True" if ready else "Unknown"
    conditions = [{"type": "Ready", "status": status}]
    return {"metadata": {"name": name}, "status": {"conditions": conditions}}


class FakeApi:
    """Answers each path with the next of its answers, the last one for ever."""

    def __init__(self, **answers):
        self._answers = answers

    def get(self, path):
        answers = self._answers[path.rsplit("/", 1)[1].replace("-", "_")]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def components(monkeypatch):
    found = [{"name": "a", "lastExitCode": None, "restarts": 0}]
    monkeypatch.setattr(readiness, "ask", lambda path, request: {"components": found})
    return found


@pytest.fixture
def paths(tmp_path):
    return ClusterPaths(tmp_path)


def soon(paths, within_s=20.0):
    return Readiness(paths, time.monotonic() + within_s)


def test_a_node_without_conditions_is_not_ready():
    assert not is_ready({"metadata": {"name": "n"}})
    assert is_ready(node("n", True))
    assert not is_ready(node("n", False))


def test_waits_until_all_wanted_nodes_are_ready(paths, components):
    first = {"items": [node("a", True), node("b", False)]}
    second = {"items": [node("a", True), node("b", True), node("c", False)]}

    soon(paths).wait_for_nodes(FakeApi(nodes=[first, second]), {"a", "b"})


def test_names_the_nodes_that_are_late(paths, components):
    api = FakeApi(nodes=[{"items": [node("a", True), node("c", False)]}])

    with pytest.raises(NotReady, match="not Ready: b, c"):
        soon(paths, 0.0).wait_for_nodes(api, {"a", "b", "c"})


def test_waits_for_an_endpoint_of_the_dns_server(paths, components):
    ready = {"subsets": [{"addresses": [{"ip": "172.18.0.3"}]}]}
    not_yet = {"subsets": [{"notReadyAddresses": [{"ip": "172.18.0.3"}]}]}
    api = FakeApi(kube_dns=[ApiError(404, "NotFound", "none"), {}, not_yet, ready])

    soon(paths).wait_for_dns(api)


def test_other_refusals_are_not_waited_out(paths, components):
    api = FakeApi(kube_dns=[ApiError(403, "Forbidden", "no")])

    with pytest.raises(ApiError):
        soon(paths).wait_for_dns(api)


@pytest.mark.parametrize(("code", "restarts"), [(2, 0), (1, 3)])
def test_a_program_that_does_not_start_ends_the_wait_with_its_last_words(
    paths, components, code, restarts
):
    components[0].update(lastExitCode=code, restarts=restarts)
    paths.logs.mkdir()
    paths.log("a").write_text("starting\na: port 53 is taken\n")

    with pytest.raises(NotReady, match=rf"a does not start \(exit code {code}\): a: port 53"):
        soon(paths).wait_for_nodes(FakeApi(nodes=[{"items": []}]), {"n"})


def test_a_dead_supervisor_ends_the_wait(paths, monkeypatch):
    def nobody(path, request):
        raise NoAnswer("gone")

    monkeypatch.setattr(readiness, "ask", nobody)

    with pytest.raises(NotReady, match="supervisor has ended"):
        soon(paths).wait_for_nodes(FakeApi(nodes=[{"items": []}]), {"n"})
