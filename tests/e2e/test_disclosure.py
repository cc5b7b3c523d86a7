"""A whole case of disclosure as officers type it (docs/disclosure.md): notice by a real mail server, approval by two officers, release."""
import base64
import hashlib
import json
import os
import subprocess
import time

import pytest

import instance
import mail_server
import raw

HOLDER = "holder.of.it@example.net"


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    one = mail_server.MailServer(tmp_path_factory.mktemp("mail"), instance.free_ports(1)[0])
    yield one
    one.close()


@pytest.fixture
def disclose(ca, box, tmp_path):
    """Runs cairn disclose with --json and --yes; a dry run first, which changes nothing."""
    overlay = tmp_path / "smtp.yaml"
    overlay.write_text(json.dumps({"smtp": box.config()}))

    def run(*words, status=0, dry=True, text=None):
        command = [ca.CAIRN, "disclose", *map(str, words), "--config", f"{ca.state}/cairn.yaml", "--config", str(overlay), "--json"]
        for yes in ([False] if dry and text is None else []) + [True]:
            done = subprocess.run(command + (["--yes"] if yes else []), input=text, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == status, (command, done.stdout, done.stderr)
        return json.loads(done.stdout) if status == 0 else done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def officers(ca, tmp_path_factory):
    """Keys and certificates, as officers make them; an operator adds them."""
    folder = tmp_path_factory.mktemp("officers")
    made = []
    for name in "ana", "ben":
        key, pem = folder / f"{name}.key", folder / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-keyout", key, "-out", pem, "-subj", f"/CN={name}", "-days", "30"],
                       check=True, capture_output=True)
        os.chmod(key, 0o600)
        command = ["disclose", "add-officer", str(pem), "--name", name.title(), "--config", f"{ca.state}/cairn.yaml"]
        assert "Nothing was changed" in ca.cairn(*command).stdout and "Done" in ca.cairn(*command, "--yes").stdout
        made.append((key, pem))
    return made


def custodians(ca):
    return [word for group in "ab" for word in (f"--custodian-{group}", f"{ca.state}/custodian-keys/{group}.key,{ca.state}/pki/custodians/{group}/test.pem")]


def scope_file(tmp_path, client, name="scope"):
    account = client.kid.rsplit("/", 1)[1]
    path = tmp_path / name
    path.write_text(json.dumps({"items": [
        {"view": "account", "columns": ["url_id", "status"], "accounts": [account]},
        {"view": "request", "columns": ["received_at", "route", "remote_address", "user_agent"], "accounts": [account], "since": "2020-01-01T00:00:00Z"},
        {"view": "recovery", "columns": ["contacts"], "accounts": [account]}]}))
    return path


def await_window(ca, case):
    """Returns when the time to object has passed, by the database's clock; while an objection is looked at, it stands still."""
    while ca.sql(f"SELECT disclosure.objectable_until(id) > clock_timestamp() FROM audit.disclosure WHERE url_id = '{case}'", role="cairn_owner") == [["t"]]:
        time.sleep(0.05)


def everything_kept(ca, case):
    """What the database says of the case, and all events."""
    steps = ca.sql(f"SELECT facts::text FROM audit.disclosure_step WHERE case_url_id = '{case}'")
    return json.dumps([steps, ca.sql("SELECT facts::text, actor FROM log.event")])


