"""Key ceremonies by the command alone, as docs/ceremonies.md has them; openssl judges what was made."""
import datetime
import hashlib
import json
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import time

import pytest
import requests

import ct_log
import instance

CAIRN = os.path.join(instance.BUILD, "cairn")
DOC = pathlib.Path(instance.ROOT) / "docs/ceremonies.md"
FIRST, SECOND = re.findall(r"```yaml\n(.*?)```", DOC.read_text(encoding="utf-8"), re.S)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """ana, ben and cleo, of whom two have to agree."""
    folder = tmp_path_factory.mktemp("people")
    for name in ("ana", "ben", "cleo"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "9", "-keyout", f"{name}.key", "-out", f"{name}.pem",
                        "-subj", f"/CN={name}"], check=True, capture_output=True, cwd=folder)
    return folder


@pytest.fixture
def folder(tmp_path, people):
    for one in people.iterdir():
        (tmp_path / one.name).symlink_to(one)
    (tmp_path / "plan.yaml").write_text(FIRST)
    (tmp_path / "passphrase").write_text("open sesame\n")
    (tmp_path / "passphrase").chmod(0o600)
    return tmp_path


def seal(folder, name):
    openssl(folder, "pkcs8", "-topk8", "-v2", "aes256", "-in", name, "-out", name + ".sealed", "-passout", "file:passphrase")
    (folder / (name + ".sealed")).chmod(0o600)
    return (folder / (name + ".sealed")).read_bytes()


def cairn(folder, *arguments, code=0):
    done = subprocess.run([CAIRN, "ceremony", *arguments], capture_output=True, text=True, check=False, cwd=folder, timeout=60)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout + done.stderr


def openssl(folder, *arguments, check=True):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=check, cwd=folder)
    return done.stdout + done.stderr


def agree(folder, plan="plan.yaml", names=("ana", "ben")):
    """The options with the signatures of these."""
    options = []
    for name in names:
        out = folder / f"{plan}.{name}.p7s"
        out.unlink(missing_ok=True)
        cairn(folder, "sign", plan, "--certificate", f"{name}.pem", "--key", f"{name}.key", "--out", out.name)
        options += ["--approval", out.name]
    return options


def lines(folder):
    return [json.loads(line) for line in (folder / "transcript.jsonl").read_text().splitlines()]


def made(folder):
    cairn(folder, "plan.yaml", "--yes", *agree(folder))
    return folder


