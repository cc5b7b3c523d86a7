"""Issuance that a crash can't tear (issue 6, design 4.3): cairn-ca, its signer, cairn-ra and PostgreSQL are killed (-9) while issuances and
revocations stand at each of their steps, again and again; a thousand times in tests/run --long. Keys are in files, in a token, and in a token with
transparency logs and OCSP. In the end the signer's own notes are held against the records: what was signed is on record, all that is on record
was signed, each serial stands for one certificate, and CRLs and OCSP answers say what was revoked and nothing else."""
import collections
import concurrent.futures
import contextlib
import hashlib
import json
import os
import random
import signal
import time

import psycopg2
import pytest
from cryptography import x509
from cryptography.x509 import ocsp

import ct_world
import instance
import raw
import responder
import steady
import test_ocsp
from test_sealing import until_sealed

SANITIZED = "san" in os.path.basename(os.path.normpath(instance.BUILD))
LONG = "CAIRN_LONG" in os.environ and not SANITIZED
KILLS = int(os.environ.get("CAIRN_KILLS", "1000" if LONG else "54"))
AT_ONCE = 2
VICTIMS = ("cairn-ca", "signer", "cairn-ra", "postgres")
QUICK_S = 10.3  # the supervisor waits longer after several deaths within ten seconds each
QUICK_DEATHS = 4
PATIENCE_S = 240  # of a client; no test of how fast anything is
NOTHING = b"nothing"  # what the signer signs with keys of no meaning when it starts


HOLD = """CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711, hashtext(NEW.kind)); RETURN NEW; END $$;
    CREATE TRIGGER hold BEFORE INSERT ON log.event FOR EACH ROW EXECUTE FUNCTION public.hold()"""


def unit(victim):
    return "cairn-ca" if victim == "signer" else victim


class Held:
    """A table that nobody can write to, or a kind of event, with which its whole transaction waits."""

    def __init__(self, ca, table=None, event=None):
        self.connection = psycopg2.connect(ca.AUDITOR_DATABASE_URL.replace("cairn_auditor", "cairn_owner"))
        self.cursor = self.connection.cursor()
        self.cursor.execute(f"LOCK TABLE {table} IN SHARE MODE" if table else f"SELECT pg_advisory_xact_lock(4711, hashtext('{event}'))")

    def waiting(self):
        self.cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        return self.cursor.fetchone()[0]

    def wait(self, what, count=AT_ONCE):
        """Until the issuances stand at it; others may too."""
        try:
            until(lambda: self.waiting() >= count, what)
        except AssertionError:
            self.cursor.execute("SELECT application_name, usename, state, wait_event, left(query, 60), now() - query_start FROM pg_stat_activity"
                                " WHERE backend_type = 'client backend'")
            print(*self.cursor.fetchall(), sep="\n")
            raise

    def close(self):
        with contextlib.suppress(psycopg2.Error):  # PostgreSQL may be the one that was killed
            self.connection.rollback()
        self.connection.close()


def until(found, what, seconds=120):
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, what
        time.sleep(0.002)


