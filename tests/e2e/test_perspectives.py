"""Remote perspectives on networks of their own: what one of them is made to see is outvoted, what two see refuses the order (BR 3.2.2.9)."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

import lists
import perspectives
import raw
import test_rpc
from perspectives import OTHER_WEB, REMOTES, SEES, SEES_NOT, WEB, DNS, seen


@pytest.fixture(scope="module")
def whole():
    yield from perspectives.opened(config={"policy": {"challenges": ["http-01"]}})


@pytest.fixture
def world(whole):
    yield whole
    whole.internet.restore()


def test_all_agree(world):
    """C-50, C-55, C-56, C-59"""
    chain, _, _ = world.client.issue(world.web, "agreed.example")
    assert chain
    assert seen(world.wait_for_records("agreed.example")) == dict.fromkeys(REMOTES, SEES)
    (quorum,) = world.quorum("agreed.example")
    assert quorum in ("3/4", "4/4")
    assert world.ca.sql("SELECT count(DISTINCT p.resolutions) FROM log.validation r JOIN log.validation_private p USING (id) "
                        "WHERE r.identifier_value = 'agreed.example'")[0] != ["0"]
    world.replay()
    # F-57: each of them by what ran there, once, also the one that came late
    ran = "SELECT process, coalesce(facts->>'perspective', 'own') FROM log.event WHERE kind = 'process.started' AND starts_with(process, 'cairn-va@') AND facts->>'version' <> '' AND length(facts->>'config_sha256') = 64"
    lists.wait_for("a perspective is in no report", lambda: {row[1] for row in world.ca.sql(ran)} == {*REMOTES, "own"})
    assert len(world.ca.sql(ran)) == 1 + len(REMOTES)


def test_what_one_is_made_to_see_is_outvoted(world):
    """C-51"""
    world.internet.divert("ams", WEB, "attacker")
    assert world.validate("outvoted.example")["status"] == "valid"
    assert seen(world.wait_for_records("outvoted.example")) == {**dict.fromkeys(REMOTES, SEES), "ams": SEES_NOT}
    assert world.quorum("outvoted.example") == ["3/4"]
    world.replay()


def test_what_two_are_made_to_see_refuses_the_order(world):
    """C-51, C-59"""
    world.internet.divert("ams", WEB, "attacker")
    world.internet.divert("sin", WEB, "attacker")
    detail = world.refused("refused.example")
    assert "2 of 4 remote network perspectives" in detail and "ams (RIPE)" in detail and "sin (APNIC)" in detail, detail
    found = seen(world.wait_for_records("refused.example"))
    assert found == {**dict.fromkeys(REMOTES, SEES), "ams": SEES_NOT, "sin": SEES_NOT}
    world.replay()


def test_who_diverts_the_traffic_of_the_ca_gets_nothing(world):
    """What all this is for: the attacker answers the CA, and all others ask the subscriber. C-51"""
    world.internet.divert("ca", WEB, "attacker")
    assert "remote network perspectives" in world.refused("stolen.example", good=False, attacked=True)
    world.replay()


def test_who_diverts_the_ca_and_two_more_gets_nothing(world):
    """C-51"""
    for name in ("ca", "ams", "sin"):
        world.internet.divert(name, WEB, "attacker")
    assert "2 of 4" in world.refused("stolen-too.example", good=False, attacked=True)


def test_dns_of_one_is_diverted(world):
    """C-54"""
    world.internet.divert("gru", DNS, "attacker")
    assert world.validate("dns-one.example")["status"] == "valid"
    assert seen(world.wait_for_records("dns-one.example"))["gru"] == SEES_NOT
    assert OTHER_WEB in world.ca.sql("SELECT p.resolutions FROM log.validation r JOIN log.validation_private p USING (id) "
                                     "WHERE r.identifier_value = 'dns-one.example' AND r.perspective = 'gru'")[0][0]
    world.replay()


def test_dns_of_two_is_diverted(world):
    """C-51, C-54"""
    world.internet.divert("gru", DNS, "attacker")
    world.internet.divert("jnb", DNS, "attacker")
    assert "2 of 4" in world.refused("dns-two.example")


def caa_refusals(world, name):
    """Which perspectives CAA forbade at, where the records stand, what they say, and whether the others outvoted it."""
    return world.ca.sql("SELECT perspective, found_at, records[1], checked_at > now() - interval '10 minutes', outvoted FROM log.caa_refusal "
                        f"WHERE identifier_value = '{name}' ORDER BY perspective")


def test_caa_forbids_at_one(world):
    """Control is shown to all four. C-39, C-51: what one of them was forbidden is on record, as what prevented nothing"""
    world.internet.divert("gru", DNS, "attacker")
    assert world.validate("one.caa.example")["status"] == "valid"
    assert seen(world.wait_for_records("one.caa.example"))["gru"] == (False, True)
    assert caa_refusals(world, "one.caa.example") == [["gru", "one.caa.example", '0 issue ";"', "t", "t"]]


def test_caa_forbids_at_two(world):
    """C-39, C-51: the issuance that was prevented is on record with each perspective that saw the records"""
    world.internet.divert("gru", DNS, "attacker")
    world.internet.divert("jnb", DNS, "attacker")
    assert "2 of 4" in world.refused("two.caa.example", problem="caa")
    found = seen(world.wait_for_records("two.caa.example"))
    assert found["gru"] == found["jnb"] == (False, True) and found["ams"] == SEES
    assert caa_refusals(world, "two.caa.example") == [[name, "two.caa.example", '0 issue ";"', "t", "f"] for name in ("gru", "jnb")]
    world.replay()


def test_one_is_dead(world):
    """C-56"""
    with world.remotes["jnb"].stopped():
        begun = time.monotonic()
        assert world.validate("dead.example")["status"] == "valid"
        assert time.monotonic() - begun < 5
        assert seen(world.wait_for_records("dead.example"))["jnb"] == SEES_NOT
    world.replay()


def first_record(world, name):
    """Of the first perspective's validations of the name the first one: its problem, its detail, and by what it was decided."""
    row = world.ca.sql("SELECT problem, detail, p.attempts FROM log.validation r JOIN log.validation_private p USING (id) "
                       f"WHERE identifier_value = '{name}' AND perspective = 'nyc' ORDER BY id LIMIT 1")
    return (row[0][0], row[0][1], json.loads(row[0][2])["basis"]) if row else None


