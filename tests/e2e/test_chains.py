"""The forms and chains in which a certificate comes (RFC 8555 7.4.2): A-120 to A-123."""
import datetime
import ipaddress
import json
import os
import re
import subprocess
import time

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

import raw
import relying_party
from test_eab import cairn


def fetch(client, url, accept=None):
    body = raw.jws(client.key, client.protected(url), None)
    return client.send(url, body, headers={**raw.JOSE, **({"Accept": accept} if accept else {})})


def links(answer, relation):
    """URLs of this relation; requests joins the header's lines."""
    return re.findall(rf'<([^>]+)>;rel="{relation}"', answer.headers.get("Link", ""))


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def issued(client, responder, name):
    """The URL of a fresh certificate."""
    _, _, order = client.issue(responder, name)
    return client.post(order).json()["certificate"]


def test_forms(account, responder):
    """A-120, A-122: the same certificate in each form, with a way to its issuer"""
    url = issued(account, responder, "forms.chain.test")
    usual = fetch(account, url)
    assert usual.headers["Content-Type"] == "application/pem-certificate-chain"
    assert not links(usual, "up"), "clients would look for more of the chain there"
    chain = raw.chain(usual.text)
    single = fetch(account, url, "application/pkix-cert")
    assert single.headers["Content-Type"] == "application/pkix-cert" and single.content == der(chain[0])
    (up,) = links(single, "up")
    assert requests.get(up, timeout=60).content == der(chain[1])
    for kind in "application/pkcs7-mime", "application/x-pkcs7-certificates":
        answer = fetch(account, url, kind + ", text/html;q=0.5")
        assert answer.headers["Content-Type"].split(";")[0] == kind
        assert list(map(der, pkcs7.load_der_pkcs7_certificates(answer.content))) == list(map(der, chain))
        shown = subprocess.run(["openssl", "pkcs7", "-inform", "DER", "-print_certs"], input=answer.content, capture_output=True, check=True)
        assert shown.stdout.count(b"BEGIN CERTIFICATE") == len(chain)
    for accept in "*/*", "application/*", "application/pem-certificate-chain;q=0.3, text/plain", "text/html, *; q=.2, */*; q=.2":
        assert fetch(account, url, accept).content == usual.content
    for accept in "application/json", "text/plain", "application/pkix-cert;q=0", "*/*;q=0":  # none of ours: PEM all the same
        answer = fetch(account, url, accept)
        assert answer.status_code == 200 and answer.headers["Content-Type"] == usual.headers["Content-Type"]
        assert answer.content == usual.content
    assert links(usual, "alternate") == []
    raw.problem(account.post(url + "/1"), 404, "malformed")


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "XX"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Elsewhere"),
                      x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certify(subject, public, extensions, issuer, key):
    now = datetime.datetime.utcnow()
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=900))
    for extension in extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key, hashes.SHA256())


def cross_sign(folder, one, more=()):
    """A root of somebody else, and PEM files with what it signed for the issuer's key, with more extensions: path and root."""
    with open(one["cert_file"], "rb") as f:
        issuer = x509.load_pem_x509_certificate(f.read())
    key = raw.ec_key()
    limits = [e for e in issuer.extensions if isinstance(e.value, (x509.BasicConstraints, x509.KeyUsage, x509.SubjectKeyIdentifier))]
    usage = [e for e in limits if not isinstance(e.value, x509.SubjectKeyIdentifier)]
    ids = [x509.Extension(one.oid, False, one) for one in (x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
                                                           x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()))]
    root = certify(name("Other Root"), key.public_key(), [e for e in usage if isinstance(e.value, x509.KeyUsage)] +
                   [x509.Extension(x509.BasicConstraints.oid, True, x509.BasicConstraints(True, None)), ids[0]], name("Other Root"), key)
    crossed = certify(issuer.subject, issuer.public_key(), limits + ids[1:] + list(more), root.subject, key)
    path = os.path.join(folder, f"other-{one['name']}.pem")
    with open(path, "wb") as f:
        f.write(crossed.public_bytes(serialization.Encoding.PEM) + root.public_bytes(serialization.Encoding.PEM))
    os.chmod(path, 0o644)
    return path, root


@pytest.fixture(scope="module")
def crossed_ca(make_ca):
    """A CA whose issuers another root has signed too, and that root's PEM by issuer."""
    ca = make_ca()
    files = [word for file in ca.CONFIG_FILES.split() for word in ("--config", file)]
    issuers = json.loads(ca.cairn("config", "show", "--json", *files).stdout)["ca"]["issuers"]
    for one in issuers:
        path, _ = cross_sign(ca.folder, one)
        one["alternate_chains"] = [path]
    ca.down()
    ca.config["ca"]["issuers"] = issuers
    return ca.up()


