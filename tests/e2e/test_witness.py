"""Witnesses of the sealed log: a web hook, a file and another CA, of which none can hold up the sealing, and each of which betrays a log
that shows others another past."""
import base64
import http.server
import json
import os
import threading
import time

import pytest
import requests
from cryptography.hazmat.primitives import serialization

import raw
from test_seal_audit import configured, verify
from test_sealing import base, until_sealed, vkey

NAME = "witness.test/w"


class Hook:
    """A web server that keeps what it is sent, and may answer late or not well."""

    def __init__(self):
        self.bodies, self.status, self.delay = [], 204, 0
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(hook.delay)
                if hook.status == 204:
                    hook.bodies.append(body.decode())
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.1)


def grow(ca, n=3):
    client = raw.Client(ca)
    for _ in range(n):
        client.get(ca.DIRECTORY_URL)
    return until_sealed(ca)


def told(ca, name):
    found = ca.sql(f"SELECT size FROM log.witness WHERE name = '{name}'")
    return int(found[0][0]) if found else 0


def add(witness, body):
    return requests.post(witness.HTTP_URL.rstrip("/") + "/witness/add-checkpoint", data=body.encode(), timeout=60)


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """The key of a witness, and its name and public key as the other side wants them."""
    import hashlib
    from cryptography.hazmat.primitives.asymmetric import ed25519
    private = ed25519.Ed25519PrivateKey.generate()
    path = tmp_path_factory.mktemp("witness") / "witness.key"
    path.parent.chmod(0o755)
    path.parent.parent.chmod(0o755)
    path.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    path.chmod(0o600)
    public = b"\x04" + private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    number = hashlib.sha256(NAME.encode() + b"\n" + public).digest()[:4]
    return str(path), f"{NAME}+{number.hex()}+{base64.b64encode(public).decode()}", private.public_key(), number


@pytest.fixture(scope="module")
def pair(make_ca, key, tmp_path_factory):
    """A log, and another CA that is its witness; a hook and a file beside it."""
    hook = Hook()
    kept = os.path.join(tmp_path_factory.mktemp("kept"), "checkpoints")
    log = make_ca({"subscriber": {"seal_interval_ms": 50, "witness_interval_ms": 100}})
    grow(log)
    other = make_ca({"subscriber": {"seal_interval_ms": 50, "witness_key_file": key[0], "witness_name": NAME, "witness_logs": [vkey(log)]}})
    log.config["subscriber"]["witnesses"] = [
        {"name": "other", "kind": "witness", "to": other.HTTP_URL.rstrip("/") + "/witness", "key": key[1]},
        {"name": "hook", "kind": "hook", "to": hook.url}, {"name": "file", "kind": "file", "to": kept}]
    log.down()
    log.up()
    log.wait_ready()
    return log, other, hook, kept


def cosigned(log, key):
    """The newest cosigned checkpoint, checked without any code of the CA's (C2SP tlog-cosignature)."""
    note = requests.get(base(log) + "/cosigned", timeout=60).text
    text, signatures = note.rsplit("\n\n", 1)
    line = next(s for s in signatures.splitlines() if s.startswith(f"— {NAME} "))
    octets = base64.b64decode(line.rsplit(" ", 1)[1])
    assert octets[:4] == key[3] and len(octets) == 4 + 8 + 64
    moment = int.from_bytes(octets[4:12], "big")
    key[2].verify(octets[12:], f"cosignature/v1\ntime {moment}\n{text}\n".encode())
    assert abs(time.time() - moment) < 120
    return int(note.splitlines()[1])


def test_all_are_told(pair, key):
    """F-46: hook, file and another CA have the checkpoint; its cosignature is served with it and verifies"""
    log, other, hook, kept = pair
    size = grow(log)
    until(lambda: all(told(log, name) >= size for name in ("other", "hook", "file")))
    assert cosigned(log, key) >= size
    newest = requests.get(base(log) + "/checkpoint", timeout=60).text
    assert newest.count("\n— ") in (1, 2)
    with open(kept, encoding="utf-8") as f:
        assert f.read().endswith(hook.bodies[-1]) or told(log, "file") != told(log, "hook")
    seen = requests.get(other.HTTP_URL.rstrip("/") + "/witness/checkpoints", timeout=60).text
    assert int(seen.splitlines()[1]) >= size
    for where in kept, other.HTTP_URL.rstrip("/") + "/witness/checkpoints":
        report = verify(log, *configured(log), "--key", vkey(log), "--witness", where, code=0)
        assert report["witnessed"] > 0, report