def waits(world, name):
    """Begins a validation that meets a fault of ours, and gives the authorization's URL when that is on record."""
    _, url = world.begin(name)
    end = time.monotonic() + 60
    while (found := first_record(world, name)) is None:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert found[0] == "SERVER_INTERNAL" and "own resolver or network does not work" in found[1] and found[2]["cut_off"], found
    assert world.client.post(url).json()["status"] == "pending"
    return url


def test_a_resolver_that_is_cut_off_is_our_fault(world):
    """Issue 4.6, A-101: nobody's authorization ends by it, and it becomes valid when the way is there again"""
    world.internet.cut("ca", DNS)
    url = waits(world, "cut-off.example")
    world.internet.restore()
    assert world.end(url, 90)["status"] == "valid"
    world.replay()


def test_an_uplink_that_is_down_is_our_fault(world):
    """Issue 4.6, A-101: no route to anywhere; the names are known still"""
    ca = world.internet.networks["ca"]
    way = f"default via 10.77.{world.internet.number('ca')}.1"
    ca.ip("route del " + way)
    try:
        ca.ip(f"route add {DNS}/32 via 10.77.{world.internet.number('ca')}.1")  # the resolver stands inside
        url = waits(world, "no-uplink.example")
    finally:
        ca.ip(f"route del {DNS}/32")
        ca.ip("route add " + way)
    assert world.end(url, 90)["status"] == "valid"
    world.replay()


def test_a_host_that_can_not_be_reached_is_not_our_fault(world):
    """A-108, issue 4.6: where we have no IPv6 at all, IPv4 is tried; without any the client is told"""
    world.add("dns", "six", "AAAA", "2600::1")
    detail = world.refused("six.example", problem="connection")
    assert "There is no IPv6 where this is validated from" in detail and "2600::1" in detail, detail
    world.add("dns", "both", "AAAA", "2600::1")
    world.add("dns", "both", "A", WEB)
    assert world.validate("both.example")["status"] == "valid"
    world.internet.cut("ca", WEB)
    assert "Timeout during connect" in world.refused("gone.example", problem="connection")
    world.replay()


