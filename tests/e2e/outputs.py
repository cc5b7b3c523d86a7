"""All that the command writes for people: exports, disclosures, audits, reports, for the search of the canary test (G-5, G-65)."""
import datetime
import json
import subprocess

# As if the requests of this CA had been made the day before yesterday by 25 accounts each, in as many networks: what has fewer requesters is in no export. Once for each row.
EARLIER = """
WITH kept AS (SELECT r.id, r.id AS old, n FROM log.request r JOIN log.request_private p USING (id), generate_series(1, 25) n WHERE r.account_id IS NOT NULL),
ids AS (SELECT k.old, k.n, (left(cairn.id_at(date_trunc('day', now(), 'UTC') - interval '36 hours')::text, 14) || '7' || substr(gen_random_uuid()::text, 16))::uuid AS id
    FROM kept k LIMIT 5000),
made AS (INSERT INTO log.request SELECT (jsonb_populate_record(r, jsonb_build_object('id', i.id, 'account_id', md5(i.n::text)::uuid))).*
    FROM ids i JOIN log.request r ON r.id = i.old)
INSERT INTO log.request_private SELECT (jsonb_populate_record(p, jsonb_build_object('id', i.id, 'remote_address', format('198.18.%s.1', i.n)))).* FROM ids i JOIN log.request_private p ON p.id = i.old
"""
SCOPE = {"account": ["url_id", "status", "key"], "request": ["received_at", "route", "url", "remote_address", "user_agent", "body", "reply"],
         "event": ["happened_at", "kind", "actor", "facts"], "recovery": ["contacts"]}
RECOVERY = "04-recovery.jsonl"  # is what custodians opened: it alone may hold contacts


def officer(ca, folder, name, config):
    """An officer of disclosures: the files of the key and of its certificate, told to the CA."""
    key, pem = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-keyout", key, "-out", pem, "-subj", f"/CN={name}", "-days", "30"], check=True, capture_output=True)
    key.chmod(0o600)
    ca.cairn("disclose", "add-officer", str(pem), "--name", name, *config, "--yes")
    return key, pem


def of_files(ca, account, folder):
    """Makes a public export, a subject's file and a disclosure by its shortest way, all below the folder; gives the case and what it released of
    recovery contacts."""
    config = ["--config", f"{ca.state}/cairn.yaml"]
    ca.sql(EARLIER, role="cairn_owner")
    day = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=2)).strftime("%Y-%m-%d")
    ca.cairn("export", "public", "--out", str(folder / "export"), "--since", day, "--reason", "a test", "--yes", *config)
    assert "new-account" in (folder / "export" / f"requests-{day}.csv").read_text()
    ca.cairn("audit", "subject", account, "--reason", "a test", "--out", str(folder / "subject.json"), *config)
    assert len(json.loads((folder / "subject.json").read_text())["held"]["requests"]) > 3
    officers = [officer(ca, folder, name, config) for name in ("ana", "ben")]
    scope = folder / "scope"
    scope.write_text(json.dumps({"items": [{"view": view, "columns": columns, "accounts": [account]} for view, columns in SCOPE.items()]}))

    def disclose(*words):
        return ca.cairn("disclose", *map(str, words), *config, "--yes", "--json").stdout

    case = json.loads(disclose("receive", "--kind", "emergency", "--from", "Police", "--reference", "1", "--scope", scope))["case"]
    for words in (["check", case, "--how", "by telephone", "--call-back", "the number in the book"], ["ground", case, "--ground", "law", "--reason", "a life"],
                  ["silence", case, "--why", "emergency", "--reason", "no time", "--until", "3h"], ["propose", case],
                  *(["approve", case, "--certificate", pem, "--key", key] for key, pem in officers), ["release", case, "--out", folder / "released",
                   *(word for g in "ab" for word in (f"--custodian-{g}", f"{ca.state}/custodian-keys/{g}.key,{ca.state}/pki/custodians/{g}/test.pem"))]):
        disclose(*words)
    assert len((folder / "released" / "02-request.jsonl").read_text().splitlines()) > 3
    return case, folder / "released" / RECOVERY


def of_terminal(ca, account, case):
    """What a terminal shows."""
    config = ["--config", f"{ca.state}/cairn.yaml"]
    shown = b""
    for words in (["disclose", "show", case], ["disclose", "list", "--all"], ["audit", "report", "privacy", "--since", "1d"], ["audit", "report", "day", "--since", "1d"],
                  ["audit", "gaps"], ["retention", "report"], ["recovery", "list"], ["account", "show", account], ["export", "privacy-notice"], ["doctor"]):
        done = ca.cairn(*words, *config, check=False)
        assert done.returncode < 2 and done.stdout, (words, done.stderr)
        shown += (done.stdout + done.stderr).encode()
    return shown


def of_account(client):
    """All pages of what its holder is told."""
    url = client.post(client.kid).json()["subjectData"]
    told = client.post(url)
    found = told.content
    for part in told.json()["held"]["parts"]:
        at = f"{url}?part={part['part']}"
        while at:
            page = client.post(at)
            assert page.status_code == 200, page.text
            found += page.content
            at = page.json().get("next")
    return found
