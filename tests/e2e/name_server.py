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
    listen: {address}@{port}
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
{policies}
template:
  - id: default
    storage: "{folder}"
    acl: update
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: changes
zone:
{zones}
"""
POLICIES = {
    "signed": {"algorithm": "ecdsap256sha256"},
    "rsa": {"algorithm": "rsasha256"},
    "rsa512": {"algorithm": "rsasha512"},
    "ed25519": {"algorithm": "ed25519"},
    "p384": {"algorithm": "ecdsap384sha384"},
    "hashed": {"algorithm": "ecdsap256sha256", "nsec3": "on"},
    "optout": {"algorithm": "ecdsap256sha256", "nsec3": "on", "nsec3-opt-out": "on"},
}
CONTENT = """$TTL 60
@ SOA ns hostmaster 1 60 60 600 5
@ NS ns
ns A {address}
@ A 127.0.0.1
* A 127.0.0.1
"""
UPDATE = """#!/bin/sh
# $1: add or delete; $2: the name; $3: the value
nsupdate -y hmac-sha256:{key}:{secret} <<END
server 127.0.0.1 {port}
zone {zone}
update $1 _acme-challenge.$2. 60 TXT "$3"
send
END
"""


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


def policies():
    lines = []
    for name, options in POLICIES.items():
        lines += [f"  - id: {name}", "    single-type-signing: on", "    cds-cdnskey-publish: none"]
        lines += [f"    {key}: {value}" for key, value in options.items()]
    return "\n".join(lines)


class NameServer:
    """server.port, server.forward (as va.resolvers has it), server.secret. Every name of its zones has the address 127.0.0.1. Zones of
    `signed` are signed by a policy: a dictionary, or a list for the policy "signed". `content` has zones whose file is given."""

    def __init__(self, *zones, signed=(), content=None, address="127.0.0.1", port=None):
        self.folder = tempfile.mkdtemp(prefix="cairn-dns-")
        self.address, self.port = address, port or instance.free_ports(1)[0]
        self.forward = f"{self.address}@{self.port}"
        signed = signed if isinstance(signed, dict) else dict.fromkeys(signed, "signed")
        content = content or {}
        self.secret = base64.b64encode(secrets.token_bytes(32)).decode()
        self.keyring = dns.tsigkeyring.from_text({KEY: self.secret})
        os.mkdir(os.path.join(self.folder, "db"))
        lines = []
        for number, zone in enumerate(dict.fromkeys((*zones, *signed, *content))):
            lines += [f"  - domain: {zone}", f"    file: {number}.zone"]
            if zone in signed:
                lines += ["    dnssec-signing: on", f"    dnssec-policy: {signed[zone]}"]
            with open(os.path.join(self.folder, f"{number}.zone"), "w", encoding="ascii") as f:
                f.write(content.get(zone) or CONTENT.format(address=address))
        config = os.path.join(self.folder, "knot.conf")
        with open(config, "w", encoding="ascii") as f:
            f.write(CONFIG.format(folder=self.folder, address=address, port=self.port, key=KEY, secret=self.secret,
                                  policies=policies(), zones="\n".join(lines)))
        self.log = open(os.path.join(self.folder, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(["/usr/sbin/knotd", "-c", config], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.wait_until_it_answers((*zones, *signed, *content))

    def wait_until_it_answers(self, zones):
        end = time.monotonic() + 60
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
        return dns.query.udp(dns.message.make_query(name, kind), self.address, port=self.port, timeout=1)

    def key_of(self, zone):
        """The one key of a signed zone."""
        end = time.monotonic() + 60
        while not (answer := self.ask(zone, "DNSKEY")).answer:
            assert time.monotonic() < end, "the zone is not signed"
            time.sleep(0.05)
        (key,) = answer.answer[0]
        return key

    def anchor(self, zone):
        """The DS record of a signed zone's key."""
        return dns.dnssec.make_ds(dns.name.from_text(zone), self.key_of(zone), "SHA256").to_text()

    def update(self, zone):
        """A change of the zone, to be filled and given to send()."""
        return dns.update.Update(zone, keyring=self.keyring, keyname=KEY, keyalgorithm="hmac-sha256")

    def send(self, change):
        answer = dns.query.tcp(change, self.address, port=self.port, timeout=60)
        assert answer.rcode() == dns.rcode.NOERROR, answer

    def add(self, zone, name, kind, *values, ttl=60):
        """Adds records; the name is as in the zone's file."""
        change = self.update(zone)
        for value in values:
            change.add(dns.name.from_text(name, dns.name.from_text(zone)), ttl, kind, value)
        self.send(change)

    def remove(self, zone, name, *kind):
        change = self.update(zone)
        change.delete(dns.name.from_text(name, dns.name.from_text(zone)), *kind)
        self.send(change)

    def updater(self, path):
        """Writes a program that changes challenges of ZONE: PATH add|delete NAME VALUE."""
        return script(path, UPDATE.format(key=KEY, secret=self.secret, port=self.port, zone=ZONE))

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
