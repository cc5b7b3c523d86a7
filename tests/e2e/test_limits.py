"""Rate limits as clients meet them: exactly what there is, when to come again, and names that are paused. A-45, A-46, A-47, B-19."""
import concurrent.futures
import json
import re
import time

import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding

import raw
from test_eab import binding, cairn, create
from test_key_change import change
from test_renewal import PAGE, incident, leaf_of, name_of

ALL = [{"name": "NewOrdersPerAccount", "count": 20, "period_s": 36000}, {"name": "CertificatesPerDomain", "count": 3, "period_s": 36000},
       {"name": "CertificatesPerFQDNSet", "count": 2, "period_s": 36000}, {"name": "NewRegistrationsPerIPAddress", "count": 100, "period_s": 3600},
       {"name": "FailedAuthorizationsPerDomainPerAccount", "count": 100, "period_s": 3600},
       {"name": "KeyChangesPerAccount", "count": 1, "period_s": 36000}, {"name": "RevocationsPerAccount", "count": 1, "period_s": 36000},
       {"name": "NewAuthorizationsPerAccount", "count": 1, "period_s": 36000}, {"name": "FailedBindingsPerIPAddress", "count": 1, "period_s": 36000},
       {"name": "FailedAuthorizationsForPausingPerDomainPerAccount", "count": 1, "period_s": 86400, "burst": 2}]
HELP = "https://ca.example/limits"


@pytest.fixture(scope="module")
def limited(make_ca):
    return make_ca({"policy": {"limits": ALL}, "acme": {"rate_limits_url": HELP, "pre_authorization": True}, "ra": {"validation_attempts": 1}})


@pytest.fixture
def member(limited):
    one = raw.Client(limited)
    assert one.register().status_code == 201
    return one


def refusal(answer, limit):
    """The problem of a limit, with all that A-45 wants beside it."""
    body = raw.problem(answer, 429, "rateLimited")
    assert limit in body["detail"]
    assert f'<{HELP}>;rel="help"' in answer.headers["Link"]
    assert int(answer.headers["Retry-After"]) > 0
    assert re.search(r"Come again at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["detail"]), body
    return body


def statements(one):
    """How often each statement ran, of those that belong to requests."""
    found = {}
    for process in ("cairn-wfe", "cairn-ra", "cairn-ca"):
        text = requests.get(f"http://{one.metrics_address(process)}/metrics", timeout=60).text
        for name, count in re.findall(r'cairn_db_statements_total\{statement="([^"]*)"\} (\d+)', text):
            if name not in ("take_challenges", "take_issuances", "sweep_keys", "sweep_waves", "copy") and not name.startswith(("crl", "take_lease")):  # by the clock
                found[process, name] = int(count)
    return found


def cost(one, client, responder, name):
    """What a certificate takes of statements, each of which is a round trip and a transaction."""
    client.issue(responder, "warm." + name)
    before = statements(one)
    client.issue(responder, name)
    return {k: v - before.get(k, 0) for k, v in statements(one).items() if v != before.get(k, 0)}


def test_limits_cost_no_statement(ca, account, responder, limited, member, responder_for):
    """The budget of round trips and commits stays, with limits and without."""
    off = cost(ca, account, responder, "www.cost.test")
    on = cost(limited, member, responder_for(limited), "www.cost.test")
    wanted = {("cairn-ra", s): 1 for s in ("new_order", "start_challenge", "record_validation")}
    wanted["cairn-ca", "begin_issuance"] = wanted["cairn-ca", "complete_issuance"] = 1
    assert on == off
    assert {k: v for k, v in on.items() if k[0] != "cairn-wfe"} == wanted


def test_fifty_at_once(limited, member):
    """50 requests at once get exactly what is left, whichever come first."""
    signed = []
    for i in range(50):
        url = member.directory["newOrder"]
        body = raw.jws(member.key, member.protected(url), {"identifiers": [{"type": "dns", "value": f"n{i}.at-once.test"}]})
        signed.append((url, body))
        member.nonces = []

    def send(one):
        return requests.post(one[0], json=one[1], headers=raw.JOSE, verify=limited.API_CA_FILE, timeout=60)

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(send, signed))
    assert sorted(a.status_code for a in answers) == [201] * 20 + [429] * 30
    for one in answers:
        if one.status_code == 429:
            body = refusal(one, "NewOrdersPerAccount")
            assert member.kid.rpartition("/")[2] in body["detail"]
            assert 1500 < int(one.headers["Retry-After"]) <= 1800
    other = raw.Client(limited)
    assert other.register().status_code == 201
    assert other.order("n1.at-once.test").status_code == 201


