"""What the record holds of one order, as an auditor reads it; and what no record may hold."""
import datetime
import hashlib
import hmac
import json
import os
import random
import secrets
import time
import urllib.parse

import psycopg2
import psycopg2.extras
import pytest

import raw
import responder as responder_module

REQUEST_FIELDS = ("remote_address", "remote_port", "user_agent", "accept_language", "body", "reply", "headers")


def commitment(salt, name, value):
    """lib/crypto/commitment.h, written from its comment."""
    field_salt = hmac.new(salt, name.encode(), hashlib.sha256).digest()
    return hashlib.sha256(b"\x01" + field_salt + len(name).to_bytes(2, "big") + name.encode() + value).digest()


def octets(value):
    if value is None:
        return None
    return bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()


def recomputed(row, names):
    """Commitments of the row's fields in order; zeros for those that are NULL."""
    fields = [(name, octets(row[name])) for name in names]
    return b"".join(bytes(32) if value is None else commitment(bytes(row["salt"]), name, value) for name, value in fields)


@pytest.fixture
def auditor(ca):
    connection = psycopg2.connect(ca.AUDITOR_DATABASE_URL)
    connection.autocommit = True

    def rows(query, *args):
        with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(query, args or None)
            return cursor.fetchall()

    yield rows
    connection.close()


def eventually(look, seconds=60):
    """Requests reach the log a moment after their answers left."""
    end = time.monotonic() + seconds
    while not look() and time.monotonic() < end:
        time.sleep(0.1)
    return look()


def account_id(auditor, name):
    return auditor("SELECT account_id FROM log.validation WHERE identifier_value = %s", name)[0]["account_id"]


def redirecting(account, responder, name):
    """Answers the challenge behind a redirect."""

    def handler(request):
        if not request.path.startswith(responder_module.WELL_KNOWN):
            return False
        token = request.path.removeprefix(responder_module.WELL_KNOWN)
        responder.tokens["/moved/" + token] = account.key_authorization(token)
        request.reply(302, "", Location=f"http://{name}:{account.ca.HTTP01_PORT}/moved/{token}")
        return True

    responder.handler = handler


def test_validation_is_recorded_whole(ca, account, responder, auditor):
    """F-41, F-42, F-43, G-3, C-3"""
    name = "evidence.test"
    redirecting(account, responder, name)
    before = datetime.datetime.now(datetime.timezone.utc)
    account.issue(responder, name)
    after = datetime.datetime.now(datetime.timezone.utc)
    (row,) = auditor("SELECT * FROM log.validation JOIN log.validation_private USING (id) WHERE identifier_value = %s", name)
    assert (row["identifier_type"], row["wildcard"], row["method"], row["passed"], row["attempt"]) == ("dns", False, "http-01", True, 1)
    assert row["problem"] is None and "3.2.2.4.19" in row["rule"] and row["perspective"] == "local"
    slack = datetime.timedelta(seconds=1)
    assert before - slack <= row["started_at"] <= row["ended_at"] <= after + slack
    resolutions = json.loads(row["resolutions"])["resolutions"]
    assert {"A", "AAAA", "CAA"} <= {one["type"] for one in resolutions}
    for one in resolutions:
        assert one["resolver"] and one["dnssec"] and one["started_at"] and one["duration_us"] >= 0
    assert ["127.0.0.1"] in [one["answers"] for one in resolutions if one["type"] == "A" and one["name"].rstrip(".") == name]
    first, second = json.loads(row["attempts"])["attempts"]
    for one in (first, second):
        assert one["address_used"] == "127.0.0.1" and "127.0.0.1" in one["addresses_resolved"]
        assert one["host"] == name and one["port"] == int(ca.HTTP01_PORT) and one["started_at"] and one["duration_us"] > 0
    assert first["http_status"] == 302 and first["location"].endswith(second["url"].rpartition("/")[2])
    assert second["http_status"] == 200 and "content-length" in second["headers"].lower()
    token = second["url"].rpartition("/")[2]
    expected = account.key_authorization(token).encode()
    assert raw.unb64(second["body"]) == expected and second["body_octets"] == len(expected)
    assert raw.unb64(second["body_sha256"]) == bytes(row["answer_sha256"]) == hashlib.sha256(expected).digest()
    assert row["answer_octets"] == len(expected) and bytes(row["token_sha256"]) == hashlib.sha256(token.encode()).digest()
    assert row["caa"]["checked"] and row["caa"]["permitted"]


