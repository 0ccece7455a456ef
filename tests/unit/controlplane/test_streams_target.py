import pytest

from controlplane.api.errors import StatusError
from controlplane.api.http.request_info import RequestInfo
from controlplane.api.streams.target import choose_container, find_place
from tests.support.fake_agent import FakeReader, pod


def test_the_only_container_needs_no_name():
    assert choose_container(pod(), "") == "c"
    assert choose_container(pod("web", "worker", "a", "b"), "b") == "b"


def test_several_containers_need_one():
    many = pod("web", "worker", "a", "b")
    many["spec"]["initContainers"] = [{"name": "i"}]
    with pytest.raises(StatusError) as raised:
        choose_container(many, "")
    assert (raised.value.code, raised.value.message) == (
        400,
        "a container name must be specified for pod web, choose one of: [a b] "
        "or one of the init containers: [i]",
    )
    assert choose_container(many, "i") == "i"


def test_a_wrong_name():
    with pytest.raises(StatusError, match=r"^container x is not valid for pod web$"):
        choose_container(pod(), "x")


async def test_the_place_of_a_pod():
    info = RequestInfo("get", "", "v1", "pods", "default", "web", "log")
    place = await find_place(FakeReader(pods=[pod()]), info, "")
    assert (place.node_name, place.target.container) == ("worker", "c")
    with pytest.raises(StatusError, match='pods "web" not found'):
        await find_place(FakeReader(), info, "")
