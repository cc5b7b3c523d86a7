"""The npm package acme-client, pinned by tests/e2e/npm/package-lock.json with the digest of each package that it needs."""
import filecmp
import os
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import instance
import test_clients

SOURCE = os.path.join(instance.ROOT, "tests", "e2e", "npm")
FOLDER = os.path.join(instance.ROOT, "build", "npm")
FILES = ("package.json", "package-lock.json")
UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH", "ERR_SOCKET_TIMEOUT",
               "ENOTCACHED")


def installed():
    return os.path.exists(os.path.join(FOLDER, "done")) and all(
        filecmp.cmp(os.path.join(SOURCE, f), os.path.join(FOLDER, f), shallow=False) for f in FILES)


@pytest.fixture(scope="session")
def modules():
    """The folder node_modules. Without the registry there is nothing to test; all else that npm complains of is a failure."""
    if not installed():
        shutil.rmtree(FOLDER, ignore_errors=True)
        os.makedirs(FOLDER)
        for f in FILES:
            shutil.copy(os.path.join(SOURCE, f), FOLDER)
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=2", "--cache",
                               os.path.join(FOLDER, "cache")], cwd=FOLDER, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
                              check=False)
        if done.returncode != 0 and any(code in done.stderr for code in UNREACHABLE):
            pytest.skip("the npm registry can't be reached, so acme-client can't be installed: " + done.stderr.strip().splitlines()[0])
        assert done.returncode == 0, done.stdout + done.stderr
        shutil.rmtree(os.path.join(FOLDER, "cache"))
        with open(os.path.join(FOLDER, "done"), "w", encoding="ascii"):
            pass
    return os.path.join(FOLDER, "node_modules")


@pytest.fixture
def acme_client(ca, run, modules, tmp_path):
    folder = tmp_path / "acme-client"
    folder.mkdir()

    def call(*arguments, **options):
        return run("node", os.path.join(SOURCE, "client.js"), ca.DIRECTORY_URL, ca.HTTP01_PORT, folder, *arguments, NODE_MODULES=modules,
                   NODE_EXTRA_CA_CERTS=ca.API_CA_FILE, NO_PROXY="*", no_proxy="*", **options)

    call.folder = folder
    return call


def test_acme_client(ca, acme_client, tmp_path):
    """A-51, A-73, A-103, A-112, A-124, E-22; several names"""
    live, names = acme_client.folder / "cert.pem", ("one.npm.test", "two.npm.test")
    acme_client("issue", *names)
    first = test_clients.load(live)
    for name in names:
        assert test_clients.check_good(ca, tmp_path, first, name) is ec.EllipticCurvePublicKey
    acme_client("issue", *names)
    second = test_clients.load(live)
    test_clients.check_good(ca, tmp_path, second, names[1])
    assert first.serial_number != second.serial_number
    acme_client("revoke", live, "4")
    test_clients.check_revoked(ca, tmp_path, second, names[0], "superseded")
    assert test_clients.crl_reason(first) is None


def test_acme_client_leaves(ca, acme_client):
    """A-60: a deactivated account gets nothing more"""
    acme_client("issue", "leaving.npm.test")
    acme_client("deactivate")
    refused = acme_client("issue", "leaving.npm.test", status=1)
    assert "deactivated" in refused.stderr or "not valid" in refused.stderr, refused.stderr
