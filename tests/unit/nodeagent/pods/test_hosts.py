from nodeagent.pods.hosts import host_network_hosts_file, hosts_file, pod_fqdn, pod_hostname
from tests.support.pods import pod_manifest


def test_hosts_file_is_the_kubelets():
    assert hosts_file(pod_manifest("web-1"), ("10.244.1.5", "fd00::5"), "cluster.local") == (
        "# Kubernetes-managed hosts file.\n"
        "127.0.0.1\tlocalhost\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\n"
        "fe00::0\tip6-localnet\n"
        "fe00::0\tip6-mcastprefix\n"
        "fe00::1\tip6-allnodes\n"
        "fe00::2\tip6-allrouters\n"
        "10.244.1.5\tweb-1\n"
        "fd00::5\tweb-1\n"
    )


def test_subdomain_gives_the_fqdn_first():
    pod = pod_manifest("p", hostname="h", subdomain="s")
    assert pod_fqdn(pod, "cluster.local") == "h.s.default.svc.cluster.local"
    assert "10.0.0.1\th.s.default.svc.cluster.local\th\n" in hosts_file(
        pod, ("10.0.0.1",), "cluster.local"
    )


def test_host_aliases_come_last():
    pod = pod_manifest(hostAliases=[{"ip": "1.2.3.4", "hostnames": ["a", "b"]}])
    tail = "\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n"
    assert hosts_file(pod, (), "cluster.local").endswith(tail)
    assert host_network_hosts_file(pod, "127.0.0.1 x\n") == (
        "# Kubernetes-managed hosts file (host network).\n127.0.0.1 x\n" + tail
    )


def test_hostname_is_cut_to_63_characters_without_a_trailing_dash():
    assert pod_hostname(pod_manifest("a" * 62 + "-bcd")) == "a" * 62
