"""Privacy (docs/privacy.md): the notice that follows from configuration and database, and pages that follow nobody."""
import base64
import hashlib
import html.parser
import json
import os
import time
import urllib.parse

import pytest
import requests
from cryptography import x509

import raw


def config(ca):
    return ["--config", os.path.join(ca.state, "cairn.yaml"), "--config", os.path.join(ca.folder, "overlay.yaml")]


class Text(html.parser.HTMLParser):
    """The words of a page, and what it would make a browser do."""

    def __init__(self, page):
        super().__init__()
        self.words, self.tags, self.attributes = [], set(), set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.words += data.split()


def words(markdown):
    plain = "".join(c for c in markdown.replace("---|", "") if c not in "\\|#")
    return [w for w in plain.split() if w != "-"]


def test_the_notice_is_what_is_done(ca, client):
    """G-8: the directory names it, both forms and the command say the same, and a changed rule of retention changes it"""
    url = client.directory["meta"]["privacyNotice"]
    page, text = client.get(url), client.get(url + ".md")
    assert page.status_code == text.status_code == 200 and text.headers["Content-Type"].startswith("text/markdown")
    assert Text(page.text).words[2:] == words(text.text) and "Privacy notice" in text.text
    assert requests.get(ca.HTTP_URL.rstrip("/") + "/privacy.md", timeout=60).text == text.text
    assert ca.cairn("export", "privacy-notice", *config(ca)).stdout == text.text
    assert ca.cairn("export", "privacy-notice", "--html", *config(ca)).stdout == page.text
    assert "| without end | without end | AGG |" in text.text and "| 6 days | 6 days | WEB |" in text.text and "two groups of custodians" in text.text
    for keep in "900d", "forever":
        ca.cairn("retention", "set", "AGG", "--clear", keep, "--keep", keep, "--reason", "a test", "--yes", *config(ca))
        wanted = "| 900 days | 900 days | AGG |" if keep == "900d" else "| without end | without end | AGG |"
        assert wanted in client.get(url + ".md").text
    assert ca.cairn("export", "privacy-notice", check=False).returncode == 1


def test_pages_follow_nobody(ca, client):
    """G-16, G-35, G-60, G-62: no cookie, no script, nothing from elsewhere, and the same for who declines to be followed"""
    base = ca.HTTP_URL.rstrip("/")
    for url in base + "/", base + "/privacy", client.directory["meta"]["privacyNotice"], urllib.parse.urljoin(ca.DIRECTORY_URL, "/"):
        plain = client.get(url)
        for declining in {"DNT": "1"}, {"Sec-GPC": "1"}:
            answer = client.get(url, headers=declining)
            assert answer.text == plain.text and answer.headers["Tk"] == "N" and "Set-Cookie" not in answer.headers
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"] and answer.headers["Referrer-Policy"] == "no-referrer"
        seen = Text(plain.text)
        assert seen.tags <= {"html", "head", "meta", "title", "body", "h1", "h2", "p", "ul", "li", "table", "tr", "th", "td", "code", "a"}
        assert seen.attributes <= {"lang", "charset", "href"}
    assert client.get(urllib.parse.urljoin(url, "/.well-known/gpc.json")).json()["gpc"] is True
    assert client.get(urllib.parse.urljoin(url, "/.well-known/dnt/")).json() == {"tracking": "N"}


def visit(ca, agent, **headers):
    one = raw.Client(ca)
    assert one.get(urllib.parse.urljoin(ca.DIRECTORY_URL, "/terms/" + agent), headers={"User-Agent": agent, **headers}).status_code == 404
    return one


def test_a_visit_of_who_declines(ca):
    """G-60: its record has the network in the place of the address, and no User-Agent; the API records all the same (G-4)"""
    last = ca.sql("SELECT coalesce(max(id::text), '00000000-0000-0000-0000-000000000000') FROM log.request WHERE route = 'terms'")[0][0]
    visit(ca, "sees-me/1")
    visit(ca, "not-me/1", DNT="1")
    one = visit(ca, "nor-me/1", **{"Sec-GPC": "1"})
    one.session.headers.update({"User-Agent": "after-them/1", "DNT": "1"})
    assert one.register().status_code == 201
    end = time.monotonic() + 60
    while ca.sql("SELECT count(*) FROM log.request_private WHERE user_agent = 'after-them/1' AND remote_address = '127.0.0.1'") == [["0"]]:
        assert time.monotonic() < end
        time.sleep(0.05)
    rows = ca.sql(f"SELECT coalesce(p.user_agent, '-'), host(p.remote_address), p.remote_port = 0 FROM log.request_private p JOIN log.request r USING (id) "
                  f"WHERE r.route = 'terms' AND r.id > '{last}' ORDER BY r.id")
    assert rows == [["sees-me/1", "127.0.0.1", "f"], ["-", "127.0.0.0", "t"], ["-", "127.0.0.0", "t"]]


def held(client, part=None):
    """The index, or all items of a part."""
    url, items = client.post(client.kid).json()["subjectData"] + (f"?part={part}" if part else ""), []
    while url:
        answer = client.post(url)
        assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store", answer.text
        if not part:
            return answer.json()
        items += answer.json()["held"]
        url = answer.json().get("next")
    return items


