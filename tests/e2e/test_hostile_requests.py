"""Requests that no honest tool makes, written octet by octet: none of them gets a certificate, ends its order or is a fault of ours; and odd ones that
are requests all the same."""
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import ct_log
import raw

COMMON_NAME, SAN, CONSTRAINTS = "550403", "551d11", "551d13"
REQUESTED, MICROSOFT = "2a864886f70d01090e", "2b06010401823702010e"
EC_KEY, P256, RSA_KEY = "2a8648ce3d0201", "2a8648ce3d030107", "2a864886f70d010101"
ECDSA_SHA1, ECDSA_SHA256, RSA_SHA256 = "2a8648ce3d0401", "2a8648ce3d040302", "2a864886f70d01010b"
NULL = b"\x05\x00"
KEY, OTHER = raw.ec_key(), raw.rsa_key()
X, Y = (n.to_bytes(32, "big") for n in (KEY.public_key().public_numbers().x, KEY.public_key().public_numbers().y))
N, E = OTHER.public_key().public_numbers().n.to_bytes(256, "big"), b"\x01\x00\x01"


def seq(*parts):
    return ct_log.der(0x30, b"".join(parts))


def of_set(*parts):
    return ct_log.der(0x31, b"".join(parts))


def oid(text):
    return ct_log.der(6, bytes.fromhex(text))


def integer(octets):
    return ct_log.der(2, octets)


def bits(octets, unused=0):
    return ct_log.der(3, bytes([unused]) + octets)


def indefinite(whole):
    """The same element without a length: BER."""
    content = next(ct_log.elements(whole))[1]
    return whole[:1] + b"\x80" + content + b"\0\0"


def longer(whole):
    """The same element with its length in more octets than it takes: BER."""
    content = next(ct_log.elements(whole))[1]
    return whole[:1] + b"\x83" + len(content).to_bytes(3, "big") + content


def name(text):
    return ct_log.der(0x82, text.encode() if isinstance(text, str) else text)


def extension(kind, value):
    return seq(oid(kind), ct_log.der(4, value))


def wish(*extensions, kind=REQUESTED, more=b""):
    return seq(oid(kind), of_set(seq(*extensions), more))


def names(*values):
    return wish(extension(SAN, seq(*map(name, values))))


def common_name(text, tag=0x0c):
    return of_set(seq(oid(COMMON_NAME), ct_log.der(tag, text.encode() if isinstance(text, str) else text)))


def spki(key):
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def ec_spki(point, parameters=oid(P256), unused=0):
    return seq(seq(oid(EC_KEY), parameters), bits(point, unused))


def rsa_spki(modulus, exponent, parameters=NULL, more=b""):
    return seq(seq(oid(RSA_KEY), parameters), bits(seq(integer(modulus), integer(exponent), more)))


def info(attributes, subject=b"", public=None, version=b"\0", more=b"", key=KEY):
    return seq(integer(version), seq(subject), public or spki(key), ct_log.der(0xa0, attributes), more)


def signed(what, key=KEY, algorithm=None, change=lambda signature: signature, unused=0, more=b""):
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(what, padding.PKCS1v15(), hashes.SHA256())
    else:
        signature = key.sign(what, ec.ECDSA(hashes.SHA256()))
    return seq(what, algorithm or (seq(oid(RSA_SHA256), NULL) if key is OTHER else seq(oid(ECDSA_SHA256))), bits(change(signature), unused), more)


def padded(signature):
    return seq(*(integer(b"\0\0" + n.to_bytes(32, "big")) for n in utils.decode_dss_signature(signature)))


def with_key(public, key=KEY):
    return lambda n: signed(info(names(n), public=public, key=key), key)


def of_curve(curve):
    key = ec.generate_private_key(curve())
    return lambda n: signed(info(names(n), key=key), key)


def by_openssl(*options, sign=()):
    """Keys that the library does not make."""
    def build(n):
        key = subprocess.run(["openssl", *options], check=True, capture_output=True).stdout
        return subprocess.run(["openssl", "req", "-new", "-key", "/dev/stdin", "-outform", "DER", "-subj", "/", "-addext", f"subjectAltName=DNS:{n}", *sign],
                              input=key, check=True, capture_output=True).stdout
    return build


