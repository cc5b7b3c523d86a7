"""cairn audit why: the whole story of a certificate from the records alone, each claim with its proof; what is missing is said."""
import base64
import collections
import datetime
import html.parser
import json
import re
import os
import signal
import subprocess
import time

import pytest
from cryptography import x509

from name_server import SIGNED, ZONE
from test_audit_gaps import ALL_LAWFUL, LAWFUL_AGAIN
from test_sealing import until_sealed, vkey


def why(demo, serial, *arguments, code=0):
    done = demo.ca.cairn("audit", "why", serial, "--database", demo.ca.AUDITOR_DATABASE_URL, *arguments, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def story(demo, name, code=0):
    return json.loads(why(demo, demo.serial(name), "--json", code=code))


def claims(told, section):
    return [c for c in told["claims"] if c["section"] == section]


def states(told):
    return {c["state"] for c in told["claims"]}


def test_the_whole_story(demo):
    """F-56: account, order, requests, every perspective, CAA, issuer, revocation"""
    told = story(demo, f"bob.{ZONE}")
    assert states(told) == {"proved"} and told["faults"] == 0 and told["proved"] == len(told["claims"])
    lines = [line for c in told["claims"] for line in [c["title"], *c["lines"]]]
    for wanted in ("label: laboratory", "user agent: bob-client/2.0", "asked by: certificate-key", "proof of: control", "mode: private",
                   f'bob.{ZONE}: rule "corporation", position 1: names .corp.example, *..corp.example, .signed.example'):
        assert wanted in lines, wanted
    assert {c["section"] for c in told["claims"]} == {"certificate", "account", "order", "policy", "request", "validation", "issuance", "renewal", "revocation"}
    (renewal,) = claims(told, "renewal")
    assert renewal["title"].startswith("Clients that ask are told to renew it between ")
    assert len(claims(told, "validation")) == 3 and len(claims(told, "request")) == 5
    seen = [c["title"] for c in claims(story(demo, f"split.{ZONE}"), "validation")]
    assert sorted(t.partition("seen from ")[2] for t in seen) == ["ams (remote): passed", "gru (remote): failed", "local: passed; the certificate relies on it"]
    first = story(demo, f"www.{ZONE}")
    assert claims(first, "policy")[0]["state"] == "plain" and claims(first, "revocation")[0]["title"] == "It is not revoked"
    assert any("DNSSEC secure" in line for c in claims(story(demo, f"safe.{SIGNED}"), "validation") for line in c["lines"])


def test_each_proof_holds_anywhere(demo, tmp_path):
    """F-46: each is checked offline, by the log's key alone"""
    key = vkey(demo.ca)
    for number, claim in enumerate(story(demo, f"moved.{ZONE}")["claims"]):
        if claim["state"] == "proved":
            path = tmp_path / f"{number}.proof"
            path.write_text(claim["proof"])
            done = demo.ca.cairn("audit", "verify", "--proof", str(path), "--key", key, "--json", check=False)
            assert done.returncode == 0, done.stderr
            assert claim["record"] or claim["leaf"] >= 0
    serial = demo.serial(f"moved.{ZONE}")
    assert json.loads(why(demo, ":".join(serial[i:i + 2] for i in range(0, len(serial), 2)).upper(), "--json"))["serial"] == serial
    assert "Certificate " in why(demo, serial.upper(), "--key", key)
    other = key[:-4] + ("AAA=" if key[-4:] != "AAA=" else "BBA=")
    assert demo.ca.cairn("audit", "why", demo.serial(f"moved.{ZONE}"), "--database", demo.ca.AUDITOR_DATABASE_URL, "--key", other, check=False).returncode == 1


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)


