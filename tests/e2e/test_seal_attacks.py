"""What a superuser of the database tries beyond single rows, and what gives it away: the seal itself, the log's key, or only what others have seen."""
import base64
import contextlib
import hashlib
import os
import signal
import struct
import subprocess

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

import raw
import responder as responder_module
from test_seal_audit import configured, elsewhere, of_database, superuser, verify  # pylint: disable=unused-import
from test_sealing import base, until_sealed, vkey


@pytest.fixture(scope="module")
def attacked(make_ca):
    ca = make_ca({"subscriber": {"seal_interval_ms": 50}})
    client = raw.Client(ca)
    assert client.register().status_code == 201
    responder = responder_module.Responder(int(ca.HTTP01_PORT))
    client.issue(responder, "attacked.test")
    responder.close()
    until_sealed(ca)
    return ca


@contextlib.contextmanager
def done_by_superuser(ca, change, undo):
    """Nothing is sealed meanwhile."""
    until_sealed(ca)
    sealer = ca.pid("cairn-subscriber")
    os.kill(sealer, signal.SIGSTOP)
    try:
        superuser(ca, change)
        try:
            yield
        finally:
            superuser(ca, undo)
    finally:
        os.kill(sealer, signal.SIGCONT)


def found(report):
    return {(f["what"], f.get("table")) for f in report["findings"]}


def test_the_newest_partition_is_dropped(attacked):
    """F-46: each of its rows is missed"""
    part = superuser(attacked, "SELECT tableoid::regclass::text FROM log.event ORDER BY id DESC LIMIT 1")
    (bound,) = attacked.sql(f"SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = '{part}'::regclass")
    with done_by_superuser(attacked, f"ALTER TABLE log.event DETACH PARTITION {part}", f"ALTER TABLE log.event ATTACH PARTITION {part} {bound[0]}"):
        report = of_database(attacked)
        (events,) = attacked.sql("SELECT count(*) FROM log.leaf WHERE kind = 3")
    assert found(report) == {("deleted", "log.event")} and report["found"] == int(events[0])
    assert of_database(attacked)["found"] == 0


@pytest.mark.parametrize("table, what", [("leaf", {("deleted", None), ("inserted", "log.event"), ("inserted", "log.request"), ("inserted", "log.validation")}),
                                         ("tile", {("tile", None), ("changed", "log.event"), ("changed", "log.request"), ("changed", "log.validation"),
                                                   ("checkpoint", None)}),
                                         ("checkpoint", {("checkpoint", None)})])
def test_truncated(attacked, table, what):
    """F-46: the seal without one of its tables"""
    with done_by_superuser(attacked, f"CREATE TABLE log.kept AS TABLE log.{table}; TRUNCATE log.{table}",
                           f"INSERT INTO log.{table} SELECT * FROM log.kept; DROP TABLE log.kept"):
        report = of_database(attacked)
    assert found(report) == what, report
    assert of_database(attacked)["found"] == 0


def test_truncated_tree(attacked):
    """F-46"""
    with done_by_superuser(attacked, "CREATE TABLE log.kept AS TABLE log.tree; TRUNCATE log.tree", "INSERT INTO log.tree SELECT * FROM log.kept; DROP TABLE log.kept"):
        done = attacked.cairn("audit", "verify", *configured(attacked), check=False)
    assert done.returncode == 1 and "the row of log.tree is gone" in done.stderr


def test_the_newest_checkpoints_are_deleted(attacked, tmp_path):
    """F-46: so that what they covered could be changed with its hashes; ten minutes later leaves without a checkpoint are a finding"""
    until_sealed(attacked)
    clock = tmp_path / "clock"
    clock.write_bytes(struct.pack("=q", 0))
    environment = {**os.environ, "SHIFTED_CLOCK": str(clock), **attacked.preload("shifted_clock")}
    command = [attacked.CAIRN, "audit", "verify", *configured(attacked), "--key", vkey(attacked)]
    with done_by_superuser(attacked, "CREATE TABLE log.kept AS SELECT * FROM log.checkpoint WHERE size > (SELECT min(size) FROM log.checkpoint); "
                           "DELETE FROM log.checkpoint c USING log.kept k WHERE c.size = k.size",
                           "INSERT INTO log.checkpoint SELECT * FROM log.kept; DROP TABLE log.kept"):
        at_once = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        clock.write_bytes(struct.pack("=q", 660 * 1000000))
        later = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=90)
    assert at_once.returncode == 0, at_once.stdout
    clock.write_bytes(struct.pack("=q", 0))  # rows that came meanwhile have not waited for so long
    assert later.returncode == 1 and "have no checkpoint since more than ten minutes" in later.stdout, later.stdout + later.stderr
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def signed_by(key, name, text):
    public = b"\1" + key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    number = hashlib.sha256(name.encode() + b"\n" + public).digest()[:4]
    line = f"\u2014 {name} {base64.b64encode(number + key.sign(text.encode())).decode()}\n"
    return f"{text}\n{line}", f"{name}+{number.hex()}+{base64.b64encode(public).decode()}"


