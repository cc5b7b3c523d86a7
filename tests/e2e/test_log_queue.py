"""What waits for transparency logs (ra/promise_job.c): how fast it is done, in which order, how often it is tried, and what it may hold up."""
import concurrent.futures
import os
import signal
import time

import psycopg2
import pytest

import ct_world
import raw

BACKLOG = 1500


def until(world, text, seconds=60, every=0.2):
    """The rows, once there are any."""
    end = time.monotonic() + seconds
    while not (rows := world.sql(text)):
        assert time.monotonic() < end, text
        time.sleep(every)
    return rows


def shown(world):
    """A certificate that a log has: its serial."""
    chain, _ = world.issue()
    serial = format(chain[0].serial_number, "x").zfill(36)
    until(world, f"SELECT 1 FROM ca.precertificate WHERE certificate_id = {of(serial)} AND logged_at IS NOT NULL")
    return serial


def of(serial):
    return f"(SELECT id FROM ca.certificate WHERE serial = '\\x{serial}')"


def copies(world, serial, n, due):
    """So many certificates, as that one is, that are to be shown to logs from then on."""
    world.sql(f"""WITH made AS (SELECT cairn.new_id() AS id FROM generate_series(1, {n})),
        c AS (INSERT INTO ca.certificate SELECT (jsonb_populate_record(k, jsonb_build_object('id', m.id, 'serial', '\\x00' || replace(m.id::text, '-', '') || '99'))).*
            FROM made m, ca.certificate k WHERE k.id = {of(serial)} RETURNING id)
        INSERT INTO ca.precertificate (certificate_id, der, signed_at, asked_until, sct_list)
            SELECT c.id, p.der, p.signed_at, {due}, p.sct_list FROM c, ca.precertificate p WHERE p.certificate_id = {of(serial)} RETURNING 1""")


def drop_copies(world):
    world.sql("WITH c AS (DELETE FROM ca.certificate WHERE serial::text LIKE '\\\\x00%99' RETURNING id) "
              "DELETE FROM ca.precertificate p USING c WHERE p.certificate_id = c.id RETURNING 1")


def test_a_backlog_is_shown_fast(world):
    """H-13: what waits to be shown is shown side by side, by connections that stay open, and an order that comes meanwhile does not wait for it"""
    serial = shown(world)
    connections = sum(log.connections for log in world.logs)
    copies(world, serial, BACKLOG, "now()")
    from_s = time.monotonic()
    world.issue()
    order_s = time.monotonic() - from_s
    until(world, "SELECT 1 FROM ca.logs_state() WHERE unlogged = 0", 240)
    rate = BACKLOG / (time.monotonic() - from_s)
    opened = sum(log.connections for log in world.logs) - connections
    drop_copies(world)
    print(f"{BACKLOG} certificates: {rate:.0f} a second, an order meanwhile took {order_s:.2f} s, {opened} connections")
    assert rate > 20 and opened < BACKLOG / 5


def test_a_take_costs_the_same_at_any_backlog(world):
    """H-13: what is not due yet is not looked at"""
    serial = shown(world)
    def read(final):
        connection = psycopg2.connect(world.ca.AUDITOR_DATABASE_URL.replace("cairn_auditor", "cairn_owner"))
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM ca.take_unlogged(%s, 'test', 60, 8)", (final,))
            cursor.execute("SELECT coalesce(sum(s.idx_tup_fetch + s.seq_tup_read), 0)::int8 FROM pg_stat_xact_user_tables s "
                           "WHERE s.schemaname = 'ca' AND s.relname LIKE 'precertificate%'")
            n = cursor.fetchone()[0]
        connection.close()
        return n

    copies(world, serial, 3000, "now() + interval '1 day'")
    world.sql("UPDATE ca.precertificate SET sct_list = NULL WHERE certificate_id IN (SELECT certificate_id FROM ca.precertificate "
              "WHERE asked_until > now() + interval '1 h' LIMIT 1000) RETURNING 1")
    assert read(True) < 100 and read(False) < 100
    drop_copies(world)


def test_it_is_tried_less_and_less_often(world):
    """H-13: each try in vain is on record and puts off the next one, of this certificate alone; none is made once the certificate has ended"""
    for log in world.logs:
        log.refuses = "/ct/v1/add-chain"
    chain, _ = world.issue()
    serial = format(chain[0].serial_number, "x").zfill(36)
    waits = []
    for tries in (1, 2, 3, 4):
        until(world, f"SELECT 1 FROM ca.precertificate WHERE certificate_id = {of(serial)} AND tries = {tries}")
        waits.append(float(world.sql(f"SELECT extract(epoch FROM asked_until - now()) FROM ca.precertificate WHERE certificate_id = {of(serial)}")[0][0]))
        if tries == 3:
            world.sql(f"UPDATE ca.certificate SET signed_at = signed_at - interval '25 h' WHERE id = {of(serial)} RETURNING 1")
        world.sql(f"UPDATE ca.precertificate SET asked_until = now() WHERE certificate_id = {of(serial)} RETURNING 1")
    assert 20 < waits[0] <= 60 < waits[1] <= 120 < waits[2] <= 240 and 40_000 < waits[3] <= 43_200, waits
    world.sql(f"UPDATE ca.certificate SET not_after = now() - interval '1 s' WHERE id = {of(serial)} RETURNING 1")
    world.sql(f"UPDATE ca.precertificate SET asked_until = now() WHERE certificate_id = {of(serial)} RETURNING 1")
    until(world, f"SELECT 1 FROM ca.precertificate WHERE certificate_id = {of(serial)} AND asked_until IS NULL AND logged_at IS NULL")


