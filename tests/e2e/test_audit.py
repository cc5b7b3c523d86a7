"""`cairn audit replay`: what the CA decided is decided again from the kept evidence alone."""
import contextlib
import hashlib
import http.server
import json
import os
import pty
import re
import select
import signal
import subprocess
import threading
import time

import psycopg2
import pytest

import raw
from name_server import ZONE
from test_sealing import until_sealed, vkey


def replay(ca, *arguments, code=0):
    done = ca.cairn("audit", "replay", "--database", ca.AUDITOR_DATABASE_URL, *arguments, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def counts(ca, *arguments, code=0):
    return json.loads(replay(ca, "--json", *arguments, code=code))


@pytest.fixture(scope="module")
def dns_client(dns_ca):
    one = raw.Client(dns_ca)
    assert one.register().status_code == 201
    return one


def digest(text):
    return raw.b64(hashlib.sha256(text.encode()).digest())


def order_id(order):
    return order.headers["Location"].rpartition("/")[2]


def try_http(account, responder, name, body=None):
    """A validation by http-01, with a wrong file when `body` is given; gives the order's id."""
    made = account.order(name)
    url = made.json()["authorizations"][0]
    challenge = account.challenge(url)
    responder.tokens[challenge["token"]] = body or account.key_authorization(challenge["token"])
    account.post(challenge["url"], {})
    status = account.poll(url, ("valid", "invalid")).json()["status"]
    assert status == ("invalid" if body else "valid")
    return order_id(made)


def test_replay_of_http(ca, account, responder):
    """F-43, G-3: one that passed, one that failed; then whatever else stands in the log of this CA"""
    passed = try_http(account, responder, "replayed.test")
    assert counts(ca, "--order", passed) == {"records": 1, "same": 1, "different": 0, "granted": 0, "erased": 0, "differing": []}
    failed = try_http(account, responder, "refused.replay.test", "not this")
    assert counts(ca, "--order", failed)["same"] >= 1
    everything = counts(ca)
    assert everything["different"] == 0 and everything["records"] == everything["same"] + everything["granted"] >= 2


def test_replay_of_dns(dns_ca, dns_client, server):
    """F-43: dns-01 that passed and that failed, and CAA that forbids"""
    for name, records, status in (("good.audit", None, "valid"), ("bad.audit", ["x"], "invalid"), ("caa.audit", None, "invalid")):
        made = dns_client.order(f"{name}.{ZONE}")
        url = made.json()["authorizations"][0]
        challenge = dns_client.challenge(url, "dns-01")
        for value in records or [digest(dns_client.key_authorization(challenge["token"]))]:
            server.add(ZONE, f"_acme-challenge.{name}", "TXT", value)
        if name.startswith("caa"):
            server.add(ZONE, name, "CAA", '0 issue ";"')
        dns_client.post(challenge["url"], {})
        assert dns_client.poll(url, ("valid", "invalid")).json()["status"] == status
        assert counts(dns_ca, "--order", order_id(made))["same"] == 1
    everything = counts(dns_ca)
    assert everything["different"] == 0 and everything["records"] >= 3


def change(ca, table, assignment, name):
    """Who owns the tables can change what nobody else can; gives how to undo it."""
    until_sealed(ca)  # else the change would be sealed, and what undoes it be the change
    column = assignment.partition(" =")[0]
    ((key, before),) = ca.sql(f"SELECT id, coalesce(quote_literal({column}), 'NULL') FROM log.validation JOIN log.validation_private USING (id) WHERE identifier_value = '{name}'")
    ca.sql(f"UPDATE {table} SET {assignment} WHERE id = '{key}'", role="cairn_owner")
    return lambda: ca.sql(f"UPDATE {table} SET {column} = {before} WHERE id = '{key}'", role="cairn_owner")


@pytest.mark.parametrize("table, assignment, what", [
    ("log.validation", "detail = 'it was fine'", "detail"),
    ("log.validation", "wildcard = true", "asked"),
    ("log.validation_private", "attempts = replace(attempts, '\"http_status\":200', '\"http_status\":404')", "evidence"),
    ("log.validation_private", "salt = sha256('x')", "evidence"),
])
def test_a_changed_record_differs(ca, account, responder, table, assignment, what):
    """F-43: what a superuser changes is found, whichever half it is in"""
    name = f"changed-{os.urandom(4).hex()}.test"
    order = try_http(account, responder, name)
    undo = change(ca, table, assignment, name)
    try:
        found = counts(ca, "--order", order, code=1)
        assert found["different"] == 1 and what in [d["what"] for d in found["differing"][0]["differences"]]
        text = replay(ca, "--order", order, code=1)
        assert "1 record(s) decided again: 0 the same, 1 different." in text and f"    {what}" in text
    finally:
        undo()
    assert counts(ca, "--order", order)["different"] == 0


def test_a_changed_record_hides_no_line(ca, account, responder):
    """F-43: control characters that were put into a record reach no terminal, where they would hide that it differs"""
    name = f"hidden-{os.urandom(4).hex()}.test"
    order = try_http(account, responder, name)
    undo = change(ca, "log.validation", "detail = E'fine\\r\\x1b[2K\\x1b[1A\\u009b2K\\x7f'", name)
    try:
        text = replay(ca, "--order", order, code=1)
        assert "on record: fine??[2K?[1A??2K?\n" in text and not {"\r", "\x1b", "\x7f", "\x9b"} & set(text), text
    finally:
        undo()
    assert counts(ca, "--order", order)["different"] == 0


def test_ranges(ca, account, responder):
    """By certificate, and by time"""
    order = account.issue(responder, "ranged.test")
    serial = ca.sql("SELECT encode(s.serial, 'hex') FROM ca.serial s JOIN ca.certificate k ON k.id = s.certificate_id "
                    "WHERE 'ranged.test' = ANY (k.names)", role="cairn_owner")[0][0]
    assert order is not None and counts(ca, "--serial", serial.upper())["records"] == 1
    assert counts(ca, "--since", "1h")["records"] == counts(ca)["records"]
    assert counts(ca, "--until", "2026-01-01T00:00:00Z")["records"] == 0
    assert "no such certificate" in ca.cairn("audit", "replay", "--database", ca.AUDITOR_DATABASE_URL, "--serial", "00" * 16, check=False).stderr


@pytest.mark.parametrize("arguments", [["--since", "yesterday"], ["--since", "1h", "--until", "2h"], ["--since", "1h", "--until", "1h"], ["--until", ""], ["--order", "x"], ["--serial", "xyz"], ["--serial", "123"], ["again"],
                                       ["--order", "A" * 22, "--serial", "12"], ["--nothing"]])
def test_misuse(ca, arguments):
    done = ca.cairn("audit", "replay", *arguments, check=False)
    assert done.returncode == 2 and "Usage: cairn audit replay" in done.stderr


def test_no_database(ca):
    done = ca.cairn("audit", "replay", check=False)
    assert done.returncode == 1 and "command.auditor_database" in done.stderr


# A query of each waits for a table that is held, while it is prepared or when it runs (gaps): what was counted before it.
STOPPED = [(["replay"], "log.validation_private", {"records": 0, "same": 0, "different": 0, "granted": 0, "erased": 0, "stopped": True, "differing": []}),
           (["gaps"], "acme.authz", {"kinds": 3, "crls": 0, "gaps": 0, "interrupted": 0, "stopped": True, "findings": []}),
           (["issued"], "ca.certificate", {"certificates": 0, "differences": 0, "stopped": True, "findings": []}),
           (["verify"], "log.request_private", {"entries": 0, "stopped": True, "found": 0, "findings": []}),
           (["why", "01:AB"], "log.validation_private", {"serial": "01ab", "proved": 0, "faults": 0, "stopped": True, "claims": []}),
           (["report", "totals", "--since", "1d"], "log.event", {"stopped": True, "lines": []})]


@pytest.mark.parametrize("words, table, told", STOPPED)
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_stopped(ca, words, table, told, sent):
    """F-43, F-58: Ctrl-C ends the query in the server, too; what was counted so far is said, and it is not taken for all"""
    until_sealed(ca)
    with contextlib.closing(psycopg2.connect(ca.AUDITOR_DATABASE_URL.replace("cairn_auditor", "cairn_owner"))) as holder, holder.cursor() as cursor:
        waiting = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity s USING (pid) WHERE NOT l.granted AND s.usename = 'cairn_auditor'"
        for form in ("--json", None):
            cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            with subprocess.Popen([ca.CAIRN, "audit", *words, "--database", ca.AUDITOR_DATABASE_URL, *filter(None, [form])],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
                try:
                    until(cursor, waiting, 1)
                    running.send_signal(sent)
                    out, err = running.communicate(timeout=30)
                    assert running.returncode == 1 and err == "", err
                    until(cursor, waiting, 0)  # while the table is still held
                finally:
                    running.kill()
                    holder.rollback()
            if form is None:
                assert "topped" in out and "All is as it was sealed" not in out, out
            else:
                answer = json.loads(out)
                assert {**answer, **told} == answer, answer


def test_a_proof_that_is_stopped(ca, tmp_path):
    """F-46: there is none, and no file"""
    with contextlib.closing(psycopg2.connect(ca.AUDITOR_DATABASE_URL.replace("cairn_auditor", "cairn_owner"))) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE log.tile IN ACCESS EXCLUSIVE MODE")
        with subprocess.Popen([ca.CAIRN, "audit", "prove", "leaf", "0", "--out", str(tmp_path / "proof"), "--database", ca.AUDITOR_DATABASE_URL], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as running:
            try:
                until(cursor, "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity s USING (pid) WHERE NOT l.granted AND s.usename = 'cairn_auditor'", 1)
                running.send_signal(signal.SIGINT)
                assert running.communicate(timeout=30) == ("", "cairn audit prove: It was stopped, and there is no proof\n")
                assert running.returncode == 1 and not (tmp_path / "proof").exists()
            finally:
                running.kill()
                holder.rollback()


class Slow(http.server.BaseHTTPRequestHandler):
    """A log whose tiles never come."""

    def do_GET(self):
        if self.path == "/checkpoint":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.server.note.encode())
            return
        self.server.asked.set()
        self.server.over.wait(60)

    def log_message(self, *_):
        pass


def test_tiles_that_do_not_come(ca):
    """F-46: Ctrl-C while a log is checked from outside says what was found so far"""
    until_sealed(ca)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        server.asked, server.over = threading.Event(), threading.Event()
        server.note = ca.sql("SELECT note FROM audit.checkpoint ORDER BY size DESC LIMIT 1")[0][0]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with subprocess.Popen([ca.CAIRN, "audit", "verify", "--json", "--tiles", f"http://127.0.0.1:{server.server_port}", "--key", vkey(ca)], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True) as running:
                assert server.asked.wait(30)
                running.send_signal(signal.SIGINT)
                out, err = running.communicate(timeout=20)
                answer = json.loads(out)
                assert running.returncode == 1 and err == "" and answer["stopped"] is True and answer["found"] == answer["entries"] == 0, (out, err)
        finally:
            server.over.set()
            server.shutdown()


@pytest.mark.parametrize("words, table, shown", [
    (["why", "01AB"], "log.validation_private", "The database is asked"), (["report", "day", "--since", "1d"], "log.event", "The database is asked"),
    (["prove", "leaf", "0"], "log.tile", "The database is asked"), (["gaps"], "acme.authz", r"3 of \d+: authorization-without-validation"),
    (["replay"], "log.validation_private", "The database is asked"), (["verify"], "log.request_private", "The database is asked")])
def test_progress_on_a_terminal(ca, words, table, shown):
    """What takes longer than two seconds says so each second where a person looks, and wipes it away; on a pipe it is silent (test_stopped)"""
    ours, theirs = pty.openpty()
    with contextlib.closing(psycopg2.connect(ca.AUDITOR_DATABASE_URL.replace("cairn_auditor", "cairn_owner"))) as holder, holder.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        with subprocess.Popen([ca.CAIRN, "audit", *words, "--database", ca.AUDITOR_DATABASE_URL], stdout=subprocess.DEVNULL, stderr=theirs) as running:
            os.close(theirs)
            try:
                seen = ""
                while ", 2 s" not in seen:
                    assert select.select([ours], [], [], 30)[0], seen
                    seen += os.read(ours, 1000).decode()
                assert re.match(rf"\r\x1b\[K{shown}, 2 s", seen), seen
                running.send_signal(signal.SIGINT)
                running.wait(30)
                with contextlib.suppress(OSError):  # the end
                    while True:
                        seen += os.read(ours, 1000).decode()
                assert "s \r\x1b[K" in seen[-100:], seen
            finally:
                running.kill()
                holder.rollback()
                os.close(ours)


def until(cursor, query, wanted):
    end = time.monotonic() + 30
    while True:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(query)
        if cursor.fetchone()[0] == wanted:
            return
        assert time.monotonic() < end, query
        time.sleep(0.01)


def test_half_an_export_is_not_left(ca, account, tmp_path):
    """`cairn audit subject --out` that is stopped leaves no file that could be taken for the whole"""
    path = tmp_path / "subject.json"
    with contextlib.closing(psycopg2.connect(ca.AUDITOR_DATABASE_URL.replace("cairn_auditor", "cairn_owner"))) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE log.request IN ACCESS EXCLUSIVE MODE")
        with subprocess.Popen([ca.CAIRN, "audit", "subject", account.kid, "--reason", "a test", "--out", str(path), "--database", ca.AUDITOR_DATABASE_URL],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
            try:
                until(cursor, "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity s USING (pid) WHERE NOT l.granted AND s.usename = 'cairn_auditor'", 1)
                assert path.exists()
                running.send_signal(signal.SIGINT)
                _, err = running.communicate(timeout=30)
                assert running.returncode == 1 and "cairn audit subject: " in err and not path.exists(), err
            finally:
                running.kill()
                holder.rollback()