def test_the_key_is_swapped(attacked):
    """F-46: who signs all checkpoints anew with a key of his own is found by who has the key of the log, and by nobody else"""
    until_sealed(attacked)
    mine = ed25519.Ed25519PrivateKey.generate()
    sizes = [int(size) for size, in attacked.sql("SELECT size FROM log.checkpoint")]
    changes = []
    for size in sizes:
        note = attacked.sql(f"SELECT note FROM log.checkpoint WHERE size = {size}")[0][0]
        forged, key = signed_by(mine, note.splitlines()[0], note.split("\n\n")[0] + "\n")
        changes.append(f"UPDATE log.checkpoint SET note = $x${forged}$x$, key = $x${key}$x$ WHERE size = {size}")
    with done_by_superuser(attacked, "CREATE TABLE log.kept AS TABLE log.checkpoint; " + "; ".join(changes),
                           "TRUNCATE log.checkpoint; INSERT INTO log.checkpoint SELECT * FROM log.kept; DROP TABLE log.kept"):
        report = of_database(attacked)
        unknown = verify(attacked, *configured(attacked))
    assert found(report) == {("checkpoint", None)} and report["found"] == len(sizes)
    assert unknown["found"] == 0 and not unknown["key_was_given"]


def test_two_checkpoints_of_one_size(attacked):
    """F-46: of which one at least is not of this tree"""
    size = int(superuser(attacked, "SELECT max(size) FROM log.checkpoint"))
    forged = f"(SELECT size, sha256(root), replace(note, split_part(note, E'\\n', 3), encode(sha256(root), 'base64')), key, signed_at FROM log.checkpoint WHERE size = {size})"
    with done_by_superuser(attacked, f"ALTER TABLE log.checkpoint DROP CONSTRAINT checkpoint_pkey; INSERT INTO log.checkpoint {forged}",
                           f"DELETE FROM log.checkpoint WHERE size = {size} AND split_part(note, E'\\n', 3) = (SELECT encode(sha256(decode(split_part(n.note, E'\\n', 3), 'base64')), 'base64') "
                           f"FROM log.checkpoint n WHERE n.size = {size} AND n.root <> log.checkpoint.root); ALTER TABLE log.checkpoint ADD PRIMARY KEY (size)"):
        report = of_database(attacked)
    assert found(report) == {("checkpoint", None)} and any(f"for {size} leaves" in f["text"] for f in report["findings"])
    assert of_database(attacked)["found"] == 0


HELP_OF_THE_DATABASE = [
    ("UPDATE cairn.retained SET part = 'web' WHERE name = 'log.event'; CREATE SCHEMA help; ALTER FUNCTION cairn.id_at SET SCHEMA help; "
     "CREATE FUNCTION cairn.id_at(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid $$; "
     "GRANT EXECUTE ON FUNCTION cairn.id_at TO PUBLIC",
     "UPDATE cairn.retained SET part = 'all' WHERE name = 'log.event'; DROP FUNCTION cairn.id_at(timestamptz); ALTER FUNCTION help.id_at SET SCHEMA cairn; DROP SCHEMA help"),
    ("CREATE TABLE log.help AS SELECT pg_get_functiondef('audit.lawful_erasures(boolean)'::regprocedure) AS text; "
     "CREATE OR REPLACE FUNCTION audit.lawful_erasures(p_waiting boolean DEFAULT false) RETURNS TABLE (name text, from_id uuid, until_id uuid) LANGUAGE sql STABLE AS "
     "$$ SELECT 'log.event', '00000000-0000-0000-0000-000000000000'::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid $$",
     "DO $$ BEGIN EXECUTE (SELECT text FROM log.help); END $$; DROP TABLE log.help"),
]


