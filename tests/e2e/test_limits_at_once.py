"""Each limit under fifty requests at once: exactly what there is, and what failed takes nothing (docs/limits.md)."""
import collections
import datetime
import itertools
import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

import at_once
import raw
from test_eab import binding, create
from test_key_change import change
from test_limits import answer_of, limits

FEW = {"NewRegistrationsPerIPAddress": 17, "NewRegistrationsPerIPv6Range": 17, "NewOrdersPerAccount": 1000, "NewAuthorizationsPerAccount": 17,
       "ChallengeRetriesPerAccount": 7, "KeyChangesPerAccount": 3, "RevocationsPerAccount": 5, "FailedBindingsPerIPAddress": 17,
       "CertificatesPerDomain": 17, "CertificatesPerFQDNSet": 7, "FailedAuthorizationsPerDomainPerAccount": 17}
ALL = [{"name": name, "count": count, "period_s": 360000} for name, count in FEW.items()]
ALL += [{"name": "FailedAuthorizationsForPausingPerDomainPerAccount", "count": 1, "period_s": 86400, "burst": 20}]
addresses = (f"198.51.100.{n}" for n in itertools.count(1))


@pytest.fixture(scope="module")
def few(make_ca):
    """A CA with small limits behind a proxy, so that a test may come from any address."""
    return make_ca({"policy": {"limits": ALL}, "acme": {"pre_authorization": True}, "ra": {"validation_attempts": 3},
                    "wfe": {"trusted_proxies": ["127.0.0.1/32"]}})


@pytest.fixture
def answers(few, responder_for):
    return responder_for(few)


def client_from(few, address):
    """Without an account, at this address, with a nonce."""
    one = raw.Client(few)
    one.session.headers["X-Forwarded-For"] = address
    one.nonces = [one.nonce()]
    return one


@pytest.fixture
def member(few):
    one = client_from(few, next(addresses))
    assert one.register().status_code == 201
    return one


def post(client, url, payload):
    return lambda: client.post(url, payload)


def dns(name):
    return {"type": "dns", "value": name}


ends = itertools.count(1)


def end():
    """Another end of the certificate each time, so that no order is given again for the same names (A-85)."""
    return (datetime.datetime.utcnow() + datetime.timedelta(days=30, seconds=next(ends))).strftime("%Y-%m-%dT%H:%M:%SZ")


def outcome(given, limit=None):
    """How often each came of it; every refusal is that of the limit."""
    for one in given:
        if one.status_code == 429:
            assert at_once.kind(one)[1] == "rateLimited" and limit in one.json()["detail"] and int(one.headers["Retry-After"]) > 0
    return collections.Counter(a.status_code for a in given)


def left(few, limit, key):
    return answer_of(few, "show", limit, key)["remaining"]


def ready(member, answers, *sets):
    """A ready order for each set of names, with what finalizes it: (order's URL, finalize URL, payload)."""
    def prepare(one, names):
        made = one.order(*names, notAfter=end())
        assert made.status_code == 201, made.text
        one.validate(made.json(), answers)
        return made.headers["Location"], made.json()["finalize"], {"csr": raw.b64(raw.csr(names)[0])}
    clients = at_once.twins(member, len(sets))
    return at_once.together([lambda c=c, names=names: prepare(c, names) for c, names in zip(clients, sets)])


def finalize_all(member, orders):
    return at_once.together([post(c, url, payload) for c, (_, url, payload) in zip(at_once.twins(member, len(orders)), orders)])


def test_certificates_per_domain(few, member, answers):
    """A-46: Fifty finalizations: seventeen certificates, the other orders stay ready; a wrong request takes nothing"""
    orders = ready(member, answers, *([f"n{i}.many.test"] for i in range(50)))
    wrong = [(url, finalize, {"csr": raw.b64(raw.csr(["other.test"])[0])}) for url, finalize, _ in orders[:10]]
    given = finalize_all(member, orders + wrong)
    assert outcome(given[:50], "CertificatesPerDomain") == {200: 17, 429: 33}
    assert outcome(given[50:]).keys() <= {400, 403}  # badCSR, or orderNotReady behind the right one
    states = [member.post(url).json()["status"] for url, _, _ in orders]
    assert states == ["valid" if a.status_code == 200 else "ready" for a in given[:50]]
    assert few.sql("SELECT count(*) FROM ca.certificate WHERE names[1] LIKE '%.many.test'", "cairn_owner") == [["17"]]
    assert left(few, "CertificatesPerDomain", "many.test") == 0


def test_what_one_limit_refuses_takes_of_no_other(few, member, answers):
    """A-46: Certificates for two domains, one of which is used up, beside those for the other: that one gives all that it has"""
    used_up = ready(member, answers, *([f"n{i}.second.test"] for i in range(17)))
    both = ready(member, answers, *([f"n{i}.first.test", f"m{i}.second.test"] for i in range(20)))
    first = ready(member, answers, *([f"k{i}.first.test"] for i in range(25)))
    assert outcome(finalize_all(member, used_up)) == {200: 17}
    given = finalize_all(member, [one for pair in zip(both, first) for one in pair] + first[20:])
    assert outcome(given[0:40:2], "CertificatesPerDomain") == {429: 20}
    assert outcome(given[1:40:2] + given[40:], "CertificatesPerDomain") == {200: 17, 429: 8}
    assert (left(few, "CertificatesPerDomain", "first.test"), left(few, "CertificatesPerDomain", "second.test")) == (0, 0)


