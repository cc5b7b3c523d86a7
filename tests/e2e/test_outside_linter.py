"""An outside linter with pkimetal's interface, asked by the CA as it is shipped: what it refuses, and that it is away; and a profile that our own lints refuse."""
import base64
import contextlib
import http.server
import json
import re
import threading
import urllib.parse

import pytest
import requests

import raw
from test_witness import until

FINDING = [{"Linter": "zlint", "Finding": "e_something", "Severity": "error"}]
LINTERS = [{"Name": "zlint", "Instances": 2, "Version": "v3.6.8"}, {"Name": "ftfy", "Instances": 0, "Version": "6.3"},
           {"Name": "pkilint", "Instances": 1, "Version": "v0.13.1"}]


class Linter(http.server.BaseHTTPRequestHandler):
    def answer(self, body, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):  # who got too much goes away
            self.wfile.write(body)

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.seen.append((self.path, form))
        self.server.going_on.wait(60)
        self.answer(self.server.body, self.server.status)

    def do_GET(self):
        self.answer(json.dumps(LINTERS).encode(), 200 if self.path == "/linters" else 404)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), Linter)
        self.seen, self.going_on = [], threading.Event()
        self.be()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def be(self, body=b"[]", status=200):
        self.body, self.status = body, status
        self.going_on.set()

    def kill(self):
        self.going_on.set()
        self.shutdown()
        self.server_close()


class World:
    def __init__(self, make_ca):
        self.linter = Server()
        self.ca = make_ca({"ca": {"linter_url": f"http://127.0.0.1:{self.linter.server_port}", "linter_timeout_ms": 1000}}, signatures=True)
        self.client = raw.Client(self.ca)
        assert self.client.register().status_code == 201

    def ready(self, name, answers):
        """A ready order of the name, and its URL."""
        made = self.client.order(name)
        assert made.status_code == 201, made.text
        self.client.validate(made.json(), answers)
        return made.json(), made.headers["Location"]

    def finalize(self, order):
        return self.client.post(order["finalize"], {"csr": raw.b64(raw.csr([order["identifiers"][0]["value"]])[0])})

    def signed(self, name):
        """What cairn-ca signed with the name, whoever has it."""
        return [tbs for tbs, _ in self.ca.signatures() if name.encode() in tbs]

    def configured(self):
        return [word for path in self.ca.CONFIG_FILES.split() for word in ("--config", path)]

    def alarms(self):
        done = self.ca.cairn("alarm", "list", *self.configured(), "--json")
        return {one["kind"]: one for one in json.loads(done.stdout)["alarms"]}

    def acknowledge(self):
        for one in self.alarms().values():
            self.ca.cairn("alarm", "acknowledge", one["id"], "--true", "--note", "a test", *self.configured(), "--yes")

    def refused(self, url):
        """The record of the refusal of this order."""
        ((facts,),) = self.ca.sql(f"SELECT facts::text FROM log.event WHERE kind = 'certificate.refused' AND order_id = cairn.id_of('{url.rsplit('/', 1)[1]}')")
        return json.loads(facts)


@pytest.fixture(scope="module")
def world(make_ca):
    one = World(make_ca)
    yield one
    one.linter.kill()


@pytest.fixture
def answers(world, responder_for):
    world.linter.be()
    world.acknowledge()
    return responder_for(world.ca)


