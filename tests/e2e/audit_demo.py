"""Demonstration data for docs/auditing.md: one day of a CA, the same each time but for keys, ids and times.

Run by itself it makes them, prints the shell variable by which psql and cairn reach them, and waits for the end of its input."""
import contextlib
import hashlib
import json
import os
import signal
import sys
import threading
import time

from requests.adapters import HTTPAdapter

import instance
import name_server
import raw
import responder as responder_module
import test_eab
import test_key_change
from name_server import SIGNED, TOP, ZONE

REMOTES = ("ams", "gru")
# What one remote perspective sees of the zone: one name leads elsewhere.
OTHER_VIEW = f"""$TTL 60
@ SOA ns hostmaster 1 60 60 600 5
@ NS ns
ns A 127.0.0.1
@ A 127.0.0.1
* A 127.0.0.1
split A 127.0.0.9
forbid A 127.0.0.1
forbid CAA 0 issue ";"
"""
RULES = """
rules:
  - name: corporation
    everybody: true
    names: [.corp.example, "*..corp.example", .signed.example]
"""
LAB = """  - name: lab
    accounts: [{account}]
    names: [.lab.test]
    without_challenge: true
"""


class Source(HTTPAdapter):
    """Requests that leave from one address of this host."""

    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *arguments, **options):
        super().init_poolmanager(*arguments, source_address=(self.address, 0), **options)


def digest(text):
    return raw.b64(hashlib.sha256(text.encode()).digest())


