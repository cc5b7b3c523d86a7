"""Faults of ours never end a client's authorization (issue 4.6): validation authorities that are stopped, killed, told to end or out of
sockets, and a registration authority that hangs. Two cairn-va serve one CA here; the second one is started by the test."""
import concurrent.futures
import contextlib
import json
import os
import resource
import signal
import subprocess
import time

import pytest

import instance
import raw
import responder as responder_module

TIMEOUT_S = 3  # of a validation; an attempt at one cairn-va may take three seconds more
WORKERS = 6


class Second:
    """A further cairn-va of the CA, on a port of its own, that the supervisor does not know."""

    def __init__(self, ca, rpc, metrics):
        config = instance.merge(ca.config, {"va": {"rpc_listen": [rpc], "metrics_listen": metrics}})
        self.log = open(os.path.join(ca.work, "second-va.log"), "ab")
        self.process = subprocess.Popen([os.path.join(instance.BUILD, "cairn-va"), "--config", os.path.join(ca.state, "cairn.yaml"), "--config",
                                         ca.write("second-va", config)], stdin=subprocess.DEVNULL, stderr=self.log)
        end = time.monotonic() + 60
        while subprocess.run(["curl", "-fsS", "-m", "2", "--noproxy", "*", f"http://{metrics}/readyz"], capture_output=True, check=False).returncode:
            assert self.process.poll() is None and time.monotonic() < end
            time.sleep(0.05)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture(scope="module")
def pair():
    """A CA whose cairn-ra knows two cairn-va, and a responder for it."""
    rpc, metrics = (f"127.0.0.1:{p}" for p in instance.free_ports(2))
    one = instance.Instance({"va": {"timeout_s": TIMEOUT_S}, "wfe": {"workers": WORKERS}, "ra": {"validation_attempts": 1}})
    one.config["rpc"]["va"].append(rpc)
    one.second_at = (rpc, metrics)
    try:
        one.up()
        yield one
    finally:
        one.remove()


@pytest.fixture
def second(pair):
    made = Second(pair, *pair.second_at)
    yield made
    made.end()


@pytest.fixture
def web(pair):
    one = responder_module.Responder(int(pair.HTTP01_PORT))
    yield one
    one.close()


@pytest.fixture
def holder(pair):
    one = raw.Client(pair)
    assert one.register().status_code == 201
    return one


def respond(holder, web, name):
    """An authorization whose challenge was responded to."""
    made = holder.order(name)
    assert made.status_code == 201, made.text
    authorization = made.json()["authorizations"][0]
    challenge = holder.challenge(authorization)
    web.tokens[challenge["token"]] = holder.key_authorization(challenge["token"])
    assert holder.post(challenge["url"], {}).status_code == 200
    return authorization


def valid(holder, authorization, seconds=60):
    final = holder.poll(authorization, ("valid", "invalid"), seconds).json()
    assert final["status"] == "valid", final


def stopped(pair, name):
    """Stops a process and gives its id."""
    pid = pair.kill(name, signal.SIGSTOP)
    return pid


def test_one_of_two_hangs(pair, second, holder, web):
    """Issue 4.6: the job goes to another cairn-va; once it is known that one hangs, nobody waits for it any more"""
    pid = stopped(pair, "cairn-va")
    try:
        for i in range(4):
            valid(holder, respond(holder, web, f"hangs-{i}.faults.test"))
        start = time.monotonic()
        for i in range(6):
            valid(holder, respond(holder, web, f"passed-over-{i}.faults.test"))
        assert time.monotonic() - start < 6 * TIMEOUT_S, "most of them went to the one that is well at once"
    finally:
        os.kill(pid, signal.SIGCONT)
    valid(holder, respond(holder, web, "well-again.faults.test"))


def test_one_of_two_is_dead(pair, second, holder, web):
    """Issue 4.6: refused connections cost next to nothing"""
    second.process.kill()
    second.process.wait()
    start = time.monotonic()
    for i in range(6):
        valid(holder, respond(holder, web, f"dead-{i}.faults.test"))
    assert time.monotonic() - start < 10
    assert pair.sql("SELECT count(*) FROM log.validation WHERE NOT passed AND identifier_value LIKE 'dead-%'") == [["0"]]


