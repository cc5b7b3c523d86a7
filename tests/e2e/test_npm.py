"""The npm package acme-client, pinned by tests/e2e/npm/package-lock.json with the digest of each package that it needs."""
import filecmp
import http.server
import os
import re
import shutil
import subprocess
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import instance
from name_server import ZONE
from relying_party import check_good, check_revoked, crl_reason, load
from test_clients_dns import check_methods, check_zone_is_clean, names_of

SOURCE = os.path.join(instance.ROOT, "tests", "e2e", "npm")
FOLDER = os.path.join(instance.ROOT, "build", "npm")
FILES = ("package.json", "package-lock.json")
UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH", "ERR_SOCKET_TIMEOUT",
               "ENOTCACHED")


def installed():
    return os.path.exists(os.path.join(FOLDER, "done")) and all(
        filecmp.cmp(os.path.join(SOURCE, f), os.path.join(FOLDER, f), shallow=False) for f in FILES)


def install(folder, *options):
    """Fetches what the lock file names, each package with its digest."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for f in FILES:
        shutil.copy(os.path.join(SOURCE, f), folder)
    return subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=30000",
                           "--cache", os.path.join(folder, "cache"), *options], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=300, check=False)


def unreachable(done):
    """The line in which npm says that there is no way to the registry; None when it ended otherwise. What it only warned of on its way
    is not what it failed by."""
    codes = re.findall(r"^npm (?:ERR!|error) code (\S+)$", done.stderr, re.MULTILINE)
    return f"npm ended with {codes[0]}" if done.returncode != 0 and codes and codes[0] in UNREACHABLE else None


@pytest.fixture(scope="session")
def modules():
    """The folder node_modules. Without the registry there is nothing to test; all else that npm complains of is a failure."""
    if not installed():
        done = install(FOLDER)
        if unreachable(done):
            pytest.skip("the npm registry can't be reached, so acme-client can't be installed and tested: " + unreachable(done))
        assert done.returncode == 0, done.stdout + done.stderr
        shutil.rmtree(os.path.join(FOLDER, "cache"))
        with open(os.path.join(FOLDER, "done"), "w", encoding="ascii"):
            pass
    return os.path.join(FOLDER, "node_modules")


class Registry(http.server.BaseHTTPRequestHandler):
    """One that answers, but not with what was asked for."""
    status = 404

    def do_GET(self):
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"another package")

    def log_message(self, *args):
        pass


def test_only_an_unreachable_registry_skips(tmp_path):
    """What the tests below skip for is a registry that nobody can get to; one that lacks the package, or has another one, fails them"""
    (closed,), alone = instance.free_ports(1), ("--fetch-retries=0", "--noproxy=127.0.0.1")
    assert unreachable(install(str(tmp_path / "closed"), f"--registry=http://127.0.0.1:{closed}/", *alone)) == "npm ended with ECONNREFUSED"
    assert "ENOTFOUND" in UNREACHABLE
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        for status in 404, 200:
            Registry.status = status
            done = install(str(tmp_path / str(status)), f"--registry=http://127.0.0.1:{server.server_port}/", *alone)
            assert done.returncode != 0 and unreachable(done) is None, (status, done.stderr)
    finally:
        server.shutdown()
        server.server_close()
    for text, code in ("npm WARN registry ECONNRESET\nnpm ERR! code EINTEGRITY\n", None), ("", None), ("npm error code ENETUNREACH\n", "ENETUNREACH"):
        done = subprocess.CompletedProcess([], 1, "", text)
        assert unreachable(done) == (code and f"npm ended with {code}")
    assert unreachable(subprocess.CompletedProcess([], 0, "", "npm ERR! code ENOTFOUND\n")) is None


@pytest.fixture
def acme_client(run, modules, tmp_path):
    """A function that makes an acme-client for a CA."""
    folder = tmp_path / "acme-client"
    folder.mkdir()

    def client_for(one):
        return lambda *arguments, **options: run("node", os.path.join(SOURCE, "client.js"), one.DIRECTORY_URL, folder, *arguments,
                                                 NODE_MODULES=modules, NODE_EXTRA_CA_CERTS=one.API_CA_FILE, NO_PROXY="*", no_proxy="*", **options)

    client_for.folder = folder
    return client_for


def whole_life(ca, acme_client, tmp_path, method, where, *names):
    client, live = acme_client(ca), acme_client.folder / "cert.pem"
    client("issue", method, where, *names)
    first = load(live)
    assert sorted(names_of(first)) == sorted(names)
    assert check_good(ca, tmp_path, first, names[0]) is ec.EllipticCurvePublicKey
    client("issue", method, where, *names)
    second = load(live)
    check_good(ca, tmp_path, second, names[0])
    assert first.serial_number != second.serial_number
    client("revoke", live, "4")
    check_revoked(ca, tmp_path, second, names[0], "superseded")
    assert crl_reason(first) is None


def test_http(ca, acme_client, tmp_path):
    """A-51, A-73, A-103, A-112, A-124, E-22; several names"""
    whole_life(ca, acme_client, tmp_path, "http-01", ca.HTTP01_PORT, "one.npm.test", "two.npm.test")


def test_tls_alpn(ca, acme_client, tmp_path):
    """B-1, B-2, B-3, B-4: RSA certificates whose end is their beginning"""
    whole_life(ca, acme_client, tmp_path, "tls-alpn-01", ca.TLSALPN01_PORT, "one.alpn.npm.test", "two.alpn.npm.test")


def test_dns(dns_ca, server, update, acme_client, tmp_path):
    """A-89, A-90, A-110: a name with its wildcard"""
    name = f"npm.{ZONE}"
    whole_life(dns_ca, acme_client, tmp_path, "dns-01", update, name, "*." + name)
    check_methods(dns_ca, name, [["f", "dns-01"], ["t", "dns-01"]])
    check_zone_is_clean(server, name)


def test_it_leaves(ca, acme_client):
    """A-60: a deactivated account gets nothing more"""
    client = acme_client(ca)
    client("issue", "http-01", ca.HTTP01_PORT, "leaving.npm.test")
    client("deactivate")
    refused = client("issue", "http-01", ca.HTTP01_PORT, "leaving.npm.test", status=1)
    assert "deactivated" in refused.stderr or "not valid" in refused.stderr, refused.stderr
