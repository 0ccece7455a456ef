from netcore.flow.identity import pod_identity


def test_the_same_labels_have_the_same_number_whatever_their_order():
    assert pod_identity("a", {"x": "1", "y": "2"}) == pod_identity("a", {"y": "2", "x": "1"})


def test_it_is_no_reserved_number_and_fits_16_bits():
    found = {pod_identity("a", {"x": str(number)}) for number in range(2000)}
    assert min(found) >= 256
    assert max(found) < 65536
    assert len(found) > 1900


def test_namespaces_differ():
    assert pod_identity("a", {}) != pod_identity("b", {})
