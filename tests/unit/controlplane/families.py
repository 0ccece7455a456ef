"""The ranges of dual-stack and IPv6 clusters, as kind has them."""

from ipaddress import ip_network

IPV6_POD_CIDR = ip_network("fd00:10:244::/56")
IPV6_SERVICE_CIDR = ip_network("fd00:10:96::/112")
DUAL_POD_CIDRS = (ip_network("10.244.0.0/16"), IPV6_POD_CIDR)
DUAL_SERVICE_CIDRS = (ip_network("10.96.0.0/16"), IPV6_SERVICE_CIDR)
