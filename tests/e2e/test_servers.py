"""Web servers that get their certificates themselves: Caddy and Apache httpd, as Debian packages them."""
import glob
import os
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
from test_clients import check_good, check_revoked

START_S = 60


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


def wait_served(server, port, name, log):
    end = time.monotonic() + START_S
    while True:
        leaf = served(port, name)
        if leaf is not None and "Cairn TEST" in leaf.issuer.rfc4514_string():
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


@pytest.mark.parametrize("method, off", (("tls-alpn-01", "disable_http_challenge"), ("http-01", "disable_tlsalpn_challenge")))
def test_caddy(ca, place, tmp_path, method, off):
    """B-1, B-2: a server that gets its certificate itself, while it runs"""
    name, log = f"{method}.caddy.test", f"{place}/log"
    with open(f"{place}/Caddyfile", "w", encoding="ascii") as f:
        f.write(CADDYFILE.format(place=place, http=ca.HTTP01_PORT, https=ca.TLSALPN01_PORT, name=name, url=ca.DIRECTORY_URL, methods=off,
                                 trusted=ca.API_CA_FILE))
    with open(log, "wb") as out:
        server = subprocess.Popen(["caddy", "run", "--config", f"{place}/Caddyfile", "--adapter", "caddyfile"], stdout=out, stderr=out,
                                  env={**os.environ, "HOME": place, "NO_PROXY": "*"})
    try:
        leaf = wait_served(server, int(ca.TLSALPN01_PORT), name, log)
    finally:
        server.terminate()
        server.wait(20)
    check_good(ca, tmp_path, leaf, name)
    assert ca.sql(f"SELECT DISTINCT method FROM log.validation WHERE passed AND identifier_value = '{name}'") == [[method]]
    stored = next(os.path.join(folder, f) for folder, _, files in os.walk(f"{place}/caddy/certificates") for f in files if f.endswith(".key"))
    revoke_by_key(ca, leaf, stored)
    check_revoked(ca, tmp_path, leaf, name, "keyCompromise")


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
MDomain {name}
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


def wait_staged(server, place, name):
    """mod_md has the certificate, and waits for a restart to use it."""
    end = time.monotonic() + START_S
    while not glob.glob(f"{place}/md/staging/{name}/pubcert*"):
        assert time.monotonic() < end and server.poll() is None, open(f"{place}/log", encoding="utf-8").read()[-4000:]
        time.sleep(0.2)


@pytest.mark.parametrize("method", ("tls-alpn-01", "http-01"))
def test_mod_md(ca, place, tmp_path, method):
    """B-1, B-2, A-103: Apache httpd"""
    name = f"{method}.httpd.test"
    shutil.copy(ca.API_CA_FILE, f"{place}/trusted.pem")
    os.chmod(f"{place}/trusted.pem", 0o644)
    modules = "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n" for m in MODULES)
    user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    with open(f"{place}/conf", "w", encoding="ascii") as f:
        f.write(modules + user + APACHE.format(place=place, http=ca.HTTP01_PORT, https=ca.TLSALPN01_PORT, url=ca.DIRECTORY_URL, method=method,
                                               name=name))

    def start():
        return subprocess.Popen(["apache2", "-f", f"{place}/conf", "-DFOREGROUND"], env={**os.environ, "NO_PROXY": "*", "no_proxy": "*"})

    server = start()
    try:
        wait_staged(server, place, name)
        server.terminate()
        server.wait(20)
        server = start()  # the new certificate is taken up at a start
        leaf = wait_served(server, int(ca.TLSALPN01_PORT), name, f"{place}/log")
    finally:
        server.terminate()
        server.wait(20)
    check_good(ca, tmp_path, leaf, name)
    assert ca.sql(f"SELECT DISTINCT method FROM log.validation WHERE passed AND identifier_value = '{name}'") == [[method]]
    domain = f"{place}/md/domains/{name}"
    revoke_by_key(ca, leaf, next(os.path.join(domain, f) for f in os.listdir(domain) if f.startswith("privkey")))
    check_revoked(ca, tmp_path, leaf, name, "keyCompromise")
