"""An ACME client of our own, written from RFC 8555 and nothing else, so that a test can break each rule by hand."""
import base64
import hashlib
import ipaddress
import json
import re
import time

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509.oid import NameOID

JOSE = {"Content-Type": "application/jose+json"}
CURVES = {"secp256r1": ("P-256", "ES256", hashes.SHA256()), "secp384r1": ("P-384", "ES384", hashes.SHA384()),
          "secp521r1": ("P-521", "ES512", hashes.SHA512())}


# Every type that is registered, with the statuses that it may have.
STATUSES = {**dict.fromkeys(("accountDoesNotExist", "alreadyRevoked", "badCSR", "badNonce", "badPublicKey", "badRevocationReason", "badSignatureAlgorithm",
                             "compound", "connection", "dns", "tls", "incorrectResponse", "invalidContact", "unsupportedContact", "invalidProfile"), {400}),
            **dict.fromkeys(("caa", "orderNotReady", "externalAccountRequired", "userActionRequired", "onionCAARequired"), {403}),
            "malformed": {400, 404, 405, 409, 413, 414, 415, 431}, "unauthorized": {401, 403}, "rejectedIdentifier": {400, 403},
            "unsupportedIdentifier": {400, 403}, "alreadyReplaced": {409}, "rateLimited": {429}, "serverInternal": {500, 503}}


ABSOLUTE = re.compile(r"https://[^/]+/\S+")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# What an order may become (RFC 8555 7.1.6).
ORDER_STATES = ("pending", "ready", "processing", "valid", "invalid")


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(n, size=None):
    return b64(n.to_bytes(size or (n.bit_length() + 7) // 8, "big"))


def ec_key(curve=ec.SECP256R1):
    return ec.generate_private_key(curve())


def rsa_key(bits=2048):
    return rsa.generate_private_key(65537, bits)


def jwk(key):
    """The public key as a JWK, its members sorted."""
    public = key.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        octets = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"crv": "Ed25519", "kty": "OKP", "x": b64(octets)}
    if isinstance(public, rsa.RSAPublicKey):
        n = public.public_numbers()
        return {"e": number(n.e), "kty": "RSA", "n": number(n.n)}
    n, size = public.public_numbers(), (public.key_size + 7) // 8
    return {"crv": CURVES[public.curve.name][0], "kty": "EC", "x": number(n.x, size), "y": number(n.y, size)}


def thumbprint(key):
    return b64(hashlib.sha256(json.dumps(jwk(key), separators=(",", ":"), sort_keys=True).encode()).digest())


def algorithm(key):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "EdDSA"
    return "RS256" if isinstance(key, rsa.RSAPrivateKey) else CURVES[key.curve.name][1]


def sign(key, data):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(CURVES[key.curve.name][2])))
    size = (key.curve.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def jws(key, protected, payload):
    """A flattened JWS as a dict. payload: None is the empty string (POST-as-GET), text is taken as it is."""
    text = "" if payload is None else payload if isinstance(payload, str) else json.dumps(payload)
    head = protected if isinstance(protected, str) else json.dumps(protected)
    signing = b64(head.encode()) + "." + b64(text.encode())
    return {"protected": b64(head.encode()), "payload": b64(text.encode()), "signature": b64(sign(key, signing.encode()))}


def csr(names, key=None, common_name=None, addresses=()):
    """DER of a CSR for the names and addresses, and its key."""
    key = key or ec_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])
    alternatives = [x509.DNSName(n) for n in names] + [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=not common_name)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER), key


def chain(pem):
    """The certificates of a PEM chain, leaf first (Debian's library has no call for more than one)."""
    end = "-----END CERTIFICATE-----\n"
    return [x509.load_pem_x509_certificate((one + end).encode()) for one in pem.split(end) if one.strip()]


