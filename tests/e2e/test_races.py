"""Fifty requests at once for one thing, and its end in the midst of them: one of them does it, no state goes backwards, and all of it is
on record (issue 3: object states change by compare-and-set)."""
import collections
import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

import at_once
import raw


@pytest.fixture
def member(ca):
    one = raw.Client(ca)
    assert one.register().status_code == 201
    return one


@pytest.fixture
def slow(responder):
    """A responder that takes a moment, so that all requests come while the validation is under way."""
    def wait(_):
        time.sleep(responder.delay_s)
        return False
    responder.delay_s = 0.4
    responder.handler = wait
    return responder


def prepare(client, responder, name):
    """An order whose http-01 would pass: its answer, the authorization's URL and the challenge."""
    made = client.order(name)
    assert made.status_code == 201, made.text
    authorization = made.json()["authorizations"][0]
    challenge = client.challenge(authorization)
    responder.tokens[challenge["token"]] = client.key_authorization(challenge["token"])
    return made, authorization, challenge


def visits(responder, challenge):
    return sum(challenge["token"] in path for _, path in responder.seen)


def settled(ca, responder, challenge, name):
    """How many validations there were, when each that went out has come back and is on record."""
    end = time.monotonic() + 60
    while (n := visits(responder, challenge)) != len(ca.validations(name)):
        assert time.monotonic() < end, (n, ca.validations(name))
        time.sleep(0.05)
    return n


def certificates(ca, name):
    return int(ca.sql(f"SELECT count(*) FROM ca.certificate WHERE '{name}' = ANY (names)", "cairn_owner")[0][0])


def statuses(answers):
    return collections.Counter(a.status_code for a in answers)


class Watch:
    """Reads an object over and over until it is told to end: all that was seen of it, in its order."""

    def __init__(self, client, url):
        self.client, self.url, self.seen, self.over = client, url, [], False

    def __call__(self):
        end = time.monotonic() + 10
        while not self.over and time.monotonic() < end:
            answer = self.client.post(self.url)
            state = answer.json()["status"] if answer.status_code == 200 else answer.status_code
            if not self.seen or self.seen[-1] != state:
                self.seen.append(state)


def ending(watch, call):
    def run():
        try:
            return call()
        finally:
            watch.over = True
    return run


def test_fifty_responses(ca, member, slow):
    """A-98, A-99: fifty responses to one challenge start one validation, which is recorded once; each gets the challenge as it stands"""
    made, authorization, challenge = prepare(member, slow, "fifty.races.test")
    answers = at_once.together([lambda c=c: c.post(challenge["url"], {}) for c in at_once.twins(member)])
    assert statuses(answers) == {200: 50}
    assert {a.json()["status"] for a in answers} <= {"processing", "valid"}
    for answer in answers:
        assert answer.json()["url"] == challenge["url"] and answer.json()["token"] == challenge["token"]
        assert f'<{authorization}>;rel="up"' in answer.headers["Link"]
        assert ("Retry-After" in answer.headers) == (answer.json()["status"] == "processing")
    assert member.poll(authorization, ("valid", "invalid")).json()["status"] == "valid"
    assert member.post(made.headers["Location"]).json()["status"] == "ready"
    assert visits(slow, challenge) == 1
    (validation,) = ca.validations("fifty.races.test")
    assert validation["passed"] and validation["attempt"] == 1
    assert at_once.recorded(ca, member, "challenge", 50) == {200: 50}


def test_fifty_responses_to_three_challenges(ca, member, slow):
    """A-92, A-99: two challenges of one authorization answered at once have one outcome"""
    made, authorization, challenge = prepare(member, slow, "three.races.test")
    urls = [c["url"] for c in member.post(authorization).json()["challenges"]]
    assert len(urls) == 3
    answers = at_once.together([lambda c=c, i=i: c.post(urls[i % 3], {}) for i, c in enumerate(at_once.twins(member))])
    outcome = member.poll(authorization, ("valid", "invalid")).json()
    tries = ca.validations("three.races.test")
    (method,), last = {t["method"] for t in tries}, tries[-1]
    assert [t["attempt"] for t in tries] == list(range(1, len(tries) + 1)) and len(tries) <= 3  # ra.validation_attempts
    assert (outcome["status"] == "valid") == last["passed"] == (method == "http-01")
    assert [c["type"] for c in outcome["challenges"]] == [method]
    assert visits(slow, challenge) == (1 if method == "http-01" else 0)
    decided = outcome["challenges"][0]["url"]
    for answer, url in zip(answers, [urls[i % 3] for i in range(50)]):
        if answer.status_code == 200:
            assert answer.json()["status"] in (("processing", outcome["status"]) if url == decided else ("pending",)), answer.text
        else:
            assert at_once.kind(answer)[1] == "malformed", answer.text
    assert member.post(made.headers["Location"]).json()["status"] == ("ready" if last["passed"] else "invalid")


