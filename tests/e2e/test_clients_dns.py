"""Packaged clients that prove control by DNS, each with a zone that it changes itself (RFC 2136), and what they get: a name with its
wildcard, and a certificate of a hundred names."""
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography import x509

import name_server
import raw
from name_server import ZONE, script
from relying_party import check_good, check_revoked, load

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"  # what uacme reads, and has no option for


def names_of(leaf):
    return leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


def check_both(ca, folder, leaf, name):
    """The certificate is for the name and its wildcard, and what relying parties ask it for."""
    assert sorted(names_of(leaf)) == sorted([name, "*." + name])
    check_good(ca, folder, leaf, name)
    return leaf.public_key()


def check_methods(ca, name, wanted):
    """What the names were proved by, by the record."""
    rows = ca.sql(f"SELECT wildcard, method FROM log.validation WHERE identifier_value = '{name}' AND proof = 'control' ORDER BY wildcard")
    assert rows == wanted


def check_zone_is_clean(server, name):
    """The client has taken its records away."""
    answer = server.ask(f"_acme-challenge.{name}", "TXT")
    assert not answer.answer, answer


@pytest.fixture
def certbot(dns_ca, server, run, tmp_path):
    credentials = tmp_path / "credentials.ini"
    credentials.write_text(f"dns_rfc2136_server = 127.0.0.1\ndns_rfc2136_port = {server.port}\ndns_rfc2136_name = {name_server.KEY}\n"
                           f"dns_rfc2136_secret = {server.secret}\ndns_rfc2136_algorithm = HMAC-SHA256\n")
    credentials.chmod(0o600)

    def call(command, *arguments, dns=True):
        by_dns = ["--dns-rfc2136", "--dns-rfc2136-credentials", credentials, "--dns-rfc2136-propagation-seconds", "1"] if dns else []
        return run("certbot", "-n", "--config-dir", tmp_path / "certbot", "--work-dir", tmp_path / "work", "--logs-dir", tmp_path / "log",
                   command, "--server", dns_ca.DIRECTORY_URL, *by_dns, *arguments, REQUESTS_CA_BUNDLE=dns_ca.API_CA_FILE, NO_PROXY="*", timeout=200)

    return call


def test_certbot(dns_ca, server, certbot, tmp_path):
    """A-77, A-89, A-90, A-110"""
    name = f"certbot.{ZONE}"
    live = tmp_path / "certbot" / "live" / name / "cert.pem"
    certbot("certonly", "--agree-tos", "--register-unsafely-without-email", "-d", name, "-d", "*." + name)
    first = load(live)
    assert isinstance(check_both(dns_ca, tmp_path, first, name), (ec.EllipticCurvePublicKey, rsa.RSAPublicKey))
    check_methods(dns_ca, name, [["f", "dns-01"], ["t", "dns-01"]])
    check_zone_is_clean(server, name)
    certbot("renew", "--force-renewal", "--no-random-sleep-on-renew", dns=False)
    second = load(live)
    check_both(dns_ca, tmp_path, second, name)
    assert first.serial_number != second.serial_number
    certbot("revoke", "--cert-path", live, "--no-delete-after-revoke", dns=False)
    check_revoked(dns_ca, tmp_path, second, name, "")


def test_certbot_with_a_hundred_names(dns_ca, certbot, tmp_path):
    """A-77, B-24"""
    names = [f"n{i}.hundred.{ZONE}" for i in range(99)] + [f"*.hundred.{ZONE}"]
    certbot("certonly", "--agree-tos", "--register-unsafely-without-email", "--cert-name", "hundred", *(word for name in names for word in ("-d", name)))
    leaf = load(tmp_path / "certbot" / "live" / "hundred" / "cert.pem")
    assert sorted(names_of(leaf)) == sorted(names)
    check_good(dns_ca, tmp_path, leaf, names[0])


@pytest.mark.parametrize("key_type, kind", (("ec256", ec.EllipticCurvePublicKey), ("rsa2048", rsa.RSAPublicKey)))
def test_lego(dns_ca, server, run, tmp_path, key_type, kind):
    """A-89, A-90, A-110"""
    name = f"{key_type}.lego.{ZONE}"
    address = f"127.0.0.1:{server.port}"
    path = tmp_path / "lego" / "certificates" / f"{name}.crt"

    def lego(*arguments):
        run("lego", "--server", dns_ca.DIRECTORY_URL, "--accept-tos", "--email", "someone@lego.test", "--path", tmp_path / "lego", "--key-type",
            key_type, "--dns", "rfc2136", "--dns.disable-cp", "--dns.resolvers", address, "--domains", name, "--domains", "*." + name, *arguments,
            LEGO_CA_CERTIFICATES=dns_ca.API_CA_FILE, NO_PROXY="*", RFC2136_NAMESERVER=address, RFC2136_TSIG_ALGORITHM="hmac-sha256.",
            RFC2136_TSIG_KEY=name_server.KEY, RFC2136_TSIG_SECRET=server.secret, RFC2136_SEQUENCE_INTERVAL="1")

    lego("run")
    first = load(path)
    assert isinstance(check_both(dns_ca, tmp_path, first, name), kind)
    check_methods(dns_ca, name, [["f", "dns-01"], ["t", "dns-01"]])
    check_zone_is_clean(server, name)
    lego("renew", "--days", "3650", "--no-random-sleep")
    second = load(path)
    check_both(dns_ca, tmp_path, second, name)
    assert first.serial_number != second.serial_number
    lego("revoke", "--keep")
    check_revoked(dns_ca, tmp_path, second, name, "")