def test_certificates_per_set(few, member, answers):
    """A-45, A-46: Of fifty for the same names seven; all but the first are renewals, which take nothing of the domain"""
    ready(member, answers, ["a.set.test", "b.set.test"])
    orders = ready(member, answers, *[["a.set.test", "b.set.test"]] * 50)
    given = finalize_all(member, orders)
    assert outcome(given, "CertificatesPerFQDNSet") == {200: 7, 429: 43}
    assert few.sql("SELECT count(*) FROM ca.certificate WHERE names[1] LIKE '%.set.test'", "cairn_owner") == [["7"]]
    assert left(few, "CertificatesPerDomain", "set.test") == 16
    # Orders that are refused for the set, or for a name, take nothing of what the account may order.
    account = member.kid.rpartition("/")[2]
    limits(few, "set", "NewOrdersPerAccount", account, "--count", "17", "--period", "100h", "--reason", "a test", "--yes")
    limits(few, "reset", "NewOrdersPerAccount", account, "--yes")
    names = [["a.set.test", "b.set.test"]] * 10 + [["-.test"]] * 10 + [[f"n{i}.fresh.test"] for i in range(50)]
    given = at_once.together([post(c, c.directory["newOrder"], {"identifiers": [dns(n) for n in one], "notAfter": end()})
                              for c, one in zip(at_once.twins(member, len(names)), names)])
    assert outcome(given[:10], "CertificatesPerFQDNSet") == {429: 10} and outcome(given[10:20]) == {400: 10}
    assert outcome(given[20:], "NewOrdersPerAccount") == {201: 17, 429: 33}


def test_certificates_per_domain_per_account(few, member, answers):
    """A-46: An account with numbers of its own for a domain gets those"""
    account = member.kid.rpartition("/")[2]
    limits(few, "set", "CertificatesPerDomainPerAccount", account, "--count", "5", "--period", "100h", "--reason", "a test", "--yes")
    given = finalize_all(member, ready(member, answers, *([f"n{i}.own.test"] for i in range(20))))
    assert outcome(given, "CertificatesPerDomainPerAccount") == {200: 5, 429: 15}
    assert left(few, "CertificatesPerDomain", "own.test") == 17


def test_renewals_are_free_once(few, member, answers):
    """A-46: Of an order for names that were issued once an hour, and that is one of many at once"""
    account = member.kid.rpartition("/")[2]
    assert outcome(finalize_all(member, ready(member, answers, ["renewed.test"]))) == {200: 1}
    limits(few, "set", "NewOrdersPerAccount", account, "--count", "10", "--period", "100h", "--reason", "a test", "--yes")
    limits(few, "reset", "NewOrdersPerAccount", account, "--yes")
    given = at_once.together([post(c, c.directory["newOrder"], {"identifiers": [dns("renewed.test")], "notAfter": end()}) for c in at_once.twins(member)])
    assert outcome(given, "NewOrdersPerAccount") == {201: 11, 429: 39}


def registrations(few, where):
    """newAccount by a new key at each of the addresses, all at once."""
    clients = [client_from(few, one) for one in where]
    return clients, [post(c, c.directory["newAccount"], {"termsOfServiceAgreed": True}) for c in clients]


def test_new_accounts(few):
    """A-46: Fifty from one address, fifty from one IPv6 network; who has an account, or fails, takes nothing"""
    address = next(addresses)
    known = client_from(few, next(addresses))
    assert known.register().status_code == 201
    known.kid = None
    _, new = registrations(few, [address] * 50)
    others = []
    for key in [known.key] * 10 + [raw.rsa_key(1024)] * 10:
        one = client_from(few, address)
        one.key = key
        others.append(post(one, one.directory["newAccount"], {"termsOfServiceAgreed": True}))
    given = at_once.together(new + others)
    assert outcome(given[:50], "NewRegistrationsPerIPAddress") == {201: 17, 429: 33}
    assert [a.status_code for a in given[50:]] == [200] * 10 + [400] * 10
    clients, new = registrations(few, [f"2001:db8:5:{i:x}::1" for i in range(50)])
    given = at_once.together(new)
    assert outcome(given, "NewRegistrationsPerIPv6Range") == {201: 17, 429: 33}
    # What the range refused took nothing of the address.
    refused = next(c for c, a in zip(clients, given) if a.status_code == 429).session.headers["X-Forwarded-For"]
    assert left(few, "NewRegistrationsPerIPAddress", refused) == 17


