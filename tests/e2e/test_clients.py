"""The clients that people have, as Debian packages them, each with its whole life over http-01: issue, renew, revoke."""
import os
import re
import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from relying_party import check_good, check_revoked, crl_reason, load

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"  # what uacme reads, and has no option for


@pytest.fixture
def certbot(ca, run, tmp_path):
    def call(*arguments, **options):
        return run("certbot", "-n", "--config-dir", tmp_path / "certbot", "--work-dir", tmp_path / "work", "--logs-dir", tmp_path / "log",
                   *arguments, REQUESTS_CA_BUNDLE=ca.API_CA_FILE, NO_PROXY="*", **options)

    return call


@pytest.mark.parametrize("key_type, kind", (("ecdsa", ec.EllipticCurvePublicKey), ("rsa", rsa.RSAPublicKey)))
def test_certbot(ca, certbot, tmp_path, key_type, kind):
    """A-73, A-103, A-112, A-120, A-124, D-12, D-15, D-40, E-22, E-24"""
    name = f"{key_type}.certbot.test"
    live = tmp_path / "certbot" / "live" / name / "cert.pem"
    certbot("certonly", "--server", ca.DIRECTORY_URL, "--standalone", "--http-01-port", ca.HTTP01_PORT, "--agree-tos",
            "--register-unsafely-without-email", "--key-type", key_type, "-d", name)
    first = load(live)
    assert check_good(ca, tmp_path, first, name) is kind
    certbot("renew", "--force-renewal", "--no-random-sleep-on-renew")
    second = load(live)
    assert check_good(ca, tmp_path, second, name) is kind
    assert first.serial_number != second.serial_number
    certbot("revoke", "--server", ca.DIRECTORY_URL, "--cert-path", live, "--no-delete-after-revoke", "--reason", "superseded")
    check_revoked(ca, tmp_path, second, name, "superseded")
    assert crl_reason(first) is None


def test_certbot_revokes_by_the_key_of_the_certificate(ca, certbot, tmp_path):
    """A-126, A-130, E-13"""
    name = "lost.certbot.test"
    live = tmp_path / "certbot" / "live" / name
    certbot("certonly", "--server", ca.DIRECTORY_URL, "--standalone", "--http-01-port", ca.HTTP01_PORT, "--agree-tos",
            "--register-unsafely-without-email", "-d", name)
    kept = {part: tmp_path / part for part in ("cert.pem", "privkey.pem")}
    for part, path in kept.items():
        shutil.copy(live / part, path)
    shutil.rmtree(tmp_path / "certbot")  # the account is gone, the key is not
    certbot("revoke", "--server", ca.DIRECTORY_URL, "--cert-path", kept["cert.pem"], "--key-path", kept["privkey.pem"],
            "--no-delete-after-revoke")
    check_revoked(ca, tmp_path, load(kept["cert.pem"]), name, "keyCompromise")


@pytest.mark.parametrize("key_type, kind", (("ec256", ec.EllipticCurvePublicKey), ("rsa2048", rsa.RSAPublicKey)))
def test_lego(ca, run, tmp_path, key_type, kind):
    """A-73, A-103, A-112, A-124"""
    name = f"{key_type}.lego.test"
    path = tmp_path / "lego" / "certificates" / f"{name}.crt"

    def lego(*arguments):
        run("lego", "--server", ca.DIRECTORY_URL, "--accept-tos", "--email", "someone@lego.test", "--path", tmp_path / "lego", "--key-type",
            key_type, "--http", "--http.port", f"127.0.0.1:{ca.HTTP01_PORT}", "--domains", name, *arguments,
            LEGO_CA_CERTIFICATES=ca.API_CA_FILE, NO_PROXY="*")

    lego("run")
    first = load(path)
    assert check_good(ca, tmp_path, first, name) is kind
    lego("renew", "--days", "3650", "--no-random-sleep")
    second = load(path)
    assert check_good(ca, tmp_path, second, name) is kind
    assert first.serial_number != second.serial_number
    lego("revoke", "--keep")
    check_revoked(ca, tmp_path, second, name, "")
    assert crl_reason(first) is None


@pytest.fixture
def uacme(ca, run, responder, tmp_path):
    """uacme in a mount namespace whose bundle of trusted roots is the API's, with a hook that hands over key
    authorizations in files."""
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    hook = tmp_path / "hook"
    hook.write_text(f'#!/bin/sh\n[ "$2" = http-01 ] || exit 1\ncase $1 in\nbegin) printf %s "$5" >"{tokens}/$4" ;;\n*) rm -f "{tokens}/$4" ;;\nesac\n')
    hook.chmod(0o755)

    def from_file(handler):
        token = handler.path.rpartition("/")[2]
        if re.fullmatch(r"[A-Za-z0-9_-]+", token) and (tokens / token).exists():
            responder.tokens[token] = (tokens / token).read_text()
        return False

    responder.handler = from_file
    namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]

    def call(*arguments):
        return run(*namespace, "sh", "-c", f'mount --bind "$0" {BUNDLE} && exec "$@"', ca.API_CA_FILE, "uacme", "-v", "-y", "-a",
                   ca.DIRECTORY_URL, "-c", tmp_path / "uacme", "-h", hook, *arguments)

    return call


@pytest.mark.parametrize("key_type, kind", (("EC", ec.EllipticCurvePublicKey), ("RSA", rsa.RSAPublicKey)))
def test_uacme(ca, uacme, tmp_path, key_type, kind):
    """A-73, A-103, A-112, A-124"""
    name = f"{key_type.lower()}.uacme.test"
    path = tmp_path / "uacme" / name / "cert.pem"
    uacme("new")
    uacme("-t", key_type, "issue", name)
    first = load(path)
    assert check_good(ca, tmp_path, first, name) is kind
    uacme("-t", key_type, "-f", "issue", name)
    second = load(path)
    assert check_good(ca, tmp_path, second, name) is kind
    assert first.serial_number != second.serial_number
    (tmp_path / "second.pem").write_bytes(path.read_bytes())
    uacme("revoke", tmp_path / "second.pem")
    check_revoked(ca, tmp_path, second, name, "")
