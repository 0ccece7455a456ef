"""The contract that every store keeps, run on each of them."""

import asyncio
import multiprocessing
import os
import signal

import pytest

from controlplane.store.base import Event, Stored
from controlplane.store.errors import (
    AlreadyExists,
    Conflict,
    Expired,
    FutureRevision,
    NotFound,
    StoreError,
)
from controlplane.store.history import History
from controlplane.store.memory import MemoryStore
from controlplane.store.sqlite import SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
async def store(request, tmp_path):
    made = MemoryStore() if request.param == "memory" else await SqliteStore.open(tmp_path / "s.db")
    yield made
    await made.close()


def thing(name, **spec):
    return {"kind": "Thing", "metadata": {"name": name}, "spec": spec}


async def test_create_stamps_a_rising_resource_version(store):
    mine = thing("a")
    first = await store.create("/r/a", mine)
    second = await store.create("/r/b", thing("b"))
    assert (first.revision, second.revision) == (1, 2)
    assert first.value["metadata"]["resourceVersion"] == "1"
    assert "resourceVersion" not in mine["metadata"]
    assert store.revision() == 2


async def test_create_twice_is_refused_and_takes_no_revision(store):
    await store.create("/r/a", thing("a"))
    with pytest.raises(AlreadyExists):
        await store.create("/r/a", thing("a"))
    assert store.revision() == 1


async def test_update_compares_and_swaps(store):
    created = await store.create("/r/a", thing("a", n=1))
    updated = await store.update("/r/a", thing("a", n=2), created.revision)
    with pytest.raises(Conflict) as conflict:
        await store.update("/r/a", thing("a", n=3), created.revision)
    assert conflict.value.actual == updated.revision
    assert (await store.get("/r/a")).value["spec"] == {"n": 2}


async def test_unconditional_update(store):
    await store.create("/r/a", thing("a", n=1))
    await store.update("/r/a", thing("a", n=2), None)
    assert (await store.get("/r/a")).value["spec"] == {"n": 2}


async def test_update_and_delete_of_nothing(store):
    with pytest.raises(NotFound):
        await store.update("/r/a", thing("a"), None)
    with pytest.raises(NotFound):
        await store.delete("/r/a")


async def test_delete_returns_the_last_state_with_a_new_revision(store):
    created = await store.create("/r/a", thing("a", n=1))
    with pytest.raises(Conflict):
        await store.delete("/r/a", created.revision + 7)
    deleted = await store.delete("/r/a", created.revision)
    assert deleted.value["spec"] == {"n": 1}
    assert deleted.value["metadata"]["resourceVersion"] == "2"
    assert await store.get("/r/a") is None


async def test_concurrent_writers_of_one_key_never_both_win(store):
    created = await store.create("/r/a", thing("a", n=0))

    async def attempt(n):
        try:
            await store.update("/r/a", thing("a", n=n), created.revision)
        except Conflict:
            return False
        return True

    won = await asyncio.gather(*(attempt(n) for n in range(20)))
    assert sum(won) == 1


async def test_list_is_ordered_and_bounded_by_the_prefix(store):
    for key in ("/r/b/2", "/r/a/1", "/r/b/1", "/r/bb/1"):
        await store.create(key, thing(key))
    page = await store.list("/r/b/")
    assert [stored.key for stored in page.items] == ["/r/b/1", "/r/b/2"]
    assert (page.revision, page.continue_token, page.remaining) == (4, None, 0)


async def test_pages_show_the_revision_of_the_first(store):
    for name in "abcdef":
        await store.create(f"/r/{name}", thing(name))
    first = await store.list("/r/", limit=2)
    assert (len(first.items), first.remaining) == (2, 4)
    await store.delete("/r/c")
    await store.create("/r/cc", thing("cc"))
    await store.update("/r/d", thing("d", changed=True), None)
    second = await store.list("/r/", limit=2, continue_token=first.continue_token)
    third = await store.list("/r/", limit=5, continue_token=second.continue_token)
    seen = [stored.key[-1] for page in (first, second, third) for stored in page.items]
    assert seen == list("abcdef")
    assert second.items[1].value["spec"] == {}
    assert {page.revision for page in (first, second, third)} == {6}


