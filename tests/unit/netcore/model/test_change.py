from netcore.model.change import Batch, Manifest


def test_a_manifest_is_known_by_kind_namespace_and_name():
    assert Manifest("Pod", "default", "web", b"{}").key == ("Pod", "default", "web")


def test_a_batch_says_nothing_more_than_it_was_given():
    empty = Batch("epoch", 7)
    assert (empty.changes, empty.reset, empty.synced) == ((), False, False)
