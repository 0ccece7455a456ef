import pytest

from kubehop.local.kindconfig import parse_kind_config
from kubehop.local.spec import CONTROL_PLANE_LABEL
from netcore.model.errors import ConfigError

HEAD = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n"


def parse(text, name=None):
    return parse_kind_config(HEAD + text, "kind.yaml", "kubehop", name)


def test_an_empty_cluster_is_one_control_plane_that_takes_pods():
    [node] = parse("").spec.nodes

    assert node.name == "kubehop-control-plane"
    assert node.labels == ((CONTROL_PLANE_LABEL, ""),)
    assert node.taints == ()


def test_roles_are_named_as_kind_names_them():
    spec = parse("nodes:\n- role: control-plane\n- role: worker\n- role: worker\n").spec

    assert [node.name for node in spec.nodes] == [
        "kubehop-control-plane",
        "kubehop-worker",
        "kubehop-worker2",
    ]


def test_beside_workers_a_control_plane_is_tainted():
    spec = parse("nodes:\n- role: control-plane\n- role: worker\n").spec

    assert spec.nodes[0].taints == (f"{CONTROL_PLANE_LABEL}=:NoSchedule",)
    assert spec.nodes[1].taints == ()


def test_labels_are_text_whatever_yaml_makes_of_them():
    text = "nodes:\n- role: control-plane\n  labels: {zone: a, ssd: true, rack: 07}\n"

    [node] = parse(text).spec.nodes

    assert node.labels[1:] == (("zone", "a"), ("ssd", "true"), ("rack", "07"))


def test_networking_is_taken_over():
    spec = parse(
        "networking:\n  podSubnet: 10.50.0.0/16\n  serviceSubnet: 10.60.0.0/16\n"
        "  apiServerAddress: 127.0.0.2\n  apiServerPort: 7000\n"
    ).spec

    assert (spec.pod_cidr, spec.service_cidr) == ("10.50.0.0/16", "10.60.0.0/16")
    assert (spec.api_address, spec.api_port) == ("127.0.0.2", 7000)


@pytest.mark.parametrize(
    ("family", "pods", "services"),
    [
        ("ipv4", "10.244.0.0/16", "10.96.0.0/16"),
        ("ipv6", "fd00:10:244::/56", "fd00:10:96::/112"),
        ("dual", "10.244.0.0/16,fd00:10:244::/56", "10.96.0.0/16,fd00:10:96::/112"),
    ],
)
def test_each_ip_family_has_kinds_ranges(family, pods, services):
    spec = parse(f"networking:\n  ipFamily: {family}\n").spec

    assert (spec.pod_cidr, spec.service_cidr) == (pods, services)


def test_ipv6_may_be_the_primary_family_of_a_dual_cluster():
    spec = parse(
        "networking:\n  ipFamily: dual\n  podSubnet: fd00::/56,10.1.0.0/16\n"
        "  serviceSubnet: fd01::/112,10.2.0.0/16\n"
    ).spec

    assert spec.versions == (6, 4)


@pytest.mark.parametrize(
    ("flag", "text", "expected"),
    [
        (None, "", "kubehop"),
        (None, "name: shop\n", "shop"),
        ("mine", "name: shop\n", "mine"),
    ],
)
def test_the_flag_wins_over_the_file_and_that_over_the_default(flag, text, expected):
    assert parse(text, flag).spec.name == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("featureGates: {A: true}\n", "kind.yaml: line 3: featureGates"),
        ("nodes:\n- role: control-plane\n  image: kindest/node:v1\n", "line 5: image"),
        ("networking:\n  disableDefaultCNI: true\n", "line 4: disableDefaultCNI"),
        ("nodes:\n- role: control-plane\n- role: control-plane\n", "several control-plane"),
    ],
)
def test_what_has_no_effect_is_named_in_a_warning(text, named):
    [warning] = parse(text).warnings

    assert named in warning


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nodez: []\n", "line 3: field nodez not found in type v1alpha4.Cluster"),
        ("nodes:\n- rolle: worker\n", "line 4: field rolle not found in type v1alpha4.Node"),
        ("networking:\n  mtu: 1\n", "line 4: field mtu not found in type v1alpha4.Networking"),
        ("nodes:\n- role: master\n", 'line 4: "master" is not a node role'),
        ("nodes:\n- role: worker\n", "at least one node with role control-plane"),
        ("networking:\n  ipFamily: ipx\n", 'line 4: "ipx" is not an IP family'),
        (
            "networking:\n  ipFamily: dual\n  podSubnet: 10.1.0.0/16\n",
            'line 5: podSubnet "10.1.0.0/16" is not of ipFamily dual: it needs an IPv4 and an IPv6',
        ),
        (
            "networking:\n  serviceSubnet: fd00::/112\n",
            'line 4: serviceSubnet "fd00::/112" is not of ipFamily ipv4',
        ),
        (
            "networking:\n  ipFamily: ipv6\n  podSubnet: fd00::/56,10.1.0.0/16\n",
            "is not of ipFamily ipv6",
        ),
        (
            "networking:\n  ipFamily: dual\n  podSubnet: fd00::/56,10.1.0.0/16\n",
            "the same IP families in the same order",
        ),
        ("networking:\n  kubeProxyMode: fast\n", '"fast" is not a proxy mode'),
        ("networking:\n  apiServerPort: x\n", "line 4: expected an integer"),
        ("networking:\n  apiServerPort: 70000\n", "70000 is not a port"),
        ("networking:\n  podSubnet: 10.0.0.0/33\n", "podSubnet"),
        ("networking:\n  podSubnet: 172.18.0.0/24\n", "overlaps the underlay"),
        ("networking:\n  podSubnet: 10.96.0.0/14\n", "overlaps podSubnet"),
        ("nodes: worker\n", "expected a list"),
        ("name: a\nname: b\n", 'field "name" is given twice'),
        ("nodes: [\n", "kind.yaml: line"),
    ],
)
def test_what_kind_refuses_is_refused_with_its_line(text, message):
    with pytest.raises(ConfigError) as refused:
        parse(text)

    assert str(refused.value).startswith("kind.yaml")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["", "kind: Pod\napiVersion: v1\n", "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha3\n"],
)
def test_only_a_v1alpha4_cluster_is_taken(text):
    with pytest.raises(ConfigError, match=r"kind\.yaml"):
        parse_kind_config(text, "kind.yaml", "kubehop", None)