def test_certificates_of_a_domain(limited, member, responder_for):
    """Orders take nothing of a domain; the fourth certificate is refused at finalize, and its order stays ready."""
    answers = responder_for(limited)
    orders = [member.order(f"n{i}.domain.test") for i in range(4)]
    for one in orders:
        assert one.status_code == 201, one.text
        member.validate(one.json(), answers)
    done = []
    for i, one in enumerate(orders):
        der, _ = raw.csr([f"n{i}.domain.test"])
        done.append(member.post(one.json()["finalize"], {"csr": raw.b64(der)}))
    assert [d.status_code for d in done] == [200, 200, 200, 429]
    refusal(done[3], "CertificatesPerDomain")
    assert member.post(orders[3].headers["Location"]).json()["status"] == "ready"
    refusal(member.order("n5.domain.test"), "CertificatesPerDomain")
    assert member.order("n0.domain.test").status_code == 201  # a renewal


def test_a_renewal_that_is_called_for_is_exempt(limited, member, responder_for):
    """A-46, B-19: an incident opens the renewal window, and the order that replaces the certificate takes from no limit, up to its certificate"""
    answers = responder_for(limited)
    chains = [member.issue(answers, f"n{i}.exempt.test")[0] for i in range(3)]
    old = name_of(leaf_of(chains[0]))
    names = ("n0.exempt.test", "more.exempt.test")  # not the same set, which would be free for itself
    refusal(member.order(*names), "CertificatesPerDomain")
    refusal(member.order(*names, replaces=old), "CertificatesPerDomain")  # too early
    made = incident(limited, "create", "--where", "'n0.exempt.test' = ANY (names)", "--url", PAGE, "--yes")
    assert made["certificates"] == 1
    refusal(member.order(*names), "CertificatesPerDomain")
    renewal = member.order(*names, replaces=old)
    assert renewal.status_code == 201, renewal.text
    member.validate(renewal.json(), answers)
    der, _ = raw.csr(names)
    assert member.post(renewal.json()["finalize"], {"csr": raw.b64(der)}).status_code == 200
    assert member.poll(renewal.headers["Location"], ("valid", "invalid")).json()["status"] == "valid"
    refusal(member.order("n9.exempt.test"), "CertificatesPerDomain")


def test_a_renewal_by_ones_own_doing_is_not_exempt(limited, member, responder_for):
    """A-46, B-19: revoking a certificate oneself frees its replacement of nothing, and one that is due passes NewOrdersPerAccount once"""
    answers = responder_for(limited)
    leaves = [leaf_of(member.issue(answers, f"n{i}.again.test")[0]) for i in range(3)]
    der = raw.b64(leaves[0].public_bytes(Encoding.DER))
    assert member.post(member.directory["revokeCert"], {"certificate": der}).status_code == 200
    refusal(member.order("n0.again.test", "more.again.test", replaces=name_of(leaves[0])), "CertificatesPerDomain")
    incident(limited, "create", "--where", "'n1.again.test' = ANY (names)", "--url", PAGE, "--yes")
    made = 0
    while (answer := member.order("n1.again.test", "more.again.test", replaces=name_of(leaves[1]))).status_code == 201:
        made += 1
        assert made < 30
        assert member.post(answer.json()["authorizations"][0], {"status": "deactivated"}).status_code == 200
    refusal(answer, "NewOrdersPerAccount")
    assert made == 1 + 20 - 3  # one for nothing, and what three orders left


