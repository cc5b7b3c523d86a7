"""Each method, addresses, and CAA that is checked again at finalize, through remote perspectives on networks of their own."""
import base64
import hashlib

import pytest

import perspectives
import raw
from perspectives import DNS, REMOTES, SEES, SEES_NOT, seen
from test_onion import Service
from test_witness import until

WEB, ADDRESSES = perspectives.WEB, [f"93.184.216.{n}" for n in range(10, 14)]
METHODS = ["http-01", "dns-01", "tls-alpn-01", "dns-persist-01", "onion-csr-01"]
ALL = dict.fromkeys(REMOTES, SEES)


@pytest.fixture(scope="module")
def whole():
    yield from perspectives.opened(config={"policy": {"challenges": METHODS}, "alarm": {"interval_s": 1}}, web=(WEB, *ADDRESSES), shifted=True)


@pytest.fixture
def world(whole):
    yield whole
    whole.internet.restore()


def divert(world, address, *names):
    for name in names:
        world.internet.divert(name, address, "attacker")


def test_tls_alpn_01(world):
    """C-51, C-58"""
    divert(world, WEB, "ams")
    assert world.validate("alpn.example", kind="tls-alpn-01")["status"] == "valid"
    assert seen(world.wait_for_records("alpn.example")) == {**ALL, "ams": SEES_NOT}
    divert(world, WEB, "sin")
    assert "2 of 4" in world.refused("alpn-refused.example", kind="tls-alpn-01", problem="tls")
    world.replay()


def test_the_value_of_another_order_is_none(world):
    """Two perspectives see a whole and valid answer to tls-alpn-01, for another token of the same account. C-58"""
    divert(world, WEB, "ams", "sin")
    world.attacker.alpn.tokens["swapped.example"] = world.client.key_authorization("A" * 43)
    assert "2 of 4" in world.refused("swapped.example", kind="tls-alpn-01")
    found = seen(world.wait_for_records("swapped.example"))
    assert found == {**ALL, "ams": SEES_NOT, "sin": SEES_NOT}


@pytest.mark.parametrize("kind, refused, outvoted, problem", [("http-01", *ADDRESSES[:2], "unauthorized"),
                                                                ("tls-alpn-01", *ADDRESSES[2:], "tls")])
def test_an_address(world, kind, refused, outvoted, problem):
    """C-51: of addresses as of names"""
    divert(world, refused, "gru", "jnb")
    assert "2 of 4" in world.refused(refused, kind=kind, problem=problem)
    divert(world, outvoted, "gru")
    assert world.validate(outvoted, kind=kind)["status"] == "valid"
    assert seen(world.wait_for_records(outvoted)) == {**ALL, "gru": SEES_NOT}
    world.replay()


def test_dns_01(world):
    """C-51, C-54"""
    def begin(name):
        made = world.client.order(name)
        (url,) = made.json()["authorizations"]
        challenge = world.client.challenge(url, "dns-01")
        digest = raw.b64(hashlib.sha256(world.client.key_authorization(challenge["token"]).encode()).digest())
        world.add("dns", "_acme-challenge." + name.removesuffix(".example"), "TXT", digest)
        assert world.client.post(challenge["url"], {}).status_code == 200
        return url

    divert(world, DNS, "ams")
    assert world.end(begin("txt.example"))["status"] == "valid"
    assert seen(world.wait_for_records("txt.example")) == {**ALL, "ams": SEES_NOT}
    divert(world, DNS, "sin")
    assert world.end(begin("txt-refused.example"))["status"] == "invalid"
    assert seen(world.wait_for_records("txt-refused.example")) == {**ALL, "ams": SEES_NOT, "sin": SEES_NOT}
    world.replay()


def test_a_standing_record_of_another_account(world):
    """B-34: whoever sees another account in it does not agree"""
    other = world.client.kid + "x"
    for label in ("standing", "standing-refused"):
        world.add("dns", f"_validation-persist.{label}", "TXT", f'"ca.test; accounturi={world.client.kid}"')
        world.add("attacker", f"_validation-persist.{label}", "TXT", f'"ca.test; accounturi={other}"')
    divert(world, DNS, "ams")
    assert world.validate("standing.example", kind="dns-persist-01")["status"] == "valid"
    assert seen(world.wait_for_records("standing.example")) == {**ALL, "ams": SEES_NOT}
    assert world.quorum("standing.example") == ["3/4"]
    divert(world, DNS, "jnb")
    assert "2 of 4" in world.refused("standing-refused.example", kind="dns-persist-01")
    assert world.quorum("standing-refused.example")[0] in ("0/4", "1/4", "2/4")
    world.replay()


def test_caa_of_another_account(world):
    """B-34, C-56: CAA binds to the account of the subscriber, two perspectives see another one"""
    for where, account in (("dns", world.client.kid), ("attacker", world.client.kid + "x")):
        world.add(where, "bound", "A", WEB)
        world.add(where, "bound", "CAA", f'0 issue "ca.test; accounturi={account}"')
    divert(world, DNS, "ams", "gru")
    assert "2 of 4" in world.refused("bound.example", problem="caa")
    found = seen(world.wait_for_records("bound.example"))
    assert found == {**ALL, "ams": (False, True), "gru": (False, True)}
    world.replay()


