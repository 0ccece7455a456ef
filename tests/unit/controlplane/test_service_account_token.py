"""The token that every pod gets, through the real registry."""

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.strategies.registry import strategies
from controlplane.api.strategies.service_account_token import MOUNT_PATH, token_sources
from tests.unit.controlplane.support import make_client


async def created(account=None, **spec):
    client = await make_client(strategies())
    about = {"name": "default", "namespace": "default"}
    await client.create("serviceaccounts", {"metadata": about, **(account or {})})
    container = {"name": "c", "image": "i"}
    pod = {"metadata": {"name": "p", "namespace": "default"}}
    return await client.create("pods", {**pod, "spec": {"containers": [container], **spec}})


def token_mounts(container):
    return [m for m in container.get("volumeMounts", ()) if m["mountPath"] == MOUNT_PATH]


async def test_every_container_gets_token_ca_and_namespace():
    pod = await created(initContainers=[{"name": "i", "image": "i"}])
    (volume,) = pod["spec"]["volumes"]
    assert volume["name"].startswith("kube-api-access-")
    sources = volume["projected"]["sources"]
    assert [next(iter(source)) for source in sources] == [
        "serviceAccountToken",
        "configMap",
        "downwardAPI",
    ]
    for container in (pod["spec"]["containers"][0], pod["spec"]["initContainers"][0]):
        (mount,) = token_mounts(container)
        assert mount == {"name": volume["name"], "readOnly": True, "mountPath": MOUNT_PATH}
    assert token_sources(pod) == [(volume["name"], {"expirationSeconds": 3607, "path": "token"})]


@pytest.mark.parametrize(
    ("account", "pod", "mounted"),
    [
        ({"automountServiceAccountToken": False}, {}, False),
        ({"automountServiceAccountToken": False}, {"automountServiceAccountToken": True}, True),
        ({}, {"automountServiceAccountToken": False}, False),
    ],
)
async def test_pod_and_account_may_want_none(account, pod, mounted):
    made = await created(account, **pod)
    assert bool(made["spec"].get("volumes")) == mounted
    assert bool(token_mounts(made["spec"]["containers"][0])) == mounted


async def test_a_place_that_is_taken_is_left_alone():
    mount = {"name": "mine", "mountPath": MOUNT_PATH}
    own = {"name": "c", "image": "i", "volumeMounts": [mount]}
    pod = await created(containers=[own], volumes=[{"name": "mine", "emptyDir": {}}])
    assert [volume["name"] for volume in pod["spec"]["volumes"]] == ["mine"]


async def test_the_copy_of_a_pod_has_one_volume():
    first = await created()
    spec = {name: first["spec"][name] for name in ("containers", "volumes")}
    again = await created(**spec)
    assert again["spec"]["volumes"] == first["spec"]["volumes"]
    assert len(token_mounts(again["spec"]["containers"][0])) == 1


async def test_an_account_has_to_be_there():
    with pytest.raises(StatusError) as caught:
        await created(serviceAccountName="bot")
    assert caught.value.code == 403
    assert caught.value.message == (
        'pods "p" is forbidden: error looking up service account default/bot: '
        'serviceaccount "bot" not found'
    )


async def test_the_default_account_follows_its_namespace():
    client = await make_client(strategies())
    spec = {"containers": [{"name": "c", "image": "i"}]}
    pod = await client.create(
        "pods", {"metadata": {"name": "p", "namespace": "default"}, "spec": spec}
    )
    assert token_mounts(pod["spec"]["containers"][0])