def test_uacme(dns_ca, server, run, update, tmp_path):
    """A-89, A-90, A-110: it proves the name and its wildcard one after the other, with one record at a time"""
    name = f"uacme.{ZONE}"
    hook = script(tmp_path / "hook", f'#!/bin/sh\n[ "$2" = dns-01 ] || exit 1\ncase $1 in\nbegin) exec {update} add "$3" "$5" ;;\n'
                                     f'*) exec {update} delete "$3" "$5" ;;\nesac\n')
    namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]

    def uacme(*arguments):
        run(*namespace, "sh", "-c", f'mount --bind "$0" {BUNDLE} && exec "$@"', dns_ca.API_CA_FILE, "uacme", "-v", "-y", "-a",
            dns_ca.DIRECTORY_URL, "-c", tmp_path / "uacme", "-h", hook, *arguments)

    live = tmp_path / "uacme" / name / "cert.pem"
    uacme("new")
    uacme("-t", "EC", "issue", name, "*." + name)
    first = load(live)
    check_both(dns_ca, tmp_path, first, name)
    check_methods(dns_ca, name, [["f", "dns-01"], ["t", "dns-01"]])
    check_zone_is_clean(server, name)
    uacme("-t", "EC", "-f", "issue", name, "*." + name)
    second = load(live)
    check_both(dns_ca, tmp_path, second, name)
    assert first.serial_number != second.serial_number
    uacme("revoke", live)
    check_revoked(dns_ca, tmp_path, second, name, "")


def test_dehydrated(dns_ca, server, run, update, tmp_path):
    """A-89, A-90, A-110"""
    name = f"dehydrated.{ZONE}"
    hook = script(tmp_path / "hook", f'#!/bin/sh\ncase $1 in\ndeploy_challenge) exec {update} add "$2" "$4" ;;\n'
                                     f'clean_challenge) exec {update} delete "$2" "$4" ;;\nesac\n')
    config = tmp_path / "config"
    config.write_text(f'CA="{dns_ca.DIRECTORY_URL}"\nCHALLENGETYPE="dns-01"\nHOOK="{hook}"\nBASEDIR="{tmp_path}/dehydrated"\n'
                      f'CURL_OPTS="--cacert {dns_ca.API_CA_FILE} --noproxy *"\nAUTO_CLEANUP="no"\n')
    (tmp_path / "dehydrated").mkdir()
    order = ("dehydrated", "--config", config, "--cron", "--domain", f"{name} *.{name}", "--alias", "both")
    run("dehydrated", "--config", config, "--register", "--accept-terms")
    run(*order)
    path = tmp_path / "dehydrated" / "certs" / "both" / "cert.pem"
    first = load(path)
    check_both(dns_ca, tmp_path, first, name)
    check_methods(dns_ca, name, [["f", "dns-01"], ["t", "dns-01"]])
    check_zone_is_clean(server, name)
    run(*order, "--force")
    second = load(path)
    check_both(dns_ca, tmp_path, second, name)
    assert first.serial_number != second.serial_number
    run("dehydrated", "--config", config, "--revoke", path.resolve())
    check_revoked(dns_ca, tmp_path, second, name, "")


def test_acme_tiny(dns_ca, run, responder_for, tmp_path):
    """A-103: knows http-01 alone, and takes that from what is offered"""
    name = f"tiny.{ZONE}"
    answers = responder_for(dns_ca)
    folder = tmp_path / "challenges"
    folder.mkdir()

    def from_file(handler):
        token = handler.path.rpartition("/")[2]
        if (folder / token).is_file():
            answers.tokens[token] = (folder / token).read_text()
        return False

    answers.handler = from_file
    run("openssl", "genrsa", "-out", tmp_path / "account.key", "2048")
    der, _ = raw.csr([name])
    (tmp_path / "csr.der").write_bytes(der)
    run("openssl", "req", "-inform", "DER", "-in", tmp_path / "csr.der", "-out", tmp_path / "csr.pem")
    done = run("acme-tiny", "--account-key", tmp_path / "account.key", "--csr", tmp_path / "csr.pem", "--acme-dir", folder, "--directory-url",
               dns_ca.DIRECTORY_URL, "--disable-check", SSL_CERT_FILE=dns_ca.API_CA_FILE, NO_PROXY="*", no_proxy="*")
    leaf = raw.chain(done.stdout)[0]
    assert names_of(leaf) == [name]
    check_good(dns_ca, tmp_path, leaf, name)
    check_methods(dns_ca, name, [["f", "http-01"]])