def verify(tmp_path, root, chain):
    """What openssl says by its strictest, with the CRL that the certificate names."""
    files = {}
    crl = x509.load_der_x509_crl(relying_party.fetch(relying_party.crl_url(chain[0])))
    for what, parts in ("root", [root]), ("chain", chain[1:]), ("leaf", chain[:1]), ("crl", [crl]):
        files[what] = tmp_path / what
        files[what].write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in parts))
    done = subprocess.run(["openssl", "verify", "-x509_strict", "-crl_check", "-CAfile", files["root"], "-CRLfile", files["crl"], "-untrusted", files["chain"],
                           files["leaf"]], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_other_chains(crossed_ca, responder_for, tmp_path):
    """A-121, E-20: each chain names the others, the leaf is the same, and each verifies with the CRL by its own root alone, until it is revoked"""
    client = raw.Client(crossed_ca)
    assert client.register().status_code == 201
    responder = responder_for(crossed_ca)
    issued(client, responder, "first.chain.test")  # from now on the front end knows the chain
    url = issued(client, responder, "other.chain.test")
    usual = fetch(client, url)
    assert links(usual, "alternate") == [url + "/1"]
    other = fetch(client, url + "/1")
    assert other.headers["Content-Type"] == "application/pem-certificate-chain" and links(other, "alternate") == [url]
    chain, crossed = raw.chain(usual.text), raw.chain(other.text)
    assert len(crossed) == 2 and der(chain[0]) == der(crossed[0]) and der(chain[1]) != der(crossed[1])
    path = next(p for p in os.listdir(crossed_ca.folder) if p.startswith("other-") and der(crossed[1]) == der(both(crossed_ca, p)[0]))
    with open(crossed_ca.ROOT_FILE, "rb") as f:
        root = x509.load_pem_x509_certificate(f.read())
    other_root = both(crossed_ca, path)[1]
    for good in (root, chain), (other_root, crossed):
        assert "leaf: OK" in verify(tmp_path, *good), verify(tmp_path, *good)
    for bad in (root, crossed), (other_root, chain):
        assert "unable to get" in verify(tmp_path, *bad)
    assert fetch(client, url + "/1", "application/pkix-cert").content == der(chain[0])
    raw.problem(client.post(url + "/2"), 404, "malformed")
    stranger = raw.Client(crossed_ca)
    assert stranger.register().status_code == 201
    for one in url, url + "/1":
        raw.problem(stranger.post(one), 403, "unauthorized")
    raw.problem(client.send(url + "/1", raw.jws(client.key, client.protected(url), None)), 403, "unauthorized")
    assert client.post(client.directory["revokeCert"], {"certificate": raw.b64(der(chain[0]))}).status_code == 200
    end = time.monotonic() + relying_party.REVOKED_WITHIN_S
    while not all("certificate revoked" in verify(tmp_path, *one) for one in ((root, chain), (other_root, crossed))):
        assert time.monotonic() < end
        time.sleep(0.1)


def both(ca, path):
    with open(os.path.join(ca.folder, path), encoding="ascii") as f:
        return raw.chain(f.read())


def test_certbot_prefers_a_chain(crossed_ca, run, tmp_path):
    """A-121"""
    run("certbot", "-n", "--config-dir", tmp_path / "certbot", "--work-dir", tmp_path / "work", "--logs-dir", tmp_path / "log", "certonly",
        "--server", crossed_ca.DIRECTORY_URL, "--standalone", "--http-01-port", crossed_ca.HTTP01_PORT, "--agree-tos",
        "--register-unsafely-without-email", "-d", "preferred.chain.test", "--preferred-chain", "Other Root", "--key-type", "ecdsa",
        REQUESTS_CA_BUNDLE=crossed_ca.API_CA_FILE, NO_PROXY="*")
    chain = raw.chain((tmp_path / "certbot/live/preferred.chain.test/fullchain.pem").read_text())
    assert chain[-1].issuer == name("Other Root")


DOMAIN, HIDDEN = "corp.test", "hidden.corp.test"


@pytest.fixture(scope="module")
def limited_ca(make_ca):
    """A CA whose issuers were made by somebody else's root, for one domain only; as an operator imports such."""
    ca = make_ca()
    files = [word for file in ca.CONFIG_FILES.split() for word in ("--config", file)]
    issuers = json.loads(ca.cairn("config", "show", "--json", *files).stdout)["ca"]["issuers"]
    ca.down()
    limits = x509.NameConstraints([x509.DNSName(DOMAIN)], [x509.DNSName(HIDDEN), x509.IPAddress(ipaddress.ip_network("0.0.0.0/0"))])
    ca.roots = []
    for one in issuers:
        one["cert_file"], root = cross_sign(ca.folder, one, [x509.Extension(limits.oid, True, limits)])
        ca.roots.append(root)
        one.update({key: one[key].replace(one["name"], "limited-" + one["name"]) for key in ("crl_url", "aia_url", "name")})
    ca.config["ca"]["issuers"] = issuers
    return ca.up()


def test_issuers_that_may_not_sign_all(limited_ca, responder_for, tmp_path):
    """D-31: what lies outside of the issuers' name constraints can't be ordered; what lies inside verifies"""
    client = raw.Client(limited_ca)
    assert client.register().status_code == 201
    for outside in "www.other.test", HIDDEN, "*." + DOMAIN:
        answer = raw.problem(client.order("fine." + DOMAIN, outside), 400, "rejectedIdentifier")
        assert "issuers" in answer["detail"]
    chain = raw.chain(client.issue(responder_for(limited_ca), "www." + DOMAIN)[0])
    assert any("leaf: OK" in verify(tmp_path, root, chain) for root in limited_ca.roots)
    asked = cairn(limited_ca, "policy", "test", "--account", client.kid, "--names", "www.other.test", check=False)
    assert asked.returncode == 1 and "name.issuer" in asked.stdout, asked.stdout + asked.stderr
