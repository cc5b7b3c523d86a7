"""The URLs that stand in certificates, fetched by the CA itself (docs/crl.md)."""
import http.server
import json
import threading

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import raw
from test_witness import until


class Issuer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/pkix-cert")
        self.send_header("Content-Length", str(len(self.server.der)))
        self.end_headers()
        self.wfile.write(self.server.der)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def elsewhere():
    """A server in front of the CA, as a CDN may be one; what it has for a certificate is `der`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    server.der = b""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def configured(ca):
    return [word for path in ca.CONFIG_FILES.split() for word in ("--config", path)]


def readiness(ca):
    try:
        answer = requests.get(f"http://{ca.metrics_address('cairn-ca')}/readyz", timeout=20)
    except requests.ConnectionError:
        return None, ""
    return answer.status_code, answer.text


@pytest.fixture(scope="module")
def own_ca(make_ca, elsewhere):
    ca = make_ca({"ca": {"urls_required": True, "urls_probe_s": 1}})  # it becomes ready, so all were right
    issuers = json.loads(ca.cairn("config", "show", "--json", *configured(ca)).stdout)["ca"]["issuers"]
    for one in issuers:
        if one["name"] == "ecdsa-1":
            with open(one["cert_file"], "rb") as f:
                elsewhere.der = x509.load_pem_x509_certificate(f.read()).public_bytes(Encoding.DER)
            one["aia_url"] = f"http://localhost:{elsewhere.server_port}/ecdsa-1.der"
    ca.down()
    ca.config["ca"]["issuers"] = issuers
    return ca.up()


def alarms(ca):
    return ca.sql("SELECT subject, detail FROM audit.alarm WHERE kind = 'url'")


def test_a_url_that_fails_later_is_an_alarm(own_ca, elsewhere, responder_for):
    """D-15: the octets are compared; certificates go on being issued"""
    account, answers = raw.Client(own_ca), responder_for(own_ca)
    account.register()
    right, url = elsewhere.der, own_ca.config["ca"]["issuers"][0]["aia_url"]
    leaf = raw.chain(account.issue(answers, "right.urls.test")[0])[0]
    assert leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value[0].access_location.value == url
    doctor = own_ca.cairn("doctor", *configured(own_ca), check=False).stdout
    assert "ok       urls         The 8 URLs" in doctor and not alarms(own_ca)
    elsewhere.der = right[:-1] + bytes([right[-1] ^ 1])
    try:
        until(lambda: alarms(own_ca))
        assert alarms(own_ca) == [[url, f"{url}: what comes is not the issuer's certificate"]]
        doctor = own_ca.cairn("doctor", *configured(own_ca), check=False).stdout
        assert f"problem  urls         Certificates name a URL that does not lead where it should: {url}: what comes" in doctor
        assert "cairn_url_faults 1\n" in requests.get(f"http://{own_ca.metrics_address('cairn-ca')}/metrics", timeout=20).text
        assert own_ca.ready("cairn-ca")
        account.issue(answers, "later.urls.test")
    finally:
        elsewhere.der = right
    until(lambda: "cairn_url_faults 0\n" in requests.get(f"http://{own_ca.metrics_address('cairn-ca')}/metrics", timeout=20).text)
    assert len(alarms(own_ca)) == 1


def test_nothing_is_issued_while_they_fail_at_the_start(own_ca, elsewhere, responder_for):
    """D-15: the order stays as it is, and comes to its certificate when the URL is right"""
    account, answers = raw.Client(own_ca), responder_for(own_ca)
    account.register()
    made = account.order("start.urls.test")
    account.validate(made.json(), answers)
    right, elsewhere.der = elsewhere.der, b"something else"
    try:
        killed = own_ca.kill("cairn-ca")
        until(lambda: own_ca.pid("cairn-ca") not in (None, killed) and "what comes is not the issuer's certificate" in readiness(own_ca)[1])
        assert readiness(own_ca)[0] == 503
        refused = account.post(made.json()["finalize"], {"csr": raw.b64(raw.csr(["start.urls.test"])[0])})
        assert refused.status_code >= 400 or refused.json()["status"] == "processing"
        assert not own_ca.sql("SELECT 1 FROM ca.certificate WHERE 'start.urls.test' = ANY (names)", role="cairn_owner")
    finally:
        elsewhere.der = right
    own_ca.wait_ready("cairn-ca")
    if account.post(made.headers["Location"]).json()["status"] == "ready":
        account.post(made.json()["finalize"], {"csr": raw.b64(raw.csr(["start.urls.test"])[0])})
    until(lambda: account.post(made.headers["Location"]).json()["status"] == "valid")
