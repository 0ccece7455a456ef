"""Real nginx pods, reached by a real curl that is on no node, in every proxy mode."""

import shutil

import pytest

from tests.support.local_cluster import local_cluster
from tests.support.nginx import MODES, check_nginx, nginx_deployed

pytestmark = [
    pytest.mark.netns,
    pytest.mark.kubectl,
    pytest.mark.skipif(
        shutil.which("nginx", path="/usr/sbin") is None, reason="no nginx: Debian's nginx-light"
    ),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with (
        local_cluster("nginx", tmp_path_factory.mktemp("nginx")) as made,
        nginx_deployed(made.kubectl),
    ):
        yield made


@pytest.mark.parametrize("mode", MODES)
def test_nginx_is_reached_by_every_nodes_port(cluster, mode):
    def proxy_table(node):
        return cluster.run("node", node, "dump", "--table", "proxy").stdout

    outside = f"/proc/{cluster.control_plane_pid()}/ns/net"
    check_nginx(cluster.kubectl, mode, ("nsenter", f"--net={outside}", "curl"), proxy_table)
