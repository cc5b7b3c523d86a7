"""Validations that are tried again (RFC 8555 8.2): A-101."""
import http.server
import socket
import threading
import time

import pytest

import raw

ATTEMPTS = 4


class Target:
    """Answers http-01 as told and remembers when it was asked."""

    def __init__(self, port):
        outer = self
        self.asked, self.answers = [], {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                token = self.path.rsplit("/", 1)[1]
                outer.asked.append(token)
                body = outer.answers.get(token, "not yet").encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET
            daemon_threads = True

        self.server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def patient(make_ca):
    return make_ca({"ra": {"validation_attempts": ATTEMPTS}})


@pytest.fixture
def target(patient):
    one = Target(int(patient.HTTP01_PORT))
    yield one
    one.close()


@pytest.fixture
def holder(patient):
    one = raw.Client(patient)
    assert one.register().status_code == 201
    return one


def started(holder, name):
    """An order's authorization and its challenge, which was responded to."""
    made = holder.order(name)
    authorization = made.json()["authorizations"][0]
    challenge = holder.challenge(authorization)
    assert holder.post(challenge["url"], {}).status_code == 200
    return made.headers["Location"], authorization, challenge


def failed_once(holder, challenge):
    """Waits until a try has failed: the answer that says so."""
    end = time.monotonic() + 30
    while True:
        answer = holder.post(challenge["url"])
        if "error" in answer.json() or time.monotonic() > end:
            return answer
        time.sleep(0.05)


def test_the_server_tries_again(holder, target):
    """A-101, A-102: processing with the error of the last try and Retry-After; it becomes valid without another request"""
    order, authorization, challenge = started(holder, "again.retry.test")
    answer = failed_once(holder, challenge)
    assert answer.json()["status"] == "processing" and int(answer.headers["Retry-After"]) > 0, answer.text
    assert answer.json()["error"]["type"].endswith((":unauthorized", ":incorrectResponse"))
    read = holder.post(authorization)
    assert read.json()["status"] == "pending" and int(read.headers["Retry-After"]) > 0
    target.answers[challenge["token"]] = holder.key_authorization(challenge["token"])
    assert holder.poll(authorization, ("valid", "invalid")).json()["status"] == "valid"
    assert holder.post(order).json()["status"] == "ready"
    assert "error" not in holder.post(challenge["url"]).json()
    assert 2 <= len(target.asked) <= ATTEMPTS


def test_the_client_asks_for_it(holder, target):
    """A-101: another response is a try at once, and uses up one of those there are; each failed one is shown"""
    _, authorization, challenge = started(holder, "early.retry.test")
    failed_once(holder, challenge)
    for _ in range(20):
        holder.post(challenge["url"], {})
    final = holder.poll(authorization, ("valid", "invalid")).json()
    assert final["status"] == "invalid"
    assert len(target.asked) == ATTEMPTS, target.asked
    error = final["challenges"][0]["error"]
    assert len(error["subproblems"]) == ATTEMPTS and {p["type"] for p in error["subproblems"]} == {error["type"]}
    raw.problem(holder.post(challenge["url"], {}), 400, "malformed")


def test_early_and_right(holder, target):
    """A-101: who has mended it need not wait for the server's next try"""
    _, authorization, challenge = started(holder, "mended.retry.test")
    failed_once(holder, challenge)
    target.answers[challenge["token"]] = holder.key_authorization(challenge["token"])
    answer = holder.post(challenge["url"], {})
    assert answer.status_code == 200 and holder.poll(authorization, ("valid", "invalid")).json()["status"] == "valid"
    assert len(target.asked) == 2