def test_page_stands_alone(demo, tmp_path):
    """G-62: no script and nothing from elsewhere, whatever a subscriber sent"""
    hostile = "</li><script src=//x.test>alert(1)</script><img onerror=1>\x9b31m"
    eve = demo.client("eve", "127.0.0.1")
    eve.session.headers["User-Agent"] = hostile.encode("latin-1")
    demo.issue(eve, f"eve.{ZONE}")
    until_sealed(demo.ca)
    path = tmp_path / "why.html"
    why(demo, demo.serial(f"eve.{ZONE}"), "--html", "--out", str(path))
    text = path.read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.tags <= {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "ul", "li", "article", "details", "summary", "pre"}
    assert page.attributes <= {"lang", "charset", "http-equiv", "content", "name", "class"}
    assert "&lt;/li&gt;&lt;script src=//x.test&gt;" in text and "default-src 'none'" in text and "c2sp.org/tlog-proof@v1" in text
    printed = why(demo, demo.serial(f"eve.{ZONE}"))
    assert "\x1b" not in printed and "\x9b" not in printed


def superuser(demo, query):
    return demo.ca.sql(query, role="cairn_owner")


KEEP = "CREATE TABLE log.aside AS SELECT * FROM {table} WHERE id = '{id}'; DELETE FROM {table} WHERE id = '{id}'"
# without the trigger by which it would be sealed again
BACK = "ALTER TABLE {table} DISABLE TRIGGER USER; INSERT INTO {table} SELECT * FROM log.aside; ALTER TABLE {table} ENABLE TRIGGER USER; DROP TABLE log.aside"


@pytest.mark.parametrize("section, change, back, state, sentence", [
    ("validation", KEEP.format(table="log.validation_private", id="{id}"), BACK.format(table="log.validation_private"), "missing", "no erasure of it is on record"),
    ("request", KEEP.format(table="log.request_private", id="{id}"), BACK.format(table="log.request_private"), "missing", "no erasure of it is on record"),
    ("request", KEEP.format(table="log.request", id="{id}"), BACK.format(table="log.request"), "missing", "no erasure of it is on record"),
    ("request", "UPDATE log.request_private SET remote_port = remote_port + 1 WHERE id = '{id}'",
     "UPDATE log.request_private SET remote_port = remote_port - 1 WHERE id = '{id}'", "changed", "remote_port of log.request_private is not what was committed to"),
    ("order", "UPDATE log.event SET actor = 'nobody' WHERE id = '{id}'", "UPDATE log.event SET actor = 'account' WHERE id = '{id}'", "changed", "is not what was sealed"),
    ("certificate", "UPDATE ca.certificate SET der = der || '\\x00'::bytea WHERE id = (SELECT certificate_id FROM log.event WHERE id = '{id}')",
     "UPDATE ca.certificate SET der = substr(der, 1, octet_length(der) - 1) WHERE id = (SELECT certificate_id FROM log.event WHERE id = '{id}')",
     "changed", "does not agree with the record of it"),
])
def test_what_was_done_to_the_records_is_said(demo, section, change, back, state, sentence):
    """F-46, F-56"""
    name = f"www.{ZONE}"
    before = claims(story(demo, name), section)[0]
    record = superuser(demo, f"SELECT cairn.id_of('{before['record']}')")[0][0]
    superuser(demo, change.format(id=record))
    try:
        told = story(demo, name, code=1)
        found = [c for c in told["claims"] if c["state"] == state]
        assert found and sentence in found[0]["remark"] and told["faults"] == len(found), found
        assert "! " + state in why(demo, demo.serial(name), code=1)
    finally:
        superuser(demo, back.format(id=record))
    assert states(story(demo, name)) == {"proved", "plain"}


