"""cairn audit: what was sealed can be proved anywhere, and whatever a superuser does to a row afterwards is found and named."""
import http.server
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request

import pytest
import requests

import raw
import responder as responder_module
from test_sealing import base, check, until_sealed, vkey


@pytest.fixture(scope="module")
def audited(make_ca):
    """A CA with some history, all of it sealed, which tests may falsify and have to put right again."""
    ca = make_ca({"subscriber": {"publish_entries": True, "seal_interval_ms": 50}})
    client = raw.Client(ca)
    assert client.register().status_code == 201
    responder = responder_module.Responder(int(ca.HTTP01_PORT))
    client.issue(responder, "audited.test")
    responder.close()
    for _ in range(300):
        client.get(ca.DIRECTORY_URL)
    assert until_sealed(ca) > 300
    return ca


def configured(ca):
    return [word for path in ca.CONFIG_FILES.split() for word in ("--config", path)]


def verify(ca, *arguments, code=None):
    """The report; it must say by its exit code whether it has findings."""
    done = ca.cairn("audit", "verify", "--json", *arguments, check=False)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert done.returncode == (1 if report["found"] else 0) and code in (None, done.returncode)
    return report


def of_database(ca, *arguments):
    return verify(ca, *configured(ca), "--key", vkey(ca), *arguments)


def superuser(ca, query):
    """As the owner of all tables, whom no grant and no trigger stops."""
    rows = ca.sql(query, role="cairn_owner")
    return rows[0][0] if rows else ""


def test_all_is_well(audited):
    report = of_database(audited)
    assert report["found"] == 0 and report["findings"] == [] and report["leaves"] > 300 and report["checkpoints"] > 1
    assert report["entries"] == report["leaves"] and report["key_was_given"] and report["key"] == vkey(audited)
    assert not verify(audited, *configured(audited))["key_was_given"]
    done = audited.cairn("audit", "verify", *configured(audited), "--key", os.path.join(audited.state, "pki/seal.vkey"))
    assert done.stdout.endswith("All is as it was sealed.\n")
    done = audited.cairn("audit", "key", *configured(audited))
    assert done.stdout.strip() == vkey(audited)
    text = audited.cairn("audit", "verify", "--database", audited.AUDITOR_DATABASE_URL.replace("cairn_auditor", "cairn_wfe"), check=False)
    assert text.returncode == 1 and "cairn audit verify: " in text.stderr


ROW = "(SELECT id FROM log.{} ORDER BY id LIMIT 1 OFFSET 3)"
EVENT, REQUEST, VALIDATION = ROW.format("event"), ROW.format("request"), "(SELECT id FROM log.validation LIMIT 1)"
KEEP = "CREATE TABLE log.kept AS SELECT * FROM log.{0} WHERE id = {1}; ALTER TABLE log.{0} DISABLE TRIGGER USER; "
BACK = "INSERT INTO log.{0} SELECT * FROM log.kept; DROP TABLE log.kept; ALTER TABLE log.{0} ENABLE TRIGGER USER"
SWAP = """UPDATE log.leaf l SET leaf = {1} - l.leaf WHERE l.leaf IN ({0}, {1} - {0})"""

