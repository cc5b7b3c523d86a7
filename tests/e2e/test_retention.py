"""Retention: three years pass for a whole CA in a minute. What has come to its end is gone by a sealed record, what is held stays, and
every proof holds."""
import json
import os
import signal
import time

import pytest
import requests

import lists
import raw
import responder as responder_module
from test_seal_audit import configured, verify
from test_sealing import until_sealed, vkey

DAY = 86400


def cairn(ca, *arguments, code=0):
    done = ca.cairn(*arguments, *configured(ca), "--json", check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if code == 0 else done.stderr


def table(ca, name, part="all"):
    return next(t for t in cairn(ca, "retention", "report")["tables"] if (t["name"], t["part"]) == (name, part))


def count(ca, name, condition="true"):
    return int(ca.sql(f"SELECT count(*) FROM {name} WHERE {condition}", role="cairn_owner")[0][0])


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.2)


def until_purged(ca):
    """Nothing is due that is not held, and what was purged is sealed."""
    until(lambda: all(t["due"] == t["held"] for t in cairn(ca, "retention", "report")["tables"]))
    until_sealed(ca)


def audit(ca):
    report = verify(ca, *configured(ca), "--key", vkey(ca))
    assert report["found"] == 0, report
    return report


def replay(ca):
    done = ca.cairn("audit", "replay", *configured(ca), "--json", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def set_rule(ca, name, *terms):
    answer = cairn(ca, "retention", "set", name, *terms, "--reason", "a test", "--yes")
    assert answer["done"] and answer["version"] > 1
    return answer


def serials_of(ca, account):
    return [row[0] for row in ca.sql(f"SELECT serial FROM audit.certificate WHERE account_id = cairn.id_of('{account}')")]


def erasures_wait(ca, serial):
    """Before its seal a lawful erasure is no fault: what is gone waits. Afterwards all is as before."""
    pid = ca.pid("cairn-subscriber")
    os.kill(pid, signal.SIGSTOP)
    where = "l USING log.event e WHERE e.id = l.row_id AND l.kind = 3 AND e.kind = 'log.erased'"
    try:
        ca.sql(f"CREATE TABLE log.kept AS SELECT l.* FROM log.leaf l JOIN log.event e ON e.id = l.row_id AND l.kind = 3 WHERE e.kind = 'log.erased'; DELETE FROM log.leaf {where}; "
               "INSERT INTO log.unsealed (kind, id) SELECT kind, row_id FROM log.kept", role="cairn_owner")
        told = json.loads(ca.cairn("audit", "why", serial, *configured(ca), "--json").stdout)
        found = {c["state"] for c in told["claims"]}
        assert told["faults"] == 0 and "waiting" in found and "erased" not in found, found
        ca.sql("DELETE FROM log.unsealed u USING log.kept k WHERE u.id = k.row_id", role="cairn_owner")  # nor will it be sealed
        done = ca.cairn("audit", "why", serial, *configured(ca), "--json", check=False)
        assert done.returncode == 1 and "missing" in {c["state"] for c in json.loads(done.stdout)["claims"]}
    finally:
        ca.sql("DELETE FROM log.unsealed u USING log.kept k WHERE u.id = k.row_id; INSERT INTO log.leaf SELECT * FROM log.kept; DROP TABLE log.kept", role="cairn_owner")
        os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def aging(make_ca):
    return make_ca({"subscriber": {"seal_interval_ms": 50, "purge_interval_s": 1, "publish_entries": True},
                    "acme": {"terms_of_service": "https://localhost/terms/1"}}, shifted=True)


@pytest.fixture(scope="module")
def people(aging):
    """Two accounts with a certificate each, and a visitor of a page."""
    responder = responder_module.Responder(int(aging.HTTP01_PORT))
    found = {}
    for name in ("kept", "gone"):
        client = raw.Client(aging)
        assert client.register(termsOfServiceAgreed=True).status_code == 201
        client.issue(responder, f"{name}.test")
        found[name] = client
    responder.close()
    page = requests.get(aging.config["acme"]["external_url"] + "/doctor", verify=aging.API_CA_FILE, timeout=60,
                        headers={"User-Agent": "a browser that looks around"})
    assert page.status_code < 500
    until_sealed(aging)
    return found


def test_rules(aging, people):
    """G-20, G-30, G-31, F-53: the defaults; rules that can't be are refused; a change is shown first and is a version with who, when, why"""
    rules = {r["class"]: r for r in cairn(aging, "retention", "show")["rules"]}
    assert set(rules) == {"SUB-REQ", "SUB-VAL", "SUB-SW", "SUB-CERT", "RECOVERY", "RP-OCSP", "RP-HOLD", "WEB", "OPS", "AGG"}
    assert all(rules[c]["keep_s"] == 0 and rules[c]["clear_s"] == 0 for c in rules if c not in ("RP-OCSP", "WEB", "RECOVERY"))
    assert rules["RECOVERY"]["keep_s"] == 90 * 86400  # from the end of the account, where contacts are frozen
    assert all(0 < rules[c]["keep_s"] < 7 * DAY for c in ("RP-OCSP", "WEB"))
    assert "account" in rules["RECOVERY"]["held_by"] and "case" in rules["RP-HOLD"]["held_by"]
    for arguments, words in ((["WEB", "--keep", "7d"], "less than seven days"), (["RP-OCSP", "--clear", "forever"], "less than seven days"),
                             (["SUB-REQ", "--clear", "1h"], "a day at least"), (["SUB-REQ", "--clear", "60d", "--keep", "30d"], "longer than their rows"),
                             (["RP-HOLD", "--keep", "9d"], "case is closed"), (["NO-SUCH", "--keep", "9d"], "no class"),
                             (["SUB-REQ", "--keep", "some"], "forever")):
        assert words in cairn(aging, "retention", "set", *arguments, "--reason", "a test", "--yes", code=1)
    assert "--reason" in cairn(aging, "retention", "set", "SUB-VAL", "--clear", "9d", code=2)
    dry = cairn(aging, "retention", "set", "SUB-VAL", "--clear", "400d", "--reason", "tried")
    assert not dry["done"] and dry["version"] == 2 and dry["after"]["clear_s"] == 400 * DAY
    assert cairn(aging, "retention", "show")["rules"][-2]["version"] == 1
    events = count(aging, "log.event", "kind = 'retention.changed'")
    set_rule(aging, "SUB-SW", "--clear", "4000d")
    assert cairn(aging, "retention", "set", "SUB-SW", "--clear", "4000d", "--reason", "again", "--yes")["version"] == 0
    set_rule(aging, "SUB-SW", "--clear", "forever")
    assert count(aging, "log.event", "kind = 'retention.changed'") == events + 2
    history = [r for r in cairn(aging, "retention", "show", "--all")["rules"] if r["class"] == "SUB-SW"]
    assert [r["version"] for r in history] == [1, 2, 3] and history[2]["reason"] == "a test" and history[2]["changed_by"].startswith("operator ")
    done = aging.cairn("retention", "report", *configured(aging))
    assert "log.request_private (SUB-REQ,SUB-SW, forever)" in done.stdout and "pages only" in done.stdout


def test_floor(aging, people, tmp_path):
    """F-50, F-53: in mode webpki no rule goes below two years beyond the last certificate"""
    config = tmp_path / "webpki.yaml"
    config.write_text(json.dumps(lists.webpki()), encoding="utf-8")
    done = aging.cairn("retention", "set", "SUB-VAL", "--clear", "731d", "--reason", "x", *configured(aging), "--config", str(config),
                       check=False)
    assert done.returncode == 1 and "F-50" in done.stderr, done.stdout + done.stderr


def test_visitors(aging, people):
    """G-30, G-61: a visitor's address is there for six days and not for seven; what the page was asked is still sealed"""
    pages = "route = 'doctor'"
    assert count(aging, "log.request", pages) == 1
    private = "log.request_private p JOIN log.request r USING (id)"
    aging.pass_time(days=5, hours=23)
    until_purged(aging)
    assert count(aging, private, pages) == 1 and table(aging, "log.request_private", "web")["purged"] == 0
    all_before = count(aging, "log.request_private")
    aging.pass_time(hours=2)
    until(lambda: count(aging, private, pages) == 0)
    until_purged(aging)
    assert count(aging, "log.request", pages) == 1 and count(aging, "log.request_private") >= all_before - 1
    web = table(aging, "log.request_private", "web")
    assert web["purged"] == 1 and web["purged_at"] and web["classes"] == ["WEB"]
    event = json.loads(aging.sql("SELECT facts FROM log.event WHERE kind = 'log.erased'")[0][0])
    assert event["rows"] == 1 and event["table"] == "log.request_private" and len(event["ids"]) == 1 and event["classes"] == ["WEB"]
    assert audit(aging)["erased"] == 1


def test_nobody_else_may_be_missing(aging, people):
    """F-46: an erasure excuses what it names and nothing beside it"""
    one = aging.sql("SELECT id FROM log.request_private ORDER BY id LIMIT 1", role="cairn_owner")[0][0]
    aging.sql(f"CREATE TABLE log.kept AS SELECT * FROM log.request_private WHERE id = '{one}'; DELETE FROM log.request_private WHERE id = '{one}'",
              role="cairn_owner")
    try:
        report = verify(aging, *configured(aging), "--key", vkey(aging))
        assert [(f["what"], f["row"]) for f in report["findings"]] == [("deleted", one)]
    finally:
        aging.sql("INSERT INTO log.request_private SELECT * FROM log.kept; DROP TABLE log.kept", role="cairn_owner")
    audit(aging)
    # nor does a record keep from verifying that was made to say what no statement can read
    (erased, facts), = aging.sql("SELECT id, facts FROM log.event WHERE kind = 'log.erased'")
    change = "ALTER TABLE log.event DISABLE TRIGGER USER; UPDATE log.event SET facts = '{}' WHERE id = '{}'; ALTER TABLE log.event ENABLE TRIGGER USER"
    aging.sql(change.format(facts.replace(json.loads(facts)["ids"][0], "x"), erased), role="cairn_owner")
    try:
        report = verify(aging, *configured(aging), "--key", vkey(aging))
        assert {(f["what"], f["row"]) for f in report["findings"]} == {("changed", erased), ("deleted", json.loads(facts)["ids"][0])}, report
    finally:
        aging.sql(change.format(facts, erased), role="cairn_owner")
    audit(aging)


def test_three_years(aging, people):
    """G-20, G-56, F-50, F-56: for a year nothing goes; then evidence and requests go but for what is held; in the third year the facts, too; proofs
    from the first day hold to the end"""
    kept, gone = (people[name].kid.rsplit("/", 1)[1] for name in ("kept", "gone"))
    row = aging.sql("SELECT id FROM log.request WHERE route = 'finalize' ORDER BY id LIMIT 1")[0][0]
    proof = os.path.join(aging.work, "first.tlog-proof")
    aging.cairn("audit", "prove", "request", row, *configured(aging), "--out", proof)
    before = {t: count(aging, t) for t in ("log.request_private", "log.validation_private", "log.request", "log.validation")}
    aging.pass_time(days=200)
    aging.wait_ready()
    until_purged(aging)
    assert all(count(aging, t) >= n for t, n in before.items())  # without end, by default
    asked = replay(aging)
    assert asked["records"] > 0 and asked["erased"] == 0

    made = cairn(aging, "hold", "add", "--ground", "order 7 of a court", "--ends", "900d", "--account", kept, "--yes")
    assert made["done"]
    assert len(cairn(aging, "hold", "list")["holds"]) == 1
    for rule in "SUB-REQ", "SUB-VAL":
        set_rule(aging, rule, "--clear", "365d", "--keep", "700d")
    until_purged(aging)
    assert count(aging, "log.validation_private") >= before["log.validation_private"]
    aging.pass_time(days=200)  # 406 days since they came
    until(lambda: table(aging, "log.validation_private")["purged"] > 0 and table(aging, "log.request_private")["purged"] > 0)
    until_purged(aging)
    of_kept = f"(SELECT id FROM log.{{}} WHERE account_id = cairn.id_of('{kept}'))"
    of_gone = f"(SELECT id FROM log.{{}} WHERE account_id = cairn.id_of('{gone}'))"
    for t in "request", "validation":
        assert count(aging, f"log.{t}_private", f"id IN {of_kept.format(t)}") == count(aging, f"log.{t}", f"id IN {of_kept.format(t)}") > 0
        assert count(aging, f"log.{t}_private", f"id IN {of_gone.format(t)}") == 0 < count(aging, f"log.{t}", f"id IN {of_gone.format(t)}")
    assert table(aging, "log.validation_private")["held"] > 0
    report = audit(aging)
    assert report["erased"] > 5
    asked = replay(aging)
    assert asked["erased"] > 0 and asked["different"] == 0 and asked["same"] > 0
    text = aging.cairn("audit", "replay", *configured(aging)).stdout
    assert f"{asked['erased']} erased by record" in text
    for serial in serials_of(aging, gone):
        told = json.loads(aging.cairn("audit", "why", serial, *configured(aging), "--json").stdout)
        assert told["faults"] == 0 and {"erased", "proved"} <= {c["state"] for c in told["claims"]}
        erasures_wait(aging, serial)

    set_rule(aging, "SUB-CERT", "--keep", "700d")
    aging.pass_time(days=400)  # 806: the facts too, but for those held; the order's authorizations are used no more
    until(lambda: table(aging, "log.request")["purged"] > 0 and table(aging, "log.event")["purged"] > 0 and table(aging, "log.validation")["purged"] > 0)
    until_purged(aging)
    assert count(aging, "log.request", f"id IN {of_gone.format('request')}") == 0 < count(aging, "log.request", f"id IN {of_kept.format('request')}")
    assert count(aging, "log.validation", f"id IN {of_gone.format('validation')}") == 0 < count(aging, "log.validation", f"id IN {of_kept.format('validation')}")
    assert count(aging, "ca.certificate") == 2 and count(aging, "acme.account") >= 2  # what was issued stays
    for serial in serials_of(aging, gone):
        told = json.loads(aging.cairn("audit", "why", serial, *configured(aging), "--json").stdout)
        assert told["faults"] == 0 and "erased" in {c["state"] for c in told["claims"] if c["section"] == "validation"}
    cairn(aging, "audit", "gaps", "--quiet")
    sealed = count(aging, "log.leaf")
    report = audit(aging)
    assert sealed <= report["leaves"] <= count(aging, "log.leaf")
    done = aging.cairn("audit", "verify", "--proof", proof, "--key", vkey(aging))
    assert row in done.stdout

    assert cairn(aging, "hold", "end", made["hold"]["id"], "--reason", "the court is done", "--yes")["changed"]
    assert not cairn(aging, "hold", "end", made["hold"]["id"], "--reason", "again", "--yes")["changed"]
    aging.pass_time(days=300)  # more than three years: now partitions go as a whole
    until(lambda: count(aging, "log.request_private", f"id IN {of_kept.format('request')}") == 0)
    until_purged(aging)
    assert count(aging, "log.validation", f"id IN {of_kept.format('validation')}") == 0
    assert audit(aging)["found"] == 0
    partitions = [json.loads(f[0]) for f in aging.sql("SELECT facts FROM log.event WHERE kind = 'log.erased' AND facts ? 'partition'")]
    assert "log.request_private" in {p["table"] for p in partitions} and all(p["rows"] > 0 for p in partitions)
    assert count(aging, "log.event", "kind = 'log.erased'") > 3  # the records of erasures stay
    assert count(aging, "pg_class", "relname ~ '^request_private_\\d{6}$' AND relispartition AND relname < 'request_private_' || to_char(now() - interval '400 days', 'YYYYMM')") == 0
    assert {h["ended_by"] for h in cairn(aging, "hold", "list", "--all")["holds"]} != {None}
