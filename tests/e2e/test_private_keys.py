"""Private keys that clients send: refused in every place, found nowhere afterwards, and blocked (docs/privacy.md)."""
import base64
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AttributeOID

import canary
import raw

FORMS = serialization.PrivateFormat


def private_jwk(key):
    numbers = key.private_numbers()
    secret = numbers.private_value if isinstance(key, ec.EllipticCurvePrivateKey) else numbers.d
    return {**raw.jwk(key), "d": raw.number(secret, 32 if isinstance(key, ec.EllipticCurvePrivateKey) else None)}


def file_of(key, encoding, form=FORMS.PKCS8):
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def in_header(client, key):
    head = json.dumps({**client.protected(client.directory["newAccount"], kid=None), "jwk": private_jwk(key)})
    return client.send(client.directory["newAccount"], raw.jws(client.key, head, {"termsOfServiceAgreed": True}))


def in_inner_header(client, key):
    url = client.directory["keyChange"]
    inner = raw.jws(key, {"alg": raw.algorithm(key), "jwk": private_jwk(key), "url": url}, {"account": client.kid, "oldKey": raw.jwk(client.key)})
    return client.post(url, inner)


def in_binding(client, key):
    """The inner JWS of an external account binding has a JWK as its payload."""
    binding = raw.jws(raw.ec_key(), {"alg": "HS256", "kid": "none", "url": client.directory["newAccount"]}, private_jwk(key))
    return client.post(client.directory["newAccount"], {"termsOfServiceAgreed": True, "externalAccountBinding": binding}, kid=None, jwk=raw.jwk(client.key))


def as_csr(encoding, form):
    def send(client, key):
        made = client.order("leak.test").json()
        return client.post(made["finalize"], {"csr": raw.b64(file_of(key, encoding, form))})
    return send


def in_csr(client, key):
    """A proper request, by another key, with the file in an attribute."""
    made = client.order("leak.test").json()
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(x509.SubjectAlternativeName([x509.DNSName("leak.test")]), False)
    csr = builder.add_attribute(AttributeOID.UNSTRUCTURED_NAME, file_of(key, PEM)).sign(raw.ec_key(), hashes.SHA256())
    return client.post(made["finalize"], {"csr": raw.b64(csr.public_bytes(DER))})


def as_certificate(client, key):
    return client.post(client.directory["revokeCert"], {"certificate": base64.b64encode(file_of(key, serialization.Encoding.DER)).decode()})


def as_member(client, key):
    return client.post(client.directory["newOrder"], {"identifiers": [{"type": "dns", "value": "leak.test"}], "hint": [{"key": private_jwk(key)}]})


def as_body(client, key):
    return client.send(client.directory["newOrder"], file_of(key, serialization.Encoding.PEM))


def as_field(client, key):
    """In a field of the HTTP header."""
    client.session.headers["X-Key"] = base64.b64encode(file_of(key, DER)).decode()
    try:
        return client.order("leak.test")
    finally:
        del client.session.headers["X-Key"]


DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
PLACES = [(in_header, "badPublicKey"), (in_inner_header, "badPublicKey"), (in_binding, "badPublicKey"), (as_csr(DER, FORMS.PKCS8), "badCSR"),
          (as_csr(DER, FORMS.TraditionalOpenSSL), "badCSR"), (as_csr(PEM, FORMS.TraditionalOpenSSL), "badCSR"), (in_csr, "badCSR"), (as_certificate, "malformed"),
          (as_member, "badPublicKey"), (as_body, "malformed"), (as_field, "malformed")]


@pytest.fixture(scope="module")
def leaks(ca):
    """Every place, with a key of its own: (key, answer)"""
    client = raw.Client(ca)
    assert client.register().status_code == 201
    found = []
    for number, (send, kind) in enumerate(PLACES):
        key = raw.rsa_key() if number % 3 == 0 else raw.ec_key()
        found.append((key, send(client, key)))
        raw.problem(found[-1][1], 400, kind)
    return found


def test_no_octet_is_kept(ca, leaks):
    """F-10, G-6: no resource takes a subscriber's private key: where one is sent it is refused, and is neither in the database nor in any file of the CA"""
    seeker = canary.Canary()
    forms = set()
    for key, answer in leaks:
        secret = private_jwk(key)["d"]
        octets = raw.unb64(secret)
        assert secret[:20] not in answer.text and "private key" in answer.json()["detail"]
        for plain in octets[:24], octets[-24:]:
            forms |= {plain, plain.hex().encode()} | seeker.armoured(plain)
    seeker.forms, seeker.longest = sorted(forms), max(map(len, forms))
    assert not seeker.in_dump(ca)
    assert seeker.in_files(ca.state) == []


def test_the_record_says_why(ca, leaks):
    """G-6, E-13: the request is on record without its body, and the act with it"""
    rows = ca.sql("SELECT count(*), count(p.body), min(r.status), max(r.status) FROM log.request r JOIN log.request_private p USING (id) WHERE r.rule = 'key.private'")
    assert rows == [[str(len(PLACES)), "0", "400", "400"]] and len(leaks) == len(PLACES)
    assert ca.sql("SELECT count(*), count(DISTINCT request_id) FROM log.event WHERE kind = 'key.blocked' AND facts ? 'form'") == [[str(len(PLACES))] * 2]


def test_the_keys_are_blocked(ca, account, leaks):
    """E-13, F-24: neither an account nor a certificate may have them any more"""
    for key, _ in leaks[:2]:
        other = raw.Client(ca, key)
        raw.problem(other.register(), 400, "badPublicKey")
    raw.problem(account.post(account.directory["keyChange"], raw.jws(leaks[3][0], {"alg": raw.algorithm(leaks[3][0]), "jwk": raw.jwk(leaks[3][0]),
                "url": account.directory["keyChange"]}, {"account": account.kid, "oldKey": raw.jwk(account.key)})), 400, "badPublicKey")


def test_its_certificates_are_revoked(ca, account, responder):
    """E-13: whoever sends it"""
    key = raw.ec_key()
    leaf = raw.chain(account.issue(responder, "lost-its-key.test", key=key)[0])[0]
    stranger = raw.Client(ca)
    stranger.register()
    raw.problem(stranger.post(stranger.directory["newOrder"], {"identifiers": [], "key": private_jwk(key)}), 400, "badPublicKey")
    assert ca.sql(f"SELECT reason, revoked_by FROM ca.revocation WHERE serial = '\\x{leaf.serial_number:036x}'", "cairn_owner") == [["1", "blocked-key"]]


def test_the_account_of_the_key_is_shut_off(ca):
    """A-62, E-13: who has its key could order as its holder"""
    client = raw.Client(ca, raw.ec_key())
    client.register()
    raw.problem(client.post(client.directory["newOrder"], {"identifiers": [], "key": private_jwk(client.key)}), 400, "badPublicKey")
    raw.problem(client.post(client.directory["newOrder"], {"identifiers": [{"type": "dns", "value": "shut.test"}]}), 401, "unauthorized")
    reason = ca.sql("SELECT facts->>'reason' FROM log.event WHERE kind = 'account.revoked' AND actor = 'cairn'")
    assert reason == [["The private key of the account was sent to the CA"]]


def test_a_lie_blocks_nobody(ca, account):
    """E-13: a public key beside a secret that is not its own"""
    victim = raw.ec_key()
    raw.problem(account.post(account.directory["newOrder"], {"identifiers": [], "key": {**private_jwk(raw.ec_key()), **raw.jwk(victim)}}), 400, "badPublicKey")
    assert raw.Client(ca, victim).register().status_code == 201