def test_an_erasure_that_no_rule_allowed_is_none(demo):
    """F-46, F-56: whoever writes into the database can't excuse what is gone by a record of his own (test_retention.py has lawful ones)"""
    name = f"many.{ZONE}"
    record = superuser(demo, f"SELECT cairn.id_of('{claims(story(demo, name), 'validation')[0]['record']}')")[0][0]
    next_id = f"{int(record.replace('-', ''), 16) + 1:032x}"
    superuser(demo, KEEP.format(table="log.validation_private", id=record))
    try:
        superuser(demo, "INSERT INTO log.event (process, actor, kind, facts) VALUES ('test', 'retention', 'log.erased', "
                        f"'{{\"table\": \"log.validation_private\", \"from\": \"{record}\", \"until\": \"{next_id}\"}}')")
        until_sealed(demo.ca)
        told = story(demo, name, code=1)
        (gone,) = [c for c in told["claims"] if c["state"] == "missing"]
        assert told["faults"] == 1 and "no erasure of it is on record" in gone["remark"]
    finally:
        superuser(demo, BACK.format(table="log.validation_private"))
    assert states(story(demo, name)) <= {"proved", "plain"}


def test_the_database_does_not_say_what_was_lawful(demo):
    """F-46, F-56, F-58: nor do why and totals ask it, and gaps (test_audit_gaps.py): they judge as verify does"""
    name = f"many.{ZONE}"
    record = superuser(demo, f"SELECT cairn.id_of('{claims(story(demo, name), 'validation')[0]['record']}')")[0][0]
    superuser(demo, ALL_LAWFUL)
    try:
        superuser(demo, KEEP.format(table="log.validation_private", id=record))
        told = story(demo, name, code=1)
        superuser(demo, BACK.format(table="log.validation_private"))
        assert [c["record"] for c in told["claims"] if c["state"] == "missing"] == [claims(story(demo, name), "validation")[0]["record"]]
        event = superuser(demo, "SELECT id FROM log.event WHERE kind = 'certificate.issued' ORDER BY id LIMIT 1")[0][0]
        superuser(demo, KEEP.format(table="log.event", id=event))
        lacking = totals(demo, code=1)["issued"]["all"]
        superuser(demo, BACK.format(table="log.event"))
        assert lacking["agree"] is False
    finally:
        superuser(demo, LAWFUL_AGAIN)


def test_serials_that_no_order_asked_for(demo):
    """F-56: an issuer's own certificate, and a serial that was taken for nothing, are told apart from one that is unknown"""
    ((der,),) = demo.ca.sql("SELECT encode(certificate, 'hex') FROM audit.issuer ORDER BY name LIMIT 1")
    serial = f"{x509.load_der_x509_certificate(bytes.fromhex(der)).serial_number:x}"
    serial = serial.zfill(len(serial) + len(serial) % 2)
    taken = "0102030405060708090a"
    superuser(demo, f"INSERT INTO ca.serial (serial, certificate_id) SELECT '\\x{taken}', cairn.new_id()")
    try:
        for one, sentence in ((serial, "the certificate of issuer"), (taken, "was taken, and no certificate is on record"), (taken + "00", "There is no such certificate here")):
            done = demo.ca.cairn("audit", "why", one, "--database", demo.ca.AUDITOR_DATABASE_URL, check=False)
            assert done.returncode == 1 and sentence in done.stderr and done.stdout == "", done.stderr
    finally:
        superuser(demo, f"DELETE FROM ca.serial WHERE serial = '\\x{taken}'")