def keeps_the_rules(answer, directory=False):
    """What holds for every answer to a POST, whatever was asked (A-9, A-10, A-35, A-42 to A-44)."""
    assert re.fullmatch("[A-Za-z0-9_-]{22,}", answer.headers.get("Replay-Nonce", "")), answer.headers
    assert directory or 'rel="index"' in answer.headers.get("Link", ""), answer.headers
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json", answer.headers
        body = answer.json()
        kind = body["type"].removeprefix("urn:ietf:params:acme:error:")
        assert answer.status_code in STATUSES.get(kind, ()), (answer.status_code, answer.text)
        assert body.get("status", answer.status_code) == answer.status_code and body.get("detail") and "identifier" not in body, answer.text
        for one in body.get("subproblems", []):
            assert one["type"].removeprefix("urn:ietf:params:acme:error:") in STATUSES and one.get("detail"), answer.text
    return answer


def challenge_form(one):
    """A-96, A-97, A-101"""
    assert isinstance(one["type"], str) and ABSOLUTE.fullmatch(one["url"]), one
    assert one["status"] in ("pending", "processing", "valid", "invalid"), one
    assert ("validated" in one) == (one["status"] == "valid") and MOMENT.fullmatch(one.get("validated", "2026-01-01T00:00:00Z")), one
    assert "error" in one if one["status"] == "invalid" else "error" not in one or one["status"] == "processing", one
    assert "token" not in one or re.fullmatch("[A-Za-z0-9_-]{22,}", one["token"]), one


def authorization_form(one):
    """A-88, A-89, A-93"""
    assert one["status"] in ("pending", "valid", "invalid", "deactivated", "expired", "revoked"), one
    assert set(one["identifier"]) == {"type", "value"} and "*" not in one["identifier"]["value"] and one.get("wildcard", True) is True, one
    assert MOMENT.fullmatch(one["expires"]), one
    for challenge in one["challenges"]:
        challenge_form(challenge)
    decided = {c["status"] for c in one["challenges"]}
    assert one["status"] != "valid" or decided in ({"valid"}, set()), one  # none where the policy gave the name
    assert one["status"] != "pending" or decided and decided <= {"pending", "processing"}, one


def order_form(one):
    """A-73, A-82, A-118"""
    assert one["status"] in ORDER_STATES and one["identifiers"] and len(one["authorizations"]) == len(one["identifiers"]), one
    assert all(ABSOLUTE.fullmatch(u) for u in one["authorizations"] + [one["finalize"]]) and MOMENT.fullmatch(one["expires"]), one
    assert ("certificate" in one) == (one["status"] == "valid") and ABSOLUTE.fullmatch(one.get("certificate", "https://a/b")), one
    assert ("error" in one) == (one["status"] == "invalid"), one


def keeps_its_form(body):
    """Each object by what only it has."""
    if "finalize" in body:
        order_form(body)
    elif "challenges" in body:
        authorization_form(body)
    elif "type" in body and "url" in body:
        challenge_form(body)
    elif isinstance(body.get("orders"), str):
        assert body["status"] in ("valid", "deactivated", "revoked") and ABSOLUTE.fullmatch(body["orders"]), body


