"""Key changes (RFC 8555 7.3.5) against the running CA: A-68 to A-72."""
import concurrent.futures
import json
import time
import urllib.parse

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

import raw


def inner(client, key, url=None, signer=None, payload=None, **changes):
    """The inner JWS; `changes` replace members of its header, None leaves one out."""
    head = {"alg": raw.algorithm(signer or key), "jwk": raw.jwk(key), "url": client.directory["keyChange"] if url is None else url, **changes}
    body = {"account": client.kid, "oldKey": raw.jwk(client.key)} if payload is None else payload
    return raw.jws(signer or key, {k: v for k, v in head.items() if v is not None}, body)


def change(client, key, **faults):
    return client.post(client.directory["keyChange"], inner(client, key, **faults))


@pytest.fixture
def other(ca):
    one = raw.Client(ca)
    assert one.register().status_code == 201
    return one


@pytest.mark.parametrize("new", [raw.ec_key, lambda: raw.ec_key(raw.ec.SECP384R1), lambda: raw.ec_key(raw.ec.SECP521R1), raw.rsa_key,
                                 raw.ed25519.Ed25519PrivateKey.generate], ids=["ES256", "ES384", "ES512", "RS256", "EdDSA"])
def test_change(ca, account, new):
    """A-68: the new key is the account's, the old one nobody's"""
    old, key = account.key, new()
    answer = change(account, key)
    assert answer.status_code == 200 and answer.json()["status"] == "valid", answer.text
    kind = "malformed" if raw.algorithm(key) == raw.algorithm(old) else "badPublicKey"  # its algorithm is no longer that of the key
    raw.problem(account.post(account.kid), 400, kind)
    raw.problem(raw.Client(ca, old).register(onlyReturnExisting=True), 400, "accountDoesNotExist")
    account.key = key
    assert account.post(account.kid).status_code == 200
    again = raw.Client(ca, key)
    assert again.register().status_code == 200 and again.kid == account.kid
    event = ca.sql("SELECT facts->'old_key'->>'x', facts->>'thumbprint' FROM log.event WHERE kind = 'account.key_changed' ORDER BY id DESC LIMIT 1")
    assert event == [[raw.jwk(old)["x"], raw.unb64(raw.thumbprint(key)).hex()]]


def test_single_faults(account, other):
    """A-69"""
    key, url = raw.ec_key(), account.directory["keyChange"]
    for payload in {}, {"account": account.kid, "oldKey": raw.jwk(account.key)}, {**inner(account, key), "payload": "AA"}:
        raw.problem(account.post(url, payload), 400, "malformed")
    raw.problem(account.post(url), 400, "malformed")
    faults = {
        "signed by another key": {"signer": raw.ec_key()},
        "signed by the old key": {"signer": account.key},
        "kid": {"jwk": None, "kid": account.kid},
        "kid and jwk": {"kid": account.kid},
        "no key": {"jwk": None},
        "another URL": {"url": account.directory["newOrder"]},
        "nonce": {"nonce": account.nonce()},
        "another account": {"payload": {"account": other.kid, "oldKey": raw.jwk(account.key)}},
        "no account": {"payload": {"oldKey": raw.jwk(account.key)}},
        "another old key": {"payload": {"account": account.kid, "oldKey": raw.jwk(other.key)}},
        "no old key": {"payload": {"account": account.kid}},
        "a list": {"payload": "[]"},
        "no JSON": {"payload": "{"},
    }
    for name, fault in faults.items():
        answer = change(account, key, **fault)
        assert answer.status_code == 400, (name, answer.text)
        raw.problem(answer, 400, "malformed")
    raw.problem(account.post(url, inner(account, key), key=key), 400, "malformed")  # the outer one by the new key
    raw.problem(account.post(url, inner(account, key), kid=None, jwk=raw.jwk(account.key)), 400, "malformed")
    assert account.post(account.kid).status_code == 200
    assert account.post(account.kid, {"status": "deactivated"}).status_code == 200
    raw.problem(change(account, key), 401, "unauthorized")


def test_key_in_use(ca, account, other):
    """A-70"""
    for key, holder in (other.key, other.kid), (account.key, account.kid):
        answer = change(account, key)
        raw.problem(answer, 409, "malformed")
        assert answer.headers["Location"] == holder
    conflicts = "SELECT DISTINCT problem FROM log.request WHERE route = 'key-change' AND status = 409"
    end = time.monotonic() + 60
    while ca.sql(conflicts) != [["KEY_CONFLICT"]]:  # requests reach the database a moment later
        assert time.monotonic() < end
        time.sleep(0.1)


