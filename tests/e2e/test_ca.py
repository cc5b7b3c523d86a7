"""cairn-ca as a process: killed between its two transactions, its signer killed, and its CRLs as the world gets them."""
import os
import signal
import subprocess
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization

import raw


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(p) for p in f.read().split()]


def wait_for(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def verify(ca, tmp_path, chain, crl_url):
    """What openssl says of the chain with the CRL that the certificate names."""
    crl = raw.Client(ca).get(crl_url)
    assert crl.headers["Content-Type"] == "application/pkix-crl"
    (tmp_path / "crl.pem").write_bytes(x509.load_der_x509_crl(crl.content).public_bytes(serialization.Encoding.PEM))
    leaf, _, above = chain.partition("-----END CERTIFICATE-----\n")
    (tmp_path / "leaf.pem").write_text(leaf + "-----END CERTIFICATE-----\n")
    (tmp_path / "above.pem").write_text(above)
    return subprocess.run(["openssl", "verify", "-x509_strict", "-crl_check", "-CAfile", ca.ROOT_FILE, "-untrusted", tmp_path / "above.pem",
                           "-CRLfile", tmp_path / "crl.pem", tmp_path / "leaf.pem"], capture_output=True, text=True, check=False)


def test_revocation_is_in_the_crl_within_seconds(ca, account, responder, tmp_path):
    """E-20, E-22, E-24"""
    chain, _, _ = account.issue(responder, "crl.test")
    leaf = x509.load_pem_x509_certificate(chain.encode())
    points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    url = points[0].full_name[0].value
    assert verify(ca, tmp_path, chain, url).returncode == 0
    der = raw.b64(leaf.public_bytes(serialization.Encoding.DER))
    assert account.post(account.directory["revokeCert"], {"certificate": der}).status_code == 200
    wait_for("the CRL to list it", lambda: "certificate revoked" in verify(ca, tmp_path, chain, url).stderr, 10)


def ready_order(client, responder, name):
    """An order that only waits for its CSR."""
    made = client.order(name)
    client.validate(made.json(), responder)
    return made.headers["Location"], made.json()["finalize"]


def test_killed_between_its_transactions(make_ca, responder_for):
    """A-87, A-113, A-117, A-118, D-3: it is processing, and says when to come again; the order ends with the serial and the bytes that stood before
    the kill; one certificate."""
    ca = make_ca()
    client = raw.Client(ca)
    client.register()
    url, finalize = ready_order(client, responder_for(ca), "killed.test")
    pid = ca.pid("cairn-ca")
    os.kill(children(pid)[0], signal.SIGSTOP)  # the signer: now the bytes stand, and no signature comes
    csr, _ = raw.csr(["killed.test"])
    body = raw.jws(client.key, client.protected(finalize), {"csr": raw.b64(csr)})
    answers, beside = [], raw.Client(ca, client.key)
    beside.kid = client.kid
    asking = threading.Thread(target=lambda: answers.append(client.send(finalize, body)))
    asking.start()
    issued = "SELECT count(*) FROM log.event WHERE kind = 'certificate.issued'"
    wait_for("the bytes to stand", lambda: ca.sql("SELECT count(*) FROM ca.certificate", "cairn_owner") == [["1"]])
    serial = ca.sql("SELECT encode(serial, 'hex') FROM ca.certificate", "cairn_owner")[0][0]
    assert ca.sql(issued) == [["0"]]
    seen = beside.post(url)
    assert seen.json()["status"] == "processing" and int(seen.headers["Retry-After"]) > 0 and "certificate" not in seen.json()
    raw.problem(beside.post(finalize, {"csr": raw.b64(raw.csr(["killed.test"])[0])}), 403, "orderNotReady")
    assert beside.post(seen.json()["authorizations"][0], {"status": "deactivated"}).json()["status"] == "deactivated"
    assert beside.post(url).json()["status"] == "processing"  # what was begun goes on
    ca.kill("cairn-ca")
    ca.wait_ready("cairn-ca", after=pid)
    asking.join()
    assert answers[0].status_code == 200 and answers[0].headers["Location"] == url, answers[0].text
    assert answers[0].json()["status"] == "valid" or int(answers[0].headers["Retry-After"]) > 0
    order = client.poll(url, ("valid", "invalid"), 5).json()
    assert order["status"] == "valid", order
    leaf = x509.load_pem_x509_certificate(client.post(order["certificate"]).content)
    assert leaf.serial_number == int(serial, 16)
    assert ca.sql(issued) == [["1"]]
    assert ca.sql("SELECT count(*) FROM ca.certificate", "cairn_owner") == [["1"]]


def test_the_signer_takes_its_parent_along(make_ca, responder_for):
    """style.md 29: without its signer cairn-ca ends, and both come back."""
    ca = make_ca()
    pid = ca.pid("cairn-ca")
    os.kill(children(pid)[0], signal.SIGKILL)
    ca.wait_ready("cairn-ca", after=pid)
    client = raw.Client(ca)
    client.register()
    client.issue(responder_for(ca), "again.test")
