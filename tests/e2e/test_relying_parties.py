"""Who downloads CRLs, issuers, roots or the sealed log, or looks at a page, leaves nothing behind: not in a table, a file or a metric."""
import os
import re
import socket
import time

import requests

from test_sealing import base, until_sealed

PATHS = ("/", "/root.pem", "/root.der", "/aia/root.der", "/crl/root.crl", "/no-such-thing", "/crl/none.crl", "/log/checkpoint", "/log/tile/0/000.p/1",
         "/log/tile/entries/000.p/1", "/favicon.ico", "/ocsp")
ADDRESS = "127.66.55.44"
AGENT = "canary-agent-5a1d2e"


def look(ca, port, path, tls=False):
    """A whole GET from an address that nobody else has."""
    with socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(ADDRESS, 0)) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {AGENT}\r\nX-Forwarded-For: {ADDRESS}\r\nDNT: 1\r\n"
                  f"Sec-GPC: 1\r\nCookie: {AGENT}=1\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while True:
            some = s.recv(65536)
            if not some:
                return answer
            answer += some


def port_of(listener):
    return int(listener.rsplit(":", 1)[1])


def tables(ca):
    return [row[0] for row in ca.sql("SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' "
                                     "AND n.nspname IN ('cairn', 'acme', 'ca', 'log', 'front', 'vault')", role="cairn_owner")]


def traces(ca, canary):
    """Where the text stands: tables, as their rows read, files of the state and what processes tell of themselves."""
    found = [t for t in tables(ca) if ca.sql(f"SELECT 1 FROM {t} x WHERE x::text LIKE '%{canary}%' LIMIT 1", role="cairn_owner")]
    for folder, _, names in os.walk(ca.state):
        if os.path.realpath(folder).startswith(os.path.realpath(os.path.join(ca.state, "postgres", "base"))):
            continue  # the tables, which were read
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    found += [path] if canary.encode() in f.read() else []
    for process in ("wfe", "ra", "va", "ca", "subscriber"):
        text = requests.get(f"http://{ca.metrics_address('cairn-' + process)}/metrics", timeout=60).text
        found += [f"metrics of {process}"] if canary in text else []
    return found


def test_nothing_is_recorded(make_ca):
    """G-30, G-32, G-34, G-35, G-61: plain downloads and pages that are no ACME resource are recorded nowhere, even where the log is at its
    most talkative; no answer has a cookie"""
    ca = make_ca({"log": {"level": "debug"}, "subscriber": {"publish_entries": True, "seal_interval_ms": 50}})
    until_sealed(ca)
    for path in PATHS:
        answer = look(ca, port_of(ca.config["wfe"]["http_listen"][0]), path)
        assert answer.startswith(b"HTTP/1.1 ") and not re.search(rb"(?i)\r\nset-cookie:|\r\nlocation:", answer), answer[:500]
    for broken in ("/crl/%00", "/" + "x" * 9000, "/log/tile/9/1"):
        look(ca, port_of(ca.config["wfe"]["http_listen"][0]), broken)
    assert requests.get(base(ca) + "/checkpoint", timeout=60).status_code == 200
    until_sealed(ca)
    time.sleep(1)  # what a process prints reaches its file
    for canary in (ADDRESS, AGENT):
        assert traces(ca, canary) == [], canary
    # the search does find what is there: the same visitor at an ACME resource
    session = requests.get(ca.DIRECTORY_URL, headers={"User-Agent": AGENT}, verify=ca.API_CA_FILE, timeout=60)
    assert session.status_code == 200
    until_sealed(ca)
    assert any("request_private" in t for t in traces(ca, AGENT))
    assert not ca.sql("SELECT 1 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE col_description(c.oid, a.attnum) LIKE 'RP-%'")


def test_no_core_dumps(ca):
    """G-5, G-30: no process leaves its memory behind when it dies"""
    for name in ["postgres"] + ["cairn-" + p for p in ("wfe", "ra", "va", "ca", "subscriber")]:
        with open(f"/proc/{ca.pid(name)}/limits", encoding="ascii") as f:
            limit = next(line for line in f if line.startswith("Max core file size"))
        assert limit.split()[4:6] == ["0", "0"], (name, limit)


def test_log_files_forget(make_ca):
    """G-30: no line of a log file is kept for a week, whatever it says, also where nothing is added"""
    ca = make_ca(shifted=True)
    folder = os.path.join(ca.state, "log")

    def lines():
        found = {}
        for name in os.listdir(folder):
            if ".log" in name and not name.startswith(("cairn-supervise.log", "migrate")):
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
                    found.update({line: name for line in f})
        return found

    def until_aged(condition):
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, sorted(os.listdir(folder))
            time.sleep(0.5)

    first = {line for line, name in lines().items() if name.startswith("cairn-wfe")}
    assert first
    ca.pass_time(days=1, hours=1)
    until_aged(lambda: os.path.exists(os.path.join(folder, "cairn-wfe.log.1")))
    assert first <= set(lines())
    ca.pass_time(days=4, hours=1)
    time.sleep(11)
    assert first <= set(lines())
    ca.pass_time(days=1)
    until_aged(lambda: not first & set(lines()))
