"""A real name server (Knot) on loopback with zones of its own, which takes dynamic updates signed by TSIG (RFC 2136, RFC 8945)."""
import base64
import os
import secrets
import shutil
import subprocess
import tempfile
import time

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update

import instance

TOP, ZONE, OTHER = "example", "corp.example", "acme.example"
SIGNED, BROKEN = "signed.example", "broken.example"
KEY = "acme-update"
CONFIG = """
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
    tcp-reuseport: off
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: "{folder}/db"
    journal-db-max-size: 64M
    kasp-db-max-size: 64M
    timer-db-max-size: 16M
key:
  - id: {key}
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: update
    key: {key}
    action: [update, transfer]
policy:
  - id: signed
    algorithm: ecdsap256sha256
    single-type-signing: on
    cds-cdnskey-publish: none
template:
  - id: default
    storage: "{folder}"
    file: "%s.zone"
    acl: update
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: changes
zone:
{zones}
"""
CONTENT = """$TTL 60
@ SOA ns hostmaster 1 60 60 600 5
@ NS ns
ns A 127.0.0.1
@ A 127.0.0.1
* A 127.0.0.1
"""


class NameServer:
    """server.port, server.forward (as va.resolvers has it), server.secret. Every name of its zones has the address 127.0.0.1."""

    def __init__(self, *zones, signed=()):
        self.folder = tempfile.mkdtemp(prefix="cairn-dns-")
        (self.port,) = instance.free_ports(1)
        self.forward = f"127.0.0.1@{self.port}"
        self.secret = base64.b64encode(secrets.token_bytes(32)).decode()
        self.keyring = dns.tsigkeyring.from_text({KEY: self.secret})
        os.mkdir(os.path.join(self.folder, "db"))
        lines = []
        for zone in (*zones, *signed):
            lines.append(f"  - domain: {zone}")
            if zone in signed:
                lines += ["    dnssec-signing: on", "    dnssec-policy: signed"]
            with open(os.path.join(self.folder, zone + ".zone"), "w", encoding="ascii") as f:
                f.write(CONTENT)
        config = os.path.join(self.folder, "knot.conf")
        with open(config, "w", encoding="ascii") as f:
            f.write(CONFIG.format(folder=self.folder, port=self.port, key=KEY, secret=self.secret, zones="\n".join(lines)))
        self.log = open(os.path.join(self.folder, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(["/usr/sbin/knotd", "-c", config], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.wait_until_it_answers(zones + tuple(signed))

    def wait_until_it_answers(self, zones):
        end = time.monotonic() + 20
        for zone in zones:
            while not self.answers(zone):
                if time.monotonic() > end or self.process.poll() is not None:
                    self.log.seek(0)
                    raise RuntimeError("the name server does not answer:\n" + self.log.read())
                time.sleep(0.05)

    def answers(self, zone):
        try:
            return self.ask(zone, "SOA").rcode() == dns.rcode.NOERROR
        except (OSError, dns.exception.DNSException):
            return False

    def ask(self, name, kind):
        return dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=self.port, timeout=1)

    def anchor(self, zone):
        """The DS record of a signed zone's key."""
        end = time.monotonic() + 20
        while not (answer := self.ask(zone, "DNSKEY")).answer:
            assert time.monotonic() < end, "the zone is not signed"
            time.sleep(0.05)
        (key,) = answer.answer[0]
        return dns.dnssec.make_ds(dns.name.from_text(zone), key, "SHA256").to_text()

    def update(self, zone):
        """A change of the zone, to be filled and given to send()."""
        return dns.update.Update(zone, keyring=self.keyring, keyname=KEY, keyalgorithm="hmac-sha256")

    def send(self, change):
        answer = dns.query.tcp(change, "127.0.0.1", port=self.port, timeout=5)
        assert answer.rcode() == dns.rcode.NOERROR, answer

    def add(self, zone, name, kind, *values):
        """Adds records; the name is as in the zone's file."""
        change = self.update(zone)
        for value in values:
            change.add(dns.name.from_text(name, dns.name.from_text(zone)), 60, kind, value)
        self.send(change)

    def remove(self, zone, name, *kind):
        change = self.update(zone)
        change.delete(dns.name.from_text(name, dns.name.from_text(zone)), *kind)
        self.send(change)

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
