"""Web servers that get their certificates themselves and renew them: Caddy and Apache httpd, as Debian packages them. Neither can
revoke, so the key of the certificate does it (A-126)."""
import glob
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import raw
from name_server import ZONE, script
from relying_party import check_good, check_revoked
from test_clients_dns import check_both, check_methods, check_zone_is_clean
from test_renewal import incident

START_S = 60
ALL_BUT_A_MOMENT = 0.9999  # the part of a certificate's life in which Caddy renews it; certificates are an hour old when they are made


@pytest.fixture
def place():
    """A folder that a server's user can reach."""
    path = tempfile.mkdtemp(prefix="cairn-server-")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


def served(port, name):
    """The certificate that a server has for the name, or None."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as s, context.wrap_socket(s, server_hostname=name) as tls:
            return x509.load_der_x509_certificate(tls.getpeercert(True))
    except OSError:
        return None


def wait_served(server, port, name, log, before=None):
    """The certificate of ours that it has for the name, another one than that of before."""
    end = time.monotonic() + START_S
    while True:
        leaf = served(port, name)
        if leaf is not None and "Cairn TEST" in leaf.issuer.rfc4514_string() and leaf != before:
            return leaf
        assert time.monotonic() < end and server.poll() is None, open(log, encoding="utf-8").read()[-4000:]
        time.sleep(0.2)


CADDYFILE = """
{{
	admin off
	storage file_system {place}/caddy
	http_port {http}
	https_port {https}
	skip_install_trust
	auto_https disable_redirects
	renew_interval 1s
	default_bind 127.0.0.1
}}
{name} {{
	tls {{
		issuer acme {url} {{
			email someone@caddy.test
			trusted_roots {trusted}
			{methods}
			alt_http_port {http}
			alt_tlsalpn_port {https}
		}}
	}}
	respond hello
}}
"""


def stored_by_caddy(place, ending):
    return next(os.path.join(folder, f) for folder, _, files in os.walk(f"{place}/caddy/certificates") for f in files if f.endswith(ending))


@pytest.mark.parametrize("method, off", (("tls-alpn-01", "disable_http_challenge"), ("http-01", "disable_tlsalpn_challenge")))
def test_caddy(ca, run, place, tmp_path, method, off):
    """B-1, B-2: a server that gets its certificate and the next one while it runs"""
    name, log = f"{method}.caddy.test", f"{place}/log"
    with open(f"{place}/Caddyfile", "w", encoding="ascii") as f:
        f.write(CADDYFILE.format(place=place, http=ca.HTTP01_PORT, https=ca.TLSALPN01_PORT, name=name, url=ca.DIRECTORY_URL, methods=off,
                                 trusted=ca.API_CA_FILE))
    config = json.loads(run("caddy", "adapt", "--config", f"{place}/Caddyfile", HOME=place).stdout)
    for policy in config["apps"]["tls"]["automation"]["policies"]:
        policy["renewal_window_ratio"] = ALL_BUT_A_MOMENT
    with open(f"{place}/caddy.json", "w", encoding="ascii") as f:
        json.dump(config, f)
    with open(log, "wb") as out:
        server = subprocess.Popen(["caddy", "run", "--config", f"{place}/caddy.json"], stdout=out, stderr=out,
                                  env={**os.environ, "HOME": place, "NO_PROXY": "*"})
    try:
        first = wait_served(server, int(ca.TLSALPN01_PORT), name, log)
        check_good(ca, tmp_path, first, name)
        wait_served(server, int(ca.TLSALPN01_PORT), name, log, first)
    finally:
        server.terminate()
        server.wait(20)
    with open(stored_by_caddy(place, ".crt"), encoding="ascii") as f:
        last = raw.chain(f.read())[0]
    check_good(ca, tmp_path, last, name)
    assert ca.sql(f"SELECT DISTINCT method FROM log.validation WHERE passed AND identifier_value = '{name}'") == [[method]]
    revoke_by_key(ca, last, stored_by_caddy(place, ".key"))
    check_revoked(ca, tmp_path, last, name, "keyCompromise")


def revoke_by_key(ca, leaf, key_file):
    """A-126"""
    with open(key_file, "rb") as f:
        key = raw.serialization.load_pem_private_key(f.read(), None)
    client = raw.Client(ca, key)
    answer = client.post(client.directory["revokeCert"], {"certificate": raw.b64(leaf.public_bytes(Encoding.DER))})
    assert answer.status_code == 200, answer.text


MODULES = ("mpm_event", "authz_core", "socache_shmcb", "ssl", "md")
APACHE = """
ServerRoot {place}
ServerName localhost
PidFile {place}/pid
ErrorLog {place}/log
LogLevel warn md:info
Mutex file:{place} default
Listen 127.0.0.1:{https} https
Listen 127.0.0.1:{http}
Protocols http/1.1 acme-tls/1
MDStoreDir {place}/md
MDCertificateAuthority {url}
MDCACertificateFile {place}/trusted.pem
MDCertificateAgreement accepted
MDContactEmail someone@httpd.test
MDCAChallenges {method}
MDPortMap http:{http} https:{https}
MDRequireHttps off
MDPrivateKeys secp256r1
MDomain {names}
{options}
<VirtualHost 127.0.0.1:{https}>
	ServerName {name}
	SSLEngine on
	DocumentRoot {place}
