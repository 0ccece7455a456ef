"""Services that are refused: every rule of ValidateService in the API server's own words."""

import pytest

from controlplane.api.strategies.service_defaults import default_service
from controlplane.api.strategies.service_validation import validate_service


def service(annotations=None, status=None, **spec):
    """A defaulted Service of one port, as it is before it gets any address."""
    spec.setdefault("ports", [{"port": 80}])
    made = {"metadata": {"name": "web", "annotations": annotations or {}}, "spec": spec}
    if status:
        made["status"] = status
    default_service(made)
    return made


def errors(obj, old=None):
    return [f"{error.path}: {error.message}" for error in validate_service(obj, old)]


LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
    "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
PORT = "must be between 1 and 65535, inclusive"
LOCAL = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"clusterIP": "None", "clusterIPs": ["None"], "ports": []},
        {"type": "ExternalName", "externalName": "example.com.", "ports": []},
        {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]},
        {"type": "LoadBalancer", "loadBalancerClass": "example.com/internal"},
        {"type": "LoadBalancer", "loadBalancerSourceRanges": [" 10.0.0.1/8 ", "2001:db8::/32"]},
        {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False},
        {**LOCAL, "healthCheckNodePort": 30500},
        {"externalIPs": ["192.0.2.1"], "externalTrafficPolicy": "Local"},
        {"internalTrafficPolicy": "Local"},
        {"trafficDistribution": "PreferClose"},
        {"trafficDistribution": "PreferSameZone"},
        {"trafficDistribution": "PreferSameNode"},
        {"ports": [{"port": 80, "appProtocol": "kubernetes.io/h2c"}]},
        {"ports": [{"port": 80, "targetPort": "http"}]},
        {"ports": [{"port": 53, "name": "a"}, {"port": 53, "name": "b", "protocol": "UDP"}]},
        {"sessionAffinity": "ClientIP"},
    ],
)
def test_what_is_right(spec):
    assert errors(service(**spec)) == []


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        # Types.
        ({"ports": []}, ["spec.ports: Required value"]),
        (
            {"type": "Other"},
            [
                'spec.type: Unsupported value: "Other": supported values: '
                '"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
            ],
        ),
        (
            {"type": "NodePort", "clusterIP": "None", "clusterIPs": ["None"]},
            ['spec.clusterIPs[0]: Invalid value: "None": may not be set to '
             "'None' for NodePort services"],
        ),
        (
            {"type": "LoadBalancer", "clusterIP": "None", "clusterIPs": ["None"]},
            ['spec.clusterIPs[0]: Invalid value: "None": may not be set to '
             "'None' for LoadBalancer services"],
        ),
        ({"type": "ExternalName"}, ["spec.externalName: Required value"]),
        ({"type": "ExternalName", "externalName": "."}, ["spec.externalName: Required value"]),
        (
            {"type": "ExternalName", "externalName": "a_b"},
            [f'spec.externalName: Invalid value: "a_b": {SUBDOMAIN}'],
        ),
        # Ports.
        (
            {"ports": [{"port": 70000}]},
            [
                f"spec.ports[0].port: Invalid value: 70000: {PORT}",
                f"spec.ports[0].targetPort: Invalid value: 70000: {PORT}",
            ],
        ),
        (
            {"ports": [{"port": 80}, {"port": 81, "name": "b"}]},
            ["spec.ports[0].name: Required value"],
        ),
        (
            {"ports": [{"port": 80, "name": "A"}]},
            [f'spec.ports[0].name: Invalid value: "A": {LABEL}'],
        ),
        (
            {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]},
            ['spec.ports[1].name: Duplicate value: "a"'],
        ),
        (
            {"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]},
            ['spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}'],
        ),
        (
            {"ports": [{"port": 80, "protocol": "ICMP"}]},
            ['spec.ports[0].protocol: Unsupported value: "ICMP": supported values: '
             '"SCTP", "TCP", "UDP"'],
        ),
        (
            {"ports": [{"port": 80, "targetPort": "a--b"}]},
            ['spec.ports[0].targetPort: Invalid value: "a--b": '
             "must not contain consecutive hyphens"],
        ),
        (
            {"ports": [{"port": 80, "appProtocol": "a b"}]},
            [f'spec.ports[0].appProtocol: Invalid value: "a b": {QUALIFIED}'],
        ),
        (
            {"ports": [{"port": 80, "nodePort": 30000}]},
            ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
        ),
        (
            {
                "type": "NodePort",
                "ports": [
                    {"port": 80, "name": "a", "nodePort": 30000},
                    {"port": 81, "name": "b", "nodePort": 30000},
                ],
            },
            ["spec.ports[1].nodePort: Duplicate value: 30000"],
        ),
        # Affinity.
        (
            {"sessionAffinity": "X"},
            ['spec.sessionAffinity: Unsupported value: "X": supported values: "ClientIP", "None"'],
        ),
        (
            {
                "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86401}},
            },
            ["spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: "
             "must be greater than 0 and less than 86400"],
        ),
        # Addresses.
        (
            {"externalIPs": ["x", "127.0.0.1"]},
            [
                'spec.externalIPs[0]: Invalid value: "x": must be a valid IP address, '
                "(e.g. 10.9.8.7 or 2001:db8::ffff)",
                'spec.externalIPs[1]: Invalid value: "127.0.0.1": '
                "may not be in the loopback range (127.0.0.0/8, ::1/128)",
            ],
        ),
        # Balancers.
        (
            {"loadBalancerSourceRanges": ["10.0.0.0/8"]},
            ["spec.LoadBalancerSourceRanges: Forbidden: "
             "may only be used when `type` is 'LoadBalancer'"],
        ),
        (
            {"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8", "10.0.0.1"]},
            ['spec.LoadBalancerSourceRanges[1]: Invalid value: "10.0.0.1": must be a valid CIDR '
             "value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"],
        ),
        (
            {"type": "NodePort", "allocateLoadBalancerNodePorts": True},
            ["spec.allocateLoadBalancerNodePorts: Forbidden: "
             "may only be used when `type` is 'LoadBalancer'"],
        ),
        (
            {"loadBalancerClass": "example.com/x"},
            ["spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"],
        ),
        (
            {"type": "LoadBalancer", "loadBalancerClass": "/x"},
            ['spec.loadBalancerClass: Invalid value: "/x": prefix part must be non-empty'],
        ),
        # Policies.
        (
            {"externalTrafficPolicy": "Local"},
            ['spec.externalTrafficPolicy: Invalid value: "Local": '
             "may only be set for externally-accessible services"],
        ),
        (
            {"type": "NodePort", "externalTrafficPolicy": "Global"},
            ['spec.externalTrafficPolicy: Unsupported value: "Global": '
             'supported values: "Cluster", "Local"'],
        ),
        (
            {"type": "NodePort", "externalTrafficPolicy": "Local", "healthCheckNodePort": 30500},
            ["spec.healthCheckNodePort: Invalid value: 30500: may only be set when `type` is "
             "'LoadBalancer' and `externalTrafficPolicy` is 'Local'"],
        ),
        (
            {**LOCAL, "healthCheckNodePort": 70000},
            [f"spec.healthCheckNodePort: Invalid value: 70000: {PORT}"],
        ),
        (
            {"internalTrafficPolicy": "Nearest"},
            ['spec.internalTrafficPolicy: Unsupported value: "Nearest": '
             'supported values: "Cluster", "Local"'],
        ),
        (
            {"trafficDistribution": "PreferFar"},
            ['spec.trafficDistribution: Unsupported value: "PreferFar": supported values: '
             '"PreferClose", "PreferSameNode", "PreferSameZone"'],
        ),
    ],
)  # fmt: skip
def test_what_is_wrong(spec, expected):
    assert errors(service(**spec)) == expected


