"""Zones that cost a validator as much as they can: KeyTrap (keys of one tag, and signatures that fit none of them, CVE-2023-50387), with keys whose
exponent is as long as their modulus; and NSEC3 with as many iterations as count (CVE-2023-50868). What is wrong is made once; a server sends it."""
import contextlib
import datetime
import secrets
import socketserver
import struct
import threading

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec

RSASHA256 = 8
MODULUS = 384  # of more octets, OpenSSL takes short exponents only


def key_tag(rdata):
    total = sum(o << 8 if i % 2 == 0 else o for i, o in enumerate(rdata))
    return (total + (total >> 16)) & 0xffff


def slow_key(tag):
    """A DNSKEY of this tag whose exponent costs as much as a private key's."""
    head = struct.pack("!HBB", 256, 3, RSASHA256) + b"\x00" + struct.pack("!H", MODULUS)
    exponent = b"\xff" + secrets.token_bytes(MODULUS - 2) + b"\x01"
    modulus = bytearray(b"\xff" + secrets.token_bytes(MODULUS - 2) + b"\x01")
    at = len(head) + len(exponent) + 100
    at += at % 2
    for guess in range(0x10000):
        struct.pack_into("!H", modulus, at - len(head) - len(exponent), guess)
        if key_tag(head + exponent + bytes(modulus)) == tag:
            return dns.rdata.from_wire("IN", "DNSKEY", wire := head + exponent + bytes(modulus), 0, len(wire))
    raise RuntimeError("no such key")


class HostileZone:
    """zone.forward and zone.anchor go into va.resolvers. Every name below it has an address and a TXT record, with signatures that are none, and no
    CAA: the denial of that has such signatures too. With iterations it denies everything, by NSEC3 with good signatures and the longest salt."""

    def __init__(self, zone, port, keys=4, signatures=8, iterations=None):
        self.iterations, self.salt = iterations, "AB" * 255
        self.origin = dns.name.from_text(zone)
        self.now = datetime.datetime.now(datetime.timezone.utc)
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.own = dns.dnssec.make_dnskey(self.private.public_key(), "ECDSAP256SHA256", flags=257)
        self.anchor = dns.dnssec.make_ds(self.origin, self.own, "SHA256").to_text()
        self.tag, self.signatures = 4711, signatures
        self.keys = dns.rrset.from_rdata(self.origin, 60, self.own, *(slow_key(self.tag) for _ in range(keys)))
        self.keys_signed = self.signed(self.keys)
        self.forward = f"127.0.0.1@{port}"
        zone = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self):
                packet, sock = self.request
                with contextlib.suppress(OSError):  # of one that has had enough
                    sock.sendto(zone.answer(packet, False), self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError):
                    while len(head := self.rfile.read(2)) == 2:
                        answer = zone.answer(self.rfile.read(struct.unpack("!H", head)[0]), True)
                        self.wfile.write(struct.pack("!H", len(answer)) + answer)

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self.servers = [socketserver.ThreadingUDPServer(("127.0.0.1", port), Udp), socketserver.ThreadingTCPServer(("127.0.0.1", port), Tcp)]
        for server in self.servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def signed(self, rrset):
        day = datetime.timedelta(days=1)
        signature = dns.dnssec.sign(rrset, self.private, self.origin, self.own, inception=self.now - day, expiration=self.now + day)
        return dns.rrset.from_rdata(rrset.name, 60, signature)

    def unsigned(self, rrset):
        """Signatures of the right form, each by all of the slow keys as far as their tag tells."""
        begins = int(self.now.timestamp())
        labels = len(rrset.name.labels) - 1
        head = struct.pack("!HBBIIIH", rrset.rdtype, RSASHA256, labels, 60, begins + 86400, begins - 86400, self.tag) + self.origin.to_wire()
        wires = [head + b"\x00" + secrets.token_bytes(MODULUS - 1) for _ in range(self.signatures)]
        return dns.rrset.from_rdata(rrset.name, 60, *(dns.rdata.from_wire("IN", "RRSIG", w, 0, len(w)) for w in wires))

    def deny(self, reply, name):
        hashed = dns.dnssec.nsec3_hash(name, self.salt, self.iterations, 1)
        after = hashed[:-1] + ("0" if hashed[-1] != "0" else "1")
        for owner, kind, text in ((self.origin, "SOA", f"ns.{self.origin} x.{self.origin} 1 60 60 60 5"),
                                  (dns.name.from_text(hashed, self.origin), "NSEC3", f"1 0 {self.iterations} {self.salt} {after} A RRSIG")):
            rrset = dns.rrset.from_text(owner, 60, "IN", kind, text)
            reply.authority += [rrset, self.signed(rrset)]

    def answer(self, packet, by_tcp):
        query = dns.message.from_wire(packet)
        question = query.question[0]
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        kind = dns.rdatatype.to_text(question.rdtype)
        if not by_tcp:
            reply.flags |= dns.flags.TC
            return reply.to_wire(max_size=65535)
        texts = {"A": "127.0.0.1", "TXT": '"x"'}
        if kind == "DNSKEY" and question.name == self.origin:
            reply.answer += [self.keys, self.keys_signed]
        elif self.iterations is not None:
            self.deny(reply, question.name)
        elif kind in texts:
            rrset = dns.rrset.from_text(question.name, 60, "IN", kind, texts[kind])
            reply.answer += [rrset, self.unsigned(rrset)]
        else:
            for owner, rdtype, text in ((self.origin, "SOA", f"ns.{self.origin} x.{self.origin} 1 60 60 60 5"),
                                        (question.name, "NSEC", f"\\000.{question.name} A TXT RRSIG NSEC")):
                rrset = dns.rrset.from_text(owner, 60, "IN", rdtype, text)
                reply.authority += [rrset, self.unsigned(rrset)]
        return reply.to_wire(max_size=65535)

    def end(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()
