"""Rules of RFC 8555 over their whole breadth: every resource, every kind of key, every reason, and fifty at once."""
import copy
import json
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import at_once
import raw

RESOURCES = ("account", "orders", "order", "authorization", "challenge", "certificate")
DIRECTORY = {"newNonce", "newAccount", "newOrder", "revokeCert", "keyChange", "renewalInfo", "recoveryContacts", "meta"}
NAMES = {"identifiers": [{"type": "dns", "value": "rules.test"}]}


@pytest.fixture(scope="module")
def issued(ca):
    """An account with a finished order: the client, the URLs of all its objects, the leaf and its key."""
    import responder as responder_module
    client = raw.Client(ca)
    assert client.register().status_code == 201
    responder = responder_module.Responder(int(ca.HTTP01_PORT))
    try:
        pem, key, order = client.issue(responder, "rules.test")
    finally:
        responder.close()
    body = client.post(order).json()
    authorization = body["authorizations"][0]
    urls = {"account": client.kid, "orders": client.kid + "/orders", "order": order, "authorization": authorization,
            "challenge": client.challenge(authorization)["url"], "certificate": body["certificate"]}
    assert set(urls) == set(RESOURCES)
    return client, urls, raw.chain(pem)[0], key


def revocation(leaf, **members):
    return {"certificate": raw.b64(leaf.public_bytes(Encoding.DER)), **members}


def test_what_every_answer_keeps(issued):
    """A-9, A-10, A-35, A-42, A-43, A-44: raw.Client looks at each answer to each of its POSTs, in all these tests, and would see what is wrong"""
    client, urls, _, _ = issued
    for answer in client.post(urls["account"]), client.post(urls["order"], {"x": 1}), client.post(urls["order"] + "x"):
        raw.keeps_the_rules(answer)
        bad = [("Replay-Nonce", None), ("Replay-Nonce", "a=b"), ("Link", '<https://ca.test/>;rel="up"')]
        if answer.status_code >= 400:
            body = answer.json()
            bad += [("Content-Type", "application/json"), {**body, "type": "urn:ietf:params:acme:error:conflict"}, {**body, "type": "about:blank"},
                    {**body, "type": "urn:ietf:params:acme:error:badCSR", "status": 403}, {**body, "identifier": {"type": "dns", "value": "a.test"}},
                    {**body, "subproblems": [{"type": body["type"]}]}, {k: v for k, v in body.items() if k != "detail"}]
        for one in bad:
            wrong = copy.deepcopy(answer)
            if isinstance(one, dict):
                wrong._content = json.dumps(one).encode()
            else:
                wrong.headers.update({one[0]: one[1] or ""})
            with pytest.raises(AssertionError):
                raw.keeps_the_rules(wrong)


def test_what_every_object_keeps(issued):
    """A-50, A-73, A-80, A-81, A-82, A-88, A-89, A-93, A-96, A-118: raw.Client looks at each object that it gets, and at where each order came from"""
    client, urls, _, _ = issued
    objects = {name: client.post(urls[name]).json() for name in ("account", "order", "authorization", "challenge")}
    pending = client.order("object.rules.test")
    objects["pending"] = client.post(pending.json()["authorizations"][0]).json()
    wrong = {
        "account": [{"orders": "/orders"}, {"status": "pending"}],
        "order": [{"status": "expired"}, {"status": "ready"}, {"authorizations": []}, {"finalize": "/finalize"}, {"expires": "soon"}, {"certificate": ""},
                  {"error": {}}, {"status": "invalid"}],
        "authorization": [{"status": "ready"}, {"wildcard": False}, {"identifier": {"type": "dns", "value": "*.a.test"}}, {"expires": ""},
                          {"challenges": objects["pending"]["challenges"]}, {"status": "pending"}],
        "challenge": [{"status": "ready"}, {"status": "pending"}, {"validated": "now"}, {"error": {}}, {"token": "a=b"}, {"url": "challenge"}],
        "pending": [{"challenges": []}, {"challenges": objects["authorization"]["challenges"]}]}
    for name, changes in wrong.items():
        raw.keeps_its_form(objects[name])
        for change in changes:
            with pytest.raises(AssertionError):
                raw.keeps_its_form({**objects[name], **change})
    url, body = pending.headers["Location"], pending.json()
    for change in {"identifiers": []}, {"authorizations": []}, {"profile": "x"}, {"replaces": "x"}, {"notAfter": "x"}:
        with pytest.raises(AssertionError):
            client.follow(url, {**body, **change})
    seen = raw.Client(client.ca)
    for states, way in (("pending ready processing valid", True), ("pending valid", True), ("ready invalid", True), ("ready pending", False),
                        ("processing ready", False), ("valid invalid", False), ("invalid ready", False), ("valid processing", False)):
        *first, last = states.split()
        for state in first:
            seen.follow(states, {**body, "status": state})
        if way:
            seen.follow(states, {**body, "status": last})
        else:
            with pytest.raises(AssertionError):
                seen.follow(states, {**body, "status": last})