def test_nobody_validates(pair, holder, web):
    """Issue 4.6: the client's authorization waits, and becomes valid when one is there again"""
    pid = stopped(pair, "cairn-va")
    try:
        authorization = respond(holder, web, "waits.faults.test")
        end = time.monotonic() + 2 * TIMEOUT_S + 5  # more than one attempt
        while time.monotonic() < end:
            assert holder.post(authorization).json()["status"] == "pending"
            time.sleep(0.5)
    finally:
        os.kill(pid, signal.SIGCONT)
    valid(holder, authorization)
    tries = pair.sql("SELECT DISTINCT detail FROM log.validation WHERE NOT passed AND identifier_value = 'waits.faults.test'")
    assert len(tries) == 1 and tries[0][0].startswith("No answer of the validation authority"), tries  # each is on record


def test_told_to_end(pair, holder, web):
    """Issue 4.6: what is under way is finished; the rest comes back, and no log calls that an error"""
    before = pair.pid("cairn-va")
    web.handler = lambda _: time.sleep(1.5)
    asked = len(web.seen)
    try:
        authorization = respond(holder, web, "drained.faults.test")
        end = time.monotonic() + 60
        while len(web.seen) == asked:
            assert time.monotonic() < end
            time.sleep(0.02)
        pair.kill("cairn-va", signal.SIGTERM)
        other = respond(holder, web, "came-late.faults.test")
        valid(holder, authorization)
    finally:
        web.handler = None
    valid(holder, other)
    pair.wait_ready("cairn-va", after=before)
    rows = pair.sql("SELECT passed FROM log.validation WHERE identifier_value = 'drained.faults.test'")
    assert rows == [["t"]], "it was made once"
    lines = [json.loads(line) for line in pair.log("cairn-va").splitlines() if line.startswith("{")]
    assert not [line for line in lines if line["level"] == "error"]


def test_killed_while_it_validates(pair, holder, web):
    """Issue 4.6, A-101: what a cairn-va that dies was about is made again; the client never reads of it, though there is one try alone"""
    before = pair.pid("cairn-va")
    web.handler = lambda _: time.sleep(2)
    asked = len(web.seen)
    try:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            responded = pool.submit(respond, holder, web, "struck.faults.test")
            end = time.monotonic() + 60
            while len(web.seen) == asked:
                assert time.monotonic() < end
                time.sleep(0.02)
            pair.kill("cairn-va", signal.SIGKILL)
            authorization = responded.result()
        found = holder.post(authorization).json()
        assert found["status"] != "invalid" and not [c for c in found["challenges"] if "error" in c], found
    finally:
        web.handler = None
    valid(holder, authorization)
    pair.wait_ready("cairn-va", after=before)
    rows = pair.sql("SELECT DISTINCT problem FROM log.validation WHERE NOT passed AND identifier_value = 'struck.faults.test'")
    assert rows in ([], [["SERVER_INTERNAL"]]), rows  # none, if the call found the next cairn-va in time
    assert len(web.seen) >= asked + 2, "it was made again"


def test_told_to_end_beside_one_that_hangs(pair, holder, web):
    """Issue 4.6: cairn-ra waits for a validation no longer than it has time to end; the job is there for the next one"""
    pid = stopped(pair, "cairn-va")
    try:
        authorization = respond(holder, web, "hung.faults.test")
        ended = pair.log("cairn-ra").count('"message":"ended"')
        before = pair.kill("cairn-ra", signal.SIGTERM)
        start = time.monotonic()
        while os.path.exists(f"/proc/{before}"):
            assert time.monotonic() - start < 30
            time.sleep(0.1)
        assert pair.log("cairn-ra").count('"message":"ended"') == ended + 1, "it came to its own end, by no alarm"
        pair.wait_ready("cairn-ra", after=before)
        assert holder.post(authorization).json()["status"] == "pending"
    finally:
        os.kill(pid, signal.SIGCONT)
    valid(holder, authorization)


