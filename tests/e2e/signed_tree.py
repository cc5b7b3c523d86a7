"""A DNS of its own on loopback: a signed root, signed and unsigned zones below it on servers of their own (Knot), some with what breaks
in the wild: signatures that ended, keys that do not fit, servers that fail for one type only. Names are resolved from the root's server by
referrals, so all servers have port 53, on addresses of their own."""
import datetime
import random
import socket
import socketserver
import struct
import threading

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.node
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec

import name_server

UNKNOWN_DS = "4711 13 2 " + "AB" * 32

# Below "tree.", which is signed with NSEC. Each is served as is said there, and delegated with the DS record of its key unless it is unsigned.
SIGNED = {"good.tree": "signed", "rsa.tree": "rsa", "rsa512.tree": "rsa512", "ed25519.tree": "ed25519", "p384.tree": "p384", "hashed.tree": "hashed",
          "island.tree": "signed", "wrong-ds.tree": "signed", "half-ds.tree": "signed", "downgraded.tree": "signed", "good.optout": "signed"}
UNSIGNED = ("plain.tree", "stripped.tree", "plain.optout")
# The servers of these fail; behind them the zones are whole.
FAULTY_SIGNED = {"mute-signed.tree": "signed", "failing-signed.tree": "signed", "cut.tree": "signed"}
FAULTY_UNSIGNED = ("lower.tree", "mute.tree", "failing.tree", "refusing.tree", "denying.tree", "lying.tree", "failing.optout")
# Signed once, with signatures of another time or of other octets.
STATIC = ("expired.tree", "early.tree", "tampered.tree")


def address_base():
    """127.X.Y, where port 53 is free; None where it can't be had."""
    for _ in range(20):
        base = f"127.{random.randint(64, 250)}.{random.randint(1, 250)}"
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as s:
                    s.bind((base + ".1", 53))
            return base
        except OSError:
            continue
    return None


class Front:
    """A server that asks another one, and answers otherwise by its rules: (end of the name, type or None) -> what to do."""

    def __init__(self, address, behind, rules):
        self.address, self.behind, self.rules, self.counts, self.names = address, behind, rules, {}, set()
        front = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self):
                packet, sock = self.request
                answer = front.answer(packet, False)
                if answer is not None:
                    sock.sendto(answer, self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self):
                while len(head := self.rfile.read(2)) == 2:
                    answer = front.answer(self.rfile.read(struct.unpack("!H", head)[0]), True)
                    if answer is None:
                        return
                    self.wfile.write(struct.pack("!H", len(answer)) + answer)

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self.servers = [socketserver.ThreadingUDPServer((address, 53), Udp), socketserver.ThreadingTCPServer((address, 53), Tcp)]
        for server in self.servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def rule(self, question):
        for (end, kind), rule in self.rules.items():
            if kind in (None, dns.rdatatype.to_text(question.rdtype)) and question.name.is_subdomain(dns.name.from_text(end)):
                return rule
        return None

    def answer(self, packet, by_tcp):
        query = dns.message.from_wire(packet)
        question = query.question[0]
        key = (question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype))
        self.counts[key] = self.counts.get(key, 0) + 1
        self.names.add(question.name.to_text())
        rule = self.rule(question)
        if rule == "silent":
            return None
        if isinstance(rule, dns.rcode.Rcode):
            failure = dns.message.make_response(query)
            failure.set_rcode(rule)
            return failure.to_wire()
        if rule == "lower":  # the question does not come back as it was
            query.question[0].name = question.name.canonicalize()
        answer = dns.query.tcp(query, self.behind.address, port=self.behind.port, timeout=60)
        if rule == "cut" and not by_tcp:
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.TC
        if rule == "lies":
            answer.flags |= dns.flags.AD
        return answer.to_wire()

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()


def sign_zone(zone, address, begins, ends, tamper=False):
    """The text of a small zone with NSEC, signed for that time, and the DS record of its key. tamper: other octets than were signed."""
    origin = dns.name.from_text(zone)
    private = ec.generate_private_key(ec.SECP256R1())
    key = dns.dnssec.make_dnskey(private.public_key(), "ECDSAP256SHA256", flags=257)
    names = {"": {"SOA": "ns hostmaster 1 60 60 600 5", "NS": "ns", "DNSKEY": key.to_text(), "A": "127.0.0.1"},
             "_acme-challenge.host": {"TXT": '"as signed"'}, "host": {"A": "127.0.0.1"}, "ns": {"A": address}}
    owners = sorted((dns.name.from_text(n, origin) if n else origin, sets) for n, sets in names.items())
    lines = []
    for i, (owner, sets) in enumerate(owners):
        after = owners[(i + 1) % len(owners)][0]
        sets = {**sets, "NSEC": " ".join([after.to_text(), *sets, "RRSIG", "NSEC"])}
        for kind, text in sets.items():
            rrset = dns.rrset.from_rdata(owner, 60, dns.rdata.from_text("IN", kind, text, origin=origin, relativize=False))
            signature = dns.dnssec.sign(rrset, private, origin, key, inception=begins, expiration=ends)
            shown = text.replace("as signed", "as read") if tamper else text
            shown = dns.rdata.from_text("IN", kind, shown, origin=origin, relativize=False).to_text()
            lines += [f"{owner} 60 {kind} {shown}", f"{owner} 60 RRSIG {signature.to_text()}"]
    return "\n".join(lines) + "\n", dns.dnssec.make_ds(origin, key, "SHA256").to_text()