class Client:
    """One account key against one CA. Requests return requests.Response, whatever the status."""

    def __init__(self, ca, key=None):
        self.ca = ca
        self.key = key or ec_key()
        self.kid = None
        self.session = requests.Session()
        self.session.verify = ca.API_CA_FILE
        self.session.trust_env = False
        self.nonces = []
        self.orders = {}
        self.directory = self.get(ca.DIRECTORY_URL).json()

    def get(self, url, **options):
        return self.session.get(url, timeout=30, **options)

    def nonce(self):
        if self.nonces:
            return self.nonces.pop()
        return self.session.head(self.directory["newNonce"], timeout=30).headers["Replay-Nonce"]

    def protected(self, url, **changes):
        """The protected header; a change to None leaves the member out."""
        head = {"alg": algorithm(self.key), "nonce": None, "url": url}
        head.update({"kid": self.kid} if self.kid else {"jwk": jwk(self.key)})
        head.update(changes)
        if "nonce" not in changes:
            head["nonce"] = self.nonce()
        return {k: v for k, v in head.items() if v is not None}

    def send(self, url, body, headers=None):
        """POSTs a body (a dict becomes JSON) as it is."""
        data = json.dumps(body) if isinstance(body, (dict, list)) else body
        answer = self.session.post(url, data=data, headers=JOSE if headers is None else headers, timeout=30)
        keeps_the_rules(answer, url == self.ca.DIRECTORY_URL)
        if answer.headers.get("Content-Type") == "application/json":
            keeps_its_form(answer.json())
            self.follow(answer.headers.get("Location", url), answer.json())
        if "Replay-Nonce" in answer.headers:
            self.nonces = [answer.headers["Replay-Nonce"]]
        return answer

    def follow(self, url, body):
        """What this client sees of an order goes no way that RFC 8555 7.1.6 does not have (A-81), and what it asked for stays (A-80)."""
        if "finalize" not in body:
            return
        fixed = [body.get(k) for k in ("identifiers", "authorizations", "finalize", "notBefore", "notAfter", "profile", "replaces")]
        before, as_made = self.orders.get(url, ("pending", fixed))
        assert fixed == as_made, (fixed, as_made)
        assert before == body["status"] or before not in ("valid", "invalid") and ORDER_STATES.index(before) < ORDER_STATES.index(body["status"]), \
            (url, before, body)
        self.orders[url] = (body["status"], fixed)

    def post(self, url, payload=None, key=None, **changes):
        """A signed request; `changes` replace members of the protected header."""
        return self.send(url, jws(key or self.key, self.protected(url, **changes), payload))

    def register(self, **members):
        """newAccount; keeps the account's URL on success."""
        self.kid = None
        answer = self.post(self.directory["newAccount"], {"termsOfServiceAgreed": True, **members})
        if answer.status_code in (200, 201):
            self.kid = answer.headers["Location"]
        return answer

    def order(self, *names, **members):
        return self.post(self.directory["newOrder"], {"identifiers": [{"type": "dns", "value": n} for n in names], **members})

    def poll(self, url, wanted, seconds=60):
        """Reads the object until its status is one of those wanted."""
        end = time.monotonic() + seconds
        while True:
            answer = self.post(url)
            if answer.status_code != 200 or answer.json()["status"] in wanted:
                return answer
            assert time.monotonic() < end, f"{url} stays {answer.text}"
            time.sleep(0.1)

    def challenge(self, authorization_url, kind="http-01"):
        return next(c for c in self.post(authorization_url).json()["challenges"] if c["type"] == kind)

    def key_authorization(self, token):
        return token + "." + thumbprint(self.key)

    def order_addresses(self, *addresses, names=(), **members):
        identifiers = [{"type": "dns", "value": n} for n in names] + [{"type": "ip", "value": a} for a in addresses]
        return self.post(self.directory["newOrder"], {"identifiers": identifiers, **members})

    def validate(self, order, responder, kind="http-01"):
        """Fulfils a challenge of this kind for every pending authorization of the order (its JSON)."""
        for url in order["authorizations"]:
            authorization = self.post(url).json()
            if authorization["status"] == "pending":
                challenge = self.challenge(url, kind)
                where = authorization["identifier"]["value"] if kind == "tls-alpn-01" else challenge["token"]
                responder.tokens[where] = self.key_authorization(challenge["token"])
                assert self.post(challenge["url"], {}).status_code == 200
                assert self.poll(url, ("valid", "invalid")).json()["status"] == "valid"

    def issue(self, responder, *names, key=None):
        """A whole issuance: the chain as PEM text, the certificate's key, and the order's URL."""
        made = self.order(*names)
        assert made.status_code == 201, made.text
        url = made.headers["Location"]
        self.validate(made.json(), responder)
        der, key = csr(names, key)
        done = self.post(made.json()["finalize"], {"csr": b64(der)})
        assert done.status_code == 200, done.text
        final = self.poll(url, ("valid", "invalid")).json()
        assert final["status"] == "valid", final
        return self.post(final["certificate"]).text, key, url


def problem(answer, status, kind):
    """Asserts that the answer is this problem document (RFC 7807; A-42, A-43) and returns it."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json", answer.headers
    body = answer.json()
    assert body["type"] == "urn:ietf:params:acme:error:" + kind, body
    assert body.get("detail"), body
    return body
