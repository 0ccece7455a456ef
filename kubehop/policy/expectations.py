"""What users expect of policies: `kind: PolicyExpectations`, read and checked whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubehop.ends import parse_source, parse_target
from kubehop.kubernetes.manifests import read_documents
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from kubehop.ends import Place, Target

API_VERSION = "kubehop.dev/v1alpha1"
KIND = "PolicyExpectations"
MAX_EXPECTATIONS = 10_000
_VERDICTS = {"allowed": True, "denied": False}
_FIELDS = frozenset({"name", "from", "to", "verdict", "by"})
_TOP_FIELDS = frozenset({"apiVersion", "kind", "metadata", "namespace", "expectations"})


@dataclass(frozen=True, slots=True)
class Expectation:
    """One connection and its verdict. `by`: the policy that shall give it, "" for whichever.

    `start` and `end` are what is written as `source` and `target`, parsed. `place` is where it is
    written, for messages.
    """

    source: str
    target: str
    start: Place
    end: Target
    allowed: bool
    by: str
    name: str
    place: str

    @property
    def title(self) -> str:
        return self.name or f"{self.source} -> {self.target}"


def load_expectations(files: Iterable[Path], namespace: str) -> list[Expectation]:
    """All of the files, in their order. `namespace` is where names without one are looked up.

    Raises ConfigError naming the file, the entry and the field.
    """
    found = [each for file in files for each in _of_file(file, namespace)]
    if not found:
        raise ConfigError("no expectations: `expectations` is a list of {from, to, verdict}")
    if len(found) > MAX_EXPECTATIONS:
        raise ConfigError(f"{len(found)} expectations: at most {MAX_EXPECTATIONS} at once")
    return found


def _of_file(file: Path, namespace: str) -> Iterator[Expectation]:
    for document in read_documents(file):
        if not isinstance(document, dict):
            raise ConfigError(f"{file}: a document is no mapping")
        if (document.get("apiVersion"), document.get("kind")) != (API_VERSION, KIND):
            raise ConfigError(f"{file}: needed is apiVersion: {API_VERSION} with kind: {KIND}")
        _known(document, _TOP_FIELDS, str(file))
        entries = document.get("expectations")
        if not isinstance(entries, list):
            raise ConfigError(f"{file}: expectations: needed is a list")
        own = _text(document, "namespace", str(file)) or namespace
        for index, entry in enumerate(entries):
            yield from _expectations(entry, f"{file}: expectations[{index}]", own)


def _expectations(entry: Any, place: str, namespace: str) -> Iterator[Expectation]:
    if not isinstance(entry, dict):
        raise ConfigError(f"{place}: needed is a mapping with from, to and verdict")
    _known(entry, _FIELDS, place)
    verdict, by = entry.get("verdict"), _text(entry, "by", place)
    if not isinstance(verdict, str) or verdict not in _VERDICTS:
        raise ConfigError(f"{place}.verdict: needed is allowed or denied")
    for source in _names(entry, "from", place):
        for target in _names(entry, "to", place):
            try:
                start, end = parse_source(source, namespace), parse_target(target, namespace)
            except ConfigError as error:
                raise ConfigError(f"{place}: {error}") from error
            name = _text(entry, "name", place)
            allowed = _VERDICTS[verdict]
            yield Expectation(source, target, start, end, allowed, by, name, place)


def _names(entry: dict[str, Any], field: str, place: str) -> list[str]:
    """One, or a list of them."""
    found = entry.get(field)
    listed = found if isinstance(found, list) else [found]
    names = [name for name in listed if isinstance(name, str) and name]
    if not names or len(names) < len(listed):
        raise ConfigError(f"{place}.{field}: needed is a name, or a list of names")
    return names


def _text(entry: dict[str, Any], field: str, place: str) -> str:
    found = entry.get(field, "")
    if not isinstance(found, str):
        raise ConfigError(f"{place}.{field}: needed is a text")
    return found


def _known(entry: dict[str, Any], fields: frozenset[str], place: str) -> None:
    for field in entry:
        if field not in fields:
            there = ", ".join(sorted(fields))
            raise ConfigError(f'{place}: unknown field "{field}": there is {there}')