def test_fifty_retries(ca, member, slow):
    """A-101: a challenge that failed once and waits is tried again once, however many responses ask for it at once"""
    _, authorization, challenge = prepare(member, slow, "again.races.test")
    clients = at_once.twins(member)
    good = slow.tokens.pop(challenge["token"])
    first = member.post(challenge["url"], {}).json()
    assert first["status"] == "processing" and first["error"]["type"].endswith(":unauthorized")
    slow.tokens[challenge["token"]] = good
    answers = at_once.together([lambda c=c: c.post(challenge["url"], {}) for c in clients])
    assert statuses(answers) == {200: 50} and {a.json()["status"] for a in answers} <= {"processing", "valid"}
    assert member.poll(authorization, ("valid", "invalid")).json()["status"] == "valid"
    assert visits(slow, challenge) == 2 and [v["passed"] for v in ca.validations("again.races.test")] == [False, True]


@pytest.mark.parametrize("after_s", [0, 0.02, 0.2, 0.45])
def test_an_authorization_ends_in_the_midst(ca, member, slow, after_s):
    """A-81, A-94: an authorization that is given up amid fifty responses stays deactivated, its order is invalid, and nothing is issued"""
    name = f"given-up-{int(after_s * 100)}.races.test"
    made, authorization, challenge = prepare(member, slow, name)
    der, _ = raw.csr([name])
    first, second, third, *others = at_once.twins(member, 53)
    watch, order_watch = Watch(first, authorization), Watch(second, made.headers["Location"])
    give_up = ending(order_watch, ending(watch, at_once.later(after_s, lambda: third.post(authorization, {"status": "deactivated"}))))
    _, _, given_up, *answers = at_once.together([watch, order_watch, give_up] + [lambda c=c: c.post(challenge["url"], {}) for c in others])
    assert given_up.status_code == 200 and given_up.json()["status"] == "deactivated"
    for answer in answers:
        if answer.status_code == 200:
            assert answer.json()["status"] in ("processing", "valid"), answer.text
        else:
            assert answer.status_code in (400, 404) and at_once.kind(answer)[1] == "malformed", answer.text
    assert watch.seen in ([], ["pending"], ["pending", "deactivated"], ["pending", "valid"], ["pending", "valid", "deactivated"], ["deactivated"])
    assert order_watch.seen in ([], ["pending"], ["pending", "invalid"], ["pending", "ready"], ["pending", "ready", "invalid"], ["invalid"])
    assert settled(ca, slow, challenge, name) <= 1
    assert member.post(authorization).json()["status"] == "deactivated"
    body = member.post(made.headers["Location"]).json()
    assert body["status"] == "invalid" and body["error"]["type"].endswith(":unauthorized")
    raw.problem(member.post(made.json()["finalize"], {"csr": raw.b64(der)}), 403, "orderNotReady")
    assert settled(ca, slow, challenge, name) <= 1 and certificates(ca, name) == 0
    again = member.order(name).json()
    assert again["status"] == "pending" and again["authorizations"] != [authorization]  # never used again
    assert sum(at_once.recorded(ca, member, "challenge", 50).values()) == 50
    events = ca.sql(f"SELECT count(*) FROM log.event WHERE kind = 'authorization.deactivated' AND account_id = '{at_once.row_id(member.kid)}'")
    assert events == [["1"]]


def deactivation(client):
    return client.post(client.kid, {"status": "deactivated"})


def order_in_database(ca, made):
    return ca.sql(f"SELECT status FROM acme.order_now WHERE id = '{at_once.row_id(made.headers['Location'])}'", "cairn_owner")[0][0]


