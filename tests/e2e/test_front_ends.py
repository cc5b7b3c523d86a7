"""Three front ends behind a plain TCP balancer: a nonce of one is good at each of them, once in all."""
import concurrent.futures
import hashlib
import json
import os
import signal
import subprocess
import time

import pytest

import at_once
import balancer
import instance
import raw
import test_rpc

NAMES = ("cairn-wfe", "cairn-wfe-2", "cairn-wfe-3")


class Site:
    """A CA with three front ends; `ports` are those of their APIs."""

    def __init__(self, make_ca):
        ports = instance.free_ports(13)
        self.public, self.ports, rpc = ports[0], ports[1:4], [f"127.0.0.1:{p}" for p in ports[4:7]]
        further = [{"wfe": {"listen": [f"127.0.0.1:{self.ports[i]}"], "http_listen": [f"127.0.0.1:{ports[6 + i]}"], "rpc_listen": [rpc[i]],
                            "metrics_listen": f"127.0.0.1:{ports[8 + i]}", "spool_dir": f"spool-{i + 1}"}} for i in (1, 2)]
        self.balancer = balancer.Balancer(self.public, self.ports)
        self.ca = make_ca({"acme": {"external_url": f"https://localhost:{self.public}"}, "rpc": {"wfe": rpc},
                           "wfe": {"listen": [f"127.0.0.1:{self.ports[0]}"], "rpc_listen": [rpc[0]]}}, front_ends=further)

    def client(self):
        """An account. Each of its requests takes a new connection, and so another front end."""
        client = raw.Client(self.ca)
        client.session.headers["Connection"] = "close"
        end = time.monotonic() + 60
        while client.register().status_code != 201:  # one may count as away from the test before
            assert time.monotonic() < end
            client.nonces = []
        return client

    def send(self, client, front, url, body):
        """To one front end, past the balancer."""
        return client.send(url.replace(str(self.public), str(self.ports[front])), body)

    def nonce(self, client, front):
        url = client.directory["newNonce"].replace(str(self.public), str(self.ports[front]))
        return client.session.head(url, timeout=30).headers["Replay-Nonce"]

    def metric(self, front, name, label):
        return test_rpc.metric(self.ca, NAMES[front], name, label)

    def foreign(self, outcome):
        return sum(self.metric(i, "nonces_foreign_total", f'outcome="{outcome}"') for i in range(3))


@pytest.fixture(scope="module")
def site(make_ca):
    one = Site(make_ca)
    yield one
    one.balancer.close()


def read_account(client, nonce):
    return raw.jws(client.key, client.protected(client.kid, nonce=nonce), None)


def kind(answer):
    return 200 if answer.status_code == 200 else answer.json()["type"].rsplit(":", 1)[1]


def test_one_nonce_at_three_front_ends_at_once(site):
    """A-37: of many requests with one nonce, at all front ends at the same time, one passes"""
    client = site.client()
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        for i in range(30):
            body = read_account(client, site.nonce(client, i % 3))
            clients = [raw.Client(site.ca, client.key) for _ in range(9)] if i == 0 else clients
            answers = [f.result() for f in [pool.submit(site.send, clients[k], k % 3, client.kid, body) for k in range(9)]]
            assert sorted(map(str, map(kind, answers))) == ["200"] + ["badNonce"] * 8
    assert site.foreign("good") > 0 and site.foreign("used") > 0


def test_one_nonce_acts_once(site):
    """A-37, A-38: of fifty newOrders signed once, half of them by way of the balancer, one makes an order; each stands in the log, and each refusal
    has a nonce that is good"""
    client = site.client()
    clients = at_once.twins(client)
    url = client.directory["newOrder"]
    for front in range(3):
        nonce = site.nonce(client, front)
        body = json.dumps(raw.jws(client.key, client.protected(url, nonce=nonce), {"identifiers": [{"type": "dns", "value": f"n{front}.once.test"}]}))
        past = [lambda c=c, i=i: site.send(c, i % 3, url, body) for i, c in enumerate(clients[:25])]
        answers = at_once.together(past + [lambda c=c: c.send(url, body, {**raw.JOSE, "Connection": "close"}) for c in clients[25:]])
        assert sorted(map(at_once.kind, answers)) == [(201, "")] + [(400, "badNonce")] * 49
        fresh = {a.headers["Replay-Nonce"] for a in answers}
        assert len(fresh) == 50 and nonce not in fresh
        for i, one in enumerate(sorted(fresh)[:6]):
            assert kind(site.send(client, i % 3, client.kid, read_account(client, one))) == 200
        digest, end = hashlib.sha256(body.encode()).hexdigest(), time.monotonic() + 10
        count = f"SELECT count(*), count(DISTINCT frontend), count(*) FILTER (WHERE status = 201) FROM log.request WHERE body_sha256 = '\\x{digest}'"
        while (row := site.ca.sql(count)[0]) != ["50", "3", "1"]:
            assert time.monotonic() < end, row
            time.sleep(0.1)
    assert len(client.post(client.kid + "/orders").json()["orders"]) == 3