def test_report_of_a_day(demo):
    """F-40, F-57: software and configuration, profiles with all that they say, policies, roles, keys, CRLs, alarms and acts, in one command; profiles are sealed"""
    done = demo.ca.cairn("audit", "report", "day", "--since", "1d", "--database", demo.ca.AUDITOR_DATABASE_URL, "--json")
    lines = json.loads(done.stdout)["lines"]
    assert {line["section"] for line in lines} == {"software", "schema", "policy", "profile", "role", "key", "crl", "operator", "alarm"}
    for process in ("cairn-wfe", "cairn-ra", "cairn-ca", "cairn-subscriber"):
        assert any(line["what"].startswith(process + "@") and line["facts"].get("version") and line["facts"].get("config_sha256") for line in lines), process
    validators = [line for line in lines if line["what"].startswith("cairn-va@")]  # which have no database
    assert len([line for line in validators if not line["facts"].get("perspective")]) == 1
    assert all(line["section"] == "software" and line["facts"]["version"] and len(line["facts"]["config_sha256"]) == 64 for line in validators)
    offered = {line["what"]: line["facts"] for line in lines if line["section"] == "profile"}
    assert offered["classic profile.introduced"]["says"]["life"] == "90d" and offered["short profile.introduced"]["says"]["life"] == "6d", offered
    told = {line["what"]: line for line in lines if line["section"] in ("role", "key")}
    assert told["database role cairn_ca"]["at"] and told["database role cairn_ca"]["facts"]["superuser"] is False
    assert told["issuer ecdsa-1 issuer.registered"]["facts"]["active"] is True
    opened = [what for what in told if re.fullmatch(r"cairn-ca@[^ ]+ key\.opened ecdsa-1", what)]
    assert len(opened) == 1 and told[opened[0]]["facts"]["kept_in"] == "file"
    assert any("ended without a stop" in json.dumps(line["facts"]) for line in lines if line["section"] == "alarm")  # the front end that was killed
    until_sealed(demo.ca)
    events = demo.ca.sql("SELECT id FROM audit.event WHERE starts_with(kind, 'profile.')")
    assert len(events) == 2
    for event, in events:
        assert "tlog-proof" in demo.ca.cairn("audit", "prove", "event", event, "--database", demo.ca.AUDITOR_DATABASE_URL).stdout
        as_json = demo.ca.cairn("audit", "prove", "event", event, "--json", "--database", demo.ca.AUDITOR_DATABASE_URL).stdout
        assert as_json.count("\n") == 1 and json.loads(as_json)["proof"].startswith("c2sp.org/tlog-proof@v1\n")


def totals(demo, code=0):
    done = demo.ca.cairn("audit", "report", "totals", "--since", "1d", "--database", demo.ca.AUDITOR_DATABASE_URL, "--json", check=False)
    assert done.returncode == code, done.stdout + done.stderr
    found = {}
    for line in json.loads(done.stdout)["lines"]:
        found.setdefault(line["section"], {})[line["what"]] = line["facts"]
    return found


def test_totals_of_a_day(demo):
    """F-58: issued, refused by cause, revoked by reason and delay, entries of CRLs: the parts add up, and are those of the journal"""
    def journal(query):
        return int(demo.ca.sql(f"SELECT count(*) FROM log.event WHERE {query}")[0][0])
    found = totals(demo)
    issued = dict(found["issued"])
    assert issued.pop("all")["records"] == sum(one["records"] for one in issued.values()) == journal("kind = 'certificate.issued'") > 5
    revoked = dict(found["revoked"])
    everything = revoked.pop("all")
    assert everything["records"] == sum(one["records"] for one in revoked.values()) == journal("kind = 'certificate.revoked'") == 2
    assert set(revoked) == {"reason 1", "reason 4"} and 0 <= everything["listed_after_s"] <= everything["listed_after_s_most"] < 600 and "unlisted" not in everything
    requests = found["requests"]["all"]
    assert sum(one["requests"] for one in found["refused"].values()) == requests["refused"] >= 3
    assert requests["requests"] == requests["served"] + requests["refused"] + requests["unknown"] and requests["unknown"] == 1
    assert any(cause.startswith("new-order REJECTED_IDENTIFIER") for cause in found["refused"])
    assert sum(one["records"] for one in found["crls"].values()) == journal("kind = 'crl.published'")
    assert sum(one["revoked"] for one in found["crl entries"].values()) == 2 and all(one["entries"] >= one["revoked"] for one in found["crl entries"].values())
    superuser(demo, "CREATE TABLE log.aside AS SELECT * FROM log.event WHERE id = (SELECT id FROM log.event WHERE kind = 'certificate.issued' ORDER BY id LIMIT 1); "
                    "DELETE FROM log.event WHERE id = (SELECT id FROM log.aside)")
    try:
        lacking = totals(demo, code=1)["issued"]["all"]
        assert lacking["agree"] is False and lacking["records"] == lacking["journal"] + 1
    finally:
        superuser(demo, BACK.format(table="log.event"))
    assert totals(demo)["issued"] == found["issued"]


