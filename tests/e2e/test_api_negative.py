"""What the API refuses: every rule of RFC 8555 6 broken by hand, one at a time (A-1 to A-63), and what each request leaves
in the log."""
import http.client
import json
import socket
import ssl
import time
import urllib.parse

import pytest
import requests

import at_once
import raw

NAMES = {"identifiers": [{"type": "dns", "value": "negative.test"}]}
RESOURCES = ["newAccount", "newOrder", "revokeCert", "keyChange"]


def plain(client, method, url, **options):
    return client.session.request(method, url, timeout=30, **options)


def connection(ca):
    at = urllib.parse.urlsplit(ca.DIRECTORY_URL)
    return http.client.HTTPSConnection(at.hostname, at.port, timeout=60, context=ssl.create_default_context(cafile=ca.API_CA_FILE))


@pytest.fixture
def order(account):
    """A pending order: its URL and its JSON."""
    made = account.order("negative.test")
    assert made.status_code == 201, made.text
    return made.headers["Location"], made.json()


@pytest.fixture
def other(ca):
    """Another account."""
    one = raw.Client(ca)
    assert one.register().status_code == 201
    return one


def urls_of(account, order):
    url, body = order
    authorization = body["authorizations"][0]
    return {"account": account.kid, "orders": account.kid + "/orders", "order": url, "authorization": authorization,
            "challenge": account.challenge(authorization)["url"]}


# ---- transport ----


