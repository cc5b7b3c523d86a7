"""A CA whose remote perspectives stand on networks of their own (networks.py), as docs/perspectives.md sets them up.

The subscriber's host and its name server are on networks of their own too, and so is an attacker, who has both their addresses and
gets the traffic that is diverted to him."""
import contextlib
import os
import shutil
import signal
import subprocess
import time

import pytest

import alpn_responder
import instance
import name_server
import networks
import raw
import responder

REMOTES = {"ams": ("RIPE", "52.37 4.90"), "sin": ("APNIC", "1.35 103.82"), "gru": ("LACNIC", "-23.55 -46.63"), "jnb": ("AFRINIC", "-26.20 28.05")}
WEB, OTHER_WEB, DNS = "198.51.100.10", "198.51.100.66", "203.0.113.53"
SEEING = {"timeout_s": 4, "http01_port": 80, "tlsalpn01_port": 443, "allow_networks": ["198.51.100.0/24"],
          "resolvers": [{"zone": "example", "forward": f"{DNS}@53", "dnssec": "off"}]}
ZONE = f"""$TTL 1
@ SOA ns hostmaster 1 60 60 600 1
@ NS ns
ns A {DNS}
* A {WEB}
"""
# In the attacker's zone names lead to his host; those below "caa" do not, but forbid every certificate.
OTHER_ZONE = ZONE.replace(f"* A {WEB}", f"* A {OTHER_WEB}\n*.caa A {WEB}\n*.caa CAA 0 issue \";\"")


class Remote:
    """A cairn-va as docs/perspectives.md sets it up: with nothing of the CA but its certificate, its key and the internal root."""

    def __init__(self, world, name):
        self.world, self.name, self.network = world, name, world.internet.networks[name]
        self.folder = os.path.join(world.folder, name)
        self.process = None

    def install(self, pki):
        shutil.copytree(os.path.join(pki, f"perspective-{self.name}"), os.path.join(self.folder, f"perspective-{self.name}"))
        shutil.copy(os.path.join(pki, "ca.pem"), self.folder)
        own = f"perspective-{self.name}/perspective-{self.name}"
        self.world.ca.write(f"{self.name}/perspective", {
            "rpc": {"ca_file": "ca.pem"},
            "va": {**self.world.seeing, "remote": True, "perspective": self.name, "rpc_listen": [self.world.address(self.name)],
                   "rpc_cert_file": own + ".pem", "rpc_key_file": own + ".key"}})

    def start(self):
        with self.network.inside(), open(os.path.join(self.folder, "log"), "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([os.path.join(instance.BUILD, "cairn-va"), "--config", os.path.join(self.folder, "perspective.yaml")],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            end = time.monotonic() + 60
            while subprocess.run(["curl", "-fsS", "-m", "2", "--noproxy", "*", "http://127.0.0.1:14112/readyz"], capture_output=True,
                                 check=False).returncode != 0:
                assert self.process.poll() is None and time.monotonic() < end, self.log()
                time.sleep(0.05)

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as f:
            return f.read()

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    @contextlib.contextmanager
    def stopped(self):
        self.stop()
        yield
        self.start()

    @contextlib.contextmanager
    def held(self):
        """It neither answers nor breaks a connection until the end, or until it is stopped."""
        self.process.send_signal(signal.SIGSTOP)
        yield
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)


