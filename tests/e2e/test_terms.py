"""Terms that change after accounts were made (RFC 8555 7.3.3): A-54, A-55, A-56."""
import hashlib
import re
import time

import requests

import raw

TERMS = "https://ca.example/terms/{}"


def change_terms(ca, **acme):
    ca.down()
    ca.config["acme"].update(acme)
    ca.up()


def look(ca, url, method="GET", **query):
    return requests.request(method, url, params=query, verify=ca.API_CA_FILE, timeout=30)


def stands_nowhere(ca, secret):
    """what is secret of the link is in no record and in no log"""
    digest = hashlib.sha256(secret.encode()).hexdigest()
    shown = f"SELECT count(*) FROM log.request WHERE method = 'POST' AND url = '/terms/[sha256 {digest}]' AND status = 200"
    deadline = time.monotonic() + 60
    while ca.sql(shown) != [["1"]]:
        assert time.monotonic() < deadline  # requests reach the log a moment later
        time.sleep(0.1)
    found = ca.sql(f"SELECT count(*), count(*) FILTER (WHERE position('{secret}' in r.url) > 0 OR "
                   f"position(convert_to('{secret}', 'UTF8') in coalesce(p.body, '') || coalesce(p.reply, '')) > 0) "
                   "FROM log.request r JOIN log.request_private p USING (id)")
    assert found[0][1] == "0" and int(found[0][0]) > 10
    for name in "cairn-wfe", "cairn-ra":
        assert secret not in ca.log(name)


def test_changed_terms(make_ca, monkeypatch):
    """A-55, A-56, F-60: bump the terms, order, follow the instance, order again"""
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
    assert shown.status_code == 200 and TERMS.format(2) in shown.text and re.search("<button ", shown.text)
    assert look(ca, page, agree="yes").text == shown.text
    raw.problem(client.order("strict.terms.test"), 403, "userActionRequired")  # to look is not to agree
    before = time.time()
    assert "have been agreed to" in look(ca, page, "POST").text
    assert client.order("strict.terms.test").status_code == 201
    assert "<button" not in look(ca, page).text
    fresh = raw.Client(ca)
    assert fresh.register().status_code == 201 and fresh.order("fresh.terms.test").status_code == 201
    stranger = raw.Client(ca, other)
    assert stranger.register().status_code == 200
    raw.problem(stranger.order("other.terms.test"), 403, "userActionRequired")
    assert look(ca, page[:-1] + ("A" if page[-1] != "A" else "B")).status_code == 404
    rows = ca.sql("SELECT facts->>'terms', extract(epoch FROM happened_at) FROM log.event WHERE kind = 'account.terms_agreed'")
    assert [row[0] for row in rows] == [TERMS.format(2)] and float(rows[0][1]) > before - 5
    made = ca.sql("SELECT facts->>'terms_agreed' FROM log.event WHERE kind = 'account.created' ORDER BY id")
    assert made == [[TERMS.format(1)], [TERMS.format(1)], [TERMS.format(2)]]  # which version, for each account
    told = ca.sql("SELECT title, array_to_string(lines, '; ') FROM audit.why_account((SELECT account_id FROM log.event WHERE kind = 'account.terms_agreed')) ORDER BY at",
                  role="cairn_owner")
    assert f"terms agreed to then: {TERMS.format(1)}" in told[0][1] and told[1:] == [["It agreed to terms that had changed", f"terms: {TERMS.format(2)}"]]  # F-56
    stands_nowhere(ca, page.rpartition("/")[2])
    change_terms(ca, terms_of_service=TERMS.format(3))
    assert look(ca, page, "POST").status_code == 404  # they have changed since
    client = raw.Client(ca, key)
    assert client.register().status_code == 200
    raw.problem(client.order("third.terms.test"), 403, "userActionRequired")
