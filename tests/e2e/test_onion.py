"""Certificates for onion services, without Tor: B-35..B-39. The service's key is ours, and its requests are written by hand."""
import base64
import hashlib
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

import raw

METHOD = "onion-csr-01"
PEER_NONCE = bytes(range(10))


def tlv(tag, *parts):
    content = b"".join(parts)
    n = len(content)
    length = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else bytes([0x82, n >> 8, n & 255])
    return bytes([tag]) + length + content


def attribute(last, octets):
    return tlv(0x30, bytes.fromhex("060467810c") + bytes([last]), tlv(0x31, tlv(4, octets)))


class Service:
    """An onion service of version 3: a key, its name, and what it signs."""

    def __init__(self):
        self.key = ed25519.Ed25519PrivateKey.generate()
        public = self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        check = hashlib.sha3_256(b".onion checksum" + public + b"\x03").digest()[:2]
        self.name = base64.b32encode(public + check + b"\x03").decode().lower() + ".onion"

    def request(self, nonce, peer=PEER_NONCE):
        spki = self.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        attributes = attribute(0x29, nonce) + attribute(0x2a, peer)
        info = tlv(0x30, tlv(2, b"\x00"), tlv(0x30), spki, tlv(0xa0, attributes))
        return raw.b64(tlv(0x30, info, bytes.fromhex("300506032b6570"), tlv(3, b"\x00" + self.key.sign(info))))

    def caa(self, records=None, expiry=None):
        expiry = expiry or int(time.time()) + 3600
        signature = self.key.sign(f"onion-caa|{expiry}|{records or ''}".encode())
        return {"caa": records, "expiry": expiry, "signature": base64.urlsafe_b64encode(signature).decode()}


@pytest.fixture(scope="module")
def holder(request_ca):
    one = raw.Client(request_ca)
    assert one.register().status_code == 201
    return one


@pytest.fixture
def service():
    return Service()


def respond(holder, service, url):
    challenge = holder.challenge(url, METHOD)
    answer = holder.post(challenge["url"], {"csr": service.request(base64.b64decode(challenge["nonce"]))})
    assert answer.status_code == 200, answer.text
    assert holder.poll(url, ("valid", "invalid")).json()["status"] == "valid"


def ordered(holder, *names):
    made = holder.order(*names)
    assert made.status_code == 201, made.text
    return made


def test_a_whole_issuance(holder, service):
    """B-37, B-38: the service, a name below it and a wildcard in one certificate, with one set of CAA for all"""
    assert holder.directory["meta"]["inBandOnionCAARequired"] is True
    names = [service.name, "www." + service.name, "*." + service.name]
    made = ordered(holder, *names)
    for url in made.json()["authorizations"]:
        (challenge,) = holder.post(url).json()["challenges"]  # B-36: nothing else, and dns-01 never
        assert challenge["type"] == METHOD and "token" not in challenge and len(base64.b64decode(challenge["nonce"], validate=True)) >= 8
        respond(holder, service, url)
    key = raw.ec_key()
    der, _ = raw.csr(names, key)
    finalize = made.json()["finalize"]
    missing = holder.post(finalize, {"csr": raw.b64(der)})
    assert service.name in raw.problem(missing, 403, "onionCAARequired")["detail"]

    def refused(entry, status, kind, words):
        found = raw.problem(holder.post(finalize, {"csr": raw.b64(der), "onionCAA": {service.name: entry}}), status, kind)
        assert words in found["subproblems"][0]["detail"], found

    refused(service.caa('caa 0 issue "other.test"'), 403, "caa", "names another CA")
    refused(service.caa("caa 128 unheard x"), 403, "caa", "critical")
    refused(service.caa('caa 0 issue "ca.test; validationmethods=http-01"'), 403, "caa", "does not allow the validation method")
    refused(service.caa('caa 0 issue "ca.test"\ncaa 0 issuewild ";"'), 403, "caa", "authorises nobody")
    refused(service.caa(expiry=int(time.time()) - 5), 400, "malformed", "expiry has passed")
    refused(service.caa(expiry=int(time.time()) + 10 * 3600), 400, "malformed", "more than 8 hours ahead")
    refused(Service().caa(), 400, "malformed", "signature does not verify")
    refused({**service.caa(), "caa": 'caa 0 issue "ca.test"'}, 400, "malformed", "signature does not verify")
    refused(service.caa("no record"), 400, "malformed", "is not of the form")
    own, _ = raw.csr(names, key)
    records = f'caa 128 issue "ca.test; validationmethods={METHOD}; accounturi={holder.kid}"\ncaa 0 iodef "mailto:a@b.test"\n'
    done = holder.post(finalize, {"csr": raw.b64(own), "onionCAA": {service.name: service.caa(records)}})
    assert done.status_code == 200, done.text
    final = holder.poll(made.headers["Location"], ("valid", "invalid")).json()
    leaf = raw.chain(holder.post(final["certificate"]).text)[0]
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    assert sorted(found) == sorted(names)


