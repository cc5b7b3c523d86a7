"""An outside linter with pkimetal's interface, asked by the CA as it is shipped."""
import http.server
import json
import re
import threading
import urllib.parse

import raw


class Linter(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.seen.append((self.path, form))
        body = json.dumps(self.server.findings).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        body = json.dumps(self.server.linters).encode()
        self.send_response(200 if self.path == "/linters" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_it_is_asked_and_obeyed(make_ca, responder_for):
    """F-32: what it finds an error in is not signed"""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Linter)
    server.seen, server.findings = [], []
    server.linters = [{"Name": "zlint", "Instances": 2, "Version": "v3.6.8"}, {"Name": "ftfy", "Instances": 0, "Version": "6.3"},
                      {"Name": "pkilint", "Instances": 1, "Version": "v0.13.1"}]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ca = make_ca({"ca": {"linter_url": f"http://127.0.0.1:{server.server_port}"}})
    answers, member = responder_for(ca), raw.Client(ca)
    assert member.register().status_code == 201
    member.issue(answers, "good.linted.test")
    path, form = server.seen[-1]
    assert path == "/linttbscert" and form["format"] == ["json"] and len(form["b64input"][0]) > 400
    # F-31: the record of the issuance has the versions of all that looked, ours among them
    ((linters,),) = ca.sql("""SELECT string_agg(concat_ws(' ', l->>'name', l->>'version'), '; ') FROM log.event e JOIN cairn.linters s ON s.id = e.facts->>'linters',
        jsonb_array_elements(s.linters) l WHERE e.kind = 'certificate.issued'""")
    assert re.fullmatch(r"cairn [0-9.]+, \d+ rows [0-9a-f]{16}; pkilint v0\.13\.1; zlint v3\.6\.8", linters), linters
    assert ca.sql("SELECT count(*) FROM log.event e JOIN cairn.linters s ON s.id = e.facts->>'set' AND s.linters = e.facts->'linters' WHERE e.kind = 'linters.introduced'") == [["1"]]
    serial = ca.sql("SELECT encode(serial, 'hex') FROM ca.certificate WHERE der IS NOT NULL LIMIT 1", role="cairn_owner")[0][0]
    assert f"linters: {linters}" in ca.cairn("audit", "why", serial, "--database", ca.AUDITOR_DATABASE_URL, check=False).stdout
    server.findings = [{"Linter": "zlint", "Finding": "e_something", "Severity": "error"}]
    order = member.order("bad.linted.test")
    member.validate(order.json(), answers)
    raw.problem(member.post(order.json()["finalize"], {"csr": raw.b64(raw.csr(["bad.linted.test"])[0])}), 500, "serverInternal")
    assert not ca.sql("SELECT 1 FROM ca.certificate WHERE 'bad.linted.test' = ANY (names)", role="cairn_owner")
    server.shutdown()
