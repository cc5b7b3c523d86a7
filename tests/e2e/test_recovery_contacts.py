"""Recovery contacts (docs/recovery.md) against the running CA: given, replaced, deleted, asked for, and opened by one custodian of each
group."""
import base64
import json
import os
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization

import raw

ANA, BEN, PHONE = "mailto:Ana.Recovery@Example.COM", "mailto:ben@example.net", "tel:+49-30-1234567"


@pytest.fixture(scope="module")
def keeper(make_ca):
    """A CA that keeps what clients name as contacts, with a limit that a test can meet."""
    return make_ca({"recovery": {"account_contacts": "keep", "ended_accounts": "freeze"},
                    "policy": {"limits": [{"name": "RecoveryContactChangesPerAccount", "count": 3, "period_s": 36000}]}})


def url(client):
    return client.directory["recoveryContacts"]


def give(client, *contacts):
    return client.post(url(client), {"contacts": list(contacts)})


def ask(client):
    answer = client.post(url(client))
    assert answer.status_code == 200, answer.text
    return answer.json()


def uuid(client):
    return raw.unb64(client.kid.rsplit("/", 1)[1]).hex()


def events(ca, client):
    found = ca.sql(f"SELECT kind, facts FROM log.event WHERE kind LIKE 'recovery.%' AND account_id = '{uuid(client)}' ORDER BY id")
    assert all(facts in ("{}", '{"because": "deactivated"}') for _, facts in found)
    return [kind.removeprefix("recovery.") for kind, _ in found]


def row(ca, client, columns="encode(sealed, 'hex')"):
    """What stands in the table, as its owner sees it."""
    found = ca.sql(f"SELECT {columns} FROM vault.contact WHERE account_id = '{uuid(client)}'", role="cairn_owner")
    return found[0] if found else None


def custodian(ca, group):
    return ["-inkey", f"{ca.state}/custodian-keys/{group}.key", "-recip", f"{ca.state}/pki/custodians/{group}/test.pem"]


def open_by_openssl(sealed, ca, group, status=0):
    done = subprocess.run(["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", *custodian(ca, group)], input=sealed, capture_output=True, check=False)
    assert (done.returncode == 0) == (status == 0), done.stderr
    return done.stdout


def opened(ca, client):
    """G-14: the contacts, by a custodian of group b and then one of group a, and a program that nobody here wrote."""
    sealed = bytes.fromhex(row(ca, client)[0])
    inner = open_by_openssl(sealed, ca, "b")
    text = open_by_openssl(inner, ca, "a")
    assert len(text) == 4096
    found = json.loads(text)
    assert found["account"] == client.kid.rsplit("/", 1)[1]
    return found["contacts"]


def test_given_replaced_deleted(ca, account):
    """G-5, G-21, G-22: each change is an event that says that and not what"""
    assert ask(account) == {"recoveryContacts": False}
    answer = give(account, ANA, PHONE)
    assert answer.status_code == 200 and answer.json() == ask(account) and answer.json()["recoveryContacts"] is True, answer.text
    assert opened(ca, account) == ["mailto:ana.recovery@example.com", "tel:+49301234567"]
    given = row(ca, account)
    assert give(account, "tel:+49301234567", "MAILTO:ana.recovery@example.com").json() == answer.json()
    assert row(ca, account) == given  # the same contacts in another form: nothing was changed
    assert give(account, BEN).status_code == 200
    assert opened(ca, account) == ["mailto:ben@example.net"]
    assert len(row(ca, account)[0]) == len(given[0])  # the length tells nothing
    assert give(account).json() == {"recoveryContacts": False} == ask(account)
    assert row(ca, account) is None and give(account).status_code == 200
    assert events(ca, account) == ["set", "replaced", "deleted"]


def test_hashes_tell_nothing(ca, account):
    """Ten hashes whatever the number of contacts, and none in common between accounts"""
    other = raw.Client(ca)
    assert other.register().status_code == 201
    lists = []
    for client in account, other:
        assert give(client, ANA).status_code == 200
        lists.append(row(ca, client, "array_to_string(ARRAY(SELECT encode(h, 'hex') FROM unnest(hashes) h), ' ')")[0].split())
    assert [len(set(one)) for one in lists] == [10, 10] and not set(lists[0]) & set(lists[1])
    assert all(one == sorted(one) for one in lists)


