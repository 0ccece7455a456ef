"""Who is let in, and what they may do: the real control plane, the real kubectl."""

import asyncio
import shutil
import ssl

import pytest
from aiohttp import ClientSession, TCPConnector

from tests.unit.controlplane.support import json_of
from tests.unit.controlplane.test_main import CMS, free_port, running, session

pytestmark = [
    pytest.mark.kubectl,
    pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is needed"),
]
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
async def place(tmp_path):
    """A running control plane: its directory and port."""
    port = free_port()
    async with running(tmp_path, port):
        yield tmp_path, port


@pytest.fixture
def kubectl(place):
    directory, _ = place

    async def run(*arguments):
        process = await asyncio.create_subprocess_exec(
            "kubectl", "--kubeconfig", str(directory / "kubeconfig"),
            "--cache-dir", str(directory / "cache"), *arguments,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        return process.returncode, out.decode().strip(), err.decode().strip()

    return run


async def becomes(ask, wanted):
    """Roles and bindings hold a moment after they are written, as on a real cluster."""
    async with asyncio.timeout(10):
        while (found := await ask()) != wanted:  # noqa: ASYNC110 - kubectl asks anew
            await asyncio.sleep(0.02)
    return found


async def test_view_may_look_and_not_touch(kubectl):
    assert await kubectl("auth", "can-i", "list", "pods", "--as", "jane") == (1, "no", "")
    code, _, error = await kubectl("get", "pods", "--as", "jane")
    assert code == 1
    assert error == (
        'Error from server (Forbidden): pods is forbidden: User "jane" cannot list resource '
        '"pods" in API group "" in the namespace "default"'
    )
    made = await kubectl("create", "rolebinding", "jane", "--clusterrole=view", "--user=jane")
    assert made[0] == 0, made
    await becomes(lambda: kubectl("auth", "can-i", "list", "pods", "--as", "jane"), (0, "yes", ""))
    assert (await kubectl("get", "pods", "--as", "jane"))[0] == 0
    for refused in (
        ("create", "configmap", "c"),
        ("get", "secrets"),
        ("get", "pods", "-n", "kube-system"),
        ("get", "nodes"),
    ):
        code, _, error = await kubectl(*refused, "--as", "jane")
        assert (code, "forbidden" in error.lower()) == (1, True), refused


async def test_cluster_admin_may_everything(kubectl):
    binding = ("--clusterrole=cluster-admin", "--group=ops")
    assert (await kubectl("create", "clusterrolebinding", "ops", *binding))[0] == 0
    as_joe = ("--as", "joe", "--as-group", "ops")
    await becomes(lambda: kubectl("auth", "can-i", "*", "*", *as_joe), (0, "yes", ""))
    assert (await kubectl("create", "namespace", "n", *as_joe))[0] == 0
    _, who, _ = await kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.groups}", *as_joe)
    assert "ops" in who


async def test_a_role_of_ones_own_and_what_is_aggregated(kubectl):
    rule = ("--verb=get,list", "--resource=leases.coordination.k8s.io")
    assert (await kubectl("create", "clusterrole", "lessors", *rule))[0] == 0
    label = "rbac.authorization.k8s.io/aggregate-to-view=true"
    assert (await kubectl("label", "clusterrole", "lessors", label))[0] == 0

    async def viewed():
        _, rules, _ = await kubectl("get", "clusterrole", "view", "-o", "jsonpath={.rules}")
        return "leases" in rules

    await becomes(viewed, True)


async def test_tokens_of_service_accounts(place, kubectl):
    directory, port = place
    code, token, error = await kubectl("create", "token", "default")
    assert code == 0, error
    trusting = ssl.create_default_context(cafile=directory / "data" / "pki" / "ca.crt")
    url = f"https://127.0.0.1:{port}"
    bearer = {"Authorization": f"Bearer {token}"}
    async with ClientSession(url, connector=TCPConnector(ssl=trusting)) as stranger:
        answer = await stranger.get(PODS, headers=bearer)
        assert answer.status == 403
        message = (await json_of(answer))["message"]
        assert 'User "system:serviceaccount:default:default" cannot list' in message
        to = ("--clusterrole=view", "--serviceaccount=default:default")
        assert (await kubectl("create", "rolebinding", "bot", *to))[0] == 0

        async def listed():
            return (await stranger.get(PODS, headers=bearer)).status

        await becomes(listed, 200)
        assert (await stranger.post(CMS, headers=bearer, json={})).status == 403
        keys = await json_of(await stranger.get("/openid/v1/jwks", headers=bearer))
        assert keys["keys"][0]["alg"] == "ES256"
        assert (await stranger.get("/openid/v1/jwks")).status == 403
        # The account goes, and its tokens with it.
        assert (await kubectl("delete", "serviceaccount", "default"))[0] == 0
        assert await listed() == 401


async def test_nobody_is_somebody_without_credentials(place):
    directory, port = place
    trusting = ssl.create_default_context(cafile=directory / "data" / "pki" / "ca.crt")
    url = f"https://127.0.0.1:{port}"
    async with ClientSession(url, connector=TCPConnector(ssl=trusting)) as stranger:
        answer = await stranger.get(PODS)
        assert answer.status == 403
        assert (
            'User "system:anonymous" cannot list resource "pods"'
            in (await json_of(answer))["message"]
        )
        for path, code in (("/version", 200), ("/healthz", 200), ("/metrics", 403), ("/", 403)):
            assert (await stranger.get(path)).status == code, path
        for shown in ("Bearer x", "Bearer a.b.c", "Basic eDp5", "Bearer"):
            answer = await stranger.get("/version", headers={"Authorization": shown})
            assert answer.status == 401, shown
        act = {"Impersonate-User": "kubernetes-admin", "Impersonate-Group": "system:masters"}
        assert (await stranger.get(PODS, headers=act)).status == 403
    async with session(directory, port) as admin:
        assert (await admin.get(PODS, headers=act)).status == 200
