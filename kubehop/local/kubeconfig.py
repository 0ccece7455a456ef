"""The user's kubeconfig: one context per cluster, as kind does it."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from kubehop.kubernetes.text_yaml import TextLoader
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECTIONS = ("clusters", "contexts", "users")
_LOCK_PATIENCE_S = 5.0


def context_name(cluster: str) -> str:
    """The name of the context, the cluster and the user in a kubeconfig."""
    return f"kubehop-{cluster}"


def default_path(explicit: Path | None) -> Path:
    """The file to merge into: `explicit`, else of $KUBECONFIG the first that exists or else the
    last, else ~/.kube/config."""
    if explicit is not None:
        return explicit.absolute()
    listed = [Path(p) for p in os.environ.get("KUBECONFIG", "").split(os.pathsep) if p]
    if listed:
        return next((path for path in listed if path.exists()), listed[-1]).absolute()
    return Path.home() / ".kube" / "config"


def check_kubeconfig(path: Path) -> None:
    """Raises ConfigError when `merge_context` would refuse what `path` holds now."""
    _load(path)


def merge_context(path: Path, cluster: str, admin: Path) -> None:
    """Puts the cluster of the kubeconfig `admin` into `path` and makes it the current context.

    Other contexts stay as they are. The file is replaced as a whole, with mode 0600. Raises
    ConfigError when `path` is not a kubeconfig, is locked or cannot be written.
    """
    entries = _entries_of(admin, context_name(cluster))
    with _locked(path):
        config = _load(path) or {"apiVersion": "v1", "kind": "Config", "preferences": {}}
        for section, entry in entries.items():
            others = [e for e in _section(config, section) if e.get("name") != entry["name"]]
            config[section] = [*others, entry]
        config["current-context"] = context_name(cluster)
        _write(path, config)


def remove_context(path: Path, cluster: str) -> None:
    """Takes the cluster's context, cluster and user out of `path`; unchanged without them.

    Raises ConfigError as `merge_context`.
    """
    name = context_name(cluster)
    if not path.exists():
        return
    with _locked(path):
        config = _load(path)
        if not config:
            return
        changed = False
        for section in _SECTIONS:
            kept = [e for e in _section(config, section) if e.get("name") != name]
            changed |= len(kept) != len(_section(config, section))
            config[section] = kept
        if config.get("current-context") == name:
            config["current-context"], changed = "", True
        if changed and _is_empty(config):
            _target(path).unlink()
        elif changed:
            _write(path, config)


def _entries_of(admin: Path, name: str) -> dict[str, dict[str, Any]]:
    """The only cluster and user of `admin`, under the name `name`, and a context of both."""
    config = _load(admin) or {}
    return {
        "clusters": {"name": name, "cluster": _section(config, "clusters")[0]["cluster"]},
        "contexts": {"name": name, "context": {"cluster": name, "user": name}},
        "users": {"name": name, "user": _section(config, "users")[0]["user"]},
    }


def _is_empty(config: dict[str, Any]) -> bool:
    return not any(_section(config, section) for section in _SECTIONS)


def _section(config: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = config.get(name) or []
    return [entry for entry in entries if isinstance(entry, dict)]


def _load(path: Path) -> dict[str, Any]:
    try:
        config = yaml.load(path.read_text(), Loader=TextLoader)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the kubeconfig {path}: {error}") from error
    except yaml.YAMLError as error:
        place = f" (line {mark.line + 1})" if (mark := getattr(error, "problem_mark", None)) else ""
        raise ConfigError(f"{path} is not YAML{place}: repair or move it") from error
    if config is None:
        return {}
    sections = [config.get(name) for name in _SECTIONS] if isinstance(config, dict) else [0]
    if not all(section is None or isinstance(section, list) for section in sections):
        raise ConfigError(f"{path} is not a kubeconfig: repair or move it")
    return dict(config)


def _write(path: Path, config: dict[str, Any]) -> None:
    target = _target(path)
    text = yaml.safe_dump(config, sort_keys=False, default_flow_style=False)
    try:
        descriptor, fresh = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
            os.replace(fresh, target)
        except BaseException:
            os.unlink(fresh)
            raise
    except OSError as error:
        raise ConfigError(f"cannot write the kubeconfig {path}: {error}") from error


def _target(path: Path) -> Path:
    """A symbolic link stays one: what it points to is replaced."""
    return path.resolve()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds `<path>.lock`, as client-go and kind do; theirs and ours exclude each other."""
    lock = Path(f"{path}.lock")
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        while True:
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
                break
            except FileExistsError:
                if time.monotonic() >= deadline:
                    raise ConfigError(
                        f"the kubeconfig {path} is locked by another program: "
                        f"when none runs any more, remove {lock}"
                    ) from None
                time.sleep(0.02)
    except OSError as error:
        raise ConfigError(f"cannot write the kubeconfig {path}: {error}") from error
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