def settled(client, number):
    """Requests as the database has them, once so many are there."""
    end = time.monotonic() + 60
    while len(found := held(client, "requests")) < number:
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def test_what_is_held(ca, account, responder, tmp_path):
    """G-23, G-24, G-13, G-4: all about the account and nothing about another, with meanings and reasons; each look is on record"""
    account.session.headers["User-Agent"] = "CertBot/2.1.0 (certbot; Debian GNU/Linux 12) Authenticator/webroot " + "x" * 300
    other = raw.Client(ca)
    assert other.register().status_code == 201
    _, _, url = account.issue(responder, "held.privacy.test")
    index = held(account)
    assert index["account"] == account.kid and index["privacyNotice"].endswith("/privacy")
    parts = {p["part"]: p for p in index["held"]["parts"]}
    assert all(f["meaning"] and f["class"] for name, f in parts["requests"]["fields"].items())
    assert index["held"]["deletion"]["SUB-VAL"]["deletable"] is False and index["held"]["deletion"]["SUB-VAL"]["why"]
    requests_held = settled(account, 8)
    assert {r["account_id"].replace("-", "") for r in requests_held} == {raw.unb64(account.kid.rsplit("/", 1)[1]).hex()}
    agents = {r["user_agent"] for r in requests_held}
    assert any(a.startswith("CertBot/2.1.0 (certbot;") and a.endswith("x" * 300) for a in agents)
    finalize = next(r for r in requests_held if r["route"] == "finalize")
    assert "protected" in finalize["body"] and finalize["remote_address"] == "127.0.0.1"
    validation = next(v for v in held(account, "validations") if v["identifier_value"] == "held.privacy.test")
    assert validation["connections"][0]["address_used"] == "127.0.0.1" and validation["resolutions"] and validation["caa"][0]["permitted"] is True
    assert [c["names"] for c in held(account, "certificates")] == [["held.privacy.test"]]
    assert [o["url_id"] for o in held(account, "orders")] == [url.rsplit("/", 1)[1]] and held(account, "revocations") == []
    assert {e["kind"] for e in held(account, "events")} >= {"account.created", "order.created", "certificate.issued", "subject.read"}
    assert held(account, "account")[0]["key"] == raw.jwk(account.key)
    raw.problem(other.post(index["account"] + "/data"), 403, "unauthorized")
    out = tmp_path / "subject.json"
    ca.cairn("audit", "subject", account.kid, "--reason", "request 5", "--out", str(out), *config(ca))
    told = json.loads(out.read_text(encoding="utf-8"))
    assert list(told["held"]) == list(parts) and len(told["held"]["requests"]) >= 8 and told["held"]["certificates"] == held(account, "certificates")
    assert ca.cairn("audit", "subject", account.kid, *config(ca), check=False).returncode == 2
    assert ca.sql("SELECT count(DISTINCT facts->>'part') FROM log.event WHERE kind = 'audit.subject_read' AND facts->>'reason' = 'request 5'") == [["9"]]


@pytest.fixture
def over(ca, account, responder):
    """A day that is over for more than an hour, with a certificate: a copy of one of today's, which goes again."""
    ca.add_last_year()
    account.issue(responder, "export.privacy.test")
    ((day,),) = ca.sql("INSERT INTO ca.certificate SELECT (jsonb_populate_record(c, jsonb_build_object('id', cairn.id_at(now() - interval '2 days'), 'signed_at', "
                       "now() - interval '2 days'))).* FROM ca.certificate c WHERE 'export.privacy.test' = ANY (names) "
                       "RETURNING to_char(signed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')", role="cairn_owner")
    yield day
    ca.sql("DELETE FROM ca.certificate WHERE 'export.privacy.test' = ANY (names) AND signed_at < now() - interval '1 hour'", role="cairn_owner")


def test_public_export(ca, over, tmp_path):
    """G-42, G-43: certificates of a day that is over and no addresses; shown first, recorded, and not written again"""
    out = tmp_path / "export"
    arguments = ["export", "public", "--out", str(out), "--since", over, "--until", over, "--reason", "a test", *config(ca)]
    assert "Nothing was written" in ca.cairn(*arguments).stdout and not out.exists()
    assert ca.cairn(*arguments, "--yes").stdout.startswith(f"{over}  ")
    row = next(r for r in map(json.loads, (out / f"certificates-{over}.jsonl").read_text().splitlines()) if r["names"] == ["export.privacy.test"])
    assert x509.load_der_x509_certificate(base64.b64decode(row["der"])).serial_number == int(row["serial"], 16)
    written = {p.name: p.read_bytes() for p in out.iterdir()}
    assert len(written) == 13 and not any(b"127.0.0" in data or b"python-requests/" in data for data in written.values())
    assert ca.cairn(*arguments, "--yes").stdout.endswith(", there before\n") and written == {p.name: p.read_bytes() for p in out.iterdir()}
    digest = hashlib.sha256(written[f"manifest-{over}.json"]).hexdigest()
    assert ca.sql(f"SELECT facts->>'reason' FROM log.event WHERE kind = 'export.written' AND facts->>'manifest_sha256' = '{digest}'") == [["a test"]]
    assert ca.cairn("export", "public", "--out", str(out), "--since", "2999-01-01", "--until", "2999-01-01", "--reason", "x", "--yes", *config(ca), check=False).returncode == 2
