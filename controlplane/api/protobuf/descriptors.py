"""The message types of the Kubernetes API, by apiVersion and kind."""

from __future__ import annotations

import importlib.resources
import lzma
from functools import cache
from typing import TYPE_CHECKING

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet

if TYPE_CHECKING:
    from google.protobuf.message import Message

META = "k8s.io.apimachinery.pkg.apis.meta.v1"
RUNTIME = "k8s.io.apimachinery.pkg.runtime"


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    # A pool of its own: these files are nobody else's business in this process.
    packed = importlib.resources.files(__package__).joinpath("descriptors.binpb.xz").read_bytes()
    waiting = list(FileDescriptorSet.FromString(lzma.decompress(packed)).file)
    pool = descriptor_pool.DescriptorPool()
    known: set[str] = set()
    while waiting:
        ready = [file for file in waiting if known.issuperset(file.dependency)]
        for file in ready:
            pool.Add(file)
            known.add(file.name)
        waiting = [file for file in waiting if file.name not in known]
    return pool


@cache
def message_class(full_name: str) -> type[Message] | None:
    """The class of a message such as `k8s.io.api.apps.v1.Deployment`, None if unknown."""
    try:
        descriptor = _pool().FindMessageTypeByName(full_name)
    except KeyError:
        return None
    return message_factory.GetMessageClass(descriptor)


def kind_class(api_version: str, kind: str) -> type[Message] | None:
    """The class of an object's kind; options such as DeleteOptions belong to every group."""
    group, _, version = api_version.rpartition("/")
    package = group.partition(".")[0] or "core"
    return message_class(f"k8s.io.api.{package}.{version}.{kind}") or message_class(
        f"{META}.{kind}"
    )
