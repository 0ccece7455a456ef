from kubehop.tracing.names import Names

POD = {
    "metadata": {"name": "web"},
    "spec": {"nodeName": "n1"},
    "status": {"podIPs": [{"ip": "10.244.0.2"}, {"ip": "fd00::2"}]},
}
SERVICE = {"metadata": {"name": "backend"}, "spec": {"clusterIPs": ["10.96.0.7"]}}
HEADLESS = {"metadata": {"name": "peers"}, "spec": {"clusterIPs": ["None"]}}
EXTERNAL = {"metadata": {"name": "far"}, "spec": {"externalName": "example.org"}}
NODE = {
    "metadata": {"name": "n1"},
    "status": {"addresses": [{"type": "InternalIP", "address": "172.18.0.11"}]},
}
SLICE = {
    "metadata": {"labels": {"kubernetes.io/service-name": "kube-dns"}},
    "endpoints": [{"addresses": ["172.18.0.3"]}, {"addresses": ["10.244.0.2"]}],
}
NAMES = Names.of([POD], [SERVICE, HEADLESS, EXTERNAL], [NODE], [SLICE, {"metadata": {}}])


def test_every_kind_of_owner_has_a_name():
    assert NAMES.owner("10.96.0.7") == "Service backend"
    assert NAMES.owner("172.18.0.11") == "node n1"
    assert NAMES.owner("172.18.0.3") == "endpoint of kube-dns"
    assert NAMES.owner("fd00::2") == "pod web"


def test_a_pod_is_itself_before_it_is_an_endpoint():
    assert NAMES.owner("10.244.0.2") == "pod web"


def test_an_unknown_address_stays_one():
    assert NAMES.owner("8.8.8.8") == "8.8.8.8"
    assert NAMES.full("8.8.8.8", 53) == "8.8.8.8:53"


def test_addresses_with_ports_are_written_as_urls_write_them():
    assert NAMES.full("10.96.0.7", 80) == "10.96.0.7:80 (Service backend)"
    assert NAMES.full("fd00::2", 80) == "[fd00::2]:80 (pod web)"


def test_pods_are_found_on_their_nodes():
    assert NAMES.pod_nodes == {"web": "n1"}