def test_one_custodian_opens_nothing(ca, account):
    """G-11, G-14"""
    assert give(account, ANA).status_code == 200
    sealed = bytes.fromhex(row(ca, account)[0])
    open_by_openssl(sealed, ca, "a", status=1)
    inner = open_by_openssl(sealed, ca, "b")
    assert b"example" not in inner.lower()
    open_by_openssl(inner, ca, "b", status=1)
    open_by_openssl(sealed[:-40] + bytes(40), ca, "b", status=1)


@pytest.mark.parametrize("contacts, kind", [
    (["mailto:a@b@c.test"], "invalidContact"), (["mailto:a@localhost"], "invalidContact"), (["mailto:a@192.0.2.1"], "invalidContact"),
    (["mailto:a@b.test?subject=x"], "invalidContact"), (["mailto:a@b.test,c@d.test"], "invalidContact"), (["mailto:%0a@b.test"], "invalidContact"),
    (["mailto:" + "a" * 65 + "@b.test"], "invalidContact"), (["tel:030123456"], "invalidContact"), (["tel:+0301234567"], "invalidContact"),
    (["tel:+1234567890123456"], "invalidContact"), (["tel:+4930123;ext=1"], "invalidContact"), (["https://b.test"], "unsupportedContact"),
    (["mailto:a%d@b.test" % i for i in range(11)], "invalidContact")])
def test_refused_contacts(account, contacts, kind):
    """A-57: strict, and no part of a contact stands in the answer (G-5)"""
    answer = give(account, ANA, *contacts)
    raw.problem(answer, 400, kind)
    assert "b.test" not in answer.text and "example" not in answer.text.lower() and ask(account)["recoveryContacts"] is False


def test_refused_requests(ca, account):
    for payload in {}, {"contacts": None}, {"contacts": "mailto:a@b.test"}, {"contacts": [1]}, {"contacts": [["mailto:a@b.test"]]}:
        raw.problem(account.post(url(account), payload), 400, "malformed")
    raw.problem(account.post(url(account), {"contacts": [ANA]}, key=raw.ec_key()), 400, "malformed")
    stranger = raw.Client(ca)
    raw.problem(stranger.post(url(stranger), {"contacts": [ANA]}), 400, "malformed")
    raw.problem(account.send(url(account), {"contacts": [ANA]}), 400, "malformed")
    assert account.get(url(account)).status_code == 405
    assert ask(account)["recoveryContacts"] is False


def test_contacts_of_accounts_are_dropped_by_default(ca):
    """A-58, G-7: and an empty list deletes what came by the extension all the same (G-22)"""
    client = raw.Client(ca)
    answer = client.register(contact=[BEN])
    assert answer.status_code == 201 and "contact" not in answer.json()
    assert client.post(client.kid, {"contact": [BEN]}).status_code == 200
    assert ask(client)["recoveryContacts"] is False
    assert give(client, ANA).status_code == 200
    assert client.post(client.kid, {"contact": [BEN]}).status_code == 200 and opened(ca, client) == [ANA.lower()]
    assert client.post(client.kid, {"contact": []}).status_code == 200
    assert ask(client)["recoveryContacts"] is False and events(ca, client) == ["set", "deleted"]


def test_contacts_of_accounts_are_kept_if_so_configured(keeper):
    """A-51, A-58: those of newAccount, then those of an update; a known key changes nothing"""
    client = raw.Client(keeper)
    answer = client.register(contact=[BEN])
    assert answer.status_code == 201 and "contact" not in answer.json()
    assert opened(keeper, client) == [BEN]
    again = raw.Client(keeper, client.key)
    assert again.register(contact=[ANA]).status_code == 200 and opened(keeper, client) == [BEN]
    raw.problem(client.post(client.kid, {"contact": [PHONE]}), 400, "unsupportedContact")
    assert client.post(client.kid, {"contact": [ANA]}).status_code == 200
    assert opened(keeper, client) == [ANA.lower()]
    assert client.post(client.kid, {}).status_code == 200 and opened(keeper, client) == [ANA.lower()]
    assert client.post(client.kid, {"contact": []}).status_code == 200 and row(keeper, client) is None
    assert events(keeper, client) == ["set", "replaced", "deleted"]