@pytest.mark.parametrize("after_s", [0, 0.02, 0.45])
def test_the_account_ends_amid_responses(ca, member, slow, after_s):
    """A-60, A-61: the account is deactivated amid fifty responses"""
    name = f"left-{int(after_s * 100)}.races.test"
    made, authorization, challenge = prepare(member, slow, name)
    first, *others = at_once.twins(member, 51)
    left, *answers = at_once.together([at_once.later(after_s, lambda: deactivation(first))] +
                                      [lambda c=c: c.post(challenge["url"], {}) for c in others])
    assert left.status_code == 200 and left.json()["status"] == "deactivated"
    assert {at_once.kind(a) for a in answers} <= {(200, ""), (401, "unauthorized")}, [a.text for a in answers]
    assert settled(ca, slow, challenge, name) <= 1
    der, _ = raw.csr([name])
    for url, payload in (challenge["url"], {}), (made.json()["finalize"], {"csr": raw.b64(der)}), (authorization, None), (member.kid, None):
        raw.problem(member.post(url, payload), 401, "unauthorized")
    assert order_in_database(ca, made) == "invalid" and certificates(ca, name) == 0
    assert settled(ca, slow, challenge, name) <= 1
    assert statuses(answers) + collections.Counter({401: 1}) == at_once.recorded(ca, member, "challenge", 51)


@pytest.mark.parametrize("after_s", [0, 0.005, 0.02, 0.05])
def test_the_account_ends_amid_finalizations(ca, member, responder, after_s):
    """A-60, A-61, A-117: of fifty finalizations, in the midst of which the account is deactivated, one is fulfilled or none, and none that came later"""
    name = f"finalized-{int(after_s * 1000)}.races.test"
    made = member.order(name)
    member.validate(made.json(), responder)
    requests = [{"csr": raw.b64(raw.csr([name])[0])} for _ in range(50)]
    first, *others = at_once.twins(member, 51)
    left, *answers = at_once.together([at_once.later(after_s, lambda: deactivation(first))] +
                                      [lambda c=c, r=r: c.post(made.json()["finalize"], r) for c, r in zip(others, requests)])
    assert left.status_code == 200
    assert {at_once.kind(a) for a in answers} <= {(200, ""), (403, "orderNotReady"), (401, "unauthorized")}, [a.text for a in answers]
    for answer in answers:
        if answer.status_code == 200:
            assert answer.json()["status"] in ("processing", "valid"), answer.text
    raw.problem(member.post(made.json()["finalize"], requests[0]), 401, "unauthorized")
    end = time.monotonic() + 60
    while (state := order_in_database(ca, made)) == "processing" and time.monotonic() < end:
        time.sleep(0.05)
    n = certificates(ca, name)
    assert (state, n) in (("valid", 1), ("invalid", 0))
    assert statuses(answers)[200] == 0 or n == 1  # who was told so got it
    assert ca.sql("SELECT count(*) FROM log.event WHERE kind = 'certificate.issued' AND "
                  f"order_id = '{at_once.row_id(made.headers['Location'])}'") == [[str(n)]]
    assert statuses(answers) + collections.Counter({401: 1}) == at_once.recorded(ca, member, "finalize", 51)


@pytest.mark.parametrize("after_s", [0, 0.005, 0.02, 0.05])
def test_an_authorization_ends_amid_finalizations(ca, member, responder, after_s):
    """A-81, A-94, A-117: of fifty finalizations, in the midst of which an authorization is given up, one is fulfilled or none, and none that came later"""
    name, other = f"yielded-{int(after_s * 1000)}.races.test", f"kept-{int(after_s * 1000)}.races.test"
    made = member.order(name, other)
    member.validate(made.json(), responder)
    authorization, kept = made.json()["authorizations"]
    requests = [{"csr": raw.b64(raw.csr([name, other])[0])} for _ in range(50)]
    first, second, *others = at_once.twins(member, 52)
    watch = Watch(second, made.headers["Location"])
    give_up = ending(watch, at_once.later(after_s, lambda: first.post(authorization, {"status": "deactivated"})))
    _, given_up, *answers = at_once.together([watch, give_up] + [lambda c=c, r=r: c.post(made.json()["finalize"], r) for c, r in zip(others, requests)])
    assert given_up.status_code == 200 and given_up.json()["status"] == "deactivated"
    assert {at_once.kind(a) for a in answers} <= {(200, ""), (403, "orderNotReady"), (403, "unauthorized")}, [a.text for a in answers]
    for answer in answers:
        if answer.status_code == 200:
            assert answer.json()["status"] in ("processing", "valid"), answer.text
    edges = [("ready", "processing"), ("processing", "valid"), ("ready", "valid"), ("ready", "invalid")]  # and no way back
    assert all(edge in edges for edge in zip(watch.seen, watch.seen[1:])), watch.seen
    raw.problem(member.post(made.json()["finalize"], requests[0]), 403, "orderNotReady")
    final = member.poll(made.headers["Location"], ("valid", "invalid")).json()
    n = certificates(ca, name)
    assert (final["status"], n) in (("valid", 1), ("invalid", 0))
    assert statuses(answers)[200] == 0 or n == 1  # who was told so got it
    assert n == 1 or final["error"]["type"].endswith(":unauthorized")
    row = at_once.row_id(made.headers["Location"])
    assert ca.sql(f"SELECT count(*) FROM log.event WHERE kind = 'certificate.issued' AND order_id = '{row}'") == [[str(n)]]
    assert member.post(authorization).json()["status"] == "deactivated" and member.post(kept).json()["status"] == "valid"
    again = member.order(name, other).json()
    assert again["status"] == "pending" and again["authorizations"][1] == kept and again["authorizations"][0] != authorization  # never usable again
    assert statuses(answers) + collections.Counter({403: 1}) == at_once.recorded(ca, member, "finalize", 51)


