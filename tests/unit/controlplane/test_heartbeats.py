"""Signs of life."""

from controlplane.controllers.heartbeats import Heartbeats


class Time:
    now = 100.0

    def __call__(self):
        return self.now

    def pass_by(self, beats, seconds):
        """Time passes while somebody looks at the clock."""
        for _ in range(round(seconds * 2)):
            self.now += 0.5
            beats.is_alive("node", "nobody")


def made():
    time = Time()
    beats = Heartbeats(time, grace_s=5)
    news = []
    beats.subscribe(lambda role, name: news.append(name))
    return beats, time, news


def test_everybody_counts_as_seen_at_the_start():
    beats, time, _ = made()
    assert beats.is_alive("node", "a")
    time.pass_by(beats, 5.5)
    assert not beats.is_alive("node", "a")


def test_only_news_are_told():
    beats, time, news = made()
    beats.beat("node", "a", "i", ready=False)
    beats.beat("node", "a", "i", ready=False)
    assert news == ["a"]
    beats.beat("node", "a", "i", ready=True)
    time.pass_by(beats, 6)
    beats.beat("node", "a", "i", ready=True)
    assert news == ["a"] * 3


def test_addresses_stay_and_roles_are_apart():
    beats, _, _ = made()
    beats.beat("dns", "a", "i", ready=True, addresses=("10.0.0.1",))
    beats.beat("dns", "a", "i", ready=True)
    assert beats.last("dns", "a").addresses == ("10.0.0.1",)
    assert beats.last("node", "a") is None
    assert beats.names("dns") == ["a"]
    beats.forget("dns", "a")
    assert beats.names("dns") == []


def test_dns_servers_that_are_long_lost_are_forgotten():
    beats, time, _ = made()
    beats.beat("dns", "a", "i", ready=True)
    beats.beat("node", "n", "i", ready=True)
    time.pass_by(beats, 50)
    beats.beat("dns", "b", "j", ready=True)
    beats.sweep()
    assert beats.names("dns") == ["a", "b"]
    time.pass_by(beats, 11)
    beats.sweep()
    assert beats.names("dns") == ["b"]
    assert beats.names("node") == ["n"], "a node is known as long as its object is"


def test_a_standstill_makes_nobody_forgotten():
    beats, time, _ = made()
    beats.beat("dns", "a", "i", ready=True)
    time.now += 3600
    beats.sweep()
    assert beats.names("dns") == ["a"]


def test_nothing_is_concluded_from_a_standstill_of_ones_own():
    beats, time, _ = made()
    beats.beat("node", "a", "i", ready=True)
    time.now += 3600
    assert beats.is_alive("node", "a")
    assert beats.age_s == 0
    time.pass_by(beats, 5.5)
    assert not beats.is_alive("node", "a")