async def test_continue_expires_with_the_history(store):
    for name in "abc":
        await store.create(f"/r/{name}", thing(name))
    first = await store.list("/r/", limit=1)
    await store.delete("/r/b")
    await store.compact(store.revision())
    with pytest.raises(Expired):
        await store.list("/r/", limit=1, continue_token=first.continue_token)


@pytest.mark.parametrize("token", ["x", "e30", "!!", "eyJydiI6MSwic3RhcnQiOiIvb3RoZXIvIn0"])
async def test_foreign_continue_tokens_are_refused(store, token):
    with pytest.raises(ValueError, match="continue key is not valid"):
        await store.list("/r/", limit=1, continue_token=token)


async def test_watch_replays_then_follows(store):
    await store.create("/r/a", thing("a", n=1))
    await store.create("/other/a", thing("a"))
    watch = store.watch("/r/", 0)
    await store.update("/r/a", thing("a", n=2), None)
    await store.delete("/r/a")
    seen = [await anext(watch) for _ in range(3)]
    assert [event.type for event in seen] == ["ADDED", "MODIFIED", "DELETED"]
    assert seen[0].previous is None
    assert seen[1].previous["spec"] == {"n": 1}
    assert seen[2].value["spec"] == {"n": 2}
    assert watch.revision == store.revision()


async def test_watch_batches_and_times_out(store):
    watch = store.watch("/r/", 0)
    assert await watch.batch(timeout_s=0.01) == []
    await store.create("/r/a", thing("a"))
    await store.create("/r/b", thing("b"))
    assert len(await watch.batch(timeout_s=5)) == 2


async def test_a_quiet_watch_still_learns_the_revision(store):
    watch = store.watch("/r/", 0)
    await store.create("/other/a", thing("a"))
    assert await watch.batch(timeout_s=0.01) == []
    assert watch.revision == 1


async def test_watch_bounds(store):
    for name in "abc":
        await store.create(f"/r/{name}", thing(name))
    with pytest.raises(FutureRevision):
        store.watch("/r/", 4)
    await store.compact(2)
    assert [event.key for event in await store.watch("/r/", 2).batch()] == ["/r/c"]
    with pytest.raises(Expired):
        store.watch("/r/", 1)


async def test_a_watch_that_falls_behind_expires():
    store = MemoryStore(history_capacity=3)
    watch = store.watch("/r/", 0)
    for n in range(5):
        await store.create(f"/r/{n}", thing("x"))
    with pytest.raises(Expired):
        await watch.batch()


def test_a_history_of_large_objects_is_bounded_by_their_bytes():
    history = History(max_bytes=2500)

    def write(revision: int, size: int) -> None:
        stored = Stored("/r/a", revision, {"data": "x" * (size - len('{"data":""}'))})
        assert len(stored.encoded) == size
        history.append(Event("MODIFIED", stored))

    for revision in (1, 2, 3):
        write(revision, 1000)
    assert (history.compacted, history.revision) == (1, 3)
    write(4, 10_000)
    assert (history.compacted, history.revision) == (3, 4), "the newest one is always kept"
    write(5, 1000)
    write(6, 1000)
    assert history.compacted == 4
    history.forget(6)
    for revision in (7, 8):
        write(revision, 1000)
    assert history.compacted == 6, "what is forgotten is not counted"


async def test_close_ends_watches(store):
    watch = store.watch("/r/", 0)
    await store.close()
    with pytest.raises(StopAsyncIteration):
        await watch.batch()


async def test_close_of_a_watch_wakes_its_reader(store):
    watch = store.watch("/r/", 0)
    async with asyncio.TaskGroup() as group:
        reader = group.create_task(anext(watch, "ended"))
        await asyncio.sleep(0)
        watch.close()
    assert reader.result() == "ended"


