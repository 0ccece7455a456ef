from coredns_emu.plugins.health import health


def test_health():
    assert health() == (200, "OK")
