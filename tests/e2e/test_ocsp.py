"""OCSP, as relying parties see it: openssl ocsp by POST, a client of our own by GET, and what is no request (E-35, E-36, E-37, E-39, D-60)."""
import base64
import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

import raw
import responder as responder_module
import steady
from test_sealing import until_sealed

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
WITHIN_S = 60  # far below the two minutes that are promised; seconds where nothing else runs


def configure(ca, **members):
    """All issuers with these members; cairn-ca starts again."""
    files = [word for file in ca.CONFIG_FILES.split() for word in ("--config", file)]
    issuers = json.loads(ca.cairn("config", "show", "--json", *files).stdout)["ca"]["issuers"]
    ca.config["ca"]["issuers"] = [{k: v for k, v in {**one, **members}.items() if v is not None} for one in issuers]
    with open(os.path.join(ca.state, "overlay.yaml"), "w", encoding="utf-8") as f:  # what its processes read at each start
        json.dump(ca.config, f)
    before = ca.kill("cairn-ca", 15)
    ca.wait_ready("cairn-ca", after=before)


def url_of(ca):
    return f"http://{ca.config['wfe']['http_listen'][0]}/ocsp"


def ask(url, body=None):
    """Status, headers and body."""
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/ocsp-request"} if body is not None else {})
    try:
        with OPENER.open(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


def request_for(leaf, issuer, algorithm=None):
    built = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, algorithm or hashes.SHA1()).build()
    return built.public_bytes(Encoding.DER)


def by_get(url, der):
    return ask(url + "/" + urllib.parse.quote(base64.b64encode(der).decode(), safe=""))


def status_of(url, leaf, issuer):
    status, _, body = ask(url, request_for(leaf, issuer))
    assert status == 200
    answer = ocsp.load_der_ocsp_response(body)
    return answer.certificate_status if answer.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL else answer.response_status


def await_status(url, leaf, issuer, wanted):
    """Waits until the answer is this one, within the time that is promised."""
    end = time.monotonic() + WITHIN_S
    while True:
        found = status_of(url, leaf, issuer)
        if found == wanted:
            return
        assert time.monotonic() < end, found
        time.sleep(0.1)


def openssl(ca, folder, leaf, issuer, url):
    """What openssl ocsp says, with the root alone trusted: by POST, with a nonce of its own."""
    paths = {}
    for name, cert in ("leaf", leaf), ("issuer", issuer):
        paths[name] = os.path.join(folder, name + ".pem")
        with open(paths[name], "wb") as f:
            f.write(cert.public_bytes(Encoding.PEM))
    done = subprocess.run(["openssl", "ocsp", "-issuer", paths["issuer"], "-cert", paths["leaf"], "-url", url, "-CAfile", ca.ROOT_FILE,
                           "-verify_other", paths["issuer"]], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "no_proxy": "*"})
    return done.stdout + done.stderr


def ocsp_urls(leaf):
    access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    return [one.access_location.value for one in access if one.access_method == x509.oid.AuthorityInformationAccessOID.OCSP]


def lookups(ca):
    """How often the front end asked the database for an answer."""
    _, _, text = ask(f"http://{ca.config['wfe']['metrics_listen']}/metrics")
    return sum(int(line.split()[-1]) for line in text.decode().splitlines() if line.startswith('cairn_db_seconds_count{statement="ocsp_find_'))


