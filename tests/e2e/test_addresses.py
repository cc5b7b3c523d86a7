"""Certificates for IP addresses (RFC 8738), by both methods that can validate them."""
import ipaddress
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import alpn_responder
import raw
import responder as responder_module
from test_eab import cairn

V4, V6 = "127.0.0.1", "::1"


@pytest.fixture(scope="module")
def ours(make_ca):
    """A private CA that issues for the addresses of loopback (B-11)."""
    return make_ca({"policy": {"permitted_networks": ["127.0.0.0/30", "::1/128"]}})


@pytest.fixture
def owner(ours):
    one = raw.Client(ours)
    assert one.register().status_code == 201
    return one


@pytest.fixture
def alpn(ours):
    one = alpn_responder.AlpnResponder(int(ours.TLSALPN01_PORT), (V4, V6))
    yield one
    one.close()


@pytest.fixture
def web(ours):
    both = [responder_module.Responder(int(ours.HTTP01_PORT), host) for host in (V4, V6)]
    both[1].tokens = both[0].tokens
    yield both
    for one in both:
        one.close()


def finalize(owner, order, der):
    """The leaf of a finalized order."""
    done = owner.post(order["finalize"], {"csr": raw.b64(der)})
    assert done.status_code == 200, done.text
    return raw.chain(owner.post(done.json()["certificate"]).text)


def issue(owner, responder, kind, addresses, names=(), **options):
    made = owner.order_addresses(*addresses, names=names)
    assert made.status_code == 201, made.text
    owner.validate(made.json(), responder, kind)
    der, _ = raw.csr(names, addresses=addresses, **options)
    return finalize(owner, made.json(), der)


def alternatives(leaf):
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(a) for a in san.get_values_for_type(x509.IPAddress)], san.get_values_for_type(x509.DNSName)


def verify(ca, folder, chain, address):
    (folder / "leaf.pem").write_bytes(chain[0].public_bytes(Encoding.PEM))
    (folder / "issuer.pem").write_bytes(chain[1].public_bytes(Encoding.PEM))
    return subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_ip", address, "-CAfile", ca.ROOT_FILE,
                           "-untrusted", folder / "issuer.pem", folder / "leaf.pem"], capture_output=True, text=True, check=False)


def test_tls_alpn(ours, owner, alpn, tmp_path):
    """B-7, B-8, B-10, C-16: SNI is the reverse name, the certificate carries the octets of both families"""
    chain = issue(owner, alpn, "tls-alpn-01", [V4, V6])
    assert alpn.seen == [ipaddress.ip_address(a).reverse_pointer for a in (V4, V6)]
    assert alternatives(chain[0]) == ([V4, V6], [])
    for address in V4, V6:
        done = verify(ours, tmp_path, chain, address)
        assert done.returncode == 0, done.stderr
    assert verify(ours, tmp_path, chain, "127.0.0.2").returncode != 0
    rows = ours.sql("SELECT identifier_type, identifier_value, method, rule, caa IS NULL FROM log.validation WHERE passed "
                    "AND method = 'tls-alpn-01' ORDER BY id")
    assert rows == [["ip", a, "tls-alpn-01", "BR 3.2.2.5.7", "t"] for a in (V4, V6)], "CAA is not for addresses"


def test_http(ours, owner, web, tmp_path):
    """B-8, C-16, C-17: Host is the address, IPv6 in brackets; a name stands beside them in one certificate"""
    chain = issue(owner, web[0], "http-01", [V4, V6], ["beside.address.test"])
    assert alternatives(chain[0]) == ([V4, V6], ["beside.address.test"])
    assert (web[0].seen[0][0], web[1].seen[0][0]) in ((V4, "[::1]"), ("beside.address.test", "[::1]"))
    assert {host for host, _ in web[0].seen} == {V4, "beside.address.test"}
    assert verify(ours, tmp_path, chain, V6).returncode == 0
    assert ours.sql("SELECT DISTINCT rule FROM log.validation WHERE identifier_type = 'ip' AND method = 'http-01'") == [["BR 3.2.2.5.6"]]


def test_offered(owner):
    """B-9: no challenge of DNS for addresses"""
    made = owner.order_addresses("127.0.0.2")
    assert made.status_code == 201, made.text
    assert made.json()["identifiers"] == [{"type": "ip", "value": "127.0.0.2"}]
    authorization = owner.post(made.json()["authorizations"][0]).json()
    assert authorization["identifier"] == {"type": "ip", "value": "127.0.0.2"} and "wildcard" not in authorization
    assert [c["type"] for c in authorization["challenges"]] == ["http-01", "tls-alpn-01"]


@pytest.mark.parametrize("value", ["010.0.0.1", "1.2.3", "[::1]", "::FFFF:1.2.3.4", "fe80::1%eth0", "127.0.0.0/30", "0:0:0:0:0:0:0:1", "*.127.0.0.1",
                                   "localhost", "", "10.0.0.1", "127.0.0.4", "::2", "169.254.169.254", "192.0.2.1", "8.8.8.8"])
def test_refused_addresses(owner, value):
    """B-7: one spelling; B-11: special ones only where the operator allows them, and here no others either"""
    raw.problem(owner.order_addresses(value), 400, "rejectedIdentifier")


def test_address_as_a_name(owner):
    """B-10, C-14: an address is no DNS name"""
    raw.problem(owner.order("127.0.0.1"), 400, "rejectedIdentifier")
    raw.problem(owner.order("::1"), 400, "rejectedIdentifier")


def test_csr(owner, alpn):
    """A-114, B-10: the CSR asks for the address as an address, and for no other"""
    made = owner.order_addresses(V4).json()
    owner.validate(made, alpn, "tls-alpn-01")
    for der in raw.csr([V4])[0], raw.csr([], addresses=["127.0.0.2"])[0], raw.csr([], addresses=[V4, V6])[0], raw.csr(["a.test"], addresses=[V4])[0]:
        raw.problem(owner.post(made["finalize"], {"csr": raw.b64(der)}), 400, "badCSR")
    chain = finalize(owner, made, raw.csr([], addresses=[V4], common_name=V4)[0])
    assert alternatives(chain[0]) == ([V4], [])
    assert [n.value for n in chain[0].subject] in ([], [V4])


def test_revoke_by_authorization(ours, owner, alpn):
    """A-125: who proves control of the address may revoke"""
    leaf = issue(owner, alpn, "tls-alpn-01", [V4])[0]
    other = raw.Client(ours)
    assert other.register().status_code == 201
    body = {"certificate": raw.b64(leaf.public_bytes(Encoding.DER))}
    raw.problem(other.post(other.directory["revokeCert"], body), 403, "unauthorized")
    made = other.order_addresses(V4).json()
    other.validate(made, alpn, "tls-alpn-01")
    assert other.post(other.directory["revokeCert"], body).status_code == 200


def test_wrong_certificate(ours, owner, alpn):
    """B-8: the address in its octets, not as a name"""
    alpn.changes = {"names": ["localhost"]}
    made = owner.order_addresses("127.0.0.3").json()
    raw_challenge = owner.challenge(made["authorizations"][0], "tls-alpn-01")
    alpn.tokens["127.0.0.3"] = owner.key_authorization(raw_challenge["token"])
    assert owner.post(raw_challenge["url"], {}).status_code == 200
    assert owner.poll(made["authorizations"][0], ("invalid",)).json()["status"] == "invalid"


def test_policy_command(ours, owner):
    """B-11: cairn policy test says beforehand what newOrder says"""
    done = cairn(ours, "policy", "test", "--account", owner.kid, "--names", "127.0.0.1,::1", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
