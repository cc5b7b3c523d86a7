"""Clients with tls-alpn-01: the responder of lego, that of uacme, and certificates that dehydrated makes."""
import os
import socket
import subprocess
import time

import pytest

import alpn_responder
import raw
from test_addresses import alternatives, verify
from test_clients import BUNDLE, check_good, check_revoked, crl_reason, load

START_S = 60


@pytest.fixture
def alpn(ca):
    one = alpn_responder.AlpnResponder(int(ca.TLSALPN01_PORT))
    yield one
    one.close()


def lego_with(ca, run, tmp_path, name, *method):
    def call(*arguments):
        run("lego", "--server", ca.DIRECTORY_URL, "--accept-tos", "--email", "someone@lego.test", "--path", tmp_path / "lego", *method,
            "--domains", name, *arguments, LEGO_CA_CERTIFICATES=ca.API_CA_FILE, NO_PROXY="*")
        return load(tmp_path / "lego" / "certificates" / f"{name.replace(':', '_')}.crt") if "revoke" not in arguments else None

    return call


def test_lego(ca, run, tmp_path):
    """B-1, B-2, B-3, B-4"""
    name = "alpn.lego.test"
    lego = lego_with(ca, run, tmp_path, name, "--tls", "--tls.port", f"127.0.0.1:{ca.TLSALPN01_PORT}")
    first = lego("run")
    check_good(ca, tmp_path, first, name)
    second = lego("renew", "--days", "3650", "--no-random-sleep")
    check_good(ca, tmp_path, second, name)
    assert first.serial_number != second.serial_number
    lego("revoke", "--keep")
    check_revoked(ca, tmp_path, second, name, "")
    assert crl_reason(first) is None


def test_dehydrated(ca, run, alpn, tmp_path):
    """B-3, B-4: certificates that dehydrated makes by openssl, shown by another server"""
    name = "alpn.dehydrated.test"
    alpn.folder = tmp_path / "alpn"
    config = tmp_path / "config"
    config.write_text(f'CA="{ca.DIRECTORY_URL}"\nBASEDIR="{tmp_path}"\nCHALLENGETYPE=tls-alpn-01\nALPNCERTDIR="{alpn.folder}"\n'
                      f'CURL_OPTS="--noproxy * --cacert {ca.API_CA_FILE}"\nKEY_ALGO=secp384r1\n')

    def dehydrated(*arguments):
        run("dehydrated", "--config", config, *arguments)
        return load(tmp_path / "certs" / name / "cert.pem")

    run("dehydrated", "--config", config, "--register", "--accept-terms")
    first = dehydrated("--cron", "--domain", name)
    check_good(ca, tmp_path, first, name)
    second = dehydrated("--cron", "--domain", name, "--force")
    check_good(ca, tmp_path, second, name)
    assert alpn.seen[0] == name
    dated = (tmp_path / "certs" / name / "cert.pem").resolve()
    run("dehydrated", "--config", config, "--revoke", dated)
    check_revoked(ca, tmp_path, second, name, "")


@pytest.fixture(scope="module")
def addresses_ca(make_ca):
    return make_ca({"policy": {"permitted_networks": ["127.0.0.1/32"]}})


@pytest.fixture
def uacme(run, tmp_path):
    """A function that makes a uacme for a CA, with ualpn as its responder."""
    started = []

    def start(ca):
        sock, hook, port = tmp_path / "s", tmp_path / "hook", int(ca.TLSALPN01_PORT)
        hook.write_text(f'#!/bin/sh\n[ "$2" = tls-alpn-01 ] || exit 1\n[ "$1" = begin ] && what="auth $3 $5" || what="unauth $3"\n'
                        f'[ "$(echo "$what" | ualpn -s {sock})" = OK ]\n')
        hook.chmod(0o755)
        with open(tmp_path / "ualpn.log", "wb") as log:
            started.append(subprocess.Popen(["ualpn", "-v", "-s", sock, "-b", f"127.0.0.1@{port}", "-c", f"127.0.0.1@{ca.HTTP01_PORT}"], stdout=log,
                                            stderr=log))
        wait_for_port(port, started[0])
        namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
        return lambda *arguments: run(*namespace, "sh", "-c", f'mount --bind "$0" {BUNDLE} && exec "$@"', ca.API_CA_FILE, "uacme", "-v", "-y", "-a",
                                      ca.DIRECTORY_URL, "-c", tmp_path / "uacme", "-h", hook, *arguments)

    yield start
    for one in started:
        one.terminate()
        one.wait(10)


def test_uacme_with_ualpn(ca, uacme, tmp_path):
    """B-2, B-3: uacme's own responder"""
    name = "alpn.uacme.test"
    client = uacme(ca)
    live = tmp_path / "uacme" / name / "cert.pem"
    client("new")
    client("-t", "EC", "issue", name)
    first = load(live)
    check_good(ca, tmp_path, first, name)
    client("-t", "EC", "-f", "issue", name)
    second = load(live)
    check_good(ca, tmp_path, second, name)
    assert first.serial_number != second.serial_number
    client("revoke", live)
    check_revoked(ca, tmp_path, second, name, "")


def test_uacme_address(addresses_ca, uacme, tmp_path):
    """B-8, B-10: a packaged client that orders an address"""
    client = uacme(addresses_ca)
    client("new")
    client("-t", "EC", "issue", "127.0.0.1")
    stored = tmp_path / "uacme" / "127.0.0.1" / "cert.pem"
    chain = raw.chain(stored.read_text())
    assert alternatives(chain[0]) == (["127.0.0.1"], [])
    done = verify(addresses_ca, tmp_path, chain, "127.0.0.1")
    assert done.returncode == 0, done.stderr
    client("revoke", stored)
    end = time.monotonic() + START_S
    while crl_reason(chain[0]) is None:
        assert time.monotonic() < end, "the CRL does not list it"
        time.sleep(0.1)


def wait_for_port(port, server):
    end = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < end and server.poll() is None, "the server does not listen"
            time.sleep(0.05)