def test_whole_case(ca, box, disclose, officers, account, tmp_path):
    """G-14, G-50, G-51, G-52, G-53, G-54, G-13: from receipt to release; notice goes to the recovery contact, whose address is kept nowhere"""
    ana, ben = officers
    assert {o["name"] for o in disclose("officers", dry=False)["officers"]} >= {"Ana", "Ben"}
    contacts = [f"mailto:{HOLDER}", "tel:+4930123456"]
    assert account.post(account.directory["recoveryContacts"], {"contacts": contacts}).status_code == 200
    url_id = account.kid.rsplit("/", 1)[1]
    case = disclose("receive", "--kind", "subpoena", "--from", "Court of X", "--reference", "Az 7/26", "--scope", scope_file(tmp_path, account), dry=False)["case"]
    account.post(account.kid)  # what comes later is not part of it
    assert "is not so far" in disclose("approve", case, "--certificate", ana[1], "--key", ana[0], status=1)
    disclose("check", case, "--how", "called the court back")
    disclose("ground", case, "--ground", "law", "--reason", "valid subpoena")
    disclose("hold", case, "--until", "90d")
    assert "Less than 14 days" in disclose("notice", case, "--window", "1s", status=1)
    disclose("notice", case, "--window", "1s", "--reason", "the court set this term")

    # a server that does not take it: nobody was told, and the case does not go on
    box.refuse = True
    refused = disclose("notify", case, "--account", url_id, *custodians(ca), status=1, dry=False)
    assert "did not take the mail" in refused and HOLDER not in refused and box.came.empty()
    assert "in which there is no" in disclose("propose", case, status=1)
    box.refuse = False
    assert disclose("notify", case, "--account", url_id, *custodians(ca), dry=False)["state"] == "notified"
    subject, text = box.next(HOLDER)
    assert "ACME account" in subject and account.kid in text and "Az 7/26" in text and "remote_address" in text
    assert text in [json.loads(f[0]).get("text") for f in ca.sql(f"SELECT facts FROM audit.disclosure_step WHERE case_url_id = '{case}' AND act = 'notify'")]

    (tmp_path / "objection").write_text("I object.\n")
    disclose("object", case, "--by", "subscriber", "--text", tmp_path / "objection")
    assert "in which there is no" in disclose("propose", case, status=1)
    disclose("overrule", case, "--reason", "the court was asked and stands by it")
    await_window(ca, case)
    disclose("propose", case)

    # one officer signs here, the other one elsewhere with openssl alone
    disclose("approve", case, "--certificate", ana[1], "--key", ana[0])
    assert "another one has to" in disclose("approve", case, "--certificate", ana[1], "--key", ana[0], status=1)
    assert "not that of the certificate" in disclose("approve", case, "--certificate", ben[1], "--key", ana[0], status=1)
    statement, signature = tmp_path / "statement", tmp_path / "ben.p7s"
    statement.write_text(disclose("statement", case, dry=False)["statement"])
    subprocess.run(["openssl", "cms", "-sign", "-md", "sha256", "-noattr", "-binary", "-in", statement, "-signer", ben[1], "-inkey", ben[0], "-outform", "DER",
                    "-out", signature], check=True)
    out = tmp_path / "out"
    assert "in which there is no" in disclose("release", case, "--out", out, *custodians(ca), status=1)
    disclose("approve", case, "--certificate", ben[1], "--signature", signature)
    assert disclose("release", case, "--out", out, *custodians(ca))["state"] == "released"

    # exactly the scope, and a manifest that names each file by its digest
    files = sorted(os.listdir(out))
    assert files == ["01-account.jsonl", "02-request.jsonl", "03-recovery.jsonl", "manifest.json"]
    manifest = json.loads((out / "manifest.json").read_text())
    for f in manifest["files"]:
        content = (out / f["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == f["sha256"] and len(content) == f["octets"] and content.count(b"\n") == f["rows"]
        assert os.stat(out / f["name"]).st_mode & 0o077 == 0
    assert json.loads((out / "01-account.jsonl").read_text()) == {"url_id": url_id, "status": "valid"}
    rows = [json.loads(line) for line in (out / "02-request.jsonl").read_text().splitlines()]
    expected = ca.sql(f"SELECT count(*) FROM audit.request r, audit.disclosure d WHERE d.url_id = '{case}' AND r.account_id = cairn.id_of('{url_id}') "
                      "AND r.received_at < d.received_at")[0][0]
    assert len(rows) == int(expected) >= 1 and all(set(r) == {"received_at", "route", "remote_address", "user_agent"} for r in rows)
    assert json.loads((out / "03-recovery.jsonl").read_text())["contacts"] == contacts
    disclose("close", case, "--reason", "handed to the court")

    # an auditor verifies both signatures by what is kept and openssl
    said = ca.sql(f"SELECT encode(convert_to(disclosure.statement(cairn.id_of('{case}'), 'approve'), 'UTF8'), 'hex')")[0][0]
    (tmp_path / "said").write_bytes(bytes.fromhex(said))
    kept = ca.sql("SELECT s.facts->>'cms', encode(o.certificate, 'hex'), o.name FROM audit.disclosure_step s JOIN audit.disclosure_officer o ON "
                  f"o.fingerprint = s.facts->>'officer' WHERE s.case_url_id = '{case}' AND s.act = 'approve' ORDER BY s.n")
    assert [name for _, _, name in kept] == ["Ana", "Ben"]
    for cms, certificate, _ in kept:
        (tmp_path / "cms").write_bytes(base64.b64decode(cms))
        (tmp_path / "cert").write_bytes(bytes.fromhex(certificate))
        subprocess.run(["openssl", "x509", "-inform", "DER", "-in", tmp_path / "cert", "-out", tmp_path / "cert.pem"], check=True)
        subprocess.run(["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", tmp_path / "cms", "-content", tmp_path / "said", "-certfile", tmp_path / "cert.pem",
                        "-noverify", "-out", "/dev/null"], check=True, capture_output=True)

    # each step is an event with its digest; none of it says whom the mail went to
    shown = disclose("show", case, dry=False)
    assert all(s["intact"] for s in shown["steps"]) and shown["disclosure"]["state"] == "closed"
    digest = hashlib.sha256((out / "manifest.json").read_bytes()).hexdigest()
    assert digest in everything_kept(ca, case) and HOLDER not in everything_kept(ca, case) and "+4930123456" not in everything_kept(ca, case)
    kinds = [k for k, in ca.sql(f"SELECT kind FROM log.event WHERE facts->>'case' = '{case}' AND kind = 'recovery.taken'")]
    assert len(kinds) == 3  # two tries of the notice, one release
    assert ca.sql("SELECT count(*) FROM cairn.hold WHERE ground = 'disclosure " + case + "' AND ended_at IS NULL") == [["0"]]
    checkpoint = ca.cairn("audit", "verify", "--config", f"{ca.state}/cairn.yaml")
    assert checkpoint.returncode == 0, checkpoint.stdout + checkpoint.stderr


def test_notice_to_a_known_address(box, disclose, account, tmp_path):
    """G-52: to an address known otherwise, by standard input; withdrawal; what is due"""
    url_id = account.kid.rsplit("/", 1)[1]
    case = disclose("receive", "--kind", "court-order", "--from", "Court", "--reference", "8", "--scope", scope_file(tmp_path, account), dry=False)["case"]
    disclose("check", case, "--how", "seal looked at")
    disclose("ground", case, "--ground", "law", "--reason", "order")
    disclose("notice", case)
    assert case in json.dumps(disclose("due", dry=False))
    assert "no e-mail address" in disclose("notify", case, "--account", url_id, "--to", "-", "--known-from", "contract", text="", status=1)
    assert "Address 1 is none" in disclose("notify", case, "--account", url_id, "--to", "-", "--known-from", "contract", text="x\n", status=1)
    assert disclose("notify", case, "--account", url_id, "--to", "-", "--known-from", "contract", text="a@example.org\nb@example.org\n")["state"] == "notified"
    assert box.next("a@example.org") == box.next("b@example.org")
    assert "There is time to object" in disclose("propose", case, status=1)
    disclose("withdraw", case, "--reason", "the court took it back")
    assert case not in json.dumps(disclose("due", dry=False)) and case not in json.dumps(disclose("list", dry=False))
    assert disclose("list", "--all", dry=False)["cases"][0]["state"] == "withdrawn"
    assert "one year that is over" in disclose("report", "--year", "9000", status=1)
    assert disclose("report", "--year", "2020", dry=False)["kinds"][-1]["received"] == 0


def test_emergency(ca, disclose, officers, account, tmp_path):
    """G-55: one officer approves alone, another one reviews, and notice follows by letter before the case is closed"""
    ana, ben = officers
    contact = ["mailto:life@example.net"]
    assert account.post(account.directory["recoveryContacts"], {"contacts": contact}).status_code == 200
    url_id = account.kid.rsplit("/", 1)[1]
    scope = tmp_path / "scope"
    scope.write_text(json.dumps({"items": [{"view": "recovery", "columns": ["contacts"], "accounts": [url_id]}]}))
    case = disclose("receive", "--kind", "emergency", "--from", "Police", "--reference", "1", "--scope", scope, dry=False)["case"]
    disclose("check", case, "--how", "by telephone", "--call-back", "the number in the book", dry=False)
    disclose("ground", case, "--ground", "danger", "--reason", "a life", dry=False)
    disclose("silence", case, "--why", "emergency", "--reason", "no time", "--until", "3h", dry=False)
    disclose("propose", case, dry=False)
    disclose("approve", case, "--alone", "--certificate", ana[1], "--key", ana[0], dry=False)
    assert "--custodian-a" in disclose("release", case, "--out", tmp_path / "out", status=1, dry=False)
    disclose("release", case, "--out", tmp_path / "out", *custodians(ca), dry=False)
    assert json.loads((tmp_path / "out" / "01-recovery.jsonl").read_text())["contacts"] == contact
    assert {d["duty"] for d in disclose("due", dry=False)["duties"] if d["id"] == case} == {"review", "notice"}
    review = ["review", case, "--outcome", "justified", "--reason", "a life was saved"]
    assert "another one has to" in disclose(*review, "--certificate", ana[1], "--key", ana[0], status=1, dry=False)
    disclose(*review, "--certificate", ben[1], "--key", ben[0], dry=False)
    assert "Notice is still to be given" in disclose("close", case, "--reason", "done", status=1, dry=False)
    disclose("notify", case, "--account", url_id, "--via", "other", dry=False)
    disclose("notified", case, "--account", url_id, "--answer", "registered letter 5", dry=False)
    disclose("close", case, "--reason", "done", dry=False)


def test_consent(ca, disclose, officers, account, tmp_path):
    """G-50, G-52, G-53: by consent nothing leaves of anybody who did not give it; who objects takes it back"""
    second = raw.Client(ca)
    assert second.register().status_code == 201
    mine, theirs = (a.kid.rsplit("/", 1)[1] for a in (account, second))

    def scope(*accounts):
        path = tmp_path / "scope"
        path.write_text(json.dumps({"items": [{"view": "account", "columns": ["url_id"], "accounts": accounts}]}))
        return path

    def receive(path):
        case = disclose("receive", "--kind", "consent", "--from", "A lawyer", "--reference", "9", "--scope", path, dry=False)["case"]
        disclose("check", case, "--how", "by letter")
        return case

    by_network = tmp_path / "network"
    by_network.write_text(json.dumps({"items": [{"view": "request", "columns": ["user_agent"], "networks": ["127.0.0.0/8"]}]}))
    case = receive(by_network)
    consent = ["--ground", "consent", "--reason", "her letter of 3 May"]
    assert "Consent is of somebody" in disclose("ground", case, *consent, "--account", mine, status=1)
    disclose("refuse", case, "--reason", "consent of nobody in particular")

    case = receive(scope(mine, theirs))
    assert "list each account" in disclose("ground", case, *consent, status=1)
    assert "named by its URL" in disclose("ground", case, *consent, "--account", "x", status=1)
    assert "only on that ground" in disclose("ground", case, "--ground", "law", "--reason", "x", "--account", mine, status=1)
    disclose("ground", case, *consent, "--account", account.kid)
    assert theirs in disclose("silence", case, "--why", "consent", "--reason", "hers", status=1)
    disclose("notice", case)
    disclose("notify", case, "--account", mine, "--account", theirs, "--via", "other", status=2, dry=False)
    assert disclose("show", case, dry=False)["disclosure"]["consenting"] == [mine]
    assert ca.sql(f"SELECT consenting FROM audit.disclosure WHERE url_id = '{case}'") == [["{" + mine + "}"]]
    disclose("refuse", case, "--reason", "one of two consents")

    case = receive(scope(mine, theirs))
    disclose("ground", case, *consent, "--account", mine, "--account", theirs)
    disclose("silence", case, "--why", "consent", "--reason", "theirs")
    disclose("propose", case)
    (tmp_path / "objection").write_text("I take it back.\n")
    objection = ["object", case, "--by", "subscriber", "--text", tmp_path / "objection"]
    assert "which account objects" in disclose(*objection, status=1)
    disclose(*objection, "--account", theirs)
    disclose("overrule", case, "--reason", "we have the letter")
    assert theirs in disclose("propose", case, status=1)
    disclose("narrow", case, "--scope", scope(mine), "--reason", "without them")
    disclose("propose", case)
    for pem, key in ((o[1], o[0]) for o in officers):
        disclose("approve", case, "--certificate", pem, "--key", key)
    disclose("release", case, "--out", tmp_path / "out")
    assert json.loads((tmp_path / "out" / "01-account.jsonl").read_text()) == {"url_id": mine}
    disclose("close", case, "--reason", "handed to her lawyer")


def test_command_refuses(disclose, account, tmp_path):
    """Usage, and keys that can be no officer's"""
    raw_key = tmp_path / "ec.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", raw_key, "-out", tmp_path / "ec.pem",
                    "-subj", "/CN=x"], check=True, capture_output=True)
    assert "must be RSA" in disclose("add-officer", tmp_path / "ec.pem", "--name", "x", status=1)
    disclose("show", "nothing", status=2, dry=False)
    disclose("receive", "one", status=2, dry=False)
    assert "There is no such case" in disclose("show", raw.b64(b"\1" * 16), status=1, dry=False)
    assert "has to say" in disclose("receive", "--kind", "other", status=1)
