"""The log of recent writes; watches over it are the store contract's tests."""

import pytest

from controlplane.store.base import Event, Stored
from controlplane.store.errors import Expired, FutureRevision
from controlplane.store.history import History


@pytest.fixture
def history():
    made = History(compacted=10, capacity=7)
    for revision in range(11, 21):
        made.append(Event("ADDED", Stored(f"/k{revision}", revision, {"metadata": {}})))
    return made


def test_after_gives_what_is_newer_oldest_first(history):
    assert (history.compacted, history.revision) == (13, 20)
    for revision in range(13, 21):
        found = [event.revision for event in history.after(revision)]
        assert found == list(range(revision + 1, 21))


def test_after_nothing_was_written():
    assert list(History(compacted=5).after(5)) == []


def test_what_is_forgotten_or_still_to_come_is_refused(history):
    with pytest.raises(Expired):
        history.after(12)
    with pytest.raises(FutureRevision):
        history.after(21)
