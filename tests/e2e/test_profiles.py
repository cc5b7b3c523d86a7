"""Profiles (draft-ietf-acme-profiles) as clients and operators meet them: B-20 to B-25."""
import datetime
import json
import time

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

import raw
from test_eab import binding, cairn, create

# life in seconds, common name, subjectKeyIdentifier, keyEncipherment for RSA keys
GOLDEN = {"classic": (90 * 86400, True, True, True), "tlsserver": (45 * 86400, False, False, False),
          "shortlived": (160 * 3600, False, False, False)}


def issue(client, responder, name, key=None, **members):
    made = client.order(name, **members)
    assert made.status_code == 201, made.text
    client.validate(made.json(), responder)
    done = client.post(made.json()["finalize"], {"csr": raw.b64(raw.csr([name], key)[0])})
    assert done.status_code == 200, done.text
    return done.json(), raw.chain(client.post(done.json()["certificate"]).text)[0]


def has(leaf, kind):
    return any(isinstance(e.value, kind) for e in leaf.extensions)


def test_each_profile_gives_its_certificates(ca, account, responder):
    """B-20, B-24: what the directory advertises can be ordered, and is what it is said to be"""
    assert set(account.directory["meta"]["profiles"]) == set(GOLDEN)
    assert all(account.directory["meta"]["profiles"].values())
    for profile, (life, common_name, subject_key_id, key_encipherment) in GOLDEN.items():
        order, leaf = issue(account, responder, f"{profile}.test", raw.rsa_key(), profile=profile)
        assert order["profile"] == profile
        assert (leaf.not_valid_after - leaf.not_valid_before).total_seconds() + 1 == life
        assert bool(leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)) == common_name
        assert has(leaf, x509.SubjectKeyIdentifier) == subject_key_id
        assert leaf.extensions.get_extension_for_class(x509.KeyUsage).value.key_encipherment == key_encipherment


def test_default_and_unknown(ca, account):
    """B-21, B-22"""
    assert account.order("a.test").json()["profile"] == "classic"
    for name in ("Classic", "", "other"):
        raw.problem(account.order("a.test", profile=name), 400, "invalidProfile")
    raw.problem(account.order("a.test", profile=1), 400, "malformed")
    many = [f"n{i}.test" for i in range(26)]
    raw.problem(account.order(*many, profile="tlsserver"), 400, "invalidProfile")
    assert account.order(*many[:25], profile="tlsserver").status_code == 201


@pytest.fixture(scope="module")
def own_ca(make_ca):
    return make_ca({"policy": {"profiles": [{"name": "classic"}, {"name": "brief", "life": "6d", "identifier_types": ["dns"],
                                                                  "order_life": "1h", "authorization_life": "1h", "key_types": ["ecdsa"],
                                                                  "backdate_s": 7200}]}})


def apply(ca, *profiles):
    """Stops the CA and starts it with these profiles."""
    ca.down()
    ca.config["policy"]["profiles"] = list(profiles)
    ca.up()


def test_what_a_profile_does_not_take(own_ca, responder_for):
    """B-21, B-24: kinds of identifiers and of keys; authorizations that are used again for a shorter time"""
    client, answers = raw.Client(own_ca), responder_for(own_ca)
    client.register()
    address = {"identifiers": [{"type": "ip", "value": "8.8.8.8"}], "profile": "brief"}
    raw.problem(client.post(client.directory["newOrder"], address), 400, "invalidProfile")
    made = client.order("keys.test", profile="brief")
    client.validate(made.json(), answers)
    refused = client.post(made.json()["finalize"], {"csr": raw.b64(raw.csr(["keys.test"], raw.rsa_key())[0])})
    assert "profile" in raw.problem(refused, 400, "badCSR")["detail"]
    # the one that classic uses again would be too old for brief within the hour that an order needs
    assert client.order("keys.test").json()["status"] == "ready"
    (proved,) = made.json()["authorizations"]
    assert proved not in client.order("keys.test", "more.keys.test", profile="brief").json()["authorizations"]


def test_when_certificates_begin(own_ca, responder_for):
    """B-24, D-35: so long before the signature as the profile says, and the life counts from there"""
    client, answers = raw.Client(own_ca), responder_for(own_ca)
    client.register()
    for profile, back_s, life in ("classic", 3600, 90 * 86400), ("brief", 7200, 6 * 86400):
        before = time.time()
        _, leaf = issue(client, answers, f"{profile}.begins.test", profile=profile)
        begins = leaf.not_valid_before.replace(tzinfo=datetime.timezone.utc).timestamp()
        assert before - 1 <= begins + back_s <= time.time()
        assert (leaf.not_valid_after - leaf.not_valid_before).total_seconds() + 1 == life


def test_withdrawn_and_allowed(own_ca, responder_for):
    """B-23: orders outlive the offer. B-25: who may use a profile, by account or external account key, told before asking too"""
    ana, ben, eve = raw.Client(own_ca), raw.Client(own_ca), raw.Client(own_ca)
    key = create(own_ca, "--repeated")
    answers = responder_for(own_ca)
    assert ana.register().status_code == 201
    assert ben.register(externalAccountBinding=binding(ben, key)).status_code == 201
    assert eve.register().status_code == 201
    waiting = ana.order("waits.test", profile="brief")
    ana.validate(waiting.json(), answers)
    taken = eve.order("taken.test")
    eve.validate(taken.json(), answers)
    account = ana.kid.rpartition("/")[2]
    apply(own_ca, {"name": "brief", "life": "6d", "withdrawn": True},
          {"name": "classic", "accounts": [account], "eab_keys": [key["key_id"]]}, {"name": "open"})
    for client in (ana, ben, eve):
        client.nonces = []
    assert set(ana.get(own_ca.DIRECTORY_URL).json()["meta"]["profiles"]) == {"classic", "open"}

    raw.problem(ana.order("b.test", profile="brief"), 400, "invalidProfile")
    done = ana.post(waiting.json()["finalize"], {"csr": raw.b64(raw.csr(["waits.test"])[0])})
    assert done.status_code == 200 and done.json()["status"] == "valid", done.text
    assert ana.order("a.test").json()["profile"] == "classic"  # the first that is not withdrawn
    assert ben.order("a.test").status_code == 201
    assert "classic" in raw.problem(eve.order("a.test"), 403, "unauthorized")["detail"]
    assert eve.order("a.test", profile="open").status_code == 201
    raw.problem(eve.post(taken.json()["finalize"], {"csr": raw.b64(raw.csr(["taken.test"])[0])}), 403, "unauthorized")

    def tested(who, *words):
        answer = cairn(own_ca, "policy", "test", *who, "--names", "a.test", *words, "--json", check=False)
        return json.loads(answer.stdout)["allowed"]
    assert tested(["--account", account]) and tested(["--account", ben.kid]) and tested(["--eab-key", key["key_id"]])
    assert not tested(["--account", eve.kid]) and tested(["--account", eve.kid], "--profile", "open")
    gone = cairn(own_ca, "policy", "test", "--account", account, "--names", "a.test", "--profile", "brief", check=False)
    assert gone.returncode == 1 and "brief" in gone.stderr
