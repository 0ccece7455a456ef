"""A container's environment out of its manifest: envFrom, env, references, expansion."""

import re
from collections.abc import Iterator

from nodeagent.pods.downward import PodFacts
from nodeagent.pods.expansion import expand
from nodeagent.pods.interfaces import Manifest
from nodeagent.pods.references import MissingReference, References
from nodeagent.workloads.spec import DEFAULT_PATH

_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


def container_environment(
    container: Manifest, pod: PodFacts, references: References, hostname: str
) -> dict[str, str]:
    """All variables; later ones override and may refer to earlier ones.

    Raises MissingReference for a reference that is neither there nor optional, ConfigError for
    a field that does not exist.
    """
    env = {"PATH": DEFAULT_PATH, "HOSTNAME": hostname, "HOME": "/root"}
    if container.get("tty"):
        env["TERM"] = "xterm"
    namespace = pod.manifest["metadata"]["namespace"]
    for source in container.get("envFrom") or ():
        env.update(_from_source(source, namespace, references))
    for variable in container.get("env") or ():
        if "valueFrom" in variable:
            value = _from_reference(variable["valueFrom"], container["name"], pod, references)
            if value is not None:
                env[variable["name"]] = value
        else:
            env[variable["name"]] = expand(variable.get("value") or "", env)
    return env


def _from_source(
    source: Manifest, namespace: str, references: References
) -> Iterator[tuple[str, str]]:
    prefix = source.get("prefix") or ""
    for kind, read in (
        ("configMapRef", references.configmap),
        ("secretRef", references.secret),
    ):
        reference = source.get(kind)
        if not reference:
            continue
        try:
            data = read(namespace, reference["name"])
        except MissingReference:
            if not reference.get("optional"):
                raise
            continue
        for key, value in data.items():
            if _NAME.fullmatch(prefix + key):
                yield prefix + key, value.decode(errors="surrogateescape")


def _from_reference(
    value_from: Manifest, container_name: str, pod: PodFacts, references: References
) -> str | None:
    namespace = pod.manifest["metadata"]["namespace"]
    if "fieldRef" in value_from:
        return pod.field(value_from["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in value_from:
        return pod.resource(value_from["resourceFieldRef"], container_name)
    for kind, name, read in (
        ("configMapKeyRef", "ConfigMap", references.configmap),
        ("secretKeyRef", "Secret", references.secret),
    ):
        reference = value_from.get(kind)
        if not reference:
            continue
        try:
            data = read(namespace, reference["name"])
            if reference["key"] in data:
                return data[reference["key"]].decode(errors="surrogateescape")
            place = f"{name} {namespace}/{reference['name']}"
            raise MissingReference(f"couldn't find key {reference['key']} in {place}")
        except MissingReference:
            if not reference.get("optional"):
                raise
    return None
