"""Names and keys that the policy refuses, from the client's request to the log and the record; lists that change while the CA
runs."""
import hashlib
import os
import signal

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import lists
import raw


@pytest.fixture(scope="module")
def strict(make_ca):
    """A CA whose lists a test may change; it issues below test. only because its development zone is that. With
    http-01 alone there is nothing to offer for a wildcard (A-90)."""
    return make_ca({"policy": {"blocked_names": ["configured.test"], "challenges": ["http-01"]}})


@pytest.fixture
def holder(strict):
    one = raw.Client(strict)
    assert one.register().status_code == 201
    return one


@pytest.fixture(scope="module")
def public(make_ca):
    """A CA in mode webpki."""
    return make_ca(lists.webpki())


@pytest.fixture
def answering(strict, responder_for):
    return responder_for(strict)


def spki_sha256(key):
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def debian_entry(key):
    """How Debian's lists write an RSA key."""
    return hashlib.sha1(f"Modulus={key.public_key().public_numbers().n:X}\n".encode()).hexdigest()[20:]


REFUSED = {
    "name.unicode": "m\u00fcnchen.test",
    "name.fake-a-label": "xn--99zz.test",
    "name.idna": "xn--n3h.test",
    "name.reserved-label": "ab--cd.test",
    "name.underscore": "a_b.test",
    "name.trailing-dot": "a.test.",
    "name.address": "192.0.2.1",
    "name.numeric-tld": "a.1",
    "name.wildcard-form": "a.*.test",
    "name.no-wildcard-challenge": "*.a.test",
    "name.wildcard-suffix": "*.com",
    "name.reserved": "printer.local",
    "name.internal": "intranet",
    "name.nowhere": "a.invalid",
    "name.onion": "a.onion",
    "name.blocked-by-configuration": "www.configured.test",
}


@pytest.mark.parametrize("rule", REFUSED)
def test_refused_names(strict, holder, rule):
    """A-74, A-75, A-76, C-13, C-14, C-74"""
    body = raw.problem(holder.order("fine.test", REFUSED[rule]), 400, "rejectedIdentifier")
    assert [s["identifier"]["value"] for s in body["subproblems"]] == [REFUSED[rule]]
    assert rule not in str(body), "rules are for log and record"
    lists.assert_rule(strict, "new-order", rule)
    assert f'"rule":"{rule}"' in strict.log("cairn-wfe")


def test_many_refused_names(strict, holder):
    """A-44: a subproblem for each, and all rules on record"""
    body = raw.problem(holder.order("a_b.test", "fine.test", "c.invalid", "d_e.test"), 400, "rejectedIdentifier")
    assert [s["identifier"]["value"] for s in body["subproblems"]] == ["a_b.test", "c.invalid", "d_e.test"]
    lists.assert_rule(strict, "new-order", "name.underscore,name.nowhere")
    assert "xn--mnchen-3ya.test" in holder.order("m\u00fcnchen.test").json()["detail"]


def test_types(holder):
    """A-74, B-47: what no challenge can validate is of no supported type"""
    for kind, value in ("email", "a@b.test"), ("DNS", "a.test"), ("IP", "9.9.9.9"):
        answer = holder.post(holder.directory["newOrder"], {"identifiers": [{"type": kind, "value": value}]})
        raw.problem(answer, 400, "unsupportedIdentifier")


@pytest.mark.parametrize("name,rule", [("a.test", "name.reserved"), ("co.uk", "name.public-suffix"), ("*.co.uk", "name.wildcard-suffix"),
                                       ("intranet", "name.internal"), ("1.in-addr.arpa", "name.reverse-zone")])
def test_webpki(public, name, rule):
    """C-13, C-14: what the Baseline Requirements forbid can't be ordered, whatever the configuration says"""
    one = raw.Client(public)
    assert one.register().status_code == 201
    raw.problem(one.order(name), 400, "rejectedIdentifier")
    lists.assert_rule(public, "new-order", rule)
    assert one.order("www.example.com").status_code == 201


def test_addresses_live_shortly(public):
    """B-12, B-11: in mode webpki only where a certificate lives for a week at most, and never a special one"""
    one = raw.Client(public)
    assert one.register().status_code == 201
    raw.problem(one.order_addresses("9.9.9.9"), 400, "invalidProfile")
    lists.assert_rule(public, "new-order", "ip.life")
    raw.problem(one.order_addresses("9.9.9.9", profile="tlsserver"), 400, "invalidProfile")
    assert one.order_addresses("9.9.9.9", profile="shortlived").status_code == 201
    for special in "10.0.0.1", "127.0.0.1", "192.0.2.1", "100.64.0.1", "2001:db8::1", "fc00::1":
        raw.problem(one.order_addresses(special, profile="shortlived"), 400, "rejectedIdentifier")
        lists.assert_rule(public, "new-order", "ip.special")