REFUSED = {
    # names
    "a NUL in a name": lambda n: signed(info(names(n + "\0.evil.test"))), "a NUL in the common name": lambda n: signed(info(names(n), common_name(n + "\0.evil.test"))),
    "octets above ASCII": lambda n: signed(info(names(b"\xc3\xa9.test"))), "an empty name": lambda n: signed(info(names(n, ""))),
    "no names": lambda n: signed(info(names())), "no attributes": lambda n: signed(info(b"")), "a dot at the end": lambda n: signed(info(names(n + "."))),
    "an address of 8 octets": lambda n: signed(info(wish(extension(SAN, seq(name(n), ct_log.der(0x87, b"\x7f\0\0\1\xff\0\0\0")))))),
    "an address as well": lambda n: signed(info(wish(extension(SAN, seq(name(n), ct_log.der(0x87, b"\x7f\0\0\1")))))),
    "an address as common name": lambda n: signed(info(names(n), common_name("127.0.0.1"))),
    "two common names in one RDN": lambda n: signed(info(names(n), of_set(*(seq(oid(COMMON_NAME), ct_log.der(12, one)) for one in (n.encode(), b"z.test"))))),
    "two subjectAltNames": lambda n: signed(info(wish(extension(SAN, seq(name(n))), extension(SAN, seq(name("evil.test")))))),
    "two lists": lambda n: signed(info(names(n) + names("evil.test"))), "two lists in one": lambda n: signed(info(wish(extension(SAN, seq(name(n))), more=seq()))),
    "Microsoft's list too": lambda n: signed(info(names(n) + wish(extension(SAN, seq(name("evil.test"))), kind=MICROSOFT))),
    "more behind the names": lambda n: signed(info(wish(extension(SAN, seq(name(n)) + NULL)))), "names in BER": lambda n: signed(info(wish(extension(SAN, indefinite(seq(name(n))))))),
    "CA in BER": lambda n: signed(info(wish(extension(SAN, seq(name(n))), extension(CONSTRAINTS, seq(b"\x01\x01\x01"))))),
    "2000 names": lambda n: signed(info(names(n, *(f"x{i}.t" for i in range(2000))))), "1001 times one name": lambda n: signed(info(names(*[n] * 1001))),
    # form
    "more in it": lambda n: signed(info(names(n), more=NULL)), "more behind the signature": lambda n: signed(info(names(n)), more=NULL),
    "more behind it": lambda n: signed(info(names(n))) + b"\0", "without a length": lambda n: indefinite(signed(info(names(n)))),
    "a long length": lambda n: longer(signed(info(names(n)))), "without a length inside": lambda n: signed(indefinite(info(names(n)))),
    "a padded version": lambda n: signed(info(names(n), version=b"\0\0")), "a negative version": lambda n: signed(info(names(n), version=b"\xff")),
    "deep": lambda n: signed(info(seq(oid(REQUESTED), of_set(b"\x30\x80" * 3000)))),
    # signature
    "unused bits": lambda n: signed(info(names(n)), unused=1), "more in the signature": lambda n: signed(info(names(n)), change=lambda s: s + b"\0"),
    "padded integers": lambda n: signed(info(names(n)), change=padded), "no signature": lambda n: signed(info(names(n)), change=lambda s: b""),
    "another kind of signature": lambda n: signed(info(names(n)), algorithm=seq(oid(RSA_SHA256), NULL)), "SHA-1": lambda n: signed(info(names(n)), algorithm=seq(oid(ECDSA_SHA1))),
    # keys on curves (D-6, D-65)
    "compressed": with_key(ec_spki(bytes([2 + Y[-1] % 2]) + X)), "hybrid": with_key(ec_spki(bytes([6 + Y[-1] % 2]) + X + Y)), "infinity": with_key(ec_spki(b"\0")),
    "off the curve": with_key(ec_spki(b"\4" + X + bytes(31) + b"\1")), "outside of the field": with_key(ec_spki(b"\4" + b"\xff" * 32 + Y)),
    "a key's unused bits": with_key(ec_spki(b"\4" + X + Y, unused=1)), "no curve": with_key(ec_spki(b"\4" + X + Y, b"")), "NULL for a curve": with_key(ec_spki(b"\4" + X + Y, NULL)),
    "a key in BER": with_key(longer(ec_spki(b"\4" + X + Y))), "P-224": of_curve(ec.SECP224R1), "secp256k1": of_curve(ec.SECP256K1), "brainpool": of_curve(ec.BrainpoolP256R1),
    "P-521": of_curve(ec.SECP521R1), "a curve by its parameters": by_openssl("ecparam", "-name", "prime256v1", "-genkey", "-param_enc", "explicit", "-noout"),
    "Ed25519": by_openssl("genpkey", "-algorithm", "ed25519"), "Ed448": by_openssl("genpkey", "-algorithm", "ed448"),
    # RSA keys (D-6, D-65)
    "rsaPSS": by_openssl("genpkey", "-algorithm", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"),
    "signed by PSS": by_openssl("genrsa", "2048", sign=("-sigopt", "rsa_padding_mode:pss")), "1024 bits": by_openssl("genrsa", "1024"), "2056 bits": by_openssl("genrsa", "2056"),
    "an exponent of 3": by_openssl("genrsa", "-3", "2048"), "a negative modulus": with_key(rsa_spki(N, E), OTHER), "a padded modulus": with_key(rsa_spki(b"\0\0" + N, E), OTHER),
    "a padded exponent": with_key(rsa_spki(b"\0" + N, b"\0" + E), OTHER), "no NULL": with_key(rsa_spki(b"\0" + N, E, b""), OTHER), "more in the key": with_key(rsa_spki(b"\0" + N, E, more=NULL), OTHER),
    "a modulus of 0": with_key(rsa_spki(b"\0", E), OTHER), "no modulus": with_key(rsa_spki(b"", E), OTHER), "an exponent of 0": with_key(rsa_spki(b"\0" + N, b"\0"), OTHER),
    "a negative exponent": with_key(rsa_spki(b"\0" + N, b"\xff"), OTHER), "160,000 bits": with_key(rsa_spki(b"\0" + b"\xff" * 20000, E), OTHER),
}
ODD = {"BMPString": lambda n: signed(info(names(n), common_name(n.encode("utf-16-be"), 0x1e))), "no common name in it": lambda n: signed(info(names(n), common_name(""))),
       "an organization": lambda n: signed(info(names(n), of_set(seq(oid("55040a"), ct_log.der(12, b"A Bank"))))), "the common name alone": lambda n: signed(info(b"", common_name(n))),
       "Microsoft's list alone": lambda n: signed(info(wish(extension(SAN, seq(name(n))), kind=MICROSOFT))), "900 times one name": lambda n: signed(info(names(*[n] * 900)))}


@pytest.fixture(scope="module")
def owner(ca):
    one = raw.Client(ca)
    assert one.register().status_code == 201
    return one


def ready(owner, responder, text):
    made = owner.order(text)
    owner.validate(made.json(), responder)
    return made.headers["Location"], made.json()["finalize"]


def test_none_is_taken(owner, responder):
    """A-112, A-114, A-116, D-6, D-65: badCSR or malformed, one behind the other for one order, which an honest request completes"""
    url, finalize = ready(owner, responder, "hostile.test")
    for what, build in REFUSED.items():
        answer = owner.post(finalize, {"csr": raw.b64(build("hostile.test"))})
        assert answer.status_code == 400 and answer.json()["type"].endswith((":badCSR", ":malformed")), (what, answer.text)
        assert owner.post(url).json()["status"] == "ready", what
    assert owner.post(finalize, {"csr": raw.b64(signed(info(names("hostile.test"))))}).status_code == 200


@pytest.mark.parametrize("what", ODD)
def test_what_is_odd_gets_what_was_ordered(owner, responder, what):
    """D-11, D-39, D-49: the name and the key, and nothing else that the request says"""
    text = what.lower().replace(" ", "-").replace("'", "") + ".odd.test"
    url, finalize = ready(owner, responder, text)
    answer = owner.post(finalize, {"csr": raw.b64(ODD[what](text))})
    assert answer.status_code == 200, answer.text
    leaf = raw.chain(owner.post(owner.poll(url, ("valid", "invalid")).json()["certificate"]).text)[0]
    assert [one.value for one in leaf.subject] == [text] and leaf.public_key().public_numbers() == KEY.public_key().public_numbers()
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == x509.SubjectAlternativeName([x509.DNSName(text)])