# What a superuser does; how it is put right; the row; what is found, in which table
CHANGES = [
    pytest.param("UPDATE log.event SET actor = actor || '!' WHERE id = {row}", "UPDATE log.event SET actor = rtrim(actor, '!') WHERE id = {row}",
                 EVENT, {("changed", "log.event")}, id="event-changed"),
    pytest.param("UPDATE log.event SET facts = facts || '{{\"x\": null}}' WHERE id = {row}", "UPDATE log.event SET facts = facts - 'x' WHERE id = {row}",
                 EVENT, {("changed", "log.event")}, id="facts-changed"),
    pytest.param("UPDATE log.request SET status = 500 - status WHERE id = {row}", "UPDATE log.request SET status = 500 - status WHERE id = {row}",
                 REQUEST, {("changed", "log.request")}, id="request-changed"),
    pytest.param("UPDATE log.request SET rule = '' WHERE id = {row}", "UPDATE log.request SET rule = NULL WHERE id = {row}",
                 REQUEST, {("changed", "log.request")}, id="null-to-empty"),
    pytest.param("UPDATE log.validation SET dnssec = upper(dnssec) WHERE id = {row}", "UPDATE log.validation SET dnssec = lower(dnssec) WHERE id = {row}",
                 VALIDATION, {("changed", "log.validation")}, id="validation-changed"),
    pytest.param("UPDATE log.request_private SET remote_address = '192.0.2.7' WHERE id = {row}",
                 "UPDATE log.request_private SET remote_address = '127.0.0.1' WHERE id = {row}",
                 REQUEST, {("changed", "log.request_private")}, id="address-changed"),
    pytest.param("UPDATE log.request_private SET accept_language = 'de' WHERE id = {row}",
                 "UPDATE log.request_private SET accept_language = NULL WHERE id = {row}",
                 REQUEST, {("changed", "log.request_private")}, id="personal-field-added"),
    pytest.param("UPDATE log.request_private SET headers = headers || '!' WHERE id = {row}", "UPDATE log.request_private SET headers = rtrim(headers, '!') WHERE id = {row}",
                 REQUEST, {("changed", "log.request_private")}, id="headers-changed"),
    pytest.param("UPDATE log.validation_private SET attempts = attempts || ' ' WHERE id = {row}",
                 "UPDATE log.validation_private SET attempts = rtrim(attempts) WHERE id = {row}",
                 VALIDATION, {("changed", "log.validation_private")}, id="attempts-changed"),
    pytest.param(KEEP.format("request_private", "{row}").replace("ALTER TABLE log.request_private DISABLE TRIGGER USER; ", "")
                 + "DELETE FROM log.request_private WHERE id = {row}", "INSERT INTO log.request_private SELECT * FROM log.kept; DROP TABLE log.kept",
                 REQUEST, {("deleted", "log.request_private")}, id="personal-fields-deleted"),
    pytest.param(KEEP.format("event", "{row}") + "DELETE FROM log.event WHERE id = {row}", BACK.format("event"),
                 EVENT, {("deleted", "log.event")}, id="event-deleted"),
    pytest.param(KEEP.format("request", "{row}") + "DELETE FROM log.request WHERE id = {row}", BACK.format("request"),
                 REQUEST, {("deleted", "log.request"), ("inserted", "log.request_private")}, id="request-deleted"),
    pytest.param("ALTER TABLE log.event DISABLE TRIGGER USER; INSERT INTO log.event (id, process, actor, kind, facts) VALUES ({row}, 'p', 'a', 'k', '{{}}')",
                 "DELETE FROM log.event WHERE id = {row}; ALTER TABLE log.event ENABLE TRIGGER USER",
                 "(SELECT cairn.new_id())", {("inserted", "log.event")}, id="event-inserted"),
    pytest.param("CREATE TABLE log.kept AS SELECT * FROM log.leaf WHERE row_id = {row}; DELETE FROM log.leaf WHERE row_id = {row}",
                 "INSERT INTO log.leaf SELECT * FROM log.kept; DROP TABLE log.kept",
                 EVENT, {("deleted", None), ("inserted", "log.event")}, id="leaf-deleted"),
    pytest.param("INSERT INTO log.leaf (row_id, kind, leaf) VALUES ({row}, 3, 999999)", "DELETE FROM log.leaf WHERE leaf = 999999",
                 "(SELECT cairn.new_id())", {("inserted", "log.event")}, id="leaf-beyond"),
]


@pytest.mark.parametrize("change, undo, row, found", CHANGES)
def test_falsified(audited, change, undo, row, found):
    """F-46: changing, deleting, inserting any row is found and named"""
    until_sealed(audited)
    one = superuser(audited, f"SELECT {row}")
    superuser(audited, change.format(row=f"'{one}'"))
    try:
        report = of_database(audited)
    finally:
        superuser(audited, undo.format(row=f"'{one}'"))
    assert {(f["what"], f.get("table")) for f in report["findings"]} == found, report
    assert all(f["row"] == one for f in report["findings"] if "table" in f), report
    assert of_database(audited)["found"] == 0


def test_reordered(audited):
    """F-46: two rows that change places, in the list of leaves or by their words"""
    until_sealed(audited)
    first, second = (superuser(audited, f"SELECT id FROM log.event WHERE kind = '{kind}' ORDER BY id LIMIT 1") for kind in ("account.created", "order.created"))
    leaves = [int(superuser(audited, f"SELECT leaf FROM log.leaf WHERE row_id = '{one}' AND kind = 3")) for one in (first, second)]
    swap = f"UPDATE log.leaf SET leaf = {sum(leaves)} - leaf WHERE kind = 3 AND row_id IN ('{first}', '{second}')"
    superuser(audited, swap)
    try:
        report = of_database(audited)
    finally:
        superuser(audited, swap)
    assert [(f["what"], f["row"], f["leaf"]) for f in report["findings"]] == sorted(
        [("moved", first, leaves[1]), ("moved", second, leaves[0])], key=lambda f: f[2])
    exchange = f"UPDATE log.event e SET kind = o.kind, facts = o.facts FROM log.event o WHERE (e.id, o.id) IN (('{first}', '{second}'), ('{second}', '{first}'))"
    superuser(audited, exchange)
    try:
        report = of_database(audited)
    finally:
        superuser(audited, exchange)
    assert {(f["what"], f["row"]) for f in report["findings"]} == {("changed", first), ("changed", second)}


