"""Requests that set out at the same moment."""
import concurrent.futures
import threading
import time
import uuid

import raw

MANY = 50


def twins(client, n=MANY):
    """n clients with the client's account, each with a connection that stands and a nonce of its own, so that what it sends next is one
    request."""
    def twin(_):
        one = raw.Client(client.ca, client.key)
        one.kid = client.kid
        one.nonces = [one.nonce()]
        return one
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        return list(pool.map(twin, range(n)))


def together(calls):
    """Runs the functions, each in a thread of its own, from the same moment on; their results in the same order."""
    gate = threading.Barrier(len(calls))

    def run(call):
        gate.wait(30)
        return call()
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [f.result() for f in [pool.submit(run, call) for call in calls]]


def later(seconds, call):
    """The call, that much after the others."""
    def run():
        time.sleep(seconds)
        return call()
    return run


def kind(answer):
    """The status, and the problem's type if it is one."""
    return (answer.status_code, answer.json()["type"].rsplit(":", 1)[1]) if answer.status_code >= 400 else (answer.status_code, "")


def recorded(ca, client, route, n, seconds=60):
    """Waits until the log has n requests of the account for this resource, and gives how often each status was answered. Requests reach the
    log a moment after their answers."""
    end = time.monotonic() + seconds
    while True:
        rows = ca.sql("SELECT status, count(*) FROM log.request WHERE status IS NOT NULL "
                      f"AND account_id = '{row_id(client.kid)}' AND route = '{route}' GROUP BY status")
        found = {int(status): int(count) for status, count in rows}
        if sum(found.values()) >= n or time.monotonic() > end:
            return found
        time.sleep(0.1)


def row_id(url):
    """The id in the database of what a URL ends with."""
    return str(uuid.UUID(bytes=raw.unb64(url.rpartition("/")[2])))
