"""Requests to the API server, one after the other over one connection."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlencode

from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubehop.kubernetes.credentials import Credentials

    Parameters = Mapping[str, str] | Sequence[tuple[str, str]]

_JSON = "application/json"
_APPLY = "application/apply-patch+yaml"
FIELD_MANAGER = "kubehop"


class ApiError(KubehopError):
    """The API server refused; the text is the message of its Status."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason = code, reason


class ApiUnreachable(KubehopError):
    """No answer from the API server."""


class ApiClient:
    """Not for several threads. Every method raises ApiError or ApiUnreachable."""

    def __init__(self, credentials: Credentials, timeout_s: float = 30.0) -> None:
        self._credentials, self._timeout_s = credentials, timeout_s
        self._tls = credentials.tls()
        self._connection = self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """The JSON at `path`, an absolute path of the API."""
        return json.loads(self._request("GET", _url(path, parameters)))

    def try_create(self, path: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """The object as a create below `path` would store it; nothing is stored."""
        parameters = {"dryRun": "All", "fieldValidation": "Strict"}
        body = json.dumps(manifest).encode()
        return dict(json.loads(self._request("POST", _url(path, parameters), body)))

    def apply(self, path: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """Server-side apply: the object as stored. Unknown fields are refused."""
        parameters = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", "force": "true"}
        url = _url(path, parameters)
        applied = json.loads(self._request("PATCH", url, json.dumps(manifest).encode(), _APPLY))
        return dict(applied)

    def delete(self, path: str) -> None:
        """Deletes the object at `path`, and in the background what it owns."""
        body = json.dumps({"propagationPolicy": "Background"}).encode()
        self._request("DELETE", quote(path), body)

    def stream(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """POSTs `body`; the lines of the answer (application/x-ndjson) as they come.

        Uses a connection of its own, closed with the iterator.
        """
        connection = self._connect()
        try:
            answer = self._send(connection, "POST", path, json.dumps(body).encode(), _JSON)
            while line := answer.readline():
                yield json.loads(line)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def lines(self, path: str, parameters: Parameters | None = None) -> Iterator[dict[str, Any]]:
        """The lines of `path` (application/x-ndjson) as they come; empty ones only keep it alive.

        Uses a connection of its own, closed with the iterator.
        """
        connection = self._connect()
        try:
            answer = self._send(connection, "GET", _url(path, parameters), None, _JSON)
            while line := answer.readline():
                if line.strip():
                    yield json.loads(line)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def _request(
        self, method: str, url: str, body: bytes | None = None, content_type: str = _JSON
    ) -> bytes:
        try:
            return self._send(self._connection, method, url, body, content_type).read()
        except (http.client.HTTPException, OSError):
            # The server may close an idle connection at any time: once more on a new one.
            self._connection.close()
        try:
            return self._send(self._connection, method, url, body, content_type).read()
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()
            raise self._unreachable(error) from error

    def _send(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        url: str,
        body: bytes | None,
        content_type: str,
    ) -> http.client.HTTPResponse:
        connection.request(method, url, body, {"Content-Type": content_type, "Accept": _JSON})
        answer = connection.getresponse()
        if answer.status >= 400:
            raise _api_error(answer.status, answer.read())
        return answer

    def _connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            self._credentials.host,
            self._credentials.port,
            timeout=self._timeout_s,
            context=self._tls,
        )

    def _unreachable(self, error: Exception) -> ApiUnreachable:
        return ApiUnreachable(f"no answer from {self._credentials.server}: {error}")


def _api_error(code: int, body: bytes) -> ApiError:
    try:
        status = json.loads(body)
        return ApiError(code, status.get("reason", ""), status["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return ApiError(code, "", f"HTTP {code}: {body[:200].decode(errors='replace')}")


def _url(path: str, parameters: Parameters | None) -> str:
    return f"{quote(path)}?{urlencode(parameters)}" if parameters else quote(path)
