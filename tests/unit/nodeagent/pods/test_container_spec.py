import pytest

from netcore.model.errors import ConfigError
from nodeagent.pods.container_spec import UnknownImage, command_of, mounts_of
from nodeagent.workloads.spec import Mount
from tests.support.pods import container, pod_manifest


def test_command_and_args_are_expanded():
    wanted = container(command=["$(A)"], args=["$$(A)", "$(B)"])
    assert command_of(wanted, pod_manifest(), {"A": "1"}).argv == ("1", "$(A)", "$(B)")


def test_unknown_image_without_command():
    with pytest.raises(UnknownImage, match="set `command`"):
        command_of({"name": "c", "image": "x/y:1"}, pod_manifest(), {})


def test_the_container_overrides_the_pods_user():
    pod = pod_manifest(securityContext={"runAsUser": 1, "runAsGroup": 2, "fsGroup": 3})
    command = command_of(container(securityContext={"runAsUser": 9}), pod, {})
    assert (command.uid, command.gid, command.groups) == (9, 2, (3,))


def test_capabilities():
    def kept(**context):
        return command_of(container(securityContext=context), pod_manifest(), {}).capabilities

    assert "NET_RAW" in kept()
    assert "NET_ADMIN" not in kept()
    assert "NET_ADMIN" in kept(capabilities={"add": ["NET_ADMIN"]})
    assert kept(capabilities={"drop": ["ALL"], "add": ["CAP_NET_RAW"]}) == ("NET_RAW",)
    assert kept(privileged=True) is None


def test_mounts():
    mounts = mounts_of(
        container(
            volumeMounts=[{"name": "v", "mountPath": "/m", "subPathExpr": "$(A)", "readOnly": True}]
        ),
        {"v": "/scratch/volumes/v"},
        "/scratch",
        {"A": "x"},
    )
    assert mounts[0] == Mount("/scratch/etc/hosts", "/etc/hosts")
    assert mounts[-1] == Mount("/scratch/volumes/v/x", "/m", True)


def test_mounts_of_what_is_not_there_or_outside():
    def mount(**fields):
        return mounts_of(
            container(volumeMounts=[{"mountPath": "/m", **fields}]), {"v": "/v"}, "/s", {}
        )

    with pytest.raises(ConfigError, match='"w" names no volume'):
        mount(name="w")
    with pytest.raises(ConfigError, match="inside the volume"):
        mount(name="v", subPath="../x")


def test_volumes_with_the_agents_files_are_read_only():
    wants = container(volumeMounts=[{"name": n, "mountPath": f"/{n}"} for n in ("cm", "tmp")])
    places = {"cm": "/s/cm", "tmp": "/s/tmp"}
    mounts = mounts_of(wants, places, "/s", {}, frozenset({"cm"}))
    assert [mount.read_only for mount in mounts[-2:]] == [True, False]
