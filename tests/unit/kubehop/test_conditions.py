from kubehop.kubernetes.conditions import is_ready


def thing(status):
    return {"status": {"conditions": [{"type": "Other", "status": "True"}, status]}}


def test_ready_is_the_condition_ready_that_is_true():
    assert is_ready(thing({"type": "Ready", "status": "True"}))
    assert not is_ready(thing({"type": "Ready", "status": "Unknown"}))
    assert not is_ready({"metadata": {}})
