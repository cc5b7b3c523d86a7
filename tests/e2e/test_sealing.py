"""The sealed log from outside: checkpoints and tiles over HTTP, checked by a script that shares no code with the CA, and a
sealer that is killed at any moment."""
import base64
import contextlib
import os
import random
import secrets
import signal
import subprocess
import sys
import threading
import time

import psycopg2
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ed25519

import raw

CHECK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "check_inclusion.py")
SEALED = "SELECT (SELECT count(*) FROM log.unsealed), (SELECT size FROM log.tree), coalesce((SELECT max(size) FROM log.checkpoint), 0)"


def base(ca):
    return ca.HTTP_URL.rstrip("/") + "/log"


def vkey(ca):
    with open(os.path.join(ca.state, "pki/seal.vkey"), encoding="ascii") as f:
        return f.read().strip()


def until_sealed(ca, seconds=60):
    """All that was asked for until now stands in the log and is signed for; the size of the tree."""
    # The front end brings its records into the database in order, so one last request tells that those before it are there.
    mark = f"/directory?until-sealed={secrets.token_hex(8)}"
    requests.get(ca.config["acme"]["external_url"] + mark, verify=ca.API_CA_FILE, timeout=60)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        there = ca.sql(f"SELECT 1 FROM log.request WHERE url = '{mark}'")
        waiting, size, signed = map(int, ca.sql(SEALED)[0])
        if there and waiting == 0 and size == signed:
            return size
        time.sleep(0.1)
    raise TimeoutError(f"{ca.sql(SEALED)}\n{ca.last_logs()}")


def check(ca, index, *entry, where=None):
    return subprocess.run([sys.executable, "-I", "-S", CHECK, where or base(ca), vkey(ca), str(index), *entry], capture_output=True, text=True,
                          timeout=60, check=False)  # -S: Python's own library and nothing else


@pytest.fixture(scope="module")
def open_ca(make_ca):
    """Publishes what its leaves say."""
    return make_ca({"subscriber": {"publish_entries": True, "seal_interval_ms": 100}})


def test_hashes_are_public_and_words_are_not(ca, account, responder):
    """F-46, G-43: everybody gets checkpoints and hashes; what a leaf says only where the operator publishes it"""
    account.issue(responder, "sealed.test")
    size = until_sealed(ca)
    head = requests.get(base(ca) + "/checkpoint", timeout=60)
    assert head.status_code == 200 and head.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "max-age=1" in head.headers["Cache-Control"]
    assert head.text.splitlines()[0] == vkey(ca).split("+")[0] == ca.DIRECTORY_URL.removeprefix("https://").replace("/directory", "/log")
    assert int(head.text.splitlines()[1]) >= size
    tile = requests.get(base(ca) + "/tile/0/000.p/1", timeout=60)
    assert tile.status_code == 200 and len(tile.content) == 32 and "immutable" in tile.headers["Cache-Control"]
    assert tile.headers["Content-Type"] == "application/octet-stream"
    for path in ("/tile/entries/000.p/1", "/tile/0/999", "/tile/7/000", "/tile/0/000.p/256", "/tile/0/0", "/tile/", "/", "",
                 "/tile/0/x999/x999/x999/x999/x999/999", "/checkpoint/"):
        assert requests.get(base(ca) + path, timeout=60).status_code == 404, path
    assert requests.post(base(ca) + "/checkpoint", timeout=60).status_code == 405


def test_a_stranger_checks_it(open_ca, responder_for):
    """F-46: with nothing but the tiles, the checkpoint and a script of another language"""
    client = raw.Client(open_ca)
    assert client.register().status_code == 201
    client.issue(responder_for(open_ca), "stranger.test")
    until_sealed(open_ca)
    rows = open_ca.sql("SELECT l.leaf, e.kind, e.facts->>'sha256' FROM log.leaf l JOIN log.event e ON e.id = l.row_id AND l.kind = 3")
    issued = next(r for r in rows if r[1] == "certificate.issued")
    done = check(open_ca, issued[0])
    assert done.returncode == 0, done.stderr
    assert '"certificate.issued"' in done.stdout and issued[2] in done.stdout
    done = check(open_ca, 0)
    assert done.returncode == 0, done.stderr
    # another word, another place: not in the log
    for index, text in ((issued[0], "{}"), (0, done.stdout.split(": ", 1)[1].rstrip("\n").replace("a", "b"))):
        path = os.path.join(open_ca.work, "entry")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        done = check(open_ca, index, path)
        assert done.returncode == 1 and "NOT in the log" in done.stderr