def test_directory(ca, issued):
    """A-3, A-4, A-6, B-47: exactly what is switched on, each by a URL of its own that is there; signed requests read the same"""
    client, _, _, _ = issued
    answer = client.get(ca.DIRECTORY_URL)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json" and set(answer.json()) == DIRECTORY
    meta = answer.json()["meta"]
    assert set(meta) <= {"termsOfService", "website", "caaIdentities", "externalAccountRequired", "profiles", "privacyNotice"}, meta
    assert all(isinstance(meta.get(k, ""), str) for k in ("termsOfService", "website"))
    assert isinstance(meta.get("caaIdentities", []), list) and all(isinstance(n, str) for n in meta.get("caaIdentities", []))
    assert isinstance(meta.get("externalAccountRequired", True), bool) and isinstance(meta["profiles"], dict)
    urls = [v for k, v in answer.json().items() if k != "meta"] + [ca.DIRECTORY_URL]
    base = ca.DIRECTORY_URL.removesuffix("/directory")
    assert len(set(urls)) == len(DIRECTORY) and all(u.startswith(base + "/") for u in urls)
    for name in DIRECTORY - {"meta", "newNonce", "renewalInfo"}:
        refused = client.post(answer.json()[name], "[]")
        raw.problem(refused, 400, "malformed")
    signed = client.post(ca.DIRECTORY_URL)
    assert signed.status_code == 200 and signed.json() == answer.json()
    signed = client.post(answer.json()["newNonce"])
    assert signed.status_code == 204 and not signed.content and signed.headers["Cache-Control"] == "no-store" and signed.headers["Replay-Nonce"]


def test_every_answer(ca, issued):
    """A-9, A-10, A-35: the way back to the directory, the type of what comes, and a nonce; of refusals too"""
    client, urls, _, _ = issued
    for name, url in urls.items():
        answers = [client.post(url), client.post(url, "[]"), client.post(url + "x")]
        assert answers[0].status_code == 200
        wanted = "application/pem-certificate-chain" if name == "certificate" else "application/json"
        assert answers[0].headers["Content-Type"] == wanted, name
        for answer in answers[1:]:
            assert answer.status_code >= 400 and answer.headers["Content-Type"] == "application/problem+json", name
        for answer in answers:
            assert f'<{ca.DIRECTORY_URL}>;rel="index"' in answer.headers["Link"] and answer.headers["Replay-Nonce"], name
    assert 'rel="index"' not in client.get(ca.DIRECTORY_URL).headers.get("Link", "")