class World:
    """Enters the network of the CA; everything that the thread does until close() is done from there. `seeing` is what all perspectives
    are configured by, and `remotes` who they are; the subscriber's host has the addresses `web`."""

    def __init__(self, config=None, remotes=None, seeing=None, web=(WEB,), shifted=False):
        self.closing = contextlib.ExitStack()
        self.places, self.seeing = remotes or REMOTES, seeing or SEEING
        self.internet = networks.Internet()
        self.closing.callback(self.internet.close)
        for name in ("ca", *self.places):
            self.internet.join(name)
        self.internet.join("dns", DNS)
        self.web = self.host("web", *web)
        self.attacker = self.host("attacker", OTHER_WEB, others=(*web, DNS))
        self.zones = {"dns": self.name_server("dns", ZONE), "attacker": self.name_server("attacker", OTHER_ZONE)}
        self.closing.enter_context(self.internet.networks["ca"].inside())
        self.ca = instance.Instance(instance.merge({
            "va": {**self.seeing, "perspective": "nyc", "region": "ARIN", "place": "40.71 -74.01",
                   "perspectives": [{"name": n, "address": self.address(n), "region": r, "place": p} for n, (r, p) in self.places.items()]},
            "ra": {"validation_attempts": 1}, "acme": {"caa_identities": ["ca.test"]}}, config or {}), shifted=shifted)
        self.folder = self.ca.folder
        self.closing.callback(self.ca.remove)
        self.remotes = {name: Remote(self, name) for name in self.places}
        self.told_to_end = 0  # processes of the CA, by a test

    def address(self, name):
        return f"{self.internet.address(name)}:14102"

    def host(self, name, *addresses, others=()):
        """Answers http-01 and, as its member alpn, tls-alpn-01."""
        with self.internet.join(name, *addresses, others=others).inside():
            one = responder.Responder(80, "0.0.0.0")
            one.alpn = alpn_responder.AlpnResponder(443, ("0.0.0.0",))
        self.closing.callback(one.close)
        self.closing.callback(one.alpn.close)
        return one

    def name_server(self, name, zone):
        with self.internet.networks[name].inside():
            one = name_server.NameServer(content={"example": zone}, address=DNS, port=53)
        self.closing.callback(one.close)
        return one

    def add(self, where, label, kind, value):
        """A record in the zone of the subscriber ("dns") or in what the attacker makes of it."""
        with self.internet.networks[where].inside():
            self.zones[where].add("example", label, kind, value, ttl=1)

    def open(self):
        self.ca.up()
        for remote in self.remotes.values():
            remote.install(os.path.join(self.ca.state, "pki", "internal"))
            self.closing.callback(remote.stop)
            remote.start()
        self.client = raw.Client(self.ca)
        assert self.client.register().status_code == 201

    def close(self):
        self.closing.close()

    def begin(self, name, good=True, attacked=False, kind="http-01"):
        """Orders the name or address and asks for its validation; whether the subscriber's host and the attacker's have the answer. Gives the
        order and the authorization's URL."""
        made = self.client.order_addresses(name) if name[0].isdigit() else self.client.order(name)
        assert made.status_code == 201, made.text
        (url,) = made.json()["authorizations"]
        challenge = self.client.challenge(url, kind)
        for host, answers in ((self.web, good), (self.attacker, attacked)):
            if answers:
                tokens, where = (host.alpn.tokens, name) if kind == "tls-alpn-01" else (host.tokens, challenge.get("token"))
                tokens[where] = self.client.key_authorization(challenge.get("token", ""))
        assert self.client.post(challenge["url"], {}).status_code == 200
        return made, url

    def end(self, url, seconds=60):
        return self.client.poll(url, ("valid", "invalid"), seconds).json()

    def validate(self, name, **answers):
        return self.end(self.begin(name, **answers)[1])

    def refused(self, name, problem="unauthorized", **answers):
        """What the client is told when the order of the name has failed."""
        made, url = self.begin(name, **answers)
        authorization = self.end(url)
        assert authorization["status"] == "invalid", authorization
        assert self.client.post(made.headers["Location"]).json()["status"] == "invalid"
        (error,) = [c["error"] for c in authorization["challenges"] if "error" in c]
        assert error["type"] == "urn:ietf:params:acme:error:" + problem, error
        return error["detail"]

    def records(self, name, condition="true"):
        """{perspective: (passed, dcv, late)} beside the first one's record, and its quorum."""
        rows = self.ca.sql(f"SELECT r.perspective, r.passed, coalesce(r.dcv::text, ''), r.late FROM log.validation v JOIN log.validation r ON r.id = ANY (v.round) "
                           f"WHERE v.identifier_value = '{name}' AND {condition}")
        return {row[0]: tuple(value in ("t", "true") for value in row[1:]) for row in rows}

    def quorum(self, name):
        return [row[0] for row in self.ca.sql(f"SELECT quorum FROM log.validation WHERE identifier_value = '{name}' AND round IS NOT NULL ORDER BY id")]

    def wait_for_records(self, name, condition="true"):
        """When all that were asked have one."""
        end = time.monotonic() + 60
        while len(found := self.records(name, condition)) < len(self.places):
            assert time.monotonic() < end, found
            time.sleep(0.1)
        return found

    def replay(self):
        done = self.ca.cairn("audit", "replay", "--database", self.ca.AUDITOR_DATABASE_URL, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


SEES, SEES_NOT = (True, True), (False, False)


def seen(records):
    return {name: record[:2] for name, record in records.items()}


def opened(**options):
    """A fixture's world; skips where the machine allows none."""
    why = networks.forbidden()
    if why is not None:
        pytest.skip(why)
    one = World(**options)
    try:
        one.open()
        yield one
        assert len(one.ca.deaths()) == one.told_to_end
    finally:
        one.close()
