"""The small clients that Debian packages, each with its life over http-01 as far as it goes: issue, renew, revoke."""
import datetime
import re
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import name_server
import raw
from name_server import ZONE, script
from relying_party import check_good, check_revoked, crl_reason, load
from test_clients_dns import check_methods, check_zone_is_clean


@pytest.fixture
def webroot(responder, tmp_path):
    """A folder of files with key authorizations, as a web server would serve it."""
    folder = tmp_path / "webroot"
    folder.mkdir()

    def from_file(handler):
        token = handler.path.rpartition("/")[2]
        if re.fullmatch(r"[A-Za-z0-9_-]+", token) and (folder / token).exists():
            responder.tokens[token] = (folder / token).read_text()
        return False

    responder.handler = from_file
    return folder


def renewed(ca, folder, first, second, name):
    check_good(ca, folder, second, name)
    assert first.serial_number != second.serial_number


@pytest.fixture
def dehydrated(ca, run, webroot, tmp_path):
    config = tmp_path / "dehydrated.conf"
    (tmp_path / "dehydrated").mkdir()
    config.write_text(f'CA={ca.DIRECTORY_URL}\nCURL_OPTS="--cacert {ca.API_CA_FILE} --noproxy *"\nBASEDIR={tmp_path}/dehydrated\n'
                      f"WELLKNOWN={webroot}\nKEY_ALGO=prime256v1\n")
    return lambda *arguments, **options: run("dehydrated", "--config", config, *arguments, **options)


@pytest.mark.parametrize("algorithm, kind", (("prime256v1", ec.EllipticCurvePublicKey), ("rsa", rsa.RSAPublicKey)))
def test_dehydrated(ca, dehydrated, tmp_path, algorithm, kind):
    """A-73, A-103, A-112, A-124; it never tries again after badNonce (A-37)"""
    names = (f"{algorithm}.dehydrated.test", f"www.{algorithm}.dehydrated.test")
    live = tmp_path / "dehydrated" / "certs" / names[0] / "cert.pem"
    order = ("--cron", "--algo", algorithm, "--domain", " ".join(names))
    dehydrated("--register", "--accept-terms")
    dehydrated(*order)
    first = load(live)
    assert check_good(ca, tmp_path, first, names[1]) is kind
    dehydrated(*order, "--force")
    second = load(live)
    renewed(ca, tmp_path, first, second, names[0])
    dehydrated("--revoke", live)
    check_revoked(ca, tmp_path, second, names[0], "")
    assert crl_reason(first) is None


def test_dehydrated_leaves(dehydrated):
    """A-60"""
    dehydrated("--register", "--accept-terms")
    dehydrated("--deactivate")
    done = dehydrated("--cron", "--domain", "gone.dehydrated.test", status=None)
    assert done.returncode != 0