def test_totals_of_parts_add_up(demo):
    """F-58: nothing falls between two periods that follow each other, nor is counted in both"""
    def counted(since, until):
        done = demo.ca.cairn("audit", "report", "totals", "--since", f"{since:%FT%T.%fZ}", "--until", f"{until:%FT%T.%fZ}", "--database", demo.ca.AUDITOR_DATABASE_URL, "--json")
        return collections.Counter({(line["section"], line["what"], key): value for line in json.loads(done.stdout)["lines"] for key, value in line["facts"].items()
                                    if key in ("records", "journal", "requests", "served", "refused", "unknown", "validations") and value})
    until_sealed(demo.ca)
    time.sleep(1.1)  # what happened in this second, too, is before its end
    end = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    first = datetime.datetime.fromisoformat(demo.ca.sql("SELECT date_trunc('second', min(received_at))::timestamp::text FROM audit.request")[0][0]).replace(tzinfo=datetime.timezone.utc)
    edges = [first + (end - first) * i / 6 for i in range(7)]
    whole = counted(edges[0], edges[-1])
    assert sum((counted(*pair) for pair in zip(edges, edges[1:])), collections.Counter()) == whole
    assert [[str(whole["issued", "all", "records"])]] == demo.ca.sql("SELECT count(*) FROM ca.certificate", role="cairn_owner")
    assert not counted(first - datetime.timedelta(days=2), first - datetime.timedelta(days=1))


def test_before_the_first_checkpoint(demo):
    """F-56: the whole story all the same; each proof waits, and nothing is a fault"""
    name = f"www.{ZONE}"
    before = story(demo, name)
    pid = demo.ca.pid("cairn-subscriber")
    os.kill(pid, signal.SIGSTOP)
    superuser(demo, "CREATE TABLE log.aside AS SELECT * FROM log.checkpoint; DELETE FROM log.checkpoint")
    try:
        told = story(demo, name)
        assert [(c["title"], c["lines"]) for c in told["claims"]] == [(c["title"], c["lines"]) for c in before["claims"]]
        assert states(told) == {"waiting", "plain"} and told["proved"] == told["faults"] == told["size"] == 0 and "key" not in told, told
        assert "the log has no checkpoint yet" in why(demo, demo.serial(name), "--key", vkey(demo.ca))
        done = demo.ca.cairn("audit", "prove", "leaf", "0", "--database", demo.ca.AUDITOR_DATABASE_URL, check=False)
        assert done.returncode == 1 and "no checkpoint yet" in done.stderr
    finally:
        superuser(demo, "INSERT INTO log.checkpoint SELECT * FROM log.aside; DROP TABLE log.aside")
        os.kill(pid, signal.SIGCONT)
    assert states(story(demo, name)) == {"proved", "plain"}


def test_all_that_was_issued_is_compared(demo):
    """F-34: without a range from the first one on, and not nothing"""
    there = int(demo.ca.sql("SELECT count(*) FROM audit.certificate")[0][0])
    for span in ([], ["--since", "1d"]):
        done = demo.ca.cairn("audit", "issued", "--json", "--database", demo.ca.AUDITOR_DATABASE_URL, *span)
        assert json.loads(done.stdout) == {"certificates": there, "differences": 0, "findings": []} and there >= 10


