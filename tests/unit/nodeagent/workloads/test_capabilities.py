from nodeagent.workloads.capabilities import DEFAULT, NAMES, container_capabilities


def test_names_are_in_the_kernels_order():
    assert NAMES.index("NET_ADMIN") == 12
    assert NAMES.index("SYS_ADMIN") == 21
    assert NAMES.index("CHECKPOINT_RESTORE") == 40
    assert set(NAMES) >= DEFAULT


def test_add_and_drop():
    assert set(container_capabilities([], [])) == DEFAULT
    assert container_capabilities(["ALL"], []) is None
    assert container_capabilities([], ["ALL"]) == ()
    assert set(container_capabilities(["cap_net_admin"], ["NET_RAW"])) == (
        DEFAULT | {"NET_ADMIN"}
    ) - {"NET_RAW"}
