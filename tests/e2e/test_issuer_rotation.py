"""Another issuer takes over from one that has certificates out (A-132): these stay revocable, and what they need stays signed by its key."""
import json
import os
import signal
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import raw
import relying_party
from test_renewal import name_of

PLAN = """
title: The next issuer
transcript: {pki}/next.jsonl
steps:
  - {{action: root, name: root, key: p384, common_name: Cairn TEST Root, country: XX, organization: Cairn TEST, days: 3650,
      cert_file: {pki}/root.pem, key_file: {pki}/root.key}}
  - {{action: intermediate, name: ecdsa-2, issuer: root, key: p256, common_name: Cairn TEST ECDSA 2, country: XX, organization: Cairn TEST, days: 1000,
      crl_url: {crl}, aia_url: {aia}, cert_file: {pki}/ecdsa-2.pem, key_file: {pki}/ecdsa-2.key}}
"""


def common_name(name):
    return name.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)[0].value


def crl_of(leaf, issuer):
    """The CRL that the certificate names, which its issuer's key signed."""
    crl = x509.load_der_x509_crl(relying_party.fetch(relying_party.crl_url(leaf)))
    assert crl.is_signature_valid(issuer.public_key()) and crl.issuer == issuer.subject
    return crl


def number(crl):
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def await_entries(leaf, issuer, wanted):
    """Waits until the CRL of the certificate has exactly these, and gives it."""
    end = time.monotonic() + relying_party.REVOKED_WITHIN_S
    crl = crl_of(leaf, issuer)
    while {entry.serial_number for entry in crl} != {one.serial_number for one in wanted}:
        assert time.monotonic() < end, (crl.last_update, [entry.serial_number for entry in crl], [one.serial_number for one in wanted])
        time.sleep(0.1)
        crl = crl_of(leaf, issuer)
    return crl


def make_successor(ca):
    """The issuers of the configuration, ecdsa-1 first, and a new intermediate of the same root beside them."""
    files = [word for file in ca.CONFIG_FILES.split() for word in ("--config", file)]
    issuers = json.loads(ca.cairn("config", "show", "--json", *files).stdout)["ca"]["issuers"]
    issuers.sort(key=lambda one: one["name"] != "ecdsa-1")
    old = issuers[0]
    pki = os.path.dirname(old["cert_file"])
    plan = os.path.join(ca.folder, "plan.yaml")
    with open(plan, "w", encoding="ascii") as f:
        f.write(PLAN.format(pki=pki, crl=old["crl_url"].replace("ecdsa-1", "root"), aia=old["aia_url"].replace("ecdsa-1", "root")))
    ca.cairn("ceremony", plan, "--yes")
    return issuers, {key: value.replace("ecdsa-1", "ecdsa-2") if isinstance(value, str) else value for key, value in old.items()}


def rotate(ca):
    """The new intermediate signs from now on in the place of ecdsa-1."""
    issuers, new = make_successor(ca)
    issuers[0]["active"] = False
    ca.down()
    ca.config["ca"]["issuers"] = issuers + [new]
    ca.up()


@pytest.fixture(scope="module")
def turning(make_ca):
    return make_ca()


def revoke(client, leaf, **members):
    return client.post(client.directory["revokeCert"], {"certificate": raw.b64(leaf.public_bytes(Encoding.DER)), **members})


