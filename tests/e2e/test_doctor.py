"""`cairn doctor`: how the deployment stands, and what an order for a name would meet."""
import json
import os
import re
import subprocess

import pytest
import requests

import alpn_responder
import raw
import responder as responder_module
from name_server import BROKEN, ZONE


def run(ca, *arguments, code=0):
    done = ca.cairn("doctor", "--config", os.path.join(ca.state, "cairn.yaml"), "--config", os.path.join(ca.folder, "overlay.yaml"), *arguments,
                    check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def look(ca, name, code=0):
    answer = json.loads(run(ca, "--for", name, "--json", code=code))
    return answer, {(f["about"], f["level"]): f["text"] for f in answer["findings"]}


def test_state(ca):
    text = run(ca)
    for line in ("ok       database", "ok       clock", "cairn-ra is ready", "cairn-subscriber is ready", "Nothing stands in the way."):
        assert line in text, text
    answer = json.loads(run(ca, "--json"))
    assert answer["ready"] and {f["about"] for f in answer["findings"]} == {
        "config", "database", "clock", "keys", "log", "issued", "certificate", "issuer", "process", "disk", "crl", "waves", "alarms", "urls"}
    assert not [f for f in answer["findings"] if f["level"] == "problem"]


def test_state_tells_what_is_wrong(ca):
    """A database of another version, a process that does not answer"""
    overlay = os.path.join(ca.folder, "wrong.yaml")
    with open(overlay, "w", encoding="utf-8") as f:
        json.dump({"ra": {"metrics_listen": "127.0.0.1:1"}}, f)
    ((number, name),) = ca.sql("SELECT number, name FROM cairn.migration ORDER BY number DESC LIMIT 1", role="cairn_owner")
    ca.sql(f"UPDATE cairn.migration SET name = 'other.sql' WHERE number = {number}", role="cairn_owner")
    try:
        text = run(ca, "--config", overlay, code=1)
    finally:
        ca.sql(f"UPDATE cairn.migration SET name = '{name}' WHERE number = {number}", role="cairn_owner")
    assert f"The database lacks migration {name}: run deploy/up" in text
    assert "problem  process      cairn-ra does not answer" in text and "Something has to be done." in text


def test_certificates_that_differ_are_an_alarm(ca):
    """F-34: from the record of the comparison, for a month"""
    ca.sql("UPDATE cairn.issued_check SET differences = 2, last_difference_at = now()", role="cairn_owner")
    try:
        text = run(ca, code=1)
    finally:
        ca.sql("UPDATE cairn.issued_check SET differences = 0, last_difference_at = NULL", role="cairn_owner")
    assert "problem  issued       2 certificates differ from their records" in text


def test_a_process_refuses_the_database_of_another_version(ca):
    """It says what to do, and that a second start does not help, instead of failing at each statement."""
    ((number, name),) = ca.sql("SELECT number, name FROM cairn.migration ORDER BY number DESC LIMIT 1", role="cairn_owner")
    with open(f"/proc/{ca.pid('cairn-ra')}/cmdline", encoding="utf-8") as f:
        command = f.read().rstrip("\0").split("\0")
    ca.sql(f"UPDATE cairn.migration SET name = 'other.sql' WHERE number = {number}", role="cairn_owner")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL)
    finally:
        ca.sql(f"UPDATE cairn.migration SET name = '{name}' WHERE number = {number}", role="cairn_owner")
    assert done.returncode == 78
    assert f"the database lacks migration {name}: run deploy/up" in done.stdout + done.stderr


def test_a_good_name(ca, account, responder):
    answer, said = look(ca, "fine.doctor.test")
    assert answer["ready"] and answer["methods"][0] == "http-01"
    assert "has the address(es) 127.0.0.1" in said["http-01", "ok"] or "404" in said["http-01", "ok"]
    assert said["caa", "ok"].startswith("No CAA record restricts") and said["policy", "ok"] and said["limits", "ok"]
    assert "An order for fine.doctor.test would succeed by http-01" in run(ca, "--for", "fine.doctor.test")
    assert ca.sql("SELECT actor, facts->>'name' FROM log.event WHERE kind = 'doctor.run' AND facts->>'name' = 'fine.doctor.test'")[0] == [
        "operator", "fine.doctor.test"]
    account.issue(responder, "fine.doctor.test")