class World:
    def __init__(self, ca, responder):
        self.ca, self.responder, self.client = ca, responder, steady.Client(ca)
        assert self.client.register().status_code == 201
        self.url = url_of(ca)

    def issue(self, name):
        leaf, issuer = raw.chain(self.client.issue(self.responder, name)[0])[:2]
        return leaf, issuer

    def good(self, name):
        leaf, issuer = self.issue(name)
        await_status(self.url, leaf, issuer, ocsp.OCSPCertStatus.GOOD)
        return leaf, issuer

    def revoke(self, leaf, **members):
        answer = self.client.post(self.client.directory["revokeCert"], {"certificate": raw.b64(leaf.public_bytes(Encoding.DER)), **members})
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def world(make_ca):
    ca = make_ca(shifted=True)
    made = World(ca, responder_module.Responder(int(ca.HTTP01_PORT)))
    made.before = made.issue("before.test")  # while OCSP is off
    made.off = ask(made.url, request_for(*made.before)), by_get(made.url, request_for(*made.before))
    configure(ca, ocsp_url=made.url.replace("127.0.0.1", "localhost"))
    end = time.monotonic() + WITHIN_S
    while ask(made.url, b"")[0] == 404:  # each front end asks every five seconds whether it is on
        assert time.monotonic() < end
        time.sleep(0.1)
    yield made
    made.responder.close()


def test_off(world):
    """E-39: nothing pretends while it is off"""
    assert [status for status, _, _ in world.off] == [404, 404]
    assert ocsp_urls(world.before[0]) == []


def test_answers(world, tmp_path):
    """E-35, E-37, D-43: the certificate names the responder; good by POST and GET, by SHA-1 and SHA-256; revoked within the promised time"""
    leaf, issuer = world.good("good.test")
    assert ocsp_urls(leaf) == [world.url.replace("127.0.0.1", "localhost")]
    said = openssl(world.ca, tmp_path, leaf, issuer, world.url)
    assert "Response verify OK" in said and "leaf.pem: good" in said, said
    for algorithm in hashes.SHA1(), hashes.SHA256():
        der = request_for(leaf, issuer, algorithm)
        posted, got = ask(world.url, der), by_get(world.url, der)
        assert posted[0] == got[0] == 200 and posted[2] == got[2]
        answer = ocsp.load_der_ocsp_response(got[2])
        assert answer.certificate_status == ocsp.OCSPCertStatus.GOOD and answer.serial_number == leaf.serial_number
        assert answer.hash_algorithm.name == algorithm.name and len(list(answer.extensions)) == 0 and len(list(answer.single_extensions)) == 0
        assert (answer.next_update - answer.this_update).total_seconds() == 345600
        signer = answer.certificates[0]
        assert signer.issuer == issuer.subject and list(signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
            x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING]
    # base64 in the path without escapes, as some clients send it
    assert ask(world.url + "/" + base64.b64encode(request_for(leaf, issuer)).decode())[2] == ask(world.url, request_for(leaf, issuer))[2]

    world.revoke(leaf, reason=4)
    await_status(world.url, leaf, issuer, ocsp.OCSPCertStatus.REVOKED)
    said = openssl(world.ca, tmp_path, leaf, issuer, world.url)
    assert "Response verify OK" in said and "leaf.pem: revoked" in said and "Reason: superseded" in said, said


def test_those_of_before(world):
    """E-35: turned on, it answers for certificates that were there"""
    await_status(world.url, *world.before, ocsp.OCSPCertStatus.GOOD)


def test_caching(world):
    """E-35, RFC 5019 5: caches may keep an answer as long as a CRL, and ask by its tag; what is no answer is not kept"""
    leaf, issuer = world.good("cached.test")
    url = world.url + "/" + urllib.parse.quote(base64.b64encode(request_for(leaf, issuer)).decode(), safe="")
    _, headers, body = ask(url)
    assert headers["Content-Type"] == "application/ocsp-response" and int(headers["Content-Length"]) == len(body)
    assert headers["Cache-Control"] == "public, max-age=600" and headers["ETag"] and headers["Last-Modified"]
    again = urllib.request.Request(url, headers={"If-None-Match": headers["ETag"]})
    with pytest.raises(urllib.error.HTTPError) as unchanged:
        OPENER.open(again, timeout=60)
    assert unchanged.value.code == 304
    status, headers, _ = ask(world.url, b"nothing")
    assert status == 400 and "no-cache" in headers["Cache-Control"]