def test_it_is_asked_and_its_version_is_on_record(world, answers):
    """F-31"""
    ca = world.ca
    world.client.issue(answers, "good.linted.test")
    path, form = world.linter.seen[-1]
    assert path == "/linttbscert" and form["format"] == ["json"] and len(form["b64input"][0]) > 400
    # the record of the issuance has the versions of all that looked, ours among them
    ((linters,),) = ca.sql("""SELECT string_agg(concat_ws(' ', l->>'name', l->>'version'), '; ') FROM log.event e JOIN cairn.linters s ON s.id = e.facts->>'linters',
        jsonb_array_elements(s.linters) l WHERE e.kind = 'certificate.issued'""")
    assert re.fullmatch(r"cairn [0-9.]+, \d+ rows [0-9a-f]{16}; pkilint v0\.13\.1; zlint v3\.6\.8", linters), linters
    assert ca.sql("SELECT count(*) FROM log.event e JOIN cairn.linters s ON s.id = e.facts->>'set' AND s.linters = e.facts->'linters' WHERE e.kind = 'linters.introduced'") == [["1"]]
    serial = ca.sql("SELECT encode(serial, 'hex') FROM ca.certificate WHERE der IS NOT NULL LIMIT 1", role="cairn_owner")[0][0]
    assert f"linters: {linters}" in ca.cairn("audit", "why", serial, "--database", ca.AUDITOR_DATABASE_URL, check=False).stdout
    assert world.alarms() == {}


def test_what_it_finds_an_error_in_is_not_signed(world, answers):
    """F-30, F-32, F-70: the order ends, octets and finding are on record, and somebody is told which lint and certificate"""
    order, url = world.ready("bad.linted.test", answers)
    world.linter.be(json.dumps(FINDING).encode())
    raw.problem(world.finalize(order), 500, "serverInternal")
    ended = world.client.post(url).json()
    assert ended["status"] == "invalid" and ended["error"]["type"].endswith(":serverInternal") and "zlint" not in ended["error"]["detail"], ended
    raw.problem(world.finalize(order), 403, "orderNotReady")
    assert not world.signed("bad.linted.test")
    assert not world.ca.sql("SELECT 1 FROM ca.certificate WHERE 'bad.linted.test' = ANY (names)", role="cairn_owner")
    facts = world.refused(url)
    assert facts["why"] == "the outside linter refuses: zlint: e_something" and facts["profile"] == "classic"
    _, form = world.linter.seen[-1]
    assert base64.b64decode(facts["tbs"]) == base64.b64decode(form["b64input"][0]) and bytes.fromhex(facts["serial"]) in base64.b64decode(facts["tbs"])
    ((linters,),) = world.ca.sql(f"SELECT linters::text FROM cairn.linters WHERE id = '{facts['linters']}'")
    assert "v3.6.8" in linters
    alarm = world.alarms()["certificate-refused"]
    assert alarm["subject"] == "classic" and all(part in alarm["detail"] for part in (facts["serial"], url.rsplit("/", 1)[1], "zlint: e_something")), alarm
    world.linter.be()
    world.client.issue(answers, "bad.linted.test")  # another order is another try


SILENT = {"rubbish": (b"<html>no</html>", 200, "not of the form that pkimetal has"), "another-form": (b'[{"Linter": "zlint"}]', 200, "not of the form"),
          "an-error": (b"[]", 500, "status 500"), "too-much": (b"[]" + b" " * 1000000, 200, "more than 256 kB")}


def nothing_for(world, order, url, name, why):
    """What a client meets while the linter gives no answer: the order waits, nothing is signed, somebody is told."""
    again = raw.problem(world.finalize(order), 503, "serverInternal")
    assert "linter" in again["detail"]
    assert world.client.post(url).json()["status"] == "ready" and not world.signed(name)
    until(lambda: "linter-silent" in world.alarms())
    alarm = world.alarms()["linter-silent"]
    assert why in alarm["detail"] and alarm["detail"].endswith("Nothing is signed"), alarm
    assert "certificate-refused" not in world.alarms()


def goes_on(world, order, url, name):
    done = world.finalize(order)
    assert done.status_code == 200 and world.client.poll(url, ("valid", "invalid")).json()["status"] == "valid", done.text
    assert len(world.signed(name)) == 1


