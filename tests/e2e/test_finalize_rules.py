"""What finalize takes and what it refuses (RFC 8555 7.4), over HTTP: an order that was refused stays ready, and nothing of a request but its
names and its key gets into a certificate."""
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import raw
import relying_party

NAMES = ["a.finalize.test", "b.finalize.test"]


def names(*values):
    return x509.SubjectAlternativeName([x509.DNSName(v) for v in values])


def request(alternatives=None, common_name=None, extensions=(), key=None, hashed=None):
    """DER of a CSR, and its key."""
    key = key or raw.ec_key()
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    for critical, one in [(False, alternatives)] * (alternatives is not None) + list(extensions):
        builder = builder.add_extension(one, critical)
    return builder.sign(key, hashed or hashes.SHA256()).public_bytes(Encoding.DER), key


@pytest.fixture
def ready(account, responder):
    """A ready order for NAMES: its URL and the one that finalizes it."""
    made = account.order(*NAMES)
    account.validate(made.json(), responder)
    assert account.post(made.headers["Location"]).json()["status"] == "ready"
    return made.headers["Location"], made.json()["finalize"]


def flipped(der):
    return der[:-1] + bytes([der[-1] ^ 1])


def changed(old, new):
    """Of the right request, so many octets in place of as many others; its signature does not fit any more."""
    def change(der):
        assert old in der and len(old) == len(new)
        return der.replace(old, new, 1)
    return change


BROKEN = {"nothing": lambda der: b"", "text": lambda der: b"-----BEGIN CERTIFICATE REQUEST-----\n", "cut": lambda der: der[:-1],
          "more behind it": lambda der: der + b"\0", "signature": flipped, "version": changed(b"\x02\x01\x00\x30", b"\x02\x01\x01\x30"),
          "other name": changed(b"b.finalize.test", b"c.finalize.test"), "a certificate": lambda der: b"\x30\x03\x02\x01\x00"}


def test_broken_requests(account, ready):
    """A-112, A-114: what is no request of its key's own is badCSR or malformed; then a right one passes"""
    url, finalize = ready
    der, key = request(names(*NAMES))
    for what, broken in BROKEN.items():
        answer = account.post(finalize, {"csr": raw.b64(broken(der))})
        assert answer.status_code == 400 and answer.json()["type"].endswith((":badCSR", ":malformed")), (what, answer.text)
    raw.problem(account.post(finalize, {"csr": raw.b64(request(names(*NAMES), hashed=hashes.SHA224())[0])}), 400, "badCSR")
    for csr in raw.b64(der) + "=", "-----BEGIN CERTIFICATE REQUEST-----", "%", 1, None, [raw.b64(der)]:
        answer = account.post(finalize, {"csr": csr})
        assert answer.status_code == 400 and answer.json()["type"].endswith((":badCSR", ":malformed")), (csr, answer.text)
    assert account.post(url).json()["status"] == "ready"
    assert account.post(finalize, {"csr": raw.b64(der)}).status_code == 200
    (leaf, *_) = raw.chain(account.post(account.poll(url, ("valid", "invalid")).json()["certificate"]).text)
    assert leaf.public_key().public_numbers() == key.public_key().public_numbers()


@pytest.mark.parametrize("alternatives, common_name", [(NAMES[:1], None), (NAMES + ["c.finalize.test"], None), (["a.finalize.test"], "c.finalize.test"),
                                                       (NAMES, "c.finalize.test"), (NAMES[:1] + ["*.finalize.test"], None), ([], "a.finalize.test"),
                                                       (NAMES[:1] + ["b.finalize.test."], None), (["a.finalize.test", "finalize.test"], None)])
def test_other_names(account, ready, alternatives, common_name):
    """A-114: one is missing, one too many, another one, in either place; the order stays ready"""
    url, finalize = ready
    der, _ = request(names(*alternatives) if alternatives else None, common_name)
    raw.problem(account.post(finalize, {"csr": raw.b64(der)}), 400, "badCSR")
    assert account.post(url).json()["status"] == "ready"


@pytest.mark.parametrize("alternatives, common_name", [(NAMES[::-1], None), (["A.Finalize.Test", "b.FINALIZE.test"], None), (NAMES + NAMES, None),
                                                       (NAMES[:1], "b.finalize.test"), (NAMES, "B.finalize.test")])
def test_the_same_names(account, ready, alternatives, common_name):
    """A-79, A-114: in whatever order, case and number, and in either place"""
    url, finalize = ready
    answer = account.post(finalize, {"csr": raw.b64(request(names(*alternatives), common_name)[0])})
    assert answer.status_code == 200, answer.text
    (leaf, *_) = raw.chain(account.post(account.poll(url, ("valid", "invalid")).json()["certificate"]).text)
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    assert sorted(found) == NAMES


LONG = "a-name-of-more-than-sixty-four-characters.which-has-no-room-there.finalize.test"