def test_one_bit(ca, account, responder):
    """A-28: of the signature, the header and the payload, at every resource that acts; nothing comes of it"""
    made = account.order("bit.rules.test")
    order = made.json()
    account.validate(order, responder)
    pending = account.order("pending.bit.rules.test").json()["authorizations"][0]
    der, _ = raw.csr(["bit.rules.test"])
    leaf = raw.chain(account.issue(responder, "leaf.bit.rules.test")[0])[0]
    acts = {account.directory["newOrder"]: NAMES, account.directory["revokeCert"]: revocation(leaf), account.directory["keyChange"]: {"protected": ""},
            account.kid: {"status": "deactivated"}, pending: {"status": "deactivated"}, account.challenge(pending)["url"]: {},
            order["finalize"]: {"csr": raw.b64(der)}, made.headers["Location"]: None, account.kid + "/orders": None}
    number = raw.unb64(account.kid.rsplit("/", 1)[1]).hex()
    events = f"SELECT count(*) FROM log.event WHERE account_id = '{number}'"
    before = ca.sql(events)
    for url, payload in acts.items():
        for part in "signature", "payload":
            body = raw.jws(account.key, account.protected(url), payload)
            octets = bytearray(raw.unb64(body[part]) or b"{}")
            octets[len(octets) // 2] ^= 1
            raw.problem(account.send(url, {**body, part: raw.b64(bytes(octets))}), 400, "malformed")
        moved = raw.jws(account.key, account.protected(account.kid if url != account.kid else pending), payload)
        raw.problem(account.send(url, moved), 403, "unauthorized")  # signed for another resource
    new = raw.Client(ca)
    body = raw.jws(new.key, new.protected(new.directory["newAccount"]), {"termsOfServiceAgreed": True})
    signature = bytearray(raw.unb64(body["signature"]))
    signature[5] ^= 1
    raw.problem(new.send(new.directory["newAccount"], {**body, "signature": raw.b64(bytes(signature))}), 400, "malformed")
    raw.problem(new.register(onlyReturnExisting=True), 400, "accountDoesNotExist")
    assert ca.sql(events) == before
    assert account.post(account.kid).json()["status"] == "valid" and account.post(pending).json()["status"] == "pending"
    assert account.post(made.headers["Location"]).json()["status"] == "ready"


def test_all_of_it_is_its_owners(ca, issued):
    """A-31: another account reads nothing of it, the certificate included, and learns of what is not there that it is not"""
    _, urls, _, _ = issued
    stranger = raw.Client(ca)
    assert stranger.register().status_code == 201
    for url in urls.values():
        raw.problem(stranger.post(url), 403, "unauthorized")
        parts = url.split("/")
        parts[5] = "B" + "A" * 21
        raw.problem(stranger.post("/".join(parts)), 404, "malformed")


def test_padding(account, responder):
    """A-11: base64url without = in what is inside the payload too"""
    made = account.order("padding.rules.test").json()
    account.validate(made, responder)
    der, _ = raw.csr(["padding.rules.test"])
    for text in raw.b64(der) + "=", raw.b64(der)[:-1] + "+", "-----BEGIN CERTIFICATE REQUEST-----", "":
        answer = account.post(made["finalize"], {"csr": text})
        assert answer.status_code == 400 and answer.json()["type"].rsplit(":", 1)[1] in ("malformed", "badCSR"), answer.text
    done = account.post(made["finalize"], {"csr": raw.b64(der)})
    assert done.status_code == 200
    leaf = raw.chain(account.post(done.json()["certificate"]).text)[0]
    text = revocation(leaf)["certificate"]
    for wrong in text + "=", text[:-1] + "/", "":
        raw.problem(account.post(account.directory["revokeCert"], {"certificate": wrong}), 400, "malformed")


def test_what_a_client_cannot_set(ca):
    """A-53, A-56, A-59: neither when the account is made nor later, and not that of another"""
    one, other = raw.Client(ca), raw.Client(ca)
    made = one.register(orders="https://evil.test/", status="revoked", createdAt="2000-01-01T00:00:00Z", initialIp="192.0.2.1", strange={"a": 1})
    assert made.status_code == 201
    whole = made.json()
    assert set(whole) <= {"status", "termsOfServiceAgreed", "orders", "subjectData"} and whole["status"] == "valid" and whole["orders"] == one.kid + "/orders"
    for change in ({"orders": "https://evil.test/"}, {"termsOfServiceAgreed": False}, {"strange": 1}, {"contact": []}, {"status": "valid"},
                   {"externalAccountBinding": {"protected": "", "payload": "", "signature": ""}}):
        answer = one.post(one.kid, change)
        assert answer.status_code in (200, 400) and answer.json().get("status") in ("valid", None, 400), (change, answer.text)
        assert one.post(one.kid).json() == whole, change
    for status in "revoked", "pending", "", 1:
        raw.problem(one.post(one.kid, {"status": status}), 400, "malformed")
    assert other.register().status_code == 201
    raw.problem(other.post(one.kid, {"contact": []}), 403, "unauthorized")
    assert one.post(one.kid).json() == whole


def test_a_key_in_place_of_an_account(issued):
    """A-26: jwk is for newAccount and for the certificate's key alone"""
    client, urls, _, _ = issued
    others = {"newOrder": NAMES, "keyChange": {}}
    for url, payload in [(u, None) for u in urls.values()] + [(client.directory[r], p) for r, p in others.items()]:
        raw.problem(client.post(url, payload, kid=None, jwk=raw.jwk(client.key)), 400, "malformed")
    raw.problem(client.post(client.directory["newAccount"], {"termsOfServiceAgreed": True}), 400, "malformed")


def test_reading_has_an_empty_payload(issued):
    """A-30: of every resource that can be read; {} is none at those that can be read only"""
    client, urls, _, _ = issued
    for name, url in urls.items():
        assert client.post(url).status_code == 200, name
        body = raw.jws(client.key, client.protected(url), None)
        del body["payload"]
        raw.problem(client.send(url, body), 400, "malformed")
        raw.problem(client.post(url, "null"), 400, "malformed")
        if name in ("orders", "order", "certificate"):
            raw.problem(client.post(url, {}), 400, "malformed")


def test_reasons(issued):
    """A-129: what no subscriber may give as a reason, by number and by form"""
    client, _, leaf, _ = issued
    for reason in -1, 2, 6, 7, 8, 9, 10, 11, 4294967297:
        sentence = raw.problem(client.post(client.directory["revokeCert"], revocation(leaf, reason=reason)), 400, "badRevocationReason")["detail"]
        assert "1" in sentence and "5" in sentence
    for reason in "1", 1.5, True, [1], {}:
        answer = client.post(client.directory["revokeCert"], revocation(leaf, reason=reason))
        assert answer.status_code == 400 and answer.json()["type"].rsplit(":", 1)[1] in ("malformed", "badRevocationReason"), (reason, answer.text)
    assert client.ca.sql(f"SELECT count(*) FROM ca.revocation WHERE serial = '\\x{leaf.serial_number:036x}'", "cairn_owner") == [["0"]]


@pytest.mark.parametrize("key", [raw.ec_key, lambda: raw.ec_key(ec.SECP384R1), raw.rsa_key, lambda: raw.rsa_key(3072)],
                         ids=["P-256", "P-384", "RSA-2048", "RSA-3072"])
def test_revocation_by_each_kind_of_key(ca, account, responder, key):
    """A-126, A-61: without an account, and when the account is gone; another key of the kind may not"""
    made = key()
    pem, _, _ = account.issue(responder, f"n{made.key_size}.{type(made).__name__.strip('_').lower()}.rules.test", key=made)
    leaf = raw.chain(pem)[0]
    assert account.post(account.kid, {"status": "deactivated"}).status_code == 200
    raw.problem(account.post(account.directory["revokeCert"], revocation(leaf)), 401, "unauthorized")
    stranger, holder = raw.Client(ca, key()), raw.Client(ca, made)
    raw.problem(stranger.post(stranger.directory["revokeCert"], revocation(leaf)), 403, "unauthorized")
    assert holder.post(holder.directory["revokeCert"], revocation(leaf)).status_code == 200


def test_a_deactivated_account_gets_nothing(ca, account):
    """A-60: by its URL and by its key, at every resource"""
    made = account.order("leaves.rules.test")
    urls = [account.kid, account.kid + "/orders", made.headers["Location"], made.json()["authorizations"][0], made.json()["finalize"],
            account.challenge(made.json()["authorizations"][0])["url"]] + [account.directory[r] for r in ("newOrder", "keyChange", "revokeCert")]
    assert account.post(account.kid, {"status": "deactivated"}).json()["status"] == "deactivated"
    for url in urls:
        for payload in None, {}, {"status": "valid"}:
            raw.problem(account.post(url, payload), 401, "unauthorized")
    again = raw.Client(ca, account.key)
    for members in {}, {"onlyReturnExisting": True}:
        raw.problem(again.register(**members), 401, "unauthorized")


def test_fifty_finalizations(ca, account, responder):
    """A-80, A-117: each with another key; one certificate comes of it, and the order is the same from beginning to end"""
    made = account.order("fifty.rules.test")
    url, order = made.headers["Location"], made.json()
    account.validate(order, responder)
    clients, keys = at_once.twins(account), [raw.ec_key() for _ in range(at_once.MANY)]

    def finalize(one, key):
        request = {"csr": raw.b64(raw.csr(["fifty.rules.test"], key)[0])}
        return lambda: one.post(order["finalize"], request)

    answers = at_once.together([finalize(one, key) for one, key in zip(clients, keys)])
    assert {a.status_code for a in answers} <= {200, 403}, [a.text for a in answers if a.status_code not in (200, 403)]
    for answer in answers:
        if answer.status_code == 403:
            raw.problem(answer, 403, "orderNotReady")
    done = account.poll(url, ("valid", "invalid")).json()
    assert done["status"] == "valid" and (done["identifiers"], done["authorizations"]) == (order["identifiers"], order["authorizations"])
    leaf = raw.chain(account.post(done["certificate"]).text)[0]
    shown = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert sum(k.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == shown for k in keys) == 1
    assert {a.json().get("certificate", done["certificate"]) for a in answers if a.status_code == 200} == {done["certificate"]}
    assert ca.sql("SELECT count(*) FROM ca.certificate WHERE 'fifty.rules.test' = ANY (names)", "cairn_owner") == [["1"]]
    assert leaf.signature_hash_algorithm.name in (hashes.SHA256.name, hashes.SHA384.name)


def test_what_starts_a_validation(ca, account, responder):
    """A-30, A-98: reading a challenge goes nowhere, nor does what is no object; {} starts it, and so does an object with strange members"""
    for i, payload in enumerate(({}, {"x": 1, "type": "dns-01", "status": "valid", "token": "x"})):
        made = account.order(f"n{i}.starts.test")
        authorization = made.json()["authorizations"][0]
        challenge = account.challenge(authorization)
        responder.tokens[challenge["token"]] = account.key_authorization(challenge["token"])
        for _ in range(3):
            assert account.post(challenge["url"]).json()["status"] == account.post(authorization).json()["status"] == "pending"
        for wrong in "null", "[]", "1", "{", '"x"':
            raw.problem(account.post(challenge["url"], wrong), 400, "malformed")
        time.sleep(0.2)
        assert not [path for _, path in responder.seen if challenge["token"] in path] and ca.validations(f"n{i}.starts.test") == []
        assert account.post(challenge["url"], payload).json()["type"] == "http-01"
        assert account.poll(authorization, ("valid", "invalid")).json()["status"] == "valid"
        assert [v["method"] for v in ca.validations(f"n{i}.starts.test")] == ["http-01"]
