"""Manifests as `kubectl apply -f` takes them: files, or folders of them; also text and objects."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from kubehop.kubernetes.text_yaml import TextLoader
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    Object = dict[str, Any]

_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object to apply, and the file that has it, or another name for where it is from."""

    source: Path | str
    object: Object

    @property
    def title(self) -> str:
        """For messages: kind, name and file."""
        name = self.object["metadata"]["name"]
        return f"{self.object['kind']} {name} ({self.source})"


def load_manifests(paths: Sequence[Path]) -> tuple[Manifest, ...]:
    """The objects of all files, in the order given; a folder's files by name, not its subfolders'.

    A List stands for its items. Raises ConfigError naming the file and, where it can, the line.
    """
    found = tuple(
        Manifest(file, _checked(item, file))
        for path in paths
        for file in _files(path)
        for document in read_documents(file)
        for item in _items(document)
    )
    return _some(found, ", ".join(map(str, paths)))


def manifests_of_text(text: str, source: str) -> tuple[Manifest, ...]:
    """The objects of YAML or JSON text; `source` stands in messages for the file. ConfigError."""
    found = tuple(
        Manifest(source, _checked(item, source))
        for document in _documents(text, source)
        for item in _items(document)
    )
    return _some(found, source)


def manifests_of_objects(objects: Iterable[Any], source: str) -> tuple[Manifest, ...]:
    """Copies of the objects. Raises ConfigError for what JSON or Kubernetes does not have."""
    found = []
    for index, given in enumerate(objects):
        place = f"{source}[{index}]"
        try:
            document = json.loads(json.dumps(given))
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigError(f"{place}: not JSON: {error}") from None
        found += [Manifest(place, _checked(item, place)) for item in _items(document)]
    return _some(tuple(found), source)


def _some(found: tuple[Manifest, ...], source: str) -> tuple[Manifest, ...]:
    if not found:
        raise ConfigError(f"there is nothing to apply in {source}")
    return found


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    try:
        found = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    if not found:
        raise ConfigError(f"{path} has no {', '.join(_SUFFIXES)} files")
    return found


def read_documents(file: Path) -> list[Any]:
    """All documents of a YAML or JSON file. Raises ConfigError with the file and the line."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot read {file}: {error}") from error
    return _documents(text, str(file))


def _documents(text: str, source: str) -> list[Any]:
    try:
        documents = list(yaml.load_all(text, Loader=TextLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{source}: line {mark.line + 1}" if mark else source
        raise ConfigError(f"{place}: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(f"{source} is not YAML: {error}") from None
    return [document for document in documents if document is not None]


def _items(document: Any) -> Iterator[Any]:
    kind = document.get("kind") if isinstance(document, dict) else None
    if isinstance(kind, str) and kind.endswith("List") and isinstance(document.get("items"), list):
        yield from document["items"]
    else:
        yield document


def _checked(item: Any, file: Path | str) -> Object:
    if not isinstance(item, dict):
        raise ConfigError(f"{file}: not a Kubernetes object: {str(item)[:60]!r}")
    for field in ("apiVersion", "kind"):
        if not isinstance(item.get(field), str) or not item[field]:
            raise ConfigError(f"{file}: an object without {field}")
    metadata = item.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise ConfigError(f"{file}: a {item['kind']} without metadata.name")
    for field in ("name", "namespace"):
        found = metadata.get(field) or ""
        if not isinstance(found, str) or "/" in found:  # it becomes a part of a path
            raise ConfigError(f"{file}: {item['kind']}: metadata.{field} {found!r} is no name")
    return item
