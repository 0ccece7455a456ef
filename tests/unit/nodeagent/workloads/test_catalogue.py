import pytest

from nodeagent.workloads.catalogue import container_argv, image_name, unknown_image_message
from nodeagent.workloads.programs import PROGRAMS


@pytest.mark.parametrize(
    "reference",
    [
        "agnhost",
        "agnhost:2.53",
        "registry.k8s.io/e2e-test-images/agnhost:2.53@sha256:00",
        "localhost:5000/agnhost",
    ],
)
def test_image_name(reference):
    assert image_name(reference) == "agnhost"


def test_args_replace_the_command_not_the_entrypoint():
    assert container_argv("agnhost", (), ())[-1] == "pause"
    assert container_argv("agnhost", (), ("netexec", "--http-port=80"))[1:] == (
        "netexec",
        "--http-port=80",
    )


def test_a_command_replaces_both_whatever_the_image():
    assert container_argv("example.org/x", ("sleep",), ("1",)) == ("sleep", "1")


def test_tools_run_a_shell_or_their_args():
    assert container_argv("busybox:1.36", (), ()) == ("sh",)
    assert container_argv("busybox:1.36", (), ("sleep", "1")) == ("sleep", "1")


def test_unknown_images():
    assert container_argv("example.org/x", (), ("a",)) is None
    assert "agnhost" in unknown_image_message("example.org/x")


@pytest.mark.parametrize("image", ["agnhost", "nginx", "http-echo", "whoami", "pause"])
def test_builtin_images_name_builtin_programs(image):
    assert container_argv(image, (), ())[0].rpartition("/")[2] in PROGRAMS