def test_failed_validation_is_recorded_too(account, responder, auditor):
    """F-41, A-101, A-109"""
    name = "refused.test"
    order = account.order(name).json()
    challenge = account.challenge(order["authorizations"][0])
    responder.tokens[challenge["token"]] = "not this"
    account.post(challenge["url"], {})
    final = account.poll(order["authorizations"][0], ("valid", "invalid")).json()
    assert final["status"] == "invalid"
    rows = auditor("SELECT * FROM log.validation JOIN log.validation_private USING (id) WHERE identifier_value = %s ORDER BY id", name)
    assert [row["attempt"] for row in rows] == list(range(1, len(rows) + 1)) and not any(row["passed"] for row in rows)
    for row in rows:
        assert row["problem"] and row["detail"]
        assert raw.unb64(json.loads(row["attempts"])["attempts"][0]["body"]) == b"not this"
        assert recomputed(row, ("resolutions", "attempts")) == bytes(row["commitments"])


def test_commitments_recompute(account, responder, auditor):
    """Design 5: the record says what was, and the personal fields can go without it."""
    name = "commitments.test"
    account.session.headers["Accept-Language"] = "cy, en;q=0.5"
    account.issue(responder, name)
    (row,) = auditor("SELECT * FROM log.validation JOIN log.validation_private USING (id) WHERE identifier_value = %s", name)
    assert recomputed(row, ("resolutions", "attempts")) == bytes(row["commitments"])
    assert recomputed(dict(row, attempts=row["attempts"].replace("200", "201", 1)), ("resolutions", "attempts")) != bytes(row["commitments"])
    mine = ("SELECT r.*, p.salt, host(p.remote_address) AS remote_address, p.remote_port, p.user_agent, p.accept_language, p.body,"
            " p.reply, p.headers FROM log.request r JOIN log.request_private p USING (id) WHERE account_id = %s")
    account_uuid = account_id(auditor, name)
    assert eventually(lambda: any(row["route"] == "certificate" for row in auditor(mine, account_uuid)))
    rows = auditor(mine, account_uuid)
    for one in rows:
        assert recomputed(one, REQUEST_FIELDS) == bytes(one["commitments"]), one["route"]
        assert one["accept_language"] in ("cy, en;q=0.5", None)
    assert len({bytes(one["salt"]) for one in rows}) == len(rows)


def test_each_request_with_its_outcome(ca, account, responder, auditor):
    """F-41, G-2, G-4, A-12"""
    name = "requests.test"
    sent = []
    account.session.hooks["response"].append(lambda answer, *_, **__: sent.append(answer))
    account.session.headers["User-Agent"] = "evidence/1 (a test)"
    _, _, order_url = account.issue(responder, name)
    raw.problem(account.post(order_url + "/finalize", {"csr": raw.b64(raw.csr([name])[0])}), 403, "orderNotReady")
    posts = [a for a in sent if a.request.method == "POST"]
    bodies = [hashlib.sha256(a.request.body.encode()).digest() for a in posts]
    query = ("SELECT r.*, host(p.remote_address) AS address, p.remote_port, p.user_agent, p.body, p.reply, p.headers FROM log.request r"
             " JOIN log.request_private p USING (id) WHERE body_sha256 = ANY (%s) AND method = 'POST' ORDER BY received_at")
    rows = eventually(lambda: (lambda r: r if len(r) == len(posts) else [])(auditor(query, bodies)))
    assert len(rows) == len(posts)
    account_uuid = account_id(auditor, name)
    by_body = {bytes(row["body_sha256"]): row for row in rows}
    for answer, body in zip(posts, bodies):
        row = by_body[body]
        assert row["status"] == answer.status_code and answer.url.endswith(row["url"]) and row["account_id"] == account_uuid
        assert bytes(row["reply_sha256"]) == hashlib.sha256(answer.content).digest() and row["reply_octets"] == len(answer.content)
        assert row["body_octets"] == len(answer.request.body) and row["duration_us"] > 0
        assert row["address"] == "127.0.0.1" and row["remote_port"] > 0 and row["user_agent"] == "evidence/1 (a test)"
        fields = {name: value for name, value in answer.request.headers.items() if name not in ("User-Agent", "Accept-Language")}
        assert sorted(row["headers"].split("\n")) == sorted(["Host: " + urllib.parse.urlsplit(answer.url).netloc] + [f"{n}: {v}" for n, v in fields.items()])
        if row["route"] != "certificate":
            assert bytes(row["reply"]) == answer.content
        if row["route"] not in ("new-account", "account"):
            assert bytes(row["body"]) == answer.request.body.encode()
    assert by_body[bodies[-1]]["problem"] == "ORDER_NOT_READY"
    assert {row["route"] for row in rows} == {"new-order", "authz", "challenge", "finalize", "order", "certificate"}
    heads = auditor("SELECT count(*) AS n FROM log.request WHERE method IN ('HEAD', 'GET')")
    assert heads[0]["n"] > 0


