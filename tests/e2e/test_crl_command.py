"""`cairn crl`, and CRLs in shards as the world gets them (E-20, E-22, E-24, E-25, E-27, E-30)."""
import json
import os
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import raw
import relying_party
from test_eab import cairn
from test_public import get


@pytest.fixture(scope="module")
def sharded(make_ca):
    ca = make_ca()
    files = [word for file in ca.CONFIG_FILES.split() for word in ("--config", file)]
    issuers = json.loads(ca.cairn("config", "show", "--json", *files).stdout)["ca"]["issuers"]
    ca.down()
    ca.config["ca"]["issuers"] = [{**one, "crl_shards": 3} for one in issuers]
    ca.up()
    return ca


def crl_of(url):
    return x509.load_der_x509_crl(relying_party.fetch(url))


def openssl(ca, folder, chain, crl):
    """openssl verify -x509_strict -crl_check with the CRL that the certificate names."""
    for name, octets in (("leaf", chain[0]), ("above", chain[1]), ("crl", crl)):
        (folder / name).write_bytes(octets.public_bytes(Encoding.PEM))
    return subprocess.run(["openssl", "verify", "-x509_strict", "-crl_check", "-CAfile", ca.ROOT_FILE, "-untrusted", folder / "above", "-CRLfile",
                           folder / "crl", folder / "leaf"], capture_output=True, text=True, check=False)


def test_each_in_its_shard(sharded, responder_for, tmp_path):
    """E-24, E-25, E-27: certificates are spread over the shards; each shard lists its own, under the very URL that they name"""
    client, answers = raw.Client(sharded), responder_for(sharded)
    client.register()
    by_url = {}
    for i in range(12):
        chain = raw.chain(client.issue(answers, f"s{i}.shard.test")[0])
        by_url.setdefault(relying_party.crl_url(chain[0]), []).append(chain)
    assert len(by_url) > 1
    for chains in by_url.values():
        der = raw.b64(chains[0][0].public_bytes(Encoding.DER))
        assert client.post(client.directory["revokeCert"], {"certificate": der}).status_code == 200
    end = time.monotonic() + relying_party.REVOKED_WITHIN_S
    for url, chains in by_url.items():
        while len(crl_of(url)) == 0:
            assert time.monotonic() < end, url
            time.sleep(0.1)
        crl = crl_of(url)
        point = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
        assert point.critical and point.value.full_name[0].value == url and point.value.only_contains_user_certs
        assert [entry.serial_number for entry in crl] == [chains[0][0].serial_number]
        assert "certificate revoked" in openssl(sharded, tmp_path, chains[0], crl).stderr
        if len(chains) > 1:
            assert openssl(sharded, tmp_path, chains[1], crl).returncode == 0


def test_the_command(sharded, tmp_path):
    """E-20, E-30, E-32: list, show, a new one now, files, and the URLs"""
    told = json.loads(cairn(sharded, "crl", "list", "--json").stdout)["crls"]
    assert [(one["issuer"], one["shard"]) for one in told] == [(name, n) for name in ("ecdsa-1", "rsa-1") for n in range(3)]
    assert all(one["entries"] >= 0 and one["octets"] > 100 and one["open"] and one["next_update"] > one["this_update"] for one in told)
    one = next(one for one in told if one["entries"] > 0)
    chosen = ("--issuer", one["issuer"], "--shard", str(one["shard"]))
    shown = json.loads(cairn(sharded, "crl", "show", *chosen, "--entries", "--json").stdout)
    crl = crl_of(one["url"])
    assert shown["number"] == one["number"] == crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number and shown["url"] == one["url"]
    assert [int(entry["serial"], 16) for entry in shown["revoked"]] == [entry.serial_number for entry in crl]
    assert f"number {one['number']}" in cairn(sharded, "crl", "show", *chosen).stdout
    assert "say --yes" in cairn(sharded, "crl", "issue", *chosen).stdout
    made = json.loads(cairn(sharded, "crl", "issue", *chosen, "--yes", "--json").stdout)
    assert made["done"] and len(made["crls"]) == 1 and made["crls"][0]["number"] > one["number"] and made["crls"][0]["why"] == "asked"
    assert sharded.sql(f"SELECT facts->>'why' FROM log.event WHERE kind = 'crl.published' AND facts->>'number' = '{made['crls'][0]['number']}'") == [["asked"]]
    earlier = json.loads(cairn(sharded, "crl", "show", *chosen, "--number", str(one["number"]), "--json").stdout)
    assert earlier["sha256"] == shown["sha256"]
    folder = tmp_path / "crls"
    assert len(json.loads(cairn(sharded, "crl", "export", "--to", str(folder), "--json").stdout)["files"]) == 6
    assert (folder / f"{one['issuer']}-{one['shard']}.crl").read_bytes() == relying_party.fetch(one["url"])
    urls = json.loads(cairn(sharded, "crl", "urls", "--json").stdout)["issuers"]
    assert [u for issuer in urls for u in issuer["partitioned"]] == [one["url"] for one in told] == get(sharded, "/crls.json").json()
    for words in ("show",), ("show", "--issuer", "nobody"), ("export",), ("list", "--shard", "x"), ("list", "more"), ("issue", "--issuer", "nobody", "--yes"):
        assert cairn(sharded, "crl", *words, check=False).returncode in (1, 2), words
    assert "crl          All CRLs are made anew in time." in sharded.cairn(
        "doctor", "--config", os.path.join(sharded.state, "cairn.yaml"), "--config", os.path.join(sharded.folder, "overlay.yaml"), check=False).stdout
    assert sharded.deaths() == []
