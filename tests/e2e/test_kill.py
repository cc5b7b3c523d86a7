"""Killing any process at any step loses nothing (issue 2): kill -9 of each process, and of PostgreSQL, at each step of an
order while its request is in flight; the supervisor starts the process again, the client tries again, the order ends, and
the records say what happened. Each step is struck in two ways: `before`, where the process is stopped first, so that the
request waits at it and is lost with it, and `during`, at a random moment of the work."""
import concurrent.futures
import os
import random
import signal
import time

import pytest

import raw
import steady

STRUCK = ("cairn-wfe", "cairn-ra", "cairn-va", "cairn-ca", "signer", "cairn-subscriber", "postgres")
STEPS = ("new-account", "new-order", "challenge", "finalize", "download", "revoke")
QUICK_S = 10.3  # the supervisor waits longer after several deaths within ten seconds each
SLOW_S = 0.6


class Way:
    """An order on its way, up to the step that is struck and then to its end."""

    def __init__(self, ca, responder, name, acknowledged):
        self.client = steady.Client(ca, acknowledged)
        self.responder = responder
        self.name = name
        self.der = raw.csr([name])[0]
        self.order = self.url = self.pem = None

    def new_account(self):
        answer = self.client.register()
        assert answer.status_code in (200, 201), answer.text

    def new_order(self):
        answer = self.client.order(self.name)
        assert answer.status_code == 201, answer.text
        self.order, self.url = answer.json(), answer.headers["Location"]

    def challenge(self):
        authorization = self.order["authorizations"][0]
        challenge = self.client.challenge(authorization)
        self.responder.tokens[challenge["token"]] = self.client.key_authorization(challenge["token"])
        answer = self.client.post(challenge["url"], {})
        assert answer.status_code == 200, answer.text
        final = self.client.poll(authorization, ("valid", "invalid"), seconds=60).json()
        assert final["status"] == "valid", final

    def finalize(self):
        self.pem = self.client.finish(self.url, self.der)

    def download(self):
        final = self.client.post(self.url).json()
        self.pem = self.client.post(final["certificate"]).text

    def revoke(self):
        self.client.revoke(self.pem)

    def walk(self, steps):
        for step in steps:
            getattr(self, step.replace("-", "_"))()


class Killer:
    def __init__(self, ca):
        self.ca = ca
        self.started = {}
        self.quick = {}
        self.restart_s = []

    def victim(self, name):
        """Process id, and the name under which the supervisor knows it."""
        if name != "signer":
            return self.ca.pid(name), name
        pid = self.ca.pid("cairn-ca")
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return int(f.read().split()[0]), "cairn-ca"

    def rest(self, known):
        """Lets the process live long enough for the supervisor to start it again at once."""
        lived = time.monotonic() - self.started.get(known, 0)
        self.quick[known] = self.quick.get(known, 0) + 1 if lived < QUICK_S else 0
        if self.quick[known] >= 4:
            time.sleep(QUICK_S - lived)
            self.quick[known] = 0

    def strike(self, name, work, mode, delay_s):
        """Runs work() and kills the process meanwhile; returns when the work is done and the process is back."""
        _, known = self.victim(name)
        self.rest(known)
        pid, known = self.victim(name)
        before = self.ca.pid(known)
        if mode == "before" and name != "postgres":
            os.kill(pid, signal.SIGSTOP)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            future = pool.submit(work)
            time.sleep(delay_s)
            os.kill(pid, signal.SIGKILL)
            self.restart_s.append(self.wait_restart(known, before))
            self.started[known] = time.monotonic()
            future.result(timeout=90)
        if known == "postgres":
            self.wait_database()
        else:
            self.ca.wait_ready(known, after=before)

    def wait_database(self):
        end = time.monotonic() + 60
        while True:
            try:
                return self.ca.sql("SELECT 1")
            except RuntimeError:
                assert time.monotonic() < end
                time.sleep(0.05)

    def wait_restart(self, known, before):
        start = time.monotonic()
        while self.ca.pid(known) in (None, before):
            assert time.monotonic() - start < 60, f"{known} is not started again"
            time.sleep(0.005)
        return time.monotonic() - start


@pytest.fixture(scope="module")
def struck(make_ca):
    return make_ca()


@pytest.fixture(scope="module")
def killer(struck):
    return Killer(struck)


@pytest.fixture(scope="module")
def acknowledged():
    return []


@pytest.fixture(scope="module")
def pems():
    return []