def test_clients_do_not_notice(site, responder_for):
    """A-37: whole issuances in which each request meets another front end, without one badNonce"""
    client = site.client()
    client.session.hooks["response"].append(lambda answer, *_, **__: codes.append(answer.status_code))
    codes, before = [], site.foreign("good")
    responder = responder_for(site.ca)
    for i in range(3):
        client.issue(responder, f"front-end-{i}.test")
    assert set(codes) <= {200, 201} and site.foreign("good") > before + 5
    assert all(site.metric(i, "rpc_served_total", 'method="wfe.RedeemNonce"') > 0 for i in range(3))


def test_a_broken_request_spends_a_foreign_nonce(site):
    """A-40"""
    client = site.client()
    nonce = site.nonce(client, 0)
    assert kind(site.send(client, 1, client.kid, {**read_account(client, nonce), "payload": "%"})) == "malformed"
    assert kind(site.send(client, 2, client.kid, read_account(client, nonce))) == "badNonce"


def retried(site, client, front, nonce):
    """Sends with a nonce that is to be refused, and again with the one that came with the refusal; gives the seconds that the refusal took."""
    start = time.monotonic()
    answer = site.send(client, front, client.kid, read_account(client, nonce))
    seconds = time.monotonic() - start
    raw.problem(answer, 400, "badNonce")
    assert kind(site.send(client, front, client.kid, read_account(client, answer.headers["Replay-Nonce"]))) == 200
    return seconds


def test_a_front_end_that_hangs(site):
    """A-38, A-41: the client gets a fresh nonce after at most a second, and others without waiting"""
    client = site.client()
    nonces = [site.nonce(client, 2) for _ in range(5)]
    os.kill(site.ca.pid(NAMES[2]), signal.SIGSTOP)
    try:
        assert retried(site, client, 0, nonces[0]) < 5
        assert min(retried(site, client, 0, nonce) for nonce in nonces[1:]) < 0.9
        assert any("could not be asked about a nonce" in line and json.loads(line)["level"] == "warn"
                   for line in site.ca.log(NAMES[0]).splitlines())
    finally:
        os.kill(site.ca.pid(NAMES[2]), signal.SIGCONT)


def test_a_front_end_that_is_killed_keeps_its_nonces(site):
    """A-41: what it made is good after its restart, what was used stays used, wherever it was"""
    client = site.client()
    used, unused = site.nonce(client, 2), [site.nonce(client, 2) for _ in range(60)]
    end = time.monotonic() + 60
    while kind(site.send(client, 0, client.kid, read_account(client, used))) != 200:
        assert time.monotonic() < end
        used = site.nonce(client, 2)
    site.ca.wait_ready(NAMES[2], after=site.ca.kill(NAMES[2]))
    for front in range(3):
        assert kind(site.send(client, front, client.kid, read_account(client, used))) == "badNonce"
    while kind(site.send(client, 0, client.kid, read_account(client, unused.pop()))) != 200:
        time.sleep(0.25)


def test_a_front_end_has_to_be_in_the_list(site):
    """The others would not find it."""
    files = [os.path.join(site.ca.folder, name) for name in ("overlay.yaml", "front-end-2.yaml")]
    os.mkdir(os.path.join(site.ca.state, "spool-lost"), 0o700)
    lost = site.ca.write("lost", {"wfe": {"rpc_address": "127.0.0.1:9", "spool_dir": "spool-lost"}})
    done = subprocess.run([os.path.join(instance.BUILD, "cairn-wfe"), "--config", os.path.join(site.ca.state, "cairn.yaml"),
                                    *(word for f in (*files, lost) for word in ("--config", f))], capture_output=True, text=True, timeout=60,
                                   check=False)
    assert done.returncode == 1 and "127.0.0.1:9" in done.stderr and "rpc.wfe" in done.stderr, done.stderr