class Demo:
    """demo.ca, and what happened to it; close() ends all of it."""

    def __init__(self):
        self.closing = contextlib.ExitStack()
        self.server = self.close_later(name_server.NameServer(ZONE, TOP, signed=(SIGNED,)))
        self.other = self.close_later(name_server.NameServer(TOP, content={ZONE: OTHER_VIEW}))
        signed = {"zone": SIGNED, "forward": self.server.forward, "trust_anchors": [self.server.anchor(SIGNED)]}
        views = [[{"zone": TOP, "forward": server.forward, "dnssec": "off"}, signed] for server in (self.server, self.server, self.other)]
        ports = instance.free_ports(2 * len(REMOTES))
        further = [self.remote(name, ports[2 * i:], views[i + 1]) for i, name in enumerate(REMOTES)]
        self.ca = instance.Instance({
            "va": {"resolvers": views[0],
                   "perspectives": [{"name": one["va"]["perspective"], "address": one["va"]["rpc_listen"][0]} for one in further]},
            "ra": {"validation_attempts": 1}, "acme": {"caa_identities": ["ca.test"]}, "policy": {"profiles": [{"name": "classic"}, {"name": "short", "life": "6d"}]},
            "subscriber": {"seal_interval_ms": 100}}, perspectives=further)
        self.closing.callback(self.ca.remove)
        self.ca.up()
        self.responder = self.close_later(responder_module.Responder(int(self.ca.HTTP01_PORT)))
        self.close_later(responder_module.Responder(int(self.ca.HTTP01_PORT), "127.0.0.2")).tokens = self.responder.tokens
        self.certificates = {}
        try:
            for step in (self.first_day, self.names_by_dns, self.failures, self.operators, self.disclosure, self.looks, self.ends, self.crash, self.settle):
                step()
        except BaseException:
            print(self.ca.sql("SELECT identifier_value, method, perspective, problem, detail FROM audit.validation WHERE NOT passed"))
            self.close()
            raise

    def close_later(self, one):
        self.closing.callback(one.close)
        return one

    def close(self):
        self.closing.close()

    @staticmethod
    def remote(name, ports, resolvers):
        own = f"pki/internal/perspective-{name}/perspective-{name}"
        return {"va": {"remote": True, "perspectives": [], "perspective": name, "rpc_listen": [f"127.0.0.1:{ports[0]}"],
                       "metrics_listen": f"127.0.0.1:{ports[1]}", "rpc_cert_file": own + ".pem", "rpc_key_file": own + ".key", "resolvers": resolvers}}

    def client(self, name, address, **members):
        one = raw.Client(self.ca)
        one.session.mount("https://", Source(address))
        one.session.headers["User-Agent"] = f"{name}/1.0"
        assert one.register(**members(one) if callable(members) else members).status_code == 201
        return one

    def issue(self, client, *names):
        pem, key, _ = client.issue(self.responder, *names)
        leaf = raw.chain(pem)[0]
        self.certificates[names[0]] = (leaf, key)
        return leaf

    def serial(self, name):
        return f"{self.certificates[name][0].serial_number:036x}"

    def cairn(self, *arguments):
        files = [word for file in self.ca.CONFIG_FILES.split() for word in ("--config", file)]
        return self.ca.cairn(*arguments, *files)

    # ---- what happens ----

    def first_day(self):
        """Before there is a policy: one name, several, one whose host has two addresses, and one that is redirected."""
        self.alice = self.client("alice-client", "127.0.0.1")
        self.server.add(ZONE, "many", "A", "127.0.0.1", "127.0.0.2")
        self.other.add(ZONE, "many", "A", "127.0.0.1", "127.0.0.2")
        self.issue(self.alice, f"www.{ZONE}")
        self.issue(self.alice, f"shop.{ZONE}", f"blog.{ZONE}")
        self.issue(self.alice, f"many.{ZONE}")

        def redirect(request):
            if not request.headers["Host"].startswith("moved."):
                return False
            request.reply(302, "", Location=f"http://www.{ZONE}:{self.ca.HTTP01_PORT}{request.path}")
            return True
        self.responder.handler = redirect
        self.issue(self.alice, f"moved.{ZONE}")

    def by_dns(self, client, name, zone, where=None):
        made = client.order(name).json()
        challenge = client.challenge(made["authorizations"][0], "dns-01")
        for server in (self.server, self.other)[:2 if zone == ZONE else 1]:
            server.add(zone, where or "_acme-challenge." + name.removeprefix("*.").removesuffix("." + zone), "TXT", digest(client.key_authorization(challenge["token"])))
        client.post(challenge["url"], {})
        assert client.poll(made["authorizations"][0], ("valid", "invalid")).json()["status"] == "valid"
        self.issue(client, name)

    def names_by_dns(self):
        """A wildcard, a zone that is signed, and a challenge that was delegated by an alias."""
        self.by_dns(self.alice, f"*.wild.{ZONE}", ZONE)
        self.by_dns(self.alice, f"safe.{SIGNED}", SIGNED)
        for server in (self.server, self.other):
            server.add(ZONE, "_acme-challenge.alias", "CNAME", f"keep.delegated.{ZONE}.")
        self.by_dns(self.alice, f"alias.{ZONE}", ZONE, "keep.delegated")

    def fail(self, client, name, body=None):
        url = client.order(name).json()["authorizations"][0]
        challenge = client.challenge(url)
        self.responder.tokens[challenge["token"]] = body or client.key_authorization(challenge["token"])
        client.post(challenge["url"], {})
        assert client.poll(url, ("valid", "invalid")).json()["status"] == "invalid"

    def failures(self):
        """A wrong answer, CAA that forbids, and a name that one perspective of three is led astray about."""
        self.mallory = self.client("mallory-client", "127.0.0.66")
        self.server.add(ZONE, "forbid", "A", "127.0.0.1")
        self.server.add(ZONE, "forbid", "CAA", '0 issue ";"', '0 iodef "mailto:security@corp.example"')
        self.fail(self.mallory, f"stolen.{ZONE}", "not the key authorization")
        self.fail(self.mallory, f"forbid.{ZONE}")
        assert self.mallory.send(self.mallory.directory["newOrder"], "no JWS").status_code == 400
        self.issue(self.alice, f"split.{ZONE}")

    def apply(self, text):
        path = self.ca.write("rules", {})
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        self.cairn("policy", "apply", path, "--yes")

    def operators(self):
        """External account keys, two policies, a name without a challenge, and what the policy refuses."""
        key = json.loads(self.cairn("eab", "create", "--label", "laboratory", "--yes", "--json").stdout)
        self.bob = raw.Client(self.ca)
        self.bob.session.mount("https://", Source("127.0.0.2"))
        self.bob.session.headers["User-Agent"] = "bob-client/2.0"
        self.apply(RULES)
        assert self.bob.register(externalAccountBinding=test_eab.binding(self.bob, key)).status_code == 201
        assert self.bob.order("x.lab.test").status_code == 400
        self.apply(RULES + LAB.format(account=self.bob.kid.rpartition("/")[2]))
        made = self.bob.order("x.lab.test").json()
        der, _ = raw.csr(["x.lab.test"])
        done = self.bob.post(made["finalize"], {"csr": raw.b64(der)})
        assert done.status_code == 200 and done.json()["status"] == "valid", done.text
        self.issue(self.bob, f"bob.{ZONE}")
        self.cairn("limits", "set", "NewOrdersPerAccount", self.bob.kid.rpartition("/")[2], "--count", "500", "--period", "1h", "--reason", "migration", "--yes")

    def disclosure(self):
        """Somebody asks for what is known of Alice, and an officer refuses."""
        scope = self.ca.write("scope", {"items": [{"view": "request", "columns": ["remote_address"], "accounts": [self.alice.kid.rpartition("/")[2]]}]})
        done = self.cairn("disclose", "receive", "--kind", "subpoena", "--from", "A lawyer", "--reference", "7", "--scope", scope, "--yes", "--json")
        self.cairn("disclose", "refuse", json.loads(done.stdout)["case"], "--reason", "no judge has signed it", "--yes")

    def looks(self):
        """Bob asks what is held about him, an operator looks for him, and he takes a new key."""
        assert self.bob.post(self.bob.post(self.bob.kid).json()["subjectData"] + "?part=account").status_code == 200
        self.cairn("audit", "subject", self.bob.kid.rpartition("/")[2], "--reason", "he wrote on Monday", "--out", os.path.join(self.ca.work, "subject.json"))
        key = raw.ec_key()
        assert test_key_change.change(self.bob, key).status_code == 200
        self.bob.key = key

    def ends(self):
        """Revocations by the account and by the key of a certificate; an account that an operator shuts off."""
        def revoke(name, client, reason, **how):
            der = self.certificates[name][0].public_bytes(raw.serialization.Encoding.DER)
            answer = client.post(client.directory["revokeCert"], {"certificate": raw.b64(der), "reason": reason}, **how)
            assert answer.status_code == 200, answer.text
        revoke(f"shop.{ZONE}", self.alice, 4)
        key = self.certificates[f"bob.{ZONE}"][1]
        revoke(f"bob.{ZONE}", self.bob, 1, key=key, kid=None, jwk=raw.jwk(key))
        self.cairn("account", "revoke", self.mallory.kid.rpartition("/")[2], "--reason", "abuse", "--yes")
        self.mallory.session.mount("https://", Source("127.0.0.67"))
        assert self.mallory.order(f"Again.{ZONE}").status_code == 401

    def crash(self):
        """The front end dies while it works on a request, whose outcome then nobody knows."""
        ra = self.ca.pid("cairn-ra")
        before = self.ca.pid("cairn-wfe")
        os.kill(ra, signal.SIGSTOP)
        try:
            def ask():
                with contextlib.suppress(Exception):
                    self.alice.order(f"lost.{ZONE}")
            thread = threading.Thread(target=ask)
            self.alice.nonce()
            thread.start()
            time.sleep(1)
            self.ca.kill("cairn-wfe")
            thread.join(30)
        finally:
            os.kill(ra, signal.SIGCONT)
        self.ca.wait_ready("cairn-wfe", after=before)

    def settle(self):
        """Until all is in the database, sealed and signed for, revoked certificates are listed, every perspective that was asked is on record (late
        ones too, which nobody waits for), and so is what became of the request whose front end died."""
        wanted = {"SELECT count(*) FROM audit.request WHERE outcome = 'unknown'": "1",
                  "SELECT count(*) FROM audit.event e JOIN audit.request r ON r.id = e.request_id WHERE r.outcome = 'unknown'": "2",
                  "SELECT count(*) FROM audit.validation v, unnest(v.round) AS asked WHERE NOT EXISTS (SELECT FROM audit.validation r WHERE r.id = asked)": "0",
                  "SELECT bool_or(entries = 2) FROM audit.crl": "t", "SELECT count(*) FROM log.unsealed": "0",
                  "SELECT (SELECT size FROM log.tree) = (SELECT max(size) FROM log.checkpoint)": "t"}
        end = time.monotonic() + 90
        while any(self.ca.sql(query) != [[value]] for query, value in wanted.items()):
            assert time.monotonic() < end, [(query, self.ca.sql(query)) for query in wanted]
            time.sleep(0.2)


if __name__ == "__main__":
    demo = Demo()
    try:
        print(f"export AUDITOR_DATABASE_URL='{demo.ca.AUDITOR_DATABASE_URL}' CAIRN='{demo.ca.CAIRN}'", flush=True)
        sys.stdin.read()
    finally:
        demo.close()