def test_others_are_unauthorized(world):
    """E-36: a serial that was never assigned, and another CA's certificate, by an answer without a signature that nobody keeps"""
    leaf, issuer = world.good("known.test")
    key = raw.ec_key()
    builder = x509.CertificateBuilder().public_key(key.public_key()).not_valid_before(
        leaf.not_valid_before).not_valid_after(leaf.not_valid_after)
    unknown = builder.issuer_name(issuer.subject).subject_name(issuer.subject).serial_number(leaf.serial_number + 1).sign(key, hashes.SHA256())
    stranger = builder.issuer_name(issuer.subject).subject_name(issuer.subject).serial_number(7).sign(key, hashes.SHA256())
    for der in request_for(unknown, issuer), request_for(leaf, stranger), request_for(unknown, issuer, hashes.SHA256()):
        for status, headers, body in ask(world.url, der), by_get(world.url, der):
            assert status == 200 and body == bytes.fromhex("30030a0106") and "no-cache" in headers["Cache-Control"]


def test_what_is_no_request(world):
    """E-35: bounded and refused as malformed, by GET and POST"""
    leaf, issuer = world.good("sound.test")
    der = request_for(leaf, issuer)
    bad = [b"", b"\x30", der[:-1], der + b"\0", b"\x30\x82\xff\xff" + der, bytes(5000), der.replace(b"\x2b\x0e\x03\x02\x1a", b"\x2b\x0e\x03\x02\x1b")]
    for one in bad:
        status, _, body = ask(world.url, one)
        assert status == 400 and body == bytes.fromhex("30030a0101"), one
    for path in "", "/", "/%", "/%2", "/%zz", "/" + base64.b64encode(der).decode()[:-3], "/" + "A" * 3000, "/" + base64.urlsafe_b64encode(b"\xfb\xff").decode():
        status, _, body = ask(world.url + path)
        assert status == 400 and body == bytes.fromhex("30030a0101"), path
    assert status_of(world.url, leaf, issuer) == ocsp.OCSPCertStatus.GOOD


def test_readers_are_not_recorded(world):
    """E-38, G-30: no question about a certificate leaves a row, by GET or POST, sound or not; a request to the API that came after them does"""
    leaf, issuer = world.good("unseen.test")
    der, agent = request_for(leaf, issuer), "nobody-who-asks/1"
    for body, rest in (der, ""), (b"nothing", ""), (None, "/" + urllib.parse.quote(base64.b64encode(der).decode(), safe="")), (None, "/%"):
        asked = urllib.request.Request(world.url + rest, data=body, headers={"User-Agent": agent, "Content-Type": "application/ocsp-request"})
        try:
            OPENER.open(asked, timeout=60).close()
        except urllib.error.HTTPError as e:
            assert e.code == 400
    one = raw.Client(world.ca)
    one.session.headers["User-Agent"] = agent + "-api"
    one.register()
    count = "SELECT count(*) FROM log.request_private WHERE user_agent = '{}'"
    end = time.monotonic() + WITHIN_S
    while world.ca.sql(count.format(agent + "-api")) == [["0"]]:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert world.ca.sql(count.format(agent)) == [["0"]]


def test_why_of_a_responder(world):
    """F-56, D-60: the serial of a responder's certificate is told for what it is, each claim with its proof"""
    leaf, issuer = world.good("why.test")
    (signer,) = ocsp.load_der_ocsp_response(ask(world.url, request_for(leaf, issuer))[2]).certificates
    serial = f"{signer.serial_number:036x}"
    until_sealed(world.ca)
    done = world.ca.cairn("audit", "why", serial, "--json", "--database", world.ca.AUDITOR_DATABASE_URL)
    told = json.loads(done.stdout)
    assert told["faults"] == 0 and [(c["section"], c["state"]) for c in told["claims"]] == [("certificate", "proved"), ("issuance", "proved")], told
    assert "a responder of OCSP" in told["claims"][0]["title"] and "no subscriber asked for it" in told["claims"][0]["title"]
    assert "SHA-256: " + signer.fingerprint(hashes.SHA256()).hex() in told["claims"][0]["lines"]
    update = "UPDATE ca.responder SET der = {} WHERE serial = '\\x" + serial + "'"
    world.ca.sql(update.format("der || '\\x00'::bytea"), role="cairn_owner")
    try:
        done = world.ca.cairn("audit", "why", serial, "--database", world.ca.AUDITOR_DATABASE_URL, check=False)
        assert done.returncode == 1 and "! changed" in done.stdout
    finally:
        world.ca.sql(update.format("substr(der, 1, octet_length(der) - 1)"), role="cairn_owner")


