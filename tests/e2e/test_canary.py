"""G-5, G-65: a unique contact is given by every way that there is, good and bad, and is found nowhere afterwards."""
import concurrent.futures
import glob
import gzip
import json
import os
import re
import signal
import subprocess
import tempfile
import time

import pytest
import requests

import canary as canary_module
import instance
import mail_server
import outputs
import raw

STARTED = time.time()
CAIRN = ["cairn-" + p for p in instance.PROCESSES]


@pytest.fixture(scope="module")
def mails(tmp_path_factory):
    """A mail server that takes nothing, so that mails stay on their way."""
    one = mail_server.MailServer(tmp_path_factory.mktemp("mail"), instance.free_ports(1)[0])
    one.refuse = True
    yield one
    one.close()


@pytest.fixture(scope="module")
def own(make_ca, mails):
    return make_ca({"recovery": {"account_contacts": "keep"}, "log": {"level": "debug"}, "smtp": mails.config(),
                    "policy": {"limits": [{"name": "RecoveriesPerIPAddress", "count": 1000, "period_s": 60}, {"name": "RecoveryContactChangesPerAccount", "count": 3, "period_s": 36000}]}})


@pytest.fixture(scope="module")
def canary():
    return canary_module.Canary()


def patiently(act):
    """What a client does while processes are killed: whatever comes of it."""
    try:
        return act()
    except (requests.RequestException, OSError, KeyError):
        return None


def registered(own):
    client = raw.Client(own)
    assert client.register().status_code == 201
    return client


def good_ways(own, canary):
    client = raw.Client(own)
    assert client.register(contact=[canary.address("new")]).status_code == 201
    assert client.post(client.kid, {"contact": [canary.address("update")]}).status_code == 200
    url = client.directory["recoveryContacts"]
    assert client.post(url, {"contacts": [canary.address("extension"), canary.telephone]}).status_code == 200
    raw.problem(client.post(url, {"contacts": [canary.address("limited")]}), 429, "rateLimited")
    raw.problem(client.post(client.kid, {"contact": [canary.address("limited")]}), 429, "rateLimited")
    assert client.post(url).json()["recoveryContacts"] is True
    return client


def bad_ways(own, canary):
    """Refused at each step: by the server, by the form, by the nonce, by the key, by the payload, by the account."""
    client = registered(own)
    urls = [client.directory["recoveryContacts"], client.kid, client.directory["newAccount"], client.directory["newOrder"] + "x"]
    for url in urls:
        one = canary.address("bad")
        for member in "contact", "contacts":
            payload = {member: [one, canary.telephone + "x", "mailto:" + canary.text]}
            jws = client.protected(url)
            client.send(url, raw.jws(client.key, jws, payload), {"Content-Type": "application/json"})
            client.send(url, json.dumps(raw.jws(client.key, jws, payload))[:-20])
            client.send(url, {"payload": payload})
            client.send(url, {"contact": [one]})
            client.post(url, payload)
            client.post(url, {member: one})
            client.post(url, {member: {"mailto": one}})
            client.post(url, {member + "x": [one], "status": one})
            client.post(url, json.dumps({member: [one]})[:-3])
            client.post(url, json.dumps({member: [one], "x": 1}).replace('"x"', f'"{member}"'))
            client.post(url, {member: [one]}, nonce="AAAA")
            client.send(url, raw.jws(client.key, {**client.protected(url), "url": "https://elsewhere.example/"}, {member: [one]}))
            client.post(url, {member: [one]}, key=raw.ec_key())
            client.post(url, {member: [one]}, kid=client.kid[:-6] + "AAAAAA")
            client.post(url, {member: [one] * 11})
            client.post(url, {member: [one + "?subject=x"]})
            client.session.put(url, data=json.dumps({member: [one]}), timeout=30)
            client.session.get(url, data=json.dumps({member: [one]}), timeout=30)
        patiently(lambda u=url: client.send(u, b"\x00" + one.encode() * 100000))  # answered before it is read
    for url in client.kid, client.directory["newOrder"], client.directory["revokeCert"]:
        client.post(url, {"recoveryContacts": [one], "recovery": {"contacts": [one]}})
        client.post(url, {"recovery": {"mail": one}})
        client.post(url, json.dumps(one))
        client.post(url + "?contact=" + one, {})
        client.send(url, {**raw.jws(client.key, client.protected(url), {}), "contacts": [one]})
        client.send(url, {**raw.jws(client.key, client.protected(url), {}), "header": {"x": one}})
        client.send(url, raw.jws(client.key, {**client.protected(url), "contacts": [one]}, {}))
        client.send(url, "contact=" + one)
        client.session.get(url + "?to=" + one, timeout=30)
        client.session.get(url, timeout=30, headers={"X-Recovery-Contact": one})
    client.session.get(urls[0] + "/" + one, timeout=30)
    gone = registered(own)
    assert gone.post(gone.kid, {"status": "deactivated"}).status_code == 200
    raw.problem(gone.post(gone.directory["recoveryContacts"], {"contacts": [one]}), 401, "unauthorized")
    assert client.post(urls[0]).json() == {"recoveryContacts": False}