</VirtualHost>
<VirtualHost 127.0.0.1:{http}>
	ServerName {name}
	DocumentRoot {place}
</VirtualHost>
"""


class Apache:
    """Apache httpd with mod_md for the first of the names, at the ports at which the CA validates."""

    def __init__(self, ca, place, method, *names):
        self.place, self.name, self.port, self.log, self.process = place, names[0], int(ca.TLSALPN01_PORT), f"{place}/log", None
        self.values = {"place": place, "http": ca.HTTP01_PORT, "https": ca.TLSALPN01_PORT, "url": ca.DIRECTORY_URL, "method": method,
                       "name": names[0], "names": " ".join(names)}
        shutil.copy(ca.API_CA_FILE, f"{place}/trusted.pem")
        os.chmod(f"{place}/trusted.pem", 0o644)

    def start(self, options=""):
        modules = "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n" for m in MODULES)
        user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
        with open(f"{self.place}/conf", "w", encoding="ascii") as f:
            f.write(modules + user + APACHE.format(options=options, **self.values))
        self.process = subprocess.Popen(["apache2", "-f", f"{self.place}/conf", "-DFOREGROUND"],
                                        env={**os.environ, "NO_PROXY": "*", "no_proxy": "*"})

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def wait_staged(self):
        """It has a certificate, has cleaned up, and waits for a restart to use it."""
        end, job = time.monotonic() + START_S, pathlib.Path(f"{self.place}/md/staging/{self.name}/job.json")
        while not job.exists() or not re.search(r'"finished": *true', job.read_text(encoding="utf-8")):
            assert time.monotonic() < end and self.process.poll() is None, open(self.log, encoding="utf-8").read()[-4000:]
            time.sleep(0.2)

    def certificate(self, options="", before=None):
        """Gets a certificate and takes it up at a start: what it serves then."""
        self.start(options)
        self.wait_staged()
        self.stop()
        self.start("MDRenewMode manual")
        leaf = wait_served(self.process, self.port, self.name, self.log, before)
        self.stop()
        return leaf

    def key_file(self):
        return glob.glob(f"{self.place}/md/domains/{self.name}/privkey*")[0]


@pytest.fixture
def apache(place):
    made = []

    def make(*arguments):
        made.append(Apache(arguments[0], place, *arguments[1:]))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def revoked_by_its_key(ca, folder, server, leaf):
    revoke_by_key(ca, leaf, server.key_file())
    check_revoked(ca, folder, leaf, server.name, "keyCompromise")


@pytest.mark.parametrize("method", ("tls-alpn-01", "http-01"))
def test_mod_md(ca, apache, tmp_path, method):
    """B-1, B-2, A-103: Apache httpd"""
    name = f"{method}.httpd.test"
    server = apache(ca, method, name)
    first = server.certificate()
    check_good(ca, tmp_path, first, name)
    assert ca.sql(f"SELECT DISTINCT method FROM log.validation WHERE passed AND identifier_value = '{name}'") == [[method]]
    second = server.certificate("MDRenewWindow 90d", first)
    check_good(ca, tmp_path, second, name)
    revoked_by_its_key(ca, tmp_path, server, second)


def test_mod_md_by_dns(dns_ca, server, apache, place, tmp_path):
    """A-89, A-90, A-110: a command changes the zone; B-13, B-16, B-17: the next one comes when an incident calls for it"""
    name = f"httpd.{ZONE}"
    program = server.updater(pathlib.Path(place) / "update")
    httpd = apache(dns_ca, "dns-01", name, "*." + name)
    command = script(pathlib.Path(place) / "challenge", f'#!/bin/sh\n[ "$1" = setup ] && exec {program} add "$2" "$3"\n'
                                                        f'exec {program} delete "$2" "$3"\n')
    by_dns = f"MDChallengeDns01 {command}\nMDChallengeDns01Version 2"
    first = httpd.certificate(by_dns)
    check_both(dns_ca, tmp_path, first, name)
    check_methods(dns_ca, name, [["f", "dns-01"], ["t", "dns-01"]])
    check_zone_is_clean(server, name)
    called = incident(dns_ca, "create", "--where", f"'{name}' = ANY (names)", "--url", "https://ca.test/why", "--yes")
    second = httpd.certificate(by_dns, first)
    check_both(dns_ca, tmp_path, second, name)
    assert [c["state"] for c in incident(dns_ca, "show", called["id"])["certificates"]] == ["replaced"]
    revoked_by_its_key(dns_ca, tmp_path, httpd, second)