@pytest.mark.parametrize("mode", ("before", "during"))
@pytest.mark.parametrize("step", STEPS)
def test_each_process_is_killed_at(step, mode, struck, killer, acknowledged, pems, responder_for):
    """A-117, F-43, F-45"""
    responder = responder_for(struck)
    for name in STRUCK:
        way = Way(struck, responder, f"{step}-{mode}-{name}.test".lower(), acknowledged)
        at = STEPS.index(step)
        way.walk(STEPS[:at])
        delay = 0.04 if mode == "before" else random.uniform(0, 0.02)
        if step == "challenge":
            responder.handler = lambda _: time.sleep(SLOW_S)  # the validation is under way when the process dies
            delay = 0.2 if mode == "before" else random.uniform(0.1, SLOW_S)
        killer.strike(name, lambda w=way, s=step: w.walk([s]), mode, delay)
        responder.handler = None
        way.walk(STEPS[at + 1:STEPS.index("revoke")])
        pems.append(way.pem)
    # but for what a machine that stands still for a moment makes of one
    assert sorted(killer.restart_s)[-3] < 1, sorted(killer.restart_s)


def settled(ca, query):
    """Waits for jobs that were left behind: they are taken up within their lease."""
    end = time.monotonic() + 60
    while ca.sql(query, role="cairn_owner") != [["0"]]:
        assert time.monotonic() < end, query
        time.sleep(0.2)


def none(ca, query):
    rows = ca.sql(query, role="cairn_owner")
    assert rows == [], rows


def test_nothing_is_lost_in_the_tables(struck, pems):
    """A-117, D-3, F-41, F-43"""
    assert len(pems) == len(STEPS) * len(STRUCK) * 2
    struck.wait_ready()
    settled(struck, "SELECT count(*) FROM acme.authz WHERE lease_until IS NOT NULL")
    settled(struck, "SELECT count(*) FROM acme.order_now WHERE status = 'processing'")
    none(struck, "SELECT o.id FROM acme.order_now o LEFT JOIN ca.certificate c ON c.id = o.certificate_id AND c.order_id = o.id"
                 " WHERE (o.status = 'valid') <> (c.id IS NOT NULL)")
    none(struck, "SELECT c.id FROM ca.certificate c LEFT JOIN acme.order_now o ON o.certificate_id = c.id AND o.status = 'valid'"
                 " WHERE o.id IS NULL")
    none(struck, "SELECT order_id FROM ca.certificate GROUP BY order_id HAVING count(*) > 1")
    none(struck, "SELECT c.id FROM ca.certificate c LEFT JOIN ca.serial s ON s.serial = c.serial AND s.certificate_id = c.id"
                 " WHERE c.der IS NULL OR position(c.serial IN c.der) = 0 OR s.serial IS NULL")
    none(struck, "SELECT a.id FROM acme.authz a LEFT JOIN log.validation v ON v.id = a.validation_id AND v.passed AND v.method <> 'caa'"
                 " AND v.authorization_id = a.id LEFT JOIN log.validation_private p ON p.id = v.id"
                 " WHERE a.validation_id IS NOT NULL AND (v.id IS NULL OR p.id IS NULL)")
    none(struck, "SELECT c.id FROM ca.certificate c WHERE NOT EXISTS (SELECT FROM log.event e WHERE e.certificate_id = c.id"
                 " AND e.kind = 'certificate.issued')")
    none(struck, "SELECT r.certificate_id FROM ca.revocation r WHERE NOT EXISTS (SELECT FROM log.event e"
                 " WHERE e.certificate_id = r.certificate_id AND e.kind = 'certificate.revoked')")


def test_each_certificate_that_was_downloaded_is_kept(struck, pems):
    """A-123"""
    kept = {row[0] for row in struck.sql("SELECT encode(sha256(der), 'hex') FROM ca.certificate", role="cairn_owner")}
    for pem in pems:
        certificate = raw.x509.load_pem_x509_certificate(pem.encode())
        assert certificate.fingerprint(raw.hashes.SHA256()).hex() in kept


def test_each_acknowledged_request_is_in_the_log_once(struck, acknowledged):
    """F-41, F-45, G-2"""
    struck.wait_ready()
    query = ("SELECT encode(body_sha256, 'hex'), coalesce(status, 0), encode(reply_sha256, 'hex'), r.id"
             " FROM log.request r JOIN log.request_private p USING (id) WHERE method = 'POST'")
    wanted = {a.body_sha256: (str(a.status), a.reply_sha256) for a in acknowledged}
    assert len(wanted) == len(acknowledged) > 500
    end = time.monotonic() + 60
    while True:
        rows = struck.sql(query)
        bodies = {row[0]: (row[1], row[2]) for row in rows}
        missing = [body for body, outcome in wanted.items() if bodies.get(body) != outcome]
        if not missing or time.monotonic() > end:
            break
        time.sleep(0.2)
    assert not missing, (len(missing), len(wanted))
    assert len(bodies) == len(rows) == len({row[3] for row in rows}), "a request is in the log twice"
    unanswered = [row for row in rows if row[0] not in wanted]
    assert len(unanswered) <= 4 * len(STEPS) * len(STRUCK), "only what was in flight may have no acknowledgement"
    assert struck.sql("SELECT count(*) FROM log.request r FULL JOIN log.request_private p USING (id)"
                      " WHERE r.commitments IS NULL OR p.salt IS NULL") == [["0"]]