def test_who_comes_late_changes_nothing(world):
    """H-18: what logs said to one process is on record, and what another one has reached stays"""
    serial = shown(world)
    said = '[{"log": "One A", "outcome": "status 500"}]'
    for final in ("true", "false"):
        world.sql(f"SELECT 1 FROM ca.note_submissions({of(serial)}, {final}, false, true, '{said}', 'late')")
    assert world.sql(f"SELECT asked_until IS NULL, logged_at IS NOT NULL FROM ca.precertificate WHERE certificate_id = {of(serial)}") == [["t", "t"]]
    assert world.sql(f"SELECT kind, count(*) FROM log.event WHERE certificate_id = {of(serial)} AND process = 'late' GROUP BY 1") == [["certificate.asked", "2"]]


def test_what_was_given_up_waits_no_more(world):
    """D-55: a precertificate that was given up is in no queue"""
    world.logs[1].mode = world.logs[2].mode = "dead"
    name = world.name()
    url, answer = world.finalize(name)
    assert answer.json()["status"] == "processing"
    world.give_up(name, url)
    assert world.sql("SELECT p.asked_until IS NULL FROM ca.precertificate p JOIN ca.certificate c ON c.id = p.certificate_id "
                     f"WHERE c.names = '{{{name}}}'") == [["t"]]


def test_an_issuer_that_is_a_root(world):
    """H-1: with nothing behind its certificate, logs are shown the issuer all the same"""
    world.logs[1].mode = world.logs[2].mode = "dead"
    url, answer = world.finalize()
    assert answer.json()["status"] == "processing"
    before = world.sql("SELECT name, chain FROM ca.issuer")
    world.sql("UPDATE ca.issuer SET chain = '' RETURNING 1")
    try:
        world.logs[1].mode = world.logs[2].mode = "good"
        world.certificate(url)
        assert len(world.logs[1].seen[-1][1]) == 2 or len(world.logs[2].seen[-1][1]) == 2
    finally:
        for name, chain in before:
            world.sql(f"UPDATE ca.issuer SET chain = '{chain}' WHERE name = '{name}' RETURNING 1")


def wait_seen(log, path, n):
    """Until the log was shown that many."""
    end = time.monotonic() + 60
    while log.paths().count(path) < n:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_orders_do_not_wait_for_certificates(world):
    """H-12: while every log hangs over certificates that are shown to it, an order that waits gets its SCTs"""
    serial = shown(world)
    for log in world.logs:
        log.hangs = "/ct/v1/add-chain"
    copies(world, serial, 100, "now()")
    wait_seen(world.logs[0], "/ct/v1/add-chain", 1)
    world.logs[1].mode = world.logs[2].mode = "dead"
    url, answer = world.finalize()
    assert answer.json()["status"] == "processing"
    world.logs[1].mode = world.logs[2].mode = "good"
    world.certificate(url)
    assert world.sql("SELECT 1 FROM ca.logs_state() WHERE unlogged >= 50")
    drop_copies(world)


def test_an_outage_holds_up_nobody_else(make_ca):
    """H-11, H-12: logs that hang hold half of the calls that cairn-ra serves at once, and no more; the others go on, and so does what they left to the job"""
    world = ct_world.World(make_ca, {"ra": {"workers": 4}}, timeout_ms=15000)
    try:
        names = [world.name() for _ in range(8)]
        orders = [world.ready(name) for name in names]
        for log in world.logs[:3]:
            log.mode = "slow"
        with concurrent.futures.ThreadPoolExecutor(len(orders)) as pool:
            clients = [world.another() for _ in orders]
            sent = [pool.submit(client.post, order.json()["finalize"], {"csr": raw.b64(raw.csr([name])[0])})
                    for client, order, name in zip(clients, orders, names)]
            done, _ = concurrent.futures.wait(sent, timeout=10, return_when=concurrent.futures.FIRST_COMPLETED)
            assert done and all(one.result().json()["status"] == "processing" for one in done)
            from_s = time.monotonic()
            assert world.client.order(world.name()).status_code == 201
            assert time.monotonic() - from_s < 8 and not all(one.done() for one in sent)
            world.reset()
            for one in sent:
                assert one.result().status_code == 200
        for order in orders:
            world.certificate(order.headers["Location"])
    finally:
        world.close()


def test_a_stop_waits_for_no_log(world):
    """H-14: a stop in the middle of a question ends soon, nothing is held against the logs, and what was asked for is done after the start"""
    for log in world.logs[:3]:
        log.mode = "slow"
    name = world.name()
    order = world.ready(name)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(world.client.post, order.json()["finalize"], {"csr": raw.b64(raw.csr([name])[0])})
        wait_seen(world.logs[0], "/ct/v1/add-pre-chain", 1)
        pid, from_s = world.ca.pid("cairn-ra"), time.monotonic()
        os.kill(pid, signal.SIGTERM)
        while os.path.exists(f"/proc/{pid}"):
            assert time.monotonic() - from_s < 30
            time.sleep(0.05)
        stopped_s = time.monotonic() - from_s
        world.reset()
        assert sent.result().status_code == 200
    world.check(world.certificate(order.headers["Location"]))
    assert stopped_s < 3.5, stopped_s  # ct.timeout_ms is 4000
    assert world.sql("SELECT p.tries FROM ca.precertificate p JOIN ca.certificate c ON c.id = p.certificate_id "
                     f"WHERE c.names = '{{{name}}}'") == [["0"]]
