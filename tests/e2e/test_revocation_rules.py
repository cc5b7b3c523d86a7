"""Who may revoke what (RFC 8555 7.6), over HTTP."""
import datetime
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import Encoding

import raw


@pytest.fixture
def stranger(ca):
    one = raw.Client(ca)
    assert one.register().status_code == 201
    return one


def der_of(leaf):
    return leaf.public_bytes(Encoding.DER)


def revoke(client, der, **members):
    return client.post(client.directory["revokeCert"], {"certificate": raw.b64(der), **members})


def prove(client, responder, *names):
    """The authorizations for these names, which are valid now."""
    made = client.order(*names)
    client.validate(made.json(), responder)
    return made.json()["authorizations"]


def is_revoked(ca, leaf):
    return ca.sql(f"SELECT count(*) FROM ca.revocation WHERE serial = '\\x{leaf.serial_number:036x}'", "cairn_owner") == [["1"]]


def test_who_holds_all_names(ca, account, stranger, responder):
    """A-124, A-125: another account may when it has valid authorizations for all names, and only then; the answer is empty"""
    leaf = raw.chain(account.issue(responder, "a.held.test", "b.held.test")[0])[0]
    raw.problem(revoke(stranger, der_of(leaf)), 403, "unauthorized")
    (first,) = prove(stranger, responder, "a.held.test")
    raw.problem(revoke(stranger, der_of(leaf)), 403, "unauthorized")  # one is missing
    stranger.order("b.held.test")
    raw.problem(revoke(stranger, der_of(leaf)), 403, "unauthorized")  # and one that is pending is none
    assert stranger.post(first, {"status": "deactivated"}).status_code == 200
    prove(stranger, responder, "b.held.test")
    raw.problem(revoke(stranger, der_of(leaf)), 403, "unauthorized")  # nor is one that was given up
    prove(stranger, responder, "held.test")
    raw.problem(revoke(stranger, der_of(leaf)), 403, "unauthorized")  # nor one for a name above
    assert not is_revoked(ca, leaf)
    prove(stranger, responder, "a.held.test")
    done = revoke(stranger, der_of(leaf))
    assert done.status_code == 200 and done.content == b"" and is_revoked(ca, leaf)
    raw.problem(revoke(account, der_of(leaf)), 400, "alreadyRevoked")


def forged(leaf, key):
    """The same in all that names it, by another key."""
    builder = x509.CertificateBuilder().subject_name(leaf.subject).issuer_name(leaf.issuer).public_key(leaf.public_key())
    builder = builder.serial_number(leaf.serial_number).not_valid_before(leaf.not_valid_before).not_valid_after(leaf.not_valid_after)
    for extension in leaf.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return der_of(builder.sign(key, hashes.SHA256()))


def self_made(key):
    now, name = datetime.datetime.utcnow(), x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    return der_of(builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=9)).sign(key, hashes.SHA256()))


def test_what_is_not_ours(ca, account, responder):
    """A-127: compared by every octet: another signature, one bit, the same serial and issuer by somebody else, a stranger's, none at all"""
    pem, key, _ = account.issue(responder, "ours.held.test")
    leaf, issuer = raw.chain(pem)[:2]
    der = der_of(leaf)
    strange = [forged(leaf, raw.ec_key()), self_made(raw.ec_key()), der_of(issuer), der[:-1], der + b"\0", b"", b"\x30\x00"]
    strange += [der[:n] + bytes([der[n] ^ 1]) + der[n + 1:] for n in (len(der) - 1, len(der) // 2, 20)]
    holder = raw.Client(ca, key)
    for octets in strange:
        for client in account, holder:
            answer = revoke(client, octets)
            assert answer.status_code in (400, 403, 404) and answer.json()["type"].endswith((":malformed", ":unauthorized")), answer.text
    assert not is_revoked(ca, leaf)
    own = raw.ec_key()  # who signs with the key of a certificate that he made himself
    assert revoke(raw.Client(ca, own), self_made(own)).status_code in (400, 403, 404)
    assert revoke(account, der).status_code == 200 and is_revoked(ca, leaf)


def test_a_request_proves_a_compromise(ca, account, responder, tmp_path):
    """E-13, E-15: who has the key need not send it: a CSR that it signed takes every certificate with it, and the event says what was shown"""
    key = raw.ec_key()
    leaves = [raw.chain(account.issue(responder, f"{word}.proof.test", key=key)[0])[0] for word in ("one", "two")]
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)

    def told(name, code):
        subprocess.run(["openssl", "req", "-new", "-key", "key.pem", "-subj", f"/CN={name}", "-out", "proof.pem"], cwd=tmp_path, check=True, capture_output=True)
        done = ca.cairn("revoke", "--key", str(tmp_path / "proof.pem"), "--reason", "key-compromise", "--because", "a report", "--yes", "--config", f"{ca.state}/cairn.yaml",
                        check=False)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    assert 'its common name is "Proof of Key Compromise"' in told("one.proof.test", 1)
    assert not is_revoked(ca, leaves[0])
    assert "2 revoked" in told("Proof of Key Compromise for Ana", 0)
    assert all(is_revoked(ca, leaf) for leaf in leaves)
    assert ca.sql("SELECT facts->>'evidence' FROM log.event WHERE kind = 'key.blocked' AND facts->>'because' = 'a report'", "cairn_owner") == [
        ['it signed a CSR for "Proof of Key Compromise for Ana"']]
    raw.problem(raw.Client(ca, key).register(), 400, "badPublicKey")


def test_a_compromise_is_believed_of_what_is_proved(ca, account, stranger, responder):
    """A-130: reason 1 by an account is for the one certificate, and its key is not blocked, or anybody could have another's key blocked"""
    key = raw.ec_key()
    first = raw.chain(account.issue(responder, "one.believed.test", key=key)[0])[0]
    second = raw.chain(account.issue(responder, "two.believed.test", key=key)[0])[0]
    assert revoke(account, der_of(first), reason=1).status_code == 200
    assert is_revoked(ca, first) and not is_revoked(ca, second)
    third = raw.chain(account.issue(responder, "three.believed.test", key=key)[0])[0]
    assert revoke(raw.Client(ca, key), der_of(second), reason=4).status_code == 200  # its own signature is a proof, whatever it says
    reasons = ca.sql(f"SELECT reason FROM ca.revocation WHERE serial = '\\x{second.serial_number:036x}'", "cairn_owner")
    assert reasons == [["1"]] and is_revoked(ca, third)  # E-13: it goes with the key
    made = stranger.order("four.believed.test")
    stranger.validate(made.json(), responder)
    raw.problem(stranger.post(made.json()["finalize"], {"csr": raw.b64(raw.csr(["four.believed.test"], key)[0])}), 400, "badCSR")
    raw.problem(raw.Client(ca, key).register(), 400, "badPublicKey")
