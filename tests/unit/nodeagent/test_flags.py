from pathlib import Path

import pytest

from netcore.model.errors import ConfigError
from nodeagent.flags import AUTO, parse_flags, parse_underlay

NEEDED = ["--control-plane", "172.18.0.2:7443", "--state-dir", "/var/lib/kubehop"]


def test_what_is_needed_is_enough():
    flags = parse_flags(NEEDED)
    assert flags.control_plane == "172.18.0.2:7443"
    assert flags.underlay_address == AUTO
    assert flags.state_dir == Path("/var/lib/kubehop")
    assert flags.resolv_conf == Path("/etc/resolv.conf")
    assert flags.datapath == "userspace"
    assert (flags.node_name, flags.instance_id, flags.rpc_listen) == ("", "", "")
    assert (flags.node_labels, flags.node_taints) == ({}, ())


def test_everything_that_can_be_said():
    flags = parse_flags(
        [
            *("--control-plane", "unix:/run/rpc", "--underlay-address", "172.18.0.11"),
            *("--rpc-listen", "172.18.0.11:7444", "--state-dir", "s", "--node-name", "n1"),
            *("--node-label", "zone=a", "--node-label", "empty="),
            *("--node-taint", "gpu=yes:NoSchedule", "--instance-id", "i-1"),
            *("--resolv-conf", "r", "--datapath", "other"),
        ]
    )
    assert flags.node_labels == {"zone": "a", "empty": ""}
    assert flags.node_taints == ("gpu=yes:NoSchedule",)
    assert (flags.node_name, flags.instance_id) == ("n1", "i-1")
    assert (flags.underlay_address, flags.rpc_listen) == ("172.18.0.11", "172.18.0.11:7444")
    assert (flags.resolv_conf, flags.datapath) == (Path("r"), "other")


def test_a_node_may_have_an_address_of_each_family():
    found = parse_underlay("fc00::b,172.18.0.11")
    assert [str(address) for address in found] == ["fc00::b", "172.18.0.11"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--underlay-address", "node1"], "'node1' is not an IP address"),
        (["--underlay-address", "10.0.0.1,10.0.0.2"], "one IPv4 and one IPv6 address"),
        (["--control-plane", "localhost"], "--control-plane 'localhost': must be HOST:PORT"),
        (["--control-plane", "unix:/run/rpc"], "--underlay-address auto needs"),
        (["--node-label", "zone"], "--node-label 'zone': must be KEY=VALUE"),
        (["--node-label", "=a"], "--node-label '=a': must be KEY=VALUE"),
    ],
)
def test_what_cannot_be_is_named(wrong, message):
    with pytest.raises(ConfigError) as caught:
        parse_flags([*NEEDED, *wrong])
    assert message in str(caught.value)


@pytest.mark.parametrize("arguments", [[], ["--state-dir", "s"], [*NEEDED, "--colour", "red"]])
def test_usage_errors_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        parse_flags(arguments)
    assert caught.value.code == 2
    assert "usage: nodeagent" in capsys.readouterr().err


def test_metrics_are_served_where_it_is_said():
    needed = ["--control-plane", "cp:7443", "--state-dir", "/x"]
    assert parse_flags(needed).metrics_listen == ()
    at = ["--metrics-listen", "0.0.0.0:10249", "--metrics-listen", "[::1]:1"]
    assert parse_flags([*needed, *at]).metrics_listen == (("0.0.0.0", 10249), ("::1", 1))
    for wrong in ("10249", "x:1", "127.0.0.1:x", "127.0.0.1:99999"):
        with pytest.raises(ConfigError):
            parse_flags([*needed, "--metrics-listen", wrong])