def test_two_people_have_to_agree(folder):
    """F-3: none, one, one twice, and a stranger are refused; so is a signature under another plan"""
    assert "Nothing was made yet" in cairn(folder, "plan.yaml")
    assert "0 of 2 people agreed" in cairn(folder, "plan.yaml", "--yes", code=1)
    ana = agree(folder, names=("ana",))
    assert "1 of 2 people agreed" in cairn(folder, "plan.yaml", "--yes", *ana, *ana, code=1)
    openssl(folder, "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "9", "-keyout", "eve.key", "-out", "eve.pem", "-subj", "/CN=ana")
    assert "by none of the plan's people" in cairn(folder, "plan.yaml", "--yes", *ana, *agree(folder, names=("eve",)), code=1)
    both = agree(folder)
    (folder / "plan.yaml").write_text(FIRST.replace("days: 1095", "days: 1096"))
    assert "by none of the plan's people" in cairn(folder, "plan.yaml", "--yes", *both, code=1)
    assert not [one for one in folder.iterdir() if one.suffix in (".crl", ".jsonl") or one.name.startswith(("root", "signing"))]


def test_first_keys(folder):
    """F-12, F-4, D-62: the plan of the documents; what it makes verifies by the strictest that openssl has"""
    made(folder)
    root = openssl(folder, "x509", "-in", "root.pem", "-noout", "-text")
    assert "CN = Example Root 1" in root and "Digital Signature" not in root and "pathlen" not in root
    openssl(folder, "crl", "-inform", "DER", "-in", "root-1.crl", "-out", "crl.pem")
    openssl(folder, "verify", "-x509_strict", "-check_ss_sig", "-crl_check", "-CRLfile", "crl.pem", "-CAfile", "root.pem", "signing.pem")
    assert (folder / "signing.pub").read_text() == openssl(folder, "pkey", "-in", "signing.key", "-passin", "file:passphrase", "-pubout")
    assert [one["action"] for one in lines(folder)] == ["begin", "root", "key", "intermediate", "crl"]
    assert [one["person"] for one in lines(folder)[0]["approvals"]] == ["/CN=ana", "/CN=ben"]
    assert "All is as the transcript tells" in cairn(folder, "verify", "plan.yaml")
    assert oct((folder / "root.key").stat().st_mode)[-3:] == "600"
    # what stands where an object goes, and is none, is in the way
    for name in ("signing.pem", "root-1.crl"):
        content = (folder / name).read_bytes()
        for rubbish in (b"0\x82 that begins like DER", b"rubbish\n", b""):
            (folder / name).write_bytes(rubbish)
            assert f"{name} is in the way" in cairn(folder, "plan.yaml", "--yes", *agree(folder), code=1)
        (folder / name).write_bytes(content)
    # a second run keeps all
    before = {one.name: one.read_bytes() for one in folder.iterdir()}
    assert "All is there already" in cairn(folder, "plan.yaml", "--yes", *agree(folder))
    assert {one.name: one.read_bytes() for one in folder.iterdir() if not one.name.endswith("p7s")} == {
        name: content for name, content in before.items() if not name.endswith("p7s")}


def test_nothing_is_made_twice_under_the_same_signatures(folder):
    """F-3, E-20: neither a second root nor a second CRL of one number, though the first was put aside; people can agree to it"""
    both = agree(folder)
    cairn(folder, "plan.yaml", "--yes", *both)
    for one in ("root.pem", "root.key"):
        (folder / one).rename(folder / f"{one}.aside")
    assert "root: the transcript tells that it was made already" in cairn(folder, "plan.yaml", "--yes", *both, code=1)
    assert "root: the transcript tells that it was made already" in cairn(folder, "plan.yaml", code=1)  # before anybody signs
    for one in ("root.pem", "root.key"):
        assert not (folder / one).exists()
        (folder / f"{one}.aside").rename(folder / one)
    (folder / "root-1.crl").unlink()
    refused = cairn(folder, "plan.yaml", "--yes", *both, code=1)
    again = re.search(r"again: ([0-9a-f]{64})", refused).group(1)
    (folder / "plan.yaml").write_text(FIRST.replace("    name: root-crl-1\n", f"    name: root-crl-1\n    again: {again}\n"))
    assert "by none of the plan's people" in cairn(folder, "plan.yaml", "--yes", *both, code=1)
    cairn(folder, "plan.yaml", "--yes", *agree(folder))
    assert re.search(r"CRL Number: *\n *2\n", openssl(folder, "crl", "-inform", "DER", "-in", "root-1.crl", "-noout", "-text"))


def test_people_agree_to_contents(folder):
    """F-3: other people, another key or another certificate in a file of the plan, and the signatures are none"""
    (folder / "plan.yaml").write_text(FIRST.replace("    key_of: signing-key\n", "    public_file: inter.pub\n"))
    for name in ("inter", "mine"):
        openssl(folder, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key")
        openssl(folder, "pkey", "-in", f"{name}.key", "-pubout", "-out", f"{name}.pub")
    both = agree(folder)
    (folder / "mine.pub").replace(folder / "inter.pub")
    assert "by none of the plan's people" in cairn(folder, "plan.yaml", "--yes", *both, code=1)
    both = agree(folder)
    (folder / "cleo.pem").unlink()  # a stranger takes the place of one who has not signed
    openssl(folder, "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "9", "-keyout", "eve.key", "-out", "cleo.pem", "-subj", "/CN=cleo")
    assert "by none of the plan's people" in cairn(folder, "plan.yaml", "--yes", *both, code=1)
    assert not (folder / "root.pem").exists()


def test_keys_are_encrypted(folder):
    """F-2: in mode webpki no key is in a plain file; without a passphrase none is made, and a wrong one opens none"""
    made(folder)
    for name in ("root.key", "signing.key"):
        assert (folder / name).read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        assert "PRIVATE KEY" in openssl(folder, "pkey", "-in", name, "-passin", "file:passphrase")
    (folder / "passphrase").write_text("another\n")
    assert "does not open" in cairn(folder, "second.yaml", "--yes", *second(folder), code=1)
    (folder / "third.yaml").write_text(FIRST.replace("passphrase_file: passphrase", "").replace("transcript.jsonl", "third.jsonl").replace("root.", "third."))
    options = agree(folder, "third.yaml")
    done = subprocess.run(["setsid", CAIRN, "ceremony", "third.yaml", "--yes", *options], capture_output=True, text=True, check=False, cwd=folder,
                          stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 1 and "terminal" in done.stderr, done
    assert not (folder / "third.key").exists()


def test_a_plan_does_not_choose_who_agrees(folder):
    """F-3: other people than before, or a mode that asks nobody, need those who were asked before"""
    made(folder)
    for name in ("dora", "emil"):
        openssl(folder, "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "9", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}")
    second(folder)
    plan = (folder / "second.yaml").read_text()
    (folder / "second.yaml").write_text(plan.replace("[ana.pem, ben.pem, cleo.pem]", "[dora.pem, emil.pem]"))
    assert "0 of 2 people agreed whom the ceremony before" in cairn(
        folder, "second.yaml", "--yes", *agree(folder, "second.yaml", ("dora", "emil")), code=1)
    (folder / "second.yaml").write_text(plan.replace("[ana.pem, ben.pem, cleo.pem]", "[dora.pem, ana.pem]"))
    assert "1 of 2 people agreed whom the ceremony before" in cairn(
        folder, "second.yaml", "--yes", *agree(folder, "second.yaml", ("dora", "ana")), code=1)
    (folder / "second.yaml").write_text(plan.replace("mode: webpki", "mode: private").replace("people: [ana.pem, ben.pem, cleo.pem]\n", ""))
    assert "in mode webpki, and this plan is in another" in cairn(folder, "second.yaml", "--yes", code=1)
    assert not (folder / "root-2.crl").exists() and (folder / "signing.key").exists()


def test_a_plan_does_not_choose_its_transcript(folder):
    """F-3: beside another transcript, where nobody was named yet, the root signs nothing before people say that it comes from elsewhere"""
    made(folder)
    for name in ("dora", "emil"):
        openssl(folder, "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "9", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}")
    others = {"[ana.pem, ben.pem, cleo.pem]": "[dora.pem, emil.pem]", "transcript.jsonl": "fresh.jsonl", "    previous: root-1.crl\n    number: 2\n": ""}
    second(folder, **others)
    assert "fresh.jsonl does not tell of" in cairn(folder, "second.yaml", code=1)  # before anybody signs
    refused = cairn(folder, "second.yaml", "--yes", *agree(folder, "second.yaml", ("dora", "emil")), code=1)
    assert "fresh.jsonl does not tell of" in refused and "made_elsewhere: true" in refused
    assert not (folder / "fresh.jsonl").exists() and not (folder / "root-2.crl").exists() and (folder / "signing.key").exists()
    second(folder, **others, **{"    key_file: root.key\n": "    key_file: root.key\n    made_elsewhere: true\n"})
    assert "was made elsewhere: no ceremony of this transcript tells of it" in cairn(folder, "statement", "second.yaml")
    cairn(folder, "second.yaml", "--yes", *agree(folder, "second.yaml", ("dora", "emil")))
    taken = [json.loads(line) for line in (folder / "fresh.jsonl").read_text().splitlines()][1]
    digest = openssl(folder, "x509", "-in", "root.pem", "-noout", "-fingerprint", "-sha256").split("=")[1].strip().replace(":", "").lower()
    assert (taken["action"], taken["sha256"]) == ("use", digest)
    assert "All is as the transcript tells" in cairn(folder, "verify", "second.yaml")
    (folder / "root.pem").write_text((folder / "signing.pem").read_text())
    assert "root: the transcript does not tell of its certificate" in cairn(folder, "verify", "second.yaml", code=1)


def chained(entries):
    """A transcript whose lines follow each other, as one that was written anew would have it."""
    text, before = "", None
    for entry in entries:
        entry = {name: value for name, value in entry.items() if name != "previous"} | ({"previous": before} if before else {})
        line = json.dumps(entry)
        before = hashlib.sha256(line.encode()).hexdigest()
        text += line + "\n"
    return text


def test_verify_asks_who_agreed(folder):
    """F-3, F-12: a transcript whose digests fit, in which others agreed than those who were asked before, or than those who signed"""
    made(folder)
    for name in ("dora", "emil"):
        openssl(folder, "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "9", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}")
    transcript = folder / "transcript.jsonl"
    good = lines(folder)
    transcript.write_text(chained(good))
    assert "All is as the transcript tells" in cairn(folder, "verify", "plan.yaml")
    # a ceremony of two others, written behind the first
    third = FIRST.replace("[ana.pem, ben.pem, cleo.pem]", "[dora.pem, emil.pem]").replace("First keys", "Third keys")
    for name in ("root.pem", "root.key", "signing.key", "signing.pub", "signing.pem", "root-1.crl", "transcript.jsonl"):
        third = third.replace(f": {name}", f": third-{name}")
    (folder / "third.yaml").write_text(third)
    cairn(folder, "third.yaml", "--yes", *agree(folder, "third.yaml", ("dora", "emil")))
    theirs = [json.loads(line) for line in (folder / "third-transcript.jsonl").read_text().splitlines()]
    transcript.write_text(chained(good + theirs))
    assert "line 6 of the transcript: 0 of 2 people agreed whom the ceremony before" in cairn(folder, "verify", "plan.yaml", code=1)
    # in a mode that asks nobody
    relaxed = [{**theirs[0], "mode": None}] + theirs[1:]
    transcript.write_text(chained(good + [{k: v for k, v in one.items() if v is not None} for one in relaxed]))
    assert "line 6 of the transcript: The transcript tells of a ceremony in mode webpki" in cairn(folder, "verify", "plan.yaml", code=1)
    # who was asked, and who agreed, told otherwise
    for forged in ({"people": theirs[0]["people"]}, {"approvals": [{**one, "certificate": theirs[0]["people"][i]} for i, one in enumerate(good[0]["approvals"])]},
                   {"approvals": good[0]["approvals"][:1] * 2}):
        transcript.write_text(chained([{**good[0], **forged}] + good[1:]))
        found = cairn(folder, "verify", "plan.yaml", code=1)
        assert "names other people" in found or "1 of 2 people agreed" in found, found


def test_a_key_that_is_not_at_hand_is_not_destroyed(folder):
    """F-9: a medium that is not connected is no end of the key, and nothing is told of one"""
    made(folder)
    both = second(folder, **{"    previous: root-1.crl\n    number: 2\n": "    previous: root-1.crl\n"})
    (folder / "signing.key").rename(folder / "elsewhere")
    earlier = [one["action"] for one in lines(folder)]
    (folder / "root-2.crl").write_bytes((folder / "root-1.crl").read_bytes())  # the step before is done
    assert "destroys the key" in cairn(folder, "second.yaml")
    assert "signing.key" in cairn(folder, "second.yaml", "--yes", *both, code=1)
    assert [one["action"] for one in lines(folder)] == earlier + ["begin"]
    (folder / "elsewhere").rename(folder / "signing.key")
    cairn(folder, "second.yaml", "--yes", *both)
    assert lines(folder)[-1]["action"] == "destroy" and not (folder / "signing.key").exists()
    assert "All is there already" in cairn(folder, "second.yaml", "--yes", *both)


def test_signed_with_openssl(folder):
    """F-13: who keeps the key on a card signs the statement with another tool"""
    hint = cairn(folder, "statement", "plan.yaml", "--out", "statement.txt").splitlines()[-1]
    options = []
    for name in ("ben", "cleo"):
        openssl(folder, *hint.replace("mine.", f"{name}.").split()[1:])
        options += ["--approval", f"{name}.p7s"]
    cairn(folder, "plan.yaml", "--yes", *options)
    assert "All is as the transcript tells" in cairn(folder, "verify", "plan.yaml")


def made_an_hour_ago(folder):
    earlier = (datetime.datetime.utcnow() - datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    (folder / "plan.yaml").write_text(FIRST.replace("    days: 360\n", f"    days: 360\n    not_before: {earlier}\n"))
    made(folder)


def second(folder, **changes):
    digest = next(one["spki_sha256"] for one in lines(folder) if one["action"] == "key")
    text = SECOND.replace("THE-DIGEST-FROM-THE-TRANSCRIPT", digest)
    for old, new in changes.items():
        text = text.replace(old, new)
    (folder / "second.yaml").write_text(text)
    return agree(folder, "second.yaml")


def test_a_year_later(folder):
    """F-14, F-9, E-4, E-31: the next CRL has the next number and the intermediate, whose key is destroyed"""
    made_an_hour_ago(folder)
    assert "number 3 is wrong" in cairn(folder, "second.yaml", "--yes", *second(folder, **{"number: 2": "number: 3"}), code=1)
    assert "must say the reason" in cairn(folder, "second.yaml", "--yes", *second(folder, **{"        reason: cessationOfOperation\n": ""}), code=1)
    assert "another key than the one" in cairn(folder, "second.yaml", "--yes", *second(folder, **{"signing.key": "root.key"}), code=1)
    (folder / "root-2.crl").unlink()
    # the CRL that was made above stands in the transcript: a new one takes its place when people say so, and has a number of its own
    digest = lines(folder)[-1]["sha256"]
    cairn(folder, "second.yaml", "--yes", *second(folder, **{"    number: 2\n": f"    number: 3\n    again: {digest}\n"}))
    text = openssl(folder, "crl", "-inform", "DER", "-in", "root-2.crl", "-noout", "-text")
    assert re.search(r"X509v3 CRL Number: *\n *3\n", text) and "Cessation Of Operation" in text
    openssl(folder, "crl", "-inform", "DER", "-in", "root-2.crl", "-out", "crl.pem")
    refused = openssl(folder, "verify", "-x509_strict", "-crl_check", "-CRLfile", "crl.pem", "-CAfile", "root.pem", "signing.pem", check=False)
    assert "certificate revoked" in refused
    assert not (folder / "signing.key").exists() and (folder / "root.key").exists()
    assert "All is as the transcript tells" in cairn(folder, "verify", "second.yaml")


def test_verify_finds_what_was_changed(folder):
    """F-12: each file and each line"""
    made(folder)
    kept = {one.name: one.read_bytes() for one in folder.iterdir() if not one.is_symlink()}

    def findings(name, content):
        (folder / name).write_bytes(content)
        answer = json.loads(cairn(folder, "verify", "plan.yaml", "--json", code=1))
        (folder / name).write_bytes(kept[name])
        return " ".join(answer["found"])

    transcript = kept["transcript.jsonl"].splitlines(True)
    assert "does not follow" in findings("transcript.jsonl", b"".join(transcript[:1] + transcript[2:]))
    assert "does not follow" in findings("transcript.jsonl", b"".join(transcript).replace(b'"serial":"', b'"serial":"0', 1))
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-keyout", "other.key", "-out", "other.pem",
            "-subj", "/C=DE/O=Example/CN=Example Root 1", "-days", "3650")
    assert "root: its certificate" in findings("root.pem", (folder / "other.pem").read_bytes())
    assert "its key is another" in findings("signing.key", seal(folder, "other.key"))
    assert "root-crl-1" in findings("root-1.crl", kept["root-1.crl"][:-1] + bytes([kept["root-1.crl"][-1] ^ 1]))
    assert "which was changed since" in findings("plan.yaml", FIRST.replace("days: 360\n", "days: 361\n").encode())
    assert "All is as the transcript tells" in cairn(folder, "verify", "plan.yaml")


def test_nothing_is_made_upon_a_changed_transcript(folder):
    """F-12: neither shown nor made"""
    made_an_hour_ago(folder)
    transcript = folder / "transcript.jsonl"
    kept = transcript.read_bytes()
    transcript.write_bytes(kept.replace(b'"serial":"', b'"serial":"0', 1))
    agreed = second(folder)
    for words in (), ("--yes", *agreed):
        assert "does not follow the line before" in cairn(folder, "second.yaml", *words, code=1)
    assert not (folder / "root-2.crl").exists() and (folder / "signing.key").exists()
    transcript.write_bytes(kept + b"rubbish\n")
    line = kept.count(b"\n") + 1
    assert f"transcript.jsonl: line {line} is none of a transcript: The text is not acceptable JSON" in cairn(folder, "second.yaml", code=1)
    transcript.write_bytes(kept)
    cairn(folder, "second.yaml", "--yes", *agreed)


def test_the_lints_speak_before_the_key(folder):
    """D-20, D-23, D-28: a plan that asks for what the rules refuse leaves nothing behind"""
    for old, new, rule in (("days: 3650", "days: 3661", "D-20"), ("key: p384", "key: p256", "D-23"), ("days: 1095", "days: 1099", "D-28")):
        for one in ("root.pem", "root.key", "signing.key", "signing.pub"):
            (folder / one).unlink(missing_ok=True)
        (folder / "plan.yaml").write_text(FIRST.replace(old, new))
        assert rule in cairn(folder, "plan.yaml", "--yes", *agree(folder), code=1)
        assert not (folder / "signing.pem").exists() and (rule == "D-28" or not (folder / "root.key").exists())


def test_same_plan_and_keys_give_the_same_octets(tmp_path):
    """F-13: with a serial and a begin that are fixed, what would be signed is the same each time"""
    plan = """title: Test
transcript: {0}.jsonl
steps:
  - {{ action: root, name: root, key_of: key, common_name: Test Root, organization: Test, country: XX, cert_file: {0}.pem, days: 3650,
      not_before: "{1}", serial: "0102030405060708090a0b0c0d0e0f101112" }}
"""
    now = subprocess.run(["date", "-u", "+%FT%TZ"], capture_output=True, text=True, check=True).stdout.strip()
    key = "  - { action: key, name: key, key: rsa4096, key_file: root.key }\n"
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(plan.format(name, now).replace("steps:\n", "steps:\n" + key))
        cairn(tmp_path, f"{name}.yaml", "--yes")
    # a signature by RSA is the same too
    assert (tmp_path / "a.pem").read_bytes() == (tmp_path / "b.pem").read_bytes()


def test_cross_certificate(tmp_path):
    """D-30: the subject's octets, key and identifier of the other certificate; both paths verify"""
    own = "country: XX, organization: Test, "
    urls = "crl_url: 'http://crl.test/r.crl', aia_url: 'http://crl.test/r.der', "
    (tmp_path / "plan.yaml").write_text("title: Two roots\ntranscript: t.jsonl\nsteps:\n" + "\n".join((
        f"  - {{ action: root, name: old, key: rsa4096, {own} common_name: Old, days: 3650, cert_file: old.pem, key_file: old.key }}",
        f"  - {{ action: root, name: new, key: p384, {own} common_name: New, days: 3650, cert_file: new.pem, key_file: new.key }}",
        f"  - {{ action: intermediate, name: i, issuer: new, key: p256, {own} common_name: I, {urls} days: 900, cert_file: i.pem, key_file: i.key }}",
        f"  - {{ action: cross, name: new-by-old, issuer: old, of: new, {urls} days: 1000, cert_file: cross.pem }}")) + "\n")
    cairn(tmp_path, "plan.yaml", "--yes")
    openssl(tmp_path, "verify", "-x509_strict", "-CAfile", "new.pem", "i.pem")
    openssl(tmp_path, "verify", "-x509_strict", "-CAfile", "old.pem", "-untrusted", "cross.pem", "i.pem")
    for what in ("-pubkey", "-subject_hash"):
        assert openssl(tmp_path, "x509", "-in", "new.pem", "-noout", what) == openssl(tmp_path, "x509", "-in", "cross.pem", "-noout", what)
    assert "TLS Web Server Authentication" in openssl(tmp_path, "x509", "-in", "cross.pem", "-noout", "-ext", "extendedKeyUsage")
    assert "All is as the transcript tells" in cairn(tmp_path, "verify", "plan.yaml")


def test_each_authority_has_a_common_name_of_its_own(tmp_path):
    """D-22: unless their key is one"""
    own = "country: XX, organization: Test, common_name: I, crl_url: 'http://crl.test/r.crl', aia_url: 'http://crl.test/r.der', days: 900, "
    head = "title: Names\ntranscript: t.jsonl\nsteps:\n  - { action: root, name: r, key: p384, country: XX, organization: Test, common_name: R, cert_file: r.pem, key_file: r.key }\n" \
        f"  - {{ action: intermediate, name: a, issuer: r, {own} key: p256, key_file: a.key, cert_file: a.pem }}\n"
    (tmp_path / "plan.yaml").write_text(head + f"  - {{ action: intermediate, name: b, issuer: r, {own} key: p256, key_file: b.key, cert_file: b.pem }}\n")
    assert "step 3 (b): common_name is that of step a" in cairn(tmp_path, "plan.yaml", "--yes", code=1)
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.yaml"]
    (tmp_path / "plan.yaml").write_text(head + f"  - {{ action: intermediate, name: b, issuer: r, {own} key_of: a, cert_file: b.pem }}\n")
    cairn(tmp_path, "plan.yaml", "--yes")


def test_what_is_left_to_do(tmp_path):
    """H-19: what a root signed is to be shown to transparency logs; what is sent is written beside it, and a log takes it; a file that is there stays"""
    urls = "crl_url: 'http://crl.test/r.crl', aia_url: 'http://crl.test/r.der', "
    (tmp_path / "plan.yaml").write_text("title: A root\ntranscript: t.jsonl\nsteps:\n" + "\n".join((
        "  - { action: root, name: root, key: p384, country: XX, organization: T, common_name: R, days: 3650, cert_file: r.pem, key_file: r.key }",
        f"  - {{ action: intermediate, name: i, issuer: root, key: p256, country: XX, organization: T, common_name: I, {urls} days: 900, cert_file: i.pem, key_file: i.key }}")) + "\n")
    assert cairn(tmp_path, "follow-up", "plan.yaml") == "A root\n  i: not made yet\n"
    cairn(tmp_path, "plan.yaml", "--yes")
    told = cairn(tmp_path, "follow-up", "plan.yaml", "--out", "logs-")
    der = [ssl.PEM_cert_to_DER_cert((tmp_path / name).read_text()) for name in ("i.pem", "r.pem")]
    assert f"  i, SHA-256 {hashlib.sha256(der[0]).hexdigest()}: show it to " in told and "-d @logs-i.json LOG/ct/v1/add-chain" in told and "root, " not in told
    log = ct_log.Log("One", "One A")
    try:
        answer = requests.post(f"http://127.0.0.1:{log.port}/ct/v1/add-chain", data=(tmp_path / "logs-i.json").read_bytes(), timeout=60)
        assert answer.status_code == 200 and answer.json()["sct_version"] == 0 and log.seen == [("/ct/v1/add-chain", der)]
    finally:
        log.close()
    cairn(tmp_path, "follow-up", "plan.yaml", "--out", "logs-", code=1)


def test_without_network(folder):
    """F-5: no network is there, and none is missed"""
    probe = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("this machine forbids network namespaces")
    options = agree(folder)
    subprocess.run(["unshare", "-rn", CAIRN, "ceremony", "plan.yaml", "--yes", *options], check=True, capture_output=True, cwd=folder)
    assert (folder / "root-1.crl").exists()


@pytest.fixture
def token(tmp_path, monkeypatch):
    """A token of SoftHSM, as a plan names it."""
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\nobjectstore.backend = file\n")
    (tmp_path / "pin").write_text("271828\n")
    (tmp_path / "pin").chmod(0o600)
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "cairn", "--pin", "271828", "--so-pin", "314159"], check=True,
                   stdout=subprocess.DEVNULL)
    return "token: { module: /usr/lib/softhsm/libsofthsm2.so, label: cairn, pin_file: pin }\n"


def test_a_key_in_a_token_is_announced(tmp_path, token):
    """F-1, F-12: it is in the transcript before it is made, and a ceremony that was cut off behind it goes on with it, under this plan only"""
    plan = "title: In a token\ntranscript: transcript.jsonl\n" + token + (
        "steps:\n  - { action: root, name: root, key: p384, common_name: Root, country: XX, organization: Test, cert_file: root.pem, key_label: root }\n")
    (tmp_path / "plan.yaml").write_text(plan)
    cairn(tmp_path, "plan.yaml", "--yes")
    assert [one["action"] for one in lines(tmp_path)] == ["begin", "making", "root"]
    key = openssl(tmp_path, "x509", "-in", "root.pem", "-noout", "-pubkey")
    transcript = tmp_path / "transcript.jsonl"
    transcript.write_text("".join(transcript.read_text().splitlines(True)[:2]))
    (tmp_path / "root.pem").unlink()
    (tmp_path / "plan.yaml").write_text(plan.replace("common_name: Root", "common_name: Other"))
    assert "has a private key \"root\" already" in cairn(tmp_path, "plan.yaml", "--yes", code=1)
    transcript.write_text("".join(transcript.read_text().splitlines(True)[:2]))
    (tmp_path / "plan.yaml").write_text(plan)
    cairn(tmp_path, "plan.yaml", "--yes")
    assert openssl(tmp_path, "x509", "-in", "root.pem", "-noout", "-pubkey") == key
    assert "All is as the transcript tells" in cairn(tmp_path, "verify", "plan.yaml")


def test_a_key_is_made_and_destroyed_in_a_token(tmp_path, token):
    """F-1, F-9: only the one that is meant, told before and behind; what was cut off between is told by the next run"""
    head = "title: In a token\ntranscript: transcript.jsonl\n" + token + "steps:\n"
    (tmp_path / "plan.yaml").write_text(head + "".join(
        f"  - {{ action: key, name: {name}, key: p256, key_label: {name}, public_file: {name}.pub }}\n" for name in ("one", "other")))
    cairn(tmp_path, "plan.yaml", "--yes")
    one, other = (line["spki_sha256"] for line in lines(tmp_path) if line["action"] == "key")
    assert "All is there already" in cairn(tmp_path, "plan.yaml", "--yes")

    def end(label, digest, code=0):
        (tmp_path / "end.yaml").write_text(head + f"  - {{ action: destroy, name: end-{label}, key_label: {label}, spki_sha256: {digest} }}\n")
        return cairn(tmp_path, "end.yaml", "--yes", code=code)

    assert "another key than the one to be destroyed" in end("one", other, code=1)
    end("one", one)
    assert [line["action"] for line in lines(tmp_path)[-3:]] == ["begin", "destroying", "destroy"]
    assert "All is there already" in end("one", one)
    listed = subprocess.run(["pkcs11-tool", "--module", "/usr/lib/softhsm/libsofthsm2.so", "--token-label", "cairn", "--pin", "271828", "-O"],
                            capture_output=True, text=True, check=False) if shutil.which("pkcs11-tool") else None
    assert listed is None or ("one" not in listed.stdout.split() and "other" in listed.stdout.split()), listed.stdout
    transcript = tmp_path / "transcript.jsonl"
    transcript.write_text("".join(transcript.read_text().splitlines(True)[:-1]))  # cut off behind the destruction
    end("one", one)
    assert lines(tmp_path)[-1]["action"] == "destroy" and lines(tmp_path)[-1]["spki_sha256"] == one
    assert "has no private key" in end("none", one, code=1)
    # announced, and then the token can't say which one is meant: that is no end of a key
    end("other", other)
    transcript.write_text("".join(transcript.read_text().splitlines(True)[:-1]))
    openssl(tmp_path, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "import.pem")
    for number in ("a1", "a2"):
        subprocess.run(["softhsm2-util", "--import", "import.pem", "--token", "cairn", "--label", "other", "--id", number, "--pin", "271828", "--force"],
                       check=True, stdout=subprocess.DEVNULL, cwd=tmp_path)
    before = [line["action"] for line in lines(tmp_path)]
    assert "more than one private key" in end("other", other, code=1)
    assert [line["action"] for line in lines(tmp_path)] == before + ["begin"]


def test_each_file_has_one_use(tmp_path):
    """F-13: a plan that writes two things into one file, or nothing at all, is refused before anything is made of it"""
    own = "country: XX, organization: T,"
    one = f"  - {{ action: root, name: one, key: p256, {own} common_name: One, cert_file: one.pem, key_file: one.key }}\n"
    head = "title: Files\ntranscript: t.jsonl\nsteps:\n"
    key = "  - { action: key, name: k, key: p256, key_file: k.key, public_file: k.pub }\n"
    for plan in (one.replace("one.key", "one.pem"), one.replace("one.pem", "t.jsonl"), one + one.replace("name: one", "name: two").replace("one.pem", "two.pem"),
                 one + one.replace("name: one", "name: two").replace("one.key", "two.key"), key.replace("k.pub", "k.key"),
                 one + "  - { action: crl, name: c, issuer: one, crl_file: one.pem }\n"):
        (tmp_path / "plan.yaml").write_text(head + plan)
        for options in ((), ("--yes",)):
            assert "written more than once" in cairn(tmp_path, "plan.yaml", *options, code=1), plan
    (tmp_path / "plan.yaml").write_text("title: Files\ntranscript: t.jsonl\n")
    assert "the plan has no steps" in cairn(tmp_path, "plan.yaml", code=1)
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.yaml"]
    (tmp_path / "plan.yaml").write_text(head + one + key)
    cairn(tmp_path, "plan.yaml", "--yes")


KINDS = ("p256", "p384", "rsa2048", "rsa3072", "rsa4096")


@pytest.mark.parametrize("place", ("file", "token"))
def test_every_key_under_every_key(tmp_path, token, place):
    """D-2, D-7, D-21, D-25, D-30, F-1, F-33: roots, intermediates, cross-certificates and CRLs with keys of every kind, in files and in a token,
    are what openssl takes by its strictest, both ways; and a chain is not, once its intermediate is on the CRL"""
    own = "country: XX, organization: T,"
    urls = "crl_url: 'http://crl.test/r.crl', aia_url: 'http://crl.test/r.der',"

    def key(kind, name):
        return f"key: {kind}, " + (f"key_file: {name}.key" if place == "file" else f"key_label: {name}")

    steps = [f"{{ action: root, name: old, {own} common_name: Old, days: 3650, cert_file: old.pem, {key('rsa4096', 'old')} }}"]
    for kind in KINDS:
        steps.append(f"{{ action: root, name: r-{kind}, {own} common_name: Root {kind}, days: 3650, cert_file: r-{kind}.pem, {key(kind, 'r-' + kind)} }}")
        steps.append(f"{{ action: cross, name: x-{kind}, issuer: old, of: r-{kind}, {urls} days: 1000, cert_file: x-{kind}.pem }}")
    for kind in KINDS:
        steps.append(f"{{ action: key, name: k-{kind}, {key(kind, 'k-' + kind)}, public_file: k-{kind}.pub }}")
    pairs = [(above, below) for above in KINDS for below in KINDS]
    for above, below in pairs:
        name = f"{above}-{below}"
        steps.append(f"{{ action: intermediate, name: {name}, issuer: r-{above}, {own} common_name: I {name}, {urls} days: 900, key_of: k-{below}, cert_file: {name}.pem }}")
    for kind in KINDS:
        steps.append(f"{{ action: crl, name: c-{kind}, issuer: r-{kind}, days: 100, crl_file: c-{kind}.crl }}")
    steps.append("{ action: crl, name: c-old, issuer: old, days: 100, crl_file: c-old.crl }")
    head = "transcript: transcript.jsonl\n" + (token if place == "token" else "")
    (tmp_path / "plan.yaml").write_text("title: All kinds\n" + head + "steps:\n" + "".join(f"  - {one}\n" for one in steps))
    cairn(tmp_path, "plan.yaml", "--yes")
    assert "All is as the transcript tells" in cairn(tmp_path, "verify", "plan.yaml")
    for name in (*KINDS, "old"):
        openssl(tmp_path, "crl", "-inform", "DER", "-in", f"c-{name}.crl", "-out", f"c-{name}.pem")
        (tmp_path / "crls.pem").open("a").write((tmp_path / f"c-{name}.pem").read_text())
    strict = ("verify", "-x509_strict", "-check_ss_sig", "-crl_check_all", "-purpose", "sslserver", "-CRLfile", "crls.pem")
    for above, below in pairs:
        openssl(tmp_path, *strict, "-CAfile", f"r-{above}.pem", f"{above}-{below}.pem")
        openssl(tmp_path, *strict, "-CAfile", "old.pem", "-untrusted", f"x-{above}.pem", f"{above}-{below}.pem")
        other = KINDS[KINDS.index(above) - 1]
        assert "unable to get" in openssl(tmp_path, *strict, "-CAfile", f"r-{other}.pem", f"{above}-{below}.pem", check=False)
    revoked = "".join(f"  - {{ action: use, name: r-{kind}, cert_file: r-{kind}.pem, " + key(kind, "r-" + kind).partition(", ")[2] + " }\n"
                      f"  - {{ action: crl, name: d-{kind}, issuer: r-{kind}, days: 100, previous: c-{kind}.crl, number: 2, crl_file: d-{kind}.crl, "
                      f"revoked: [{{ cert_file: {kind}-p256.pem, reason: keyCompromise }}] }}\n" for kind in KINDS)
    (tmp_path / "second.yaml").write_text("title: An end\n" + head + "steps:\n" + revoked)
    time.sleep(1.1)  # a CRL is older than the one behind it, by whole seconds
    cairn(tmp_path, "second.yaml", "--yes")
    for kind in KINDS:
        openssl(tmp_path, "crl", "-inform", "DER", "-in", f"d-{kind}.crl", "-out", "now.pem")
        now = ("verify", "-x509_strict", "-crl_check", "-CRLfile", "now.pem", "-CAfile", f"r-{kind}.pem")
        assert "certificate revoked" in openssl(tmp_path, *now, f"{kind}-p256.pem", check=False)
        openssl(tmp_path, *now, f"{kind}-p384.pem")
