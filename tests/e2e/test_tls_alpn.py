"""tls-alpn-01 (RFC 8737) through all processes, and what is kept of it."""
import hashlib
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import alpn_responder
import raw


@pytest.fixture
def alpn(ca):
    one = alpn_responder.AlpnResponder(int(ca.TLSALPN01_PORT))
    yield one
    one.close()


def begin(account, name):
    """An order for the name: its JSON, the URL of its authorization, and the challenge."""
    made = account.order(name)
    assert made.status_code == 201, made.text
    url = made.json()["authorizations"][0]
    return made.json(), url, account.challenge(url, "tls-alpn-01")


def attempt(account, alpn, name):
    """The challenge as it ended."""
    _, url, challenge = begin(account, name)
    alpn.tokens.setdefault(name, account.key_authorization(challenge["token"]))
    assert account.post(challenge["url"], {}).status_code == 200
    assert account.poll(url, ("valid", "invalid")).json()["status"] in ("valid", "invalid")
    return account.challenge(url, "tls-alpn-01")


def test_issue_and_evidence(ca, account, alpn):
    """B-1, B-2, B-3, B-4, C-3, F-41, F-42, F-43: the certificate that was shown is the answer that is kept"""
    name = "one.alpn.test"
    order, url, challenge = begin(account, name)
    account.validate(order, alpn, "tls-alpn-01")
    assert alpn.seen == [name]
    assert [c["type"] for c in account.post(url).json()["challenges"]] == ["tls-alpn-01"]
    der, _ = raw.csr([name])
    assert account.post(order["finalize"], {"csr": raw.b64(der)}).status_code == 200
    shown = alpn.given[0].public_bytes(Encoding.DER)
    ((method, rule, digest, octets, caa, attempts),) = ca.sql(
        "SELECT v.method, v.rule, encode(v.answer_sha256, 'hex'), v.answer_octets, v.caa->>'checked', p.attempts FROM log.validation v "
        f"JOIN log.validation_private p USING (id) WHERE v.identifier_value = '{name}' AND v.proof = 'control'")
    assert (method, rule, caa) == ("tls-alpn-01", "BR 3.2.2.4.20", "true")
    assert (digest, octets) == (hashlib.sha256(shown).hexdigest(), str(len(shown)))
    (one,) = json.loads(attempts)["attempts"]
    assert (one["host"], one["server_name"], one["alpn"], one["tls_version"]) == (name, name, "acme-tls/1", "TLSv1.3")
    assert one["address_used"] in one["addresses_resolved"] and one["port"] == int(ca.TLSALPN01_PORT)
    assert raw.unb64(one["tls_certificate"]) == shown
    assert challenge["token"] not in str(one)


WRONG = {
    "two": ({"names": ["two.alpn.test", "other.alpn.test"]}, "unauthorized", 'has the subjectAltName "two.alpn.test" and others'),
    "another": ({"names": ["other.alpn.test"]}, "unauthorized", "where another.alpn.test alone is expected"),
    "loose": ({"critical": False}, "unauthorized", "not critical"),
}


@pytest.mark.parametrize("label", WRONG)
def test_wrong_certificates(account, alpn, label):
    """B-3, B-4: what is wrong is said"""
    changes, kind, detail = WRONG[label]
    alpn.changes = changes
    error = attempt(account, alpn, f"{label}.alpn.test")["error"]
    assert error["type"].endswith(":" + kind) and detail in error["detail"] and "127.0.0.1" in error["detail"], error


def test_wrong_digest(account, alpn):
    """B-4"""
    alpn.tokens["digest.alpn.test"] = "another"
    error = attempt(account, alpn, "digest.alpn.test")["error"]
    assert error["type"].endswith(":unauthorized") and "another digest" in error["detail"], error


def test_no_agreement_on_the_protocol(account, alpn):
    """B-2"""
    alpn.protocols = ["http/1.1"]
    error = attempt(account, alpn, "protocol.alpn.test")["error"]
    assert error["type"].endswith(":unauthorized") and "acme-tls/1" in error["detail"], error


def test_nobody_listens(account):
    """A-109"""
    _, url, challenge = begin(account, "nobody.alpn.test")
    assert account.post(challenge["url"], {}).status_code == 200
    assert account.poll(url, ("invalid",)).json()["status"] == "invalid"
    error = account.challenge(url, "tls-alpn-01")["error"]
    assert error["type"].endswith(":connection") and "Connection refused" in error["detail"], error


def test_not_for_wildcards(account):
    """B-5"""
    made = account.order("*.wild.alpn.test", "wild.alpn.test").json()
    offered = [[c["type"] for c in account.post(url).json()["challenges"]] for url in made["authorizations"]]
    assert offered == [["dns-01"], ["http-01", "dns-01", "tls-alpn-01"]]
