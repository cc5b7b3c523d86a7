"""An outside linter with pkimetal's interface, asked by the CA as it is shipped."""
import http.server
import json
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

    def log_message(self, *_):
        pass


def test_it_is_asked_and_obeyed(make_ca, responder_for):
    """F-32: what it finds an error in is not signed"""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Linter)
    server.seen, server.findings = [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ca = make_ca({"ca": {"linter_url": f"http://127.0.0.1:{server.server_port}"}})
    answers, member = responder_for(ca), raw.Client(ca)
    assert member.register().status_code == 201
    member.issue(answers, "good.linted.test")
    path, form = server.seen[-1]
    assert path == "/linttbscert" and form["format"] == ["json"] and len(form["b64input"][0]) > 400
    server.findings = [{"Linter": "zlint", "Finding": "e_something", "Severity": "error"}]
    order = member.order("bad.linted.test")
    member.validate(order.json(), answers)
    raw.problem(member.post(order.json()["finalize"], {"csr": raw.b64(raw.csr(["bad.linted.test"])[0])}), 500, "serverInternal")
    assert not ca.sql("SELECT 1 FROM ca.certificate WHERE 'bad.linted.test' = ANY (names)", role="cairn_owner")
    server.shutdown()
