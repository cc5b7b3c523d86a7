"""The issuers' keys of a running CA, one in a token and one in an encrypted file (docs/keys.md): who has their octets, and what comes of orders
while the token is away."""
import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import threading
import time

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import canary
import instance
import raw
import relying_party
import responder
import steady
from test_ca import children, wait_for
from test_canary import cores
from test_kill_issuance import made_by

CAIRN = ["cairn-" + p for p in instance.PROCESSES]
APPROVAL = "FIPS 140-3 certificate 0, of no module"
CLIENTS = 4
AWAY_S = 1.5  # longer than the signer waits until it looks again


class Octets(canary.Canary):
    """Numbers and texts that nobody may have, as a program holds them: the octets in either order, and in what is written also hex and base64."""

    def __init__(self, numbers=(), texts=(), written=False):
        forms = {text.encode() for text in texts}
        for number in numbers:
            plain = number.to_bytes((number.bit_length() + 7) // 8, "big")[:24]
            forms |= {plain, plain[::-1]} | (self.armoured(plain) if written else set())
        self.forms, self.longest = sorted(forms), max(map(len, forms))


def numbers_of(path):
    """The secret ones of a private key in a file."""
    with open(path, "rb") as f:
        n = serialization.load_pem_private_key(f.read(), None).private_numbers()
    return [n.d, n.p, n.q] if hasattr(n, "d") else [n.private_value]


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    os.chmod(path, 0o600)
    return path


class World:
    """The key of ecdsa-1 is in the token, that of rsa-1 in an encrypted file, and nobody has that of the root any more."""

    def __init__(self, make_ca):
        self.ca = ca = make_ca(signatures=True)
        files = [word for file in ca.CONFIG_FILES.split() for word in ("--config", file)]
        issuers = json.loads(ca.cairn("config", "show", "--json", *files).stdout)["ca"]["issuers"]
        ca.down()
        self.pki = os.path.dirname(issuers[0]["cert_file"])
        self.numbers = {name: numbers_of(f"{self.pki}/{name}.key") for name in ("root", "ecdsa-1", "rsa-1")}
        self.passphrase, self.pin = secrets.token_hex(20), secrets.token_hex(20)
        self.sealed, self.token = f"{self.pki}/rsa-1.sealed.key", f"{ca.folder}/token"
        self.passphrase_file = write(f"{self.pki}/passphrase", self.passphrase + "\n")
        self.encrypt()
        self.make_token()
        for name in self.numbers:
            subprocess.run(["shred", "-u", f"{self.pki}/{name}.key"], check=True)
        for one in issuers:
            if one["name"] == "ecdsa-1":
                del one["key_file"]
                one["key_label"] = "ecdsa-1"
            else:
                one.update(key_file=self.sealed, passphrase_file=self.passphrase_file)
        ca.config["ca"].update(issuers=issuers, token={"module": "/usr/lib/softhsm/libsofthsm2.so", "label": "cairn", "pin_file": f"{self.token}/pin",
                                                       "paths": [f"{self.token}/softhsm2.conf", f"{self.token}/tokens"], "approval": APPROVAL})
        ca.up()
        self.answers = responder.Responder(int(ca.HTTP01_PORT))

    def encrypt(self):
        subprocess.run(["openssl", "pkcs8", "-topk8", "-v2", "aes256", "-v2prf", "hmacWithSHA256", "-iter", "600000", "-in", f"{self.pki}/rsa-1.key",
                        "-out", self.sealed, "-passout", f"file:{self.passphrase_file}"], check=True)
        os.chmod(self.sealed, 0o600)

    def make_token(self):
        os.makedirs(f"{self.token}/tokens")
        self.ca.environment["SOFTHSM2_CONF"] = write(f"{self.token}/softhsm2.conf", f"directories.tokendir = {self.token}/tokens\nobjectstore.backend = file\n")
        write(f"{self.token}/pin", self.pin + "\n")
        for words in (["--init-token", "--free", "--label", "cairn", "--so-pin", "314159"],
                      ["--import", f"{self.pki}/ecdsa-1.key", "--token", "cairn", "--label", "ecdsa-1", "--id", "a1"]):
            subprocess.run(["softhsm2-util", *words, "--pin", self.pin], check=True, stdout=subprocess.DEVNULL, env={**os.environ, **self.ca.environment})

    def close(self):
        self.answers.close()

    def signer(self):
        return children(self.ca.pid("cairn-ca"))[0]

    def client(self, patience=90):
        client = steady.Client(self.ca, patience=patience)
        assert client.register().status_code == 201
        return client

    def recorded(self):
        """Serials by the SHA-256 of what was signed."""
        rows = self.ca.sql("SELECT encode(der, 'hex') FROM ca.certificate", "cairn_owner")
        leaves = [x509.load_der_x509_certificate(bytes.fromhex(der)) for der, in rows]
        return {hashlib.sha256(one.tbs_certificate_bytes).hexdigest(): one.serial_number for one in leaves}

    def others(self):
        """All processes of the CA but the signer, PostgreSQL's servants too."""
        found, waiting = [], [self.ca.pid("cairn-supervise")]
        while waiting:
            pid = waiting.pop()
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                waiting += children(pid)
                found.append(pid)
        return [pid for pid in found if pid != self.signer()]


@pytest.fixture(scope="module")
def keys(make_ca):
    one = World(make_ca)
    yield one
    one.close()


def issue(keys, client, name, key):
    made = client.order(name)
    client.validate(made.json(), keys.answers)
    return raw.chain(client.finish(made.headers["Location"], raw.csr([name], key)[0]))


def test_both_kinds_sign(keys, tmp_path):
    """F-1, F-2: issuers of one CA, one in a token and one in an encrypted file; openssl takes what they sign, with their CRLs. The log of the start
    has the module and its certificate"""
    client = keys.client()
    for name, key in (("in-token.test", raw.ec_key()), ("in-file.test", raw.rsa_key())):
        leaf, issuer = issue(keys, client, name, key)
        assert type(issuer.public_key()) is type(key.public_key())
        assert relying_party.openssl_verify(keys.ca, tmp_path, leaf, name).returncode == 0
    started = next(json.loads(line) for line in reversed(keys.ca.log("cairn-ca").splitlines()) if "the signing keys are at hand" in line)
    assert started["approval"] == APPROVAL and re.fullmatch(r'token "cairn" \(serial \w+, slot \d+\) of /usr/lib/softhsm/libsofthsm2.so', started["token"])
    assert keys.ca.deaths() == []


def searchable(keys):
    with open(f"/proc/{keys.ca.pid('cairn-ca')}/maps", encoding="ascii", errors="replace") as maps:
        if os.geteuid() != 0 or any(word in maps.read() for word in ("libasan", "libtsan")):
            pytest.skip("only root may look, and terabytes of a sanitizer's notes would be filled with pages by reading them")


def memory(seeker, pids, whole=()):
    """The processes that have it in their memory; what they share with others is looked at in some."""
    found = set()
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a servant of PostgreSQL that ended meanwhile
            found |= {pid} if seeker.in_memory(pid, shared=pid in whole) else set()
    return found


def told_to(pid):
    """Arguments and environment."""
    with open(f"/proc/{pid}/cmdline", "rb") as arguments, open(f"/proc/{pid}/environ", "rb") as environment:
        return arguments.read() + environment.read()


def test_the_octets_of_a_key_are_with_the_signer_only(keys):
    """F-2, F-4, F-6: no other process has them in its memory, and no file, log, table, environment or argument; what opens them is in the file that
    the configuration names, and in the signer's locked memory while it needs it"""
    searchable(keys)
    client = keys.client()
    for name, key in (("search-a.test", raw.ec_key()), ("search-b.test", raw.rsa_key())):  # so that both have been used
        issue(keys, client, name, key)
    seekers = {name: Octets(numbers) for name, numbers in keys.numbers.items()}
    signer, others = keys.signer(), keys.others()
    assert len(others) > 10
    assert memory(seekers["rsa-1"], [signer]) == {signer}  # the search finds what is there
    assert memory(seekers["root"], [signer]) == set()
    pin, passphrase = Octets(texts=[keys.pin]), Octets(texts=[keys.passphrase])
    assert memory(pin, [signer]) == {signer} and memory(passphrase, [signer]) == set()
    numbers = sum(keys.numbers.values(), [])
    everything = Octets(numbers, [keys.pin, keys.passphrase])
    assert memory(everything, others, {keys.ca.pid(name) for name in ("postgres", *CAIRN)}) == set()
    everything = Octets(numbers, [keys.pin, keys.passphrase], written=True)
    assert [pid for pid in (*others, signer) if everything.hits(told_to(pid))] == []
    assert sorted(everything.in_files(keys.ca.folder)) == sorted([keys.passphrase_file, f"{keys.token}/pin"])
    assert not everything.in_dump(keys.ca)
    with open(keys.sealed, encoding="ascii") as f:
        assert f.readline() == "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"


def test_a_dead_signer_leaves_nothing(keys):
    """F-2: by a signal at which others leave a core dump; and it is there again"""
    signer, before = keys.signer(), keys.ca.pid("cairn-ca")
    with open(f"/proc/{signer}/limits", encoding="ascii") as f:
        assert next(line for line in f if line.startswith("Max core file size")).split()[4:6] == ["0", "0"]
    os.kill(signer, signal.SIGABRT)
    keys.ca.wait_ready("cairn-ca", after=before)
    assert cores(keys.ca) == []
    if os.geteuid() == 0:
        everything = Octets(sum(keys.numbers.values(), []))
        assert everything.in_files(keys.ca.folder) == []
    issue(keys, keys.client(), "again.test", raw.ec_key())


class Orders(threading.Thread):
    """Finalizes one order after the other, and whatever is answered by 503 or stays in processing it asks for again, as clients do."""

    def __init__(self, keys, number):
        super().__init__()
        self.keys, self.number = keys, number
        self.client = Told(keys.ca)
        assert self.client.register().status_code == 201
        self.client.validate(self.client.order(self.name()).json(), keys.answers)
        self.over, self.failure, self.got = threading.Event(), None, []

    def name(self):
        return f"away-{self.number}.test"

    def run(self):
        try:
            while not self.over.is_set():
                made = self.client.order(self.name())
                der, key = raw.csr([self.name()], raw.ec_key() if len(self.got) % 4 else raw.rsa_key())
                leaf = raw.chain(self.client.finish(made.headers["Location"], der))[0]
                assert leaf.public_key().public_numbers() == key.public_key().public_numbers()
                self.got.append(leaf)
        except Exception as failure:  # to be shown by the test
            self.failure = failure


class Told(steady.Client):
    """It keeps what it was told of failures, before it tries again."""

    def __init__(self, ca):
        self.failures = []
        super().__init__(ca, patience=90)

    def send(self, url, body, headers=None):
        answer = super().send(url, body, headers)
        if answer.status_code >= 400 and "error:badNonce" not in answer.text:
            self.failures.append((answer.status_code, answer.headers.get("Retry-After"), answer.json()))
        return answer


def ready_says(ca):
    answer = requests.get(f"http://{ca.metrics_address('cairn-ca')}/readyz", timeout=20, proxies={"http": None})
    return answer.status_code, answer.text


def come_back(keys, how):
    """The token's own files, or others in their place, as of one that was restored or mounted anew."""
    there = f"{keys.token}/tokens"
    if how == "in files of before":
        os.rename(there + ".away", there)
        return
    if how == "to a new process":
        before = keys.ca.kill("cairn-ca")
        wait_for("cairn-ca to start without the token", lambda: keys.ca.pid("cairn-ca") not in (None, before) and "softhsm" in ready_text(keys.ca))
    shutil.copytree(there + ".away", there)
    shutil.rmtree(there + ".away")


def ready_text(ca):
    with contextlib.suppress(requests.RequestException):
        return ready_says(ca)[1]
    return ""


def go_away(keys, how, client):
    """The token goes for a while. Meanwhile issuers in files sign, and certificates are revoked; the one of which its CRL is to tell."""
    os.rename(f"{keys.token}/tokens", f"{keys.token}/tokens.away")
    wait_for("the loss to be noticed", lambda: ready_says(keys.ca)[0] == 503, 20)
    assert "/usr/lib/softhsm/libsofthsm2.so" in ready_says(keys.ca)[1]
    assert isinstance(issue(keys, client, "away-rsa.test", raw.rsa_key())[1].public_key(), rsa.RSAPublicKey)
    revoked = client.leaf
    client.revoke(revoked.public_bytes(serialization.Encoding.PEM).decode())
    time.sleep(AWAY_S)
    come_back(keys, how)
    keys.ca.wait_ready("cairn-ca")
    wait_for("the CRL", lambda: x509.load_der_x509_crl(relying_party.fetch(relying_party.crl_url(revoked))).get_revoked_certificate_by_serial_number(revoked.serial_number), 60)


@pytest.mark.parametrize("how", ("in files of before", "in a copy", "to a new process"))
def test_orders_outlive_a_lost_token(keys, how):
    """A-48, A-117, D-3, E-20, F-1: a token goes and comes back while orders run. Every order ends valid; what clients are told meanwhile is to come
    again; what was signed is what is on record and what clients have, each serial once; and nobody has to do anything"""
    ca, signer, client = keys.ca, keys.signer(), keys.client()
    client.leaf = issue(keys, client, "revoked.test", raw.ec_key())[0]
    before = keys.recorded()
    running = [Orders(keys, number) for number in range(CLIENTS)]
    for one in running:
        one.start()
    try:
        wait_for("certificates", lambda: all(one.got or one.failure for one in running))
        go_away(keys, how, client)
        some = [len(one.got) + 2 for one in running]
        wait_for("more certificates", lambda: all(len(one.got) >= n or one.failure for one, n in zip(running, some)), 90)
    finally:
        for one in running:
            one.over.set()
        for one in running:
            one.join()
    assert [one.failure for one in running if one.failure] == []
    for status, again, problem in sum((one.client.failures for one in running), []):
        assert status == 503 and int(again) > 0 and problem["type"].endswith(":serverInternal") and problem["detail"], problem
    assert (keys.signer() == signer) == (how == "in files of before")
    assert re.search(r'"the token is lost".*token \\"cairn\\" \(serial [0-9a-f]+, slot \d+\) of /usr/lib/softhsm/libsofthsm2.so does not (sign \(.+\)|answer)', ca.log("cairn-ca"))
    got = [hashlib.sha256(leaf.tbs_certificate_bytes).hexdigest() for one in running for leaf in one.got]
    recorded = keys.recorded()
    assert set(made_by(keys)["certificate"]) == set(recorded)
    assert len(set(recorded.values())) == len(recorded) and len(set(got)) == len(got)
    assert len(set(recorded) - set(before) - set(got)) == 1 and set(got) <= set(recorded)  # the one that was issued beside them
    counts = dict(ca.sql("SELECT status, count(*) FROM acme.order_now GROUP BY status", "cairn_owner"))
    assert set(counts) <= {"ready", "valid"} and counts["valid"] == str(len(recorded)), counts
    assert ca.sql("SELECT count(*), count(DISTINCT certificate_id) FROM log.event WHERE kind = 'certificate.issued'") == [[counts["valid"]] * 2]
