import sys

import pytest

from kubehop.ends import Place
from kubehop.kubernetes.execute import Executed
from kubehop.testing import sender
from kubehop.testing.sender import Outside, Pod, target_of
from netcore.model.errors import ConfigError, KubehopError


class FakeCluster:
    credentials = "credentials"

    def __init__(self):
        self.failures, self.asserted = [], []

    def locate(self, name):
        if name == "nosuch":
            raise ConfigError("no such pod")
        return Place("pod", "web-1", "shop")

    def remember_failure(self, who, url):
        self.failures.append((who.name, url))

    def assert_reachable(self, *ends):
        self.asserted.append(ends)

    def assert_blocked(self, *ends):
        self.asserted.append(ends)


@pytest.fixture
def ran(monkeypatch):
    """Commands, and what they give."""
    seen = []

    def run(credentials, namespace, pod, command):
        seen.append((credentials, namespace, pod, command))
        return seen[0]

    monkeypatch.setattr(sender, "_run", run)

    def set_result(*result):
        seen[:] = [Executed(*result)]
        return seen

    return set_result


def test_commands_run_in_the_pod_that_is_meant_now(ran):
    seen = ran(3, b"out", b"err")
    assert Pod(FakeCluster(), "shop/deploy/web").exec("ls", "-l").exit_code == 3
    assert seen[1:] == [("credentials", "shop", "web-1", ("ls", "-l"))]
    with pytest.raises(KubehopError, match="no such pod"):
        Pod(FakeCluster(), "nosuch").exec("ls")


def test_an_answer_has_status_and_body(ran):
    seen, cluster = ran(0, b"two\nlines\n201", b""), FakeCluster()
    found = Pod(cluster, "web").curl("http://api", "-X", "POST", timeout_s=2)
    assert (found.status, found.body, found.exit_code, found.error) == (201, "two\nlines", 0, "")
    command = seen[1][3]
    assert command[0] == "curl"
    assert command[2:4] == ("-m", "2")
    assert command[-3:] == ("-X", "POST", "http://api")
    assert cluster.failures == []


@pytest.mark.parametrize("output", [b"\n000", b"", b"no number"])
def test_no_answer_is_remembered(ran, output):
    ran(28, output, b"curl: (28) timed out\n")
    cluster = FakeCluster()
    found = Pod(cluster, "web").curl("http://api")
    assert (found.status, found.exit_code) == (0, 28)
    assert found.error == "curl: (28) timed out"
    assert cluster.failures == [("web", "http://api")]


def test_assertions_are_the_clusters():
    cluster = FakeCluster()
    pod = Pod(cluster, "web")
    pod.assert_reachable("api:80")
    pod.assert_blocked("db:80", by="shop/deny")
    assert cluster.asserted == [("web", "api:80"), ("web", "db:80", "shop/deny")]


def test_a_client_outside_runs_programs_of_this_machine():
    client = Outside(FakeCluster(), (sys.executable, "-c", "import sys; print(sys.argv[1:])"))
    done = client.exec("a", "b c")
    assert (done.exit_code, done.stdout) == (0, b"['a', 'b c']\n")
    assert (client.name, client.place().kind) == ("outside", "outside")
    with pytest.raises(KubehopError, match="cannot run ls"):
        Outside(FakeCluster(), ("/nonexistent",)).exec("ls")


@pytest.mark.parametrize(
    ("url", "kind", "host", "port"),
    [
        ("http://api", "dns", "api", "80"),
        ("https://api.shop/x?y=1", "dns", "api.shop", "443"),
        ("api:8080/x", "dns", "api", "8080"),
        ("http://user@10.0.0.1:81", "address", "10.0.0.1", "81"),
        ("http://[fd00::1]/", "address", "fd00::1", "80"),
    ],
)
def test_where_a_url_leads(url, kind, host, port):
    target = target_of(url, "shop")
    assert (target.place.kind, target.place.name, target.port) == (kind, host, port)
    assert target.place.namespace == ("shop" if kind == "dns" else "")


@pytest.mark.parametrize("url", ["http://", "http://a:99999", "http://[", "", "http://a:b"])
def test_what_leads_nowhere(url):
    with pytest.raises(ConfigError):
        target_of(url, "shop")
