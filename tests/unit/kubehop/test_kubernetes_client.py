import socket

import pytest

from kubehop.kubernetes.client import ApiClient, ApiError, ApiUnreachable
from kubehop.kubernetes.credentials import load_credentials
from netcore.model.errors import ConfigError
from tests.unit.kubehop.apiserver import Certificates, api_server


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def server(certificates):
    with api_server(certificates) as running:
        yield running


@pytest.fixture
def client(server, certificates, tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text(certificates.kubeconfig(server.url))
    made = ApiClient(load_credentials(path), timeout_s=10)
    yield made
    made.close()


def test_get_gives_the_json(client, server):
    found = client.get("/api/v1/pods", {"labelSelector": "app=a b"})

    assert found["echo"]["path"] == "/api/v1/pods?labelSelector=app%3Da+b"


def test_apply_is_server_side_apply(client, server):
    client.apply("/api/v1/namespaces/default/services/a", {"kind": "Service"})

    [request] = server.requests
    assert request["method"] == "PATCH"
    assert request["type"] == "application/apply-patch+yaml"
    assert request["path"].endswith("/a?fieldManager=kubehop&fieldValidation=Strict&force=true")
    assert request["body"] == '{"kind": "Service"}'


def test_a_refusal_is_the_message_of_the_status(client, server):
    server.answers = [(404, {"kind": "Status", "reason": "NotFound", "message": "no such pod"})]

    with pytest.raises(ApiError, match="no such pod") as refused:
        client.get("/x")

    assert (refused.value.code, refused.value.reason) == (404, "NotFound")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b"\xff\xfe"])
def test_an_error_that_is_no_status_is_told_as_it_is(client, server, body):
    server.answers = [(502, body)]

    with pytest.raises(ApiError, match="HTTP 502"):
        client.get("/x")


def test_lines_come_one_by_one(client, server):
    server.answers = [(200, b'{"a": 1}\n{"a": 2}\n')]

    assert [line["a"] for line in client.stream("/trace", {"url": "u"})] == [1, 2]
    assert server.requests[0]["body"] == '{"url": "u"}'


def test_a_connection_that_the_server_closed_is_opened_again(client, server):
    server.closes = True

    for number in range(3):
        assert client.get(f"/{number}")["echo"]["path"] == f"/{number}"


def test_no_server_is_unreachable(certificates, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    path = tmp_path / "kubeconfig"
    path.write_text(certificates.kubeconfig(f"https://localhost:{port}"))

    with pytest.raises(ApiUnreachable, match=f"no answer from https://localhost:{port}"):
        ApiClient(load_credentials(path)).get("/version")


def test_a_server_of_another_ca_is_not_trusted(server, tmp_path):
    other = Certificates(tmp_path)
    path = tmp_path / "kubeconfig"
    path.write_text(other.kubeconfig(server.url))

    with pytest.raises(ApiUnreachable, match="certificate verify failed"):
        ApiClient(load_credentials(path)).get("/version")


@pytest.mark.parametrize("text", ["", "{}", "- a", "{", "current-context: nobody\ncontexts: []"])
def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path, text):
    path = tmp_path / "kubeconfig"
    path.write_text(text)

    with pytest.raises(ConfigError, match="kubeconfig cannot be used"):
        load_credentials(path)
