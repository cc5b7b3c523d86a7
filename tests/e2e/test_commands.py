"""The commands of an operator have one form: --help, --json, and nothing is changed without --yes."""
import json
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding

import raw
from test_eab import cairn, create

COMMANDS = {"eab": ("create", "list", "disable", "rotate"), "policy": ("test", "diff", "apply", "show"), "incident": ("create", "list", "show", "close", "distrust"),
            "account": ("list", "show", "revoke"), "limits": ("list", "show", "set", "reset", "paused", "unpause"), "revoke": ("resume", "list", "reasons"),
            "crl": ("list", "show", "issue", "export", "urls"), "alarm": ("list", "acknowledge", "test")}
TABLES = ("acme.account", "acme.authz", "acme.distrust", "acme.eab_key", "acme.policy", "acme.incident", "acme.limit_override", "ca.revocation", "acme.blocked_key",
          "acme.revocation_order", "cairn.alarm", "(SELECT * FROM log.event WHERE process = 'cairn')")  # other events come by themselves


@pytest.mark.parametrize("command", COMMANDS)
def test_help(ca, command):
    """Each tells what it can do, and to whom nothing is said it says it on standard error"""
    told = ca.cairn(command, "--help").stdout
    assert all(f"cairn {command} {action}" in told for action in COMMANDS[command]) and "--json" in told, told
    for words in ((), ("nonsense",), (COMMANDS[command][0], "--nonsense")):
        done = ca.cairn(command, *words, check=False)
        assert done.returncode == 2 and f"Usage: cairn {command}" in done.stderr and not done.stdout, words


@pytest.mark.parametrize("words", [("eab", "list"), ("incident", "list"), ("account", "list"), ("limits", "list"), ("limits", "paused"), ("policy", "show"), ("revoke", "list"), ("crl", "list"),
                                   ("crl", "urls"), ("alarm", "list"), ("revoke", "reasons"), ("audit", "key"), ("export", "cps"), ("export", "privacy-notice"),
                                   ("export", "public", "--out", "nowhere", "--since", "2026-01-01", "--until", "2026-01-01", "--reason", "a test")])
def test_json(ca, words):
    """One line of JSON"""
    told = cairn(ca, *words, "--json").stdout
    assert told.count("\n") == 1 and isinstance(json.loads(told), dict)


def test_json_everywhere(ca):
    """Whatever `cairn` can do takes --json, also where another word follows"""
    def helps(*words):
        told = ca.cairn(*words, "--help").stdout
        if not told.partition("\n")[0].endswith(" SUBCOMMAND [OPTIONS]"):
            return {words: told}
        inside = [line.split()[0] for line in told.split("\n\n")[1].splitlines()]
        return {name: text for word in inside for name, text in helps(*words, word).items()}

    everything = helps()
    assert {("init",), ("audit", "prove"), ("export", "cps"), ("cert", "show"), ("bench",)} <= set(everything)
    assert not [name for name, text in everything.items() if "--json" not in text]