def test_lists_change_while_it_runs(strict, holder):
    """C-74: at SIGHUP; a broken list keeps the one of before, and says where it is broken"""
    assert holder.order("new.test").status_code == 201
    lists.put(strict, own__names="[domains]\nnew.test\n[exact]\nwww.one.test\n[labels]\nwpad\n")
    for name, rule in ("a.new.test", "name.blocked"), ("www.one.test", "name.blocked-exact"), ("wpad.a.test", "name.blocked-label"):
        raw.problem(holder.order(name), 400, "rejectedIdentifier")
        lists.assert_rule(strict, "new-order", rule)
    lists.put(strict, good=False, own__names="[domains]\nother.test\nbroken name\n")
    assert "own.names:3:" in strict.log("cairn-ra")
    raw.problem(holder.order("new.test"), 400, "rejectedIdentifier")
    assert holder.order("other.test").status_code == 201
    done = strict.cairn("config", "check", "--config", os.path.join(strict.state, "cairn.yaml"), check=False)
    assert done.returncode == 1 and "own.names:3:" in done.stderr
    lists.put(strict, own__names=None)
    assert holder.order("new.test").status_code == 201


def test_names_blocked_since(strict, holder, answering):
    """C-74: a name that was blocked after its authorization gets no certificate; the order can still be finished later"""
    made = holder.order("since.test")
    holder.validate(made.json(), answering)
    der, _ = raw.csr(["since.test"])
    lists.put(strict, own__names="[domains]\nsince.test\n")
    body = raw.problem(holder.post(made.json()["finalize"], {"csr": raw.b64(der)}), 400, "rejectedIdentifier")
    assert body["subproblems"][0]["identifier"]["value"] == "since.test"
    lists.assert_rule(strict, "finalize", "name.blocked")
    lists.put(strict, own__names=None)
    assert holder.post(made.json()["finalize"], {"csr": raw.b64(der)}).status_code == 200
    assert holder.poll(made.headers["Location"], ("valid", "invalid")).json()["status"] == "valid"


def issuer_public_key(ca):
    with open(os.path.join(ca.state, "pki", "ecdsa-1.key"), "rb") as f:
        return serialization.load_pem_private_key(f.read(), None)


def test_refused_keys(strict, holder, answering):
    """F-20, F-23, F-24, F-25, F-26, E-16: at finalize and at newAccount; the order stays ready (A-114)"""
    blocked, weak = raw.ec_key(), raw.rsa_key()
    lists.put(strict, public__spki=f"# from a list\n{spki_sha256(blocked)}\n", **{"blacklist__RSA-2048": debian_entry(weak) + "\n"})
    made = holder.order("keys.test")
    holder.validate(made.json(), answering)
    keys = {"key.blocked": blocked, "key.debian": weak, "key.own": issuer_public_key(strict), "key.of-account": holder.key,
            "key.kind": ec.generate_private_key(ec.SECP521R1()), "key.rsa-size-certificate": raw.rsa_key(2056)}
    for rule, key in keys.items():
        der, _ = raw.csr(["keys.test"], key)
        raw.problem(holder.post(made.json()["finalize"], {"csr": raw.b64(der)}), 400, "badCSR")
        lists.assert_rule(strict, "finalize", rule)
    assert holder.post(made.headers["Location"]).json()["status"] == "ready"
    for rule in "key.blocked", "key.debian", "key.own":
        raw.problem(raw.Client(strict, keys[rule]).register(), 400, "badPublicKey")
        lists.assert_rule(strict, "new-account", rule)
    lists.put(strict, public__spki=None, **{"blacklist__RSA-2048": None})
    der, _ = raw.csr(["keys.test"], weak)
    assert holder.post(made.json()["finalize"], {"csr": raw.b64(der)}).status_code == 200


def test_compromised_key(strict, holder, answering):
    """E-13, F-24: a key whose certificate was revoked by the key itself"""
    chain, key, _ = holder.issue(answering, "burnt.test")
    der = raw.chain(chain)[0].public_bytes(serialization.Encoding.DER)
    one = raw.Client(strict, key)
    assert one.post(one.directory["revokeCert"], {"certificate": raw.b64(der)}).status_code == 200
    made = holder.order("burnt.test")
    again, _ = raw.csr(["burnt.test"], key)
    raw.problem(holder.post(made.json()["finalize"], {"csr": raw.b64(again)}), 400, "badCSR")
    lists.assert_rule(strict, "finalize", "key.compromised")
    raw.problem(raw.Client(strict, key).register(), 400, "badPublicKey")
    lists.assert_rule(strict, "new-account", "key.compromised")


def test_broken_lists_keep_the_process_from_starting(strict, holder):
    """A start has no list of before to fall back on: nothing is issued until it is in order"""
    assert strict.deaths() == []
    path = os.path.join(strict.state, "lists", "own.names")
    with open(path, "w", encoding="ascii") as f:
        f.write("[exakt]\n")
    put = strict.log("cairn-ra").count("the process can't run")
    before = strict.kill("cairn-ra", signal.SIGTERM)
    lists.wait_for("it starts all the same", lambda: strict.log("cairn-ra").count("the process can't run") > put)
    os.unlink(path)
    strict.wait_ready("cairn-ra", after=before)
    lists.wait_for("no orders are taken", lambda: holder.order("again.test").status_code == 201)
