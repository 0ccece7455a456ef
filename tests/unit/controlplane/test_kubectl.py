"""Real kubectl binaries, version by version, against the API on loopback."""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from controlplane.api.strategies.registry import strategies
from tests.unit.controlplane.support import deployment, make_client, serving

SUPPORTED = ("1.29", "1.30", "1.31", "1.32", "1.33", "1.34")
"""Older ones need OpenAPI v2, which is not served."""

pytestmark = pytest.mark.kubectl


def binaries():
    """The kubectl binaries of this machine by version, the unversioned one if there is no other."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        return {}
    folder = Path(os.path.realpath(kubectl)).parent
    places = os.pathsep.join((os.environ.get("PATH", ""), str(folder)))
    found = {v: shutil.which(f"kubectl.{v}", path=places) for v in SUPPORTED}
    return {v: path for v, path in found.items() if path} or {"default": kubectl}


@pytest.fixture(params=sorted(binaries()) or ["none"])
async def kubectl(request, tmp_path):
    """Runs kubectl with these arguments and returns (exit code, stdout, stderr)."""
    binary = binaries().get(request.param)
    if binary is None:
        pytest.skip("no kubectl on this machine")
    client = await make_client(strategies())
    async with serving(client) as session:
        config = kubeconfig(str(session._base_url))
        (tmp_path / "kubeconfig").write_text(json.dumps(config))

        async def run(*arguments, stdin=None, env=None):
            process = await asyncio.create_subprocess_exec(
                binary,
                f"--kubeconfig={tmp_path / 'kubeconfig'}",
                f"--cache-dir={tmp_path / 'cache'}",
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=os.environ | (env or {}),
            )
            text = json.dumps(stdin).encode() if stdin is not None else None
            async with asyncio.timeout(30):
                out, errors = await process.communicate(text)
            return process.returncode, out.decode(), errors.decode()

        run.client = client
        yield run


def kubeconfig(server):
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "t", "cluster": {"server": server}}],
        "users": [{"name": "t", "user": {}}],
        "contexts": [{"name": "t", "context": {"cluster": "t", "user": "t"}}],
        "current-context": "t",
    }


def web(**spec):
    obj = {"apiVersion": "apps/v1", "kind": "Deployment", **deployment()}
    obj["spec"] |= spec
    return obj


async def succeed(run, *arguments, **options):
    code, out, errors = await run(*arguments, **options)
    assert code == 0, errors
    return out


async def test_apply_edit_scale_delete(kubectl):
    async def replicas():
        return (await kubectl.client.get("deployments.apps", "web", "default"))["spec"]["replicas"]

    assert "created" in await succeed(kubectl, "apply", "-f", "-", stdin=web())
    assert "unchanged" in await succeed(kubectl, "apply", "-f", "-", stdin=web())
    assert "configured" in await succeed(kubectl, "apply", "-f", "-", stdin=web(replicas=2))
    assert await replicas() == 2
    await succeed(kubectl, "scale", "deployment/web", "--replicas=3")
    assert await replicas() == 3
    await succeed(
        kubectl, "edit", "deploy", "web", env={"EDITOR": "sed -i 's/replicas: 3/replicas: 4/'"}
    )
    assert await replicas() == 4
    await succeed(kubectl, "label", "deploy", "web", "tier=front")
    shown = await succeed(kubectl, "get", "deploy", "-l", "tier=front", "-o", "name")
    assert shown == "deployment.apps/web\n"
    await succeed(kubectl, "delete", "deploy", "web")
    assert await succeed(kubectl, "get", "deploy", "-o", "name") == ""


async def test_server_side_apply(kubectl):
    out = await succeed(kubectl, "apply", "--server-side", "-f", "-", stdin=web())
    assert "serverside-applied" in out
    code, _, errors = await kubectl(
        "apply", "--server-side", "--field-manager=other", "-f", "-", stdin=web(replicas=5)
    )
    assert code == 1
    assert 'conflict with "kubectl"' in errors


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"replicaz": 1}, 'strict decoding error: unknown field "spec.replicaz"'),
        ({"replicas": -1}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        ({"replicas": "x"}, "cannot unmarshal string into Go struct field DeploymentSpec.spec"),
    ],
)
async def test_wrong_manifests_change_nothing(kubectl, spec, message):
    code, _, errors = await kubectl("apply", "-f", "-", stdin=web(**spec))
    assert code == 1
    assert message in errors
    assert (await kubectl.client.list("deployments.apps"))[0] == []


async def test_generated_bodies(kubectl):
    """From 1.32 on these are protobuf."""
    await succeed(kubectl, "create", "namespace", "other")
    await succeed(kubectl, "create", "configmap", "cm", "--from-literal=a=b")
    await succeed(kubectl, "create", "deployment", "d", "--image=nginx", "--replicas=2")
    await succeed(kubectl, "create", "service", "clusterip", "s", "--tcp=80:8080")
    assert (await kubectl.client.get("configmaps", "cm", "default"))["data"] == {"a": "b"}
    service = await kubectl.client.get("services", "s", "default")
    assert service["spec"]["ports"][0]["targetPort"] == 8080
    assert await succeed(kubectl, "auth", "can-i", "create", "pods") == "yes\n"
    assert "kubernetes-admin" in await succeed(kubectl, "auth", "whoami")


async def test_dry_run_and_diff(kubectl):
    await succeed(kubectl, "apply", "-f", "-", stdin=web())
    await succeed(kubectl, "delete", "deploy", "web", "--dry-run=server")
    code, out, _ = await kubectl("diff", "-f", "-", stdin=web(replicas=9))
    assert code == 1
    assert "+  replicas: 9" in out
    assert (await kubectl.client.get("deployments.apps", "web", "default"))["spec"]["replicas"] == 1


async def test_wait_sees_a_change(kubectl):
    await succeed(kubectl, "create", "configmap", "cm", "--from-literal=a=b")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(
            succeed(kubectl, "wait", "--for=jsonpath={.data.a}=c", "cm/cm", "--timeout=20s")
        )
        await kubectl.client.patch(
            "configmaps", "cm", lambda obj: obj["data"].update(a="c"), "default"
        )
    assert "condition met" in waiting.result()


async def test_tables_and_documents(kubectl):
    await succeed(kubectl, "create", "configmap", "cm", "--from-literal=a=b")
    table = await succeed(kubectl, "get", "configmaps", "-A", "-o", "wide")
    assert table.split()[:4] == ["NAMESPACE", "NAME", "DATA", "AGE"]
    assert "Number of desired pods" in await succeed(kubectl, "explain", "deploy.spec.replicas")
    assert "deployments" in await succeed(kubectl, "api-resources", "--categories=all")
    assert "apps/v1" in await succeed(kubectl, "api-versions")
    assert "v1.33.0+kubehop" in await succeed(kubectl, "version")
    code, _, errors = await kubectl("get", "nothing")
    assert code == 1
    assert "doesn't have a resource type" in errors
    _, _, errors = await kubectl("get", "cm", "missing")
    assert errors == 'Error from server (NotFound): configmaps "missing" not found\n'
