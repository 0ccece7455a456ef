"""Makes descriptors.binpb.xz: the protobuf descriptors of the Kubernetes API.

Kubernetes' Go code carries the gzip-compressed descriptor of each of its generated.proto files,
and so does every client built of it. This reads them from a kubectl binary of the wanted
version and keeps the field names, numbers and types.

Run: python -m controlplane.api.protobuf.extract /path/to/kubectl
"""

from __future__ import annotations

import lzma
import re
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

KUBERNETES_VERSION = "1.33"
TARGET = Path(__file__).with_name("descriptors.binpb.xz")
_GZIP_MAGIC = re.compile(rb"\x1f\x8b\x08")
_MAX_COMPRESSED_BYTES = 1 << 20
_WANTED = re.compile(
    r"k8s\.io/(api/(?P<group>[a-z]+)/v[0-9]+|apimachinery/pkg/.+)/generated\.proto"
)
_OPTIONS = "github.com/gogo/protobuf/gogoproto/gogo.proto"


def extract(binary: bytes) -> bytes:
    """The content of descriptors.binpb.xz, the same bytes for the same binary."""
    files = {file.name: file for file in embedded_descriptors(binary)}
    wanted = [file for name, file in sorted(files.items()) if _WANTED.fullmatch(name)]
    for file in wanted:
        file.ClearField("options")
        file.dependency[:] = [name for name in file.dependency if name != _OPTIONS]
    data = FileDescriptorSet(file=wanted).SerializeToString(deterministic=True)
    return lzma.compress(data, preset=9)


def embedded_descriptors(binary: bytes) -> Iterator[FileDescriptorProto]:
    """Every compressed protobuf file descriptor in the binary."""
    for match in _GZIP_MAGIC.finditer(binary):
        unpacker = zlib.decompressobj(wbits=31)
        try:
            raw = unpacker.decompress(binary[match.start() : match.start() + _MAX_COMPRESSED_BYTES])
            if unpacker.eof:
                yield FileDescriptorProto.FromString(raw)
        except (zlib.error, DecodeError):
            continue


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m controlplane.api.protobuf.extract /path/to/kubectl")
    TARGET.write_bytes(extract(Path(sys.argv[1]).read_bytes()))
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")
