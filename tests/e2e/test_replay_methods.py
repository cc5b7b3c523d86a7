"""`cairn audit replay` of each method, for names, wildcards and addresses: all agree, and one octet of evidence that was changed is found."""
import base64
import hashlib
import json

import pytest

import alpn_responder
import raw
import responder as responder_module
from name_server import TOP, ZONE
from test_audit import counts, digest, order_id
from test_onion import Service

METHODS = ["http-01", "dns-01", "tls-alpn-01", "dns-account-01", "dns-persist-01", "onion-csr-01"]


@pytest.fixture(scope="module")
def every(make_ca, server):
    """A CA that offers every method, for addresses of loopback too."""
    return make_ca({"va": {"resolvers": [{"zone": TOP, "forward": server.forward, "dnssec": "off"}]},
                    "ra": {"validation_attempts": 1}, "acme": {"caa_identities": ["ca.test"]},
                    "policy": {"challenges": METHODS, "permitted_networks": ["127.0.0.0/30", "::1/128"]}})


@pytest.fixture(scope="module")
def owner(every):
    one = raw.Client(every)
    assert one.register().status_code == 201
    return one


@pytest.fixture(scope="module")
def hosts(every):
    """By method: what answers it on the loopback addresses."""
    web = [responder_module.Responder(int(every.HTTP01_PORT), host) for host in ("127.0.0.1", "::1")]
    web[1].tokens = web[0].tokens
    alpn = alpn_responder.AlpnResponder(int(every.TLSALPN01_PORT), ("127.0.0.1", "::1"))
    yield {"http-01": web[0], "tls-alpn-01": alpn}
    for one in (*web, alpn):
        one.close()


def answer(owner, hosts, server, method, name, challenge, wrong):
    """Answers the challenge as a client would, or by what is wrong; gives the payload of the response."""
    below = name.removeprefix("*.").removesuffix("." + ZONE)
    if method == "onion-csr-01":
        return {"csr": hosts[name.removeprefix("*.")].request(base64.b64decode(challenge["nonce"]) if not wrong else b"another one")}
    if method == "dns-persist-01":
        server.add(ZONE, f"_validation-persist.{below}", "TXT",
                   f'"ca.test; accounturi={owner.kid}{"x" if wrong else ""}; policy=wildcard"')
        return {}
    text = "not this" if wrong else owner.key_authorization(challenge["token"])
    if method == "http-01":
        hosts[method].tokens[challenge["token"]] = text
    elif method == "tls-alpn-01":
        hosts[method].tokens[name] = text
    elif method == "dns-01":
        server.add(ZONE, f"_acme-challenge.{below}", "TXT", digest(text))
    else:
        # draft-ietf-acme-dns-account-label 3.2
        label = base64.b32encode(hashlib.sha256(owner.kid.encode()).digest()[:10]).decode().lower()
        server.add(ZONE, f"_{label}._acme-challenge.{below}", "TXT", digest(text))
    return {}


CASES = [("http-01", f"h.replay.{ZONE}"), ("http-01", "127.0.0.1"), ("http-01", "::1"),
         ("tls-alpn-01", f"t.replay.{ZONE}"), ("tls-alpn-01", "127.0.0.1"), ("tls-alpn-01", "::1"),
         ("dns-01", f"d.replay.{ZONE}"), ("dns-01", f"*.dw.replay.{ZONE}"),
         ("dns-account-01", f"a.replay.{ZONE}"), ("dns-account-01", f"*.aw.replay.{ZONE}"),
         ("dns-persist-01", f"p.replay.{ZONE}"), ("dns-persist-01", f"*.pw.replay.{ZONE}"),
         ("onion-csr-01", "ONION"), ("onion-csr-01", "*.ONION")]


@pytest.mark.parametrize("method, name", CASES)
def test_it_agrees(every, owner, hosts, server, method, name):
    """F-43, G-3: one that passed and one that failed, by each method"""
    for wrong in (False, True):
        ordered = name
        if "ONION" in name:
            service = Service()
            hosts[service.name] = service
            ordered = name.replace("ONION", service.name)
        elif wrong and name[0] not in "1:":
            ordered = name.replace(".replay.", ".wrong.replay.")
        made = owner.order_addresses(ordered) if ordered[0] in "1:" else owner.order(ordered)
        assert made.status_code == 201, made.text
        (url,) = made.json()["authorizations"]
        if owner.post(url).json()["status"] == "valid":  # of an address, by another method
            assert owner.post(url, {"status": "deactivated"}).status_code == 200
            made = owner.order_addresses(ordered)
            (url,) = made.json()["authorizations"]
        challenge = owner.challenge(url, method)
        assert owner.post(challenge["url"], answer(owner, hosts, server, method, ordered, challenge, wrong)).status_code == 200
        status = owner.poll(url, ("valid", "invalid")).json()
        assert status["status"] == ("invalid" if wrong else "valid"), status
        found = counts(every, "--order", order_id(made))
        assert (found["records"], found["same"], found["different"]) == (1, 1, 0), found
        check_changed(every, ordered.removeprefix("*."), order_id(made))
    assert counts(every)["different"] == 0


def check_changed(ca, value, order):
    """One octet of the evidence, in whichever column the answer is, is found; and so is one of a text that nothing is decided by."""
    ((key, resolutions, attempts),) = ca.sql("SELECT p.id, p.resolutions, p.attempts FROM log.validation JOIN log.validation_private p "
                                             f"USING (id) WHERE identifier_value = '{value}' ORDER BY id DESC LIMIT 1")
    for column, text in (("resolutions", resolutions), ("attempts", attempts)):
        at = text.find('"duration_us":')
        if at < 0:
            continue
        at += len('"duration_us":')
        other = text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1:]
        assert json.loads(other)
        quoted, before = other.replace("'", "''"), text.replace("'", "''")
        ca.sql(f"UPDATE log.validation_private SET {column} = '{quoted}' WHERE id = '{key}'", role="cairn_owner")
        found = counts(ca, "--order", order, code=1)
        ca.sql(f"UPDATE log.validation_private SET {column} = '{before}' WHERE id = '{key}'", role="cairn_owner")
        assert found["different"] == 1 and "evidence" in [d["what"] for d in found["differing"][0]["differences"]], found
    assert counts(ca, "--order", order)["different"] == 0
