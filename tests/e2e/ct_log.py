"""Transparency logs of our own (RFC 6962): they really sign, and can be slow, wrong or dead."""
import base64
import datetime
import hashlib
import http.server
import json
import ssl
import struct
import threading
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

POISON = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.3")


def b64(octets):
    return base64.b64encode(octets).decode()


def der(tag, content):
    length = bytes([len(content)]) if len(content) < 128 else (
        bytes([0x80 + (len(content).bit_length() + 7) // 8]) + len(content).to_bytes((len(content).bit_length() + 7) // 8, "big"))
    return bytes([tag]) + length + content


def elements(content):
    """The elements one behind the other, each with its tag."""
    while content:
        n, at = content[1], 2
        if n >= 128:
            at = 2 + n - 128
            n = int.from_bytes(content[2:at], "big")
        yield content[0], content[at:at + n], content[:at + n]
        content = content[at + n:]


def without(tbs, oid):
    """A TBSCertificate without one of its extensions."""
    parts = []
    for tag, content, whole in elements(next(elements(tbs))[1]):
        if tag == 0xa3:
            kept = b"".join(one for _, body, one in elements(next(elements(content))[1]) if next(elements(body))[2] != oid)
            whole = der(0xa3, der(0x30, kept))
        parts.append(whole)
    return der(0x30, b"".join(parts))


POISON_OID = bytes.fromhex("060a2b06010401d679020403")
LIST_OID = bytes.fromhex("060a2b06010401d679020402")


def signed(kind, time_ms, body, extensions=b""):
    """What is under the signature (RFC 6962 3.2)."""
    return struct.pack(">BBQH", 0, 0, time_ms, kind) + body + struct.pack(">H", len(extensions)) + extensions


def precertificate_entry(tbs, issuer):
    spki = issuer.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).digest() + len(tbs).to_bytes(3, "big") + tbs


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf_hash(leaf):
    return hashlib.sha256(b"\x00" + leaf).digest()


def root_of(hashes):
    """RFC 6962 2.1"""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256(b"").digest()
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return node(root_of(hashes[:k]), root_of(hashes[k:]))


def path_of(m, hashes):
    """RFC 6962 2.1.1"""
    if len(hashes) < 2:
        return []
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return path_of(m, hashes[:k]) + [root_of(hashes[k:])] if m < k else path_of(m - k, hashes[k:]) + [root_of(hashes[:k])]


class Tree:
    """What a log shows of its entries: by the calls of RFC 6962, or as tiles. Each element of `entries` is a leaf and what stands behind it in a tile."""

    def __init__(self, log):
        self.log, self.entries, self.lock, self.proves = log, [], threading.RLock(), True

    def add(self, leaf, behind=b""):
        with self.lock:
            self.entries.append((leaf, behind))
            return len(self.entries) - 1

    def hashes(self):
        return [leaf_hash(leaf) for leaf, _ in self.entries]

    def head(self):
        """Signed now, or `log.shift_ms` later, or always at `log.stands_ms`."""
        hashes, time_ms = self.hashes(), self.log.stands_ms or int(time.time() * 1000) + self.log.shift_ms
        root = root_of(hashes)
        signature = self.log.key.sign(struct.pack(">BBQQ", 0, 1, time_ms, len(hashes)) + root, ec.ECDSA(SHA256()))
        signature = struct.pack(">BBH", 4, 3, len(signature)) + signature
        if not self.log.tiled:
            return json.dumps({"tree_size": len(hashes), "timestamp": time_ms, "sha256_root_hash": b64(root), "tree_head_signature": b64(signature)}).encode()
        origin = f"127.0.0.1:{self.log.port}"
        key_id = hashlib.sha256(origin.encode() + b"\n\x05" + self.log.id).digest()[:4]
        return f"{origin}\n{len(hashes)}\n{b64(root)}\n\n\u2014 {origin} {b64(key_id + struct.pack('>Q', time_ms) + signature)}\n".encode()

    def tile(self, path):
        """tile/LEVEL/NUMBER[.p/WIDTH], with data as a level."""
        _, level, rest = path.split("/", 2)
        number, _, width = rest.partition(".p/")
        number, width = int(number.replace("x", "").replace("/", "")), int(width or 256)
        if level == "data":
            tile = self.entries[number * 256:number * 256 + width]
            return b"".join(leaf[2:] + behind for leaf, behind in tile) if len(tile) == width else None
        step, hashes = 256 ** int(level), self.hashes()
        tile = [root_of(hashes[i * step:(i + 1) * step]) for i in range(number * 256, number * 256 + width) if (i + 1) * step <= len(hashes)]
        return b"".join(tile) if len(tile) == width else None

    def answer(self, path):
        """Octets, or None: there is nothing."""
        call, _, query = path.lstrip("/").partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        if call == ("checkpoint" if self.log.tiled else "ct/v1/get-sth"):
            return self.head()
        if self.log.tiled:
            return self.tile(call) if call.startswith("tile/") else None
        if call == "ct/v1/get-entries":
            some = self.entries[int(asked["start"]):int(asked["end"]) + 1]
            return json.dumps({"entries": [{"leaf_input": b64(leaf), "extra_data": b64(behind)} for leaf, behind in some]}).encode()
        if call == "ct/v1/get-proof-by-hash":
            hashes, wanted = self.hashes()[:int(asked["tree_size"])], base64.b64decode(asked["hash"])
            if wanted in hashes and self.proves:
                at = hashes.index(wanted)
                return json.dumps({"leaf_index": at, "audit_path": [b64(one) for one in path_of(at, hashes)]}).encode()
        return None


class Log:
    """mode: how it answers (see answer_in_mode). `seen` holds each request: path and chain in DER. merges: entries come into its tree at once."""

    def __init__(self, operator, name, tiled=False, interval=None, certificate=None):
        self.scheme = "https" if certificate else "http"
        self.operator, self.name, self.tiled, self.interval = operator, name, tiled, interval
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.spki = self.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.id = hashlib.sha256(self.spki).digest()
        self.mode, self.seen, self.state, self.refuses = "good", [], "usable", None
        self.tree, self.merges, self.shift_ms, self.mmd, self.reads = Tree(self), True, 0, 86400, []
        self.stands_ms, self.babbles, self.roots = None, None, []
        self.given, self.connections, self.hangs, self.awake = {}, 0, None, threading.Event()
        log = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                log.connections += 1

            def do_POST(self):
                log.serve(self)

            def do_GET(self):
                log.show(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def sct(self, entry, kind, shift_ms=0, key=None, log_id=None):
        """The same entry gets the same answer again."""
        with self.tree.lock:
            return self.locked_sct(entry, kind, shift_ms, key, log_id)

    def locked_sct(self, entry, kind, shift_ms, key, log_id):
        if (kind, entry) not in self.given or shift_ms or key or log_id:
            time_ms = int(time.time() * 1000) + shift_ms
            extensions = b"\x00\x00\x05" + len(self.tree.entries).to_bytes(5, "big") if self.tiled else b""  # leaf_index
            signature = (key or self.key).sign(signed(kind, time_ms, entry, extensions), ec.ECDSA(SHA256()))
            answer = {"sct_version": 0, "id": b64(log_id or self.id), "timestamp": time_ms, "extensions": b64(extensions),
                      "signature": b64(struct.pack(">BBH", 4, 3, len(signature)) + signature)}
            if shift_ms or key or log_id:
                return answer
            self.given[(kind, entry)] = answer
            if self.merges:
                self.merge(signed(kind, time_ms, entry, extensions))
        return self.given[(kind, entry)]

    def merge(self, leaf, precertificate=b"any"):
        """Behind an entry: the precertificate as it was signed, and the fingerprints of its chain."""
        behind = len(precertificate).to_bytes(3, "big") + precertificate if leaf[10:12] == b"\x00\x01" else b""
        self.tree.add(leaf, behind + b"\x00\x20" + bytes(32))

    def show(self, request):
        self.reads.append(request.path)
        dead = self.mode == "dead" or request.path.partition("?")[0] == self.refuses
        roots = json.dumps({"certificates": [b64(root) for root in self.roots]}).encode() if request.path == "/ct/v1/get-roots" else None
        body = None if dead else roots or self.tree.answer(request.path)
        if self.babbles and self.babbles in request.path:
            body = b"<html><body>Please log in to this network</body></html>"
        request.send_response(200 if body is not None else 500 if dead else 404)
        request.send_header("Content-Length", str(len(body or b"")))
        request.end_headers()
        request.wfile.write(body or b"")

    def answer_in_mode(self, entry, kind):
        if self.mode == "bad-signature":
            return json.dumps(self.sct(entry, kind, key=ec.generate_private_key(ec.SECP256R1())))
        if self.mode == "wrong-id":
            return json.dumps(self.sct(entry, kind, log_id=hashlib.sha256(b"other").digest()))
        if self.mode == "future":
            return json.dumps(self.sct(entry, kind, shift_ms=3600_000))
        if self.mode == "past":
            return json.dumps(self.sct(entry, kind, shift_ms=-3 * 86400_000))
        if self.mode == "wrong-entry":
            return json.dumps(self.sct(entry[:-1] + bytes([entry[-1] ^ 1]), kind, shift_ms=1))
        if self.mode == "altered-extensions":
            return json.dumps({**self.sct(entry, kind), "extensions": b64(b"\x00")})
        if self.mode == "garbage":
            return "\x00<html>no"
        if self.mode == "huge":
            return json.dumps({**self.sct(entry, kind), "more": "x" * 10_000_000})
        if self.mode == "no-base64":
            return json.dumps({**self.sct(entry, kind), "signature": "!!" + self.sct(entry, kind)["signature"]})
        if self.mode == "far-past":
            return json.dumps(self.sct(entry, kind, shift_ms=-int(time.time() * 1000)))
        return json.dumps(self.sct(entry, kind))

    def serve(self, request):
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        chain = [base64.b64decode(one) for one in body["chain"]]
        self.seen.append((request.path, chain))
        mode = "500" if request.path == self.refuses else self.mode
        if mode == "slow" or request.path == self.hangs:
            self.awake.wait(20)
            mode = "dead"
        if mode == "elsewhere":
            request.send_response(307)
            request.send_header("Location", f"http://127.0.0.1:{self.port}/elsewhere")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        if mode == "dead":
            request.close_connection = True
            return
        leaf, issuer = x509.load_der_x509_certificate(chain[0]), x509.load_der_x509_certificate(chain[1])
        digest = leaf.signature_hash_algorithm
        how = (padding.PKCS1v15(), digest) if isinstance(issuer.public_key(), rsa.RSAPublicKey) else (ec.ECDSA(digest),)
        issuer.public_key().verify(leaf.signature, leaf.tbs_certificate_bytes, *how)
        status, text = {"500": (500, "{}"), "busy": (429, "{}")}.get(mode, (200, None))
        if text is None and request.path == "/ct/v1/add-pre-chain":
            assert leaf.extensions.get_extension_for_oid(POISON).critical
            text = self.answer_in_mode(precertificate_entry(without(leaf.tbs_certificate_bytes, POISON_OID), issuer), 1)
        elif text is None:
            assert request.path == "/ct/v1/add-chain"
            text = self.answer_in_mode(len(chain[0]).to_bytes(3, "big") + chain[0], 0)
        if mode == "http-1.0":
            request.protocol_version = "HTTP/1.0"
            request.close_connection = True
        request.send_response(status)
        if mode == "busy":
            request.send_header("Retry-After", "30")
        request.send_header("Content-Length", str(len(text.encode())))
        request.end_headers()
        if mode == "cut":
            text = text[:len(text) // 2]
            request.close_connection = True
        for i in range(0, len(text), 1 if mode == "drip" else len(text)):
            request.wfile.write(text[i:i + 1].encode() if mode == "drip" else text.encode())
            if mode == "drip" and self.awake.wait(0.2):
                return

    def paths(self):
        return [path for path, _ in self.seen]

    def listed(self):
        entry = {"description": self.name, "log_id": b64(self.id), "key": b64(self.spki), "mmd": self.mmd,
                 "submission_url" if self.tiled else "url": f"{self.scheme}://127.0.0.1:{self.port}/",
                 "state": {self.state: {"timestamp": "2020-01-01T00:00:00Z"}}}
        if self.interval:
            entry["temporal_interval"] = {"start_inclusive": self.interval[0], "end_exclusive": self.interval[1]}
        return entry


def log_list(logs, age=datetime.timedelta()):
    """Chrome's form, version 3."""
    operators = {}
    for log in logs:
        one = operators.setdefault(log.operator, {"name": log.operator, "email": [], "logs": [], "tiled_logs": []})
        one["tiled_logs" if log.tiled else "logs"].append(log.listed())
    made = datetime.datetime.now(datetime.timezone.utc) - age
    return json.dumps({"version": "1.0", "log_list_timestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"), "operators": list(operators.values())})


def scts(certificate, issuer):
    """Each SCT of the certificate, with the leaf that it promises: (log id, leaf, signature)."""
    listed = certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"))
    assert not listed.critical
    octets = listed.value
    raw = [body for _, body, one in elements(next(elements([w for t, _, w in elements(next(elements(certificate.tbs_certificate_bytes))[1])
                                                             if t == 0xa3][0]))[1])]
    extension = [body for _, body, _ in elements(raw[0]) if next(elements(body))[2] == LIST_OID][0]
    value = next(elements(list(elements(extension))[1][1]))[1]
    assert octets is not None and struct.unpack(">H", value[:2])[0] == len(value) - 2
    entry, at = precertificate_entry(without(certificate.tbs_certificate_bytes, LIST_OID), issuer), 2
    while at < len(value):
        n = struct.unpack(">H", value[at:at + 2])[0]
        one, at = value[at + 2:at + 2 + n], at + 2 + n
        time_ms, n = struct.unpack(">Q", one[33:41])[0], struct.unpack(">H", one[41:43])[0]
        extensions, rest = one[43:43 + n], one[43 + n:]
        assert one[0] == 0 and rest[:2] == b"\x04\x03" and len(rest) == 4 + struct.unpack(">H", rest[2:4])[0]
        assert time_ms <= time.time() * 1000 + 60_000
        yield one[1:33], signed(1, time_ms, entry, extensions), rest[4:]


def verify(certificate, issuer, logs):
    """Each SCT of the certificate, by the log that signed it; an invalid one raises."""
    by_id, found = {log.id: log for log in logs}, []
    for log_id, leaf, signature in scts(certificate, issuer):
        by_id[log_id].key.public_key().verify(signature, leaf, ec.ECDSA(SHA256()))
        found.append(by_id[log_id])
    return found
