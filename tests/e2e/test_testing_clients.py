"""The switches for people who test clients (docs/testing-clients.md): what a client under test meets is what was asked for."""
import hashlib
import json
import os
import struct
import time

import pytest

import raw
import test_clients
import test_rpc

PERCENT = 15
HELD_S = 3
NONCE = 1  # the kind of draw, as in wfe/trial.c


def refused(seed, n, percent=PERCENT):
    """Whether the n-th good nonce is refused (A-41)."""
    return int.from_bytes(hashlib.sha256(struct.pack("=qQQ", seed, NONCE, n)).digest()[:2], "big") % 100 < percent


def gentle_seed(draws=250):
    """A seed that never refuses twice in a row: certbot tries again once."""
    return next(s for s in range(1, 10**6) if not any(refused(s, n) and refused(s, n + 1) for n in range(draws)))


@pytest.fixture(scope="module")
def fussy(make_ca):
    """A CA that refuses good nonces."""
    return make_ca({"acme": {"nonce_reject_percent": PERCENT}, "test": {"seed": gentle_seed()}})


def chance(ca):
    return test_rpc.metric(ca, "cairn-wfe", "nonces_refused_total", 'reason="chance"')


def test_a_seed_says_which_nonces(fussy):
    """A-41"""
    client, seed = raw.Client(fussy), fussy.config["test"]["seed"]
    told = [raw.problem(client.post(client.directory["newAccount"], {"onlyReturnExisting": True}), 400, kind)
            for kind in ["badNonce" if refused(seed, n) else "accountDoesNotExist" for n in range(60)]]
    assert 0 < sum("chance" in one["detail"] for one in told) < 20
    answer = client.get(fussy.DIRECTORY_URL)
    assert answer.headers["Cairn-Test"] == f"acme.nonce_reject_percent={PERCENT}"
    for process in test_rpc.PROCESSES:
        loud = [json.loads(line) for line in fussy.log(process).splitlines() if "SET UP FOR TESTS" in line]
        assert loud and all(line["level"] == "warn" and "nonce_reject_percent" in line["switches"] for line in loud)


def test_certbot_gets_through(fussy, run, tmp_path):
    """A-38, A-41"""
    before = chance(fussy)
    arguments = ("-n", "--config-dir", tmp_path / "c", "--work-dir", tmp_path / "w", "--logs-dir", tmp_path / "l")
    environment = {"REQUESTS_CA_BUNDLE": fussy.API_CA_FILE, "NO_PROXY": "*"}
    run("certbot", "certonly", *arguments, "--server", fussy.DIRECTORY_URL, "--standalone", "--http-01-port", fussy.HTTP01_PORT, "--agree-tos",
        "--register-unsafely-without-email", "-d", "fussy.certbot.test", **environment)
    for _ in range(3):
        run("certbot", "renew", *arguments, "--force-renewal", "--no-random-sleep-on-renew", **environment)
    assert test_clients.load(tmp_path / "c" / "live" / "fussy.certbot.test" / "cert.pem") and chance(fussy) > before


def test_lego_gets_through(fussy, run, tmp_path):
    """A-38, A-41"""
    before = chance(fussy)
    for command in (["run"], *[["renew", "--days", "3650", "--no-random-sleep"]] * 3):
        run("lego", "--server", fussy.DIRECTORY_URL, "--accept-tos", "--email", "someone@lego.test", "--path", tmp_path / "lego", "--http",
            "--http.port", f"127.0.0.1:{fussy.HTTP01_PORT}", "--domains", "fussy.lego.test", *command, LEGO_CA_CERTIFICATES=fussy.API_CA_FILE,
            NO_PROXY="*")
    assert test_clients.load(tmp_path / "lego" / "certificates" / "fussy.lego.test.crt") and chance(fussy) > before


@pytest.fixture(scope="module")
def slow(make_ca):
    """A CA that plays a busy one and takes its time."""
    return make_ca({"test": {"busy_percent": 20, "rate_limited_percent": 20, "retry_after_s": 2, "hold_authorizations_s": HELD_S, "seed": 1}})


def persist(client, url, payload=None):
    """Until it is neither busy nor limited; gives the last answer and the statuses of all."""
    statuses = []
    while True:
        answer = client.post(url, payload)
        statuses.append(answer.status_code)
        if answer.status_code not in (429, 503):
            return answer, statuses
        raw.problem(answer, answer.status_code, "rateLimited" if answer.status_code == 429 else "serverInternal")
        assert answer.headers["Retry-After"] == "2" and "Replay-Nonce" in answer.headers


def test_busy_and_limited(slow):
    """A-45, A-48"""
    client, seen = raw.Client(slow), []
    answer, statuses = persist(client, client.directory["newAccount"], {"termsOfServiceAgreed": True})
    client.kid = answer.headers["Location"]
    for _ in range(60):
        seen += persist(client, client.kid)[1]
    assert seen.count(200) == 60 and seen.count(429) > 5 and seen.count(503) > 5 and answer.status_code == 201 and statuses


def test_authorizations_are_held(slow, responder_for):
    """A-101, A-102: "processing" is seen, with Retry-After, and the response sent again changes nothing (A-99)"""
    client, responder = raw.Client(slow), responder_for(slow)
    client.kid = persist(client, client.directory["newAccount"], {"termsOfServiceAgreed": True})[0].headers["Location"]
    order = persist(client, client.directory["newOrder"], {"identifiers": [{"type": "dns", "value": "held.test"}]})[0].json()
    url = order["authorizations"][0]
    challenge = next(c for c in persist(client, url)[0].json()["challenges"] if c["type"] == "http-01")
    responder.tokens[challenge["token"]] = client.key_authorization(challenge["token"])
    start = time.monotonic()
    answer = persist(client, challenge["url"], {})[0]
    assert answer.json()["status"] == "processing" and int(answer.headers["Retry-After"]) > 0
    assert time.monotonic() - start < HELD_S
    while (seen := persist(client, url)[0]).json()["status"] == "pending":
        assert int(seen.headers["Retry-After"]) > 0 and time.monotonic() - start < HELD_S + 30
        time.sleep(0.1)
    assert seen.json()["status"] == "valid" and time.monotonic() - start >= HELD_S - 0.1


def test_not_in_webpki_mode(ca, tmp_path):
    """The dice are not for certificates that the public relies on."""
    path = tmp_path / "webpki.yaml"
    for switch in {"acme": {"nonce_reject_percent": 1}}, {"test": {"hold_authorizations_s": 1}}, {"test": {"busy_percent": 1}}:
        path.write_text(json.dumps({"policy": {"mode": "webpki"}, **switch}))
        done = ca.cairn("config", "check", "--config", os.path.join(ca.state, "cairn.yaml"), "--config", str(path), check=False)
        assert done.returncode == 1 and "only for policy.mode private" in done.stdout + done.stderr