def test_a_stranger_checks_it_offline(open_ca, tmp_path):
    """F-46: with nothing but a folder of tiles, the checkpoint, the leaf and the key; a signature that another key made, or that is of other words, is none"""
    until_sealed(open_ca)
    head = requests.get(base(open_ca) + "/checkpoint", timeout=60).text
    size = int(head.splitlines()[1])
    for level in range(2):
        for n in range((size >> 8 * level) // 256 + 1):
            if width := min((size >> 8 * level) - 256 * n, 256):
                path = f"tile/{level}/{n:03}" + (f".p/{width}" if width < 256 else "")
                (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / path).write_bytes(requests.get(f"{base(open_ca)}/{path}", timeout=60).content)
    (tmp_path / "leaf").write_text(check(open_ca, size - 1).stdout.split(": ", 1)[1].removesuffix("\n"), encoding="utf-8")
    offline = (size - 1, str(tmp_path / "leaf"))
    signature = base64.b64decode(head.split(" ")[-1])
    other = signature[:4] + ed25519.Ed25519PrivateKey.generate().sign(head.rpartition("\n\n")[0].encode() + b"\n")
    flipped = signature[:-40] + bytes([signature[-40] ^ 1]) + signature[-39:]
    for text, well in ((head, True), (head.replace(head.splitlines()[2], base64.b64encode(bytes(32)).decode()), False),
                       *((head.rpartition(" ")[0] + f" {base64.b64encode(s).decode()}\n", False) for s in (other, flipped))):
        (tmp_path / "checkpoint").write_text(text, encoding="utf-8")
        done = check(open_ca, *offline, where=str(tmp_path))
        assert (done.returncode == 0 and f"entry {size - 1} of {size}" in done.stdout if well else "AssertionError" in done.stderr or "StopIteration" in done.stderr), done.stderr


def keep_busy(ca, stop):
    client = raw.Client(ca)
    while not stop.is_set():
        try:
            client.get(ca.DIRECTORY_URL)
            client.register()
        except requests.RequestException:
            pass


def test_killed_at_any_moment(open_ca):
    """F-46: kill -9 of the sealer while it seals: every row once, no gap, and each checkpoint goes on from those before"""
    stop = threading.Event()
    busy = threading.Thread(target=keep_busy, args=(open_ca, stop))
    busy.start()
    seen = []
    try:
        for _ in range(5):
            time.sleep(random.uniform(0.05, 0.6))
            before = open_ca.kill("cairn-subscriber")
            open_ca.wait_ready("cairn-subscriber", after=before)
            seen.append(requests.get(base(open_ca) + "/checkpoint", timeout=60).text.splitlines()[1:3])
            time.sleep(0.5)
    finally:
        stop.set()
        busy.join()
    size = until_sealed(open_ca)
    count, distinct, first, last = map(int, open_ca.sql("SELECT count(*), count(DISTINCT leaf), min(leaf), max(leaf) FROM log.leaf")[0])
    assert count == distinct == last + 1 >= size and first == 0  # events come by themselves meanwhile
    unsealed = "SELECT count(*) FROM log.{0} r WHERE NOT EXISTS (SELECT FROM log.leaf l WHERE l.row_id = r.id AND l.kind = {1})"
    for kind, table in enumerate(("request", "validation", "event"), 1):
        end = time.monotonic() + 60
        while open_ca.sql(unsealed.format(table, kind)) != [["0"]]:
            assert time.monotonic() < end, table
            time.sleep(0.2)
    for tree_size, root in seen:
        assert open_ca.sql(f"SELECT encode(root, 'base64') FROM log.checkpoint WHERE size = {tree_size}") == [[root]]
    assert check(open_ca, size - 1).returncode == 0


def processor_us(ca):
    """What cairn-subscriber has used of processors so far, and each of the PostgreSQL sessions that work for it; at the steps of the kernel's clock."""
    def of(pid):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return sum(map(int, f.read().rpartition(")")[2].split()[11:13])) * 1000000 // os.sysconf("SC_CLK_TCK")
        return 0
    sessions = ca.sql("SELECT pid FROM pg_stat_activity WHERE usename = 'cairn_subscriber'", role="cairn_owner")
    return {pid: of(pid) for pid in [ca.pid("cairn-subscriber"), *(int(pid) for pid, in sessions)]}


def test_sealing_keeps_up(open_ca):
    """F-46: of the 1,000 us of one processor that each of 1,000 events a second may take, the sealer takes 150 at most (15 were measured; 290 with two leaves a transaction), and after them
    nothing waits. Processor time and not time, so that the load of the machine does not count; one event a transaction, as they come."""
    events = 6000
    until_sealed(open_ca)
    before = processor_us(open_ca)
    with contextlib.closing(psycopg2.connect(open_ca.AUDITOR_DATABASE_URL.replace("cairn_auditor", "cairn_ra"))) as writer, writer.cursor() as cursor:
        writer.autocommit = True
        for _ in range(events):
            cursor.execute("SELECT log.add_event(cairn.new_id(), 'test', 'test', 'test.seal', NULL, NULL, NULL, NULL, '{\"serial\": \"01\", \"names\": [\"a.test\"]}')")
    until_sealed(open_ca, 120)
    used = sum(now - before.get(pid, 0) for pid, now in processor_us(open_ca).items())
    assert open_ca.sql("SELECT count(*) FROM log.event e JOIN log.leaf l ON l.row_id = e.id AND l.kind = 3 WHERE e.kind = 'test.seal'", role="cairn_owner") == [[str(events)]]
    assert 0 < used <= 150 * events, f"{used / events} us an event"


def test_issuance_does_not_wait_for_the_seal(open_ca, responder_for):
    """F-45, F-46: while nothing is sealed, a certificate is issued as ever; its records wait, and are sealed when the sealer goes on"""
    client = raw.Client(open_ca)
    assert client.register().status_code == 201
    size = until_sealed(open_ca)
    sealer = open_ca.pid("cairn-subscriber")
    os.kill(sealer, signal.SIGSTOP)
    try:
        client.issue(responder_for(open_ca), "unsealed.test")
        waiting = "SELECT count(*) FROM log.unsealed u JOIN log.event e ON e.id = u.id WHERE e.kind = 'certificate.issued'"
        assert open_ca.sql(waiting) == [["1"]] and open_ca.sql("SELECT size FROM log.tree") == [[str(size)]]
    finally:
        os.kill(sealer, signal.SIGCONT)
    assert until_sealed(open_ca) > size
