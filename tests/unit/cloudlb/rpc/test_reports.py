"""What is told to the control plane, and when it counts as told."""

import asyncio
from contextlib import asynccontextmanager

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from cloudlb.rpc.reports import Reports, Subject
from tests.unit.cloudlb.objects import ips

WEB = Subject("Service", "default", "web", "uid-1")
OTHER = Subject("Ingress", "default", "site", "uid-2")


class FakeStub:
    """Keeps what it takes; `refuses` are the codes of the next answers. A call waits for `gate`."""

    def __init__(self, *refuses):
        self.told = []
        self.calls = 0
        self.refuses = list(refuses)
        self.gate = asyncio.Event()
        self.gate.set()
        self.called = asyncio.Condition()

    async def _answer(self, request):
        async with self.called:
            self.calls += 1
            self.called.notify_all()
        await self.gate.wait()
        if self.refuses and (code := self.refuses.pop(0)) is not None:
            raise AioRpcError(code, Metadata(), Metadata(), "because")
        async with self.called:
            self.told.append(request)
            self.called.notify_all()

    def ReportLoadBalancer(self, request, timeout):
        return self._answer(request)

    def ReportEvent(self, request, timeout):
        return self._answer(request)

    async def until(self, accept):
        async with asyncio.timeout(5), self.called:
            await self.called.wait_for(accept)

    def texts(self):
        return [
            getattr(each, "reason", "") or [entry.ip for entry in each.ingress]
            for each in self.told
        ]


@asynccontextmanager
async def delivering(reports, stub):
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(reports.deliver(stub))
        yield task
        task.cancel()


async def test_statuses_and_events_are_told_whole():
    reports, stub = Reports(), FakeStub()
    reports.status(WEB, ips("10.0.0.1", "fd00::1"), "VIP")
    reports.event(WEB, "Why", "text", "Warning")
    async with delivering(reports, stub):
        await stub.until(lambda: len(stub.told) == 2)
    status, event = stub.told
    assert (status.kind, status.namespace, status.name, status.uid) == (
        "Service",
        "default",
        "web",
        "uid-1",
    )
    entries = [(entry.ip, entry.ip_mode) for entry in status.ingress]
    assert entries == [("10.0.0.1", "VIP"), ("fd00::1", "VIP")]
    assert (event.component, event.kind, event.uid) == ("service-controller", "Service", "uid-1")
    assert (event.type, event.reason, event.message) == ("Warning", "Why", "text")


async def test_the_latest_status_of_an_object_counts():
    reports, stub = Reports(), FakeStub()
    reports.status(WEB, ips("10.0.0.1"), "VIP")
    reports.status(OTHER, ips("10.0.0.9"), "")
    reports.status(WEB, (), "")
    async with delivering(reports, stub):
        await stub.until(lambda: len(stub.told) == 2)
    assert stub.texts() == [[], ["10.0.0.9"]]


async def test_what_comes_while_others_are_told_is_told_too_and_then_there_is_peace():
    reports, stub = Reports(), FakeStub()
    stub.gate.clear()
    reports.status(WEB, ips("10.0.0.1"), "VIP")
    async with delivering(reports, stub):
        await stub.until(lambda: stub.calls == 1)
        reports.status(WEB, ips("10.0.0.2"), "VIP")
        reports.event(WEB, "One", "")
        stub.gate.set()
        await stub.until(lambda: len(stub.told) == 3)
        reports.event(WEB, "Two", "")
        await stub.until(lambda: len(stub.told) == 4)
        for _ in range(20):
            await asyncio.sleep(0)
        assert stub.calls == 4
    assert stub.texts() == [["10.0.0.1"], "One", ["10.0.0.2"], "Two"]


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
    ],
)
async def test_what_was_not_taken_in_is_told_again(code):
    reports = Reports()
    reports.status(WEB, ips("10.0.0.1"), "VIP")
    reports.event(WEB, "One", "")
    for stub in (FakeStub(code), FakeStub(None, code)):
        with pytest.raises(AioRpcError):
            await reports.deliver(stub)
    assert stub.texts() == [["10.0.0.1"]]
    stub = FakeStub()
    async with delivering(reports, stub):
        await stub.until(lambda: stub.told)
    assert stub.texts() == ["One"]


async def test_refused_reports_are_logged_and_not_told_again(caplog):
    reports = Reports()
    stub = FakeStub(grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)
    reports.status(WEB, ips("10.0.0.1"), "VIP")
    reports.event(WEB, "One", "")
    reports.event(WEB, "Two", "")
    async with delivering(reports, stub):
        await stub.until(lambda: stub.told)
    assert stub.texts() == ["Two"]
    assert caplog.messages == ["a report was refused: because"]


async def test_of_too_many_events_the_oldest_go_also_while_they_are_told():
    reports, stub = Reports(), FakeStub()
    stub.gate.clear()
    reports.event(WEB, "first", "")
    async with delivering(reports, stub):
        await stub.until(lambda: stub.calls == 1)
        for number in range(1001):
            reports.event(WEB, str(number), "")
        stub.gate.set()
        await stub.until(lambda: len(stub.told) == 1001)
    assert stub.texts() == ["first", *map(str, range(1, 1001))]