def test_wrong_bindings(few):
    """A-46: Fifty guesses at once from one address are seventeen; right ones give back what they took, beside wrong ones"""
    good = create(few, "--repeated")
    wrong = dict(good, mac_key=raw.b64(b"x" * 64))

    def bind(where, keys):
        clients = [client_from(few, one) for one in where]
        return at_once.together([post(c, c.directory["newAccount"], {"termsOfServiceAgreed": True, "externalAccountBinding": binding(c, k)})
                                 for c, k in zip(clients, keys)])
    address = next(addresses)
    assert outcome(bind([address] * 50, [wrong] * 50), "FailedBindingsPerIPAddress") == {403: 17, 429: 33}
    address = next(addresses)
    limits(few, "set", "FailedBindingsPerIPAddress", address, "--count", "60", "--period", "100h", "--reason", "a test", "--yes")
    given = bind([address] * 32, [good, wrong] * 16)
    assert [a.status_code for a in given] == [201, 403] * 16
    assert left(few, "FailedBindingsPerIPAddress", address) == 60 - 16


def test_new_authorizations(few, member):
    """A-46: Seventeen of fifty; what is refused for its name takes nothing"""
    names = [f"n{i}.early.test" for i in range(50)] + ["-.test"] * 10
    given = at_once.together([post(c, c.directory["newAuthz"], {"identifier": dns(n)}) for c, n in zip(at_once.twins(member, 60), names)])
    assert outcome(given[:50], "NewAuthorizationsPerAccount") == {201: 17, 429: 33}
    assert outcome(given[50:]) == {403: 10}


def test_failed_validations(few, member, answers):
    """A-46: Sixteen failures at once leave one, whose use refuses the next order; thirty pause the name, once"""
    account = member.kid.rpartition("/")[2]

    def fail(*names):
        made = [member.order(name, notAfter=end()) for name in names]
        urls = [member.challenge(m.json()["authorizations"][0])["url"] for m in made]
        at_once.together([post(c, url, {}) for c, url in zip(at_once.twins(member, len(names)), urls)])
        for one, url in zip(made, urls):
            while member.post(one.headers["Location"]).json()["status"] == "pending":
                member.post(url, {})  # the CA alone tries again
    limits(few, "set", "ChallengeRetriesPerAccount", account, "--count", "0", "--period", "1h", "--reason", "a test", "--yes")
    fail(*["some.test"] * 16, *["hopeless.test"] * 30)
    assert left(few, "FailedAuthorizationsPerDomainPerAccount", f"{account}/some.test") == 1
    assert left(few, "FailedAuthorizationsPerDomainPerAccount", f"{account}/hopeless.test") == 0
    fail("some.test")
    assert outcome([member.order("some.test")], "FailedAuthorizationsPerDomainPerAccount") == {429: 1}
    paused = f"SELECT facts->>'identifier' FROM log.event WHERE kind = 'identifier.paused' AND account_id = '{at_once.row_id(member.kid)}'"
    assert few.sql(paused) == [["hopeless.test"]]
    assert member.order("some.test", "hopeless.test").json()["subproblems"][0]["identifier"] == dns("hopeless.test")


def test_challenge_retries(few, member, answers):
    """A-46: Of twenty challenges that failed twice and wait, seven are tried again at once"""
    made = [member.order(f"n{i}.again.test").json()["authorizations"][0] for i in range(20)]
    urls = [member.challenge(url)["url"] for url in made]
    clients = at_once.twins(member, 20)
    at_once.together([post(c, url, {}) for c, url in zip(clients, urls)])

    def fails_twice(client, url):
        """Then the CA waits for four seconds before it tries by itself."""
        while len((challenge := client.post(url).json()).get("error", {}).get("subproblems", [])) < 2:
            assert challenge["status"] == "processing"
            time.sleep(0.1)

    at_once.together([lambda c=c, url=url: fails_twice(c, url) for c, url in zip(clients, urls)])
    given = at_once.together([post(c, url, {}) for c, url in zip(clients, urls)])
    assert outcome(given, "ChallengeRetriesPerAccount") == {200: 7, 429: 13}


def test_key_changes_and_revocations(few, member, answers):
    """A-46: Of six changes at once one is made and counts; of twelve revocations five"""
    account = member.kid.rpartition("/")[2]
    issued = ready(member, answers, *([f"n{i}.gone.test"] for i in range(12)))
    assert outcome(finalize_all(member, issued)) == {200: 12}
    leaves = [raw.chain(member.post(member.post(url).json()["certificate"]).text)[0] for url, _, _ in issued]
    payloads = [{"certificate": raw.b64(leaf.public_bytes(Encoding.DER))} for leaf in leaves]
    given = at_once.together([post(c, c.directory["revokeCert"], p) for c, p in zip(at_once.twins(member, 12), payloads)])
    assert outcome(given, "RevocationsPerAccount") == {200: 5, 429: 7}
    revoked = "SELECT count(*) FROM ca.revocation r JOIN ca.certificate c ON c.id = r.certificate_id WHERE c.names[1] LIKE '%.gone.test'"
    assert few.sql(revoked, "cairn_owner") == [["5"]]
    given = at_once.together([lambda c=c: change(c, raw.ec_key()) for c in at_once.twins(member, 6)])
    assert sorted(outcome(given).elements()) == [200] + [400] * 5
    assert left(few, "KeyChangesPerAccount", account) == 2