def test_two_are_dead_and_nothing_is_concluded(world):
    """The authorization waits until there is a quorum again. C-57"""
    with world.remotes["jnb"].stopped(), world.remotes["gru"].stopped():
        _, url = world.begin("waiting.example")
        time.sleep(3)
        assert world.client.post(url).json()["status"] == "pending"
    assert world.end(url, 60)["status"] == "valid"
    assert world.quorum("waiting.example")[-1] in ("3/4", "4/4")
    world.replay()


def test_one_that_is_slow_is_not_waited_for_and_recorded_later(world):
    """C-59"""
    with world.remotes["sin"].held():
        begun = time.monotonic()
        assert world.validate("late.example")["status"] == "valid"
        assert time.monotonic() - begun < 5
        assert "sin" not in world.records("late.example")
    assert world.wait_for_records("late.example")["sin"] == (True, True, True)
    assert world.quorum("late.example") == ["3/4"]
    world.replay()


def test_two_that_are_slow_are_waited_for_a_bounded_time(world):
    """va.timeout_s and two seconds more. C-56"""
    with world.remotes["sin"].held(), world.remotes["gru"].held():
        begun = time.monotonic()
        _, url = world.begin("slow.example")
        while not world.quorum("slow.example"):
            assert time.monotonic() - begun < 12
            time.sleep(0.1)
        assert time.monotonic() - begun > 4
        assert world.client.post(url).json()["status"] == "pending"
    assert world.end(url, 60)["status"] == "valid"


def test_only_the_first_perspective_may_ask(world):
    """C-55"""
    question = {"validation_id": raw.b64(bytes(16)), "identifier": {"type": "dns", "value": "asked.example"}, "wildcard": False, "check_caa": True,
                "caa_identities": ["ca.test"], "account_url": "https://ca.test/acme/account/1"}

    def ask(caller):
        folder = os.path.join(world.ca.state, "pki", "internal")
        identity = ["--cert", f"{folder}/{caller}/{caller}.pem", "--key", f"{folder}/{caller}/{caller}.key"] if caller else []
        done = subprocess.run(["curl", "-sS", "-m", "60", "--noproxy", "*", "--cacert", f"{folder}/ca.pem", *identity, "--connect-to",
                               f"perspective-ams:443:{world.address('ams')}", "-H", "Content-Type: application/json", "-d", json.dumps(question), "-w", "\n%{http_code}",
                               f"https://perspective-ams/{test_rpc.SERVICES['cairn-va']}/Validate"], capture_output=True, text=True, check=False)
        return done.stdout

    for caller in (None, "cairn-wfe", "cairn-ra", "cairn-ca", "perspective-sin", "perspective-ams"):
        assert ask(caller).endswith("\n403"), caller
    assert ask("cairn-va").endswith("\n200"), ask("cairn-va")


def test_another_certificate_at_the_address_of_a_perspective(world):
    """Who sits there cannot answer for it: "gru" has the key of "sin". C-55"""
    gru, sin = world.remotes["gru"], world.remotes["sin"]
    own = os.path.join(gru.folder, "perspective-gru")
    gru.stop()
    os.rename(own, own + ".own")
    shutil.copytree(os.path.join(sin.folder, "perspective-sin"), own)
    for kind in ("pem", "key"):
        os.rename(f"{own}/perspective-sin.{kind}", f"{own}/perspective-gru.{kind}")
    gru.start()
    try:
        assert world.validate("impostor.example")["status"] == "valid"
        assert seen(world.wait_for_records("impostor.example"))["gru"] == SEES_NOT
    finally:
        gru.stop()
        shutil.rmtree(own)
        os.rename(own + ".own", own)
        gru.start()


@contextlib.contextmanager
def replaced(remote, name):
    """The remote one starts with this certificate in place of its own, the file NAME.pem with NAME.key; afterwards with its own again."""
    own = os.path.join(remote.folder, f"perspective-{remote.name}", f"perspective-{remote.name}")
    remote.stop()
    for kind in ("pem", "key"):
        os.rename(f"{own}.{kind}", f"{own}.{kind}.own")
        shutil.copy(f"{name}.{kind}", f"{own}.{kind}")
    remote.start()
    yield
    remote.stop()
    for kind in ("pem", "key"):
        os.replace(f"{own}.{kind}.own", f"{own}.{kind}")
    remote.start()