def rehashed(audited, leaf, text):
    """The tile of a leaf with the hash of other words in its place."""
    return (f"UPDATE log.tile SET hashes = overlay(hashes PLACING sha256('\\x00' || convert_to($x${text}$x$, 'UTF8')) FROM {leaf % 256 * 32 + 1}) "
            f"WHERE level = 0 AND n = {leaf // 256}")


def test_row_and_hashes_changed_together(audited, tmp_path):
    """F-46: who also changes the hashes is betrayed by the tile above, by the next checkpoint, and by an earlier one"""
    until_sealed(audited)
    row, leaf = superuser(audited, "SELECT row_id || ' ' || leaf FROM log.leaf WHERE kind = 3 AND leaf < 256 ORDER BY leaf LIMIT 1").split()
    since = tmp_path / "earlier"
    since.write_text(requests.get(base(audited) + "/checkpoint", timeout=60).text, encoding="utf-8")
    superuser(audited, "CREATE TABLE log.kept AS SELECT * FROM log.tile")
    superuser(audited, f"UPDATE log.event SET actor = actor || '!' WHERE id = '{row}'")
    entry = json.dumps(None)
    try:
        report = of_database(audited)
        assert [(f["what"], f["row"]) for f in report["findings"]] == [("changed", row)]
        url = f"{base(audited)}/tile/entries/000"
        bundle = urllib.request.urlopen(url).read()
        for _ in range(int(leaf)):
            bundle = bundle[2 + int.from_bytes(bundle[:2], "big"):]
        entry = bundle[2:][:int.from_bytes(bundle[:2], "big")].decode()
        superuser(audited, rehashed(audited, int(leaf), entry))
        report = of_database(audited, "--since", str(since))
        texts = [f["text"] for f in report["findings"]]
        assert any("tile 0/0 (leaves 0 to 255) and tile 1/0 above it do not fit together" in t for t in texts), texts
        assert any("the earlier checkpoint" in t for t in texts) and any("not the one of the checkpoint" in t for t in texts), texts
        done = audited.cairn("audit", "prove", "event", row, *configured(audited), check=False)
        assert done.returncode == 0  # which nobody can use:
        proof = tmp_path / "bad.tlog-proof"
        proof.write_text(done.stdout, encoding="utf-8")
        done = audited.cairn("audit", "verify", "--proof", str(proof), "--key", vkey(audited), check=False)
        assert done.returncode == 1 and f"not leaf {leaf}" in done.stderr
        report = verify(audited, "--tiles", base(audited), "--key", vkey(audited))
        assert {f["what"] for f in report["findings"]} == {"checkpoint", "tile"}
        # the sealer will not go on with such a past after a restart
        before = audited.kill("cairn-subscriber")
        audited.wait_ready("cairn-wfe")
        raw.Client(audited).get(audited.DIRECTORY_URL)
    finally:
        superuser(audited, f"UPDATE log.event SET actor = rtrim(actor, '!') WHERE id = '{row}'")
        superuser(audited, "UPDATE log.tile t SET hashes = k.hashes FROM log.kept k WHERE (t.level, t.n) = (k.level, k.n) AND "
                           "octet_length(t.hashes) = octet_length(k.hashes); DROP TABLE log.kept")
    audited.wait_ready("cairn-subscriber", after=before)
    until_sealed(audited)
    assert of_database(audited, "--since", str(since))["found"] == 0


