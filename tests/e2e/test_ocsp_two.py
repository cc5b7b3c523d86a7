"""OCSP by two instances of cairn-ca on one database: one of them signs for an issuer, the other goes on when it is silent, and what the silent
one had in hand is no step back (E-35, F-40)."""
import os
import signal
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp

import instance
import responder
import test_ocsp
from test_ocsp import ask, by_get, request_for

MANY = """INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, crl_shard, issuer, profile, serial, spki_sha256, names,
    validations, der, signed_at) SELECT cairn.new_id(), cairn.new_id(), cairn.new_id(), now(), now() + interval '90 d', now(), 0, 'ecdsa-1', 'classic',
    '\\x01' || substr(sha256(i::text::bytea), 1, 17), sha256('k'), '{many.test}', '{}', 'x', now() FROM generate_series(1, 6000) i"""
TAKEN_OVER_S = 60 + test_ocsp.WITHIN_S  # the lease of an instance that is silent, and what is promised


class Second:
    """A further cairn-ca, with the environment and files of the one that the supervisor keeps, at an address of its own."""

    def __init__(self, ca):
        self.ca = ca
        listen, metrics = (f"127.0.0.1:{port}" for port in instance.free_ports(2))
        overlay = ca.write("cairn-ca-2", {"ca": {"rpc_listen": [listen], "metrics_listen": metrics}})
        with open(f"/proc/{ca.pid('cairn-ca')}/cmdline", "rb") as f:
            command = [word.decode() for word in f.read().split(b"\0")[:-1]]
        with open(f"/proc/{ca.pid('cairn-ca')}/environ", "rb") as f:
            environment = dict(word.decode().split("=", 1) for word in f.read().split(b"\0")[:-1])
        self.listen, self.metrics = listen, f"http://{metrics}"
        self.log = open(os.path.join(ca.folder, "cairn-ca-2.log"), "wb")
        self.process = subprocess.Popen([*command, "--config", overlay], env=environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        self.wait_ready()

    def wait_ready(self):
        end = time.monotonic() + 60
        while subprocess.run(["curl", "-fsS", "--noproxy", "*", self.metrics + "/readyz"], capture_output=True, check=False).returncode != 0:
            assert self.process.poll() is None and time.monotonic() < end, self.said()
            time.sleep(0.1)

    def said(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as f:
            return f.read()[-3000:]

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        code = self.process.wait(60)
        self.log.close()
        return code


@pytest.fixture(scope="module")
def world(make_ca):
    ca = make_ca()
    made = test_ocsp.World(ca, responder.Responder(int(ca.HTTP01_PORT)))
    test_ocsp.configure(ca, ocsp_url=made.url.replace("127.0.0.1", "localhost"))
    made.second = Second(ca)
    yield made
    assert made.second.stop() == 0, made.second.said()
    made.responder.close()


def holders(world):
    return dict(world.ca.sql("SELECT name, holder FROM cairn.lease WHERE name LIKE 'ocsp/%' AND until > now()", role="cairn_owner"))


def signed(world):
    """For how many certificates each of the two has signed, of all issuers."""
    found = []
    for address in f"http://{world.ca.config['ca']['metrics_listen']}", world.second.metrics:
        text = ask(address + "/metrics")[2].decode()
        found.append(sum(int(line.split()[-1]) for line in text.splitlines() if line.startswith("cairn_ocsp_signed_total{")))
    return found


def test_each_is_signed_once(world):
    """E-35: a certificate is answered for once, by both digests, and once more when it is revoked, whoever of the two signs; an event counts that"""
    leaves = [world.good(f"two{i}.test") for i in range(6)]
    for leaf, _ in leaves[::2]:
        world.revoke(leaf)
    for i, (leaf, issuer) in enumerate(leaves):
        test_ocsp.await_status(world.url, leaf, issuer, ocsp.OCSPCertStatus.REVOKED if i % 2 == 0 else ocsp.OCSPCertStatus.GOOD)
        for algorithm in hashes.SHA1(), hashes.SHA256():
            der = request_for(leaf, issuer, algorithm)
            assert ask(world.url, der)[2] == by_get(world.url, der)[2]
    events = sum(int(n) for n, in world.ca.sql("SELECT facts->>'answers' FROM log.event WHERE kind = 'ocsp.signed'"))
    assert sum(signed(world)) == events == 6 + 3


def holders_pids(world):
    """Those of the process that holds the lease and of its signer, and the other one's place in signed()."""
    second = holders(world)["ocsp/ecdsa-1"].endswith(world.second.listen)
    return processes(world.second.process.pid if second else world.ca.pid("cairn-ca")), 0 if second else 1


def test_the_other_goes_on(world):
    """E-7, E-35: an instance that hangs with the lease in its hands holds up a revocation by a minute; when it goes on, its answers are no step back"""
    leaf, issuer = world.good("hangs.test")
    pids, other = holders_pids(world)
    before = signed(world)[other]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        world.revoke(leaf)
        began = time.monotonic()
        while test_ocsp.status_of(world.url, leaf, issuer) != ocsp.OCSPCertStatus.REVOKED:
            assert time.monotonic() - began < TAKEN_OVER_S
            time.sleep(0.2)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    first = ocsp.load_der_ocsp_response(ask(world.url, request_for(leaf, issuer))[2])
    assert signed(world)[other] == before + 1
    time.sleep(3)  # rounds of both
    answer = ocsp.load_der_ocsp_response(ask(world.url, request_for(leaf, issuer))[2])
    assert answer.certificate_status == ocsp.OCSPCertStatus.REVOKED and answer.this_update >= first.this_update
    test_ocsp.await_status(world.url, *world.issue("after.test"), ocsp.OCSPCertStatus.GOOD)


def processes(pid):
    """The process and its signer."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [pid, *map(int, f.read().split())]


def send(pids, how):
    for pid in pids:
        os.kill(pid, how)


def until(condition, seconds=TAKEN_OVER_S):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def published(world):
    return int(world.ca.sql("SELECT coalesce(sum((facts->>'answers')::int), 0) FROM log.event WHERE kind = 'ocsp.signed'")[0][0])


def test_killed_amid_many(world):
    """E-35, F-40: the one that signs is killed amid thousands; the other goes on when the lease lapses, and each is published once, none is missed"""
    world.good("killed.test")
    first = processes(world.ca.pid("cairn-ca"))
    send(first, signal.SIGSTOP)
    try:  # now the second one has the lease, which nobody starts again
        until(lambda: holders(world).get("ocsp/ecdsa-1", "").endswith(world.second.listen))
    finally:
        send(first, signal.SIGCONT)
    before = published(world)
    world.ca.sql(MANY, role="cairn_owner")
    until(lambda: before < published(world), 60)
    send(processes(world.second.process.pid), signal.SIGKILL)
    world.second.process.wait(60)
    at_kill = published(world) - before
    assert 0 < at_kill < 6000, at_kill
    until(lambda: world.ca.sql("SELECT count(*) FROM ca.ocsp o JOIN ca.certificate c USING (serial) WHERE c.names = '{many.test}' AND o.sha1 IS NOT NULL "
                               "AND o.sha256 IS NOT NULL", "cairn_owner") == [["6000"]], TAKEN_OVER_S + 60)
    assert not holders(world)["ocsp/ecdsa-1"].endswith(world.second.listen)
    assert published(world) - before == 6000
    world.second.log.close()
    world.second = Second(world.ca)


def test_answers_outlive_processes(world):
    """E-35: what was signed is served, octet for octet, by a front end that was killed and started again while no cairn-ca does anything"""
    leaf, issuer = world.good("outlives.test")
    ders = [request_for(leaf, issuer, algorithm) for algorithm in (hashes.SHA1(), hashes.SHA256())]
    before = [ask(world.url, der)[2] for der in ders]
    both = processes(world.ca.pid("cairn-ca")) + processes(world.second.process.pid)
    send(both, signal.SIGSTOP)
    try:
        world.ca.wait_ready("cairn-wfe", after=world.ca.kill("cairn-wfe"))
        for how in ask, by_get:
            assert [how(world.url, der)[2] for der in ders] == before
    finally:
        send(both, signal.SIGCONT)
