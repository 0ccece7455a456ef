"""One YAML document of a client as plain data, in bounded time and memory.

YAML lets a few bytes ask for very much: aliases and merge keys multiply, levels go down the
loader's stack in C, numbers to the base 60 take quadratic time. All of it is looked at in the
stream of events first, which costs no more than its bytes do.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from netcore.model.errors import KubehopError

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_NODES = 100_000
"""Scalars, lists and maps of a document, those below an alias counted wherever it is used. A
scalar counts once more for every _CHARACTERS.
"""
_CHARACTERS = 100

MAX_DEPTH = 1000
_MAX_DIRECTIVES = 100
_DIRECTIVE = re.compile("^%TAG", re.MULTILINE)


class UnreadableYaml(KubehopError):
    """The document is none, or asks for too much."""


def load_yaml(raw: bytes) -> Any:
    """The document as strings, numbers, lists and dicts; dates stay text, as in Go's reader.

    Raises UnreadableYaml for all that is none, several documents included, and for more than
    MAX_NODES and MAX_DEPTH.
    """
    try:
        text = raw.decode()
        if sum(1 for _ in _DIRECTIVE.finditer("\n".join(text.splitlines()))) > _MAX_DIRECTIVES:
            raise UnreadableYaml("too many directives")
        _check_size(text)
        return yaml.load(text, Loader=_loader())
    except yaml.YAMLError as error:
        raise UnreadableYaml(" ".join(str(error).split())) from error
    except (ValueError, LookupError) as error:  # such as `!!bool maybe`
        raise UnreadableYaml(f"a value does not fit its tag: {error}") from error
    except RecursionError as error:
        raise UnreadableYaml("nested too deeply") from error


def _check_size(text: str) -> None:
    """Raises UnreadableYaml when the loaded document would be too large or too deep."""
    nodes = 0
    sizes: dict[str | None, int] = {}
    open_collections: list[tuple[str | None, int]] = []
    for event in yaml.parse(text, Loader=_loader()):
        if isinstance(event, yaml.AliasEvent):
            nodes += sizes.get(event.anchor, 1)
        elif isinstance(event, yaml.ScalarEvent):
            size = 1 + len(event.value) // _CHARACTERS
            nodes += size
            sizes[event.anchor] = size
        elif isinstance(event, yaml.CollectionStartEvent):
            open_collections.append((event.anchor, nodes))
            sizes[event.anchor] = MAX_NODES  # as part of itself it has no end
            nodes += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_collections.pop()
            sizes[anchor] = nodes - before
        if nodes > MAX_NODES:
            raise UnreadableYaml("too many values, or excessive aliasing")
        if len(open_collections) > MAX_DEPTH:
            raise UnreadableYaml("nested too deeply")


@cache
def _loader() -> Any:
    """PyYAML's safe loader (the C one where there is one), without dates and the base 60."""

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    date = "tag:yaml.org,2002:timestamp"
    Loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] != date]
        for first, pairs in Loader.yaml_implicit_resolvers.items()
    }
    Loader.yaml_constructors = {
        tag: made for tag, made in Loader.yaml_constructors.items() if tag != date
    }
    for tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"):
        Loader.add_constructor(tag, _number(Loader.yaml_constructors[tag]))
    return Loader


def _number(construct: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """What has colons is text: to Go's reader, too, which knows no base 60."""

    def made(loader: Any, node: Any) -> Any:
        text = loader.construct_scalar(node)
        return text if ":" in text else construct(loader, node)

    return made