def delegations(children, address):
    return "".join(f"{zone}. NS ns.{zone}.\nns.{zone}. A {address}\n" for zone in children)


class SignedTree:
    """tree.root_servers and tree.root_trust_anchors go into the configuration; tree.add(name, kind, value) adds a record."""

    def __init__(self):
        base = address_base()
        if base is None:
            raise PermissionError("port 53 of a loopback address can't be had")
        root, tops, leaves, faulty, nobody = (f"{base}.{n}" for n in range(1, 6))
        self.networks = [f"{base}.0/28"]  # all of them, and not the one below
        inside = f"{base}.200"
        self.trap = Front(inside, None, {(".", None): dns.rcode.REFUSED})
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        made = {"expired.tree": sign_zone("expired.tree", leaves, now - 9 * day, now - 2 * day),
                "early.tree": sign_zone("early.tree", leaves, now + 2 * day, now + 9 * day),
                "tampered.tree": sign_zone("tampered.tree", leaves, now - day, now + day, tamper=True)}
        content = {zone: text for zone, (text, _) in made.items()}
        content |= {zone: name_server.CONTENT.format(address=faulty) for zone in (*FAULTY_SIGNED, *FAULTY_UNSIGNED)}
        self.leaves = name_server.NameServer(*UNSIGNED, signed={**SIGNED, **FAULTY_SIGNED}, content=content, address=leaves, port=53)
        self.front = Front(faulty, self.leaves, {
            ("mute.tree", "CAA"): "silent", ("mute-signed.tree", "CAA"): "silent",
            ("failing.tree", "CAA"): dns.rcode.SERVFAIL, ("failing-signed.tree", "CAA"): dns.rcode.SERVFAIL,
            ("failing.optout", "CAA"): dns.rcode.SERVFAIL,
            ("refusing.tree", "CAA"): dns.rcode.REFUSED, ("denying.tree", "CAA"): dns.rcode.NXDOMAIN,
            ("lower.tree", None): "lower", ("cut.tree", None): "cut", ("lying.tree", None): "lies"})
        by_leaves = (*SIGNED, *UNSIGNED, *STATIC)
        by_faulty = (*FAULTY_SIGNED, *FAULTY_UNSIGNED)
        top = {}
        for zone in ("tree", "optout"):
            below = [[z for z in zones if z.endswith("." + zone)] for zones in (by_leaves, by_faulty)]
            top[zone] = name_server.CONTENT.format(address=tops) + delegations(below[0], leaves) + delegations(below[1], faulty)
        top["tree"] += delegations(["dead.tree", "dead-signed.tree"], nobody)
        top["tree"] += delegations(["inside.tree"], inside) + "inside-too.tree. NS trap.plain.tree.\n"
        self.tops = name_server.NameServer(signed={"tree": "signed", "optout": "optout"}, content=top, address=tops, port=53)
        self.root = name_server.NameServer(signed={".": "signed"}, address=root, port=53, content={
            ".": f". SOA ns.tree. hostmaster.tree. 1 60 60 600 5\n. NS ns.\nns. A {root}\n" + delegations(["tree", "optout"], tops)})
        self.delegate(made)
        self.leaves.add("plain.tree", "trap", "A", inside)
        self.root_servers = [self.root.forward]
        self.root_trust_anchors = [self.root.anchor(".")]

    def delegate(self, made):
        """Puts the DS records of the children's keys into their parents."""
        for zone in ("tree", "optout"):
            self.root.add(".", zone, "DS", self.tops.anchor(zone))
        for zone in (*SIGNED, *FAULTY_SIGNED):
            if zone not in ("island.tree", "wrong-ds.tree", "half-ds.tree", "downgraded.tree"):
                self.ds(zone, self.leaves.anchor(zone))
        for zone, (_, ds) in made.items():
            self.ds(zone, ds)
        for zone in ("wrong-ds.tree", "stripped.tree", "lying.tree", "dead-signed.tree"):
            self.ds(zone, UNKNOWN_DS)
        # Its parent says that it is signed by two algorithms; one of them is missing.
        self.ds("downgraded.tree", self.leaves.anchor("downgraded.tree"), "4711 8 2 " + "AB" * 32)
        name, key = dns.name.from_text("half-ds.tree"), self.leaves.key_of("half-ds.tree")
        good, bad = dns.dnssec.make_ds(name, key, "SHA1", policy=dns.dnssec.allow_all_policy), dns.dnssec.make_ds(name, key, "SHA256").to_text()
        self.ds("half-ds.tree", good.to_text(), bad[:-8] + ("00000000" if bad[-8:] != "00000000" else "11111111"))

    def ds(self, zone, *values):
        label, top = zone.split(".")
        self.tops.add(top, label, "DS", *values)

    def zone_of(self, name):
        return ".".join(name.rstrip(".").split(".")[-2:])

    def add(self, name, kind, *values, ttl=60):
        zone = self.zone_of(name)
        self.leaves.add(zone, name.removesuffix("." + zone) if name != zone else "@", kind, *values, ttl=ttl)

    def asked(self, name, kind):
        """How often the failing server was asked."""
        return self.front.counts.get((name + ".", kind), 0)

    def close(self):
        self.front.close()
        self.trap.close()
        for server in (self.root, self.tops, self.leaves):
            server.close()
