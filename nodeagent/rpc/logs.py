"""The Logs call: what a container wrote."""

from collections.abc import AsyncIterator

import grpc
from grpc.aio import ServicerContext

from nodeagent.pods.interfaces import ContainerNotFound
from nodeagent.pods.kubelet import Kubelet
from nodeagent.pods.logfile import LogQuery, read_log
from protos.gen.v1 import nodeagent_pb2 as pb


async def logs_stream(
    pods: Kubelet,
    request: pb.LogsRequest,
    context: ServicerContext[pb.LogsRequest, pb.LogsResponse],
) -> AsyncIterator[pb.LogsResponse]:
    """The log of the present or the previous run; with `follow` until the container ends."""
    target = request.target
    try:
        runner = pods.container(target.namespace, target.pod, target.container)
    except ContainerNotFound as error:
        await context.abort(grpc.StatusCode.NOT_FOUND, str(error))
    name = runner.record.name
    paths = runner.log_paths
    if request.previous and len(paths) < 2:
        text = f'previous terminated container "{name}" in pod "{target.pod}" not found'
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, text)
    if not paths:
        waiting = runner.record.state.get("waiting") or {}
        reason = waiting.get("message") or waiting.get("reason") or "not started yet"
        text = f'container "{name}" in pod "{target.pod}" is waiting to start: {reason}'
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, text)
    path = paths[-2 if request.previous else -1]
    log = runner.attempt.log if runner.attempt is not None else None
    query = LogQuery(
        tail_lines=request.tail_lines,
        since_ns=request.since_unix_ns,
        timestamps=request.timestamps,
        follow=request.follow and not request.previous,
        limit_bytes=request.limit_bytes,
    )
    async for data in read_log(path, log if log and log.path == path else None, query):
        yield pb.LogsResponse(data=data)
