import pytest

from netcore.model.errors import ConfigError
from netcore.service.modes.ebpf import Ebpf
from netcore.service.modes.ipvs import Ipvs
from netcore.service.modes.registry import PROXY_MODES, proxy_mode


def test_every_mode_is_known_by_its_own_name():
    assert PROXY_MODES == ("iptables", "ipvs", "nftables", "ebpf", "none")
    assert [proxy_mode(name).name for name in PROXY_MODES] == list(PROXY_MODES)


def test_settings_reach_the_mode_that_has_them():
    assert proxy_mode("ipvs", scheduler="lc") == Ipvs("lc")
    assert proxy_mode("ebpf", lb_algorithm="maglev") == Ebpf("maglev")
    assert proxy_mode("ipvs", lb_algorithm="maglev") == Ipvs("rr")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("userspace",), "proxy mode 'userspace': there is iptables, ipvs, nftables, ebpf, none"),
        (("ipvs", "mh"), "IPVS scheduler 'mh': there is rr, wrr, lc, wlc, sh, dh, sed, nq"),
        (("ebpf", "rr", "x"), "load-balancing algorithm 'x': there is random, maglev"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(settings, message):
    with pytest.raises(ConfigError, match=message):
        proxy_mode(*settings)