class World:
    def __init__(self, name, ca, answers):
        self.ca = ca
        self.name = name
        self.logs = logs = name == "logs"
        self.steps = STEPS + (("embedded",) if logs else ())
        self.started = dict.fromkeys(map(unit, VICTIMS), time.monotonic())
        self.quick = collections.Counter()
        self.struck = collections.Counter()
        self.pems = []
        self.revoked = []
        self.revocations = []
        self.numbers = iter(range(1000000))
        self.clients = []
        for i in range(AT_ONCE):
            client = steady.Client(ca, patience=PATIENCE_S)
            assert client.register().status_code == 201
            order = client.order(f"held-{i}.test").json()
            client.validate(order, answers)
            self.clients.append(client)
        self.pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE + 1)
        ca.sql(HOLD, role="cairn_owner")

    def signer(self):
        pid = self.ca.pid("cairn-ca")
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return int(f.read().split()[0])

    def rested(self, name):
        return self.quick[name] < QUICK_DEATHS or time.monotonic() - self.started[name] > QUICK_S

    def csr(self, name):
        """An elliptic key now, an RSA key then: two issuers."""
        return raw.csr([name], raw.rsa_key() if next(self.numbers) % 8 == 0 else raw.ec_key())[0]

    def begin(self):
        """Orders that are ready, and what finalizes them: all are sent in one moment, as a signer is waited for a while only. Each becomes a
        certificate, however often its way there is cut off."""
        work = []
        for i, client in enumerate(self.clients):
            answer = client.order(f"held-{i}.test")
            assert answer.status_code == 201 and answer.json()["status"] == "ready", answer.text
            work.append((client, answer.headers["Location"], self.csr(f"held-{i}.test")))
        return lambda: [self.pool.submit(client.finish, url, csr) for client, url, csr in work]

    def begun(self):
        """How many certificates of this strike are fixed, and how many are on record."""
        rows = self.ca.sql("SELECT count(*), count(der) FROM ca.certificate", role="cairn_owner")
        return [int(count) - len(self.pems) for count in rows[0]]

    def revoke(self):
        """The next certificate in their order, on its way: its CRL and its OCSP answer are made while something dies."""
        if len(self.revoked) < len(self.pems):
            pem, who = self.pems[len(self.revoked)], self.clients[len(self.revoked) % AT_ONCE]
            client = steady.Client(self.ca, patience=PATIENCE_S)
            client.key, client.kid = who.key, who.kid
            self.revoked.append(raw.chain(pem)[0].serial_number)
            self.revocations.append(self.pool.submit(client.revoke, pem))

    def promised(self):
        return int(self.ca.sql("SELECT count(*) FROM ca.precertificate", role="cairn_owner")[0][0]) - len(self.pems)

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
        """The certificate is on record, or the precertificate, and who asked for it has not heard of it."""
        done = self.at_begin(send)
        self.stop(self.ca.pid("cairn-ra"))
        self.held.close()
        self.held = None
        until(lambda: (self.promised() if self.logs else self.begun()[1]) == AT_ONCE, "nothing is completed")
        return done

    def at_embedded(self, send):
        """SCTs are in the octets that are fixed now, the signature is made and not on record."""
        self.held = Held(self.ca, event="certificate.issued")
        done = send()
        self.held.wait("no certificate is signed")
        return done

    def at_crl(self, send):
        """A CRL is signed and not on record."""
        self.held = Held(self.ca, event="crl.published")
        done = send()
        self.revoke()
        if self.revocations:
            self.held.wait("no CRL is signed", 1)
        return done

    def release(self):
        if self.held:
            self.held.close()
        for pid in self.stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def strike(self, victim, step):
        self.held, self.stopped, self.revocations = None, [], []
        name = unit(victim)
        self.ca.wait_ready("cairn-ca", "cairn-ra")  # a signer that is stopped while it starts lets nothing begin
        lived = time.monotonic() - self.started[name]
        self.quick[name] = self.quick[name] + 1 if lived < QUICK_S else 0
        try:
            done = getattr(self, "at_" + step)(self.begin())
            if step != "crl":
                self.revoke()
            before = self.ca.pid(name)
            os.kill(self.signer() if victim == "signer" else before, signal.SIGKILL)
        finally:
            self.release()
        until(lambda: self.ca.pid(name) not in (None, before), f"{name} is not started again")
        self.started[name] = time.monotonic()
        self.pems += [one.result(timeout=PATIENCE_S + 60) for one in done]
        for one in self.revocations:
            one.result(timeout=PATIENCE_S + 60)
        self.struck[victim, step] += 1


STEPS = ("request", "begin", "fixed", "signed", "recorded", "crl")
SHARES = {"file": 9, "token": 9, "logs": 2}  # twentieths; with logs, who takes over lets half a minute pass


@pytest.fixture(scope="module", params=SHARES)
def world(request, make_ca):
    """Keys in files, and in a token; these with transparency logs and OCSP, too."""
    if request.param != "logs":
        ca = make_ca(token=request.param == "token", signatures=True)
        answers = responder.Responder(int(ca.HTTP01_PORT))
        yield World(request.param, ca, answers)
        answers.close()
        return
    there = ct_world.World(lambda config: make_ca(config, token=True, signatures=True))
    test_ocsp.configure(there.ca, ocsp_url=test_ocsp.url_of(there.ca).replace("127.0.0.1", "localhost"))
    yield World(request.param, there.ca, there.answers)
    there.close()


