"""Issuance that a crash can't tear (issue 6, design 4.3): cairn-ca, its signer, cairn-ra and PostgreSQL are killed (-9) while issuances stand
at each of their steps, again and again; a thousand times in tests/run --long. In the end the signer's own notes are held against the
records: what was signed is on record, all that is on record was signed, and each serial stands for one certificate."""
import collections
import concurrent.futures
import contextlib
import hashlib
import os
import random
import signal
import time

import psycopg2
import pytest

import instance
import raw
import responder
import steady

SANITIZED = "san" in os.path.basename(os.path.normpath(instance.BUILD))
LONG = "CAIRN_LONG" in os.environ and not SANITIZED
KILLS = int(os.environ.get("CAIRN_KILLS", "1000" if LONG else "40"))  # half of them with keys in a token
AT_ONCE = 2
VICTIMS = ("cairn-ca", "signer", "cairn-ra", "postgres")
QUICK_S = 10.3  # the supervisor waits longer after several deaths within ten seconds each
QUICK_DEATHS = 4
NOTHING = b"nothing"  # what the signer signs with keys of no meaning when it starts


def unit(victim):
    return "cairn-ca" if victim == "signer" else victim


class Held:
    """A table that nobody can write to."""

    def __init__(self, ca, table):
        self.connection = psycopg2.connect(ca.AUDITOR_DATABASE_URL.replace("cairn_auditor", "cairn_owner"))
        self.cursor = self.connection.cursor()
        self.cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")

    def waiting(self):
        self.cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        return self.cursor.fetchone()[0]

    def wait(self, what):
        """Until the issuances stand at it; others may too."""
        try:
            until(lambda: self.waiting() >= AT_ONCE, what)
        except AssertionError:
            self.cursor.execute("SELECT application_name, usename, state, wait_event, left(query, 60), now() - query_start FROM pg_stat_activity"
                                " WHERE backend_type = 'client backend'")
            print(*self.cursor.fetchall(), sep="\n")
            raise

    def close(self):
        with contextlib.suppress(psycopg2.Error):  # PostgreSQL may be the one that was killed
            self.connection.rollback()
        self.connection.close()


def until(found, what, seconds=30):
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, what
        time.sleep(0.002)


class World:
    def __init__(self, ca, answers):
        self.ca = ca
        self.started = dict.fromkeys(map(unit, VICTIMS), time.monotonic())
        self.quick = collections.Counter()
        self.struck = collections.Counter()
        self.pems = []
        self.numbers = iter(range(1000000))
        self.clients = []
        for i in range(AT_ONCE):
            client = steady.Client(ca, patience=90)
            assert client.register().status_code == 201
            order = client.order(f"held-{i}.test").json()
            client.validate(order, answers)
            self.clients.append(client)
        self.pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE)

    def signer(self):
        pid = self.ca.pid("cairn-ca")
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return int(f.read().split()[0])

    def rested(self, name):
        return self.quick[name] < QUICK_DEATHS or time.monotonic() - self.started[name] > QUICK_S

    def finalize(self, client, url):
        """The certificate, however often its way there was cut off. An elliptic key now, an RSA key then: two issuers."""
        key = raw.rsa_key() if next(self.numbers) % 8 == 0 else raw.ec_key()
        order = client.post(url).json()
        der = raw.csr([order["identifiers"][0]["value"]], key)[0]
        return client.finish(url, der)

    def begin(self):
        """Orders that are ready; their finalizations have to be sent."""
        urls = []
        for i, client in enumerate(self.clients):
            answer = client.order(f"held-{i}.test")
            assert answer.status_code == 201 and answer.json()["status"] == "ready", answer.text
            urls.append(answer.headers["Location"])
        return lambda: [self.pool.submit(self.finalize, *each) for each in zip(self.clients, urls)]

    def begun(self):
        """How many certificates of this strike are fixed, and how many are on record."""
        rows = self.ca.sql("SELECT count(*), count(der) FROM ca.certificate", role="cairn_owner")
        return [int(count) - len(self.pems) for count in rows[0]]

    def stop(self, pid):
        os.kill(pid, signal.SIGSTOP)
        self.stopped.append(pid)

    def at_request(self, send):
        """On their way, somewhere."""
        done = send()
        time.sleep(random.uniform(0, 0.06))
        return done

    def at_begin(self, send):
        """In the transaction that fixes serial and octets."""
        self.held = Held(self.ca, "ca.serial")
        done = send()
        self.held.wait("nothing is begun")
        return done

    def at_fixed(self, send):
        """Serial and octets are fixed, the signer has the request."""
        self.stop(self.signer())
        done = send()
        until(lambda: self.begun() == [AT_ONCE, 0], "nothing is fixed")
        return done

    def at_signed(self, send):
        """The signature is made and not on record."""
        done = self.at_fixed(send)
        self.held = Held(self.ca, "ca.certificate")
        os.kill(self.stopped.pop(), signal.SIGCONT)
        self.held.wait("nothing is recorded")
        return done

    def at_recorded(self, send):
        """The certificate is on record, and who asked for it has not heard of it."""
        done = self.at_begin(send)
        self.stop(self.ca.pid("cairn-ra"))
        self.held.close()
        self.held = None
        until(lambda: self.begun() == [AT_ONCE, AT_ONCE], "nothing is completed")
        return done

    def release(self):
        if self.held:
            self.held.close()
        for pid in self.stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def strike(self, victim, step):
        self.held, self.stopped = None, []
        name = unit(victim)
        self.ca.wait_ready("cairn-ca", "cairn-ra")  # a signer that is stopped while it starts lets nothing begin
        lived = time.monotonic() - self.started[name]
        self.quick[name] = self.quick[name] + 1 if lived < QUICK_S else 0
        try:
            done = getattr(self, "at_" + step)(self.begin())
            before = self.ca.pid(name)
            os.kill(self.signer() if victim == "signer" else before, signal.SIGKILL)
        finally:
            self.release()
        until(lambda: self.ca.pid(name) not in (None, before), f"{name} is not started again", 60)
        self.started[name] = time.monotonic()
        self.pems += [one.result(timeout=120) for one in done]
        self.struck[victim, step] += 1


