"""Names that are proved before they are ordered (RFC 8555 7.4.1): A-5, A-95."""
import pytest

import raw


@pytest.fixture(scope="module")
def willing(make_ca):
    return make_ca({"acme": {"pre_authorization": True}})


@pytest.fixture
def holder(willing):
    one = raw.Client(willing)
    assert one.register().status_code == 201
    return one


def authorize(client, value, kind="dns"):
    return client.post(client.directory["newAuthz"], {"identifier": {"type": kind, "value": value}})


def test_not_offered(ca, account):
    """A-5"""
    assert "newAuthz" not in account.directory
    url = account.directory["newOrder"].replace("new-order", "new-authz")
    raw.problem(account.post(url, {"identifier": {"type": "dns", "value": "early.test"}}), 404, "malformed")


def test_an_order_starts_ready(willing, holder, responder_for):
    """A-95, A-84"""
    responder = responder_for(willing)
    made = authorize(holder, "Early.test")
    assert made.status_code == 201, made.text
    url, body = made.headers["Location"], made.json()
    assert body["status"] == "pending" and body["identifier"] == {"type": "dns", "value": "early.test"} and "wildcard" not in body
    assert holder.post(url).json() == body
    challenge = holder.challenge(url)
    responder.tokens[challenge["token"]] = holder.key_authorization(challenge["token"])
    assert holder.post(challenge["url"], {}).status_code == 200
    assert holder.poll(url, ("valid", "invalid")).json()["status"] == "valid"
    order = holder.order("early.test")
    assert order.status_code == 201 and order.json()["status"] == "ready" and order.json()["authorizations"] == [url]
    der, _ = raw.csr(["early.test"])
    assert holder.post(order.json()["finalize"], {"csr": raw.b64(der)}).status_code == 200
    assert holder.poll(order.headers["Location"], ("valid", "invalid")).json()["status"] == "valid"
    other = raw.Client(willing)
    assert other.register().status_code == 201
    raw.problem(other.post(url), 403, "unauthorized")
    assert other.order("early.test").json()["status"] == "pending"  # it is the account's own


def test_refusals(willing, holder):
    """A-95: no wildcards; what newOrder refuses is refused here, by 403"""
    raw.problem(authorize(holder, "*.early.test"), 400, "malformed")
    raw.problem(authorize(holder, "early.test", "email"), 403, "unsupportedIdentifier")
    for name in "early.unknown-suffix", "a..test", "-a.test", "localhost":
        answer = authorize(holder, name)
        raw.problem(answer, 403, "rejectedIdentifier")
        assert holder.order(name).status_code == 400
    for payload in {}, {"identifier": []}, {"identifier": "early.test"}:
        raw.problem(holder.post(holder.directory["newAuthz"], payload), 400, "malformed")
    raw.problem(holder.post(holder.directory["newAuthz"]), 400, "malformed")
    assert willing.sql("SELECT count(*) FROM log.event WHERE kind = 'authorization.created' AND facts->>'identifier' LIKE '*%'") == [["0"]]


def test_given_up(holder):
    """A-94, A-95"""
    url = authorize(holder, "given.test").headers["Location"]
    assert holder.post(url, {"status": "deactivated"}).json()["status"] == "deactivated"
    assert holder.post(holder.kid, {"status": "deactivated"}).status_code == 200
    raw.problem(authorize(holder, "given.test"), 401, "unauthorized")
