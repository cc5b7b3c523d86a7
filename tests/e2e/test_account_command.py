"""cairn account: what it shows of accounts, and what is left of one that it has shut off (A-62)."""
import json
import time

import pytest

import raw

CACHE_S = 3.2  # front ends remember accounts for 3 seconds


def cairn(ca, *arguments, check=True):
    files = [word for file in ca.CONFIG_FILES.split() for word in ("--config", file)]
    return ca.cairn("account", *arguments, *files, check=check)


def answer(ca, *arguments):
    return json.loads(cairn(ca, *arguments, "--json").stdout)


def events(ca, client):
    account = raw.unb64(client.kid.rsplit("/", 1)[1]).hex()
    return ca.sql(f"SELECT process, actor, facts->>'reason' FROM log.event WHERE kind = 'account.revoked' AND account_id = '{account}'")


def revocation(pem):
    der = raw.chain(pem)[0].public_bytes(raw.serialization.Encoding.DER)
    return {"certificate": raw.b64(der)}


class Busy:
    """An account with a certificate, an order that is ready, and one that is pending."""

    def __init__(self, client, responder, name):
        self.client = client
        self.pem, self.key, issued = client.issue(responder, "issued." + name)
        self.certificate = client.post(issued).json()["certificate"]
        made = client.order("ready." + name)
        client.validate(made.json(), responder)
        self.ready, self.finalize = made.headers["Location"], made.json()["finalize"]
        made = client.order("pending." + name)
        self.pending, self.authorization = made.headers["Location"], made.json()["authorizations"][0]
        self.challenge = client.challenge(self.authorization)["url"]
        self.csr = {"csr": raw.b64(raw.csr(["ready." + name])[0])}

    def acts(self):
        """All that it could do; each is one request and its answer."""
        client, new = self.client, raw.ec_key()
        head = {"alg": raw.algorithm(new), "jwk": raw.jwk(new), "url": client.directory["keyChange"]}
        return {"finalize": client.post(self.finalize, self.csr), "challenge": client.post(self.challenge, {}),
                "newOrder": client.order("late.account.test"),
                "deactivate authorization": client.post(self.authorization, {"status": "deactivated"}),
                "keyChange": client.post(head["url"], raw.jws(new, head, {"account": client.kid, "oldKey": raw.jwk(client.key)})),
                "revokeCert": client.post(client.directory["revokeCert"], revocation(self.pem)),
                "deactivate": client.post(client.kid, {"status": "deactivated"})}

    def reads(self):
        return {url: self.client.post(url) for url in (self.client.kid, self.client.kid + "/orders", self.ready, self.pending,
                                                       self.authorization, self.challenge, self.certificate)}


def test_revoke(ca, account, responder):
    """A-62, A-61: nothing is done for it from that moment, and its certificate's key can still revoke"""
    busy = Busy(account, responder, "account.test")
    would = answer(ca, "revoke", account.kid, "--reason", "its key is public")
    had = would["account"]
    assert (would["done"], would["changed"], had["status"]) == (False, False, "valid")
    assert (had["pending_orders"], had["pending_authorizations"], had["valid_authorizations"], had["valid_certificates"]) == (2, 1, 2, 1)
    assert "--yes" in cairn(ca, "revoke", account.kid, "--reason", "its key is public").stdout
    assert account.post(account.kid).json()["status"] == "valid" and events(ca, account) == []

    done = answer(ca, "revoke", account.kid, "--reason", "its key is public", "--yes")
    assert (done["done"], done["changed"]) == (True, True)
    for what, refused in busy.acts().items():
        assert raw.problem(refused, 401, "unauthorized"), what
    time.sleep(CACHE_S)
    for what, refused in {**busy.acts(), **busy.reads()}.items():
        assert "revoked" in raw.problem(refused, 401, "unauthorized")["detail"], what
    again = raw.Client(ca, account.key)
    raw.problem(again.register(), 401, "unauthorized")
    raw.problem(again.register(onlyReturnExisting=True), 401, "unauthorized")

    states = ca.sql("SELECT status, error->>'type' FROM front.orders WHERE account_id = "
                    f"'{raw.unb64(account.kid.rsplit('/', 1)[1]).hex()}' ORDER BY id", role="cairn_owner")
    assert states == [["valid", ""], ["invalid", "ACCOUNT_NOT_VALID"], ["invalid", "ACCOUNT_NOT_VALID"]]
    now = answer(ca, "show", account.kid)
    assert (now["status"], now["pending_orders"], now["pending_authorizations"], now["valid_authorizations"]) == ("revoked", 0, 0, 0)
    assert now["valid_certificates"] == 1 and now["reason"] == "its key is public"
    ((process, actor, reason),) = events(ca, account)
    assert process == "cairn" and actor == now["ended_by"] and actor.startswith("operator ") and reason == "its key is public"

    by_key = raw.Client(ca, busy.key)
    assert by_key.post(by_key.directory["revokeCert"], revocation(busy.pem)).status_code == 200
    assert answer(ca, "show", account.kid)["valid_certificates"] == 0