def test_steps_with_limits_of_their_own(limited, responder_for):
    """A-46: key changes, revocations, newAuthz and wrong external account bindings; none takes from another, nor a step that fails"""
    member, answers = raw.Client(limited), responder_for(limited)
    assert member.register().status_code == 201
    issued = [member.issue(answers, f"n{i}.steps.test") for i in range(3)]
    early = [member.post(member.directory["newAuthz"], {"identifier": {"type": "dns", "value": n}}) for n in ("-.test", "a.test", "b.test")]
    assert [e.status_code for e in early] == [403, 201, 429]
    refusal(early[2], "NewAuthorizationsPerAccount")

    url = member.directory["revokeCert"]
    ders = [raw.b64(raw.chain(i[0])[0].public_bytes(Encoding.DER)) for i in issued]
    done = [member.post(url, {"certificate": der}) for der in (ders[0], ders[0], ders[1])]
    raw.problem(done[1], 400, "alreadyRevoked")
    assert done[0].status_code == 200
    refusal(done[2], "RevocationsPerAccount")
    assert raw.Client(limited, issued[2][1]).post(url, {"certificate": ders[2]}).status_code == 200  # nobody is kept from that

    keys = [raw.ec_key() for _ in range(2)]
    assert change(member, keys[0]).status_code == 200
    member.key = keys[0]
    refusal(change(member, keys[1]), "KeyChangesPerAccount")

    good = create(limited, "--repeated")
    wrong = dict(good, mac_key=raw.b64(b"x" * 32))

    def bind(key):
        client = raw.Client(limited)
        return client.register(externalAccountBinding=binding(client, key))
    assert bind(good).status_code == 201 and bind(good).status_code == 201
    raw.problem(bind(wrong), 403, "unauthorized")
    assert "127.0.0.1/32" in refusal(bind(good), "FailedBindingsPerIPAddress")["detail"]
    assert answer_of(limited, "show", "FailedBindingsPerIPAddress", "127.0.0.1")["remaining"] == 0
    assert answer_of(limited, "reset", "FailedBindingsPerIPAddress", "127.0.0.1", "--yes")["changed"]
    assert bind(good).status_code == 201


def test_paused_names(limited, member):
    """Two failures in a row pause the name; the link in the problem frees it."""
    for _ in range(2):
        made = member.order("hopeless.test")
        assert made.status_code == 201, made.text
        challenge = member.challenge(made.json()["authorizations"][0])
        member.post(challenge["url"], {})
        assert member.poll(made.headers["Location"], ("invalid",)).json()["status"] == "invalid"
    answer = member.order("fine.test", "hopeless.test")
    body = raw.problem(answer, 429, "rateLimited")
    assert [s["identifier"]["value"] for s in body["subproblems"]] == ["hopeless.test"]
    assert body["subproblems"][0]["type"] == "urn:ietf:params:acme:error:rateLimited"
    assert "Retry-After" not in answer.headers
    link = body["instance"]
    assert link in body["detail"] and link.startswith(limited.config["acme"]["external_url"] + "/unpause?ticket=")

    def visit(method, url, **more):
        return requests.request(method, url, verify=limited.API_CA_FILE, timeout=60, **more)

    page = visit("GET", link)
    assert page.status_code == 200 and "hopeless.test" in page.text and "<form" in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    raw.problem(member.order("hopeless.test"), 429, "rateLimited")
    assert visit("GET", link[:-1]).status_code == 403
    ticket = link.partition("ticket=")[2]
    freed = visit("POST", link.partition("?")[0], data={"ticket": ticket})
    assert freed.status_code == 200 and "can be ordered again" in freed.text
    assert member.order("hopeless.test").status_code == 201
    assert "No name of this account is paused" in visit("GET", link).text
    events = limited.sql("SELECT kind FROM log.event WHERE kind LIKE 'identifier%paused' ORDER BY id")
    assert events == [["identifier.paused"], ["identifiers.unpaused"]]
    end = time.monotonic() + 60
    while limited.sql("SELECT DISTINCT rule FROM log.request WHERE problem = 'RATE_LIMITED' AND rule LIKE '%Pausing%'") == []:
        assert time.monotonic() < end  # requests reach the log a moment later
        time.sleep(0.1)