def test_kills(world):
    """E-35, F-40: cairn-ca killed at any moment while it signs: whatever was issued or revoked is answered, and every responder is on record"""
    leaves = []
    for i in range(6):
        leaf, issuer = world.issue(f"kill{i}.test")
        if i % 2 == 1:
            world.revoke(leaf)
        leaves.append((leaf, issuer, ocsp.OCSPCertStatus.REVOKED if i % 2 == 1 else ocsp.OCSPCertStatus.GOOD))
        before = world.ca.kill("cairn-ca")
        world.ca.wait_ready("cairn-ca", after=before)
    for leaf, issuer, wanted in leaves:
        await_status(world.url, leaf, issuer, wanted)
    signers = {ocsp.load_der_ocsp_response(ask(world.url, request_for(leaf, issuer))[2]).certificates[0] for leaf, issuer, _ in leaves}
    on_record = {row[0] for row in world.ca.sql("SELECT facts->>'serial' FROM log.event WHERE kind = 'responder.issued'")}
    assert {f"{one.serial_number:036x}" for one in signers} <= on_record


def test_time_passes(world):
    """E-35, D-60: answers are made anew before they end, and the responder's certificate too, all by themselves"""
    leaf, issuer = world.good("time.test")
    first = ocsp.load_der_ocsp_response(ask(world.url, request_for(leaf, issuer))[2])
    for _ in range(5):
        world.ca.pass_time(days=3)
        end = time.monotonic() + WITHIN_S
        while True:
            answer = ocsp.load_der_ocsp_response(ask(world.url, request_for(leaf, issuer))[2])
            if answer.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL and answer.next_update > world.ca.now() and (
                    world.ca.now() - answer.this_update).total_seconds() < 172800 + 3600:
                break
            assert time.monotonic() < end, answer.response_status
            time.sleep(0.2)
        assert answer.certificate_status == ocsp.OCSPCertStatus.GOOD and answer.certificates[0].not_valid_after >= answer.next_update
    assert answer.certificates[0] != first.certificates[0]


def test_doctor_and_metrics(world):
    """E-35: how it stands is told"""
    world.good("told.test")
    files = [word for file in world.ca.CONFIG_FILES.split() for word in ("--config", file)]
    found = world.ca.cairn("doctor", *files, check=False).stdout
    assert "OCSP answers" in found, found
    _, _, text = ask(f"http://{world.ca.config['ca']['metrics_listen']}/metrics")
    assert b'cairn_ocsp_signed_total{issuer="ecdsa-1"}' in text
    _, _, text = ask(f"http://{world.ca.config['wfe']['metrics_listen']}/metrics")
    assert b'cairn_ocsp_requests_total{outcome="answered"}' in text and b'outcome="unauthorized"' in text


def test_turned_off(world):
    """E-39: first no more in certificates, then not at all"""
    configure(world.ca, ocsp_named=False)
    leaf, issuer = world.good("unnamed.test")
    assert ocsp_urls(leaf) == []
    configure(world.ca, ocsp_url=None, ocsp_named=None)
    assert ask(world.url, request_for(leaf, issuer))[0] == 404
    leaf, issuer = world.issue("without.test")
    assert ocsp_urls(leaf) == [] and ask(world.url, request_for(leaf, issuer))[0] == 404
    # and nobody has the database asked for nothing: each front end asks every five seconds at most
    began, before = time.monotonic(), lookups(world.ca)
    for _ in range(50):
        assert ask(world.url, request_for(leaf, issuer))[0] == by_get(world.url, request_for(leaf, issuer))[0] == 404
    assert lookups(world.ca) - before <= 1 + (time.monotonic() - began) / 5