def test_nobody_holds_up_the_sealing(pair):
    """F-46: witnesses that are slow, broken or away cost the log nothing, and are told when they are back"""
    log, _, hook, _ = pair
    hook.delay, hook.status = 3, 500
    before = time.monotonic()
    size = grow(log)
    assert time.monotonic() - before < 15
    until(lambda: told(log, "file") >= size)
    assert told(log, "hook") < size
    hook.delay, hook.status = 0, 204
    until(lambda: told(log, "hook") >= size)


def test_what_a_witness_refuses(pair):
    """C2SP tlog-witness: what is no proof, no checkpoint, of another log or of another key is not cosigned"""
    log, other, _, _ = pair
    until(lambda: told(log, "other") == int(other.sql("SELECT size FROM log.witnessed")[0][0]) > 0)
    note = requests.get(other.HTTP_URL.rstrip("/") + "/witness/checkpoints", timeout=60).text
    size = int(note.splitlines()[1])
    assert add(other, "nonsense").status_code == 400
    assert add(other, f"old {size + 1}\n\n{note}").status_code == 400
    assert add(other, f"old {size}\n\n{note[:-1]}\0\n").status_code == 400
    assert add(other, f"old 0\n\n{note.replace(vkey(log).split('+')[0], 'other.test/log', 1)}").status_code == 404
    broken = note.replace(f"\n{size}\n", f"\n{size + 5}\n", 1)
    assert add(other, f"old {size}\n\n{broken}").status_code == 403
    behind = add(other, f"old 0\n\n{note}")
    assert behind.status_code == 409 and int(behind.text) >= size and behind.headers["Content-Type"] == "text/x.tlog.size"
    grow(log)
    newest = requests.get(base(log) + "/checkpoint", timeout=60).text
    now = int(other.sql("SELECT size FROM log.witnessed")[0][0])
    if int(newest.splitlines()[1]) > now:
        assert add(other, f"old {now}\n\n{newest}").status_code in (422, 409)
    assert add(log, f"old 0\n\n{note}").status_code == 404  # it is nobody's witness
    assert requests.post(other.HTTP_URL, data="x", timeout=60).status_code == 405


def test_what_a_witness_keeps(pair):
    """C2SP tlog-witness: lines that somebody adds to a checkpoint are not shown to others, and what is known is not written again"""
    log, other, _, _ = pair
    until(lambda: told(log, "other") == int(log.sql("SELECT max(size) FROM log.checkpoint")[0][0]))
    note = requests.get(other.HTTP_URL.rstrip("/") + "/witness/checkpoints", timeout=60).text
    size = int(note.splitlines()[1])
    other.sql("DELETE FROM log.witnessed", role="cairn_owner")
    assert add(other, f"old 0\n\n{note}— somebody.test AAAAAAAA\n").status_code == 200
    assert requests.get(other.HTTP_URL.rstrip("/") + "/witness/checkpoints", timeout=60).text == note
    before = other.sql("SELECT seen_at FROM log.witnessed")
    assert add(other, f"old {size}\n\n{note}").text.startswith(f"— {NAME} ")
    assert other.sql("SELECT seen_at FROM log.witnessed") == before


def forge(log, text):
    """What the log's key would sign for somebody else."""
    with open(os.path.join(log.state, "pki/seal/seal.key"), "rb") as f:
        private = serialization.load_pem_private_key(f.read(), None)
    name, number, _ = vkey(log).split("+", 2)
    return f"{text}\n\n— {name} {base64.b64encode(bytes.fromhex(number) + private.sign((text + chr(10)).encode())).decode()}\n"