def test_limit(keeper):
    """A-45: changes are limited, deleting is not, and the same contacts again are no change"""
    client = raw.Client(keeper)
    assert client.register().status_code == 201
    for i in range(3):
        assert give(client, f"mailto:user{i}@example.net").status_code == 200
        assert give(client, f"mailto:user{i}@example.net").status_code == 200
    answer = give(client, ANA)
    raw.problem(answer, 429, "rateLimited")
    assert "RecoveryContactChangesPerAccount" in answer.text and int(answer.headers["Retry-After"]) > 0
    assert opened(keeper, client) == ["mailto:user2@example.net"]
    assert give(client).status_code == 200 and events(keeper, client) == ["set", "replaced", "replaced", "deleted"]


def test_end_of_an_account(ca, keeper, account):
    """G-21: deleted or frozen, as the configuration says, and either is an event"""
    assert give(account, ANA).status_code == 200
    assert account.post(account.kid, {"status": "deactivated"}).status_code == 200
    assert row(ca, account) is None and events(ca, account) == ["set", "deleted"]
    kept = raw.Client(keeper)
    assert kept.register(contact=[BEN]).status_code == 201
    assert kept.post(kept.kid, {"status": "deactivated"}).status_code == 200
    assert row(keeper, kept, "frozen_at IS NOT NULL") == ["t"] and events(keeper, kept) == ["set", "frozen"]
    raw.problem(give(kept, ANA), 401, "unauthorized")


def test_roles(ca, account):
    """G-10, G-12: no role reads the table"""
    assert give(account, ANA).status_code == 200
    for role in "cairn_wfe", "cairn_ra", "cairn_ca", "cairn_subscriber", "cairn_operator", "cairn_auditor":
        with pytest.raises(RuntimeError, match="permission denied"):
            ca.sql("SELECT * FROM vault.contact", role=role)
        with pytest.raises(RuntimeError, match="permission denied"):
            ca.sql(f"SELECT vault.take_sealed('{uuid(account)}', 'case', 'somebody', NULL)", role=role)


def test_off_without_custodians(make_ca):
    """Nothing is offered, nothing is advertised, and no contact comes anywhere"""
    off = make_ca({"recovery": {"custodian_dir": None}})
    client = raw.Client(off)
    assert "recoveryContacts" not in client.directory and client.register(contact=[BEN]).status_code == 201
    raw.problem(client.post(client.directory["newAccount"].replace("new-account", "recovery-contacts"), {"contacts": [ANA]}), 404, "malformed")
    assert client.post(client.kid, {"contact": []}).status_code == 200


def jwk_file(path, key):
    """As certbot keeps it."""
    n = key.private_numbers()
    if hasattr(n, "private_value"):
        size = (key.key_size + 7) // 8
        private = {"d": raw.number(n.private_value, size)}
    else:
        private = {"d": raw.number(n.d), "p": raw.number(n.p), "q": raw.number(n.q), "dp": raw.number(n.dmp1), "dq": raw.number(n.dmq1), "qi": raw.number(n.iqmp)}
    path.write_text(json.dumps({**raw.jwk(key), **private}))


def pem_file(path, key):
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


@pytest.mark.parametrize("make, write", [(raw.ec_key, jwk_file), (raw.rsa_key, jwk_file), (raw.ec_key, pem_file), (raw.rsa_key, pem_file),
                                         (lambda: raw.ec_key(raw.ec.SECP384R1), jwk_file), (lambda: raw.ec_key(raw.ec.SECP521R1), pem_file),
                                         (raw.ed25519.Ed25519PrivateKey.generate, pem_file)])
