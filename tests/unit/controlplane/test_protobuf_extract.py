import gzip
import lzma
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from controlplane.api.protobuf.descriptors import kind_class
from controlplane.api.protobuf.extract import (
    KUBERNETES_VERSION,
    TARGET,
    embedded_descriptors,
    extract,
)
from tests.unit.controlplane.test_kubectl import binaries


def binary():
    file = FileDescriptorProto(name="k8s.io/api/core/v1/generated.proto", package="k8s.io.api")
    other = FileDescriptorProto(name="other.proto")
    return (
        b"ELF"
        + gzip.compress(file.SerializeToString())
        + b"\x1f\x8b\x08 not gzip"
        + gzip.compress(b"not a descriptor \xff\xff")
        + gzip.compress(other.SerializeToString())
    )


def test_descriptors_are_found_between_other_bytes():
    assert [file.name for file in embedded_descriptors(binary())] == [
        "k8s.io/api/core/v1/generated.proto",
        "other.proto",
    ]


def test_extraction_is_reproducible():
    assert extract(binary()) == extract(binary())


@pytest.mark.kubectl
def test_the_shipped_descriptors_are_those_of_kubectl():
    kubectl = binaries().get(KUBERNETES_VERSION)
    if kubectl is None:
        pytest.skip(f"no kubectl {KUBERNETES_VERSION} on this machine")
    assert lzma.decompress(extract(Path(kubectl).read_bytes())) == lzma.decompress(
        TARGET.read_bytes()
    )


def test_the_shipped_descriptors_know_the_served_kinds():
    for api_version, kind in [("v1", "Pod"), ("autoscaling/v2", "HorizontalPodAutoscaler"),
                              ("networking.k8s.io/v1", "NetworkPolicy")]:  # fmt: skip
        assert kind_class(api_version, kind) is not None
    assert kind_class("v1", "Nope") is None