def test_the_database_is_away(pair, holder, web):
    """F-41: what is found meanwhile is on record by the next start of cairn-ra, and the validation is made again"""
    folder = os.path.join(pair.state, "evidence")
    hba = os.path.join(pair.state, "postgres", "pg_hba.conf")
    with open(hba, encoding="utf-8") as f:
        rules = f.read()
    pool = concurrent.futures.ThreadPoolExecutor(1)
    web.handler = lambda _: time.sleep(2)
    asked, before = len(web.seen), pair.pid("cairn-ra")
    try:
        responded = pool.submit(respond, holder, web, "away.faults.test")  # which is held until it is validated
        end = time.monotonic() + 60
        while len(web.seen) == asked:
            assert time.monotonic() < end
            time.sleep(0.02)
        with open(hba, "w", encoding="utf-8") as f:
            f.write("local all cairn_ra reject\n" + rules)
        os.kill(pair.pid("postgres"), signal.SIGHUP)
        time.sleep(0.2)
        for [pid] in pair.sql("SELECT pid FROM pg_stat_activity WHERE usename = 'cairn_ra'"):
            os.kill(int(pid), signal.SIGTERM)
        pair.kill("cairn-ra", signal.SIGTERM)
        while os.path.exists(f"/proc/{before}"):
            assert time.monotonic() < end + 30
            time.sleep(0.1)
        assert [name.rpartition(".")[2] for name in os.listdir(folder)] == ["validation"]
    finally:
        web.handler = None
        with open(hba, "w", encoding="utf-8") as f:
            f.write(rules)
        os.kill(pair.pid("postgres"), signal.SIGHUP)
    pair.wait_ready("cairn-ra", after=before)
    with contextlib.suppress(AssertionError):  # its answer came when the database was away
        responded.result()
    valid(holder, holder.order("away.faults.test").json()["authorizations"][0])
    end = time.monotonic() + 60
    while os.listdir(folder):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert pair.sql("SELECT count(*) FROM log.validation WHERE identifier_value = 'away.faults.test' AND passed") == [["2"]]


def test_no_sockets(pair, holder, web):
    """Issue 4.6: faults are tried again ever more rarely, without counting as tries (there is but one here)"""
    pid = pair.pid("cairn-va")
    valid(holder, respond(holder, web, "warm.faults.test"))  # its connection to cairn-ra is there
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (4, before[1]))
    since = time.monotonic()
    try:
        authorization = respond(holder, web, "starved.faults.test")
        while time.monotonic() < since + 13:
            assert holder.post(authorization).json()["status"] == "pending"
            time.sleep(0.5)
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    valid(holder, authorization)
    rows = pair.sql("SELECT passed, problem FROM log.validation WHERE identifier_value = 'starved.faults.test' ORDER BY id")
    assert rows[-1][0] == "t" and {row[1] for row in rows[:-1]} == {"SERVER_INTERNAL"}, rows
    assert len(rows) <= (time.monotonic() - since) * 0.75, "nearly every second"


def test_the_client_need_not_wait(pair, holder, web):
    """A-101: a response to the challenge is a try at once also of what waits out a fault of ours"""
    name = "impatient.faults.test"
    tries = f"SELECT count(*) FROM log.validation WHERE identifier_value = '{name}'"
    pid = pair.pid("cairn-va")
    valid(holder, respond(holder, web, "warm-again.faults.test"))
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (4, before[1]))
    try:
        authorization = respond(holder, web, name)
        challenge = holder.challenge(authorization)["url"]
        time.sleep(10)
        end = time.monotonic() + 60
        seen = pair.sql(tries)
        while pair.sql(tries) == seen:  # the next one is four seconds off or more
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    start = time.monotonic()
    assert holder.post(challenge, {}).status_code == 200
    valid(holder, authorization)
    assert time.monotonic() - start < 3


def test_registration_authority_hangs(pair, holder, web):
    """Issue 4.6: its callers wait for a while, then are refused at once: the front end has workers for what needs none of it"""
    pid = stopped(pair, "cairn-ra")
    try:
        clients = [raw.Client(pair) for _ in range(3 * WORKERS)]
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
            answers = list(pool.map(lambda c: c.register(), clients))
        assert {answer.status_code for answer in answers} == {503} and time.monotonic() - start < 25, answers
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
        for _ in range(3):
            start = time.monotonic()
            assert holder.post(holder.kid).status_code == 200  # read from the database
            assert clients[0].register().status_code == 503
            assert time.monotonic() - start < 8
    finally:
        os.kill(pid, signal.SIGCONT)
    end = time.monotonic() + 60
    while (answer := raw.Client(pair).register()).status_code != 201:
        assert time.monotonic() < end, answer.text
        time.sleep(0.2)
    valid(holder, respond(holder, web, "after.faults.test"))
