"""What outlives a stop, a kill of everything and a renewed certificate (issue 2, point 1; design 10)."""
import contextlib
import os
import signal
import ssl
import socket
import subprocess
import threading
import time

import pytest
from cryptography import x509

import raw
import steady

PROCESSES = ("cairn-wfe", "cairn-ra", "cairn-va", "cairn-ca", "cairn-subscriber")


@pytest.fixture(scope="module")
def own(make_ca):
    return make_ca()


def serial_of(pem):
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


def fingerprint(path):
    with open(path, "rb") as f:
        return x509.load_pem_x509_certificate(f.read()).fingerprint(raw.hashes.SHA256())


class Kept:
    """What a client holds before: an account, a certificate, and an order half-way."""

    def __init__(self, ca, responder, name):
        self.ca, self.name, self.responder = ca, name, responder
        self.client = steady.Client(ca)
        assert self.client.register().status_code == 201
        self.pem, _, self.url = self.client.issue(responder, name)
        self.half = self.client.order("half." + name)
        self.root = fingerprint(ca.ROOT_FILE)
        self.requests = {row[0] for row in ca.sql("SELECT id FROM log.request")}

    def check(self):
        """All of it is there, and the half order goes on with the same key."""
        assert fingerprint(self.ca.ROOT_FILE) == self.root
        again = steady.Client(self.ca)
        again.key = self.client.key
        answer = again.register(onlyReturnExisting=True)
        assert (answer.status_code, again.kid) == (200, self.client.kid)
        order = again.post(self.url).json()
        assert order["status"] == "valid" and again.post(order["certificate"]).text == self.pem
        again.validate(self.half.json(), self.responder)
        pem = again.finish(self.half.headers["Location"], raw.csr(["half." + self.name])[0])
        assert serial_of(pem) != serial_of(self.pem)
        again.revoke(self.pem)
        kept = {row[0] for row in self.ca.sql("SELECT id FROM log.request")}
        assert self.requests <= kept
        wanted = {a.body_sha256 for a in self.client.acknowledged}
        logged = {row[0] for row in self.ca.sql("SELECT encode(body_sha256, 'hex') FROM log.request")}
        assert wanted <= logged


def gone(pids):
    end = time.monotonic() + 60
    while any(os.path.exists(f"/proc/{pid}") for pid in pids):
        assert time.monotonic() < end, pids
        time.sleep(0.05)


def test_down_and_up(own, responder_for):
    """A second up keeps every account and certificate, and makes no new keys"""
    kept = Kept(own, responder_for(own), "down.test")
    pids = [int(pid) for pid in own.read_env()["PIDS"].split()]
    own.down()
    gone(pids)
    assert own.deaths() == []
    start = time.monotonic()
    own.up()
    assert time.monotonic() - start < 60
    kept.check()


def test_kill_everything_and_up(own, responder_for):
    """kill -9 of all at once, PostgreSQL too: nothing that was acknowledged is lost (F-45)"""
    kept = Kept(own, responder_for(own), "killed.test")
    pids = [int(pid) for pid in own.read_env()["PIDS"].split()]
    assert len(pids) == 7
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # the supervisor's end is theirs too
            os.kill(pid, signal.SIGKILL)
    gone(pids)
    own.up()
    kept.check()


def test_up_while_it_runs_changes_nothing(own):
    pids = own.read_env()["PIDS"]
    own.up()
    assert own.read_env()["PIDS"] == pids
    assert "runs already" in own.output


def test_sigterm_drains(own, responder_for):
    """A request that is under way is answered before the front end ends; the next one finds the new process"""
    responder = responder_for(own)
    client = steady.Client(own)
    client.register()
    order = client.order("drain.test").json()
    challenge = client.challenge(order["authorizations"][0])
    responder.tokens[challenge["token"]] = client.key_authorization(challenge["token"])
    asked = threading.Event()

    def slow(_):
        asked.set()
        time.sleep(0.5)
        return False

    responder.handler = slow
    answers = []
    url, body = challenge["url"], raw.jws(client.key, client.protected(challenge["url"]), {})
    thread = threading.Thread(target=lambda: answers.append(raw.Client.send(client, url, body)))
    thread.start()
    assert asked.wait(60)
    before = own.kill("cairn-wfe", signal.SIGTERM)
    thread.join(60)
    assert answers and answers[0].status_code == 200, "the answer was lost"
    own.wait_ready("cairn-wfe", after=before)
    responder.handler = None
    assert client.poll(order["authorizations"][0], ("valid", "invalid")).json()["status"] == "valid"
    assert '"status":0' in [line for line in own.log("cairn-supervise").splitlines() if '"cairn-wfe"' in line and '"ended"' in line][-1]


def test_each_process_ends_by_sigterm(own):
    """It ends by itself, with 0, well within the supervisor's patience"""
    for process in PROCESSES:
        start = time.monotonic()
        before = own.kill(process, signal.SIGTERM)
        gone([before])
        assert time.monotonic() - start < 12, process
        own.wait_ready(process, after=before)
        last = [line for line in own.log("cairn-supervise").splitlines() if f'"{process}"' in line and '"ended"' in line][-1]
        assert '"status":0' in last, last


