"""Refusals as a Kubernetes API server words them: every error is a `Status` object.

Sources: k8s.io/apimachinery pkg/api/errors and pkg/util/validation/field.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from netcore.model.errors import KubehopError

FieldReason = Literal[
    "FieldValueRequired",
    "FieldValueInvalid",
    "FieldValueNotSupported",
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueNotFound",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
    "InternalError",
]


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: `path` as in `spec.ports[0].port`, `message` ready to show."""

    path: str
    message: str
    reason: FieldReason = "FieldValueInvalid"


def required(path: str, detail: str = "") -> FieldError:
    """The field has to be given."""
    return FieldError(
        path, "Required value" + (f": {detail}" if detail else ""), "FieldValueRequired"
    )


def invalid_value(path: str, value: Any, detail: str) -> FieldError:
    """The value breaks a rule, which `detail` states."""
    return FieldError(path, f"Invalid value: {_shown(value)}: {detail}", "FieldValueInvalid")


def not_supported(path: str, value: Any, supported: list[str]) -> FieldError:
    """The value is not one of `supported`."""
    shown = ", ".join(f'"{name}"' for name in supported)
    return FieldError(
        path,
        f"Unsupported value: {_shown(value)}: supported values: {shown}",
        "FieldValueNotSupported",
    )


def duplicate(path: str, value: Any) -> FieldError:
    """The value is there twice where it has to be unique."""
    return FieldError(path, f"Duplicate value: {_shown(value)}", "FieldValueDuplicate")


def field_forbidden(path: str, detail: str) -> FieldError:
    """The field must not be set here."""
    return FieldError(path, f"Forbidden: {detail}", "FieldValueForbidden")


def too_long(path: str, limit: int) -> FieldError:
    """More bytes than allowed."""
    return FieldError(path, f"Too long: may not be more than {limit} bytes", "FieldValueTooLong")


def too_many(path: str, count: int, limit: int) -> FieldError:
    """More entries than allowed."""
    detail = f"Too many: {count}: must have at most {limit} items"
    return FieldError(path, detail, "FieldValueTooMany")


def _shown(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Details:
    """What a Status is about."""

    name: str = ""
    group: str = ""
    kind: str = ""
    uid: str = ""
    causes: tuple[dict[str, str], ...] = ()
    retry_after_s: int = 0

    def to_json(self) -> dict[str, Any]:
        """The `details` of a Status, without empty fields."""
        fields: dict[str, Any] = {
            "name": self.name,
            "group": self.group,
            "kind": self.kind,
            "uid": self.uid,
            "causes": [*self.causes],
            "retryAfterSeconds": self.retry_after_s,
        }
        return {name: value for name, value in fields.items() if value}


@dataclass(eq=False)
class StatusError(KubehopError):
    """A refusal with its HTTP code, reason and the message that a user reads."""

    code: int
    reason: str
    message: str
    details: Details = field(default_factory=Details)

    def __str__(self) -> str:
        return self.message

    def to_status(self) -> dict[str, Any]:
        """The `Status` object that goes to the client."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details.to_json(),
            "code": self.code,
        }
        if not status["details"]:
            del status["details"]
        return status


def success(details: Details, message: str = "") -> dict[str, Any]:
    """The `Status` object of something that went well."""
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}}
    status["status"] = "Success"
    if message:
        status["message"] = message
    return status | {"details": details.to_json()}


def _split(resource: str) -> tuple[str, str]:
    """`deployments.apps` is plural `deployments` of group `apps`."""
    plural, _, group = resource.partition(".")
    return plural, group


def _about(resource: str, name: str) -> Details:
    plural, group = _split(resource)
    return Details(name=name, group=group, kind=plural)


def not_found(resource: str, name: str) -> StatusError:
    """404: `deployments.apps "x" not found`."""
    return StatusError(404, "NotFound", f'{resource} "{name}" not found', _about(resource, name))


def no_such_path() -> StatusError:
    """404 for a path that no resource serves."""
    cause = {"reason": "UnexpectedServerResponse", "message": "404 page not found"}
    return StatusError(
        404,
        "NotFound",
        "the server could not find the requested resource",
        Details(causes=(cause,)),
    )


def already_exists(resource: str, name: str) -> StatusError:
    """409: `pods "x" already exists`."""
    return StatusError(
        409, "AlreadyExists", f'{resource} "{name}" already exists', _about(resource, name)
    )


OPTIMISTIC_LOCK = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


def conflict(
    resource: str, name: str, why: str = OPTIMISTIC_LOCK, causes: list[dict[str, str]] | None = None
) -> StatusError:
    """409: the object is not in the state that the request was made for."""
    plural, group = _split(resource)
    message = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    details = Details(name=name, group=group, kind=plural, causes=tuple(causes or ()))
    return StatusError(409, "Conflict", message, details)


def invalid(kind: str, name: str, errors: list[FieldError]) -> StatusError:
    """422: `Deployment.apps "x" is invalid: spec.replicas: Invalid value: -1: ...`.

    `kind` is qualified by its group, as in `Deployment.apps`.
    """
    shown = [f"{e.path}: {e.message}" for e in errors]
    text = shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"
    causes = tuple({"reason": e.reason, "message": e.message, "field": e.path} for e in errors)
    bare_kind, group = _split(kind)
    details = Details(name=name, group=group, kind=bare_kind, causes=causes)
    return StatusError(422, "Invalid", f'{kind} "{name}" is invalid: {text}', details)


def bad_request(message: str) -> StatusError:
    """400: the request cannot be understood."""
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    """401: no credentials that this server knows."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def forbidden(
    resource: str, name: str, why: str, causes: list[dict[str, str]] | None = None
) -> StatusError:
    """403: `pods "x" is forbidden: why`."""
    plural, group = _split(resource)
    details = Details(name=name, group=group, kind=plural, causes=tuple(causes or ()))
    return StatusError(403, "Forbidden", f'{resource} "{name}" is forbidden: {why}', details)


def expired(message: str) -> StatusError:
    """410: the revision or continue token is older than the kept history."""
    return StatusError(410, "Expired", message)


def method_not_allowed() -> StatusError:
    """405: the resource exists, the verb does not."""
    return StatusError(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
    )


def not_acceptable(supported: list[str]) -> StatusError:
    """406: no representation that the client takes."""
    message = f"only the following media types are accepted: {', '.join(supported)}"
    return StatusError(406, "NotAcceptable", message)


def unsupported_media_type(supported: list[str]) -> StatusError:
    """415: a body of a type that this request does not take."""
    message = (
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(supported)
    )
    return StatusError(415, "UnsupportedMediaType", message)


def request_timeout(message: str) -> StatusError:
    """408: the client did not send its request in time."""
    return StatusError(408, "Timeout", message)


def request_too_large(limit: int) -> StatusError:
    """413: the body is larger than `limit` bytes."""
    return StatusError(413, "RequestEntityTooLarge", f"limit is {limit}")


def too_many_requests(message: str, retry_after_s: int = 1) -> StatusError:
    """429: not now, try again."""
    return StatusError(429, "TooManyRequests", message, Details(retry_after_s=retry_after_s))


def internal(message: str) -> StatusError:
    """500: our fault."""
    return StatusError(500, "InternalError", f"Internal error occurred: {message}")