def test_authorizations_serve_again_and_caa_is_new_each_time(holder, service):
    """B-38, A-84; a name may be proved before it is ordered"""
    early = holder.post(holder.directory["newAuthz"], {"identifier": {"type": "dns", "value": service.name}})
    assert early.status_code == 201, early.text
    respond(holder, service, early.headers["Location"])
    made = ordered(holder, service.name).json()
    assert made["status"] == "ready" and made["authorizations"] == [early.headers["Location"]]
    der, _ = raw.csr([service.name])
    raw.problem(holder.post(made["finalize"], {"csr": raw.b64(der)}), 403, "onionCAARequired")
    done = holder.post(made["finalize"], {"csr": raw.b64(der), "onionCAA": {service.name: service.caa()}})
    assert done.status_code == 200, done.text


def test_the_key_of_the_service_gets_no_certificate(holder, service):
    """B-37"""
    made = ordered(holder, service.name).json()
    respond(holder, service, made["authorizations"][0])
    names = x509.SubjectAlternativeName([x509.DNSName(service.name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, True).sign(service.key, None)
    der = request.public_bytes(serialization.Encoding.DER)
    answer = holder.post(made["finalize"], {"csr": raw.b64(der), "onionCAA": {service.name: service.caa()}})
    raw.problem(answer, 400, "badCSR")


def test_what_is_wrong_is_said(holder, service):
    """B-35, B-37"""
    (url,) = ordered(holder, service.name).json()["authorizations"]
    challenge = holder.challenge(url, METHOD)
    assert '"csr"' in raw.problem(holder.post(challenge["url"], {}), 400, "malformed")["detail"]
    assert holder.challenge(url, METHOD)["status"] == "pending"  # nothing was begun
    nonce = base64.b64decode(challenge["nonce"])
    stranger = Service().request(nonce)
    assert holder.post(challenge["url"], {"csr": stranger}).status_code == 200
    failed = holder.poll(url, ("valid", "invalid")).json()
    assert failed["status"] == "invalid"
    assert failed["challenges"][0]["error"]["type"].endswith(":unauthorized")
    for make, kind, words in ((lambda n: service.request(n[::-1]), "unauthorized", "is not the nonce"),
                              (lambda n: service.request(n, b"short"), "badCSR", "less than 8 octets"),
                              (lambda n: raw.b64(raw.csr([service.name])[0]), "badCSR", "another key than one of Ed25519")):
        (url,) = ordered(holder, service.name).json()["authorizations"]
        challenge = holder.challenge(url, METHOD)
        assert holder.post(challenge["url"], {"csr": make(base64.b64decode(challenge["nonce"]))}).status_code == 200
        error = holder.poll(url, ("valid", "invalid")).json()["challenges"][0]["error"]
        assert error["type"].endswith(":" + kind) and words in error["detail"], error
    for name in ("facebookcorewwwi.onion", "a" + service.name, ("b" if service.name[0] != "b" else "c") + service.name[1:]):
        found = raw.problem(holder.order(name), 400, "rejectedIdentifier")
        assert "not a name of an onion service of version 3" in found["detail"]


def test_it_is_off_where_nobody_names_it(account):
    """B-36, B-47"""
    assert "inBandOnionCAARequired" not in account.directory["meta"]
    assert "onion service" in raw.problem(account.order(Service().name), 400, "rejectedIdentifier")["detail"]
