"""Answers http-01 on the port that an instance validates on (RFC 8555 8.3), with whatever a test wants answered."""
import http.server
import socket
import threading

WELL_KNOWN = "/.well-known/acme-challenge/"


class Responder:
    """responder.tokens[token] = key authorization. responder.handler: a function (request handler) -> bool that may
    answer in its own way; responder.seen: what was asked, as (host header, path)."""

    def __init__(self, port, host="127.0.0.1"):
        self.tokens = {}
        self.seen = []
        self.handler = None
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                owner.seen.append((self.headers.get("Host"), self.path))
                if owner.handler is None or not owner.handler(self):
                    self.answer()

            def answer(self):
                text = owner.tokens.get(self.path.removeprefix(WELL_KNOWN))
                self.reply(404 if text is None else 200, text or "not here")

            def reply(self, status, text, **headers):
                body = text.encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            daemon_threads = True

        self.server = Server((host, port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
