"""dns-01, several challenges an authorization, and wildcards: with a real name server that the validation authority asks."""
import base64
import hashlib
import json
import threading

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

import raw
from name_server import BROKEN, OTHER, SIGNED, TOP, ZONE


@pytest.fixture
def client(dns_ca):
    one = raw.Client(dns_ca)
    assert one.register().status_code == 201
    return one


@pytest.fixture
def validations(dns_ca):
    return dns_ca.validations


def ordered(client, *names):
    made = client.order(*names)
    assert made.status_code == 201, made.text
    return made


def types(authorization):
    return [challenge["type"] for challenge in authorization["challenges"]]


def digest(client, token):
    return raw.b64(hashlib.sha256(client.key_authorization(token).encode()).digest())


def start(client, url):
    """Responds to dns-01 of an authorization and gives what became of it."""
    challenge = client.challenge(url, "dns-01")
    assert client.post(challenge["url"], {}).status_code == 200
    return client.poll(url, ("valid", "invalid")).json()


def prove(client, server, label, url):
    token = client.challenge(url, "dns-01")["token"]
    server.add(ZONE, f"_acme-challenge.{label}", "TXT", digest(client, token))
    return start(client, url)


def error_of(authorization):
    assert authorization["status"] == "invalid", authorization
    (challenge,) = authorization["challenges"]
    return challenge["error"]["type"].rpartition(":")[2], challenge["error"]["detail"]


def test_what_is_offered(client):
    """A-89, A-90, A-91, A-97: of a wildcard only methods that look for records; two authorizations for base and wildcard"""
    order = ordered(client, f"offer.{ZONE}", f"*.offer.{ZONE}").json()
    base, wild = (client.post(url).json() for url in order["authorizations"])
    assert base["identifier"] == wild["identifier"] == {"type": "dns", "value": f"offer.{ZONE}"}
    assert "http-01" in types(base) and "dns-01" in types(base) and not base.get("wildcard")
    assert types(wild) == ["dns-01"] and wild["wildcard"] is True
    tokens = [c["token"] for a in (base, wild) for c in a["challenges"]]
    assert len(set(tokens)) == len(tokens) and all(len(raw.unb64(t)) == 32 for t in tokens)
    urls = [c["url"] for a in (base, wild) for c in a["challenges"]]
    assert len(set(urls)) == len(urls)


def test_base_and_wildcard(dns_ca, client, server, validations):
    """A-89, A-91, A-92, A-93, A-110, C-3, C-5, F-42, F-43, G-3"""
    names = (f"both.{ZONE}", f"*.both.{ZONE}")
    made = ordered(client, *names)
    order = made.json()
    for url in order["authorizations"]:
        final = prove(client, server, "both", url)
        assert final["status"] == "valid" and types(final) == ["dns-01"], final
        assert final["challenges"][0]["status"] == "valid" and final["challenges"][0]["validated"]
        challenge = final["challenges"][0]
        answer = client.post(challenge["url"])
        assert answer.status_code == 200 and answer.json()["token"] == challenge["token"]
    der, _ = raw.csr(names)
    done = client.post(order["finalize"], {"csr": raw.b64(der)})
    assert done.status_code == 200, done.text
    final = client.poll(made.headers["Location"], ("valid", "invalid")).json()
    leaf = raw.chain(client.post(final["certificate"]).text)[0]
    san = leaf.extensions.get_extension_for_class(raw.x509.SubjectAlternativeName).value
    assert san.get_values_for_type(raw.x509.DNSName) == list(names)
    base, wild = validations(f"both.{ZONE}")
    assert [base["wildcard"], wild["wildcard"]] == [False, True]
    for row in (base, wild):
        assert row["method"] == "dns-01" and "3.2.2.4.7" in row["rule"] and row["passed"] and row["proof"] == "control"
        assert row["caa"]["checked"] and row["started_at"] <= row["ended_at"] and row["dnssec"] == "off"
        assert json.loads(row["attempts"])["attempts"] == []
        (txt,) = [r for r in json.loads(row["resolutions"])["resolutions"] if r["type"] == "TXT"]
        assert txt["name"] == f"_acme-challenge.both.{ZONE}" and txt["resolver"] == server.forward and txt["rcode"] == 0
        assert txt["dnssec"] == "off" and txt["duration_us"] >= 0 and txt["started_at"]
        packet = raw.unb64(txt["raw"])
        assert hashlib.sha256(packet).digest() == bytes(row["answer_sha256"]) and len(packet) == row["answer_octets"]
    (first,), second = ([r["answers"] for r in json.loads(row["resolutions"])["resolutions"] if r["type"] == "TXT"][0] for row in (base, wild))
    assert len(second) == 2 and first in second  # every record that was seen


