"""/etc/hosts and the names of a pod, as the kubelet makes them (pkg/kubelet/kubelet_pods.go)."""

from collections.abc import Sequence
from typing import Final

from nodeagent.pods.interfaces import Manifest

HOSTNAME_MAX_BYTES: Final = 63

_MANAGED: Final = "# Kubernetes-managed hosts file.\n"
_MANAGED_HOST_NETWORK: Final = "# Kubernetes-managed hosts file (host network).\n"
_LOCAL: Final = (
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\n"
    "fe00::1\tip6-allnodes\n"
    "fe00::2\tip6-allrouters\n"
)


def pod_hostname(pod: Manifest) -> str:
    """`spec.hostname`, else the pod's name, cut to what the kernel takes."""
    name = str(pod["spec"].get("hostname") or pod["metadata"]["name"])
    return name[:HOSTNAME_MAX_BYTES].rstrip("-.")


def pod_fqdn(pod: Manifest, cluster_domain: str) -> str:
    """`host.subdomain.namespace.svc.domain`, or nothing without a subdomain."""
    subdomain = pod["spec"].get("subdomain")
    if not subdomain:
        return ""
    namespace = pod["metadata"]["namespace"]
    return f"{pod_hostname(pod)}.{subdomain}.{namespace}.svc.{cluster_domain}"


def hosts_file(pod: Manifest, pod_ips: Sequence[str], cluster_domain: str) -> str:
    """The hosts file of a pod that has a network of its own."""
    names = [name for name in (pod_fqdn(pod, cluster_domain), pod_hostname(pod)) if name]
    lines = "".join(f"{address}\t{chr(9).join(names)}\n" for address in pod_ips)
    return _MANAGED + _LOCAL + lines + _host_aliases(pod)


def host_network_hosts_file(pod: Manifest, node_hosts: str) -> str:
    """The node's hosts file for a pod in the node's network."""
    return _MANAGED_HOST_NETWORK + node_hosts + _host_aliases(pod)


def _host_aliases(pod: Manifest) -> str:
    aliases = pod["spec"].get("hostAliases") or ()
    if not aliases:
        return ""
    lines = "".join(
        f"{alias['ip']}\t{chr(9).join(alias.get('hostnames') or ())}\n" for alias in aliases
    )
    return "\n# Entries added by HostAliases.\n" + lines