def test_split_view(pair, tmp_path):
    """F-46: a log that shows its witness another tree than its auditor is named"""
    log, _, _, kept = pair
    grow(log)
    # What the log's key would sign for somebody else, with the same number of leaves
    with open(kept, encoding="utf-8") as f:
        lines = f.read().split("\n\n")[0].splitlines()
    forged = tmp_path / "forged"
    forged.write_text(forge(log, "\n".join([lines[0], lines[1], "AAAA" + lines[2][4:]])), encoding="utf-8")
    report = verify(log, *configured(log), "--key", vkey(log), "--witness", str(forged), code=1)
    assert [f["what"] for f in report["findings"]] == ["split"] and lines[1] in report["findings"][0]["text"], report
    forged.write_text(forge(log, "\n".join([lines[0], "99999999", lines[2]])), encoding="utf-8")
    report = verify(log, *configured(log), "--key", vkey(log), "--witness", str(forged), code=1)
    assert [f["what"] for f in report["findings"]] == ["split"], report
    forged.write_text("nothing that was signed", encoding="utf-8")
    done = log.cairn("audit", "verify", *configured(log), "--key", vkey(log), "--witness", str(forged), check=False)
    assert done.returncode == 1 and "no checkpoint" in done.stderr
    assert json.loads(json.dumps(report))["leaves"] > 0


def test_split_is_recorded(pair):
    """F-46: two checkpoints of one log for one number of leaves, and a witness that has seen more leaves than there are, are events of the sealed log
    and alarms"""
    log, other, _, _ = pair
    grow(log)
    until(lambda: told(log, "other") == int(other.sql("SELECT size FROM log.witnessed")[0][0]) > 0)
    assert "No witness has seen" in other.cairn("doctor", *configured(other), check=False).stdout
    seen = requests.get(other.HTTP_URL.rstrip("/") + "/witness/checkpoints", timeout=60).text
    lines = seen.splitlines()
    forged = forge(log, "\n".join([lines[0], lines[1], "AAAA" + lines[2][4:]]))
    for _ in range(2):
        answer = add(other, f"old 0\n\n{forged}— somebody.test AAAAAAAA\n")
        assert answer.status_code == 409 and int(answer.text) >= int(lines[1])
    ((facts,),) = other.sql("SELECT facts FROM log.event WHERE kind = 'witness.split'")
    assert json.loads(facts) == {"log": lines[0], "seen": seen, "shown": forged}
    doctor = other.cairn("doctor", *configured(other), check=False)
    assert doctor.returncode == 1 and "problem  log" in doctor.stdout
    assert "cairn_log_splits 1" in requests.get(f"http://{other.metrics_address('cairn-subscriber')}/metrics", timeout=60).text
    # what a witness of this log would say if the log's database had been set back
    other.sql("UPDATE log.witnessed SET size = size + 1000000", role="cairn_owner")
    grow(log)
    until(lambda: log.sql("SELECT count(*) > 0 FROM log.event WHERE kind = 'witness.split'") == [["t"]])
    other.sql("UPDATE log.witnessed SET size = size - 1000000", role="cairn_owner")
    facts = json.loads(log.sql("SELECT facts FROM log.event WHERE kind = 'witness.split' LIMIT 1")[0][0])
    assert "has seen 1" in facts["shown"] and facts["seen"].startswith(lines[0] + "\n")


def test_on_from_a_checkpoint(pair, tmp_path):
    """F-46: an audit goes on from where the last one ended, and does not believe a checkpoint that the tree does not have"""
    log = pair[0]
    grow(log)
    saved = str(tmp_path / "saved")
    whole = verify(log, *configured(log), "--key", vkey(log), "--save", saved, code=0)
    size = int(open(saved, encoding="utf-8").read().splitlines()[1])
    assert whole["entries"] == whole["leaves"] >= size
    grow(log, 40)
    rest = verify(log, *configured(log), "--key", vkey(log), "--from", saved, "--save", saved, code=0)
    assert rest["leaves"] > whole["leaves"] and rest["entries"] == rest["leaves"] - size
    assert int(open(saved, encoding="utf-8").read().splitlines()[1]) > size
    again = verify(log, *configured(log), "--key", vkey(log), "--from", saved, code=0)
    assert again["entries"] <= rest["leaves"] - size + 10
    log.sql("UPDATE log.tile SET hashes = overlay(hashes PLACING '\\x00112233'::bytea FROM 33) WHERE level = 0 AND n = (SELECT size / 256 FROM log.tree)",
            role="cairn_owner")
    report = verify(log, *configured(log), "--key", vkey(log), "--from", saved, code=1)
    assert any("is not the one" in f["text"] or "hashes" in f["text"] for f in report["findings"]), report