def test_command(ca, tmp_path, make, write):
    """`cairn recovery set|show|delete` by every kind of account key"""
    client = raw.Client(ca, make())
    assert client.register().status_code == 201
    write(tmp_path / "key", client.key)

    def run(action, *more, text=None, status=0):
        done = subprocess.run([ca.CAIRN, "recovery", action, "--server", ca.DIRECTORY_URL, "--ca-file", ca.API_CA_FILE, "--key", str(tmp_path / "key"), *more],
                              input=text, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    assert "keeps no recovery contacts" in run("show")
    assert "given at" in run("set", text=f"{ANA}\n{PHONE}\n")
    assert opened(ca, client) == [ANA.lower(), "tel:+49301234567"]
    assert json.loads(run("show", "--json"))["recoveryContacts"] is True
    (tmp_path / "contacts").write_text(BEN)
    run("set", "--contacts", str(tmp_path / "contacts"))
    assert opened(ca, client) == [BEN]
    refused = run("set", text="mailto:nobody\n", status=1)
    assert "is not an e-mail address" in refused and "nobody" not in refused
    run("set", "mailto:a@b.test", text="", status=2)
    assert "keeps no recovery contacts" in run("delete") and row(ca, client) is None


def test_command_opens(ca, account, tmp_path):
    """What two custodians type, each on a machine of their own"""
    assert give(account, ANA).status_code == 200
    (tmp_path / "sealed").write_bytes(bytes.fromhex(row(ca, account)[0]))

    def run(name, group, *more, status=0):
        done = subprocess.run([ca.CAIRN, "recovery", "open", str(tmp_path / name), "--key", f"{ca.state}/custodian-keys/{group}.key",
                               "--certificate", f"{ca.state}/pki/custodians/{group}/test.pem", *more], capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    assert "not sealed for this key" in run("sealed", "a", status=1)
    run("sealed", "b", "--out", str(tmp_path / "inner"))
    assert os.stat(tmp_path / "inner").st_mode & 0o077 == 0
    assert json.loads(run("inner", "a"))["contacts"] == [ANA.lower()]


def test_custodians(ca, tmp_path):
    """A certificate joins a group, but no key joins both"""
    (tmp_path / "c").mkdir()

    def run(group, source, status=0):
        done = subprocess.run([ca.CAIRN, "recovery", "add-custodian", source, "--folder", str(tmp_path / "c"), "--group", group, "--yes"],
                              capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    one, other = f"{ca.state}/pki/custodians/a/test.pem", f"{ca.state}/pki/custodians/b/test.pem"
    assert "nobody yet" in run("a", one)
    assert "both groups" in run("b", one, status=1)
    assert "Restart" in run("b", other)
    assert "keyAgreement" in run("a", f"{ca.state}/pki/internal/cairn-ra/cairn-ra.pem", status=1)


def test_start_says_what_is_wrong(make_ca, tmp_path):
    """Each fault of the configuration by a sentence"""
    own = make_ca()
    base = {"custodian_dir": f"{own.state}/pki/custodians"}

    def check(overlay):
        path = tmp_path / "overlay.yaml"
        path.write_text(json.dumps(overlay))
        return subprocess.run([os.path.join(os.path.dirname(own.CAIRN), "cairn-subscriber"), "--config", f"{own.state}/cairn.yaml", "--config", own.folder + "/overlay.yaml",
                               "--config", str(path)], capture_output=True, text=True, timeout=60, check=False)

    (tmp_path / "short").write_text("AAAA\n")
    os.chmod(tmp_path / "short", 0o600)
    (tmp_path / "open").write_text("A" * 43)
    os.chmod(tmp_path / "open", 0o644)
    os.makedirs(tmp_path / "empty" / "a")
    os.makedirs(tmp_path / "empty" / "b")
    cases = [({"recovery": {"custodian_dir": str(tmp_path / "empty")}}, "1 to 16 custodians, this one has 0"),
             ({"recovery": {"custodian_dir": str(tmp_path / "none")}}, "none"),
             ({"recovery": base, "subscriber": {"recovery_key_file": str(tmp_path / "short")}}, "43 characters"),
             ({"recovery": base, "subscriber": {"recovery_key_file": str(tmp_path / "open")}}, "closed to others"),
             ({"recovery": {"custodian_dir": None, "account_contacts": "keep"}}, "recovery.account_contacts"),
             ({"recovery": {"ended_accounts": "keep"}}, "ended_accounts")]
    for overlay, sentence in cases:
        done = check(overlay)
        assert done.returncode != 0 and sentence in done.stdout + done.stderr, (overlay, done.stdout, done.stderr)
