"""Each event that has to be on record takes place once, and has its one record; and while nothing can be recorded, nothing takes place."""
import collections
import datetime
import glob
import hashlib
import json
import os
import re
import signal
import subprocess
import time

import psycopg2
import pytest

import lists
import raw
import test_eab
import test_ocsp
from test_evidence import rows_with
from test_renewal import finish, leaf_of, name_of
from test_sealing import until_sealed

PROFILES = [{"name": "classic"}, {"name": "brief", "life": "6d"}]


@pytest.fixture(scope="module")
def own(make_ca):
    return make_ca({"policy": {"profiles": PROFILES}, "log": {"level": "debug"}}, token=True)


@pytest.fixture
def client(own):
    one = raw.Client(own)
    assert one.register().status_code == 201
    return one


def told(ca, act):
    """How many events of each kind an act left, and what it gave. Signing of CRLs and OCSP answers goes on by itself, as do sessions, and is left out."""
    before = ca.sql("SELECT id FROM log.event ORDER BY id DESC LIMIT 1")[0][0]
    given = act()
    rows = ca.sql(f"SELECT kind FROM log.event WHERE id > '{before}'")
    return collections.Counter(kind for kind, in rows if kind.partition(".")[0] not in ("crl", "ocsp", "responder", "access", "service", "process")), given


def restart(ca, name, how=signal.SIGTERM, **members):
    """The process starts again, with these members of the policy; then it has told of its start."""
    ca.config["policy"].update(members)
    with open(os.path.join(ca.state, "overlay.yaml"), "w", encoding="utf-8") as f:
        json.dump(ca.config, f)
    starts = f"SELECT count(*) FROM log.event WHERE kind = 'process.started' AND starts_with(process, '{name}@')"
    recorded = int(ca.sql(starts)[0][0])
    before = ca.kill(name, how)
    ca.wait_ready(name, after=before)
    lists.wait_for("the start is not on record", lambda: int(ca.sql(starts)[0][0]) > recorded)


def test_requests_renewals_and_keys(own, client, responder_for):
    """F-40: request, issuance, renewal, re-key, revocation, and another key for the account"""
    responder = responder_for(own)
    kinds, (pem, key, _) = told(own, lambda: client.issue(responder, "once.test"))
    assert kinds == {"order.created": 1, "certificate.issued": 1}
    name = name_of(leaf_of(pem))
    kinds, renewed = told(own, lambda: finish(client, responder, client.order("once.test", replaces=name), "once.test"))
    assert kinds == {"order.created": 1, "certificate.issued": 1} and renewed["status"] == "valid"
    assert own.sql("SELECT count(*), max(facts->>'replaces') FROM log.event WHERE kind = 'order.created' AND facts->>'replaces' IS NOT NULL") == [["1", name]]
    kinds, _ = told(own, lambda: client.issue(responder, "once.test", key=raw.ec_key()))  # the same name for another key
    assert kinds == {"order.created": 1, "certificate.issued": 1}
    keys = own.sql("SELECT count(DISTINCT facts->>'spki_sha256'), count(*) FROM log.event WHERE kind = 'certificate.issued' AND facts->'names' ? 'once.test'")
    assert keys == [["3", "3"]]
    der = raw.b64(leaf_of(pem).public_bytes(raw.serialization.Encoding.DER))
    kinds, answer = told(own, lambda: client.post(client.directory["revokeCert"], {"certificate": der, "reason": 4}))
    assert answer.status_code == 200 and kinds == {"certificate.revoked": 1}
    new = raw.ec_key()
    url = client.directory["keyChange"]
    inner = raw.jws(new, {"alg": raw.algorithm(new), "jwk": raw.jwk(new), "url": url}, {"account": client.kid, "oldKey": raw.jwk(client.key)})
    kinds, answer = told(own, lambda: client.post(url, inner))
    assert answer.status_code == 200 and kinds == {"account.key_changed": 1}