def test_an_authorization_cannot_be_valid_without_evidence(ca, account):
    """F-43: even who owns the tables can't make it so"""
    order = account.order("unproven.test").json()
    (authz,) = ca.sql("SELECT id FROM acme.authz WHERE identifier_value = 'unproven.test'", role="cairn_owner")
    assert len(order["authorizations"]) == 1
    for change in (f"validation_id = '{authz[0]}'", "validation_id = id, proof = NULL"):
        with pytest.raises(RuntimeError, match="violates"):
            ca.sql(f"UPDATE acme.authz SET {change} WHERE id = '{authz[0]}'", role="cairn_owner")


@pytest.mark.parametrize("statement", ("INSERT INTO log.event SELECT * FROM log.event", "UPDATE log.request SET status = 200",
                                       "DELETE FROM log.validation", "SELECT * FROM acme.account", "TRUNCATE log.request"))
def test_the_auditor_only_reads_the_log(ca, statement):
    """G-12, F-52: by grants, even in a transaction that might write"""
    with pytest.raises(RuntimeError, match="permission denied"):
        ca.sql("BEGIN READ WRITE; " + statement)


def files_with(folder, needles):
    """Which files below the folder hold one of the texts."""
    found = []
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as f:
                    content = f.read()
                found += [(path, needle) for needle in needles if needle in content]
    return found


def rows_with(ca, needles):
    """Which tables have a row that holds one of the texts, also within binary columns."""
    pattern = "|".join(form for needle in needles for form in (needle.decode(), needle.hex()))
    tables = ca.sql("SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'"
                    " AND n.nspname IN ('cairn', 'acme', 'ca', 'log', 'front', 'vault')", role="cairn_owner")
    assert len(tables) > 15
    union = " UNION ALL ".join(f"SELECT '{table}' FROM {table} t WHERE t::text ~ '{pattern}'" for (table,) in tables)
    return ca.sql(union, role="cairn_owner")


def test_no_contact_and_no_secret_in_any_record(make_ca, responder_for):
    """G-5, G-6, G-65, A-58, F-48: a contact and the secrets of a request are searched in every file of the state and in
    every row"""
    ca = make_ca({"log": {"level": "debug"}})
    client = raw.Client(ca)
    local = f"canary{secrets.token_hex(6)}"
    assert client.register(contact=[f"mailto:{local}@recovery.example"]).status_code == 201
    other = f"canary{secrets.token_hex(6)}"
    assert client.post(client.kid, {"contact": [f"mailto:{other}@recovery.example"]}).status_code == 200
    broken = f"canary{secrets.token_hex(6)}"
    assert raw.Client(ca).register(contact=[f"mailto:{broken}@recovery.example, and one more"]).status_code == 400
    name = f"kept{random.randint(10**6, 10**7)}.test"
    client.issue(responder_for(ca), name)
    assert eventually(lambda: ca.sql("SELECT 1 FROM log.request WHERE route = 'certificate'"))
    canaries = [text.encode() for text in (local, other, broken)]
    # a contact stands in base64url within the body that was sent; three alignments
    encoded = []
    for text in canaries:
        for shift in range(3):
            encoded.append(raw.b64(b"x" * shift + text + b"xx").encode()[4 if shift else 0:][:12])
    secret = [line.split(":")[-1].strip().encode() for line in
              (open(os.path.join(ca.state, "secrets", "cairn_ra.pgpass"), encoding="ascii"))]
    ca.down()  # all that was in memory is in files now
    found = files_with(ca.state, canaries + encoded)
    assert found == []
    assert {path for path, _ in files_with(ca.state, secret)} == {os.path.join(ca.state, "secrets", "cairn_ra.pgpass")}
    assert files_with(ca.state, [name.encode()]), "the search finds what is there"
    ca.up()
    assert rows_with(ca, canaries + encoded) == []
    assert rows_with(ca, [name.encode()])
