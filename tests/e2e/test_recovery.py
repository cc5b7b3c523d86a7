"""Account recovery (docs/recovery.md) against the running CA and a mail server: the whole way, who stops it, and who learns
nothing (issue 5.6). That no address lies about meanwhile shows test_canary.py."""
import json
import re
import signal
import subprocess
import time

import pytest
import requests

import instance
import mail_server
import raw

DELAY = 3600


@pytest.fixture(scope="module")
def mails(tmp_path_factory):
    one = mail_server.MailServer(tmp_path_factory.mktemp("mail"), instance.free_ports(1)[0])
    yield one
    one.close()


@pytest.fixture(scope="module")
def own(make_ca, mails):
    return make_ca({"smtp": mails.config(), "recovery": {"delay": "1h"}, "log": {"level": "debug"}, "subscriber": {"publish_entries": True, "seal_interval_ms": 100},
                    "policy": {"limits": [{"name": "RecoveriesPerIPAddress", "count": 1000, "period_s": 3600}]}})


class Lost:
    """An account whose key is lost, with the contact that was given for it, and a new key."""

    def __init__(self, own, contact):
        self.own, self.contact = own, contact
        self.old = raw.Client(own)
        assert self.old.register().status_code == 201
        assert self.old.post(self.old.directory["recoveryContacts"], {"contacts": [f"mailto:{contact}"]}).status_code == 200
        self.new = raw.Client(own)
        self.url = self.old.directory["recoverAccount"]
        time.sleep(0.01)  # what the old key signed lies before the claim

    def post(self, client, payload):
        client = client or self.new
        return client.post(self.url, payload, kid=None, jwk=raw.jwk(client.key))

    def claim(self, client=None, **payload):
        return self.post(client, {"account": self.old.kid, "contact": f"mailto:{self.contact}", **payload})

    def confirm(self, token, client=None):
        return self.post(client, {"token": token})

    def token(self, mails):
        subject, text = mails.next(self.contact)
        assert "token" in subject.lower() and self.old.kid in text
        return re.search(r"^    ([A-Za-z0-9_-]{43})$", text, re.M)[1], re.search(r"https://\S+/stop-recovery\?ticket=\S+", text)[0]

    def status(self):
        account = raw.unb64(self.old.kid.rsplit("/", 1)[1]).hex()
        found = self.own.sql(f"SELECT status, because FROM vault.recovery WHERE account_id = '{account}' ORDER BY id DESC LIMIT 1", role="cairn_owner")
        return found[0] if found else None

    def kinds(self):
        account = raw.unb64(self.old.kid.rsplit("/", 1)[1]).hex()
        return [k for k, in self.own.sql(f"SELECT kind FROM log.event WHERE account_id = '{account}' AND kind LIKE 'recovery.%' ORDER BY id")]


