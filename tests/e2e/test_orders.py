"""What an order says and what comes of it: A-78, A-79, A-83 to A-85."""
import collections
import datetime

import pytest

import alpn_responder
import at_once
import raw

LIFE = datetime.timedelta(days=90)


def text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def now():
    return datetime.datetime.utcnow().replace(microsecond=0)


def certificate(client, responder, made):
    """Finalizes a new order of one name and gives the leaf and the order as it ended."""
    order = made.json()
    client.validate(order, responder)
    der, _ = raw.csr([order["identifiers"][0]["value"]])
    assert client.post(order["finalize"], {"csr": raw.b64(der)}).status_code == 200
    final = client.poll(made.headers["Location"], ("valid", "invalid")).json()
    assert final["status"] == "valid", final
    return raw.chain(client.post(final["certificate"]).text)[0], final


@pytest.mark.parametrize("wish", ("notBefore", "notAfter", "both"))
def test_dates(account, responder, wish):
    """A-78, A-79: exactly what was ordered, seconds and offsets included"""
    start, end = now() + datetime.timedelta(hours=7), now() + datetime.timedelta(days=3, seconds=11)
    wishes = {"notBefore": {"notBefore": (start + datetime.timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S.250+02:00")},
              "notAfter": {"notAfter": text(end)}, "both": {"notBefore": text(start), "notAfter": text(end)}}[wish]
    made = account.order(f"{wish}.dates.test".lower(), **wishes)
    assert made.status_code == 201, made.text
    leaf, order = certificate(account, responder, made)
    expected = {k: v for k, v in (("notBefore", text(start)), ("notAfter", text(end))) if k in wishes}
    for shown in made.json(), order:
        assert {k: v for k, v in shown.items() if k.startswith("not")} == expected
    if "notBefore" in wishes:
        assert leaf.not_valid_before == start
    else:
        assert leaf.not_valid_before <= now()
    assert leaf.not_valid_after == (end if "notAfter" in wishes else start + LIFE - datetime.timedelta(seconds=1))


def test_no_dates(account, responder):
    """A-78: an order without dates shows none"""
    made = account.order("plain.dates.test")
    leaf, order = certificate(account, responder, made)
    assert not any(k.startswith("not") for k in order)
    assert leaf.not_valid_after - leaf.not_valid_before == LIFE - datetime.timedelta(seconds=1)


REFUSED_DATES = {
    "too early": ({"notBefore": -datetime.timedelta(hours=49)}, "48 hours"),
    "too late": ({"notBefore": datetime.timedelta(hours=49)}, "48 hours"),
    "end before start": ({"notBefore": datetime.timedelta(hours=5), "notAfter": datetime.timedelta(hours=4)}, "notAfter"),
    "end in the past": ({"notAfter": -datetime.timedelta(seconds=5)}, "notAfter"),
    "too long": ({"notAfter": LIFE + datetime.timedelta(seconds=30)}, "lives no longer"),
    "too long from its start": ({"notBefore": datetime.timedelta(0), "notAfter": LIFE}, "lives no longer"),
}


@pytest.mark.parametrize("case", REFUSED_DATES)
def test_refused_dates(account, case):
    """A-78: never dropped in silence"""
    wishes, words = REFUSED_DATES[case]
    base = now()
    body = raw.problem(account.order("refused.dates.test", **{k: text(base + v) for k, v in wishes.items()}), 400, "malformed")
    assert words in body["detail"]


@pytest.mark.parametrize("garbage", ("tomorrow", "2026-13-01T00:00:00Z", "2026-11-22", "2026-11-22T00:00:00", 1795248550, "", "2026-11-22T25:00:00Z"))
def test_dates_that_are_none(account, garbage):
    """A-78"""
    raw.problem(account.order("garbage.dates.test", notAfter=garbage), 400, "malformed")
    raw.problem(account.order("garbage.dates.test", notBefore=garbage), 400, "malformed")


def test_lists_of_orders(ca, account):
    """A-83: two pages and a half of one account's orders, the invalid ones left out"""
    made = [account.order(f"n{i}.list.test").headers["Location"] for i in range(250)]
    dead = account.post(made[1]).json()["authorizations"][0]
    assert account.post(dead, {"status": "deactivated"}).status_code == 200
    found, url, pages = [], account.kid + "/orders", 0
    assert account.post(account.kid).json()["orders"] == url
    while url:
        answer = account.post(url)
        assert answer.status_code == 200
        found += answer.json()["orders"]
        url = answer.links["next"]["url"] if "next" in answer.links else None
        pages += 1
    assert pages == 3 and found == [one for one in made if one != made[1]]
    other = raw.Client(ca)
    assert other.register().status_code == 201
    assert other.post(other.kid + "/orders").json() == {"orders": []}
    for url in account.kid + "/orders", account.kid + "/orders?cursor=" + made[50].rsplit("/", 1)[1]:
        raw.problem(other.post(url), 403, "unauthorized")
    for cursor in "cursor=", "cursor=x", "page=2", "cursor=" + "A" * 23:
        raw.problem(account.post(account.kid + "/orders?" + cursor), 404, "malformed")


@pytest.mark.parametrize("kind", ["http-01", "tls-alpn-01"])
def test_a_name_covers_no_other_one(ca, account, responder, kind):
    """C-6, C-12: what was shown by a connection serves that name again, no name below or above it, nor a wildcard"""
    alpn = alpn_responder.AlpnResponder(int(ca.TLSALPN01_PORT))
    name = f"covers.{kind}.test"
    try:
        made = account.order(name).json()
        account.validate(made, responder if kind == "http-01" else alpn, kind)
    finally:
        alpn.close()
    again = account.order(name).json()
    assert again["status"] == "ready" and again["authorizations"] == made["authorizations"]
    for other in (f"b.{name}", f"{kind}.test", f"*.{name}"):
        fresh = account.order(other).json()
        assert fresh["status"] == "pending" and fresh["authorizations"] != made["authorizations"], fresh
        if other.startswith("*."):
            assert [c["type"] for c in account.post(fresh["authorizations"][0]).json()["challenges"]] == ["dns-01"]


def test_the_same_order_again(ca, account, responder):
    """A-73, A-80, A-84, A-85, A-86: an order that is pending or ready is given again to who asks for the same, never to anybody else nor for anything else"""
    first = account.order("twice.orders.test", "other.orders.test")
    for names in ("twice.orders.test", "other.orders.test"), ("other.orders.test", "TWICE.orders.test"):
        again = account.order(*names)
        assert again.status_code == 201 and again.headers["Location"] == first.headers["Location"] and again.json() == first.json()
    stranger = raw.Client(ca)
    assert stranger.register().status_code == 201
    end = now() + datetime.timedelta(days=5)
    others = [stranger.order("twice.orders.test", "other.orders.test"), account.order("twice.orders.test")]
    others += [account.order("twice.orders.test", "other.orders.test", **more) for more in (
        {"profile": "tlsserver"}, {"notAfter": text(end)}, {"notAfter": text(end + datetime.timedelta(seconds=1))}, {"notBefore": text(now())})]
    assert [o.status_code for o in others] == [201] * 6, [o.text for o in others]
    assert len({o.headers["Location"] for o in others + [first]}) == 7
    assert len({a for o in others + [first] for a in o.json()["authorizations"]}) == 13
    account.validate(first.json(), responder)
    again = account.order("twice.orders.test", "other.orders.test")
    assert again.headers["Location"] == first.headers["Location"]
    assert again.json() == {**first.json(), "status": "ready"} == account.post(first.headers["Location"]).json()
    der, _ = raw.csr(["twice.orders.test", "other.orders.test"])
    assert account.post(again.json()["finalize"], {"csr": raw.b64(der)}).status_code == 200
    third = account.order("twice.orders.test", "other.orders.test")
    assert third.headers["Location"] != first.headers["Location"]
    assert third.json()["status"] == "ready" and third.json()["authorizations"] == first.json()["authorizations"]
    assert account.post(third.json()["authorizations"][0], {"status": "deactivated"}).status_code == 200
    fourth = account.order("twice.orders.test", "other.orders.test")
    assert fourth.headers["Location"] not in (first.headers["Location"], third.headers["Location"]) and fourth.json()["status"] == "pending"


def test_fifty_times_the_same_order(ca, account):
    """A-85: of fifty that ask at once one makes the order, the others are given it, and each request's record leads to it"""
    payload = {"identifiers": [{"type": "dns", "value": "fifty.orders.test"}]}
    answers = at_once.together([lambda c=c: c.post(c.directory["newOrder"], payload) for c in at_once.twins(account)])
    assert collections.Counter(a.status_code for a in answers) == {201: 50}
    (url,) = {a.headers["Location"] for a in answers}
    assert len({a.text for a in answers}) == 1
    assert at_once.recorded(ca, account, "new-order", 50) == {201: 50}
    kinds = ca.sql("SELECT e.kind, count(*) FROM log.event e JOIN log.request r ON r.id = e.request_id AND r.route = 'new-order' "
                   f"WHERE e.order_id = '{at_once.row_id(url)}' GROUP BY 1 ORDER BY 1")
    assert kinds == [["order.created", "1"], ["order.given_again", "49"]]
