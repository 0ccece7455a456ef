"""Errors for who wrote the test: the message and their own line, not kubehop's insides."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from collections.abc import Callable

_P = ParamSpec("_P")
_R = TypeVar("_R")


def plainly(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function; a KubehopError, whose message says it all, leaves it without its way there."""

    @wraps(function)
    def told(*arguments: _P.args, **named: _P.kwargs) -> _R:
        __tracebackhide__ = True
        try:
            return function(*arguments, **named)
        except KubehopError as error:
            raise error.with_traceback(None) from None

    return told