def test_weak_keys(ca, account, responder):
    """A-71, E-13, F-25: a key that is weak, no key at all, a certificate's, or known to be compromised; the account keeps the one that
    it has"""
    raw.problem(change(account, raw.rsa_key(1024)), 400, "badPublicKey")
    bad = {**raw.jwk(raw.ec_key()), "x": raw.b64(bytes(32))}
    raw.problem(change(account, raw.ec_key(), jwk=bad), 400, "badPublicKey")
    pem, key, _ = account.issue(responder, "leaked.keys.test")
    holder = raw.Client(ca, key)
    der = raw.chain(pem)[0].public_bytes(Encoding.DER)
    assert "of a certificate" in raw.problem(change(account, key), 400, "badPublicKey")["detail"]
    raw.problem(holder.post(holder.directory["newAccount"], {}), 400, "badPublicKey")
    assert holder.post(holder.directory["revokeCert"], {"certificate": raw.b64(der)}).status_code == 200
    raw.problem(change(account, key), 400, "badPublicKey")
    assert account.post(account.kid).status_code == 200
    raw.problem(account.post(account.kid, key=key), 400, "malformed")


def test_pending_work_goes_on(account, responder):
    """A-72: an order of before is validated, finalized and read with the new key; the old key's answer to a challenge does no more"""
    made = account.order("rekeyed.test")
    authorization = made.json()["authorizations"][0]
    challenge = account.challenge(authorization)
    stale = account.key_authorization(challenge["token"])
    key = raw.ec_key()
    assert change(account, key).status_code == 200
    account.key = key
    assert account.key_authorization(challenge["token"]) != stale
    account.validate(made.json(), responder)
    der, _ = raw.csr(["rekeyed.test"])
    assert account.post(made.json()["finalize"], {"csr": raw.b64(der)}).status_code == 200
    final = account.poll(made.headers["Location"], ("valid", "invalid")).json()
    assert final["status"] == "valid" and account.post(final["certificate"]).status_code == 200


def test_parallel_changes(ca, account):
    """A-63, A-70: of many changes of one account one is made; of many accounts one gets the key"""
    keys = [raw.ec_key() for _ in range(6)]
    clients = [raw.Client(ca, account.key) for _ in keys]
    for one in clients:
        one.kid = account.kid
    with concurrent.futures.ThreadPoolExecutor(len(keys)) as pool:
        answers = list(pool.map(change, clients, keys))
    assert sorted(a.status_code for a in answers) == [200] + [400] * 5, [a.text for a in answers]
    for one, key, answer in zip(clients, keys, answers):
        one.key = key
        assert (one.post(account.kid).status_code == 200) == (answer.status_code == 200)
    many, wanted = [raw.Client(ca) for _ in keys], raw.ec_key()
    assert all(one.register().status_code == 201 for one in many)
    with concurrent.futures.ThreadPoolExecutor(len(keys)) as pool:
        answers = list(pool.map(lambda one: change(one, wanted), many))
    assert sorted(a.status_code for a in answers) == [200] + [409] * 5, [a.text for a in answers]
    holder = next(one.kid for one, a in zip(many, answers) if a.status_code == 200)
    assert {a.headers["Location"] for a in answers if a.status_code == 409} == {holder}


def test_another_front_end(ca, account):
    """A-68: keys that were changed by way of another front end; the cache of this one knows the old key"""
    assert account.post(account.kid).status_code == 200
    key = raw.ec_key()
    text = json.dumps(dict(sorted(raw.jwk(key).items())), separators=(",", ":")).replace("'", "''")
    account_id = urllib.parse.urlsplit(account.kid).path.rsplit("/", 1)[1]
    ca.sql(f"SELECT acme.change_key(encode('\\x{raw.unb64(account_id).hex()}', 'hex')::uuid, '\\x{raw.unb64(raw.thumbprint(account.key)).hex()}',"
           f" '{text}', '\\x{raw.unb64(raw.thumbprint(key)).hex()}', sha256('x'), 'test', cairn.new_id())", role="cairn_ra")
    old, account.key = account.key, key
    assert account.post(account.kid).status_code == 200
    raw.problem(account.post(account.kid, key=old), 400, "malformed")
