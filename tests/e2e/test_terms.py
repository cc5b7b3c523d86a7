"""Terms that change after accounts were made (RFC 8555 7.3.3): A-54, A-55, A-56."""
import re
import time

import requests

import raw

TERMS = "https://ca.example/terms/{}"


def change_terms(ca, **acme):
    ca.down()
    ca.config["acme"].update(acme)
    ca.up()


def look(ca, url, **query):
    return requests.get(url, params=query, verify=ca.API_CA_FILE, timeout=30)


def test_changed_terms(make_ca, monkeypatch):
    """A-55, A-56: bump the terms, order, follow the instance, order again"""
    monkeypatch.setenv("NO_PROXY", "*")
    ca = make_ca({"acme": {"terms_of_service": TERMS.format(1)}})
    key, other = raw.ec_key(), raw.ec_key()
    for one in key, other:
        assert raw.Client(ca, one).register().status_code == 201
    change_terms(ca, terms_of_service=TERMS.format(2))
    client = raw.Client(ca, key)
    assert client.register().status_code == 200
    assert client.order("lenient.terms.test").status_code == 201  # nobody said that they have to agree again
    change_terms(ca, terms_again=True)
    client = raw.Client(ca, key)
    assert client.register().status_code == 200 and client.directory["meta"]["termsOfService"] == TERMS.format(2)
    refused = client.order("strict.terms.test")
    page = raw.problem(refused, 403, "userActionRequired")["instance"]
    assert f'<{TERMS.format(2)}>;rel="terms-of-service"' in refused.headers["Link"]
    assert client.order("strict.terms.test").json()["instance"] == page
    client.post(client.kid, {"termsOfServiceAgreed": True})  # the client can't
    raw.problem(client.order("strict.terms.test"), 403, "userActionRequired")
    shown = look(ca, page)
    assert shown.status_code == 200 and TERMS.format(2) in shown.text and re.search("<button>", shown.text)
    raw.problem(client.order("strict.terms.test"), 403, "userActionRequired")  # to look is not to agree
    before = time.time()
    assert "have been agreed to" in look(ca, page, agree="yes").text
    assert client.order("strict.terms.test").status_code == 201
    assert "<button>" not in look(ca, page).text
    fresh = raw.Client(ca)
    assert fresh.register().status_code == 201 and fresh.order("fresh.terms.test").status_code == 201
    stranger = raw.Client(ca, other)
    assert stranger.register().status_code == 200
    raw.problem(stranger.order("other.terms.test"), 403, "userActionRequired")
    assert look(ca, page[:-1] + ("A" if page[-1] != "A" else "B")).status_code == 404
    rows = ca.sql("SELECT facts->>'terms', extract(epoch FROM happened_at) FROM log.event WHERE kind = 'account.terms_agreed'")
    assert [row[0] for row in rows] == [TERMS.format(2)] and float(rows[0][1]) > before - 5
    change_terms(ca, terms_of_service=TERMS.format(3))
    raw.problem(look(ca, page, agree="yes"), 404, "malformed")  # they have changed since
    client = raw.Client(ca, key)
    assert client.register().status_code == 200
    raw.problem(client.order("third.terms.test"), 403, "userActionRequired")