def while_processes_die(own, canary):
    """The vault does not answer, or dies, or the front end dies, with the request under way."""
    client = registered(own)
    url = client.directory["recoveryContacts"]
    stopped = own.kill("cairn-subscriber", signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        late = pool.submit(patiently, lambda: client.post(url, {"contacts": [canary.address("stopped")]}))
        time.sleep(1)
        os.kill(stopped, signal.SIGKILL)
        late.result()
        own.wait_ready("cairn-subscriber", after=stopped)
        for name in "cairn-subscriber", "postgres", "cairn-wfe":
            clients = [registered(own) for _ in range(3)]
            sent = [pool.submit(patiently, lambda c=c: c.post(url, {"contacts": [canary.address("killed")]})) for c in clients]
            killed = own.kill(name, signal.SIGKILL if name == "postgres" else signal.SIGABRT)  # by which others leave a core dump
            for one in sent:
                one.result()
            own.wait_ready(*([name] if name != "postgres" else CAIRN), after=killed)


def tried(own, kind):
    """Waits until a mail of this kind was tried."""
    end = time.monotonic() + 60
    while own.sql(f"SELECT count(*) FROM vault.mail WHERE tries > 0 AND kind = '{kind}'", role="cairn_owner") == [["0"]]:
        assert time.monotonic() < end
        time.sleep(0.1)


def claims(own, canary, mails):
    """A recovery under way, of whose mails one was refused, one went through and one is tried again; and claims that come to nothing."""
    lost, new = registered(own), raw.Client(own)
    url = new.directory["recoverAccount"]
    assert lost.post(lost.directory["recoveryContacts"], {"contacts": [canary.address("lost")]}).status_code == 200
    good = {"account": lost.kid, "contact": canary.address("lost")}
    for payload in good, {**good, "contact": canary.address("guess")}, {**good, "account": lost.kid[:-2] + "AA"}:
        assert new.post(url, payload).status_code == 202
    for payload in {**good, "account": None}, {**good, "contact": canary.address("bad") + "?x=y"}, {**good, "token": canary.text}, {"token": canary.text}:
        assert new.post(url, payload).status_code in (400, 403)
    assert new.post(url, good, nonce="AAAA").status_code == 400 and new.post(url, good, key=raw.ec_key()).status_code == 400
    raw.problem(lost.post(url, good), 400, "malformed")
    tried(own, "token")
    mails.refuse = False
    own.sql("UPDATE vault.mail SET next_at = now()", role="cairn_owner")
    _, text = mails.next(canary.address("lost").removeprefix("mailto:"))
    mails.refuse = True
    assert new.post(url, {"token": re.search(r"^    ([A-Za-z0-9_-]{43})$", text, re.M)[1]}).json()["status"] == "waiting"
    tried(own, "begun")


def by_the_command(own, canary, tmp_path):
    client = registered(own)
    for name, key in ("key.pem", client.key), ("new.pem", raw.ec_key()):
        (tmp_path / name).write_bytes(key.private_bytes(raw.serialization.Encoding.PEM, raw.serialization.PrivateFormat.PKCS8, raw.serialization.NoEncryption()))
    for verb, name, *more in ("set", "key.pem"), ("start", "new.pem", "--account", client.kid):
        done = subprocess.run([own.CAIRN, "recovery", verb, "--server", own.DIRECTORY_URL, "--ca-file", own.API_CA_FILE, "--key", str(tmp_path / name), *more],
                              input=canary.address(f"command-{verb}") + "\n", capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0 and not canary.hits((done.stdout + done.stderr).encode()), done.stderr


def pids(own):
    """Every process of this CA, PostgreSQL's servants too."""
    found = {name: own.pid(name) for name in CAIRN + ["cairn-supervise"]}
    children = subprocess.run(["pgrep", "-P", str(own.pid("postgres"))], capture_output=True, text=True, check=False).stdout.split()
    found.update({f"postgres {pid}": int(pid) for pid in children}, postgres=own.pid("postgres"))
    signer = subprocess.run(["pgrep", "-P", str(own.pid("cairn-ca"))], capture_output=True, text=True, check=False).stdout.split()
    found.update({f"signer {pid}": int(pid) for pid in signer})
    return found


def in_memory(own, canary):
    found = {}
    for name, pid in pids(own).items():
        try:
            found[name] = canary.in_memory(pid, shared=not name.startswith("postgres "))  # theirs is that of their parent
        except (FileNotFoundError, ProcessLookupError):
            pass  # a servant of PostgreSQL that ended meanwhile
    assert set(CAIRN) <= set(found)
    return {name: where for name, where in found.items() if where}


def in_open_files(own, canary):
    found = []
    for pid in pids(own).values():
        try:
            found += canary.in_open_files(pid)
        except (FileNotFoundError, ProcessLookupError):
            pass  # a servant of PostgreSQL that ended meanwhile
    return found


def cores(own):
    """Core dumps where a process that died of SIGABRT would have left them: its folder, or where the kernel puts them."""
    with open("/proc/sys/kernel/core_pattern", encoding="ascii") as pattern:
        places = {os.readlink(f"/proc/{own.pid(name)}/cwd") for name in CAIRN} | {os.path.dirname(pattern.read().strip().lstrip("|").split()[0])}
    return [path for place in places for path in glob.glob(os.path.join(place or "/", "core*")) if os.path.isfile(path) and os.stat(path).st_mtime > STARTED]


def log_everything(own):
    """As somebody who looks for a fault in PostgreSQL may set it: each statement with what it was called with, and all that an error says."""
    with open(f"/proc/{own.pid('postgres')}/cwd/postgresql.auto.conf", "a", encoding="ascii") as f:
        f.write("log_statement = 'all'\nlog_error_verbosity = verbose\nlog_min_error_statement = info\nlog_parameter_max_length = -1\nlog_parameter_max_length_on_error = -1\n")
    os.kill(own.pid("postgres"), signal.SIGHUP)
    end = time.monotonic() + 60
    while own.sql("SHOW log_statement") != [["all"]]:
        assert time.monotonic() < end
        time.sleep(0.1)


def was_logged(own):
    """Whether PostgreSQL's log has the calls with their parameters: else the search of it would say nothing."""
    with open(f"{own.state}/log/postgres.log", encoding="utf-8", errors="replace") as f:
        text = f.read()
    return all(re.search(rf"vault\.{call}\(.*\n.*parameters: \$1 = '", text, re.I) for call in ("set_contacts", "add_claim", "begin_recovery"))


def test_found_nowhere(own, canary, mails, tmp_path):
    """G-5, G-11, G-15, G-40, G-65. After all of it: no file, no table, no log, no spool, no write-ahead log, no memory, no page, no measure holds it, no
    backup of the database, no export, no disclosure, no report, and no answer about the account"""
    with open(f"/proc/{own.pid('cairn-wfe')}/maps", encoding="ascii", errors="replace") as maps:
        if any(word in maps.read() for word in ("libasan", "libtsan")):
            # and its terabytes of notes on memory would be filled with pages by reading them
            pytest.skip("a sanitizer keeps what the program has given up: only the programs as they are shipped can be searched")
    log_everything(own)
    good = good_ways(own, canary)
    bad_ways(own, canary)
    by_the_command(own, canary, tmp_path)
    claims(own, canary, mails)
    assert in_memory(own, canary) == {}  # before any process is a new one
    while_processes_die(own, canary)
    assert not cores(own)
    time.sleep(2)  # records reach the database
    assert int(own.sql("SELECT count(*) FROM vault.contact", role="cairn_owner")[0][0]) >= 2
    assert in_memory(own, canary) == {}
    assert canary.in_files(own.folder) == []
    assert in_open_files(own, canary) == [] and canary.in_new_files(STARTED, "/tmp", "/var/tmp", "/dev/shm") == []
    assert not canary.in_dump(own) and was_logged(own)
    assert not canary.hits(str(own.sql("SELECT * FROM pg_stat_activity", role="cairn_owner")).encode())
    pages = [own.DIRECTORY_URL, own.HTTP_URL + "/log/checkpoint"] + [f"http://{own.metrics_address(name)}/metrics" for name in CAIRN]
    assert canary.in_answers(*pages, verify=own.API_CA_FILE) == []
    assert not canary.hits(good.post(good.kid).content + good.post(good.kid + "/orders").content)
    account = good.kid.rsplit("/", 1)[1]
    case, opened = outputs.of_files(own, account, tmp_path)
    assert canary.in_files(str(tmp_path)) == [str(opened)]  # for which two custodians gave their keys
    assert not canary.hits(outputs.of_terminal(own, account, case) + outputs.of_account(good))


def test_no_core_dump(own):
    """A crash leaves nothing behind: core dumps are off, and nobody but root may attach."""
    for name in CAIRN:
        with open(f"/proc/{own.pid(name)}/limits", encoding="ascii") as f:
            line = next(one for one in f if one.startswith("Max core file size"))
        assert line.split()[4:6] == ["0", "0"], name


def test_the_search_finds(own):
    """G-65: what is planted where it must not be is found: in the database, its files, its dump, in a file by each encoding, and in
    memory."""
    planted = canary_module.Canary()
    client = raw.Client(own)
    client.session.headers["User-Agent"] = planted.text
    assert client.register().status_code == 201
    end = time.monotonic() + 60
    while not planted.in_dump(own):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert any("pgdata" in path or "postgres" in path or "/base/" in path or "pg_wal" in path for path in planted.in_files(own.folder)) or planted.in_files(own.state)
    for i, form in enumerate([planted.text.upper().encode(), planted.text.encode("utf-16-le"), planted.text.encode().hex().encode(),
                              raw.b64(b"x" + planted.text.encode() + b"y").encode(), raw.b64(b'{"contact":["mailto:' + planted.text.encode()).encode().hex().encode()]):
        path = os.path.join(own.work, f"planted{i}")
        with open(path, "wb") as f:
            f.write(b"\xff" * (canary_module.CHUNK - 7) + form + b"\xff")
        assert planted.in_files(own.work) == [path]
        os.remove(path)
    with tempfile.TemporaryFile() as nameless, tempfile.NamedTemporaryFile(dir="/dev/shm") as named:
        for f in nameless, named:
            f.write(planted.text.encode())
            f.flush()
        assert len(planted.in_open_files(os.getpid())) == 2
        assert planted.in_new_files(STARTED, "/tmp", "/dev/shm") == [named.name] and not planted.in_new_files(time.time() + 60, "/dev/shm")
    own_memory = bytearray(planted.text.encode())
    assert planted.in_memory(os.getpid()) and own_memory


def test_an_operator_searches(own, tmp_path):
    """G-65 in production: the command finds what is planted in a file by each form, in a dump of the database, and nowhere else; it says what it
    could not look into"""
    planted = canary_module.Canary()
    contacts, folder = tmp_path / "contacts", tmp_path / "places"
    contacts.write_text(planted.address("own").replace(".own", "-of-operator") + "\n" + planted.telephone + "\n")
    text = planted.text + "-of-operator"
    folder.mkdir()

    def search(*paths, **options):
        done = subprocess.run([own.CAIRN, "recovery", "search", "--contacts", contacts, "--json", *paths], capture_output=True, check=False, timeout=120, **options)
        told = json.loads(done.stdout)
        assert done.returncode == (1 if told["found"] or told["unread"] else 0), done.stderr
        assert planted.text.encode() not in done.stdout + done.stderr
        return told

    told = search(own.folder)
    assert told["found"] == [] and told["unread"] == [] and told["files"] > 100, told
    forms = {"clear": text.upper().encode(), "UTF-16": text.encode("utf-16-le"), "hex": text.encode().hex().upper().encode(),
             "base64": raw.b64(b"x" + text.encode() + b"y").encode(), "base64 in hex": raw.b64(b"to:" + text.encode()).encode().hex().encode()}
    for form, octets in forms.items():
        path = folder / "one"
        path.write_bytes(b"\xff" * (canary_module.CHUNK - 7) + octets + b"\xff")
        (found,) = search(contacts.parent)["found"]  # the contacts themselves are passed over
        assert (found["path"], found["what"]) == (str(path), form) and found["at"] <= canary_module.CHUNK + 2
    path.write_bytes(gzip.compress(text.encode()))
    assert [one["path"] for one in search(folder)["unread"]] == [str(path)]
    assert search("-", input=text.encode())["found"][0]["path"] == "standard input"
    path.unlink()
    client = raw.Client(own)
    client.session.headers["User-Agent"] = text  # which is recorded
    assert client.register().status_code == 201
    url = own.AUDITOR_DATABASE_URL.replace("cairn_auditor", "cairn_owner")
    end = time.monotonic() + 60
    while not search("-", input=subprocess.run(["pg_dump", "--dbname", url], capture_output=True, check=True).stdout)["found"]:
        assert time.monotonic() < end
        time.sleep(0.5)
