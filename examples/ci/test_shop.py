"""The shop's network, tested with real requests: pytest examples/ci"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def shop(kubehop_cluster):
    kubehop_cluster.apply(HERE / "shop")
    return kubehop_cluster


def test_the_frontend_gets_the_api(shop):
    response = shop.pod("shop/deploy/frontend").curl("http://api")
    assert response.status == 200
    assert "Hostname: api-" in response.body


def test_nobody_else_reaches_the_api(shop):
    intruder = shop.pod("other/intruder")
    intruder.assert_blocked("shop/svc/api:80", by="shop/default-deny")
    intruder.assert_reachable("kubernetes.default:443")


def test_the_frontend_listens_to_nobody(shop):
    shop.assert_blocked("shop/deploy/api", "shop/deploy/frontend:80")