def test_a_valid_base_does_not_cover_the_wildcard(client, server):
    """A-91, A-84, C-6, C-12: what was validated serves that name alone, neither its wildcard nor a name below it"""
    url = ordered(client, f"apart.{ZONE}").json()["authorizations"][0]
    assert prove(client, server, "apart", url)["status"] == "valid"
    again = ordered(client, f"apart.{ZONE}").json()
    assert again["status"] == "ready" and again["authorizations"] == [url]
    wild = ordered(client, f"*.apart.{ZONE}").json()
    assert wild["status"] == "pending" and wild["authorizations"] != [url]
    below = ordered(client, f"b.apart.{ZONE}").json()
    assert below["status"] == "pending" and below["authorizations"] != [url]


def test_who_may_revoke_a_wildcard(dns_ca, client, server):
    """A-91, A-125: another account with the wildcard, not one with the base name alone; nor the other way round"""
    def issued(label, *names):
        made = ordered(client, *names)
        for url in made.json()["authorizations"]:
            assert prove(client, server, label, url)["status"] == "valid"
        der, _ = raw.csr(names)
        assert client.post(made.json()["finalize"], {"csr": raw.b64(der)}).status_code == 200
        url = client.poll(made.headers["Location"], ("valid", "invalid")).json()["certificate"]
        return {"certificate": raw.b64(raw.chain(client.post(url).text)[0].public_bytes(Encoding.DER))}
    wild, base = issued("star", f"*.star.{ZONE}"), issued("base", f"base.{ZONE}")
    other = raw.Client(dns_ca)
    assert other.register().status_code == 201
    revoke = other.directory["revokeCert"]
    for label, name, certificate in ("star", f"star.{ZONE}", wild), ("base", f"*.base.{ZONE}", base):
        assert prove(other, server, label, ordered(other, name).json()["authorizations"][0])["status"] == "valid"
        raw.problem(other.post(revoke, certificate), 403, "unauthorized")
    for label, name, certificate in ("star", f"*.star.{ZONE}", wild), ("base", f"base.{ZONE}", base):
        assert prove(other, server, label, ordered(other, name).json()["authorizations"][0])["status"] == "valid"
        assert other.post(revoke, certificate).status_code == 200


def test_one_valid_challenge_is_enough(dns_ca, client, server, responder_for):
    """A-92, A-93, A-99: the other challenge of a valid authorization can't be answered any more, and is not shown"""
    answers = responder_for(dns_ca)
    url = ordered(client, f"either.{ZONE}").json()["authorizations"][0]
    dns01, http01 = client.challenge(url, "dns-01"), client.challenge(url, "http-01")
    answers.tokens[http01["token"]] = client.key_authorization(http01["token"])
    assert client.post(http01["url"], {}).status_code == 200
    final = client.poll(url, ("valid", "invalid")).json()
    assert final["status"] == "valid" and types(final) == ["http-01"]
    raw.problem(client.post(dns01["url"]), 404, "malformed")
    raw.problem(client.post(dns01["url"], {}), 404, "malformed")


def test_a_failed_challenge_ends_the_authorization(client, server):
    """A-92, A-93, A-99: what failed is shown, alone; the other one is not tried"""
    url = ordered(client, f"failed.{ZONE}").json()["authorizations"][0]
    http01 = client.challenge(url, "http-01")
    server.add(ZONE, "_acme-challenge.failed", "TXT", "wrong")
    final = start(client, url)
    assert types(final) == ["dns-01"]
    kind, detail = error_of(final)
    assert kind == "unauthorized" and f'Incorrect TXT record "wrong" found at _acme-challenge.failed.{ZONE}' in detail
    raw.problem(client.post(http01["url"], {}), 400, "malformed")


