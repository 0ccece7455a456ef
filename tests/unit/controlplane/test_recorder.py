"""Events that are noted."""

from datetime import UTC, datetime

from controlplane.api.strategies.registry import strategies
from controlplane.controllers.recorder import EventRecorder, Involved, Occurrence
from tests.unit.controlplane.support import make_client


def occurrence(message="m"):
    return Occurrence(Involved("Pod", "default", "p", "u"), "Normal", "R", message, "c", "h")


async def recorder():
    client = await make_client(strategies())
    return client, EventRecorder(client, lambda: datetime(2030, 1, 1, tzinfo=UTC))


async def test_equal_ones_are_counted_others_are_not():
    client, made = await recorder()
    for text in ("m", "m", "other"):
        await made.store(occurrence(text))
    events, _ = await client.list("events")
    assert sorted((e["message"], e["count"]) for e in events) == [("m", 2), ("other", 1)]
    assert events[0]["involvedObject"]["name"] == "p"
    assert events[0]["firstTimestamp"] == "2030-01-01T00:00:00Z"


async def test_events_about_objects_with_long_names_are_stored():
    client, made = await recorder()
    name = f"{'a' * 238}-{'b' * 14}"
    await made.store(Occurrence(Involved("Pod", "default", name, "u"), "Normal", "R", "m", "c"))
    (event,) = (await client.list("events"))[0]
    assert event["involvedObject"]["name"] == name
    assert event["metadata"]["name"].startswith("a" * 235)


async def test_a_trimmed_event_is_stored_anew():
    client, made = await recorder()
    await made.store(occurrence())
    (event,) = (await client.list("events"))[0]
    await client.delete("events", event["metadata"]["name"], "default")
    await made.store(occurrence())
    (event,) = (await client.list("events"))[0]
    assert event["count"] == 1


async def test_events_about_nodes_are_in_default():
    client, made = await recorder()
    await made.store(Occurrence(Involved("Node", "", "n"), "Normal", "NodeReady", "m", "c"))
    (event,) = (await client.list("events"))[0]
    assert event["metadata"]["namespace"] == "default"