def served_serial(ca, process):
    """Serial of the certificate that the process shows on its RPC port."""
    folder = os.path.join(ca.state, "pki", "internal")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(os.path.join(folder, "ca.pem"))
    context.load_cert_chain(*(os.path.join(folder, "cairn-command", "cairn-command" + end) for end in (".pem", ".key")))
    port = int(ca.config["rpc"][process.removeprefix("cairn-")][0].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
        with context.wrap_socket(plain, server_hostname=process) as connection:
            return int(connection.getpeercert()["serialNumber"], 16)


def renew(ca, process):
    """A new key and certificate for the process in the place of the old ones, by cairn init, which makes what is absent."""
    base = os.path.join(ca.state, "pki", "internal", process, process)
    for end in (".pem", ".key"):
        os.remove(base + end)
    database = f"host={os.path.join(ca.state, 'socket')} dbname=cairn"
    ca.cairn("init", "--state", ca.state, "--database", database)
    with open(base + ".pem", "rb") as f:
        return x509.load_pem_x509_certificate(f.read()).serial_number


def test_sighup_takes_new_internal_certificates(own, responder_for):
    """Calls go on all the while, and no process is started anew (F-63)"""
    responder = responder_for(own)
    client = raw.Client(own)
    client.register()
    pids = own.read_env()["PIDS"]
    stop, failures, issued = threading.Event(), [], []

    def issue_on():
        while not stop.is_set():
            try:
                issued.append(client.issue(responder, f"reload{len(issued)}.test"))
            except AssertionError as e:
                failures.append(str(e))

    thread = threading.Thread(target=issue_on)
    thread.start()
    try:
        for process in PROCESSES:
            serial = renew(own, process)
            own.kill(process, signal.SIGHUP)
            end = time.monotonic() + 60
            while served_serial(own, process) != serial:
                assert time.monotonic() < end, process
                time.sleep(0.05)
        count = len(issued)
        end = time.monotonic() + 60
        while len(issued) < count + 5:
            assert time.monotonic() < end, failures
            time.sleep(0.05)
    finally:
        stop.set()
        thread.join()
    assert failures == []
    assert own.read_env()["PIDS"] == pids


def test_sighup_takes_a_new_certificate_of_the_site(own):
    """A-1: the API's own certificate, as an operator's renewal hook replaces it"""
    site = os.path.join(own.state, "pki", "site", "site")

    def served():
        port = int(own.DIRECTORY_URL.split(":")[2].split("/")[0])
        return x509.load_pem_x509_certificate(ssl.get_server_certificate(("127.0.0.1", port)).encode()).serial_number

    before = served()
    for end in (".pem", ".key"):
        os.remove(site + end)
    own.cairn("init", "--state", own.state, "--database", "dbname=cairn", "--config", os.path.join(own.folder, "overlay.yaml"))
    own.kill("cairn-wfe", signal.SIGHUP)
    end = time.monotonic() + 60
    while served() == before:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert raw.Client(own).register().status_code == 201


def test_a_broken_certificate_leaves_the_old_one_in_use(own):
    """F-63"""
    path = os.path.join(own.state, "pki", "internal", "cairn-ra", "cairn-ra.pem")
    with open(path, "rb") as f:
        good = f.read()
    before = served_serial(own, "cairn-ra")
    try:
        with open(path, "wb") as f:
            f.write(b"-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n")
        own.kill("cairn-ra", signal.SIGHUP)
        end = time.monotonic() + 60
        while "could not be read again" not in own.log("cairn-ra"):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert served_serial(own, "cairn-ra") == before
    finally:
        with open(path, "wb") as f:
            f.write(good)
    own.kill("cairn-ra", signal.SIGHUP)


def test_a_second_supervisor_is_refused(own):
    done = subprocess.run([os.path.join(os.path.dirname(own.CAIRN), "cairn-supervise"), own.state], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 1 and "another one runs" in done.stderr


def test_starts_and_stops_are_on_record(own):
    """F-44: each start, stop and reload of a process with a database, and that one was killed, in the sealed log"""
    rows = own.sql("SELECT split_part(process, '@', 1), substr(kind, 9) || coalesce(' ' || (facts->>'before'), ''), facts->>'config_sha256' FROM log.event "
                   "WHERE kind LIKE 'process.%' ORDER BY id")
    for process in "cairn-wfe", "cairn-ra", "cairn-ca", "cairn-subscriber":
        found = [what for name, what, _ in rows if name == process]
        assert found[0] == "started first start", found
        assert set(found) >= {"stopped", "started stopped", "started ended without a stop"}, found
    assert {"cairn-ra", "cairn-wfe"} <= {name for name, what, _ in rows if what == "reloaded"}
    assert all(len(digest) == 64 for _, _, digest in rows)
