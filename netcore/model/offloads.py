"""What a node's kernel can take off its datapath, in the words of its capabilities."""

CHECKSUM_OFFLOAD = "checksum-offload"
"""Pods leave checksums to the datapath."""
TCP_OFFLOAD = "tcp-segmentation-offload"
"""Pods hand over TCP super-packets."""
UDP_OFFLOAD = "udp-segmentation-offload"
"""Pods hand over UDP super-packets, when a program asks for it (Linux 6.2)."""
SEND_OFFLOAD = "udp-gso"
"""The tunnel sends many datagrams at once."""
RECEIVE_OFFLOAD = "udp-gro"
"""The tunnel receives many datagrams at once."""

ALL_OFFLOADS = (CHECKSUM_OFFLOAD, TCP_OFFLOAD, UDP_OFFLOAD, SEND_OFFLOAD, RECEIVE_OFFLOAD)
