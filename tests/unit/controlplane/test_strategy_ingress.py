import pytest

from controlplane.api.strategies.ingress import ingress_warnings


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, []),
        ({"ingressClassName": "kubehop"}, []),
        ({"ingressClassName": "nginx"}, ['not of "nginx"']),
        ({"tls": [{"hosts": ["shop.test"]}]}, ["does not terminate TLS"]),
    ],
)
def test_what_has_no_effect_is_said(spec, said):
    found = ingress_warnings({"spec": spec})
    assert len(found) == len(said)
    assert all(text in warning for text, warning in zip(said, found, strict=True))