def test_two_challenges_raced(dns_ca, client, server, responder_for):
    """A-92, A-99: answered at once, one of them is validated"""
    answers = responder_for(dns_ca)
    url = ordered(client, f"raced.{ZONE}").json()["authorizations"][0]
    dns01, http01 = client.challenge(url, "dns-01"), client.challenge(url, "http-01")
    server.add(ZONE, "raced", "A", "127.0.0.1")  # a name with another one below it has no part in the zone's wildcard
    server.add(ZONE, "_acme-challenge.raced", "TXT", digest(client, dns01["token"]))
    answers.tokens[http01["token"]] = client.key_authorization(http01["token"])
    bodies = [raw.jws(client.key, client.protected(c["url"], nonce=client.session.head(client.directory["newNonce"]).headers["Replay-Nonce"]), {})
              for c in (dns01, http01)]
    statuses = [None, None]

    def post(i, challenge):
        statuses[i] = raw.requests.post(challenge["url"], data=json.dumps(bodies[i]), headers=raw.JOSE, verify=dns_ca.API_CA_FILE, timeout=30,
                                        proxies={"https": ""}).status_code

    threads = [threading.Thread(target=post, args=one) for one in enumerate((dns01, http01))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    final = client.poll(url, ("valid", "invalid")).json()
    assert final["status"] == "valid", final
    assert len(final["challenges"]) == 1 and final["challenges"][0]["status"] == "valid"
    assert 200 in statuses and set(statuses) <= {200, 404}


def test_aliases_are_followed(client, server):
    """A-110: CNAME and DNAME, several records, a value in several strings"""
    for label, zone in (("byname", OTHER), ("bytree", OTHER)):
        url = ordered(client, f"{label}.{ZONE}").json()["authorizations"][0]
        value = digest(client, client.challenge(url, "dns-01")["token"])
        strings = f'"{value[:20]}" "" "{value[20:]}"'
        if label == "byname":
            server.add(ZONE, f"_acme-challenge.{label}", "CNAME", f"{label}.keep.{zone}.")
            server.add(zone, f"{label}.keep", "TXT", "other", "more", strings)
        else:
            server.add(ZONE, label, "DNAME", f"{label}.tree.{zone}.")
            server.add(zone, f"_acme-challenge.{label}.tree", "TXT", strings, "other")
        assert start(client, url)["status"] == "valid"


def test_sentences_tell_what_to_mend(client, server):
    """A-42, A-109, A-110"""
    def detail_for(label, value=None, kind="TXT"):
        url = ordered(client, f"{label}.{ZONE}").json()["authorizations"][0]
        token = client.challenge(url, "dns-01")["token"]
        value = value(token) if callable(value) else value
        server.add(ZONE, f"_acme-challenge.{label}", kind, value)
        return error_of(start(client, url))

    kind, detail = detail_for("key", lambda token: f'"{client.key_authorization(token)}"')
    assert kind == "unauthorized" and "SHA-256" in detail
    kind, detail = detail_for("quotes", lambda token: f'"\\"{digest(client, token)}\\""')
    assert kind == "unauthorized" and "quotes are part of the value" in detail
    kind, detail = detail_for("long", '"' + "x" * 200 + '"')
    assert kind == "unauthorized" and "x" * 65 not in detail
    kind, detail = detail_for("wrongtype", "192.0.2.1", "A")
    assert kind == "unauthorized" and "No TXT record found at" in detail
    kind, detail = detail_for("dangling", f"nowhere.{ZONE[::-1].replace('.', '-')}.{OTHER}.", "CNAME")
    assert kind in ("dns", "unauthorized") and "TXT" in detail


def test_a_record_that_was_mended_is_seen_at_once(client, server):
    """A name that failed passes a moment later, by its new order"""
    label = "mended"
    url = ordered(client, f"{label}.{ZONE}").json()["authorizations"][0]
    server.add(ZONE, f"_acme-challenge.{label}", "TXT", "stale")
    assert error_of(start(client, url))[0] == "unauthorized"
    url = ordered(client, f"{label}.{ZONE}").json()["authorizations"][0]
    server.remove(ZONE, f"_acme-challenge.{label}", "TXT")
    assert prove(client, server, label, url)["status"] == "valid"


@pytest.mark.parametrize("label, records, name, wildcard", (
    ("caa1", ['0 issue ";"'], False, False),
    ("caa2", ['0 issuewild ";"'], True, False),
    ("caa3", ['0 issue ";"', '0 issuewild "OURS"'], False, True),
    ("caa4", ['0 issue "OURS; validationmethods=http-01"'], False, False),
    ("caa5", ['0 issue "OURS; validationmethods=dns-01"'], True, True),
    ("caa6", ['0 issue "OURS; validationmethods=http-01"', '0 issuewild "OURS; validationmethods=ca-tbr-7"'], False, True),
))
def test_caa(dns_ca, client, server, label, records, name, wildcard):
    """C-30, C-32, C-43, C-44"""
    ours = client.directory["meta"]["caaIdentities"][0]
    server.add(ZONE, label, "CAA", *(record.replace("OURS", ours) for record in records))
    for value, expected in ((f"{label}.{ZONE}", name), (f"*.{label}.{ZONE}", wildcard)):
        url = ordered(client, value).json()["authorizations"][0]
        final = prove(client, server, label, url)
        assert final["status"] == ("valid" if expected else "invalid"), (value, final)
        if not expected:
            assert error_of(final)[0] == "caa"


def test_dnssec(client, server, validations):
    """C-20, C-21, C-22, C-23: what is signed is validated up to the key that the configuration has; what does not verify proves nothing"""
    for zone, expected in ((SIGNED, "valid"), (BROKEN, "invalid")):
        url = ordered(client, f"*.a.{zone}").json()["authorizations"][0]
        server.add(zone, "_acme-challenge.a", "TXT", digest(client, client.challenge(url, "dns-01")["token"]))
        final = start(client, url)
        assert final["status"] == expected, final
        (row,) = validations(f"a.{zone}")
        (txt,) = [r for r in json.loads(row["resolutions"])["resolutions"] if r["type"] == "TXT"]
        assert txt["dnssec"] == ("secure" if expected == "valid" else "bogus"), txt
        if expected == "invalid":
            kind, detail = error_of(final)
            assert kind == "dns" and "DNSSEC validation failed" in detail and row["proof"] is None and row["dnssec"] == "bogus"
    url = ordered(client, f"nothing.{SIGNED}").json()["authorizations"][0]
    assert "No TXT record found at" in error_of(start(client, url))[1]  # a denial that verifies is an answer
    (row,) = validations(f"nothing.{SIGNED}")
    assert [r["dnssec"] for r in json.loads(row["resolutions"])["resolutions"] if r["type"] == "TXT"] == ["secure"]


def test_two_accounts_by_their_own_labels(make_ca, server):
    """B-26, B-27, B-47: dns-account-01 is offered where the configuration names it; two accounts prove one name side by side"""
    ca = make_ca({"va": {"resolvers": [{"zone": TOP, "forward": server.forward, "dnssec": "off"}]},
                  "policy": {"challenges": ["dns-account-01", "dns-01"]}})
    clients = [raw.Client(ca) for _ in range(2)]
    orders = []
    for one in clients:
        one.register()
        made = ordered(one, f"*.shared.{ZONE}").json()
        (url,) = made["authorizations"]
        assert types(one.post(url).json()) == ["dns-01", "dns-account-01"]
        label = base64.b32encode(hashlib.sha256(one.kid.encode()).digest()[:10]).decode().lower()
        challenge = one.challenge(url, "dns-account-01")
        server.add(ZONE, f"_{label}._acme-challenge.shared", "TXT", digest(one, challenge["token"]))
        orders.append((one, url, challenge))
    for one, url, challenge in orders:
        assert one.post(challenge["url"], {}).status_code == 200
        final = one.poll(url, ("valid", "invalid")).json()
        assert final["status"] == "valid" and types(final) == ["dns-account-01"], final
    rows = ca.sql(f"SELECT method, rule, wildcard FROM log.validation WHERE identifier_value = 'shared.{ZONE}'")
    assert len(rows) == 2 and all(row[0] == "dns-account-01" and "3.2.2.4.21 (draft" in row[1] and row[2] == "t" for row in rows)


def test_challenges_can_be_switched_off(make_ca):
    """A-90, B-47: with http-01 alone there is nothing to offer for a wildcard"""
    client = raw.Client(make_ca({"policy": {"challenges": ["http-01"]}}))
    client.register()
    assert types(client.post(ordered(client, "one.test").json()["authorizations"][0]).json()) == ["http-01"]
    refused = client.order("*.one.test")
    assert raw.problem(refused, 400, "rejectedIdentifier")
