"""Answers tls-alpn-01 on the port that an instance validates on (RFC 8737 3, RFC 8738 6), rightly or as a test wants it."""
import datetime
import hashlib
import ipaddress
import os
import socket
import ssl
import tempfile
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
PROTOCOL = "acme-tls/1"


def certificate(name, key_authorization, critical=True, names=None):
    """Such a certificate and its key, PEM in one. names: in place of the right ones."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ACME challenge")])
    now = datetime.datetime.utcnow()
    digest = b"\x04\x20" + hashlib.sha256(key_authorization.encode()).digest()
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(7).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([general_name(n) for n in names or [name]]), False)
    made = made.add_extension(x509.UnrecognizedExtension(ACME_IDENTIFIER, digest), critical).sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), made


def general_name(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def reverse_name(name):
    try:
        return ipaddress.ip_address(name).reverse_pointer
    except ValueError:
        return name


class AlpnResponder:
    """responder.tokens[name or address] = key authorization. responder.changes: members for certificate();
    responder.protocols: what it may agree on; responder.seen: the server names that were asked for; responder.folder: where
    another program puts NAME.crt.pem and NAME.key.pem."""

    def __init__(self, port, hosts=("127.0.0.1",)):
        self.tokens = {}
        self.changes = {}
        self.protocols = [PROTOCOL]
        self.seen = []
        self.given = []
        self.folder = None
        self.sockets = [socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET) for host in hosts]
        for one in self.sockets:
            threading.Thread(target=self.run, args=(one,), daemon=True).start()

    def run(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def context(self, pem=None):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.set_alpn_protocols(self.protocols)
        made.sni_callback = self.choose
        if pem is not None:
            with tempfile.NamedTemporaryFile(delete=False) as f:
                f.write(pem)
            made.load_cert_chain(f.name)
            os.unlink(f.name)
        return made

    def choose(self, connection, server_name, _):
        self.seen.append(server_name)
        if self.folder is not None:
            pem = [(self.folder / f"{server_name}.{part}.pem").read_bytes() for part in ("crt", "key")]
            connection.context = self.context(b"".join(pem))
            return None
        name = next((n for n in self.tokens if reverse_name(n) == server_name), None)
        if name is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        pem, made = certificate(name, self.tokens[name], **self.changes)
        self.given.append(made)
        connection.context = self.context(pem)
        return None

    def serve(self, connection):
        try:
            with self.context().wrap_socket(connection, server_side=True) as tls:
                tls.recv(1)
        except OSError:  # a validation leaves when it has seen the certificate
            pass

    def close(self):
        for one in self.sockets:
            one.shutdown(socket.SHUT_RDWR)
            one.close()