def test_plain_http_serves_nothing_of_acme(ca, client):
    """A-1"""
    for url in client.directory["newNonce"], client.directory["newOrder"], ca.DIRECTORY_URL:
        answer = requests.get(ca.HTTP_URL.rstrip("/") + urllib.parse.urlsplit(url).path, timeout=60)
        assert answer.status_code == 404 and "Replay-Nonce" not in answer.headers
    at = urllib.parse.urlsplit(ca.DIRECTORY_URL)
    with socket.create_connection((at.hostname, at.port), timeout=60) as s:
        s.sendall(b"GET /directory HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"newNonce" not in s.recv(4096)


def test_wrong_methods(account, order):
    """A-9, A-13, A-35"""
    urls = list(urls_of(account, order).values()) + [account.directory[r] for r in RESOURCES] + [order[1]["finalize"]]
    for url in urls:
        for method in "GET", "HEAD", "PUT", "DELETE", "PATCH":
            answer = plain(account, method, url)
            assert answer.status_code == 405, (method, url)
            assert answer.headers["Allow"] == "POST, OPTIONS"
            assert 'rel="index"' in answer.headers["Link"]
            if method == "HEAD":
                assert answer.headers["Replay-Nonce"] and not answer.content
            else:
                raw.problem(answer, 405, "malformed")


def test_unknown_paths(ca, account):
    """A-14: a path is what it is, byte for byte"""
    for path in "/nothing", "/acme/", "/directory/", "//directory", "/acme/../directory", "/acme/%6eew-nonce", "/acme//new-nonce", "/DIRECTORY":
        c = connection(ca)
        c.request("GET", path)
        answer = c.getresponse()
        body = json.loads(answer.read())
        assert answer.status in (400, 404) and body["type"].endswith(":malformed"), path
        c.close()
    for path in "/acme/order/AAAA", "/acme/new-authz":
        raw.problem(account.post(urllib.parse.urljoin(ca.DIRECTORY_URL, path)), 404, "malformed")


BROKEN_HTTP = [
    (b"GET /directory HTTP/1.1\r\n\r\n", 400),
    (b"GET /direc tory HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    (b"GET /directory HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400),
    (b"GET /directory\r\n\r\n", 400),
    (b"GET /directory HTTP/1.1\nHost: h\n\n", 400),
    (b"POST /acme/new-order HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400),
    (b"POST /acme/new-order HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    (b"GET /directory HTTP/1.1\r\nHost: h\r\nX-Long: " + b"x" * 60000, 431),
    (b"GET /" + b"x" * 60000, 414),
]


@pytest.mark.parametrize("text,status", BROKEN_HTTP)
def test_broken_http_gets_a_sentence(ca, text, status):
    """A-10, A-15: whatever is no HTTP is refused with a problem document"""
    at = urllib.parse.urlsplit(ca.DIRECTORY_URL)
    with socket.create_connection((at.hostname, at.port), timeout=60) as s, \
            ssl.create_default_context(cafile=ca.API_CA_FILE).wrap_socket(s, server_hostname=at.hostname) as tls:
        tls.sendall(text)
        answer = http.client.HTTPResponse(tls)
        answer.begin()
        assert answer.status == status and answer.headers["Content-Type"] == "application/problem+json"
        body = json.loads(answer.read())
        assert body["type"].endswith(":malformed") and body["detail"]


def test_large_bodies(ca, account):
    """A-15: refused before they are read"""
    took = []
    for _ in range(3):
        began = time.monotonic()
        answer = account.send(account.directory["newOrder"], "x" * 1_000_000)
        raw.problem(answer, 413, "malformed")
        took.append(time.monotonic() - began)
    assert min(took) < 5, took
    c = connection(ca)
    c.request("GET", "/directory", headers={"X-Long": "x" * 40000})
    assert c.getresponse().status in (400, 431)
    c.close()


def test_slow_senders_hold_nobody_up(ca, account):
    """A-15: many that never end their request, and the API still answers at once"""
    slow = []
    for _ in range(60):
        c = connection(ca)
        c.putrequest("POST", "/acme/new-order")
        c.putheader("Content-Type", "application/jose+json")
        c.putheader("Content-Length", "5000")
        c.endheaders()
        c.send(b'{"protected":"')
        slow.append(c)
    took = []
    for _ in range(3):  # one of them may meet a machine that stands still
        began = time.monotonic()
        assert account.order("negative.test").status_code == 201
        took.append(time.monotonic() - began)
    assert min(took) < 5, took
    for c in slow:
        c.close()


def test_browsers(account):
    """A-8"""
    answer = plain(account, "OPTIONS", account.directory["newOrder"], headers={"Origin": "https://page.test", "Access-Control-Request-Method": "POST"})
    assert answer.status_code == 204 and "POST" in answer.headers["Access-Control-Allow-Methods"]
    answer = account.post(account.directory["newOrder"], {})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    for name in "Link", "Replay-Nonce", "Location", "Retry-After":
        assert name in answer.headers["Access-Control-Expose-Headers"]


# ---- the JWS ----


@pytest.mark.parametrize("kind", [None, "application/json", "text/plain"])
def test_content_types(account, kind):
    """A-16"""
    body = raw.jws(account.key, account.protected(account.directory["newOrder"]), NAMES)
    answer = account.send(account.directory["newOrder"], json.dumps(body).encode(), headers={"Content-Type": kind} if kind else {})
    raw.problem(answer, 415, "malformed")
    assert answer.headers["Replay-Nonce"]


def broken_bodies(client, url):
    """Name and body of requests that are no flattened JWS, or one with a single fault."""
    good = raw.jws(client.key, client.protected(url), NAMES)
    yield "nothing", ""
    yield "broken JSON", json.dumps(good)[:-1]
    yield "trailing data", json.dumps(good) + "{}"
    yield "a list", [good]
    yield "compact", ".".join((good["protected"], good["payload"], good["signature"]))
    yield "general", {"payload": good["payload"], "signatures": [{"protected": good["protected"], "signature": good["signature"]}]}
    yield "both forms", {**good, "signatures": []}
    yield "unprotected header", {**good, "header": {}}
    yield "unprotected header with content", {**good, "header": {"x": 1}}
    yield "duplicate member", json.dumps(good)[:-1] + f', "payload": "{good["payload"]}"' + "}"
    yield "NUL", json.dumps(good).replace("}", "\x00}")
    yield "not UTF-8", json.dumps(good).encode().replace(b"}", b', "\xff": 1}')
    yield "deep", '{"payload":' + "[" * 5000 + "]" * 5000 + "}"
    for member in good:
        yield f"without {member}", {k: v for k, v in good.items() if k != member}
        yield f"{member} padded", {**good, member: good[member] + "="}
        yield f"{member} with a strange character", {**good, member: good[member][:-1] + "+"}
        yield f"{member} a number", {**good, member: 1}


def test_broken_bodies(account):
    """A-11, A-17, A-18, A-19, A-29"""
    url = account.directory["newOrder"]
    for name, body in broken_bodies(account, url):
        answer = account.send(url, body)
        assert answer.status_code == 400, (name, answer.text)
        raw.problem(answer, 400, "malformed")
        assert answer.headers["Replay-Nonce"], name


HEADER_FAULTS = {
    "no alg": ({"alg": None}, "malformed"),
    "no url": ({"url": None}, "malformed"),
    "no nonce": ({"nonce": None}, "badNonce"),
    "no key": ({"kid": None}, "malformed"),
    "crit": ({"crit": ["b64"], "b64": False}, "malformed"),
    "empty crit": ({"crit": []}, "malformed"),
    "b64": ({"b64": False}, "malformed"),
    "none": ({"alg": "none"}, "badSignatureAlgorithm"),
    "HS256": ({"alg": "HS256"}, "badSignatureAlgorithm"),
    "PS256": ({"alg": "PS256"}, "badSignatureAlgorithm"),
    "ES256K": ({"alg": "ES256K"}, "badSignatureAlgorithm"),
    "alg of another key": ({"alg": "ES384"}, "badPublicKey"),
    "nonce not base64url": ({"nonce": "a=b"}, "malformed"),
    "unknown nonce": ({"nonce": "A" * 54}, "badNonce"),
    "nonce a number": ({"nonce": 1}, "malformed"),
}


@pytest.mark.parametrize("fault", HEADER_FAULTS)
def test_broken_headers(account, fault):
    """A-19, A-20, A-21, A-23, A-24, A-38, A-39"""
    changes, kind = HEADER_FAULTS[fault]
    target = account.directory["newOrder"]
    head = {k: v for k, v in {**account.protected(target), **changes}.items() if v is not None}
    body = raw.problem(account.send(target, raw.jws(account.key, head, NAMES)), 400, kind)
    if kind == "badSignatureAlgorithm":
        assert "ES256" in body["algorithms"]


def test_both_keys(account):
    """A-20, A-26"""
    raw.problem(account.post(account.directory["newOrder"], NAMES, jwk=raw.jwk(account.key)), 400, "malformed")
    raw.problem(account.post(account.directory["newOrder"], NAMES, kid=None, jwk=raw.jwk(account.key)), 400, "malformed")
    raw.problem(account.post(account.directory["newAccount"], {}), 400, "malformed")


def test_signatures(account, order, ca):
    """A-25, A-28: a wrong signature changes nothing"""
    stranger = raw.ec_key()
    for url, payload in [(account.kid, {"status": "deactivated"}), (order[1]["authorizations"][0], {"status": "deactivated"}),
                         (account.directory["newOrder"], NAMES), (urls_of(account, order)["challenge"], {})]:
        raw.problem(account.post(url, payload, key=stranger), 400, "malformed")
        body = raw.jws(account.key, account.protected(url), payload)
        flipped = bytearray(raw.unb64(body["signature"]))
        flipped[10] ^= 1
        raw.problem(account.send(url, {**body, "signature": raw.b64(bytes(flipped))}), 400, "malformed")
        body = raw.jws(account.key, account.protected(url), payload)
        raw.problem(account.send(url, {**body, "payload": raw.b64(json.dumps({**payload, "x": 1}).encode())}), 400, "malformed")
    url = account.directory["newOrder"]
    body = raw.jws(account.key, account.protected(url), NAMES)
    r, s = raw.unb64(body["signature"])[:32], raw.unb64(body["signature"])[32:]
    der = raw.utils.encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    raw.problem(account.send(url, {**body, "signature": raw.b64(der)}), 400, "malformed")
    assert account.post(account.kid).json()["status"] == "valid"
    assert account.post(order[0]).json()["status"] == "pending"


@pytest.mark.parametrize("key", [raw.ec_key, lambda: raw.ec_key(raw.ec.SECP384R1), lambda: raw.ec_key(raw.ec.SECP521R1), raw.rsa_key,
                                 raw.ed25519.Ed25519PrivateKey.generate], ids=["ES256", "ES384", "ES512", "RS256", "EdDSA"])
def test_supported_keys(ca, responder, key):
    """A-22, A-49: from newAccount to the certificate by each algorithm"""
    one = raw.Client(ca, key())
    assert one.register().status_code == 201
    pem, _, url = one.issue(responder, "negative.test")
    assert len(raw.chain(pem)) > 1 and one.post(url).json()["status"] == "valid"


def test_weak_keys(ca):
    """A-24"""
    raw.problem(raw.Client(ca, raw.rsa_key(1024)).register(), 400, "badPublicKey")
    one = raw.Client(ca)
    bad = {**raw.jwk(one.key), "x": raw.b64(b"\0" * 32)}
    raw.problem(one.post(one.directory["newAccount"], {}, jwk=bad), 400, "badPublicKey")
    short = {**raw.jwk(one.key), "x": raw.b64(raw.unb64(raw.jwk(one.key)["x"])[:31])}
    answer = one.post(one.directory["newAccount"], {}, jwk=short)
    assert answer.status_code == 400 and answer.json()["type"].split(":")[-1] in ("badPublicKey", "malformed")


def test_kid(account, other, order):
    """A-27"""
    url = account.directory["newOrder"]
    for kid in (account.kid.rsplit("/", 1)[1], account.kid + "/", account.kid.replace("localhost", "other.test"), order[0],
                account.kid[:-4] + "AAAA", account.kid.upper()):
        raw.problem(account.post(url, NAMES, kid=kid), 400, "accountDoesNotExist")
    raw.problem(account.post(url, NAMES, kid=other.kid), 400, "malformed")  # exists, but another key


def test_url(account):
    """A-32, A-33: what Host and proxies say does not count"""
    url = account.directory["newOrder"]
    for wrong in (account.directory["newAccount"], url + "?x=1", url.replace("localhost", "LOCALHOST"), url.replace("https:", "http:"), url + "/"):
        body = raw.jws(account.key, account.protected(wrong), NAMES)
        raw.problem(account.send(url, body), 403, "unauthorized")
    body = raw.jws(account.key, account.protected(url.replace("localhost", "evil.test")), NAMES)
    headers = {**raw.JOSE, "Host": "evil.test", "X-Forwarded-Host": "evil.test"}
    answer = account.send(url, body, headers=headers)
    raw.problem(answer, 403, "unauthorized")
    assert "evil" not in answer.headers["Link"]


def test_absolute_form(ca, account):
    """RFC 9112 3.2.2: a proxy may send the whole URL; what is signed stays the same"""
    url = account.directory["newOrder"]
    body = json.dumps(raw.jws(account.key, account.protected(url), NAMES))
    c = connection(ca)
    c.request("POST", url, body, raw.JOSE)
    assert c.getresponse().status == 201
    c.close()


def test_post_as_get(account, order):
    """A-30"""
    for name, url in urls_of(account, order).items():
        assert account.post(url).status_code == 200, name
        if name in ("orders", "order"):
            for payload in {}, "null", "x":
                raw.problem(account.post(url, payload), 400, "malformed")
    body = raw.jws(account.key, account.protected(order[0]), None)
    del body["payload"]
    raw.problem(account.send(order[0], body), 400, "malformed")


def test_foreign_objects(account, other, order):
    """A-31, A-59"""
    for url in urls_of(account, order).values():
        raw.problem(other.post(url), 403, "unauthorized")
    raw.problem(other.post(order[1]["finalize"], {"csr": raw.b64(raw.csr(["negative.test"])[0])}), 403, "unauthorized")
    raw.problem(other.post(order[1]["authorizations"][0], {"status": "deactivated"}), 403, "unauthorized")
    raw.problem(other.post(urls_of(account, order)["challenge"], {}), 403, "unauthorized")
    raw.problem(other.post(account.kid, {"status": "deactivated"}), 403, "unauthorized")
    for url in urls_of(account, order).values():
        parts = url.split("/")
        parts[5] = "B" + "A" * 21
        raw.problem(other.post("/".join(parts)), 404, "malformed")
    missing = "/".join(order[1]["finalize"].split("/")[:5] + ["B" + "A" * 21, "finalize"])
    raw.problem(other.post(missing, {"csr": raw.b64(raw.csr(["negative.test"])[0])}), 404, "malformed")
    assert account.post(order[0]).json()["status"] == "pending"


# ---- nonces ----


def test_new_nonce(client):
    """A-4, A-34, A-36"""
    url = client.directory["newNonce"]
    head, get = plain(client, "HEAD", url), plain(client, "GET", url)
    assert head.status_code == 200 and get.status_code == 204 and not get.content
    for answer in head, get:
        assert answer.headers["Cache-Control"] == "no-store"
        assert raw.b64(raw.unb64(answer.headers["Replay-Nonce"])) == answer.headers["Replay-Nonce"]
    assert len({plain(client, "HEAD", url).headers["Replay-Nonce"] for _ in range(50)}) == 50


def test_replay(account):
    """A-37, A-38: fifty at once, and one passes"""
    url = account.directory["newOrder"]
    body = json.dumps(raw.jws(account.key, account.protected(url), NAMES))

    def send():
        return requests.post(url, data=body, headers=raw.JOSE, verify=account.ca.API_CA_FILE, timeout=30)

    answers = at_once.together([send] * at_once.MANY)
    assert sorted(a.status_code for a in answers) == [201] + [400] * 49
    refused = next(a for a in answers if a.status_code == 400)
    raw.problem(refused, 400, "badNonce")
    assert account.post(url, NAMES, nonce=refused.headers["Replay-Nonce"]).status_code == 201


def test_a_nonce_is_spent_once_seen(account):
    """A-40"""
    url, nonce = account.directory["newOrder"], account.nonce()
    broken = {**raw.jws(account.key, account.protected(url, nonce=nonce), NAMES), "payload": "%"}
    raw.problem(account.send(url, broken), 400, "malformed")
    raw.problem(account.post(url, NAMES, nonce=nonce), 400, "badNonce")


# ---- payloads ----


@pytest.mark.parametrize("payload", [None, "null", "[]", "{", {}, {"identifiers": []}, {"identifiers": "negative.test"}, {"identifiers": ["negative.test"]},
                                     {"identifiers": [{"type": "dns", "value": 1}]}, {"identifiers": [{"type": "dns"}]},
                                     {**NAMES, "notAfter": "tomorrow"}, {**NAMES, "notBefore": "1970-01-01T00:00:00Z"}, '{"identifiers":[],"identifiers":[]}'])
def test_broken_orders(account, payload):
    """A-29, A-74, A-78"""
    raw.problem(account.post(account.directory["newOrder"], payload), 400, "malformed")


def test_terms_and_contacts(ca):
    """A-52, A-53, A-57"""
    client = raw.Client(ca)
    raw.problem(client.register(onlyReturnExisting=True), 400, "accountDoesNotExist")
    for contact, kind in [("tel:1", "unsupportedContact"), ("mailto:a@b.test,c@d.test", "invalidContact"), ("mailto:a@b.test?subject=x", "invalidContact")]:
        answer = client.register(contact=[contact])
        assert "b.test" not in raw.problem(answer, 400, kind)["detail"]
    answer = client.register(contact=["mailto:a@b.test"], orders="x", strange=1)
    assert answer.status_code == 201 and set(answer.json()) <= {"status", "termsOfServiceAgreed", "orders", "subjectData"}


def test_one_account_a_key(ca):
    """A-51, A-63: fifty at once make one account"""
    answers = at_once.together([twin.register for twin in at_once.twins(raw.Client(ca))])
    assert sorted(a.status_code for a in answers) == [200] * 49 + [201]
    assert len({a.headers["Location"] for a in answers}) == 1


def test_deactivated_accounts(ca, account, order):
    """A-60"""
    urls = urls_of(account, order)
    assert account.post(account.kid, {"status": "deactivated"}).json()["status"] == "deactivated"
    for url in urls.values():
        raw.problem(account.post(url), 401, "unauthorized")
    raw.problem(account.post(account.directory["newOrder"], NAMES), 401, "unauthorized")
    again = raw.Client(ca, account.key)
    raw.problem(again.register(), 401, "unauthorized")


# ---- the log ----


def wait_for(question, wanted, seconds=60):
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer == wanted:
            return
        assert time.monotonic() < end, answer
        time.sleep(0.1)


def test_every_request_is_in_the_log(ca):
    """A-12, G-2, G-4: with its outcome, whoever sent it and however it ended"""
    client, agent = raw.Client(ca), f"log-test/{time.time_ns()}"
    client.session.headers["User-Agent"] = agent
    assert client.register().status_code == 201
    assert client.order("negative.test").status_code == 201
    raw.problem(client.post(client.directory["newOrder"], {}), 400, "malformed")
    raw.problem(plain(client, "GET", client.directory["newOrder"]), 405, "malformed")
    raw.problem(client.post(urllib.parse.urljoin(ca.DIRECTORY_URL, "/acme/new-order/")), 404, "malformed")
    raw.problem(client.send(client.directory["newOrder"], "x" * 100000), 413, "malformed")
    assert plain(client, "GET", urllib.parse.urljoin(ca.DIRECTORY_URL, "/favicon.ico")).status_code == 404  # G-61: no record
    account = raw.unb64(client.kid.rsplit("/", 1)[1]).hex()

    def rows():
        return ca.sql("SELECT r.method, r.route, r.status, r.problem, replace(r.account_id::text, '-', ''), p.body IS NULL FROM log.request r"
                      f" JOIN log.request_private p USING (id) WHERE p.user_agent = '{agent}' AND r.route <> 'new-nonce' ORDER BY r.received_at")

    wait_for(rows, [["POST", "new-account", "201", "", account, "f"], ["POST", "new-order", "201", "", account, "f"],
                    ["POST", "new-order", "400", "MALFORMED", account, "f"], ["GET", "new-order", "405", "METHOD_NOT_ALLOWED", "", "f"],
                    ["POST", "none", "404", "NOT_FOUND", "", "t"], ["POST", "new-order", "413", "TOO_LARGE", "", "f"]])


def test_contacts_are_not_in_the_log(ca):
    """G-5: the canary stands nowhere"""
    client, agent = raw.Client(ca), f"canary-test/{time.time_ns()}"
    client.session.headers["User-Agent"] = agent
    assert client.register(contact=["mailto:canary@recovery.test"]).status_code == 201
    assert client.post(client.kid, {"contact": ["mailto:canary@recovery.test"]}).status_code == 200
    wait_for(lambda: ca.sql(f"SELECT r.route, p.body IS NULL FROM log.request r JOIN log.request_private p USING (id) WHERE p.user_agent = '{agent}'"
                            " AND r.route LIKE '%account' ORDER BY r.received_at"), [["new-account", "t"], ["account", "t"]])
    encoded = raw.b64(b"mailto:canary@recovery.test")[4:-4]
    assert ca.sql(f"SELECT count(*) FROM log.request_private p WHERE p.user_agent = '{agent}' AND (p::text LIKE '%canary@%'"
                  f" OR encode(coalesce(body, '') || coalesce(reply, ''), 'escape') ~ 'canary@|{encoded}')") == [["0"]]


# ---- what dies ----


@pytest.fixture(scope="module")
def frail(make_ca):
    """A CA whose processes may be killed."""
    return make_ca()


def test_nonces_survive_a_kill(frail):
    """A-41"""
    client = raw.Client(frail)
    assert client.register().status_code == 201
    nonce = client.nonce()
    frail.wait_ready("cairn-wfe", after=frail.kill("cairn-wfe"))
    client.session.close()
    assert client.post(client.directory["newOrder"], NAMES, nonce=nonce).status_code == 201
    raw.problem(client.post(client.directory["newOrder"], NAMES, nonce=nonce), 400, "badNonce")


def test_a_kill_of_the_front_end_loses_no_record(frail):
    """What was answered is in the log once, whenever cairn-wfe is killed."""
    agent, answered = f"kill-test/{time.time_ns()}", 0
    for _ in range(3):
        client = raw.Client(frail)
        client.session.headers["User-Agent"] = agent
        for _ in range(40):
            answered += plain(client, "HEAD", client.directory["newNonce"]).status_code == 200
        frail.wait_ready("cairn-wfe", after=frail.kill("cairn-wfe"))
    wait_for(lambda: frail.sql("SELECT count(*) FROM log.request r JOIN log.request_private p USING (id)"
                               f" WHERE p.user_agent = '{agent}' AND r.route = 'new-nonce' AND r.status = 200"), [[str(answered)]])


def test_a_kill_of_the_database_loses_no_record(frail):
    """A-47, A-48: while PostgreSQL is away, requests get 503 without a word of why, and are recorded all the same."""
    client, agent = raw.Client(frail), f"database-test/{time.time_ns()}"
    assert client.register().status_code == 201
    client.session.headers["User-Agent"] = agent
    nonce = client.nonce()
    before, refused = frail.kill("postgres"), 0
    for _ in range(20):
        answer = client.post(client.kid + "/orders", nonce=nonce)
        nonce = answer.headers["Replay-Nonce"]
        if answer.status_code == 503:
            refused += 1
            body = raw.problem(answer, 503, "serverInternal")
            assert int(answer.headers["Retry-After"]) > 0
            assert not any(word in body["detail"].lower() for word in ("sql", "socket", "/", "connection"))
        else:
            assert answer.status_code == 200
    frail.wait_ready(timeout=60)
    assert frail.pid("postgres") != before and refused > 0
    wait_for(lambda: frail.sql("SELECT count(*), count(*) FILTER (WHERE r.status = 503) FROM log.request r JOIN log.request_private p USING (id)"
                               f" WHERE p.user_agent = '{agent}' AND r.route = 'account-orders'"), [["20", str(refused)]], seconds=30)


def test_refused_nonces(make_ca):
    """A-41: the switch for tests of clients refuses a share of good nonces"""
    client = raw.Client(make_ca({"acme": {"nonce_reject_percent": 50}}))
    answers = [plain(client, "HEAD", client.directory["newNonce"]).status_code for _ in range(3)]
    assert answers == [200] * 3
    kinds = [client.post(client.directory["newAccount"], {"onlyReturnExisting": True}).json()["type"].rsplit(":", 1)[1] for _ in range(40)]
    assert 5 < kinds.count("badNonce") < 35 and set(kinds) == {"badNonce", "accountDoesNotExist"}


def test_terms_have_to_be_agreed_to(make_ca):
    """A-54, A-55"""
    terms = "https://ca.example/terms"
    client = raw.Client(make_ca({"acme": {"terms_of_service": terms}}))
    assert client.directory["meta"]["termsOfService"] == terms
    for agreed in None, False:
        answer = client.post(client.directory["newAccount"], {} if agreed is None else {"termsOfServiceAgreed": agreed})
        assert raw.problem(answer, 403, "userActionRequired")["instance"] == terms
        assert f'<{terms}>;rel="terms-of-service"' in answer.headers["Link"]
    raw.problem(client.post(client.directory["newAccount"], {"termsOfServiceAgreed": "true"}), 400, "malformed")
    assert client.register().status_code == 201