def test_a_certificate_of_a_foreign_ca(world, tmp_path):
    """It has the right name, from somebody else. C-55"""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=tmp_path)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=Cairn internal CA", "-keyout", "ca.key",
            "-out", "ca.pem")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=perspective-gru", "-keyout", "own.key", "-out", "own.csr")
    (tmp_path / "more").write_text("subjectAltName=DNS:perspective-gru\nextendedKeyUsage=serverAuth,clientAuth\n")
    openssl("x509", "-req", "-in", "own.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "more", "-out", "own.pem")
    with replaced(world.remotes["gru"], str(tmp_path / "own")):
        assert world.validate("foreign.example")["status"] == "valid"
        assert seen(world.wait_for_records("foreign.example"))["gru"] == SEES_NOT
        assert world.ca.sql("SELECT detail FROM log.validation WHERE identifier_value = 'foreign.example' AND perspective = 'gru'")[0][0].startswith("No answer")
    assert world.validate("own-again.example")["status"] == "valid"
    assert seen(world.wait_for_records("own-again.example"))["gru"] == SEES


def test_one_dies_while_it_validates(world):
    """C-56, C-59"""
    jnb = world.remotes["jnb"]
    with jnb.held():
        assert world.validate("died.example")["status"] == "valid"
        jnb.stop()
        found = world.wait_for_records("died.example")
    jnb.start()
    assert found["jnb"] == (False, False, True)
    world.replay()


def test_two_die_while_they_validate(world):
    """Nothing is concluded; the next round has nothing of this one. C-57"""
    gone = [world.remotes[name] for name in ("jnb", "gru")]
    for remote in gone:
        remote.process.send_signal(signal.SIGSTOP)
    try:
        _, url = world.begin("both-died.example")
        time.sleep(0.5)
        assert world.client.post(url).json()["status"] == "pending"
    finally:
        for remote in gone:
            remote.stop()
            remote.start()
    assert world.end(url, 60)["status"] == "valid"
    assert world.quorum("both-died.example")[-1] in ("3/4", "4/4")
    world.replay()


def test_told_to_end_while_two_hang(world):
    """Issue 4.6, C-59: cairn-va ends in its time, and all that it asked are on record, also who did not answer; the next round stands alone"""
    with world.remotes["sin"].held(), world.remotes["gru"].held():
        _, url = world.begin("ended.example")
        end = time.monotonic() + 60
        while len([host for host, _ in world.web.seen if host == "ended.example"]) < 3:  # by the first one, ams and jnb
            assert time.monotonic() < end
            time.sleep(0.05)
        before = world.ca.kill("cairn-va", signal.SIGTERM)
        world.told_to_end += 1
        begun = time.monotonic()
        while os.path.exists(f"/proc/{before}"):
            assert time.monotonic() - begun < 14
            time.sleep(0.05)
        found = world.wait_for_records("ended.example")
    assert seen(found) == {"ams": SEES, "jnb": SEES, "sin": SEES_NOT, "gru": SEES_NOT}
    assert world.quorum("ended.example")[0] == "2/4"
    world.ca.wait_ready("cairn-va", after=before)
    assert world.end(url, 60)["status"] == "valid"
    world.replay()


def test_a_round_that_was_falsified_does_not_replay(world):
    """C-59: a superuser makes a perspective agree that did not, and one of those that did disagree"""
    world.internet.divert("ams", WEB, "attacker")
    for _ in range(20):
        name = f"falsified-{os.urandom(4).hex()}.example"
        assert world.validate(name)["status"] == "valid"
        if not any(world.wait_for_records(name)[place][2] for place in ("ams", "sin")):
            break  # else it came late, and is no part of the round

    def falsify(passed, place):
        world.ca.sql("ALTER TABLE log.validation DISABLE TRIGGER USER; UPDATE log.validation SET passed = " + passed +
                     f" WHERE identifier_value = '{name}' AND perspective = '{place}'; ALTER TABLE log.validation ENABLE TRIGGER USER", role="cairn_owner")
        done = world.ca.cairn("audit", "replay", "--database", world.ca.AUDITOR_DATABASE_URL, check=False)
        return done.returncode, done.stdout

    for place, wrong in (("ams", "true"), ("sin", "false")):
        code, text = falsify(wrong, place)
        assert code == 1 and "quorum" in text, text
        code, text = falsify("NOT passed", place)
        assert code == 0, text