def test_onion_services_ask_nobody_else(world):
    """B-39: with perspectives configured, and all of them away"""
    service = Service()
    made = world.client.order(service.name)
    (url,) = made.json()["authorizations"]
    challenge = world.client.challenge(url, "onion-csr-01")
    for remote in world.remotes.values():
        remote.stop()
    try:
        assert world.client.post(challenge["url"], {"csr": service.request(base64.b64decode(challenge["nonce"]))}).status_code == 200
        assert world.end(url)["status"] == "valid"
        der, _ = raw.csr([service.name])
        done = world.client.post(made.json()["finalize"], {"csr": raw.b64(der), "onionCAA": {service.name: service.caa()}})
        assert done.status_code == 200, done.text
        assert world.client.poll(made.headers["Location"], ("valid", "invalid")).json()["status"] == "valid"
    finally:
        for remote in world.remotes.values():
            remote.start()
    assert world.ca.sql(f"SELECT method, perspective, passed, quorum, round FROM log.validation WHERE identifier_value = '{service.name}' ORDER BY id") == [
        ["onion-csr-01", "nyc", "t", "", ""], ["caa", "nyc", "t", "", ""]]
    world.replay()


class Aged:
    """An order whose authorizations are too old for their CAA to count (C-37)."""

    def __init__(self, world, *names):
        self.world, self.names = world, names
        self.made = world.client.order(*names)
        world.client.validate(self.made.json(), world.web)
        world.ca.pass_time(hours=8)
        world.client.nonces = []

    def finalize(self):
        der, _ = raw.csr(self.names)
        return self.world.client.post(self.made.json()["finalize"], {"csr": raw.b64(der)})


RECHECK = "v.method = 'caa'"


def test_caa_at_finalize_is_asked_of_all(world):
    """C-37, C-56"""
    order = Aged(world, "aged.example")
    done = order.finalize()
    assert done.status_code == 200, done.text
    found = world.wait_for_records("aged.example", RECHECK)
    assert {name: record[0] for name, record in found.items()} == dict.fromkeys(REMOTES, True)
    assert world.ca.sql("SELECT count(*) FROM log.validation WHERE identifier_value = 'aged.example' AND method = 'caa' AND dcv IS NOT NULL") == [["0"]]
    world.replay()


def test_caa_at_finalize_is_outvoted_at_one_and_refused_at_two(world):
    """C-39, C-51, C-56"""
    order = Aged(world, "recheck.caa.example", "recheck.example")
    divert(world, DNS, "gru", "jnb")
    refusal = raw.problem(order.finalize(), 403, "caa")
    assert "1 of the names" in refusal["detail"]
    (sub,) = refusal["subproblems"]
    assert sub["identifier"]["value"] == "recheck.caa.example" and "2 of 4 remote network perspectives" in sub["detail"], sub
    found = world.wait_for_records("recheck.caa.example", RECHECK)
    assert {name for name, record in found.items() if not record[0]} == {"gru", "jnb"}
    world.internet.restore()
    divert(world, DNS, "gru")
    order = Aged(world, "one.caa.example")
    assert order.finalize().status_code == 200
    assert world.quorum("one.caa.example")[-1] == "3/4"
    world.wait_for_records("one.caa.example", RECHECK)  # the quorum did not wait for the one
    assert world.ca.sql("SELECT identifier_value, perspective, outvoted FROM log.caa_refusal WHERE method = 'caa' ORDER BY 1 DESC, 2") == [
        ["recheck.caa.example", "gru", "f"], ["recheck.caa.example", "jnb", "f"], ["one.caa.example", "gru", "t"]]
    world.replay()


def test_caa_at_finalize_waits_for_a_quorum(world):
    """C-56: what fails by ours is no answer, and nothing is issued on it"""
    order = Aged(world, "absent.example")
    with world.remotes["ams"].stopped(), world.remotes["sin"].stopped():
        raw.problem(order.finalize(), 503, "serverInternal")
    assert world.quorum("absent.example")[-1] == "2/4"
    done = order.finalize()
    assert done.status_code == 200, done.text
    assert world.quorum("absent.example")[-1] in ("3/4", "4/4")  # those that agreed then don't stand for all
    world.replay()


def test_one_that_stops_answering_is_an_alarm(world):
    """C-56, F-70: after some minutes, told once, and over when it answers again; what it costs meanwhile is nothing but the place of one"""
    state = "SELECT subject, ended_at IS NULL, times FROM cairn.alarm WHERE kind = 'perspective-silent'"
    with world.remotes["jnb"].stopped():
        for i in range(3):
            assert world.validate(f"silent{i}.example")["status"] == "valid"
            assert seen(world.wait_for_records(f"silent{i}.example")) == {**ALL, "jnb": SEES_NOT}
        assert world.ca.sql("SELECT count(*) FROM log.silent_perspectives()", role="cairn_owner") == [["0"]]
        world.ca.pass_time(minutes=6)
        until(lambda: world.ca.sql(state) == [["jnb", "t", "1"]])
        ((detail,),) = world.ca.sql("SELECT detail FROM cairn.alarm WHERE kind = 'perspective-silent'")
        assert detail.startswith("The last 3 questions had no answer of use, since "), detail
    world.client.nonces = []
    assert world.validate("again.example")["status"] == "valid"
    assert seen(world.wait_for_records("again.example")) == ALL
    until(lambda: world.ca.sql(state) == [["jnb", "f", "1"]])