async def test_restart_loses_nothing_and_watches_resume(tmp_path):
    path = tmp_path / "s.db"
    store = await SqliteStore.open(path)
    epoch = store.epoch
    await store.create("/r/a", thing("a", n=1))
    await store.create("/r/b", thing("b"))
    await store.update("/r/a", thing("a", n=2), None)
    await store.delete("/r/b")
    await store.close()

    again = await SqliteStore.open(path)
    assert (again.epoch, again.revision()) == (epoch, 4)
    assert [stored.value["spec"] for stored in (await again.list("/r/")).items] == [{"n": 2}]
    seen = await again.watch("/r/", 1).batch()
    assert [event.type for event in seen] == ["ADDED", "MODIFIED", "DELETED"]
    assert seen[1].previous["spec"] == {"n": 1}
    assert (await again.create("/r/c", thing("c"))).revision == 5
    await again.close()


async def test_compaction_survives_a_restart(tmp_path):
    path = tmp_path / "s.db"
    store = await SqliteStore.open(path)
    await store.create("/r/a", thing("a", n=1))
    await store.create("/r/b", thing("b"))
    await store.delete("/r/b")
    await store.update("/r/a", thing("a", n=2), None)
    await store.update("/r/a", thing("a", n=3), None)
    await store.compact(4)
    await store.close()

    again = await SqliteStore.open(path)
    with pytest.raises(Expired):
        again.watch("/r/", 3)
    (last,) = await again.watch("/r/", 4).batch()
    assert (last.previous["spec"], last.value["spec"]) == ({"n": 2}, {"n": 3})
    assert [stored.key for stored in (await again.list("/r/")).items] == ["/r/a"]
    await again.close()


async def test_compacted_rows_leave_the_file(tmp_path):
    store = await SqliteStore.open(tmp_path / "s.db", history_capacity=10)
    await store.create("/r/a", thing("a", n=0))
    for n in range(1200):
        await store.update("/r/a", thing("a", n=n), None)
    rows = store._database._connection.execute("SELECT count(*) FROM writes").fetchone()[0]
    assert rows < 300
    assert (await store.get("/r/a")).value["spec"] == {"n": 1199}
    await store.close()


async def test_a_failed_commit_fails_its_writers_and_nothing_else(tmp_path, monkeypatch):
    store = await SqliteStore.open(tmp_path / "s.db")
    await store.create("/r/a", thing("a", n=1))

    def full(events, compact):
        raise OSError("database or disk is full")

    monkeypatch.setattr(store._database, "commit", full)
    results = await asyncio.gather(
        *(store.create(f"/r/x{n}", thing("x")) for n in range(3)), return_exceptions=True
    )
    assert all(isinstance(r, StoreError) and "disk is full" in str(r) for r in results)
    monkeypatch.undo()
    assert (await store.create("/r/b", thing("b"))).revision == 2
    await store.close()


async def test_a_store_in_use_is_refused(tmp_path):
    store = await SqliteStore.open(tmp_path / "s.db")
    with pytest.raises(StoreError, match="another control plane uses it"):
        await SqliteStore.open(tmp_path / "s.db")
    await store.close()


async def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "s.db").write_bytes(b"not a database, but long enough to be looked at" * 50)
    with pytest.raises(StoreError, match=r"s\.db: file is not a database"):
        await SqliteStore.open(tmp_path / "s.db")


def _write_until_killed(path, pipe):
    async def run():
        store = await SqliteStore.open(path)
        for n in range(100_000):
            stored = await store.create(f"/r/{n:06}", thing("x", n=n))
            pipe.send(stored.revision)

    asyncio.run(run())


async def test_a_killed_process_loses_no_acknowledged_write(tmp_path):
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    child = context.Process(target=_write_until_killed, args=(tmp_path / "s.db", writer))
    child.start()
    writer.close()
    acknowledged = 0
    while acknowledged < 50:
        acknowledged = await asyncio.to_thread(reader.recv)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    while reader.poll():
        try:
            acknowledged = reader.recv()
        except EOFError:
            break
    reader.close()
    store = await SqliteStore.open(tmp_path / "s.db")
    assert store.revision() >= acknowledged
    assert len((await store.list("/r/")).items) == store.revision()
    await store.close()
