"""The main job, once with a packaged client and once by hand: account, order, http-01, certificate, revocation."""
import subprocess

import pytest
from cryptography import x509

import raw

pytestmark = pytest.mark.smoke


def verify(ca, folder, name):
    subprocess.run(["openssl", "verify", "-CAfile", ca.ROOT_FILE, "-untrusted", folder / "chain.pem", "-purpose", "sslserver",
                    "-verify_hostname", name, folder / "cert.pem"], check=True, capture_output=True)


def test_certbot_issues_renews_and_revokes(ca, run, tmp_path):
    """A-49, A-73, A-98, A-103, A-112, A-120, A-124"""
    common = ["certbot", "-n", "--config-dir", tmp_path, "--work-dir", tmp_path / "work", "--logs-dir", tmp_path / "log"]
    server = ["--server", ca.DIRECTORY_URL]
    trust = {"REQUESTS_CA_BUNDLE": ca.API_CA_FILE, "NO_PROXY": "*"}
    run(*common, "certonly", *server, "--standalone", "--http-01-port", ca.HTTP01_PORT, "--agree-tos",
        "--register-unsafely-without-email", "-d", "certbot.test", "-d", "www.certbot.test", **trust)
    live = tmp_path / "live" / "certbot.test"
    verify(ca, live, "www.certbot.test")
    first = x509.load_pem_x509_certificate((live / "cert.pem").read_bytes())
    run(*common, "renew", "--force-renewal", "--no-random-sleep-on-renew", **trust)
    verify(ca, live, "certbot.test")
    second = x509.load_pem_x509_certificate((live / "cert.pem").read_bytes())
    assert first.serial_number != second.serial_number
    run(*common, "revoke", *server, "--cert-path", live / "cert.pem", "--no-delete-after-revoke", **trust)
    # certbot 2.1 trips over its own exception here, so its log is asked what the answer was
    run(*common, "revoke", *server, "--cert-path", live / "cert.pem", "--no-delete-after-revoke", status=1, **trust)
    assert "urn:ietf:params:acme:error:alreadyRevoked" in (tmp_path / "log" / "letsencrypt.log").read_text()


def test_by_hand(account, responder):
    """A-73, A-79, A-81, A-104, A-124, A-128"""
    chain, _, url = account.issue(responder, "hand.test")
    assert responder.seen[0][0] == "hand.test"  # the name alone, whatever the port
    leaf = x509.load_pem_x509_certificate(chain.encode())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    assert names == ["hand.test"]
    der = raw.b64(leaf.public_bytes(raw.serialization.Encoding.DER))
    assert account.post(account.directory["revokeCert"], {"certificate": der, "reason": 4}).status_code == 200
    raw.problem(account.post(account.directory["revokeCert"], {"certificate": der}), 400, "alreadyRevoked")
    assert account.post(url).json()["status"] == "valid"
