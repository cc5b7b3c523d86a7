"""`cairn doctor`: how the deployment stands, and what an order for a name would meet."""
import json
import os
import subprocess

import pytest
import requests

import responder as responder_module
from name_server import ZONE


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
        "config", "database", "clock", "keys", "log", "issued", "certificate", "issuer", "process", "disk", "crl"}
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
    assert told.status_code == 200 and not told.cookies and f"An order for <code>{name}</code> would succeed" in told.text
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