def test_an_issuer_is_succeeded(turning, responder_for, tmp_path):
    """A-123, A-132, E-22, E-24, E-27: certificates of before are served, renewed and revoked; each CRL has its own issuer's, by its key"""
    answers, member = responder_for(turning), raw.Client(turning)
    assert member.register().status_code == 201
    before = [member.issue(answers, f"n{i}.old.test") for i in range(3)]
    old = [raw.chain(pem)[0] for pem, _, _ in before]
    issuer = raw.chain(before[0][0])[1]
    assert common_name(issuer.subject) == "Cairn TEST ECDSA 1"
    waiting = member.order("waiting.old.test")
    member.validate(waiting.json(), answers)
    number_before = number(crl_of(old[0], issuer))

    rotate(turning)
    member = raw.Client(turning, member.key)
    assert member.register().status_code == 200
    assert member.post(waiting.json()["finalize"], {"csr": raw.b64(raw.csr(["waiting.old.test"])[0])}).status_code == 200
    chains = [raw.chain(member.post(member.post(waiting.headers["Location"]).json()["certificate"]).text)]
    chains += [raw.chain(member.issue(answers, f"n{i}.new.test")[0]) for i in range(4)]
    assert {common_name(leaf.issuer) for leaf, _ in chains} == {"Cairn TEST ECDSA 2"}
    new, successor = [leaf for leaf, _ in chains], chains[0][1]
    assert common_name(successor.subject) == "Cairn TEST ECDSA 2" and successor.public_key().public_numbers() != issuer.public_key().public_numbers()
    assert relying_party.crl_url(new[0]) != relying_party.crl_url(old[0])

    for pem, _, url in before:
        assert member.post(member.post(url).json()["certificate"]).text == pem
    assert revoke(member, old[0], reason=4).status_code == 200
    holder = raw.Client(turning, before[1][1])
    assert revoke(holder, old[1]).status_code == 200
    raw.problem(revoke(member, old[0]), 400, "alreadyRevoked")
    assert revoke(member, new[0]).status_code == 200
    assert number(await_entries(old[0], issuer, old[:2])) > number_before
    await_entries(new[0], successor, new[:1])
    for revoked, which in (True, old[0]), (True, new[0]), (False, old[2]), (False, new[1]):
        done = relying_party.openssl_verify(turning, tmp_path, which, which.extensions.get_extension_for_class(
            x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)[0])
        assert ("certificate revoked" in done.stdout + done.stderr) == revoked and (done.returncode != 0) == revoked, done.stderr

    assert member.get(f"{member.directory['renewalInfo']}/{name_of(old[2])}").status_code == 200
    renewed = member.order("n2.old.test", replaces=name_of(old[2]))
    assert renewed.status_code == 201 and renewed.json()["replaces"] == name_of(old[2])
    assert turning.deaths() == []


class Subscriber(threading.Thread):
    """Orders one certificate after the other, of one profile and with keys of one kind, and keeps them with the stage in which each was
    both ordered and issued; None: cairn-ca started anew meanwhile. It tries nothing again: whatever is refused is a failure."""

    def __init__(self, ca, responder, name, profile, make_key):
        super().__init__()
        self.client, self.responder, self.name_stem, self.profile, self.make_key = raw.Client(ca), responder, name, profile, make_key
        self.stage, self.stopping, self.failures, self.made = "before", False, [], []
        assert self.client.register().status_code == 201
        self.key = make_key()

    def issue(self):
        name = f"n{len(self.made)}.{self.name_stem}.test"
        made = self.client.order(name, profile=self.profile)
        assert made.status_code == 201, made.text
        self.client.validate(made.json(), self.responder)
        done = self.client.post(made.json()["finalize"], {"csr": raw.b64(raw.csr([name], self.key)[0])})
        assert done.status_code == 200, done.text
        final = self.client.poll(made.headers["Location"], ("valid", "invalid")).json()
        assert final["status"] == "valid", final
        return raw.chain(self.client.post(final["certificate"]).text)

    def run(self):
        while not self.stopping and not self.failures:
            stage = self.stage
            try:
                chain = self.issue()
                self.made.append((stage if stage == self.stage else None, *chain))
            except Exception as e:  # the test tells what
                self.failures.append(f"{self.name_stem}, {stage}: {e!r}")

    def issuers(self, stage):
        return {common_name(leaf.issuer).removeprefix("Cairn TEST ") for at, leaf, _ in self.made if at == stage}

    def count(self, stage):
        return sum(at == stage for at, _, _ in self.made)


