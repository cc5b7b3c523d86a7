"""The small clients that Debian packages, each with its life over http-01 as far as it goes: issue, renew, revoke."""
import re

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import raw
from test_clients import check_good, check_revoked, crl_reason, load


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


def test_acme_tiny(ca, run, webroot, tmp_path):
    """A-73, A-103, A-112: it makes neither keys nor CSRs, and can't revoke; an account key of 4096 bits"""
    name = "acme-tiny.test"
    account = raw.rsa_key(4096).private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                              serialization.NoEncryption())
    (tmp_path / "account.key").write_bytes(account)
    (tmp_path / "csr.der").write_bytes(raw.csr([name])[0])
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


@pytest.fixture
def acmetool(ca, run, tmp_path):
    """It answers http-01 itself, beside whoever listens on ports 80 and 402."""
    state = tmp_path / "acmetool"
    (state / "conf").mkdir(parents=True)
    (tmp_path / "hooks").mkdir()
    (state / "conf" / "target").write_text(f'request:\n  provider: {ca.DIRECTORY_URL}\n  key:\n    type: ecdsa\n  challenge:\n'
                                           f'    http-ports: ["127.0.0.1:{ca.HTTP01_PORT}"]\n    http-self-test: false\n'
                                           f"    webroot-paths: [{tmp_path}/unused]\n")
    (state / "conf" / "responses").write_text('"acme-enter-email": ""\n')
    return lambda *arguments: run("acmetool", "--state", state, "--hooks", tmp_path / "hooks", "--batch", "--xlog.severity=info", *arguments,
                                  SSL_CERT_FILE=ca.API_CA_FILE, NO_PROXY="*")


def test_acmetool(ca, acmetool, tmp_path):
    """A-73, A-103, A-112: it renews when the time comes and has no way to ask for it, but gets another certificate for
    another set of names; Debian's notes a revocation and never sends it"""
    names = ("acmetool.test", "www.acmetool.test")
    live = tmp_path / "acmetool" / "live"
    acmetool("want", names[0])
    first = load(live / names[0] / "cert")
    assert check_good(ca, tmp_path, first, names[0]) is ec.EllipticCurvePublicKey
    acmetool("want", *names)
    renewed(ca, tmp_path, first, load(live / names[1] / "cert"), names[1])
    acmetool("reconcile")
    assert len(list((tmp_path / "acmetool" / "certs").iterdir())) == 2