@pytest.mark.parametrize("kind", SILENT)
def test_an_answer_that_is_none(world, answers, kind):
    """F-32"""
    body, status, why = SILENT[kind]
    name = f"{kind}.linted.test"
    order, url = world.ready(name, answers)
    world.linter.be(body, status)
    nothing_for(world, order, url, name, why)
    world.linter.be()
    goes_on(world, order, url, name)


def test_it_hangs(world, answers):
    """F-32"""
    order, url = world.ready("hung.linted.test", answers)
    world.linter.going_on.clear()
    nothing_for(world, order, url, "hung.linted.test", "Timeout was reached")
    world.linter.be()
    goes_on(world, order, url, "hung.linted.test")


def test_it_is_killed(world, answers):
    """F-32"""
    order, url = world.ready("killed.linted.test", answers)
    port = world.linter.server_port
    world.linter.kill()
    try:
        nothing_for(world, order, url, "killed.linted.test", "connect")
        metrics = requests.get(f"http://{world.ca.metrics_address('cairn-ca')}/metrics", timeout=60).text
        assert 'cairn_linter_asked_total{answer="silent"}' in metrics
    finally:
        world.linter = Server(port)
    goes_on(world, order, url, "killed.linted.test")


def restart_ca(world, config):
    """cairn-ca alone has this configuration from now on."""
    before = world.ca.pid("cairn-ca")
    with open(world.ca.CONFIG_FILES.split()[1], "w", encoding="utf-8") as f:
        json.dump(config, f)
    world.ca.kill("cairn-ca")
    world.ca.wait_ready("cairn-ca", after=before)


def test_a_faulty_profile_signs_nothing(world, answers):
    """F-30, F-70: the CA's profile is another one than what was ordered by; its own lints see it"""
    order, url = world.ready("faulty.linted.test", answers)
    profiles = json.loads(world.ca.cairn("config", "show", "--json", *world.configured()).stdout)["policy"]["profiles"]
    faulty = [{**one, "key_types": ["rsa"]} if one["name"] == "classic" else one for one in profiles]
    asked = len(world.linter.seen)
    restart_ca(world, {**world.ca.config, "policy": {**world.ca.config.get("policy", {}), "profiles": faulty}})
    try:
        raw.problem(world.finalize(order), 500, "serverInternal")
        ended = world.client.post(url).json()
        assert ended["status"] == "invalid" and ended["error"]["type"].endswith(":serverInternal"), ended
        assert not world.signed("faulty.linted.test") and len(world.linter.seen) == asked
        facts = world.refused(url)
        assert facts["why"] == "lint key_of_profile (B-24)" and b"faulty.linted.test" in base64.b64decode(facts["tbs"])
        alarm = world.alarms()["certificate-refused"]
        assert alarm["subject"] == "classic" and facts["serial"] in alarm["detail"] and "lint key_of_profile (B-24)" in alarm["detail"], alarm
        other, _ = world.ready("faulty-too.linted.test", answers)  # one alarm for all that are ordered of it
        raw.problem(world.finalize(other), 500, "serverInternal")
        assert world.alarms()["certificate-refused"]["times"] == 2
    finally:
        restart_ca(world, world.ca.config)
    world.client.issue(answers, "faulty.linted.test")


def test_where_it_is_not_required_somebody_is_told_all_the_same(world, answers):
    """F-32, F-70: what it finds an error in is refused there, too"""
    restart_ca(world, {**world.ca.config, "ca": {**world.ca.config["ca"], "linter_required": False}})
    try:
        world.linter.be(b"<html>no</html>")
        world.client.issue(answers, "unlinted.test")
        until(lambda: "linter-silent" in world.alarms())
        assert world.alarms()["linter-silent"]["detail"].endswith("Certificates are signed without it")
        order, _ = world.ready("refused.unlinted.test", answers)
        world.linter.be(json.dumps(FINDING).encode())
        raw.problem(world.finalize(order), 500, "serverInternal")
        assert not world.signed("refused.unlinted.test")
    finally:
        restart_ca(world, world.ca.config)
