"""The real agent beside a real control plane: what it cannot have, it names, and ends."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.netns

_SCRIPT = """
set -e
ip link set lo up
ip link add eth0 type veth peer name far
ip addr add 172.18.0.2/16 dev eth0
ip link set eth0 up
ip link set far up
{python} -m controlplane --data-dir {folder}/data --api-listen 127.0.0.1:6443 \
    --rpc-listen 172.18.0.2:7443 --advertise-address 172.18.0.2 {control_plane} \
    2>{folder}/controlplane.log &
before_agent() {{ {before}; }}
before_agent
set +e
timeout 20 {python} -m nodeagent --control-plane 172.18.0.2:7443 --state-dir {folder}/node {agent}
code=$?
kill %1
wait %1
exit $code
"""


_JOIN_ANOTHER = (
    "import grpc; from protos.gen.v1 import controlplane_pb2 as pb, "
    "controlplane_pb2_grpc as g; "
    "c = grpc.insecure_channel('172.18.0.2:7443'); "
    "g.ControlPlaneStub(c).Register(pb.RegisterRequest(role=pb.ROLE_NODE, instance_id='x', "
    "name='first', underlay_addresses=['172.18.0.9'], rpc_port=7444, "
    "vtep_mac='0a:58:00:00:00:01'), timeout=10)"
)


@pytest.fixture
def run_agent(tmp_path):
    """Starts both in a namespace of their own; gives the agent's exit code and its last line."""

    def run(agent="", control_plane="", before="true"):
        script = _SCRIPT.format(
            python=sys.executable,
            folder=tmp_path,
            agent=agent,
            control_plane=control_plane,
            before=before,
        )
        done = subprocess.run(
            ["unshare", "--net", "--pid", "--fork", "--kill-child", "bash", "-c", script],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stderr.strip().splitlines()[-1]

    return run


def test_a_taken_vxlan_port_is_named_with_the_remedy(run_agent):
    code, message = run_agent(
        before="ip link add vx type vxlan id 9 dstport 4789 local 172.18.0.2; ip link set vx up"
    )
    assert code == 1
    assert message == (
        "nodeagent: bind VXLAN 172.18.0.2:4789: the UDP port is taken; "
        "stop the other VXLAN device or agent on this address"
    )


def test_an_underlay_address_that_is_not_here_is_named(run_agent):
    code, message = run_agent(agent="--underlay-address 192.0.2.7")
    assert code == 1
    assert "192.0.2.7" in message
    assert "no interface has this address" in message


def test_an_underlay_that_is_too_narrow_is_named(run_agent):
    code, message = run_agent(control_plane="--underlay-mtu 9000")
    assert code == 1
    assert "its MTU is 1500, the cluster needs 9000" in message


def test_an_exhausted_pod_cidr_is_named_with_the_remedy(run_agent):
    code, message = run_agent(
        control_plane="--pod-cidr 10.244.0.0/24 --node-cidr-mask-size 24",
        before=(
            f'until {sys.executable} -c "import socket; '
            "socket.create_connection(('172.18.0.2', 7443), 1)\" 2>/dev/null; do :; done; "
            f'{sys.executable} -c "{_JOIN_ANOTHER}"'
        ),
    )
    assert code == 1
    assert "10.244.0.0/24" in message
