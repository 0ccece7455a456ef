"""Endpoints and EndpointSlices that are written by hand: what is refused, in Kubernetes' words."""

import pytest

from controlplane.api.strategies.endpoints import EndpointSliceStrategy, EndpointsStrategy


def slice_errors(*endpoints, kind="IPv4", ports=(), old=None):
    obj = {"addressType": kind, "endpoints": list(endpoints), "ports": list(ports)}
    strategy = EndpointSliceStrategy()
    strategy.default(obj)
    return [f"{error.path}: {error.message}" for error in strategy.validate(obj, old)]


def endpoint(**fields):
    return {"addresses": ["192.0.2.1"], **fields}


def test_what_is_right():
    hints = {"forZones": [{"name": "a"}, {"name": "b"}], "forNodes": [{"name": "node1.local"}]}
    full = endpoint(hostname="web-0", nodeName="node1", zone="a", hints=hints)
    assert slice_errors(full, ports=[{"port": 80}, {"name": "b", "port": None}]) == []
    assert slice_errors({"addresses": ["2001:db8::1"]}, kind="IPv6") == []
    assert slice_errors({"addresses": ["db.example.com"]}, kind="FQDN") == []
    assert slice_errors() == []


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (
            {"addresses": []},
            "endpoints[0].addresses: Required value: must contain at least 1 address",
        ),
        (
            {"addresses": ["192.0.2.1"] * 101},
            "endpoints[0].addresses: Too many: 101: must have at most 100 items",
        ),
        (
            {"addresses": ["2001:db8::1"]},
            'endpoints[0].addresses[0]: Invalid value: "2001:db8::1": must be a valid IPv4 address',
        ),
        (
            {"addresses": ["127.0.0.1"]},
            'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": '
            "may not be in the loopback range (127.0.0.0/8, ::1/128)",
        ),
        (
            endpoint(hints={"forZones": [{"name": "a"}, {"name": "a"}]}),
            'endpoints[0].hints.forZones[1].name: Duplicate value: "a"',
        ),
        (
            endpoint(hints={"forZones": [{"name": str(n)} for n in range(9)]}),
            "endpoints[0].hints.forZones: Too many: 9: must have at most 8 items",
        ),
        (
            endpoint(hints={"forNodes": [{"name": str(n)} for n in range(9)]}),
            "endpoints[0].hints.forNodes: Too many: 9: must have at most 8 items",
        ),
    ],
)
def test_endpoints_of_slices(wrong, expected):
    assert slice_errors(wrong) == [expected]


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        (endpoint(hostname="A"), "endpoints[0].hostname"),
        (endpoint(nodeName="A_b"), "endpoints[0].nodeName"),
        (endpoint(hints={"forZones": [{"name": "a b"}]}), "endpoints[0].hints.forZones[0].name"),
        (endpoint(hints={"forNodes": [{"name": ""}]}), "endpoints[0].hints.forNodes[0].name"),
    ],
)
def test_names(wrong, path):
    (error,) = slice_errors(wrong)
    assert error.startswith(f"{path}: Invalid value: ")


def test_the_address_type_is_known_and_stays():
    assert slice_errors(kind="IPv5") == [
        'addressType: Unsupported value: "IPv5": supported values: "FQDN", "IPv4", "IPv6"'
    ]
    assert slice_errors(kind=None) == ["addressType: Required value"]
    assert slice_errors(old={"addressType": "IPv6"}) == [
        'addressType: Invalid value: "IPv4": field is immutable'
    ]


def test_a_slice_has_a_thousand_endpoints_at_most():
    assert slice_errors(*[endpoint()] * 1001) == [
        "endpoints: Too many: 1001: must have at most 1000 items"
    ]


def test_ports():
    ports = [{"name": "a", "port": 70000}, {"name": "a", "port": 1, "protocol": "X"}]
    assert slice_errors(ports=[*ports, {"name": "B", "port": 1, "appProtocol": "/x"}]) == [
        "ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive",
        'ports[1].name: Duplicate value: "a"',
        'ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
        'ports[2].name: Invalid value: "B": a lowercase RFC 1123 label must consist of lower case '
        "alphanumeric characters or '-', and must start and end with an alphanumeric character "
        "(e.g. 'my-name',  or '123-abc', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
        'ports[2].appProtocol: Invalid value: "/x": prefix part must be non-empty',
    ]


def test_endpoints_need_addresses_that_others_can_reach():
    strategy = EndpointsStrategy()
    obj = {
        "subsets": [
            {"ports": [{"port": 1}]},
            {"addresses": [{"ip": "169.254.1.1"}], "notReadyAddresses": [{"ip": "x"}]},
        ]
    }
    strategy.default(obj)
    assert [f"{e.path}: {e.message}" for e in strategy.validate(obj, None)] == [
        "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
        'subsets[1].addresses[0].ip: Invalid value: "169.254.1.1": may not be in the link-local '
        "range (169.254.0.0/16, fe80::/10)",
        'subsets[1].notReadyAddresses[0].ip: Invalid value: "x": must be a valid IP address, '
        "(e.g. 10.9.8.7 or 2001:db8::ffff)",
    ]
