"""CAA that is checked again at finalize, of many names by a name server that takes its time; and all that is kept of a host with many addresses."""
import contextlib
import json
import socketserver
import threading
import time
import urllib.parse

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

import instance
import raw
from test_dns01 import digest, start

TOP, NAMES, DELAY_S, AT_ONCE = "example", 100, 0.4, 16
FIVE = f"five.{TOP}"
FIVE_ADDRESSES = {dns.rdatatype.A: ["127.0.0.1", "10.0.0.1", "192.168.0.1"], dns.rdatatype.AAAA: ["2001:db8::1", "2001:db8::2"]}


class SlowZone:
    """zone.forward goes into va.resolvers: an address for each name, and no CAA but for the names in zone.forbidding. zone.delay_s: what
    each answer about CAA takes; zone.asked: the names whose CAA was asked for; zone.most: of how many at once; zone.records: what else is there, as
    (name, type) -> text."""

    def __init__(self, port):
        self.forward, self.delay_s, self.lock = f"127.0.0.1@{port}", 0, threading.Lock()
        self.forget()
        zone = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self):
                packet, sock = self.request
                with contextlib.suppress(OSError):
                    sock.sendto(zone.answer(packet), self.client_address)

        self.server = socketserver.ThreadingUDPServer(("127.0.0.1", port), Udp)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def forget(self):
        self.asked, self.under_way, self.most, self.forbidding, self.records = set(), [], 0, set(), {}

    def take_time(self, name):
        if name == TOP:
            return
        with self.lock:
            self.asked.add(name)
            self.under_way.append(name)
            self.most = max(self.most, len(set(self.under_way)))
        time.sleep(self.delay_s)
        with self.lock:
            self.under_way.remove(name)

    def answer(self, packet):
        query = dns.message.from_wire(packet)
        question, reply = query.question[0], dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        name = question.name.to_text(omit_final_dot=True).lower()
        if question.rdtype == dns.rdatatype.CAA:
            self.take_time(name)
        text = self.records.get((name, dns.rdatatype.to_text(question.rdtype)))
        if text is not None:
            reply.answer.append(dns.rrset.from_text(question.name, 5, "IN", question.rdtype, text))
        elif question.rdtype == dns.rdatatype.CAA and name in self.forbidding:
            reply.answer.append(dns.rrset.from_text(question.name, 5, "IN", "CAA", '0 issue ";"'))
        elif name == FIVE and question.rdtype in FIVE_ADDRESSES:
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", question.rdtype, *FIVE_ADDRESSES[question.rdtype]))
        elif question.rdtype == dns.rdatatype.A:
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "127.0.0.1"))
        else:
            reply.authority.append(dns.rrset.from_text(TOP + ".", 60, "IN", "SOA", f"ns.{TOP}. x.{TOP}. 1 60 60 60 5"))
        return reply.to_wire()

    def end(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def zone():
    one = SlowZone(instance.free_ports(1)[0])
    yield one
    one.end()


@pytest.fixture(scope="module")
def later(make_ca, zone):
    return make_ca({"va": {"resolvers": [{"zone": TOP, "forward": zone.forward, "dnssec": "off"}]}}, shifted=True)


def rechecks(ca, name):
    return ca.sql(f"SELECT passed, count(*) FROM log.validation WHERE method = 'caa' AND identifier_value LIKE '{name}' GROUP BY 1")


def aged_order(client, responder, zone, *names):
    """A ready order whose validations are too old for their CAA to count."""
    zone.delay_s = 0
    made = client.order(*names)
    assert made.status_code == 201, made.text
    client.validate(made.json(), responder)
    client.ca.pass_time(hours=8)
    client.nonces = []
    client.nonces.append(client.nonce())
    zone.forget()
    return made


def test_many_aged_names_and_a_slow_name_server(later, zone, responder_for):
    """C-36, C-37: a hundred names whose name server takes 0.4 s an answer are checked again within the time of one finalize, side by side but
    never too many at once, and each is on record"""
    client, responder = raw.Client(later), responder_for(later)
    client.register()
    names = [f"slow-{i}.{TOP}" for i in range(NAMES)]
    made = aged_order(client, responder, zone, *names)
    zone.delay_s = DELAY_S
    start = time.monotonic()
    done = client.post(made.json()["finalize"], {"csr": raw.b64(raw.csr(names)[0])})
    took = time.monotonic() - start
    print(f"finalize of {NAMES} aged names, {DELAY_S} s an answer: {done.status_code} after {took:.1f} s, {len(zone.asked)} asked, {zone.most} at once")
    assert done.status_code == 200, done.text
    assert client.poll(made.headers["Location"], ("valid", "invalid")).json()["status"] == "valid"
    assert zone.asked == set(names)
    assert AT_ONCE // 2 < zone.most <= AT_ONCE
    assert rechecks(later, "slow-%") == [["t", str(NAMES)]]
    assert took < NAMES * DELAY_S / 2


def test_what_passed_is_not_asked_for_again(later, zone, responder_for):
    """C-37: the next finalize asks about the names that CAA forbade, and no others"""
    client, responder = raw.Client(later), responder_for(later)
    client.register()
    names = [f"some-{i}.{TOP}" for i in range(20)]
    made = aged_order(client, responder, zone, *names)
    finalize = [made.json()["finalize"], {"csr": raw.b64(raw.csr(names)[0])}]
    zone.forbidding = set(names[3:7])
    refusal = raw.problem(client.post(*finalize), 403, "caa")
    assert [sub["identifier"]["value"] for sub in refusal["subproblems"]] == names[3:7]
    assert zone.asked == set(names)
    zone.forget()
    done = client.post(*finalize)
    assert done.status_code == 200, done.text
    assert zone.asked == set(names[3:7])
    assert sorted(rechecks(later, "some-%")) == [["f", "4"], ["t", "20"]]


def test_the_method_that_was_used_counts(later, zone):
    """C-43, C-44: a proof by dns-01 that a later order uses again stays one by dns-01 for CAA, whatever else the order could have been proved by"""
    client, name = raw.Client(later), f"used.{TOP}"
    client.register()
    zone.forget()
    zone.delay_s = 0
    (url,) = client.order(name).json()["authorizations"]
    zone.records[f"_acme-challenge.{name}", "TXT"] = digest(client, client.challenge(url, "dns-01")["token"])
    assert start(client, url)["status"] == "valid"
    later.pass_time(hours=8)
    client.nonces = []
    made = client.order(name)
    assert made.json()["status"] == "ready" and made.json()["authorizations"] == [url]
    ours = client.directory["meta"]["caaIdentities"][0]
    finalize = [made.json()["finalize"], {"csr": raw.b64(raw.csr([name])[0])}]
    for methods in ("http-01", "tls-alpn-01,http-01"):
        zone.records[name, "CAA"] = f'0 issue "{ours}; validationmethods={methods}"'
        refusal = raw.problem(client.post(*finalize), 403, "caa")
        assert "does not allow the validation method" in json.dumps(refusal), refusal
    zone.records[name, "CAA"] = f'0 issue "{ours}; validationmethods=http-01,dns-01"'
    done = client.post(*finalize)
    assert done.status_code == 200, done.text
    assert client.poll(made.headers["Location"], ("valid", "invalid")).json()["status"] == "valid"


def test_all_addresses_and_redirects_are_kept(later, zone, responder_for):
    """G-3: of a name with 3 A and 2 AAAA records all five addresses are stored, whichever was used, and both redirects"""
    client, responder = raw.Client(later), responder_for(later)
    client.register()
    zone.delay_s = 0
    expected = sorted(sum(FIVE_ADDRESSES.values(), []))

    def handler(request):
        if request.path.startswith("/there/"):
            request.reply(200, client.key_authorization(request.path.rpartition("/")[2]))
        else:
            to = "/there/" if request.path.startswith("/moved/") else "/moved/"
            request.reply(302, "", Location=f"http://{FIVE}:{later.HTTP01_PORT}{to}{request.path.rpartition('/')[2]}")
        return True

    responder.handler = handler
    client.validate(client.order(FIVE).json(), responder)
    ((attempts, resolutions),) = later.sql("SELECT attempts, resolutions FROM log.validation JOIN log.validation_private USING (id) "
                                           f"WHERE identifier_value = '{FIVE}' AND passed")
    looked_up = [one for one in json.loads(resolutions)["resolutions"] if one["type"] in ("A", "AAAA")]
    assert sorted(sum((one["answers"] for one in looked_up[:2]), [])) == expected
    hops = json.loads(attempts)["attempts"]
    assert [(hop["http_status"], urllib.parse.urlparse(hop.get("location", "")).path.split("/")[1:2]) for hop in hops] == \
        [(302, ["moved"]), (302, ["there"]), (200, [])]
    for hop in hops:
        assert sorted(hop["addresses_resolved"]) == expected and hop["address_used"] == "127.0.0.1", hop