def go_on(subscribers, stage, count):
    """All of them order so many certificates that belong to this stage."""
    for one in subscribers:
        one.stage = stage
    end = time.monotonic() + 240
    while any(one.count(stage) < count and not one.failures for one in subscribers):
        assert time.monotonic() < end, [one.count(stage) for one in subscribers]
        time.sleep(0.05)
    assert [failure for one in subscribers for failure in one.failures] == []


def take_up(ca, subscribers, issuers):
    """cairn-ca alone starts again, with these."""
    for one in subscribers:
        one.stage = None
    ca.config["ca"]["issuers"] = issuers
    with open(os.path.join(ca.state, "overlay.yaml"), "w", encoding="utf-8") as f:  # what its processes read at each start
        json.dump(ca.config, f)
    before = ca.kill("cairn-ca", signal.SIGTERM)
    ca.wait_ready("cairn-ca", after=before)


def test_rotation_under_way(make_ca, responder_for, tmp_path):
    """D-32, E-22, E-23, E-24: add, prefer, retire while subscribers of three profiles and two kinds of keys go on ordering, of whom none is
    refused anything; an issuer signs for its profiles only; one that is retired still signs its CRLs"""
    ca = make_ca()
    answers = responder_for(ca)
    issuers, new = make_successor(ca)
    old, others = issuers[0], issuers[1:]
    assert {one["name"] for one in others} == {"rsa-1"}
    subscribers = [Subscriber(ca, answers, "ec", "classic", raw.ec_key), Subscriber(ca, answers, "short", "shortlived", raw.ec_key),
                   Subscriber(ca, answers, "rsa", "tlsserver", raw.rsa_key)]
    ec, short, rsa = subscribers
    for one in subscribers:
        one.start()
    try:
        go_on(subscribers, "before", 2)
        take_up(ca, subscribers, [old, *others, {**new, "active": False}])
        crl = x509.load_der_x509_crl(relying_party.fetch(new["crl_url"]))  # its CRL is there before its first certificate
        assert common_name(crl.issuer) == "Cairn TEST ECDSA 2" and len(list(crl)) == 0
        go_on(subscribers, "added", 2)
        take_up(ca, subscribers, [{**old, "profiles": ["classic", "tlsserver"]}, *others, {**new, "profiles": ["shortlived"]}])
        go_on(subscribers, "one profile", 3)
        take_up(ca, subscribers, [old, *others, new])
        go_on(subscribers, "both", 20)
        take_up(ca, subscribers, [{**old, "active": False}, *others, new])
        go_on(subscribers, "retired", 3)
    finally:
        for one in subscribers:
            one.stopping = True
        for one in subscribers:
            one.join(300)
    assert [failure for one in subscribers for failure in one.failures] == []
    for stage in "before", "added":
        assert ec.issuers(stage) == short.issuers(stage) == {"ECDSA 1"}, stage
    assert (ec.issuers("one profile"), short.issuers("one profile")) == ({"ECDSA 1"}, {"ECDSA 2"})
    assert ec.issuers("both") == short.issuers("both") == {"ECDSA 1", "ECDSA 2"}  # by chance: one in a million runs has one alone
    assert ec.issuers("retired") == short.issuers("retired") == {"ECDSA 2"}
    assert {name for stage in ("before", "one profile", "retired") for name in rsa.issuers(stage)} == {"RSA 1"}

    for one, stage in (ec, "before"), (ec, "retired"), (short, "one profile"):
        leaf, issuer = next((leaf, issuer) for at, leaf, issuer in one.made if at == stage)
        assert revoke(one.client, leaf).status_code == 200
        await_entries(leaf, issuer, [leaf] if one is not short else [leaf, next(last for at, last, _ in ec.made if at == "retired")])
    ended = [json.loads(line) for line in ca.deaths()]
    assert [(one["service"], one["status"]) for one in ended] == [("cairn-ca", 0)] * 4  # those of take_up
