"""Certificates of every profile, for every kind of key that the policy allows, under issuers of every kind."""
import itertools
import json
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

import raw
import relying_party
from test_issuer_rotation import common_name

KINDS = ("p256", "p384", "rsa2048", "rsa3072", "rsa4096")
PROFILES = ("classic", "tlsserver", "shortlived")
# D-6 and D-7, octet for octet
ALGORITHM = {"p256": "301306072a8648ce3d020106082a8648ce3d030107", "p384": "301006072a8648ce3d020106052b81040022",
             **dict.fromkeys(("rsa2048", "rsa3072", "rsa4096"), "300d06092a864886f70d0101010500")}
SIGNATURE = {"p256": "300a06082a8648ce3d040302", "p384": "300a06082a8648ce3d040303",
             **dict.fromkeys(("rsa2048", "rsa3072", "rsa4096"), "300d06092a864886f70d01010b0500")}


def new_key(kind):
    if kind.startswith("rsa"):
        return raw.rsa_key(int(kind[3:]))
    return raw.ec_key(ec.SECP256R1 if kind == "p256" else ec.SECP384R1)


def configured(ca):
    return [word for path in ca.CONFIG_FILES.split() for word in ("--config", path)]


def make_issuers(ca, old):
    """An intermediate of each kind below the CA's root."""
    pki = os.path.dirname(old["cert_file"])
    own = "country: XX, organization: Cairn TEST"
    urls = "crl_url: '{}', aia_url: '{}'".format(*(old[key].replace(old["name"], "root") for key in ("crl_url", "aia_url")))
    steps = [f"{{ action: root, name: root, key: p384, {own}, common_name: Cairn TEST Root, days: 3650, cert_file: {pki}/root.pem, key_file: {pki}/root.key }}"]
    steps += [f"{{ action: intermediate, name: i-{kind}, issuer: root, key: {kind}, {own}, common_name: I {kind}, days: 1000, {urls}, "
              f"cert_file: {pki}/i-{kind}.pem, key_file: {pki}/i-{kind}.key }}" for kind in KINDS]
    plan = os.path.join(ca.folder, "kinds.yaml")
    with open(plan, "w", encoding="ascii") as f:
        f.write(f"title: Issuers of every kind\ntranscript: {pki}/kinds.jsonl\nsteps:\n" + "".join(f"  - {one}\n" for one in steps))
    ca.cairn("ceremony", plan, "--yes")
    return [{**{key: value.replace(old["name"], f"i-{kind}") if isinstance(value, str) else value for key, value in old.items()},
             "profiles": [f"{profile}-{kind}" for profile in PROFILES]} for kind in KINDS]


@pytest.fixture(scope="module")
def kinds_ca(make_ca):
    """Each issuer signs for three profiles of its own, which are the ones that there are without a configuration."""
    ca = make_ca({"ca": {}})
    shown = json.loads(ca.cairn("config", "show", "--json", *configured(ca)).stdout)
    profiles = {one["name"]: one for one in shown["policy"]["profiles"]}
    assert set(profiles) == set(PROFILES)
    old = shown["ca"]["issuers"]
    issuers = make_issuers(ca, next(one for one in old if one["name"] == "ecdsa-1"))
    ca.down()
    ca.config["ca"]["issuers"] = issuers + [{**one, "active": False} for one in old]
    ca.config["policy"] = {**ca.config.get("policy", {}), "profiles": [{**profiles[name], "name": f"{name}-{kind}"} for name in PROFILES for kind in KINDS]}
    return ca.up()


def test_every_kind_under_every_kind(kinds_ca, responder_for, tmp_path):
    """D-1, D-2, D-4, D-6, D-7, F-34: what openssl takes by its strictest with the CRLs of both levels, and our own rows when all are read back"""
    client, answers = raw.Client(kinds_ca), responder_for(kinds_ca)
    assert client.register().status_code == 201
    keys = {kind: new_key(kind) for kind in KINDS}
    for profile, above, below in itertools.product(PROFILES, KINDS, KINDS):
        name = f"{profile}-{above}-{below}.test"
        made = client.order(name, profile=f"{profile}-{above}")
        assert made.status_code == 201, made.text
        client.validate(made.json(), answers)
        done = client.post(made.json()["finalize"], {"csr": raw.b64(raw.csr([name], keys[below])[0])})
        assert done.status_code == 200, (name, done.text)
        leaf, issuer = raw.chain(client.post(client.poll(made.headers["Location"], ("valid", "invalid")).json()["certificate"]).text)
        assert common_name(issuer.subject) == f"I {above}" and leaf.public_key().public_numbers() == keys[below].public_key().public_numbers()
        assert leaf.issuer.public_bytes() == issuer.subject.public_bytes()
        der = leaf.public_bytes(Encoding.DER)
        assert der.count(bytes.fromhex(SIGNATURE[above])) == 2 and bytes.fromhex(SIGNATURE[above]) in leaf.tbs_certificate_bytes
        assert der.count(bytes.fromhex(ALGORITHM[below])) == 1
        verified = relying_party.openssl_verify(kinds_ca, tmp_path, leaf, name)
        assert verified.returncode == 0, (name, verified.stderr)
    told = json.loads(kinds_ca.cairn("audit", "issued", *configured(kinds_ca), "--quiet", "--json").stdout)
    assert (told["certificates"], told["differences"]) == (len(PROFILES) * len(KINDS) ** 2, 0)