STEPS = ("request", "begin", "fixed", "signed", "recorded")


@pytest.fixture(scope="module", params=("file", "token"))
def world(request, make_ca):
    """Keys in files, and in a token."""
    ca = make_ca(token=request.param == "token", signatures=True)
    answers = responder.Responder(int(ca.HTTP01_PORT))
    yield World(ca, answers)
    answers.close()


def test_kills(world):
    """A-117, D-3, F-41: a victim that has died too often of late is passed over until it may die again"""
    every = [(victim, step) for victim in VICTIMS for step in STEPS]
    waiting = (every * (KILLS // len(every) + 1))[:KILLS // 2]
    random.shuffle(waiting)
    while waiting:
        found = next((pair for pair in waiting if world.rested(unit(pair[0]))), None)
        if found is None:
            time.sleep(0.1)
            continue
        waiting.remove(found)
        world.strike(*found)
    assert sum(world.struck.values()) == KILLS // 2 and len(world.pems) == AT_ONCE * (KILLS // 2)
    print(f"kills: {sum(world.struck.values())}, certificates: {len(world.pems)}")


def serial_of(tbs):
    """The second member of a TBSCertificate, behind its version; none in a TBSCertList."""
    at = 2 if tbs[1] < 0x80 else 2 + (tbs[1] & 0x7f)
    if tbs[at] != 0xa0:
        return None
    at += 2 + tbs[at + 1]
    return tbs[at + 2:at + 2 + tbs[at + 1]]


def test_each_signature_is_on_record(world):
    """D-3, F-41: signatures made, by the signer's own notes, equal the records; a repeated one is over the very octets on record"""
    ca = world.ca
    ca.wait_ready()
    made = [one for one in ca.signatures() if one[0] != NOTHING]
    certificates = [one for one in made if serial_of(one[0])]
    rows = ca.sql("SELECT encode(serial, 'hex'), encode(tbs_sha256, 'hex'), encode(der, 'hex') FROM ca.certificate", role="cairn_owner")
    digests = {hashlib.sha256(tbs).hexdigest() for tbs, _ in certificates}
    assert digests == {row[1] for row in rows} and len(rows) == len(digests), "what was signed and what is on record differ"
    assert len({row[0] for row in rows}) == len(rows) == len({serial_of(tbs) for tbs, _ in certificates}), "a serial twice"
    signatures = collections.defaultdict(set)
    for tbs, signature in certificates:
        signatures[hashlib.sha256(tbs).hexdigest()].add(signature)
    for serial, digest, der in rows:
        assert any(bytes.fromhex(der).endswith(one) for one in signatures[digest]), f"{serial} has a signature that the signer did not make"
    again = len(certificates) - len(digests)
    struck_signed = sum(count for (_, step), count in world.struck.items() if step in ("request", "fixed", "signed"))
    assert again <= AT_ONCE * struck_signed, "more was signed again than crashes explain"
    begun = {row[0] for row in ca.sql("SELECT facts ->> 'tbs_sha256' FROM log.event WHERE kind = 'crl.begun'", role="cairn_owner")}
    assert {hashlib.sha256(tbs).hexdigest() for tbs, _ in made if not serial_of(tbs)} <= begun, "a CRL was signed that is not on record"
    print(f"signed: {len(digests)}, again: {again}, on record: {len(rows)}")


def test_nothing_is_lost_or_doubled(world):
    """A-117, A-123, D-3, F-41"""
    def none(query):
        assert world.ca.sql(query, role="cairn_owner") == [], query
    none("SELECT order_id FROM ca.certificate GROUP BY order_id HAVING count(*) > 1")
    none("SELECT id FROM ca.certificate WHERE der IS NULL")
    none("SELECT s.serial FROM ca.serial s FULL JOIN ca.certificate c ON s.serial = c.serial AND s.certificate_id = c.id"
         " WHERE s.serial IS NULL OR c.id IS NULL")
    none("SELECT o.id FROM acme.order_now o LEFT JOIN ca.certificate c ON c.id = o.certificate_id AND c.order_id = o.id"
         " WHERE (o.status = 'valid') <> (c.id IS NOT NULL)")
    none("SELECT c.id FROM ca.certificate c LEFT JOIN log.event e ON e.certificate_id = c.id AND e.kind = 'certificate.issued'"
         " GROUP BY c.id HAVING count(e.id) <> 1")
    kept = {row[0] for row in world.ca.sql("SELECT encode(sha256(der), 'hex') FROM ca.certificate", role="cairn_owner")}
    got = {raw.chain(pem)[0].fingerprint(raw.hashes.SHA256()).hex() for pem in world.pems}
    assert got == kept and len(got) == len(world.pems), "what clients have and what is on record differ"