def test_again(ca, account):
    """A-62: once, whoever asks again; another account goes on"""
    other = raw.Client(ca)
    assert other.register().status_code == 201
    first = cairn(ca, "revoke", account.kid, "--reason", "one", "--yes").stdout
    second = cairn(ca, "revoke", account.kid, "--reason", "two", "--yes").stdout
    third = answer(ca, "revoke", account.kid, "--reason", "three")
    assert "is revoked" in first and "had ended before" in second and (third["done"], third["changed"]) == (True, False)
    assert [row[2] for row in events(ca, account)] == ["one"]
    assert other.order("goes-on.account.test").status_code == 201


def test_deactivated(ca, account):
    """A-62, RFC 8555 7.1.6: what its client ended stays deactivated"""
    assert account.post(account.kid, {"status": "deactivated"}).status_code == 200
    assert answer(ca, "revoke", account.kid, "--reason", "late", "--yes")["changed"] is False
    shown = answer(ca, "show", account.kid)
    assert (shown["status"], shown["ended_by"]) == ("deactivated", "account") and "reason" not in shown
    assert events(ca, account) == []


def test_show_and_list(ca, account):
    identifier, thumbprint = account.kid.rsplit("/", 1)[1], raw.thumbprint(account.key)
    shown = answer(ca, "show", "--thumbprint", thumbprint)
    assert shown["id"] == identifier and shown["thumbprint"] == thumbprint and shown["status"] == "valid"
    assert shown == answer(ca, "show", identifier)
    assert thumbprint in cairn(ca, "show", account.kid).stdout
    assert [a["id"] for a in answer(ca, "list", "--most", "1")["accounts"]] == [identifier]
    assert identifier in cairn(ca, "list").stdout
    assert identifier not in cairn(ca, "list", "--status", "revoked").stdout


def test_no_such_account(ca):
    for words in (["show", "AZr0AAAAcACAAAAAAAAAAA"], ["show", "--thumbprint", raw.thumbprint(raw.ec_key())],
                  ["revoke", "AZr0AAAAcACAAAAAAAAAAA", "--reason", "x", "--yes"]):
        done = cairn(ca, *words, check=False)
        assert done.returncode == 1 and "no such account" in done.stderr


@pytest.mark.parametrize("words", (["destroy"], [], ["show"], ["show", "x"], ["show", "AZr0AAAAcACAAAAAAAAAAA", "more"], ["list", "more"],
                                   ["show", "AZr0AAAAcACAAAAAAAAAAA", "--thumbprint", "x"], ["show", "--thumbprint", "AAAA"],
                                   ["revoke", "AZr0AAAAcACAAAAAAAAAAA", "--yes"], ["revoke", "--reason", "x"],
                                   ["revoke", "AZr0AAAAcACAAAAAAAAAAA", "--reason", ""], ["list", "--most", "0"], ["list", "--most", "x"],
                                   ["revoke", "AZr0AAAAcACAAAAAAAAAAA", "--reason", "x" * 501], ["list", "--status", "dead"], ["list", "--bogus"]))
def test_usage(ca, words):
    assert cairn(ca, *words, check=False).returncode == 2
