"""What relying parties make of a certificate, by the URLs that stand in it."""
import subprocess
import time
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

ISSUERS = {rsa.RSAPublicKey: "Cairn TEST RSA 1", ec.EllipticCurvePublicKey: "Cairn TEST ECDSA 1"}
REVOKED_WITHIN_S = 10


def fetch(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=60) as answer:
        return answer.read()


def load(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def crl_url(certificate):
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    return points[0].full_name[0].value


def aia_url(certificate):
    return certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value[0].access_location.value


def crl_reason(certificate):
    """None: not in the CRL that its distribution point has; else the reason, "" where there is none."""
    entry = x509.load_der_x509_crl(fetch(crl_url(certificate))).get_revoked_certificate_by_serial_number(certificate.serial_number)
    if entry is None:
        return None
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except x509.ExtensionNotFound:
        return ""


def openssl_verify(ca, folder, leaf, name):
    """As a relying party does it: the chain from AIA, the CRLs of both levels from their distribution points."""
    issuer = x509.load_der_x509_certificate(fetch(aia_url(leaf)))
    (folder / "issuer.pem").write_bytes(issuer.public_bytes(Encoding.PEM))
    (folder / "leaf.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    crls = [x509.load_der_x509_crl(fetch(crl_url(one))) for one in (leaf, issuer)]
    (folder / "crls.pem").write_bytes(b"".join(crl.public_bytes(Encoding.PEM) for crl in crls))
    return subprocess.run(
        ["openssl", "verify", "-x509_strict", "-crl_check_all", "-purpose", "sslserver", "-verify_hostname", name, "-CAfile",
         ca.ROOT_FILE, "-CRLfile", folder / "crls.pem", "-untrusted", folder / "issuer.pem", folder / "leaf.pem"],
        capture_output=True, text=True, check=False)


def check_good(ca, folder, leaf, name):
    """The certificate is the one asked for, by the issuer of its key type, and relying parties take it."""
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    assert name in names
    kind = next(kind for kind in ISSUERS if isinstance(leaf.public_key(), kind))
    assert leaf.issuer.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)[0].value == ISSUERS[kind]
    done = openssl_verify(ca, folder, leaf, name)
    assert done.returncode == 0, done.stderr
    return kind


def check_revoked(ca, folder, leaf, name, reason):
    """It is in the CRL within ten seconds, and relying parties refuse it (E-22)."""
    start = time.monotonic()
    while crl_reason(leaf) is None:
        assert time.monotonic() - start < REVOKED_WITHIN_S, "the CRL does not list it"
        time.sleep(0.1)
    assert crl_reason(leaf) == reason
    done = openssl_verify(ca, folder, leaf, name)
    assert done.returncode != 0 and "certificate revoked" in done.stderr + done.stdout