def apply(ca, text):
    path = os.path.join(ca.folder, "rules.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return told(ca, lambda: test_eab.cairn(ca, "policy", "apply", path, "--yes"))[0]


def test_approvals_and_refusals(own, client):
    """F-40: what the policy approves and what it refuses, each once, by the rule's name"""
    assert apply(own, "rules:\n- {name: wanted, everybody: true, names: [.wanted.test]}\n") == {"policy.applied": 1}
    try:
        kinds, answer = told(own, lambda: client.order("www.wanted.test"))
        assert answer.status_code == 201 and kinds == {"order.created": 1, "order.judged": 1}
        kinds, answer = told(own, lambda: client.order("elsewhere.test"))
        raw.problem(answer, 400, "rejectedIdentifier")
        assert not kinds
        until_sealed(own)
        refusals = own.sql(f"SELECT problem, rule FROM log.request WHERE route = 'new-order' AND status = 400 AND account_id = '{raw.unb64(client.kid.rpartition('/')[2]).hex()}'")
        assert refusals == [["REJECTED_IDENTIFIER", "name.not-granted"]]
    finally:
        apply(own, "rules: []\n")


def test_crls_and_ocsp(own, client, responder_for):
    """F-40: each CRL and each responder has its record before it is signed and afterwards, and answers of OCSP have that of their signing"""
    test_ocsp.configure(own, ocsp_url=test_ocsp.url_of(own).replace("127.0.0.1", "localhost"))
    leaf, issuer = raw.chain(client.issue(responder_for(own), "answered.test")[0])[:2]
    test_ocsp.await_status(test_ocsp.url_of(own), leaf, issuer, test_ocsp.ocsp.OCSPCertStatus.GOOD)
    key = "facts->>'issuer', facts->>'shard', facts->>'number'"
    crls = own.sql("SELECT issuer, shard::text, number::text FROM audit.crl")
    for kind in "crl.begun", "crl.published":
        found = own.sql(f"SELECT {key} FROM log.event WHERE kind = '{kind}'")
        assert len(crls) >= 2 and {found.count(one) for one in crls} == {1}, kind
    serials = own.sql("SELECT encode(serial, 'hex') FROM ca.responder WHERE der IS NOT NULL", role="cairn_owner")
    for kind in "responder.begun", "responder.issued":
        found = own.sql(f"SELECT facts->>'serial' FROM log.event WHERE kind = '{kind}'")
        assert serials and {found.count(one) for one in serials} == {1}, kind
    answered = own.sql("SELECT sum((facts->>'answers')::int8) >= 1, count(DISTINCT facts->>'issuer') FROM log.event WHERE kind = 'ocsp.signed'")
    assert answered == [["t", "1"]]
    assert own.sql("SELECT kind, count(*) = count(DISTINCT facts->>'issuer') FROM log.event WHERE kind IN ('issuer.registered', 'ocsp.on') GROUP BY 1 ORDER BY 1") == [
        ["issuer.registered", "t"], ["ocsp.on", "t"]]


def test_profiles_across_restarts(own):
    """F-40: a profile that comes or goes with a start of cairn-ra is told once, and a start by itself tells of none; so after a crash"""
    def profiles(**how):
        return {k: n for k, n in told(own, lambda: restart(own, "cairn-ra", **how))[0].items() if k.startswith("profile.")}
    assert profiles() == {}
    assert profiles(profiles=PROFILES + [{"name": "third", "life": "5d"}]) == {"profile.introduced": 1}
    assert profiles(how=signal.SIGKILL) == {}
    assert profiles(profiles=PROFILES) == {"profile.retired": 1}
    assert profiles(how=signal.SIGKILL) == {}
    assert own.sql("SELECT kind, facts->>'profile' FROM log.event WHERE starts_with(kind, 'profile.') ORDER BY kind, 2") == [
        ["profile.introduced", "brief"], ["profile.introduced", "classic"], ["profile.introduced", "third"], ["profile.retired", "third"]]


PLAN = "title: A key\ntranscript: transcript.jsonl\nsteps:\n- {{action: {}, name: spare{}, key_file: spare.key{}}}\n"


def test_a_key_by_ceremony(own, tmp_path):
    """F-40: a key is made, stored and destroyed: each is one line of the transcript, with the key's digest"""
    for action, suffix, rest in ("key", "", ", key: p256, public_file: spare.pub"), ("destroy", "-end", ", spki_sha256: {}"):
        if action == "destroy":
            der = subprocess.run(["openssl", "pkey", "-pubin", "-in", tmp_path / "spare.pub", "-outform", "DER"], check=True, capture_output=True).stdout
            rest = rest.format(hashlib.sha256(der).hexdigest())
        (tmp_path / f"{action}.yaml").write_text(PLAN.format(action, suffix, rest))
        own.cairn("ceremony", str(tmp_path / f"{action}.yaml"), "--yes")
    lines = [json.loads(line) for line in (tmp_path / "transcript.jsonl").read_text().splitlines()]
    assert [line["action"] for line in lines] == ["begin", "key", "begin", "destroy"]
    assert {lines[1]["spki_sha256"], lines[3]["spki_sha256"]} == {hashlib.sha256(der).hexdigest()} and not (tmp_path / "spare.key").exists()


def test_security_events(own, client):
    """F-44: failed access by a wrong key and by a wrong password, a reload, a start with version and digest of its files, and a crash"""
    stranger = raw.Client(own)
    stranger.kid = client.kid
    raw.problem(stranger.order("denied.test"), 400, "malformed")
    until_sealed(own)
    account = raw.unb64(client.kid.rpartition("/")[2]).hex()
    assert own.sql("SELECT count(*) FROM log.request WHERE route = 'new-order' AND status = 400 AND problem = 'MALFORMED' AND account_id IS NULL") == [["1"]]
    assert own.sql(f"SELECT count(*) FROM log.request WHERE route = 'new-order' AND account_id = '{account}'") == [["0"]]  # it was not that account
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(own.AUDITOR_DATABASE_URL, password="guessed")
    reloads = "SELECT count(*) FROM log.event WHERE kind = 'process.reloaded' AND starts_with(process, 'cairn-ra@')"
    before = int(own.sql(reloads)[0][0])
    lists.reload(own)
    lists.wait_for("the reload is not on record", lambda: int(own.sql(reloads)[0][0]) == before + 1)
    restart(own, "cairn-ra", how=signal.SIGKILL)
    last = own.sql("SELECT facts->>'before', facts->>'version', facts->>'config_sha256' FROM log.event WHERE kind = 'process.started' AND starts_with(process, 'cairn-ra@') "
                   "ORDER BY id DESC LIMIT 1")[0]
    assert last[0] == "ended without a stop" and last[1] in own.cairn("--version").stdout
    files = []
    for path in own.CONFIG_FILES.split():
        with open(path, "rb") as f:
            files.append(f.read())
    assert last[2] == hashlib.sha256(b"".join(files)).hexdigest()


def journal(ca, kind):
    """Events of that kind that the supervisor told of: who, and what."""
    return [(process, json.loads(facts)) for process, facts in ca.sql(f"SELECT process, facts FROM log.event WHERE kind = '{kind}' ORDER BY (facts->>'at')::timestamptz")]


def test_security_events_outlive_log_files(own):
    """F-44, F-50: refused logins, ends of sessions, and ends of services that have no database are events of the sealed log, without an address, once each"""
    before = own.kill("cairn-va")
    own.wait_ready("cairn-va", after=before)
    wait = lambda why, done: lists.wait_for(why, lambda: (own.kill("cairn-supervise", signal.SIGHUP), done())[1])  # which writes sums at once
    wait("the end is not on record", lambda: ("cairn-va", 9) in [(who, facts.get("signal")) for who, facts in journal(own, "service.ended")])
    who, facts = next(one for one in journal(own, "service.ended") if one[0] == "cairn-va")
    assert set(facts) == {"at", "seconds", "signal", "told"} and facts["told"] is False
    started = lambda: [datetime.datetime.fromisoformat(facts["at"]) for who, facts in journal(own, "service.started") if who == "cairn-va"]
    wait("the second start is not on record", lambda: len(started()) == 2)
    assert started()[-1] >= datetime.datetime.fromisoformat(facts["at"])
    assert [who for who, _ in journal(own, "service.started")].count("postgres") == 1
    assert "process-crashed cairn-va" in [" ".join(row) for row in own.sql("SELECT kind, subject FROM audit.alarm")]
    refused = lambda: sum(facts["times"] for _, facts in journal(own, "access.refused") if facts["role"] == "cairn_auditor")
    wait("sums are left", lambda: refused() > 0)  # of the test before
    before = refused()
    for _ in range(3):
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(own.AUDITOR_DATABASE_URL, password="guessed")
    wait("the refused logins are not on record", lambda: refused() == before + 3)
    sessions = lambda: sum(facts["times"] for _, facts in journal(own, "access.session") if facts["role"] == "cairn_auditor")
    before = sessions()
    psycopg2.connect(own.AUDITOR_DATABASE_URL).close()
    wait("the session is not on record", lambda: sessions() > before)
    until_sealed(own)
    done = own.cairn("audit", "report", "day", "--since", "1h", "--database", own.AUDITOR_DATABASE_URL, "--json")
    alarms = {line["what"] for line in json.loads(done.stdout)["lines"] if line["section"] == "alarm"}
    assert {"access.refused", "cairn-va service.ended"} <= alarms
    done = own.cairn("audit", "report", "access", "--since", "1h", "--database", own.AUDITOR_DATABASE_URL, "--json")
    auditor = next(line for line in json.loads(done.stdout)["lines"] if line["section"] == "role" and line["what"] == "cairn_auditor")
    assert auditor["facts"]["refused"] >= 4 and auditor["facts"]["sessions"] >= 1 and auditor["at"]
    assert not own.sql("SELECT 1 FROM log.event WHERE kind ~ '^(service|access|journal)[.]' AND facts::text ~ '127[.]0|::1|local'")


def secrets_of(ca):
    """What no log may hold: passwords of the database, the PIN, and lines of private keys."""
    for path in glob.glob(os.path.join(ca.state, "secrets", "*.pgpass")):
        with open(path, encoding="ascii") as f:
            yield f.read().splitlines()[-1].rpartition(":")[2]
    keys = [path for path in glob.glob(os.path.join(ca.state, "pki", "**", "*.key"), recursive=True) if os.path.isfile(path)]
    assert keys
    for path in keys:
        with open(path, encoding="ascii", errors="replace") as f:
            lines = [line for line in f.read().splitlines() if line and "-----" not in line]
            yield lines[len(lines) // 2]


def in_logs(ca, needles):
    """Each needle that a log has, of every process and also those that were rotated."""
    paths = [path for path in glob.glob(os.path.join(ca.state, "log", "**"), recursive=True) if os.path.isfile(path)]
    assert len(paths) > 5
    found = set()
    for path in paths:
        with open(path, "rb") as f:
            text = f.read()
        found |= {(os.path.basename(path), one) for one in needles if one.encode() in text}
    return found


def test_no_secret_in_any_log(own, client, responder_for):
    """F-48: nonces, tokens before their validation, passwords, the PIN and private keys stand in no log, though each process tells all it can"""
    nonces = [client.nonce() for _ in range(3)]
    made = client.order("quiet.test").json()
    assert client.nonces[0] not in nonces
    challenges = client.post(made["authorizations"][0]).json()["challenges"]
    held = list(secrets_of(own)) + nonces + client.nonces + [one["token"] for one in challenges]
    assert len(held) > 12 and all(len(one) >= 20 for one in held)
    assert '"debug"' in own.log("cairn-wfe")
    assert in_logs(own, held) == set()
    client.validate(made, responder_for(own))
    assert raw.problem(client.post(client.kid, {}, nonce="x" * 40), 400, "badNonce")
    used, = client.nonces
    assert client.post(client.kid).status_code == 200
    tokens = {one["token"] for one in challenges}  # one that was tried stood open at the name's own server
    assert {one for _, one in in_logs(own, held + [used])} <= tokens
    assert rows_with(own, [one.encode() for one in nonces]) == []  # what was never sent back; answers are kept without their headers
    pin = re.compile(rb"(?<![0-9.])271828(?![0-9])")
    for path in glob.glob(os.path.join(own.state, "log", "*")):
        with open(path, "rb") as f:
            assert not pin.search(f.read()), path
    assert in_logs(own, ["cairn-ra"]), "the search finds what is there"


FULL = """CREATE FUNCTION log.no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER no_room BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION log.no_room()"""


@pytest.mark.parametrize("table", ["log.event", "log.validation"])
def test_no_record_no_issuance(own, client, responder_for, table):
    """F-45: where a table of the log takes nothing, as on a full disk, no order, no validation and no certificate comes into being; afterwards all goes on"""
    responder, name = responder_for(own), table.replace("log.", "") + ".full.test"
    ready = client.order("ready." + name)
    if table == "log.event":
        client.validate(ready.json(), responder)
    state = "SELECT (SELECT count(*) FROM audit.certificate WHERE state = 'issued'), (SELECT count(*) FROM audit.orders), (SELECT count(*) FROM log.event WHERE kind IN " \
            "('order.created', 'certificate.issued'))"
    before = own.sql(state)
    der, _ = raw.csr(["ready." + name])
    own.sql(FULL.format(table), role="cairn_owner")
    try:
        if table == "log.event":
            assert client.order("new." + name).status_code in (500, 503)
            answer = client.post(ready.json()["finalize"], {"csr": raw.b64(der)})
            assert answer.status_code in (500, 503) or answer.json()["status"] == "processing", answer.text
        else:
            challenge = client.challenge(ready.json()["authorizations"][0])
            responder.tokens[challenge["token"]] = client.key_authorization(challenge["token"])
            client.post(challenge["url"], {})
        end = time.monotonic() + 5
        while time.monotonic() < end:
            shown = client.post(ready.headers["Location"]).json()
            assert shown["status"] in ("pending", "ready", "processing") and "certificate" not in shown, shown
            time.sleep(0.2)
        assert own.sql(state) == before
    finally:
        own.sql(f"DROP TRIGGER no_room ON {table}; DROP FUNCTION log.no_room", role="cairn_owner")
    if table == "log.event":
        if client.post(ready.headers["Location"]).json()["status"] == "ready":
            client.post(ready.json()["finalize"], {"csr": raw.b64(der)})
        final = client.poll(ready.headers["Location"], ("valid", "invalid")).json()
        assert final["status"] == "valid", final
        serial = f"{leaf_of(client.post(final['certificate']).text).serial_number:036x}"
        assert own.sql(f"SELECT count(*) FROM log.event WHERE kind = 'certificate.issued' AND facts->>'serial' = '{serial}'") == [["1"]]
    else:
        assert client.poll(ready.json()["authorizations"][0], ("valid", "invalid")).json()["status"] == "valid"
        assert own.sql(f"SELECT count(*) FROM log.validation WHERE identifier_value = 'ready.{name}' AND passed") == [["1"]]


def test_why_of_an_old_compromise(own, client, responder_for):
    """F-56: a revocation counts from the compromise on, long before its record, which is found all the same"""
    leaf = leaf_of(client.issue(responder_for(own), "stolen.test")[0])
    serial = f"{leaf.serial_number:036x}"
    test_eab.cairn(own, "revoke", "--serial", serial, "--reason", "key-compromise", "--because", "a laptop was stolen", "--since", "24h", "--yes")
    until_sealed(own)
    told = json.loads(own.cairn("audit", "why", serial, "--database", own.AUDITOR_DATABASE_URL, "--json").stdout)
    revoked = next(one for one in told["claims"] if one["title"] == "It was revoked")
    assert revoked["state"] == "proved" and told["faults"] == 0, revoked
    assert "because: a laptop was stolen" in revoked["lines"] and any(line.startswith("login: cairn_operator") for line in revoked["lines"]), revoked


def test_why_of_a_renewal_that_was_called_for(own, client, responder_for):
    """F-56: the incident, the certificate's window in it, and who ordered it"""
    leaf = leaf_of(client.issue(responder_for(own), "recalled.test")[0])
    serial = f"{leaf.serial_number:036x}"
    made = test_eab.cairn(own, "incident", "create", "--where", "'recalled.test' = ANY (names)", "--url", "https://ca.test/recalled", "--yes")
    until_sealed(own)
    told = json.loads(own.cairn("audit", "why", serial, "--database", own.AUDITOR_DATABASE_URL, "--json").stdout)
    (called,) = [one for one in told["claims"] if one["section"] == "renewal" and "wave 1 of" in one["title"]]
    assert called["state"] == "proved" and told["faults"] == 0, (called, made)
    assert "what was told: https://ca.test/recalled" in called["lines"] and any(line.startswith("ordered by: ") for line in called["lines"]), called
    assert not any(line.startswith("called off") for line in called["lines"])