def test_several_errors_come_in_the_order_of_the_api_server():
    wrong = service(
        ports=[{"port": 0, "name": "A"}],
        sessionAffinity="X",
        externalIPs=["x"],
        type="Other",
        loadBalancerClass="a/b",
        externalTrafficPolicy="Local",
        internalTrafficPolicy="X",
        trafficDistribution="X",
    )
    assert [error.path for error in validate_service(wrong, None)] == [
        "spec.ports[0].name",
        "spec.ports[0].port",
        "spec.ports[0].targetPort",
        "spec.sessionAffinity",
        "spec.externalIPs[0]",
        "spec.type",
        "spec.loadBalancerClass",
        "spec.externalTrafficPolicy",
        "spec.internalTrafficPolicy",
        "spec.trafficDistribution",
    ]


def test_the_two_annotations_for_topology_must_agree():
    mode, hints = (f"service.kubernetes.io/topology-{name}" for name in ("mode", "aware-hints"))
    assert errors(service({mode: "Auto", hints: "Auto"})) == []
    assert errors(service({mode: "Auto"})) == []
    assert errors(service({mode: "Auto", hints: "Disabled"})) == [
        f'metadata.annotations[{mode}]: Invalid value: "Auto": '
        f"must match annotations[{hints}] when both are specified"
    ]