def test_kills(world):
    """A-117, D-3, D-54, F-41: a victim that has died too often of late is passed over until it may die again"""
    every = [(victim, step) for victim in VICTIMS for step in world.steps]
    count = KILLS * SHARES[world.name] // 20
    waiting = every * (count // len(every)) + random.sample(every, count % len(every))
    random.shuffle(waiting)
    while waiting:
        found = next((pair for pair in waiting if world.rested(unit(pair[0]))), None)
        if found is None:
            time.sleep(0.1)
            continue
        waiting.remove(found)
        world.strike(*found)
    assert sum(world.struck.values()) == count and len(world.pems) == AT_ONCE * count and len(world.revoked) >= count - 1
    world.ca.sql("DROP TRIGGER hold ON log.event; DROP FUNCTION public.hold()", role="cairn_owner")
    print(f"kills: {count}, certificates: {len(world.pems)}, revoked: {len(world.revoked)}")


def kind_of(tbs):
    """By the first member: the version of a TBSCertificate, that of a TBSCertList, the responder of a ResponseData."""
    at = 2 if tbs[1] < 0x80 else 2 + (tbs[1] & 0x7f)
    return {0xa0: "certificate", 0x02: "crl", 0xa1: "ocsp", 0xa2: "ocsp"}[tbs[at]]


def made_by(world):
    """Signatures by the SHA-256 of what was signed, of each kind."""
    made = {"certificate": collections.defaultdict(set), "crl": collections.defaultdict(set), "ocsp": collections.defaultdict(set)}
    for tbs, signature in world.ca.signatures():
        if tbs != NOTHING:
            made[kind_of(tbs)][sha256(tbs)].add(signature)
    return made


def sha256(octets):
    return hashlib.sha256(octets).hexdigest()


def rows(world, query):
    return world.ca.sql(query, role="cairn_owner")


def test_each_certificate_is_on_record(world):
    """D-3, D-54, F-41: signatures made, by the signer's own notes, equal the records; a repeated one is over the very octets on record"""
    world.ca.wait_ready()
    made = made_by(world)["certificate"]
    finals = [x509.load_der_x509_certificate(bytes.fromhex(row[0])) for row in rows(world, "SELECT encode(der, 'hex') FROM ca.certificate")]
    promises = [x509.load_der_x509_certificate(bytes.fromhex(row[0])) for row in rows(world, "SELECT encode(der, 'hex') FROM ca.precertificate")]
    begun = {row[0] for row in rows(world, "SELECT encode(sha256(tbs), 'hex') FROM ca.responder")}
    recorded = collections.Counter(sha256(one.tbs_certificate_bytes) for one in finals + promises)
    assert set(recorded) == set(made) - begun, "what was signed and what is on record differ"
    assert set(recorded) == {row[0] for row in rows(world, "SELECT encode(tbs_sha256, 'hex') FROM ca.certificate")} | {
        sha256(one.tbs_certificate_bytes) for one in promises}, "what was fixed is not what was signed"
    assert set(recorded.values()) == {1} and len({one.serial_number for one in finals}) == len(finals) == len(world.pems), "a serial twice"
    assert sorted(one.serial_number for one in promises) == (sorted(one.serial_number for one in finals) if world.logs else [])
    for one in finals + promises:
        assert one.signature in made[sha256(one.tbs_certificate_bytes)], f"{one.serial_number:x} has a signature that the signer did not make"
    again = sum(1 for tbs, _ in world.ca.signatures() if tbs != NOTHING and sha256(tbs) in recorded) - len(recorded)
    cut_off = sum(count for (_, step), count in world.struck.items() if step in ("request", "fixed", "signed", "embedded", "crl"))
    assert again <= AT_ONCE * cut_off, "more was signed again than crashes explain"
    print(f"signed: {len(recorded)}, again: {again}, on record: {len(finals)} and {len(promises)} precertificates")


def test_each_crl_is_on_record(world):
    """D-3, E-20, F-40: a CRL is on record before it is signed, no number is signed twice, and the newest lists exactly what was revoked"""
    made = made_by(world)["crl"]
    revoked = sorted(rows(world, "SELECT encode(serial, 'hex') FROM ca.revocation"))
    assert [int(serial, 16) for serial, in revoked] == sorted(world.revoked), "what was acknowledged and what is on record differ"
    until(lambda: rows(world, "SELECT 1 FROM ca.crl_states(ARRAY(SELECT name FROM ca.issuer)) WHERE changed OR asked") == [], "a CRL is not made anew")
    begun = rows(world, "SELECT facts->>'tbs_sha256', concat_ws('/', facts->>'issuer', facts->>'shard', facts->>'number') FROM log.event WHERE kind = 'crl.begun'")
    assert len({number for _, number in begun}) == len({digest for digest, _ in begun}) == len(begun), "a number was begun twice"
    made = made_by(world)["crl"]
    assert set(made) <= {digest for digest, _ in begun}, "a CRL was signed that is not on record"
    newest = {}
    for issuer, shard, number, der in rows(world, "SELECT issuer, shard::text, number::text, encode(der, 'hex') FROM ca.crl ORDER BY ca.crl.number"):
        crl = newest[issuer, shard] = x509.load_der_x509_crl(bytes.fromhex(der))
        digest = sha256(crl.tbs_certlist_bytes)
        assert crl.signature in made[digest] and [digest, f"{issuer}/{shard}/{number}"] in begun, "a CRL that is not the one of its record"
    assert sorted(entry.serial_number for crl in newest.values() for entry in crl) == sorted(world.revoked)
    print(f"CRLs signed: {len(made)}, begun: {len(begun)}, with {len(world.revoked)} entries")


def test_each_ocsp_answer_is_on_record(world):
    """D-60, E-36, F-40: each certificate has one, by a responder whose certificate was on record before it was signed"""
    if not world.logs:
        assert not made_by(world)["ocsp"] and rows(world, "SELECT 1 FROM ca.responder") == []
        return
    due = "SELECT 1 FROM ca.certificate c LEFT JOIN ca.ocsp o USING (issuer, serial) WHERE o.sha1 IS NULL OR o.due_at <= now() OR (o.reason IS NULL) <> " \
        "(NOT EXISTS (SELECT FROM ca.revocation r WHERE r.serial = c.serial))"
    until(lambda: rows(world, due) == [], "an answer is missing")
    made = made_by(world)
    begun = rows(world, "SELECT encode(sha256(tbs), 'hex'), coalesce(encode(der, 'hex'), '') FROM ca.responder")
    for digest, der in begun:
        assert der == "" or x509.load_der_x509_certificate(bytes.fromhex(der)).signature in made["certificate"][digest]
    answers = rows(world, "SELECT encode(serial, 'hex'), encode(a, 'hex') FROM ca.ocsp, unnest(ARRAY[sha1, sha256]) AS a")
    assert len(answers) == 2 * len(world.pems)
    for serial, der in answers:
        answer = ocsp.load_der_ocsp_response(bytes.fromhex(der))
        assert answer.signature in made["ocsp"][sha256(answer.tbs_response_bytes)], "an answer that no responder here signed"
        wanted = ocsp.OCSPCertStatus.REVOKED if int(serial, 16) in world.revoked else ocsp.OCSPCertStatus.GOOD
        assert answer.serial_number == int(serial, 16) and answer.certificate_status == wanted
    print(f"OCSP answers signed: {len(made['ocsp'])}, on record: {len(answers)}, responders: {len(begun)}")


def test_nothing_is_lost_or_doubled(world):
    """A-117, A-123, D-3, F-41"""
    def none(query):
        assert rows(world, query) == [], query
    none("SELECT order_id FROM ca.certificate GROUP BY order_id HAVING count(*) > 1")
    none("SELECT id FROM ca.certificate WHERE der IS NULL")
    none("SELECT s.serial FROM (SELECT serial, certificate_id FROM ca.serial WHERE serial NOT IN (SELECT serial FROM ca.responder)) s"
         " FULL JOIN ca.certificate c ON s.serial = c.serial AND s.certificate_id = c.id WHERE s.serial IS NULL OR c.id IS NULL")
    none("SELECT o.id FROM acme.order_now o LEFT JOIN ca.certificate c ON c.id = o.certificate_id AND c.order_id = o.id"
         " WHERE (o.status = 'valid') <> (c.id IS NOT NULL)")
    kinds = ("certificate.issued", "precertificate.signed", "certificate.promised") if world.logs else ("certificate.issued",)
    for kind in kinds:
        none("SELECT c.id FROM ca.certificate c LEFT JOIN log.event e ON e.certificate_id = c.id AND e.kind = '" + kind + "'"
             " GROUP BY c.id HAVING count(e.id) <> 1")
    none("SELECT r.serial FROM ca.revocation r LEFT JOIN log.event e ON e.certificate_id = r.certificate_id AND e.kind = 'certificate.revoked'"
         " GROUP BY r.serial HAVING count(e.id) <> 1")
    kept = {row[0] for row in rows(world, "SELECT encode(sha256(der), 'hex') FROM ca.certificate")}
    got = {raw.chain(pem)[0].fingerprint(raw.hashes.SHA256()).hex() for pem in world.pems}
    assert got == kept and len(got) == len(world.pems), "what clients have and what is on record differ"


def test_auditors_find_nothing(world):
    """F-34, F-46: every record is sealed once, the records reconcile, and each certificate read back is what its records say"""
    until_sealed(world.ca, 180)
    for words in (("verify",), ("gaps",), ("issued", "--since", "3h")):
        done = world.ca.cairn("audit", *words, "--json", "--database", world.ca.AUDITOR_DATABASE_URL, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["certificates"] == len(world.pems)