def limits(one, *words, check=True):
    return cairn(one, "limits", *words, check=check)


def answer_of(one, *words):
    return json.loads(limits(one, *words, "--json").stdout)


def test_operator(limited, member):
    """What an operator sees and changes, each change shown first and on record."""
    account = member.kid.rpartition("/")[2]
    named = {row["name"]: row for row in answer_of(limited, "list")["limits"]}
    assert named["NewOrdersPerAccount"]["count"] == 20 and named["NewRegistrationsPerIPv6Range"]["count"] == 0
    assert member.order("a1.op.test").status_code == 201
    state = answer_of(limited, "show", "NewOrdersPerAccount", member.kid)
    assert (state["key"], state["remaining"], state["overridden"]) == (account, 19, False) and state["whole_at"]
    assert answer_of(limited, "show", "CertificatesPerDomain", "WWW.sub.op.test")["key"] == "op.test"  # as it is counted

    changed = ["set", "NewOrdersPerAccount", account, "--count", "1", "--period", "10h", "--reason", "a test"]
    assert "Nothing was changed" in limits(limited, *changed).stdout
    assert member.order("a2.op.test").status_code == 201
    assert answer_of(limited, *changed, "--yes") == {"done": True, "changed": True}
    refusal(member.order("a3.op.test"), "NewOrdersPerAccount")
    assert answer_of(limited, "list")["overrides"][0]["reason"] == "a test"
    assert answer_of(limited, "reset", "NewOrdersPerAccount", account, "--yes")["changed"]
    assert member.order("a4.op.test").status_code == 201
    refusal(member.order("a5.op.test"), "NewOrdersPerAccount")
    assert answer_of(limited, "set", "NewOrdersPerAccount", account, "--default", "--yes")["changed"]
    assert not answer_of(limited, "set", "NewOrdersPerAccount", account, "--default", "--yes")["changed"]
    assert answer_of(limited, "reset", "NewOrdersPerAccount", account, "--yes")["changed"]  # ten hours were used
    assert member.order("a6.op.test").status_code == 201
    kinds = limited.sql("SELECT kind FROM log.event WHERE actor LIKE 'operator %' AND kind LIKE 'limit.%' "
                        "AND facts->>'limit' = 'NewOrdersPerAccount' ORDER BY id")
    assert kinds == [["limit.overridden"], ["limit.reset"], ["limit.override-dropped"], ["limit.reset"]]

    for _ in range(2):
        made = member.order("b.op.test")
        member.post(member.challenge(made.json()["authorizations"][0])["url"], {})
        assert member.poll(made.headers["Location"], ("invalid",)).json()["status"] == "invalid"
    assert [p["identifier"] for p in answer_of(limited, "paused", "--account", account)["paused"]] == ["b.op.test"]
    assert "Nothing was changed" in limits(limited, "unpause", "--account", account).stdout
    assert answer_of(limited, "unpause", "--account", account, "--names", "b.op.test", "--yes")["names"] == ["b.op.test"]
    assert member.order("b.op.test").status_code == 201


@pytest.mark.parametrize("words, status", [(["--help"], 0), ([], 2), (["frobnicate"], 2), (["show", "NoSuchLimit", "x"], 2), (["show"], 2),
                                           (["list", "more"], 2), (["paused", "--account", "x"], 2), (["set", "NewOrdersPerAccount", "x"], 1),
                                           (["unpause"], 1), (["set", "CertificatesPerDomain", "a.test", "--count", "x", "--period", "1d", "--reason", "y"], 1),
                                           (["set", "CertificatesPerDomain", "a.test", "--count", "1", "--period", "soon", "--reason", "y"], 1)])
def test_misuse(limited, words, status):
    assert limits(limited, *words, check=False).returncode == status
