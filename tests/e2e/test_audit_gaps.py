"""cairn audit gaps: the records reconcile, also after crashes; whatever a superuser takes away or adds is named."""
import contextlib
import json
import os
import signal
import threading
import time

import pytest

import raw
import responder as responder_module
import test_ocsp


def gaps(ca, *arguments, code=0):
    done = ca.cairn("audit", "gaps", "--json", "--database", ca.AUDITOR_DATABASE_URL, *arguments, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def revoke(client, pem, reason=1):
    der = raw.chain(pem)[0].public_bytes(raw.serialization.Encoding.DER)
    assert client.post(client.directory["revokeCert"], {"certificate": raw.b64(der), "reason": reason}).status_code == 200


# What in the database says which erasures were lawful (F-46) says that all were.
ALL_LAWFUL = ("CREATE TABLE log.help AS SELECT pg_get_functiondef('audit.lawful_erasures(boolean)'::regprocedure) AS text; "
              "CREATE OR REPLACE FUNCTION audit.lawful_erasures(p_waiting boolean DEFAULT false) RETURNS TABLE (name text, from_id uuid, until_id uuid) LANGUAGE sql STABLE AS "
              "$$ SELECT t, '00000000-0000-0000-0000-000000000000'::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid "
              "FROM unnest('{log.validation_private,log.request_private,log.validation,log.request,log.event}'::text[]) t $$")
LAWFUL_AGAIN = "DO $$ BEGIN EXECUTE (SELECT text FROM log.help); END $$; DROP TABLE log.help"

UNRECORDED = "SELECT count(*) FROM ca.certificate c WHERE NOT EXISTS (SELECT FROM log.request r WHERE r.id = c.request_id)"


@pytest.fixture(scope="module")
def crashed(make_ca):
    """A CA each of whose processes was killed while it worked; what is on record is then older than two minutes."""
    ca = make_ca({"ra": {"validation_attempts": 1}}, shifted=True)
    test_ocsp.configure(ca, ocsp_url=test_ocsp.url_of(ca).replace("127.0.0.1", "localhost"))  # responders take serials, too
    client = raw.Client(ca)
    assert client.register().status_code == 201
    responder = responder_module.Responder(int(ca.HTTP01_PORT))
    pem, _, _ = client.issue(responder, "revoked.gap.test")
    stop = threading.Event()

    def keep_asking(number):
        while not stop.is_set():
            with contextlib.suppress(Exception, AssertionError):
                one = raw.Client(ca)
                one.register()
                for k in range(100):
                    if stop.is_set():
                        break
                    one.issue(responder, f"n{k}.busy{number}.gap.test")
    threads = [threading.Thread(target=keep_asking, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for name in ("cairn-ca", "cairn-ra", "cairn-va", "cairn-subscriber", "cairn-wfe", "postgres"):
        time.sleep(0.4)
        before = ca.kill(name)
        if name == "postgres":
            time.sleep(2)
            ca.wait_ready()
        else:
            ca.wait_ready(name, after=before)
    time.sleep(1)
    stop.set()
    for thread in threads:
        thread.join()
    client = raw.Client(ca, client.key)
    assert client.register().status_code == 200
    revoke(client, pem)
    client.issue(responder, "whole.gap.test")
    responder.close()
    end = time.monotonic() + 60
    while ca.sql("SELECT count(*) FROM audit.crl WHERE entries = 1") == [["0"]] or ca.sql("SELECT count(*) FROM audit.certificate WHERE state = 'signing'") != [["0"]] \
            or ca.sql("SELECT count(*) FROM audit.request WHERE route = 'revoke-cert'") == [["0"]] \
            or ca.sql(UNRECORDED, role="cairn_owner") != [["0"]]:  # the request log of a front end is behind the answer, and time is about to jump
        assert time.monotonic() < end
        time.sleep(0.2)
    ca.sql("SELECT log.test_alarm('operator ana'); SELECT log.acknowledge_alarm((SELECT id FROM cairn.alarm WHERE kind = 'test'), 'operator ana', true, 'seen')", role="cairn_owner")
    for ground in "case 7", "case 8":
        ca.sql(f"SELECT cairn.add_hold(cairn.new_id(), '{ground}', (SELECT min(id::text)::uuid FROM acme.account), NULL, NULL, NULL, NULL, NULL, now() + interval '90 d', 'operator ana')",
               role="cairn_owner")
    ca.sql("SELECT cairn.end_hold(id, 'operator ana', 'over') FROM cairn.hold WHERE ground = 'case 8'", role="cairn_owner")
    ca.sql("SELECT cairn.set_retention('SUB-SW', 172800, NULL, 0, 'operator ana', 'thrift', false)", role="cairn_owner")
    ca.pass_time(minutes=20)
    return ca


def test_healthy_also_after_crashes(crashed):
    """F-58: what was interrupted is told, and is no gap"""
    found = gaps(crashed)
    assert found["gaps"] == 0 and found["crls"] >= 1 and found["kinds"] >= 17, found
    assert {f["kind"] for f in found["findings"]} <= {"request-interrupted"}
    assert "0 gap(s)" in crashed.cairn("audit", "gaps", "--database", crashed.AUDITOR_DATABASE_URL).stdout
    assert int(crashed.sql("SELECT count(*) FROM audit.certificate WHERE state = 'issued'")[0][0]) > 3
    assert crashed.sql("SELECT count(*) > 0 FROM ca.responder WHERE der IS NOT NULL", role="cairn_owner") == [["t"]]


CERTIFICATE = "(SELECT id FROM ca.certificate WHERE 'whole.gap.test' = ANY (names))"
REVOKED = "(SELECT id FROM ca.certificate WHERE 'revoked.gap.test' = ANY (names))"
ORDER = "(SELECT order_id FROM ca.certificate WHERE 'whole.gap.test' = ANY (names))"
REQUEST = "(SELECT request_id FROM ca.certificate WHERE 'whole.gap.test' = ANY (names))"
AUTHZ = "(SELECT id FROM acme.authz WHERE identifier_value = 'whole.gap.test')"

ALARM = "kind = 'process-crashed' AND acknowledged_at IS NULL"
ANSWERED = "kind = 'test' AND subject = ''"


def aside(table, where):
    return f"CREATE TABLE log.aside AS SELECT * FROM {table} WHERE {where}; DELETE FROM {table} WHERE {where}", \
        f"ALTER TABLE {table} DISABLE TRIGGER USER; INSERT INTO {table} SELECT * FROM log.aside; ALTER TABLE {table} ENABLE TRIGGER USER; DROP TABLE log.aside"


def of_hold(change, back):
    free, bound = ("ALTER TABLE cairn.hold DISABLE TRIGGER USER; ALTER TABLE cairn.hold_order DROP CONSTRAINT IF EXISTS hold_order_hold_id_fkey; ", "; ALTER TABLE cairn.hold ENABLE TRIGGER USER")
    return "hold-without-record", free + change + bound, free + back + bound


def of_account(change, back):
    where = " WHERE id = (SELECT min(id::text)::uuid FROM acme.account)"
    return "account-without-record", f"UPDATE acme.account SET {change}{where}", f"UPDATE acme.account SET {back}{where}"


# not even the owner can take a proof away while the constraint stands
UNBIND = "ALTER TABLE acme.authz DROP CONSTRAINT authz_validation_id_id_proof_fkey"
BIND = "ALTER TABLE acme.authz ADD CONSTRAINT authz_validation_id_id_proof_fkey FOREIGN KEY (validation_id, id, proof) REFERENCES log.validation (id, authorization_id, proof)"

GAPS = [
    ("request-without-outcome", f"UPDATE log.request SET status = NULL WHERE id = {REQUEST}", f"UPDATE log.request SET status = 200 WHERE id = {REQUEST}"),
    ("act-without-request", *aside("log.request", f"id = {REQUEST}")),
    ("authorization-without-validation", f"{UNBIND}; CREATE TABLE log.aside AS SELECT * FROM log.validation WHERE authorization_id = {AUTHZ}; "
     f"DELETE FROM log.validation WHERE authorization_id = {AUTHZ}", f"{aside('log.validation', '')[1]}; {BIND}"),
    ("certificate-without-order", f"UPDATE acme.orders SET certificate_id = NULL WHERE id = {ORDER}", f"UPDATE acme.orders SET certificate_id = {CERTIFICATE} WHERE id = {ORDER}"),
    ("certificate-without-order", f"CREATE TABLE log.aside AS SELECT * FROM acme.orders WHERE id = {ORDER}; DELETE FROM acme.orders WHERE id = (SELECT id FROM log.aside)",
     "INSERT INTO acme.orders SELECT * FROM log.aside; DROP TABLE log.aside"),
    ("certificate-without-serial", *aside("ca.serial", f"certificate_id = {CERTIFICATE}")),
    ("certificate-without-serial", "INSERT INTO ca.serial (serial, certificate_id) SELECT '\\x0102030405060708090a', cairn.id_at(now() - interval '10 min')",
     "DELETE FROM ca.serial WHERE serial = '\\x0102030405060708090a'"),
    ("certificate-without-serial", *aside("ca.serial", "serial IN (SELECT serial FROM ca.responder)")),
    ("certificate-without-validation", f"UPDATE ca.certificate SET validations = '{{}}' WHERE id = {CERTIFICATE}",
     f"UPDATE ca.certificate SET validations = ARRAY[(SELECT validation_id FROM acme.authz WHERE id = {AUTHZ})] WHERE id = {CERTIFICATE}"),
    ("certificate-without-signature", *aside("log.event", f"kind = 'certificate.issued' AND certificate_id = {CERTIFICATE}")),
    ("certificate-without-signature", *("; ".join(both) for both in zip((ALL_LAWFUL, LAWFUL_AGAIN), aside("log.event", f"kind = 'certificate.issued' AND certificate_id = {CERTIFICATE}")))),
    ("certificate-without-signature", f"UPDATE ca.certificate SET der = der || '\\x00'::bytea WHERE id = {CERTIFICATE}",
     f"UPDATE ca.certificate SET der = substr(der, 1, octet_length(der) - 1) WHERE id = {CERTIFICATE}"),
    ("signature-without-certificate", "CREATE TABLE log.aside AS SELECT * FROM ca.certificate WHERE 'whole.gap.test' = ANY (names); DELETE FROM ca.certificate WHERE id = (SELECT id FROM log.aside)",
     "INSERT INTO ca.certificate SELECT * FROM log.aside; DROP TABLE log.aside"),
    ("revocation-without-record", *aside("log.event", f"kind = 'certificate.revoked' AND certificate_id = {REVOKED}")),
    # E-27: the newest CRLs against what is revoked, both ways
    ("crl-entry-without-revocation", *aside("ca.revocation", f"certificate_id = {REVOKED}")),
    ("revocation-without-record", *aside("ca.revocation", f"certificate_id = {REVOKED}")),
    ("crl-entry-differs", f"ALTER TABLE ca.revocation DISABLE TRIGGER touch; UPDATE ca.revocation SET reason = 4 WHERE certificate_id = {REVOKED}",
     f"UPDATE ca.revocation SET reason = 1 WHERE certificate_id = {REVOKED}; ALTER TABLE ca.revocation ENABLE TRIGGER touch"),
    ("revoked-without-crl-entry", "ALTER TABLE ca.revocation DISABLE TRIGGER touch; INSERT INTO ca.revocation (certificate_id, serial, issuer, crl_shard, reason, revoked_at, revoked_by, not_after, changed_at) "
     "SELECT id, serial, issuer, crl_shard, 1, now() - interval '19 min', 'account', not_after, now() - interval '20 min' FROM ca.certificate WHERE 'whole.gap.test' = ANY (names)",
     f"DELETE FROM ca.revocation WHERE certificate_id = {CERTIFICATE}; ALTER TABLE ca.revocation ENABLE TRIGGER touch"),
    ("crl-without-record", "UPDATE log.event SET kind = 'crl.other' WHERE kind = 'crl.published'", "UPDATE log.event SET kind = 'crl.published' WHERE kind = 'crl.other'"),
    ("alarm-without-record", *aside("cairn.alarm", ALARM)),
    ("alarm-without-record", *aside("log.event", "kind = 'alarm.raised' AND facts->>'kind' = 'process-crashed'")),
    ("alarm-without-record", f"UPDATE cairn.alarm SET kind = 'test' WHERE {ALARM}", f"UPDATE cairn.alarm SET kind = 'process-crashed' WHERE {ALARM.replace('process-crashed', 'test')}"),
    ("alarm-without-record", f"UPDATE cairn.alarm SET acknowledged_at = raised_at, acknowledged_by = 'nobody', verdict = 'false', note = 'x' WHERE {ALARM}",
     f"UPDATE cairn.alarm SET acknowledged_at = NULL, acknowledged_by = NULL, verdict = NULL, note = NULL WHERE {ALARM.split(' AND ')[0]}"),
    ("alarm-without-record", f"UPDATE cairn.alarm SET note = 'another' WHERE {ANSWERED}", f"UPDATE cairn.alarm SET note = 'seen' WHERE {ANSWERED}"),
    ("alarm-without-record", f"CREATE TABLE log.aside AS SELECT * FROM cairn.alarm WHERE {ANSWERED}; "
     f"UPDATE cairn.alarm SET acknowledged_at = NULL, acknowledged_by = NULL, verdict = NULL, note = NULL WHERE {ANSWERED}",
     "UPDATE cairn.alarm k SET acknowledged_at = a.acknowledged_at, acknowledged_by = a.acknowledged_by, verdict = a.verdict, note = a.note FROM log.aside a WHERE k.id = a.id; "
     "DROP TABLE log.aside"),
    # F-46, G-56: taken away, made of somebody else, longer or shorter, ended or put in force again, unheard of
    of_hold("CREATE TABLE log.aside AS SELECT * FROM cairn.hold WHERE ground = 'case 7'; DELETE FROM cairn.hold WHERE ground = 'case 7'",
            "INSERT INTO cairn.hold SELECT * FROM log.aside; DROP TABLE log.aside"),
    of_hold("UPDATE cairn.hold SET since = '2020-01-01' WHERE ground = 'case 7'", "UPDATE cairn.hold SET since = NULL WHERE ground = 'case 7'"),
    of_hold("UPDATE cairn.hold SET ends_at = ends_at + interval '1 d' WHERE ground = 'case 7'", "UPDATE cairn.hold SET ends_at = ends_at - interval '1 d' WHERE ground = 'case 7'"),
    of_hold("UPDATE cairn.hold SET ended_at = created_at, ended_by = 'x', end_reason = 'x' WHERE ground = 'case 7'",
            "UPDATE cairn.hold SET ended_at = NULL, ended_by = NULL, end_reason = NULL WHERE ground = 'case 7'"),
    of_hold("CREATE TABLE log.aside AS SELECT * FROM cairn.hold WHERE ground = 'case 8'; UPDATE cairn.hold SET ended_at = NULL, ended_by = NULL, end_reason = NULL WHERE ground = 'case 8'",
            "UPDATE cairn.hold h SET ended_at = a.ended_at, ended_by = a.ended_by, end_reason = a.end_reason FROM log.aside a WHERE h.id = a.id; DROP TABLE log.aside"),
    # F-46: a rule by which evidence goes sooner, and one of the software's own
    ("retention-without-record", "UPDATE cairn.retention SET clear_s = 86400 WHERE class = 'SUB-SW' AND version = 2", "UPDATE cairn.retention SET clear_s = 172800 WHERE class = 'SUB-SW' AND version = 2"),
    ("retention-without-record", "UPDATE cairn.retention SET clear_s = 86400 WHERE class = 'SUB-REQ'", "UPDATE cairn.retention SET clear_s = NULL WHERE class = 'SUB-REQ'"),
    ("retention-without-record", "UPDATE cairn.retention SET held_by = '{}' WHERE class = 'SUB-VAL'", "UPDATE cairn.retention SET held_by = '{hold,floor}' WHERE class = 'SUB-VAL'"),
    ("retention-without-record", "INSERT INTO cairn.retention (class, version, clear_s, keep_s, held_by, changed_at, changed_by, reason) VALUES "
     "('SUB-REQ', 2, 86400, 86400, '{hold,floor}', now() - interval '10 min', 'operator ana', 'x')", "DELETE FROM cairn.retention WHERE class = 'SUB-REQ' AND version = 2"),
    ("retention-without-record", *aside("cairn.retention", "class = 'SUB-SW' AND version = 2")),
    ("retention-without-record", *aside("log.event", "kind = 'retention.changed'")),
    # A-60, F-46: another's key, shut off or open again, terms that nobody agreed to, taken away, made by nobody
    of_account("thumbprint = sha256('another')", "thumbprint = decode((SELECT facts->>'thumbprint' FROM log.event WHERE kind = 'account.created' AND account_id = acme.account.id), 'hex')"),
    of_account("status = 'deactivated', ended_at = now()", "status = 'valid', ended_at = NULL"),
    of_account("terms_agreed = 'https://x.test/'", "terms_agreed = (SELECT facts->>'terms_agreed' FROM log.event WHERE kind = 'account.created' AND account_id = acme.account.id)"),
    ("account-without-record", *aside("log.event", "kind = 'account.created' AND account_id = (SELECT min(id::text)::uuid FROM acme.account)")),
    ("account-without-record", "INSERT INTO acme.account (id, status, key, thumbprint, created_at) VALUES ('01900000-0000-7000-8000-000000000001', 'valid', '{}', sha256('1'), now() - interval '10 min')",
     "DELETE FROM acme.account WHERE thumbprint = sha256('1')"),
    ("hold-without-record", *aside("log.event", "kind = 'hold.added' AND facts->>'hold' = (SELECT cairn.id_text(id) FROM cairn.hold WHERE ground = 'case 7')")),
]


@pytest.fixture
def at_rest(crashed):
    """The signing CA stands still, so that it neither mends nor publishes what the test falsifies."""
    pid = crashed.pid("cairn-ca")
    os.kill(pid, signal.SIGSTOP)
    yield crashed
    os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("kind, change, back", GAPS)
def test_each_gap_is_named(at_rest, kind, change, back):
    """F-46, F-58"""
    at_rest.sql(change, role="cairn_owner")
    try:
        found = gaps(at_rest, code=1)
        assert kind in {f["kind"] for f in found["findings"]} and found["gaps"] >= 1, found
        text = at_rest.cairn("audit", "gaps", "--database", at_rest.AUDITOR_DATABASE_URL, check=False).stdout
        assert f"\n{kind}  " in "\n" + text
    finally:
        at_rest.sql(back, role="cairn_owner")
    assert gaps(at_rest)["gaps"] == 0


def test_ranges(at_rest):
    """Only what began in the range"""
    change, back = GAPS[0][1:]
    at_rest.sql(change, role="cairn_owner")
    try:
        assert gaps(at_rest, "--until", "2026-01-01T00:00:00Z")["gaps"] == 0
        assert gaps(at_rest, "--since", "2099-01-01T00:00:00Z")["gaps"] == 0
        assert gaps(at_rest, "--since", "2020-01-01T00:00:00Z", code=1)["gaps"] == 1
    finally:
        at_rest.sql(back, role="cairn_owner")


@pytest.mark.parametrize("arguments", [["--since", "yesterday"], ["--until", ""], ["again"], ["--nothing"]])
def test_misuse(crashed, arguments):
    done = crashed.cairn("audit", "gaps", *arguments, check=False)
    assert done.returncode == 2 and "Usage: cairn audit gaps" in done.stderr