def test_redirects_and_statuses(ca, responder):
    def handler(request):
        if request.path.startswith(responder_module.WELL_KNOWN):
            request.reply(302, "", Location=f"http://away.doctor.test:{ca.HTTP01_PORT}/gone")
        else:
            request.reply(503, "")
        return True

    responder.handler = handler
    answer, said = look(ca, "moved.doctor.test")
    texts = [f["text"] for f in answer["findings"]]
    assert any("answers 302 and leads on to http://away.doctor.test" in t for t in texts), texts
    assert "HTTP status 503) is broken" in said["http-01", "problem"] and "http-01" not in answer["methods"]


def test_nobody_answers(ca):
    answer, said = look(ca, "closed.doctor.test")
    assert "http-01 would fail" in said["http-01", "problem"] and "Connection refused" in said["http-01", "problem"]
    assert "tls-alpn-01 would fail" in said["tls-alpn-01", "problem"]
    assert answer["methods"] == ["dns-01"], answer


@pytest.mark.parametrize("name, why", [("localhost", "refuse"), ("no_good.test", "refuse"), ("127.0.0.9", "refuse"), ("a..test", "refuse")])
def test_a_refused_name_is_not_visited(ca, name, why):
    """Nobody is looked up or visited for a name that the policy does not let be ordered."""
    answer, said = look(ca, name, code=1)
    assert not answer["ready"] and why in said["policy", "problem"] and [f["about"] for f in answer["findings"]] == ["policy"]


def test_caa(dns_ca, server):
    server.add(ZONE, "deny.doctor", "CAA", '0 issue ";"')
    answer, said = look(dns_ca, f"deny.doctor.{ZONE}".rstrip("."), code=1)
    assert not answer["ready"] and "authorises nobody" in said["caa", "problem"]


def test_a_network_of_the_ca_itself(dns_ca, server):
    """A-106: what va.deny_networks closes is told in plain words"""
    server.add(ZONE, "own.doctor", "A", "127.6.0.1")
    answer, said = look(dns_ca, f"own.doctor.{ZONE}".rstrip("."))
    for method in ("http-01", "tls-alpn-01"):
        assert f"{method} would fail" in said[method, "problem"] and "127.6.0.1, which is in a network that this CA keeps its validations out of" in said[method, "problem"]
    assert answer["methods"] == ["dns-01"]


def lead_astray(ca):
    """A web server that answers by the first label of the host."""
    def handler(request):
        host = request.headers["Host"].split(":")[0]
        away = {"inside": "http://10.0.0.1/x", "port": f"http://{host}:8080/x", "tls": f"https://{host}:{ca.TLSALPN01_PORT}{request.path}"}
        first = host.split(".")[0]
        if first in away:
            request.reply(302, "", Location=away[first])
        else:
            request.reply(200 if first == "content" else 404, "<html>a home page</html>")
        return True
    return handler


# What is written into the zone, and for each method what is said; a level alone: that nothing stands in its way.
STRANGERS = {
    "nohost.own": ([], {"dns": ("note", "is the name typed right, and its domain registered?"), "http-01": ("problem", "no A or AAAA record|NXDOMAIN looking up A")}),
    "refused": ([("A", "127.0.0.77")], {"http-01": ("problem", "at 127.0.0.77: Connection refused; nothing listens on that port")}),
    "inside": ([("A", "127.0.0.1")], {"http-01": ("problem", "may not connect to 10.0.0.1, which is a private address")}),
    "port": ([("A", "127.0.0.1")], {"http-01": ("problem", "not 8080; it answers 302 and leads on to .http://port.stranger")}),
    "six": ([("AAAA", "::1"), ("A", "127.0.0.1")], {"http-01": ("note", "at ::1: Connection refused. The other address family is tried next")}),
    "documented": ([("AAAA", "2001:db8::1"), ("A", "127.0.0.1")], {"http-01": ("note", "2001:db8::1 was passed over")}),
    "content": ([("A", "127.0.0.1")], {"http-01": ("note", "answers 200 for a file that is not there")}),
    "tls": ([("A", "127.0.0.1")], {"tls-alpn-01": ("ok", "answers with TLS; tls-alpn-01 will work with a client that answers there"),
                                   "http-01": ("problem", "https://tls.stranger.*TLS handshake failed")}),
    "caa": ([("A", "127.0.0.1"), ("CAA", '0 issue "other.test"')], {"caa": ("problem", 'names another CA .*add there: caa.stranger.*CAA 0 issue "')}),
    "fine": ([("A", "127.0.0.1")], {"http-01": ("ok", "http-01 will work once"), "dns-01": ("ok", "dns-01 will work once"), "caa": ("ok", "No CAA record")}),
}