def command(own, *arguments, text=None, status=0):
    done = subprocess.run([own.CAIRN, "recovery", *arguments], input=text, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def until(condition, timeout=60):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_whole_recovery(own, mails, tmp_path, responder_for):
    """A claim by a certificate, by the command; the token; the delay; the account is the same with another key, and proves anew"""
    lost = Lost(own, "ana@recovery.example")
    (tmp_path / "cert.pem").write_text(lost.old.issue(responder_for(own), "recovered.test")[0])
    assert lost.old.directory["meta"]["accountRecoveryDelay"] == DELAY
    (tmp_path / "new.pem").write_bytes(lost.new.key.private_bytes(raw.serialization.Encoding.PEM, raw.serialization.PrivateFormat.PKCS8, raw.serialization.NoEncryption()))
    where = ["--server", own.DIRECTORY_URL, "--ca-file", own.API_CA_FILE, "--key", str(tmp_path / "new.pem")]
    mails.refuse = True  # the server is full, and then the CA goes down, between claim and mail
    assert "does not tell" in command(own, "start", *where, "--certificate", str(tmp_path / "cert.pem"), text="mailto:Ana@Recovery.Example\n")
    until(lambda: own.sql("SELECT tries FROM vault.mail", role="cairn_owner") == [["1"]])
    killed = own.kill("cairn-subscriber", signal.SIGKILL)
    mails.refuse = False
    mail = own.sql("SELECT cairn.id_text(id) FROM vault.mail", role="cairn_owner")[0][0]
    own.sql("UPDATE vault.mail SET next_at = now()", role="cairn_owner")
    own.wait_ready("cairn-subscriber", after=killed)
    token, _ = lost.token(mails)
    assert mails.message_id == f"<{mail}@ca.example>"  # the same at each try: one that was taken twice can be told
    raw.problem(lost.confirm(token, raw.Client(own)), 403, "unauthorized")  # another key
    raw.problem(lost.confirm(token[:-1] + ("A" if token[-1] != "A" else "Q")), 403, "unauthorized")
    (tmp_path / "token").write_text(token + "\n")
    answer = json.loads(command(own, "confirm", *where, "--token", str(tmp_path / "token"), "--json"))
    assert answer["status"] == "waiting" and answer["account"] == lost.old.kid
    assert answer["endsAt"][:19] in mails.next(lost.contact)[1]
    shown = json.loads(command(own, "list", "--config", f"{own.state}/cairn.yaml", "--json"))["recoveries"]
    assert [one["status"] for one in shown] == ["waiting"] and "ana" not in json.dumps(shown)
    assert lost.status()[0] == "waiting"
    own.sql("UPDATE vault.recovery SET begun_at = begun_at - interval '2 h', ends_at = ends_at - interval '2 h' WHERE status = 'waiting'", role="cairn_owner")
    until(lambda: lost.status()[0] == "done")
    assert "has a new key" in mails.next(lost.contact)[0]
    found = lost.new.register(onlyReturnExisting=True)
    assert found.status_code == 200 and found.headers["Location"] == lost.old.kid
    until(lambda: lost.old.post(lost.old.kid, {}).status_code == 400)  # a front end may remember the old key for three seconds
    order = lost.new.order("recovered.test").json()
    assert order["status"] == "pending"  # nothing that the old key proved is carried over
    assert lost.confirm(token).json()["status"] == "done"
    told = ["recovery.told"] * 3  # each of them some seconds behind its mail
    until(lambda: lost.kinds().count(told[0]) == len(told))
    assert [k for k in lost.kinds() if k != told[0]] == ["recovery.set", "recovery.matched", "recovery.asked", "recovery.begun", "recovery.done"]


def test_vetoes(own, mails):
    """By whatever the old key signs; by the link, which only a button acts on; by an operator, after a look"""
    lost = Lost(own, "ben@recovery.example")
    assert lost.claim().status_code == 202
    token, link = lost.token(mails)
    assert lost.confirm(token).status_code == 200
    mails.next(lost.contact)
    assert lost.old.post(lost.old.kid).status_code == 200  # a look is enough
    until(lambda: lost.status()[0] == "stopped")
    assert "signed a request" in mails.next(lost.contact)[1]
    assert lost.old.post(lost.old.directory["recoveryContacts"]).json()["recovery"] == "stopped"
    assert lost.confirm(token).json()["status"] == "stopped"

    lost = Lost(own, "cat@recovery.example")
    assert lost.claim().status_code == 202
    _, link = lost.token(mails)
    session = lost.new.session
    assert "<button" in session.get(link, timeout=30).text and lost.status()[0] == "asked"
    page = session.post(link.split("?")[0], data=link.split("?")[1], headers={"Content-Type": "application/x-www-form-urlencoded"}, timeout=30)
    assert "keeps its key" in page.text and lost.status()[0] == "stopped"
    assert session.get(link[:-1] + ("A" if link[-1] != "A" else "Q"), timeout=30).status_code == 403
    assert "was not given" in mails.next(lost.contact)[0]

    assert lost.claim().status_code == 202
    lost.token(mails)
    config = ["--config", f"{own.state}/cairn.yaml"]
    case = json.loads(command(own, "list", *config, "--json"))["recoveries"][0]["id"]
    assert "again with --yes" in command(own, "stop", case, *config, "--reason", "a call") and lost.status()[0] == "asked"
    assert "It is stopped" in command(own, "stop", case, *config, "--reason", "a call", "--yes")
    assert "a call" in mails.next(lost.contact)[1] and "a call" in command(own, "show", case, *config)


def test_only_the_key_vetoes(own, mails):
    """Neither who names the account, nor an old request of it that is sent again, nor another account stops a recovery; each request
    that the key signs does, also one that is refused and one that names the key and not the account"""
    def refused(lost):
        raw.problem(lost.old.post(lost.old.directory["newAccount"], {"onlyReturnExisting": 7}, kid=None, jwk=raw.jwk(lost.old.key)), 400, "malformed")

    def claimed(lost):
        raw.problem(lost.claim(lost.old), 409, "malformed")

    def found(lost):
        assert lost.old.register(onlyReturnExisting=True).status_code == 200

    def revoked(lost):
        raw.problem(lost.old.post(lost.old.directory["revokeCert"], {"certificate": "AAAA"}, kid=None, jwk=raw.jwk(lost.old.key)), 400, "malformed")

    for number, act in enumerate((refused, claimed, found, revoked)):
        lost = Lost(own, f"veto{number}@recovery.example")
        old = raw.jws(lost.old.key, lost.old.protected(lost.old.kid), {})
        assert lost.old.send(lost.old.kid, old).status_code == 200
        time.sleep(0.01)
        assert lost.claim().status_code == 202
        token, _ = lost.token(mails)
        assert lost.confirm(token).status_code == 200
        mails.next(lost.contact)
        raw.problem(lost.old.send(lost.old.kid, old), 400, "badNonce")  # by who has seen it once
        assert lost.new.post(lost.old.kid, {}, kid=lost.old.kid).status_code in (400, 401, 403)
        other = raw.Client(own)
        assert other.register().status_code == 201
        raw.problem(other.post(lost.old.kid, {}), 403, "unauthorized")
        raw.problem(other.post(lost.url, {"token": token}, kid=None, jwk=raw.jwk(other.key)), 403, "unauthorized")
        time.sleep(2)  # as long as records take, and more
        assert lost.status()[0] == "waiting"
        act(lost)
        until(lambda l=lost: l.status()[0] == "stopped")
        assert "signed a request" in mails.next(lost.contact)[1]


def test_the_log_tells_nothing(own, mails):
    """Behind a claim that fits and one that does not, the public log grows by as much; no published entry tells of either, or of contacts"""
    fits, misses = Lost(own, "fay@recovery.example"), Lost(own, "gus@recovery.example")
    assert fits.claim().status_code == 202 and misses.claim(contact="mailto:guess@recovery.example").status_code == 202
    fits.token(mails)

    def by_case():
        return {kind: [k for k, in own.sql(f"SELECT kind FROM log.event WHERE facts->>'case' = (SELECT facts->>'case' FROM log.event WHERE kind = '{kind}' "
                                           "ORDER BY id DESC LIMIT 1) ORDER BY id")] for kind in ("recovery.asked", "recovery.refused")}
    until(lambda: all(len(kinds) == 4 for kinds in by_case().values()))
    for lost in fits, misses:
        assert lost.old.post(lost.old.kid).status_code == 200  # the key is used
    until(lambda: all(len(kinds) == 6 for kinds in by_case().values()))
    assert by_case() == {"recovery.asked": ["recovery.claimed", "recovery.matched", "recovery.asked", "recovery.told", "recovery.stopped", "recovery.told"],
                         "recovery.refused": ["recovery.claimed", "recovery.matched", "recovery.refused"] + 3 * ["recovery.padding"]}
    mails.next(fits.contact)
    assert own.cairn("audit", "subject", fits.old.kid.rsplit("/", 1)[1], "--reason", "a test", "--config", f"{own.state}/cairn.yaml").returncode == 0
    until(lambda: own.sql("SELECT count(*) FROM log.unsealed") == [["0"]])
    hidden = own.sql("SELECT l.leaf, (SELECT e.kind FROM log.event e WHERE e.id = l.row_id) FROM log.leaf l WHERE log.is_withheld(l.kind, l.row_id)", role="cairn_owner")
    assert {kind for _, kind in hidden} >= {"recovery.set", "recovery.asked", "recovery.padding", "audit.subject_read", ""}
    log = own.HTTP_URL.rstrip("/") + "/log"
    size, shown = int(own.sql("SELECT size FROM log.tree")[0][0]), {}
    until(lambda: int(requests.get(log + "/checkpoint", timeout=60).text.splitlines()[1]) >= size)
    for n in range(size // 256 + 1):
        width = min(size - 256 * n, 256)
        bundle = requests.get(f"{log}/tile/entries/{n:03}" + (f".p/{width}" if width < 256 else ""), timeout=60).content if width else b""
        for i in range(width):
            length = int.from_bytes(bundle[:2], "big")
            shown[256 * n + i], bundle = bundle[2:2 + length], bundle[2 + length:]
    assert {leaf for leaf, entry in shown.items() if not entry} == {int(leaf) for leaf, _ in hidden if int(leaf) < size}
    assert any(b"account.created" in entry for entry in shown.values()) and not [e for e in shown.values() if b"recovery." in e or b"recover-account" in e]
    seen = subprocess.run([own.CAIRN, "audit", "verify", "--tiles", log, "--key", f"{own.state}/pki/seal.vkey", "--json"], capture_output=True, text=True, check=False, timeout=60)
    assert seen.returncode == 0, seen.stdout + seen.stderr


def test_nobody_learns_anything(own, mails):
    """No match, no account and a match are answered alike, and only the last one is followed by a mail; guesses and mails are limited"""
    lost = Lost(own, "dan@recovery.example")
    answers = [lost.claim(contact="mailto:eve@recovery.example"), lost.claim(account=lost.old.kid[:-2] + "AA"), lost.claim()]
    assert len({(a.status_code, a.text) for a in answers}) == 1 and answers[0].status_code == 202
    assert {h for a in answers for h in a.headers} == set(answers[0].headers)
    lost.token(mails)  # the first that comes
    until(lambda: own.sql("SELECT count(*) FROM vault.claim", role="cairn_owner") == [["0"]])
    assert lost.kinds().count("recovery.matched") == 2 and lost.kinds().count("recovery.asked") == 1 and mails.came.empty()
    assert lost.claim(raw.Client(own)).status_code == 202
    lost.token(mails)
    answer = lost.claim(raw.Client(own))  # a mailbox gets three a day
    raw.problem(answer, 429, "rateLimited")
    assert "RecoveriesPerContact" in answer.text and "dan" not in answer.text and int(answer.headers["Retry-After"]) > 3600
    for i in range(2):
        assert lost.claim(raw.Client(own), contact=f"mailto:guess{i}@recovery.example").status_code == 202
    answer = lost.claim(raw.Client(own), contact="mailto:guess@recovery.example")
    raw.problem(answer, 429, "rateLimited")  # and there are five guesses a day at an account
    assert "RecoveriesPerAccount" in answer.text and lost.old.kid.rsplit("/", 1)[1] not in answer.text
    raw.problem(lost.old.post(lost.url, {"account": lost.old.kid, "contact": "mailto:a@b.test"}), 400, "malformed")
    raw.problem(lost.claim(contact="tel:+49301234567"), 400, "unsupportedContact")
    assert mails.came.empty()