def test_fifty_deactivations(ca, member):
    """A-60: of an account; one is recorded, and who comes later is told that it has ended"""
    answers = at_once.together([lambda c=c: deactivation(c) for c in at_once.twins(member)])
    assert {at_once.kind(a) for a in answers} <= {(200, ""), (401, "unauthorized")} and statuses(answers)[200] == 1
    assert ca.sql(f"SELECT count(*) FROM log.event WHERE kind = 'account.deactivated' AND account_id = '{at_once.row_id(member.kid)}'") == [["1"]]


def serial_of(leaf):
    octets = leaf.serial_number.to_bytes((leaf.serial_number.bit_length() + 8) // 8, "big")
    return octets.hex()


def test_fifty_revocations(ca, member, responder):
    """A-128: one revokes, the others are told so; one record"""
    leaf = raw.chain(member.issue(responder, "revoked.races.test")[0])[0]
    payload = {"certificate": raw.b64(leaf.public_bytes(Encoding.DER))}
    url = member.directory["revokeCert"]
    answers = at_once.together([lambda c=c, r=r: c.post(url, {**payload, "reason": r}) for c, r in zip(at_once.twins(member), [1, 4, 5, 3, 0] * 10)])
    assert collections.Counter(map(at_once.kind, answers)) == {(200, ""): 1, (400, "alreadyRevoked"): 49}
    winner = [1, 4, 5, 3, 0][next(i for i, a in enumerate(answers) if a.status_code == 200) % 5]
    where = f"WHERE serial = '\\x{serial_of(leaf)}'"
    assert ca.sql(f"SELECT reason FROM ca.revocation {where}", "cairn_owner") == [[str(winner)]]
    assert ca.sql(f"SELECT count(*) FROM log.event WHERE kind = 'certificate.revoked' AND facts->>'serial' = '{serial_of(leaf)}'") == [["1"]]
    assert at_once.recorded(ca, member, "revoke-cert", 50) == {200: 1, 400: 49}


def test_revocations_by_account_and_key(ca, member, responder):
    """A-128, A-130, E-13, E-14: whoever comes first, the key's own revocation makes it a compromise, once, and blocks the key"""
    pem, key, _ = member.issue(responder, "compromised.races.test")
    leaf = raw.chain(pem)[0]
    payload = {"certificate": raw.b64(leaf.public_bytes(Encoding.DER)), "reason": 4}
    url = member.directory["revokeCert"]
    holders = [raw.Client(ca, key) for _ in range(25)]
    for one in holders:
        one.nonces = [one.nonce()]
    answers = at_once.together([lambda c=c: c.post(url, payload) for c in at_once.twins(member, 25) + holders])
    assert {at_once.kind(a) for a in answers} == {(200, ""), (400, "alreadyRevoked")}
    by_account, by_key = statuses(answers[:25])[200], statuses(answers[25:])[200]
    assert by_account in (0, 1) and by_key == 1
    rows = ca.sql(f"SELECT reason, revoked_by FROM ca.revocation WHERE serial = '\\x{serial_of(leaf)}'", "cairn_owner")
    assert rows == [["1", "certificate-key"]]
    events = ca.sql(f"SELECT actor FROM log.event WHERE kind = 'certificate.revoked' AND facts->>'serial' = '{serial_of(leaf)}' ORDER BY id")
    assert events == [["account"]] * by_account + [["certificate-key"]]
    made = member.order("again.races.test")
    member.validate(made.json(), responder)
    raw.problem(member.post(made.json()["finalize"], {"csr": raw.b64(raw.csr(["again.races.test"], key)[0])}), 400, "badCSR")