@pytest.mark.parametrize("change, undo", HELP_OF_THE_DATABASE, ids=["rules", "function"])
def test_the_database_does_not_say_what_was_lawful(attacked, change, undo):
    """F-46: a forged record of an erasure, and whatever in the database says which erasures are lawful mended to fit it"""
    row = superuser(attacked, "SELECT id FROM log.event WHERE kind = 'order.created' LIMIT 1")
    superuser(attacked, "SELECT log.add_event(cairn.new_id(), 'cairn', 'retention', 'log.erased', NULL, NULL, NULL, NULL, "
                        f"jsonb_build_object('table', 'log.event', 'classes', '[\"WEB\"]'::jsonb, 'ids', jsonb_build_array('{row}')))")
    with done_by_superuser(attacked, f"{change}; CREATE TABLE log.kept AS SELECT * FROM log.event WHERE id = '{row}'; ALTER TABLE log.event DISABLE TRIGGER USER; "
                           f"DELETE FROM log.event WHERE id = '{row}'",
                           f"INSERT INTO log.event SELECT * FROM log.kept; DROP TABLE log.kept; ALTER TABLE log.event ENABLE TRIGGER USER; {undo}"):
        report = of_database(attacked)
    assert [(f["what"], f["table"], f["row"]) for f in report["findings"]] == [("deleted", "log.event", row)]
    assert of_database(attacked)["found"] == 0


def test_set_back(attacked, elsewhere, tmp_path):
    """F-46: a database as it was some time ago is whole in itself; who has a later checkpoint, or a witness that has, sees that leaves are gone"""
    until_sealed(attacked)
    dump = tmp_path / "dump"
    owner = attacked.AUDITOR_DATABASE_URL.replace("cairn_auditor", "cairn_owner")
    with open(dump, "wb") as f:
        subprocess.run(["pg_dump", "-Fc", "--dbname", owner], stdout=f, check=True)
    raw.Client(attacked).get(attacked.DIRECTORY_URL)
    later = until_sealed(attacked)
    seen = tmp_path / "seen"
    seen.write_text(requests.get(base(attacked) + "/checkpoint", timeout=60).text, encoding="utf-8")
    names = [name for name, in attacked.sql("SELECT rolname FROM pg_roles WHERE rolname LIKE 'cairn_%' AND NOT rolsuper")]
    there = ["-h", elsewhere, "-U", "postgres"]
    subprocess.run(["psql", "-Xqv", "ON_ERROR_STOP=1", *there, "-c", "".join(f"CREATE ROLE {name} LOGIN;" for name in names),
                    "-c", "CREATE DATABASE cairn OWNER cairn_owner"], check=True, capture_output=True)
    subprocess.run(["pg_restore", "--exit-on-error", *there, "-d", "cairn", str(dump)], check=True, capture_output=True)
    old = ["--database", f"host={elsewhere} dbname=cairn user=cairn_auditor", "--key", vkey(attacked)]
    assert verify(attacked, *old)["found"] == 0
    report = verify(attacked, *old, "--since", str(seen))
    assert [f["what"] for f in report["findings"]] == ["checkpoint"] and f"the earlier checkpoint is of {later} leaves" in report["findings"][0]["text"]
    report = verify(attacked, *old, "--witness", str(seen))
    assert [f["what"] for f in report["findings"]] == ["split"] and "or the log was set back" in report["findings"][0]["text"]


def test_a_false_record_with_an_old_date(attacked):
    """F-46: what is written through the front door is sealed as any other record; its place tells when it was written (question 29)"""
    question = open(os.path.join(os.path.dirname(__file__), "../../docs/auditing.md"), encoding="utf-8").read().split("### 29. ")[1].split("```sql\n")[1].split("```")[0]
    assert attacked.sql(question) == []
    superuser(attacked, "INSERT INTO log.event (id, happened_at, process, actor, kind, facts) VALUES "
                        "(cairn.id_at(now() - interval '1 hour'), now() - interval '1 hour', 'ra', 'account', 'order.created', '{}')")
    until_sealed(attacked)
    assert of_database(attacked)["found"] == 0
    rows = attacked.sql(question)
    assert [row[0] for row in rows] == ["event"] and rows[0][2] < rows[0][3]