def mirror(ca, folder):
    """All that the log serves, in files."""
    note = requests.get(base(ca) + "/checkpoint", timeout=60).text
    size = int(note.splitlines()[1])
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "checkpoint"), "w", encoding="utf-8") as f:
        f.write(note)
    for level in ("0", "1", "entries"):
        count = size >> 8 if level == "1" else size
        for n in range((count + 255) // 256):
            width = min(count - n * 256, 256)
            path = f"tile/{level}/{n:03}" + (f".p/{width}" if width < 256 else "")
            answer = requests.get(f"{base(ca)}/{path}", timeout=60)
            if answer.status_code == 200:
                os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
                with open(os.path.join(folder, path), "wb") as f:
                    f.write(answer.content)
    return size


def test_from_outside(audited, tmp_path):
    """F-46: from tiles alone, over HTTP and in a folder, with our command and with sixty lines of Python"""
    until_sealed(audited)
    folder = str(tmp_path / "mirror")
    size = mirror(audited, folder)
    for where in base(audited), folder:
        report = verify(audited, "--tiles", where, "--key", vkey(audited))
        assert report["found"] == 0 and report["leaves"] >= size and report["entries"] > 0, report
    last = os.path.join(folder, f"tile/entries/{size // 256:03}.p/{size % 256}")
    with open(last, "r+b") as f:
        words = f.read()
        f.seek(0)
        f.write(words.replace(b'"leaf":"', b'"leaf":"X', 1)[:len(words)])
    report = verify(audited, "--tiles", folder, "--key", vkey(audited))
    assert {f["what"] for f in report["findings"]} <= {"changed", "deleted"} and report["findings"][0]["leaf"] == size // 256 * 256
    with open(os.path.join(folder, "tile/0/000"), "r+b") as f:
        f.seek(32 * 7)
        f.write(bytes(32))
    report = verify(audited, "--tiles", folder, "--key", vkey(audited))
    assert any(f["what"] == "tile" and "tile 0/0 (leaves 0 to 255)" in f["text"] for f in report["findings"]), report
    assert check(audited, 6, where=folder).returncode != 0
    shutil.rmtree(os.path.join(folder, "tile/0"))
    assert "is not there" in verify(audited, "--tiles", folder, "--key", vkey(audited))["findings"][0]["text"]
    other = vkey(audited).replace("log+", "l0g+")
    done = audited.cairn("audit", "verify", "--tiles", base(audited), "--key", other, check=False)
    assert done.returncode == 1 and "no key of a log" in done.stderr
    done = audited.cairn("audit", "verify", "--tiles", str(tmp_path / "nothing"), "--key", vkey(audited), check=False)
    assert done.returncode == 1 and "has no checkpoint" in done.stderr


def test_proofs(audited, tmp_path):
    """F-46: a file that can be checked where there is no log and no network"""
    until_sealed(audited)
    since = tmp_path / "earlier"
    since.write_text(requests.get(base(audited) + "/checkpoint", timeout=60).text, encoding="utf-8")
    raw.Client(audited).get(audited.DIRECTORY_URL)
    until_sealed(audited)
    event = superuser(audited, "SELECT id FROM log.event WHERE kind = 'certificate.issued' LIMIT 1")
    for arguments in (["event", event], ["leaf", "0"], ["consistency", "--since", str(since)]):
        out = tmp_path / (arguments[0] + ".tlog-proof")
        audited.cairn("audit", "prove", *arguments, *configured(audited), "--out", str(out))
        done = audited.cairn("audit", "verify", "--proof", str(out), "--key", vkey(audited), "--json")
        assert json.loads(done.stdout)["consistency"] == (arguments[0] == "consistency")
        text = out.read_text(encoding="utf-8")
        lines = text.splitlines()
        assert lines[0] == ("cairn/log-consistency@v1" if arguments[0] == "consistency" else "c2sp.org/tlog-proof@v1")
        for n, line in enumerate(lines):
            if line:
                other = line[:-9] + ("A" if line[-9] != "A" else "B") + line[-8:] if len(line) > 9 else "1" + line
                out.write_text("\n".join(lines[:n] + [other] + lines[n + 1:]) + "\n", encoding="utf-8")
                assert audited.cairn("audit", "verify", "--proof", str(out), "--key", vkey(audited), check=False).returncode == 1, line
    for arguments, words in ((["event", "01900000-0000-7000-8000-000000000000"], "has no seal"), (["leaf", "99999999"], "is not among them")):
        done = audited.cairn("audit", "prove", *arguments, *configured(audited), check=False)
        assert done.returncode == 1 and words in done.stderr, done.stderr
    for arguments in ([], ["event"], ["consistency"], ["nothing", "1"], ["leaf", "1", "2"], ["leaf", "x"], ["event", "x"]):
        assert audited.cairn("audit", "prove", *arguments, *configured(audited), check=False).returncode == 2
    forged = tmp_path / "forged"
    forged.write_text(since.read_text(encoding="utf-8").replace("\n", "\n1", 1), encoding="utf-8")
    done = audited.cairn("audit", "prove", "consistency", "--since", str(forged), *configured(audited), check=False)
    assert done.returncode == 1 and "The earlier checkpoint has" in done.stderr


def test_over_a_plain_web_server(audited, tmp_path):
    """A copy of the log on any web server is as good as the log."""
    until_sealed(audited)
    folder = str(tmp_path / "mirror")
    mirror(audited, folder)
    handler = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: handler(*a, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = f"http://127.0.0.1:{server.server_port}/"
        assert verify(audited, "--tiles", where, "--key", vkey(audited))["found"] == 0
        assert check(audited, 3, where=where).returncode == 0
        server.shutdown()


@pytest.fixture
def elsewhere():
    """Another PostgreSQL, with the roles and an empty database, that ends with the test."""
    folder = tempfile.mkdtemp(prefix="cairn-restored-")
    server = subprocess.Popen(["sh", os.path.join(os.path.dirname(__file__), "..", "unit", "pg_start.sh"), folder])
    end = time.monotonic() + 60
    while subprocess.run(["psql", "-Xqh", folder, "-U", "postgres", "-c", "SELECT 1"], capture_output=True, check=False).returncode != 0:
        assert time.monotonic() < end and server.poll() is None
        time.sleep(0.1)
    yield folder
    server.send_signal(signal.SIGINT)
    server.wait(60)
    shutil.rmtree(folder)


def test_restored_from_a_dump(audited, elsewhere):
    """F-51, F-52: a dump is an archive: restored elsewhere, each row is as it was sealed, a change shows, and the report of retention is its index"""
    url = audited.AUDITOR_DATABASE_URL
    names = [name for name, in audited.sql("SELECT rolname FROM pg_roles WHERE rolname LIKE 'cairn_%' AND NOT rolsuper")]
    there = ["-h", elsewhere, "-U", "postgres"]
    roles = "".join(f"CREATE ROLE {name} LOGIN;" for name in names)
    subprocess.run(["psql", "-Xqv", "ON_ERROR_STOP=1", *there, "-c", roles, "-c", "CREATE DATABASE cairn OWNER cairn_owner"], check=True, capture_output=True)
    with subprocess.Popen(["pg_dump", "-Fc", "--dbname", url.replace("cairn_auditor", "cairn_owner")], stdout=subprocess.PIPE) as dump:
        subprocess.run(["pg_restore", "--exit-on-error", *there, "-d", "cairn"], stdin=dump.stdout, check=True, capture_output=True)
    assert dump.returncode == 0
    database = f"host={elsewhere} dbname=cairn user=cairn_"
    report = verify(audited, "--database", database + "auditor", "--key", vkey(audited), code=0)
    assert report["entries"] == report["leaves"] > 300
    index = json.loads(audited.cairn("retention", "report", "--database", database + "operator", "--json").stdout)["tables"]
    assert {t["name"] for t in index if t.get("oldest_at")} >= {"log.request", "log.event"}
    subprocess.run(["psql", "-Xq", *there, "cairn", "-c", "UPDATE log.event SET actor = 'nobody' WHERE kind = 'certificate.issued'"], check=True)
    report = verify(audited, "--database", database + "auditor", "--key", vkey(audited), code=1)
    assert [(f["what"], f["table"]) for f in report["findings"]] == [("changed", "log.event")]


def test_an_erasure_that_no_rule_allowed(audited):
    """F-46: who writes the record of an erasure and then deletes is found all the same, as no rule allowed it; proofs of before hold"""
    until_sealed(audited)
    row, leaf = superuser(audited, "SELECT row_id || ' ' || leaf FROM log.leaf WHERE kind = 1 ORDER BY leaf LIMIT 1 OFFSET 5").split()
    proof = os.path.join(audited.work, "before.tlog-proof")
    audited.cairn("audit", "prove", "request", row, *configured(audited), "--out", proof)
    until = superuser(audited, f"SELECT min(id::text) FROM log.request WHERE id > '{row}'")
    for table in "log.request_private", "log.request":
        superuser(audited, "SELECT log.add_event(cairn.new_id(), 'cairn', 'retention', 'log.erased', NULL, NULL, NULL, NULL, "
                           f"jsonb_build_object('table', '{table}', 'from', '{row}', 'until', '{until}'))")
        superuser(audited, f"DELETE FROM {table} WHERE id = '{row}'")
        until_sealed(audited)
        report = of_database(audited)
        assert [(f["what"], f["table"], f["row"]) for f in report["findings"]] == [("deleted", table, row)] and report["erased"] == 0
    assert requests.get(f"{base(audited)}/tile/entries/{int(leaf) // 256:03}", timeout=10).status_code == 410
    done = audited.cairn("audit", "verify", "--proof", proof, "--key", vkey(audited))
    assert row in done.stdout
    assert verify(audited, "--tiles", base(audited), "--key", vkey(audited))["found"] == 0
