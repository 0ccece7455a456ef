"""However a Service is written, its families fit its policy, its addresses and the cluster."""

import copy

from hypothesis import given
from hypothesis import strategies as st

from controlplane.api.strategies.service_families import settle_families
from controlplane.api.strategies.service_family_validation import validate_families

CLUSTERS = st.sampled_from((("IPv4",), ("IPv6",), ("IPv4", "IPv6"), ("IPv6", "IPv4")))
FAMILIES = st.lists(st.sampled_from(("IPv4", "IPv6")), max_size=2)
ADDRESSES = st.lists(st.sampled_from(("10.0.0.1", "fd00::1", "None")), max_size=2)
SPECS = st.fixed_dictionaries(
    {"type": st.sampled_from(("ClusterIP", "NodePort", "ExternalName"))},
    optional={
        "ipFamilyPolicy": st.sampled_from(("SingleStack", "PreferDualStack", "RequireDualStack")),
        "ipFamilies": FAMILIES,
        "clusterIPs": ADDRESSES,
        "selector": st.just({"app": "web"}),
    },
).map(lambda spec: spec | {"clusterIP": (spec.get("clusterIPs") or [""])[0]})


@given(SPECS, CLUSTERS)
def test_what_is_settled_fits(spec, cluster):
    if validate_families(spec) or spec["type"] == "ExternalName":
        return
    if settle_families(spec, {}, cluster):
        return
    families, policy = spec["ipFamilies"], spec["ipFamilyPolicy"]
    selectorless = spec["clusterIP"] == "None" and not spec.get("selector")
    assert 1 <= len(families) == len(set(families)) <= 2
    assert selectorless or set(families) <= set(cluster)
    if policy == "SingleStack":
        assert len(families) == 1
    elif policy == "RequireDualStack" or len(cluster) == 2:
        assert len(families) == 2
    assert validate_families(spec) == []


@given(SPECS, CLUSTERS)
def test_a_settled_service_stays_as_it_is(spec, cluster):
    if validate_families(spec) or settle_families(spec, {}, cluster):
        return
    again = copy.deepcopy(spec)
    assert settle_families(again, copy.deepcopy(spec), cluster) == []
    assert again == spec
