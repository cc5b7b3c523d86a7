"""A CA with transparency logs of our own (ct_log.py)."""
import datetime
import ipaddress
import os
import shutil
import tempfile
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_der_x509_certificate

import ct_log
import raw
import responder


def certificate_for(folder, name, address):
    """A certificate by itself for a server there, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=9))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256()))
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(made.public_bytes(serialization.Encoding.PEM))
        f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    os.chmod(path, 0o644)
    return path


class World:
    def __init__(self, make_ca, config=None, timeout_ms=4000, **ct):
        self.folder = tempfile.mkdtemp(prefix="cairn-logs-")
        os.chmod(self.folder, 0o755)
        good = certificate_for(self.folder, "good", "127.0.0.1")
        self.elsewhere = certificate_for(self.folder, "elsewhere", "127.0.0.2")
        trusted = os.path.join(self.folder, "trusted")
        with open(trusted, "wb") as f:
            for path in (good, self.elsewhere):
                with open(path, "rb") as one:
                    f.write(one.read().partition(b"-----BEGIN PRIVATE")[0])
        os.chmod(trusted, 0o644)
        self.logs = [ct_log.Log("One", "One A"), ct_log.Log("Two", "Two A", certificate=good), ct_log.Log("Three", "Three A", tiled=True),
                     ct_log.Log("One", "One past", interval=("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"))]
        self.file = os.path.join(self.folder, "logs.json")
        self.write()
        self.ca = make_ca({"ct": {"log_list_file": self.file, "ca_file": trusted, "private_names": True, "timeout_ms": timeout_ms, **ct}, **(config or {})})
        self.answers = responder.Responder(int(self.ca.HTTP01_PORT))
        self.client = raw.Client(self.ca)
        assert self.client.register().status_code == 201
        self.numbers = iter(range(1000))

    def close(self):
        self.answers.close()
        for log in self.logs:
            log.close()
        shutil.rmtree(self.folder)

    def write(self, age=datetime.timedelta()):
        with open(self.file + ".new", "w", encoding="ascii") as f:
            f.write(ct_log.log_list(self.logs, age))
        os.replace(self.file + ".new", self.file)

    def promise(self, name):
        """The precertificate on record."""
        octets = self.sql(f"SELECT encode(p.der, 'hex') FROM ca.precertificate p JOIN ca.certificate c ON c.id = p.certificate_id WHERE c.names = '{{{name}}}'")
        return load_der_x509_certificate(bytes.fromhex(octets[0][0]))

    def give_up(self, name, url):
        self.sql(f"UPDATE ca.certificate SET lease_until = now() WHERE names = '{{{name}}}' RETURNING 1")
        order = self.client.poll(url, ("valid", "invalid")).json()
        assert order["status"] == "invalid" and "order again" in order["error"]["detail"]

    def revoke(self, *words):
        return self.ca.cairn("revoke", *words, "--because", "a test", "--yes", "--config", f"{self.ca.state}/cairn.yaml").stdout

    def reset(self):
        for log in self.logs:
            log.mode, log.seen, log.state, log.refuses, log.hangs = "good", [], "usable", None, None
            log.merges, log.shift_ms, log.mmd = True, 0, 86400
            log.stands_ms, log.babbles = None, None
            log.awake.set()
            log.awake = threading.Event()

    def another(self):
        """A client of its own with the same account."""
        made = raw.Client(self.ca, self.client.key)
        made.kid = self.client.kid
        return made

    def show(self, serial, *words, **options):
        """cairn cert show."""
        files = [word for file in self.ca.CONFIG_FILES.split() for word in ("--config", file)]
        return self.ca.cairn("cert", "show", serial, *files, *words, **options).stdout

    def sql(self, text):
        return self.ca.sql(text, role="cairn_owner")

    def name(self):
        return f"n{next(self.numbers)}.logged.test"

    def ready(self, name):
        order = self.client.order(name)
        self.client.validate(order.json(), self.answers)
        return order

    def finalize(self, name=None):
        """Order's URL and the answer to finalize."""
        name = name or self.name()
        order = self.ready(name)
        answer = self.client.post(order.json()["finalize"], {"csr": raw.b64(raw.csr([name])[0])})
        return order.headers["Location"], answer

    def certificate(self, url):
        order = self.client.poll(url, ("valid", "invalid")).json()
        assert order["status"] == "valid", order
        return raw.chain(self.client.post(order["certificate"]).text)

    def check(self, chain):
        """The SCTs of a certificate are enough and good; the precertificate corresponds to it (H-5..H-7, H-10, D-52)."""
        logs = ct_log.verify(chain[0], chain[1], self.logs)
        assert len({log.operator for log in logs}) >= 2 and any(not log.tiled for log in logs), [log.name for log in logs]
        shown = {one[0] for log in logs for path, one in log.seen if path == "/ct/v1/add-pre-chain"
                 and load_der_x509_certificate(one[0]).serial_number == chain[0].serial_number}
        assert len(shown) == 1  # one precertificate, all logs got the same octets (D-54, H-14)
        promise = load_der_x509_certificate(shown.pop())
        assert ct_log.without(promise.tbs_certificate_bytes, ct_log.POISON_OID) == ct_log.without(chain[0].tbs_certificate_bytes, ct_log.LIST_OID)
        return logs

    def issue(self):
        url, answer = self.finalize()
        assert answer.status_code == 200, answer.text
        chain = self.certificate(url)
        return chain, self.check(chain)