@pytest.mark.parametrize("first", STRANGERS)
def test_what_a_stranger_gets_wrong(dns_ca, server, responder_for, first):
    """Each failure has its sentence, which says what is to be mended; nothing is said twice"""
    records, wanted = STRANGERS[first]
    server.add(ZONE, "own.stranger", "TXT", "no wildcard below this")
    for kind, value in records:
        server.add(ZONE, f"{first}.stranger", kind, value)
    responder_for(dns_ca).handler = lead_astray(dns_ca)
    tls = alpn_responder.AlpnResponder(int(dns_ca.TLSALPN01_PORT))
    try:
        answer, _ = look(dns_ca, f"{first}.stranger.{ZONE}", code=1 if first == "caa" else 0)
    finally:
        tls.close()
    said = [(f["about"], f["level"], f["text"]) for f in answer["findings"]]
    assert len(said) == len(set(said)), said
    for about, (level, text) in wanted.items():
        assert [s for s in said if s[:2] == (about, level) and re.search(text, s[2])], (about, level, text, said)
    assert ("http-01" in answer["methods"]) == (first in ("six", "documented", "content", "fine")), answer


def test_a_zone_that_does_not_verify(dns_ca):
    """C-20: by each method the reason is told, and what to mend"""
    answer, said = look(dns_ca, f"www.{BROKEN}", code=1)
    assert not answer["methods"]
    for about in ("http-01", "dns-01", "tls-alpn-01", "caa"):
        assert "DNSSEC validation failed" in said[about, "problem"] and "DS record at the parent fits no key" in said[about, "problem"], said


def test_a_limit_that_is_reached(make_ca):
    """What an order would meet though nothing is wrong with the name"""
    strict = make_ca({"policy": {"limits": [{"name": "CertificatesPerDomain", "count": 1, "period_s": 36000}]}})
    web = responder_module.Responder(int(strict.HTTP01_PORT))
    try:
        holder = raw.Client(strict)
        assert holder.register().status_code == 201
        holder.issue(web, "spent.stranger.test")
        answer, said = look(strict, "spent.stranger.test", code=1)
        assert "http-01" in answer["methods"] and "is used up for stranger.test until" in said["limits", "problem"], answer
        assert look(strict, "other.test")[0]["ready"]
    finally:
        web.close()


def page(ca, method="GET", **arguments):
    return requests.request(method, ca.config["acme"]["external_url"] + "/doctor", verify=ca.API_CA_FILE, timeout=60, **arguments)


def test_page(ca, dns_ca, server):
    """G-16, G-62: off where it is not configured; a form without script or cookie; no word of what is inside; recorded"""
    assert page(ca).status_code == 404 and page(ca, "POST", data={"name": "a.test"}).status_code == 404
    name = f"page.doctor.{ZONE}".rstrip(".")
    server.add(ZONE, "page.doctor", "A", "127.0.0.1")
    form = page(dns_ca)
    assert form.status_code == 200 and '<form method="post" action="/doctor">' in form.text and "script" not in form.text
    told = page(dns_ca, "POST", data={"name": name})
    assert told.status_code == 200 and not told.cookies and f"An order for <code>{name}</code> would succeed by dns-01.</p>" in told.text
    assert "http-01 would fail" in told.text and "Connection refused" in told.text and "127.0.0.1" not in told.text
    ((actor, request),) = dns_ca.sql(f"SELECT actor, request_id FROM log.event WHERE kind = 'doctor.run' AND facts->>'name' = '{name}'")
    assert actor == "visitor" and request
    assert "would refuse the name" in page(dns_ca, "POST", data={"name": "localhost"}).text
    assert page(dns_ca, "POST", data={"name": "<b>"}).text.count("<b>") == 0


@pytest.mark.parametrize("arguments", [[], ["--config", "x", "more"], ["--nothing"]])
def test_misuse(ca, arguments):
    done = ca.cairn("doctor", *arguments, check=False)
    assert done.returncode == 2 and "Usage: cairn doctor" in done.stderr


def test_no_certificate(ca):
    path = os.path.join(ca.folder, "bare.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write("acme: {external_url: 'https://ca.test'}\n")
    done = ca.cairn("doctor", "--config", path, "--for", "a.test", check=False)
    assert done.returncode == 1 and "command.rpc_cert_file" in done.stderr