def test_source_ranges_may_stand_in_an_annotation():
    name = "service.beta.kubernetes.io/load-balancer-source-ranges"
    assert errors(service({name: "10.0.0.0/8, 192.0.2.0/24"}, type="LoadBalancer")) == []
    assert errors(service({name: " "}, type="LoadBalancer")) == []
    assert errors(service({name: "10.0.0.0/8,x"}, type="LoadBalancer")) == [
        f'metadata.annotations[{name}]: Invalid value: "x": must be a valid CIDR value, '
        "(e.g. 10.9.8.0/24 or 2001:db8::/64)"
    ]
    assert errors(service({name: "10.0.0.0/8"})) == [
        f"metadata.annotations[{name}]: Forbidden: may only be used when `type` is 'LoadBalancer'"
    ]


# Updates.


def test_the_class_of_a_balancer_stays():
    old = service(type="LoadBalancer", loadBalancerClass="a/b")
    said = "may not change once set"
    assert errors(service(type="LoadBalancer", loadBalancerClass="a/c"), old) == [
        f'spec.loadBalancerClass: Invalid value: "a/c": {said}'
    ]
    assert errors(service(type="LoadBalancer"), old) == [
        f"spec.loadBalancerClass: Invalid value: null: {said}"
    ]
    assert errors(service(type="NodePort"), old) == []
    assert errors(old, service(type="NodePort")) == []


def test_the_port_of_the_health_check_stays_while_there_is_one():
    old = service(**LOCAL, healthCheckNodePort=30500)
    assert errors(service(**LOCAL, healthCheckNodePort=30501), old) == [
        "spec.healthCheckNodePort: Forbidden: field is immutable"
    ]
    assert errors(service(type="LoadBalancer"), old) == []
    assert errors(old, service(**LOCAL)) == []


# The status of balancers.


def balanced(*ingress, **spec):
    spec.setdefault("type", "LoadBalancer")
    return service(status={"loadBalancer": {"ingress": list(ingress)}}, **spec)


PLACE = "status.loadBalancer.ingress[0]"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"ip": "192.0.2.1"}, []),
        ({"ip": "192.0.2.1", "ipMode": "Proxy"}, []),
        ({"hostname": "lb.example.com"}, []),
        (
            {"ip": "192.0.2"},
            [f'{PLACE}.ip: Invalid value: "192.0.2": must be a valid IP address, '
             "(e.g. 10.9.8.7 or 2001:db8::ffff)"],
        ),
        (
            {"ip": "192.0.2.1", "ipMode": "Nat"},
            [f'{PLACE}.ipMode: Unsupported value: "Nat": supported values: "Proxy", "VIP"'],
        ),
        (
            {"hostname": "a", "ipMode": "VIP"},
            [f"{PLACE}.ipMode: Forbidden: may not be specified when `ip` is not set"],
        ),
        (
            {"hostname": "192.0.2.1"},
            [f'{PLACE}.hostname: Invalid value: "192.0.2.1": must be a DNS name, '
             "not an IP address"],
        ),
        ({"hostname": "_"}, [f'{PLACE}.hostname: Invalid value: "_": {SUBDOMAIN}']),
    ],
)  # fmt: skip
def test_ingress(entry, expected):
    assert errors(balanced(entry)) == expected


def test_an_address_is_a_vip_unless_said_otherwise():
    made = balanced({"ip": "192.0.2.1"}, {"hostname": "a"})
    first, second = made["status"]["loadBalancer"]["ingress"]
    assert first["ipMode"] == "VIP"
    assert "ipMode" not in second
    first.pop("ipMode")
    assert errors(made) == [f"{PLACE}.ipMode: Required value: must be specified when `ip` is set"]


def test_only_balancers_have_a_balancers_status():
    assert errors(balanced({"ip": "192.0.2.1"}, type="NodePort")) == [
        "status.loadBalancer.ingress: Forbidden: "
        "may only be used when `spec.type` is 'LoadBalancer'"
    ]