@pytest.mark.parametrize("words", [["verify"], ["verify", "--json"], ["gaps"], ["report", "day", "--since", "1d"], ["why", "SERIAL", "--json"], ["prove", "leaf", "0"]])
def test_what_can_not_be_written_is_not_well(demo, words):
    """A full disk behind standard output: exit code 1 and a sentence"""
    words = [demo.serial(f"www.{ZONE}") if word == "SERIAL" else word for word in words]
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([demo.ca.CAIRN, "audit", *words, "--database", demo.ca.AUDITOR_DATABASE_URL], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and "can't be written" in done.stderr, done.stderr


@pytest.mark.parametrize("arguments, code, sentence", [
    (["00" * 18], 1, "There is no such certificate"), (["xyz"], 2, "hexadecimal"), (["01:2"], 2, "hexadecimal"), ([], 2, "one serial"), (["01", "02"], 2, "one serial"),
    (["01", "--json", "--html"], 2, "one form"), (["01", "--nothing"], 2, "Usage"),
    (["01", "--tiles", "/nowhere"], 2, "means nothing here"), (["01", "--since", "1d"], 2, "means nothing here")])
def test_misuse(demo, arguments, code, sentence):
    done = demo.ca.cairn("audit", "why", *arguments, "--database", demo.ca.AUDITOR_DATABASE_URL, check=False)
    assert done.returncode == code and sentence in done.stderr


def test_sessions_of_auditors_are_bounded(demo):
    """G-12, F-52"""
    shown = [demo.ca.sql(f"SHOW {name}")[0][0] for name in ("default_transaction_read_only", "statement_timeout", "idle_in_transaction_session_timeout", "search_path")]
    assert shown == ["on", "10min", "1min", "pg_catalog, audit"]
    assert demo.ca.sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'cairn_auditor'") == [["16"]]
    for query in ("UPDATE audit.limit_override SET count = 0", "SELECT * FROM acme.eab_secret"):
        with pytest.raises(RuntimeError, match="permission denied|read-only"):
            demo.ca.sql(query)


@pytest.mark.parametrize("arguments, code, sentence", [
    (["prove", "request", "nonsense"], 2, "the id of a row is a UUID"), (["prove", "event", "0" * 36], 2, "the id of a row is a UUID"),
    (["prove", "event", "A" * 21 + "B"], 2, "the id of a row is a UUID"), (["prove"], 2, "say what is to be proved"), (["prove", "consistency"], 2, "--since FILE"),
    (["prove", "leaf", "1", "2"], 2, "one thing"), (["prove", "event", "00000000-0000-0000-0000-000000000001"], 1, "has no seal"),
    (["prove", "leaf", "many"], 2, "wants its number"), (["prove", "leaf", "99999999"], 1, "is not among them"),
    (["prove", "leaf", "0", "--since", "x"], 2, "means nothing here"), (["key", "--out", "x"], 2, "means nothing here"), (["key", "x"], 2, "options only"),
    (["report", "totals"], 2, "say from when on"), (["report", "totals", "--since", "2026-11-23"], 2, "such as 2026-11-21T08:00:00Z"),
    (["report", "totals", "day", "--since", "1d"], 2, "one of day"), (["verify", "--out", "x"], 2, "means nothing here"),
    (["replay", "--order", "A" * 22], 1, "no such order"), (["replay", "--serial", "00" * 16], 1, "no such certificate")])
def test_misuse_of_others(demo, arguments, code, sentence):
    """What is no id is refused by a sentence, and no option is taken in silence for one that does something"""
    done = demo.ca.cairn("audit", *arguments, "--database", demo.ca.AUDITOR_DATABASE_URL, check=False)
    assert done.returncode == code and sentence in done.stderr and "SQLSTATE" not in done.stderr and done.stdout == "", done.stderr


def test_a_request_is_proved_by_either_form_of_its_id(demo):
    """F-46"""
    ((uuid, short),) = demo.ca.sql("SELECT id, url_id FROM audit.account ORDER BY id LIMIT 1")
    ((event,),) = demo.ca.sql(f"SELECT id FROM audit.event WHERE account_id = '{uuid}' AND kind = 'account.created'")
    assert base64.urlsafe_b64encode(bytes.fromhex(uuid.replace("-", ""))).decode().rstrip("=") == short
    short = base64.urlsafe_b64encode(bytes.fromhex(event.replace("-", ""))).decode().rstrip("=")
    both = [demo.ca.cairn("audit", "prove", "event", one, "--database", demo.ca.AUDITOR_DATABASE_URL).stdout.splitlines()[1] for one in (event, short)]
    assert both[0] == both[1]