def test_nothing_is_changed_without_yes(ca, account, responder, tmp_path):
    """What would be done is shown first"""
    key = create(ca)["key_id"]
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: []\n")
    number = account.kid.rsplit("/", 1)[1]
    account.issue(responder, "commands.test")
    concerned = ("--where", "'commands.test' = ANY (names)", "--url", "https://ca.test/")
    made = json.loads(cairn(ca, "incident", "create", *concerned, "--yes", "--json").stdout)
    changes = [("eab", "create"), ("eab", "disable", key), ("eab", "rotate", key), ("policy", "apply", str(rules)),
               ("incident", "create", *concerned), ("incident", "close", made["id"]),
               ("incident", "distrust", "--name", "commands.test", "--since", "1h", "--reason", "a test"),
               ("account", "revoke", number, "--reason", "a test"),
               ("revoke", "--account", number, "--reason", "key-compromise", "--because", "a test"),
               ("revoke", *concerned, "--reason", "misused", "--because", "a test", "--waves", "3"),
               ("alarm", "test"),
               ("limits", "set", "NewOrdersPerAccount", number, "--count", "5", "--period", "1h", "--reason", "a test")]

    def state():
        return [ca.sql(f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t", "cairn_owner") for table in TABLES]

    before = state()
    for words in changes:
        done = cairn(ca, *words, check=False)
        assert done.returncode == 0 and "--yes" in done.stdout, (words, done.stdout, done.stderr)
        assert cairn(ca, *words, "--json").stdout.startswith("{"), words
        assert state() == before, words
    assert raw.Client(ca, account.key).register().status_code == 200


def test_distrust(ca, account, responder):
    """C-75: an operator withdraws validations; what rests on them ends for all, and the certificates issued on them are listed"""
    chain = account.issue(responder, "distrusted.test")
    meant = ("incident", "distrust", "--name", "distrusted.test", "--method", "http-01")
    assert cairn(ca, *meant, "--yes", check=False).returncode == 2 and cairn(ca, "incident", "distrust", "--reason", "x", check=False).returncode == 2
    shown = json.loads(cairn(ca, *meant, "--reason", "hijacked", "--json").stdout)
    done = json.loads(cairn(ca, *meant, "--reason", "hijacked", "--yes", "--json").stdout)
    assert not shown["done"] and done["done"] and shown["authorizations"] == done["authorizations"] == 1, (shown, done)
    [listed] = done["certificates"]
    assert listed == shown["certificates"][0] and listed["state"] == "valid" and listed["names"] == ["distrusted.test"]
    assert ca.sql(f"SELECT ended FROM acme.authz WHERE identifier_value = 'distrusted.test'", "cairn_owner") == [["revoked"]]
    end = time.monotonic() + 60
    why = ("audit", "why", listed["serial"], "--database", ca.AUDITOR_DATABASE_URL)
    while ca.cairn(*why, check=False).returncode != 0 and time.monotonic() < end:  # until its records are sealed
        time.sleep(0.2)
    assert "NOT TO BE RELIED ON" in ca.cairn(*why).stdout
    refused = cairn(ca, "incident", "distrust", "--validation", "019eb1f0-0000-7000-8000-000000000000", "--reason", "x", "--yes", check=False)
    assert refused.returncode == 1 and "No validation" in refused.stderr, refused
    assert account.issue(responder, "distrusted.test") != chain


def serial_of(leaf):
    return f"{leaf.serial_number:036x}"


def test_waves_without_the_command(ca, account, responder, tmp_path):
    """E-7: what was ordered in waves is carried out when nobody waits for it"""
    leaf = raw.chain(account.issue(responder, "alone.waves.test")[0])[0]
    serials = tmp_path / "serials"
    serials.write_text(serial_of(leaf) + "\n")
    ordered = json.loads(cairn(ca, "revoke", "--serials", str(serials), "--reason", "against-rules", "--because", "a test", "--url", "https://ca.test/", "--window", "now/2s",
                               "--yes", "--json").stdout)
    assert ordered["waiting"] == 1
    end = time.monotonic() + 120
    while not (rows := ca.sql("SELECT e.actor LIKE 'cairn-ra@%' FROM log.event e JOIN ca.certificate c ON c.id = e.certificate_id "
                              "WHERE e.kind = 'certificate.revoked' AND c.names = '{alone.waves.test}'", "cairn_owner")):
        assert time.monotonic() < end
        time.sleep(0.5)
    assert rows == [["t"]]
    assert f"{ordered['incident']}  ended" in cairn(ca, "revoke", "list").stdout


def test_revoke(ca, account, responder, tmp_path):
    """E-7, E-8, E-13: by its file, by a list, in waves, by a private key; each with who, why and what happened"""
    key = raw.ec_key()
    leaves = [raw.chain(account.issue(responder, f"{name}.revoke.test", key=key if name in "de" else None)[0])[0] for name in "abcde"]
    why = ("--because", "a test")
    one = tmp_path / "one.pem"
    one.write_bytes(leaves[0].public_bytes(Encoding.PEM))
    told = cairn(ca, "revoke", "--certificate", str(one), "--reason", "facts-wrong", *why).stdout
    assert "a.revoke.test" in told and "1 certificate(s) of 1 account(s) with 1 key(s), as privilegeWithdrawn" in told
    assert "1 revoked." in cairn(ca, "revoke", "--certificate", str(one), "--reason", "facts-wrong", *why, "--yes").stdout
    again = json.loads(cairn(ca, "revoke", "--serial", serial_of(leaves[0]), "--reason", "facts-wrong", *why, "--yes", "--json").stdout)
    assert (again["revoked"], again["before"], again["done"]) == (0, 1, True)
    serials = tmp_path / "serials"
    serials.write_text("".join(serial_of(leaf) + "\n" for leaf in leaves[1:3]))
    in_waves = ("revoke", "--serials", str(serials), "--reason", "against-rules", *why, "--url", "https://ca.test/", "--window", "now/2s", "--waves", "2")
    assert "wave 2" in cairn(ca, *in_waves).stdout
    ordered = json.loads(cairn(ca, *in_waves, "--wait", "--yes", "--json").stdout)
    assert (ordered["waiting"], ordered["certificates"]) == (0, 2) and ordered["revoked"] <= 2  # cairn-ra may have been there first
    assert f"{ordered['incident']}  ended" in cairn(ca, "revoke", "list").stdout
    secret = tmp_path / "key.pem"
    secret.write_bytes(key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    assert "2 revoked." in cairn(ca, "revoke", "--key", str(secret), "--reason", "key-compromise", *why, "--yes").stdout
    rows = ca.sql("SELECT r.reason, r.revoked_by, e.facts->>'occasion', e.facts->>'because', coalesce(e.facts->>'ordered_by', e.actor) LIKE 'operator %' FROM ca.revocation r JOIN log.event e USING "
                  "(certificate_id) JOIN ca.certificate c ON c.id = r.certificate_id WHERE e.kind = 'certificate.revoked' AND c.names[1] LIKE '%.revoke.test' ORDER BY c.names",
                  "cairn_owner")
    assert rows == [["9", "operator", "facts-wrong", "a test", "t"]] + [["4", "operator", "against-rules", "a test", "t"]] * 2 + [["1", "operator", "key-compromise", "a test", "t"]] * 2
    assert "BEGIN" not in ca.sql("SELECT facts::text FROM log.event WHERE kind = 'key.blocked' ORDER BY id DESC LIMIT 1")[0][0]
    raw.problem(raw.Client(ca, key).register(), 400, "badPublicKey")
    for wrong in (("--serial", "01", "--reason", "holiday"), ("--reason", "misused"), ("--serial", "01", "--key", "x", "--reason", "misused")):
        assert cairn(ca, "revoke", *wrong, *why, check=False).returncode == 2
    assert "no certificate with the serial 01\n" in cairn(ca, "revoke", "--serial", "01", "--reason", "misused", *why, check=False).stderr
    refused = cairn(ca, "revoke", "--certificate", str(serials), "--reason", "misused", *why, check=False)
    assert refused.returncode == 1 and f"{serials} can't be read, or is no certificate" in refused.stderr and "internal" not in refused.stderr, refused.stderr
    nothing = cairn(ca, "revoke", "--where", "profile = 'nobody'", "--reason", "misused", *why).stdout
    assert "There is nothing to revoke." in nothing and "--yes" not in nothing
    shown = json.loads(cairn(ca, "cert", "show", serial_of(leaves[0]), "--json").stdout)
    assert (shown["status"], shown["reason"], shown["names"]) == ("revoked", "privilegeWithdrawn", ["a.revoke.test"])
    assert [(v["name"], v["method"]) for v in shown["validations"]] == [("a.revoke.test", "http-01")]
    told = cairn(ca, "cert", "show", serial_of(leaves[0])).stdout
    assert "as privilegeWithdrawn, by operator" in told and f"cairn audit why {serial_of(leaves[0])}" in told


def test_cert(ca, account, responder, tmp_path):
    """Found by name, wildcard, end and account; written out as it was issued"""
    chain = account.issue(responder, "one.cert.test", "two.cert.test")[0]
    leaf = raw.chain(chain)[0]
    for words in (("--name", "one.cert.test"), ("--name", ".cert.test"), ("--account", account.kid, "--name", "TWO.cert.test"),
                  ("--serial", serial_of(leaf)), ("--expiring", "9000h", "--name", ".cert.test", "--status", "valid")):
        found = json.loads(cairn(ca, "cert", "search", *words, "--json").stdout)["certificates"]
        assert [f["serial"] for f in found] == [serial_of(leaf)], words
    assert serial_of(leaf) in cairn(ca, "cert", "list", "--limit", "1").stdout
    assert cairn(ca, "cert", "export", serial_of(leaf), "--form", "chain").stdout == chain
    out = tmp_path / "leaf.der"
    cairn(ca, "cert", "export", serial_of(leaf), "--form", "der", "--out", str(out))
    assert out.read_bytes() == leaf.public_bytes(Encoding.DER)
    reasons = {one["word"]: one for one in json.loads(cairn(ca, "revoke", "reasons", "--json").stdout)["reasons"]}
    assert (reasons["misused"]["crl_reason"], reasons["misused"]["within_h"]) == ("privilegeWithdrawn", 120)  # E-2
    for wrong in (("search",), ("show", "xyz"), ("export", serial_of(leaf), "--form", "odd"), ("list", "--status", "odd"), ("odd",)):
        assert cairn(ca, "cert", *wrong, check=False).returncode == 2, wrong
    assert cairn(ca, "cert", "show", "01", check=False).returncode == 1


@pytest.mark.parametrize("words", (("cert", "list"), ("crl", "list", "--json"), ("revoke", "reasons"), ("--version",)))
def test_a_full_disk_is_no_success(ca, words):
    """What can't be written is told, and by the exit code"""
    configured = ("--config", f"{ca.state}/cairn.yaml") if not words[0].startswith("--") else ()
    with open("/dev/full", "wb") as full:
        done = subprocess.run([ca.CAIRN, *words, *configured], stdout=full, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, check=False, timeout=60)
    assert done.returncode == 1 and "standard output can't be written" in done.stderr


@pytest.mark.parametrize("words, code, told", (
    (("cert", "search", "--name", ""), 2, "at most 253 letters"), (("cert", "search", "--name", "b d"), 2, "A-labels"), (("cert", "search", "--issuer", "none"), 1, "no issuer of that name"),
    (("cert", "list", "--limit", "99999999999999999999"), 2, "from 1 to 1000"), (("cert", "list", "--after", ""), 2, "what the page before says"),
    (("cert", "show", "00"), 1, "no certificate with that serial"), (("revoke", "00", "--because", "x"), 2, "say which by an option, such as --serial"),
    (("revoke", "--serial", "01", "--reason", "superseded", "--because", "x"), 2, "what the CRL will say; --reason wants what happened, a word of `cairn revoke reasons`: replaced, "),
    (("revoke", "--serial", "01", "--because", "x"), 2, "--reason wants a word of `cairn revoke reasons`: subscriber-asked, "),
    (("revoke", "resume", "--yes"), 2, "resume wants one incident"), (("revoke", "list", "all"), 2, "nothing goes behind list and reasons but options"),
    (("crl", "show"), 2, "say which --issuer"), (("crl", "show", "--issuer", "none"), 1, "There is no such CRL")))
def test_misuse_and_refusal(ca, words, code, told):
    """2 for words that mean nothing, 1 for what is not there"""
    done = ca.cairn(*words, "--config", f"{ca.state}/cairn.yaml", check=False)
    assert done.returncode == code and told in done.stderr and not done.stdout, done.stderr
