"""A client that does not give up: what fails through the network or the server is tried again with a fresh nonce, as real
clients do. It keeps what the server acknowledged, so that a test can look for each of it in the log."""
import hashlib
import json
import time

import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import raw


class Acknowledged:
    """One answer that came whole."""

    def __init__(self, body, answer):
        self.body_sha256 = hashlib.sha256(body.encode()).hexdigest()
        self.status = answer.status_code
        self.reply_sha256 = hashlib.sha256(answer.content).hexdigest()
        self.path = answer.url


class Client(raw.Client):
    def __init__(self, ca, acknowledged=None, patience=45):
        self.acknowledged = [] if acknowledged is None else acknowledged
        self.patience = patience
        super().__init__(ca)

    def send(self, url, body, headers=None):
        data = json.dumps(body) if isinstance(body, (dict, list)) else body
        answer = super().send(url, data, headers)
        self.acknowledged.append(Acknowledged(data, answer))
        return answer

    def post(self, url, payload=None, key=None, **changes):
        end = time.monotonic() + self.patience
        while True:
            try:
                answer = super().post(url, payload, key, **changes)
                if answer.status_code < 500 and "error:badNonce" not in answer.text:
                    return answer
                failure = answer.text
            except (requests.RequestException, KeyError) as e:
                failure = repr(e)
            assert time.monotonic() < end, f"{url}: {failure}"
            self.nonces = []
            time.sleep(0.05)

    def finish(self, url, der):
        """Finalizes the order at the URL, also when an earlier try of the same was heard and not answered."""
        end = time.monotonic() + self.patience
        while True:
            order = self.post(url).json()
            if order["status"] == "valid":
                return self.post(order["certificate"]).text
            assert order["status"] in ("ready", "processing") and time.monotonic() < end, order
            if order["status"] == "ready":
                self.post(order["finalize"], {"csr": raw.b64(der)})
            else:
                time.sleep(0.1)

    def revoke(self, pem):
        """Revoked, now or by an earlier try whose answer was lost."""
        der = x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
        answer = self.post(self.directory["revokeCert"], {"certificate": raw.b64(der)})
        assert answer.status_code == 200 or "alreadyRevoked" in answer.text, answer.text