def test_acme_tiny(ca, run, webroot, revoke_by_key, tmp_path):
    """A-73, A-103, A-112: it makes neither keys nor CSRs; an account key of 4096 bits. A-126: it can't revoke, the certificate's key can"""
    name = "acme-tiny.test"
    account = raw.rsa_key(4096).private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                              serialization.NoEncryption())
    (tmp_path / "account.key").write_bytes(account)
    der, key = raw.csr([name])
    (tmp_path / "csr.der").write_bytes(der)
    run("openssl", "req", "-inform", "DER", "-in", tmp_path / "csr.der", "-out", tmp_path / "csr.pem")
    certificates = []
    for i in range(2):
        done = run("acme-tiny", "--account-key", tmp_path / "account.key", "--csr", tmp_path / "csr.pem", "--acme-dir", webroot,
                   "--directory-url", ca.DIRECTORY_URL, "--disable-check", SSL_CERT_FILE=ca.API_CA_FILE, NO_PROXY="*")
        (tmp_path / f"{i}.pem").write_text(done.stdout)
        assert len(raw.chain(done.stdout)) >= 2
        certificates.append(load(tmp_path / f"{i}.pem"))
        check_good(ca, tmp_path, certificates[i], name)
    renewed(ca, tmp_path, *certificates, name)
    assert list(webroot.iterdir()) == []
    (tmp_path / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    revoke_by_key(ca, tmp_path / "1.pem", tmp_path / "key.pem")
    check_revoked(ca, tmp_path, certificates[1], name, "keyCompromise")


@pytest.fixture
def acmetool(run, tmp_path):
    """A function that makes an acmetool for a CA. It answers http-01 itself, beside whoever listens on ports 80 and 402; where
    `http` is false it sees that nobody hears that, and asks its hooks."""
    state, hooks = tmp_path / "acmetool", tmp_path / "hooks"
    (state / "conf").mkdir(parents=True)
    hooks.mkdir()

    def tool_for(one, http=True):
        (state / "conf" / "target").write_text(f'request:\n  provider: {one.DIRECTORY_URL}\n  key:\n    type: ecdsa\n  challenge:\n'
                                               f'    http-ports: ["127.0.0.1:{one.HTTP01_PORT}"]\n    http-self-test: {str(not http).lower()}\n'
                                               f"    webroot-paths: [{tmp_path}/unused]\n")
        (state / "conf" / "responses").write_text('"acme-enter-email": ""\n')
        return lambda *arguments: run("acmetool", "--state", state, "--hooks", hooks, "--batch", "--xlog.severity=info", *arguments,
                                      SSL_CERT_FILE=one.API_CA_FILE, NO_PROXY="*")

    tool_for.live, tool_for.hooks = state / "live", hooks
    return tool_for


BRIEF = {"name": "brief", "life": "60s", "backdate_s": 30}


@pytest.fixture
def brief_ca(make_ca):
    """A CA whose certificates are due for renewal, by a third of their life, ten seconds after they are made."""
    return make_ca({"policy": {"profiles": [BRIEF]}})


def test_acmetool(brief_ca, acmetool, tmp_path):
    """A-73, A-103, A-112: it renews when a third of the life is left; Debian's notes a revocation and never sends it"""
    names = ("acmetool.test", "www.acmetool.test")
    call = acmetool(brief_ca)
    call("want", *names)
    first = load(acmetool.live / names[1] / "cert")
    assert check_good(brief_ca, tmp_path, first, names[1]) is ec.EllipticCurvePublicKey
    wait_due(first)
    call("reconcile")
    renewed(brief_ca, tmp_path, first, load(acmetool.live / names[0] / "cert"), names[0])


def wait_due(leaf):
    """Until a third of its life is left."""
    due = leaf.not_valid_after - (leaf.not_valid_after - leaf.not_valid_before) / 3
    while datetime.datetime.utcnow() < due + datetime.timedelta(seconds=1):
        time.sleep(0.1)


@pytest.fixture
def brief_dns_ca(make_ca, server):
    """The same, which asks the name server."""
    return make_ca({"policy": {"profiles": [BRIEF]}, "va": {"resolvers": [{"zone": name_server.TOP, "forward": server.forward, "dnssec": "off"}]}})


def test_acmetool_by_dns(brief_dns_ca, server, update, acmetool, revoke_by_key, tmp_path):
    """A-110: its hook changes the zone. A-126: the certificate's key revokes"""
    name = f"acmetool.{ZONE}"
    call = acmetool(brief_dns_ca, http=False)
    script(acmetool.hooks / "dns", f'#!/bin/sh\ncase $1 in\nchallenge-dns-start) exec {update} add "$2" "$4" ;;\n'
                                   f'challenge-dns-stop) exec {update} delete "$2" "$4" ;;\n*) exit 42 ;;\nesac\n')
    call("want", name)
    first = load(acmetool.live / name / "cert")
    check_good(brief_dns_ca, tmp_path, first, name)
    check_methods(brief_dns_ca, name, [["f", "dns-01"]])
    check_zone_is_clean(server, name)
    wait_due(first)
    call("reconcile")
    live = (acmetool.live / name).resolve()
    second = load(live / "cert")
    renewed(brief_dns_ca, tmp_path, first, second, name)
    revoke_by_key(brief_dns_ca, live / "cert", live / "privkey")
    check_revoked(brief_dns_ca, tmp_path, second, name, "keyCompromise")


@pytest.fixture
def revoke_by_key(run, tmp_path):
    """What docs/clients.md says of clients that can't revoke: certbot does it with the certificate's key, and has no account."""
    return lambda one, cert, key: run("certbot", "-n", "--config-dir", tmp_path / "certbot", "--work-dir", tmp_path / "work", "--logs-dir", tmp_path / "log",
                                      "revoke", "--server", one.DIRECTORY_URL, "--cert-path", cert, "--key-path", key, "--no-delete-after-revoke",
                                      REQUESTS_CA_BUNDLE=one.API_CA_FILE, NO_PROXY="*")


def test_acmetool_revocation(ca, acmetool, revoke_by_key, tmp_path):
    """A-126: Debian's acmetool notes a revocation and never sends it; the certificate's key does it"""
    name = "revoked.acmetool.test"
    call = acmetool(ca)
    call("want", name)
    live = (acmetool.live / name).resolve()
    leaf = load(live / "cert")
    call("revoke", live.name)
    call("reconcile")
    assert (live / "revoke").exists() and crl_reason(leaf) is None
    revoke_by_key(ca, live / "cert", live / "privkey")
    check_revoked(ca, tmp_path, leaf, name, "keyCompromise")