@pytest.mark.parametrize("more, alternatives, found", [([], True, None), ([], False, None), (["short.finalize.test"], True, "short.finalize.test")])
def test_a_common_name_that_is_too_long(account, responder, more, alternatives, found):
    """D-39: it is one of the names all the same; the certificate has another one as its common name, or none"""
    made = account.order(LONG, *more)
    account.validate(made.json(), responder)
    answer = account.post(made.json()["finalize"], {"csr": raw.b64(request(names(LONG, *more) if alternatives else None, LONG)[0])})
    assert answer.status_code == 200, answer.text
    (leaf, *_) = raw.chain(account.post(account.poll(made.headers["Location"], ("valid", "invalid")).json()["certificate"]).text)
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert sorted(san.value.get_values_for_type(x509.DNSName)) == sorted([LONG, *more])
    assert [one.value for one in leaf.subject] == ([found] if found else []) and san.critical == (found is None)


def test_states(account, responder):
    """A-113: an order that is pending, valid or invalid is not ready, and stays what it is"""
    made = account.order("states.finalize.test")
    url, finalize = made.headers["Location"], made.json()["finalize"]
    der, key = request(names("states.finalize.test"))

    def refused():
        raw.problem(account.post(finalize, {"csr": raw.b64(der)}), 403, "orderNotReady")
    refused()
    account.validate(made.json(), responder)
    assert account.post(finalize, {"csr": raw.b64(der)}).status_code == 200
    certificate = account.poll(url, ("valid", "invalid")).json()["certificate"]
    refused()
    der, _ = request(names("states.finalize.test"))  # with another key as well
    refused()
    assert account.post(url).json()["certificate"] == certificate
    other = account.order("other.finalize.test")
    account.post(other.json()["authorizations"][0], {"status": "deactivated"})
    raw.problem(account.post(other.json()["finalize"], {"csr": raw.b64(request(names("other.finalize.test"))[0])}), 403, "orderNotReady")


WISHES = [(True, x509.KeyUsage(True, True, True, True, True, True, True, False, False)),
          (False, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.OCSP_SIGNING])),
          (True, x509.BasicConstraints(False, None)), (False, x509.TLSFeature([x509.TLSFeatureType.status_request])),
          (True, x509.NameConstraints([x509.DNSName("elsewhere.test")], None)), (False, x509.OCSPNoCheck()),
          (False, x509.SubjectKeyIdentifier(b"chosen by the client")), (False, x509.IssuerAlternativeName([x509.DNSName("issuer.test")])),
          (False, x509.CRLDistributionPoints([x509.DistributionPoint([x509.UniformResourceIdentifier("http://mine.test/crl")], None, None, None)])),
          (False, x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.1"), None)])),
          (False, x509.AuthorityInformationAccess([x509.AccessDescription(x509.oid.AuthorityInformationAccessOID.CA_ISSUERS,
                                                                          x509.UniformResourceIdentifier("http://mine.test/ca"))])),
          (False, x509.PrecertPoison()), (True, x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00"))]


def shape(leaf):
    """All that stands in a certificate but its serial, times, names and key."""
    own = (x509.SubjectAlternativeName, x509.SubjectKeyIdentifier)
    return [(e.oid.dotted_string, e.critical, e.value) for e in leaf.extensions if not isinstance(e.value, own)]


def test_wishes_are_not_copied(account, responder, ready):
    """A-116, D-11, D-49: a request with every extension gives the certificate that one without gives"""
    plain = raw.chain(account.issue(responder, "plain.finalize.test")[0])[0]
    url, finalize = ready
    der, key = request(names(*NAMES), extensions=WISHES)
    answer = account.post(finalize, {"csr": raw.b64(der)})
    assert answer.status_code == 200, answer.text
    leaf = raw.chain(account.post(account.poll(url, ("valid", "invalid")).json()["certificate"]).text)[0]
    assert shape(leaf) == shape(plain) and relying_party.crl_url(leaf) == relying_party.crl_url(plain)
    ids = [e.value.digest for e in leaf.extensions if isinstance(e.value, x509.SubjectKeyIdentifier)]
    assert b"chosen by the client" not in ids
    assert leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == \
        key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("more", [x509.RFC822Name("root@finalize.test"), x509.UniformResourceIdentifier("https://a.finalize.test/"),
                                  x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x01a"),
                                  x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")])),
                                  x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))], ids=lambda one: type(one).__name__)
def test_names_of_other_kinds(account, ready, more):
    """A-116: refused, the order stays ready"""
    url, finalize = ready
    der, _ = request(x509.SubjectAlternativeName([x509.DNSName(n) for n in NAMES] + [more]))
    raw.problem(account.post(finalize, {"csr": raw.b64(der)}), 400, "badCSR")
    der, _ = request(names(*NAMES), extensions=[(True, x509.BasicConstraints(True, 0))])
    raw.problem(account.post(finalize, {"csr": raw.b64(der)}), 400, "badCSR")
    assert account.post(url).json()["status"] == "ready"
