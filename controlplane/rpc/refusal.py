"""Refusals of the gRPC service, with the code that tells the caller what to do about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from controlplane.api.errors import StatusError
from netcore.model.errors import AllocationError, ConfigError, KubehopError

if TYPE_CHECKING:
    from grpc import StatusCode

_BY_REASON = {
    "NotFound": grpc.StatusCode.NOT_FOUND,
    "AlreadyExists": grpc.StatusCode.ALREADY_EXISTS,
    "Conflict": grpc.StatusCode.ABORTED,
    "Invalid": grpc.StatusCode.INVALID_ARGUMENT,
    "BadRequest": grpc.StatusCode.INVALID_ARGUMENT,
    "Forbidden": grpc.StatusCode.FAILED_PRECONDITION,
    "Expired": grpc.StatusCode.OUT_OF_RANGE,
    "ServiceUnavailable": grpc.StatusCode.UNAVAILABLE,
}


class Refusal(KubehopError):
    """A call that cannot be served; the message is for the caller's user."""

    def __init__(self, code: StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def code_of(error: KubehopError) -> StatusCode:
    """The gRPC status code for an error of ours."""
    if isinstance(error, Refusal):
        return error.code
    if isinstance(error, StatusError):
        return _BY_REASON.get(error.reason, grpc.StatusCode.INTERNAL)
    if isinstance(error, ConfigError):
        return grpc.StatusCode.INVALID_ARGUMENT
    if isinstance(error, AllocationError):
        return grpc.StatusCode.RESOURCE_EXHAUSTED
    return grpc.StatusCode.INTERNAL
