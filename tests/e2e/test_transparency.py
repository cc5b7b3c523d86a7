"""Certificate Transparency (standards H, D-52..D-57) against logs of our own that really sign (ct_log.py)."""
import base64
import concurrent.futures
import datetime
import json
import os
import signal
import struct
import time
import uuid

import psycopg2
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificate, ocsp

import ct_log
import ct_world
import raw
import relying_party
import test_ocsp
import test_rpc
from test_sealing import until_sealed


def test_certificates_have_scts(world):
    """H-1, H-2, H-3, H-4, H-5, H-6, H-7, H-9, H-10, D-52: two good SCTs, of two operators, and the certificate is logged too (H-13)"""
    chain, logs = world.issue()
    assert len(logs) == 2 and not world.logs[3].seen  # that shard is for another year
    for log_id, leaf, _ in ct_log.scts(chain[0], chain[1]):  # what follows from the certificate alone is the hash of an entry of that log (H-2)
        assert [ct_log.leaf_hash(leaf) in log.tree.hashes() for log in world.logs if log.id == log_id] == [True]
    serial = format(chain[0].serial_number, "x")
    end = time.monotonic() + 60
    while not any(path == "/ct/v1/add-chain" for log in world.logs for path in log.paths()):
        assert time.monotonic() < end
        time.sleep(0.2)
    whole = [one for log in world.logs for path, one in log.seen if path == "/ct/v1/add-chain"]
    assert load_der_x509_certificate(whole[0][0]) == chain[0]
    # H-18: what each log said is on record
    while not world.sql(f"SELECT 1 FROM log.event e JOIN ca.serial s USING (certificate_id) WHERE s.serial = '\\x{serial.zfill(36)}' AND e.kind = 'certificate.logged'"):
        assert time.monotonic() < end
        time.sleep(0.2)
    kinds = [row[0] for row in world.sql("SELECT e.kind FROM log.event e JOIN ca.serial s USING (certificate_id) WHERE s.serial = "
                                         f"'\\x{serial.zfill(36)}' ORDER BY e.happened_at")]
    assert kinds == ["precertificate.signed", "certificate.promised", "certificate.issued", "certificate.logged"]
    told = world.show(serial.zfill(36))
    for log in logs:
        assert f"log {log.id.hex()} ({log.name}, of {log.operator}) on " in told
    assert told.count(": its signature holds\n") == 2 and "logged       2" in told
    shown = json.loads(world.show(serial.zfill(36), "--json"))
    assert {one["log"] for one in shown["scts"]} == {log.name for log in logs} and shown["precertificate_sha256"] and shown["logged_at"]


def test_the_shown_scts_are_judged(world):
    """H-3: what is in a certificate is verified by whoever looks at it; without the list, or where the log is not in it, that is said"""
    chain, _ = world.issue()
    serial = format(chain[0].serial_number, "x").zfill(36)
    other = os.path.join(world.folder, "of others")
    overlay = os.path.join(world.folder, "overlay.yaml")
    found = f"WHERE serial = '\\x{serial}'"
    kept = world.sql(f"SELECT issuer FROM ca.certificate {found}")[0][0]
    with open(other, "w", encoding="ascii") as f:
        f.write(ct_log.log_list(world.logs[3:]))
    with open(overlay, "w", encoding="ascii") as f:
        json.dump({"ct": {"log_list_file": other}}, f)
    told = world.show(serial, "--config", overlay)
    assert told.count("(not in the list) on ") == 2 and told.count(": not verified, as its log is not in the list\n") == 2
    os.remove(other)
    assert world.show(serial, "--config", overlay).count(": not verified, as ") == 2
    # by another issuer's key none of them holds
    before = world.sql(f"SELECT encode(certificate, 'hex') FROM ca.issuer WHERE name = '{kept}'")[0][0]
    with open(world.ca.ROOT_FILE, "rb") as f:
        root = load_pem_x509_certificate(f.read()).public_bytes(serialization.Encoding.DER).hex()
    world.sql(f"UPDATE ca.issuer SET certificate = '\\x{root}' WHERE name = '{kept}' RETURNING 1")
    try:
        assert world.show(serial).count(": ITS SIGNATURE DOES NOT HOLD\n") == 2
    finally:
        world.sql(f"UPDATE ca.issuer SET certificate = '\\x{before}' WHERE name = '{kept}' RETURNING 1")


@pytest.mark.parametrize("mode", ("bad-signature", "wrong-id", "future", "past", "wrong-entry", "altered-extensions", "garbage", "huge", "500", "busy",
                                  "dead", "slow", "elsewhere", "no-base64", "far-past", "cut", "drip"))
def test_one_log_is_wrong(world, mode):
    """H-3, H-11: another log takes its place, and what it said is in no certificate"""
    world.logs[1].mode, wrong = mode, []
    for _ in range(2):
        chain, logs = world.issue()
        assert world.logs[1] not in logs
        if world.logs[1].seen:
            wrong.append(world.sql("SELECT s->>'outcome' FROM log.event e JOIN ca.serial n USING (certificate_id) CROSS JOIN jsonb_array_elements(e.facts->'submissions') s "
                                   f"WHERE n.serial = '\\x{chain[0].serial_number:036x}' AND e.kind = 'certificate.promised' AND s->>'log' = 'Two A'"))
    assert not world.logs[1].seen or [["sct"]] not in wrong and any(wrong)
    alarm = world.sql("SELECT detail FROM cairn.alarm WHERE kind = 'sct-refused' AND subject = 'Two A'")
    if mode in ("bad-signature", "wrong-id", "wrong-entry", "altered-extensions") and any(wrong):
        assert len(alarm) == 1 and alarm[0][0].startswith("What it answered is no SCT for what it was shown: "), alarm


def test_three_logs_are_wrong_at_once(world):
    """H-11: one is slow, one fails and one has too much to do; two others, of whom each certificate has its SCTs, make up for them in time"""
    more, before = [ct_log.Log("Four", "Four A"), ct_log.Log("Five", "Five A")], world.logs
    world.logs = [*before, *more]
    try:
        for log, mode in zip(before, ("slow", "500", "busy")):
            log.mode = mode
        world.write()
        time.sleep(5)
        for _ in range(3):
            asked_at = time.monotonic()
            _, logs = world.issue()
            assert set(logs) == set(more) and time.monotonic() - asked_at < 15
        assert all(log.seen for log in before[:3])
    finally:
        world.logs = before
        world.write()
        for log in more:
            log.close()


def test_an_old_server(world):
    """H-1: a log that speaks HTTP/1.0 is a log"""
    for log in world.logs:
        log.mode = "http-1.0"
    _, logs = world.issue()
    assert len(logs) == 2


@pytest.mark.parametrize("wrong", ("another authority", "another address"))
def test_the_server_of_a_log_is_verified(world, wrong):
    """H-3: who answers by HTTPS with a certificate that ct.ca_file does not bear out, or for another address, is shown nothing"""
    other = ct_log.Log("Four", "Four A", certificate=ct_world.certificate_for(world.folder, "other", "127.0.0.1") if wrong == "another authority" else world.elsewhere)
    before = world.logs
    world.logs = [*before, other]
    try:
        world.logs[1].mode = world.logs[2].mode = "dead"
        world.write()
        time.sleep(5)
        url, answer = world.finalize()
        assert answer.json()["status"] == "processing" and not other.seen
        world.logs[1].mode = "good"
        world.check(world.certificate(url))
        assert not other.seen and world.logs[1].seen
    finally:
        world.logs = before
        world.write()
        other.close()


def test_too_few_logs(world):
    """D-57, H-12: no certificate with one operator; when the others are back the order is completed, with the same precertificate"""
    world.logs[1].mode = world.logs[2].mode = "dead"
    name = world.name()
    url, answer = world.finalize(name)
    assert answer.status_code == 200 and answer.json()["status"] == "processing", answer.text
    assert world.sql(f"SELECT 1 FROM ca.certificate WHERE names = '{{{name}}}' AND der IS NULL AND lease_holder = 'logs'")
    serial = format(world.promise(name).serial_number, "x").zfill(36)
    told = world.show(serial)
    assert "SHA-256      the precertificate is signed, and waits for its certificate\npromised by  precertificate, SHA-256 " in told
    assert "status       signing" in told
    assert "There is a precertificate, but the certificate is not signed" in world.ca.cairn("cert", "export", serial, "--config", f"{world.ca.state}/cairn.yaml", check=False).stderr
    world.logs[1].mode = "good"
    world.check(world.certificate(url))
    assert world.sql("SELECT 1 FROM log.event WHERE kind = 'certificate.unlogged' AND facts->'submissions' @> '[{\"outcome\": \"sct\"}]'")


def sct_list(*answers):
    """The octets that stand in a certificate, of what logs answered (ct_log.Log.sct)."""
    whole = b""
    for one in answers:
        extensions = base64.b64decode(one["extensions"])
        sct = struct.pack(">B32sQH", one["sct_version"], base64.b64decode(one["id"]), one["timestamp"], len(extensions)) + extensions + base64.b64decode(one["signature"])
        whole += struct.pack(">H", len(sct)) + sct
    return struct.pack(">H", len(whole)) + whole


def test_the_ca_looks_at_scts_itself(world):
    """H-3, H-10, H-12, D-56, D-57: whatever a registration authority says that is not what it should be, nothing is signed but what logs promised"""
    one, two, three, past = world.logs
    one.mode = two.mode = three.mode = "dead"
    orders = {name: world.finalize(name)[0] for name in (world.name(), world.name())}
    (name, url), other = list(orders.items())[0], world.promise(list(orders)[1])
    promise = world.promise(name)
    with open(world.ca.ROOT_FILE, "rb") as f:
        root = load_pem_x509_certificate(f.read())
    issuer = next(cert for cert in (load_der_x509_certificate(bytes.fromhex(row[0])) for row in world.sql("SELECT encode(certificate, 'hex') FROM ca.issuer"))
                  if cert.subject == promise.issuer)
    entry = ct_log.precertificate_entry(ct_log.without(promise.tbs_certificate_bytes, ct_log.POISON_OID), issuer)
    good = {log.name: log.sct(entry, 1) for log in world.logs}
    stranger = ct_log.Log("Nine", "Nine A")

    def embed(certificate, octets):
        found = world.sql(f"SELECT p.certificate_id FROM ca.precertificate p WHERE p.der = '\\x{certificate.public_bytes(serialization.Encoding.DER).hex()}'")
        body = {"certificate_id": raw.b64(uuid.UUID(found[0][0]).bytes), "submissions": [], "sct_list": raw.b64(octets),
                "precertificate": raw.b64(promise.public_bytes(serialization.Encoding.DER))}
        return test_rpc.call(world.ca, "cairn-ca", "EmbedScts", "cairn-ra", json.dumps(body))

    def unsigned():
        return world.sql(f"SELECT count(*) FROM ca.certificate c JOIN ca.precertificate p ON p.certificate_id = c.id WHERE c.names && '{{{','.join(orders)}}}' "
                         "AND c.der IS NULL AND p.sct_list IS NULL") == [["2"]]

    wrong = {"none": sct_list(), "no list": b"", "one": sct_list(good["One A"]), "one twice": sct_list(good["One A"], good["One A"]),
             "another shard": sct_list(good["Two A"], good["One past"]), "tiles alone": sct_list(good["Three A"]),
             "another log's": sct_list(good["One A"], stranger.sct(entry, 1)), "no log's": sct_list(good["One A"], {**good["Two A"], "id": ct_log.b64(bytes(32))}),
             "of another time": sct_list(good["One A"], {**good["Two A"], "timestamp": good["Two A"]["timestamp"] + 1}),
             "of the future": sct_list(good["One A"], two.sct(entry, 1, shift_ms=3600_000)), "of long ago": sct_list(good["One A"], two.sct(entry, 1, shift_ms=-3 * 86400_000)),
             "of a certificate": sct_list(good["One A"], two.sct(entry, 0)),
             "of another issuer": sct_list(good["One A"], two.sct(ct_log.precertificate_entry(ct_log.without(promise.tbs_certificate_bytes, ct_log.POISON_OID), root), 1)),
             "of another certificate": sct_list(good["One A"], two.sct(ct_log.precertificate_entry(ct_log.without(other.tbs_certificate_bytes, ct_log.POISON_OID), issuer), 1)),
             "with more": sct_list(good["One A"], good["Two A"]) + b"\0", "cut": sct_list(good["One A"], good["Two A"])[:-1]}
    try:
        for what, octets in wrong.items():
            code, status, text = embed(promise, octets)
            assert code == 0 and status in (400, 500) and unsigned(), (what, status, text)
        code, status, text = embed(other, sct_list(good["One A"], good["Two A"]))  # it is the promise of another one
        assert code == 0 and status == 500 and unsigned(), text
        code, status, text = embed(promise, sct_list(good["One A"], good["Two A"]))
        assert code == 0 and status == 200 and not unsigned(), text
        leaf = load_der_x509_certificate(raw.unb64(json.loads(text)["certificate"]))
        assert {log.name for log in ct_log.verify(leaf, issuer, world.logs)} == {"One A", "Two A"} and world.certificate(url)[0] == leaf
    finally:
        stranger.close()


def test_a_promise_that_is_not_kept(world):
    """D-54, D-55: no second precertificate for an order; an hour without SCTs ends it, and the serial stays taken"""
    world.logs[1].mode = world.logs[2].mode = "dead"
    name = world.name()
    url, answer = world.finalize(name)
    assert answer.json()["status"] == "processing"
    world.give_up(name, url)
    assert world.sql("SELECT 1 FROM ca.precertificate p JOIN ca.certificate c ON c.id = p.certificate_id JOIN ca.serial s ON s.serial = c.serial "
                     f"WHERE c.names = '{{{name}}}' AND c.der IS NULL AND c.lease_until IS NULL")
    assert not any(path == "/ct/v1/add-chain" and name.encode() in one[0] for log in world.logs for path, one in log.seen)
    until_sealed(world.ca)
    serial = format(world.promise(name).serial_number, "x").zfill(36)
    told = json.loads(world.ca.cairn("audit", "why", serial, "--database", world.ca.AUDITOR_DATABASE_URL, "--json").stdout)  # F-56
    issuance = [c for c in told["claims"] if c["section"] == "issuance"]
    assert issuance[0]["title"] == "Its precertificate was signed" and issuance[-1]["title"] == "It was given up: no certificate left"
    assert any(line.startswith("why: ") for line in issuance[-1]["lines"]) and {c["state"] for c in issuance} == {"proved"}
    assert "state: given up" in told["claims"][0]["lines"] and told["faults"] == 0


def test_no_log_takes_it(world):
    """H-13: a day without a log is an event, once, a metric and a problem of the doctor; all is well when a log has it"""
    config = f"{world.ca.state}/cairn.yaml"
    for log in world.logs:
        log.refuses = "/ct/v1/add-chain"
    chain, _ = world.issue()
    serial = format(chain[0].serial_number, "x").zfill(36)
    found = f"(SELECT id FROM ca.certificate WHERE serial = '\\x{serial}')"
    told = f"SELECT count(*) FROM log.event WHERE kind = 'certificate.overdue' AND certificate_id = {found}"

    def later(kind):
        world.sql(f"UPDATE ca.precertificate SET asked_until = now() - interval '1 s' WHERE certificate_id = {found} AND logged_at IS NULL RETURNING 1")
        end = time.monotonic() + 60
        while not world.sql(f"SELECT 1 FROM log.event WHERE kind = '{kind}' AND certificate_id = {found}"):
            assert time.monotonic() < end
            time.sleep(0.2)

    later("certificate.unlogged")
    assert world.sql(told) == [["0"]] and "in no transparency log a day" not in world.ca.cairn("doctor", "--config", config, check=False).stdout
    world.sql(f"UPDATE ca.certificate SET signed_at = signed_at - interval '24 h' WHERE id = {found} RETURNING 1")
    world.sql(f"UPDATE ca.precertificate SET signed_at = signed_at - interval '24 h' WHERE certificate_id = {found} RETURNING 1")
    later("certificate.overdue")
    assert "1 certificate(s) are in no transparency log a day" in world.ca.cairn("doctor", "--config", config, check=False).stdout
    end = time.monotonic() + 90
    while "\ncairn_log_overdue 1\n" not in requests.get(f"http://{world.ca.metrics_address('cairn-ra')}/metrics", timeout=60).text:
        assert time.monotonic() < end
        time.sleep(1)
    for log in world.logs:
        log.refuses = None
    later("certificate.logged")
    assert world.sql(told) == [["1"]]
    titles = [row[0] for row in world.sql(f"SELECT title FROM audit.why('\\x{serial}') WHERE section = 'issuance'")]
    assert titles[-1] == "A transparency log took it" and "No transparency log had taken it for a day" in titles and "Transparency logs were asked in vain" in titles  # a day after it was signed
    assert "in no transparency log a day" not in world.ca.cairn("doctor", "--config", config, check=False).stdout


def test_logs_tell_whose_certificates_they_take(world):
    """H-1: the doctor asks for their roots, as logs are not shown ours"""
    def said():
        files = [word for path in world.ca.CONFIG_FILES.split() for word in ("--config", path)]
        return [one["text"] for one in json.loads(world.ca.cairn("doctor", *files, "--json", check=False).stdout)["findings"] if one["about"] == "logs"]

    with open(world.ca.ROOT_FILE, "rb") as f:
        root = load_pem_x509_certificate(f.read())
    stranger = load_pem_x509_certificate(open(world.elsewhere, "rb").read())
    one, two, three, past = world.logs
    der = [cert.public_bytes(serialization.Encoding.DER) for cert in (stranger, root)]
    one.roots, two.roots, three.roots, past.roots = der, der, der[1:], []
    assert "The 3 transparency logs that would be asked now take certificates of all issuers" in said()
    assert not any("get-roots" in path for path in past.reads)  # its shard is over
    two.roots = [b"\x30\x03\x02\x01\x01"] + der[:1]
    three.roots = []
    wrong = [text for text in said() if "takes no certificate" in text]
    assert len(wrong) == 4 and all(f"The log {log.name} takes no certificate of {issuer}: " in " ".join(wrong) for log in (two, three) for issuer in ("ecdsa-1", "rsa-1"))
    one.refuses, two.babbles, three.roots = "/ct/v1/get-roots", "get-roots", der
    told = [text for text in said() if "get-roots" in text]
    assert len(told) == 2 and any(text == "The log One A does not tell whose certificates it takes (get-roots): status 500" for text in told), told
    assert any(text.startswith("The log Two A does not tell whose certificates it takes (get-roots): ") for text in told)
    one.refuses = two.babbles = None


@pytest.mark.parametrize("by", ("serial", "key", "certificate", "where"))
def test_a_promise_is_revoked(world, by, tmp_path):
    """D-55, H-15: a precertificate that was given up is found by its serial, its key, its octets and a condition, and the CRL lists it"""
    world.logs[1].mode = world.logs[2].mode = "dead"
    name = world.name()
    order = world.ready(name)
    der, key = raw.csr([name])
    url = order.headers["Location"]
    assert world.client.post(order.json()["finalize"], {"csr": raw.b64(der)}).json()["status"] == "processing"
    world.give_up(name, url)
    promise = world.promise(name)
    (tmp_path / "key").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    (tmp_path / "certificate").write_bytes(promise.public_bytes(serialization.Encoding.PEM))
    what = {"serial": format(promise.serial_number, "x").zfill(36), "where": f"'{name}' = ANY (names)"}.get(by, tmp_path / by)
    world.revoke(f"--{by}", what, "--reason", "key-compromise" if by == "key" else "facts-wrong")
    end = time.monotonic() + relying_party.REVOKED_WITHIN_S
    while relying_party.crl_reason(promise) is None:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert relying_party.crl_reason(promise) == ("keyCompromise" if by == "key" else "privilegeWithdrawn")
    told = world.show(format(promise.serial_number, "x").zfill(36))
    assert "status       revoked" in told and "SHA-256      the precertificate is signed, the certificate was given up\n" in told


def test_with_ocsp(make_ca):
    """D-55, H-15: with OCSP on too, what is promised is good while it waits for SCTs and as a certificate, and revoked when it is revoked, given up or not"""
    world = ct_world.World(make_ca)
    try:
        url = test_ocsp.url_of(world.ca)
        test_ocsp.configure(world.ca, ocsp_url=url)
        chain, _ = world.issue()
        assert test_ocsp.ocsp_urls(chain[0]) == [url]
        test_ocsp.await_status(url, *chain[:2], ocsp.OCSPCertStatus.GOOD)
        name, other = world.name(), world.name()
        world.logs[1].mode = world.logs[2].mode = "dead"
        order, _ = world.finalize(name)
        given_up, _ = world.finalize(other)
        promise, lost = world.promise(name), world.promise(other)
        for one in promise, lost:
            test_ocsp.await_status(url, one, chain[1], ocsp.OCSPCertStatus.GOOD)
        world.give_up(other, given_up)
        world.logs[1].mode = world.logs[2].mode = "good"
        leaf = world.certificate(order)[0]
        assert leaf.serial_number == promise.serial_number and test_ocsp.ocsp_urls(leaf) == [url]
        test_ocsp.await_status(url, leaf, chain[1], ocsp.OCSPCertStatus.GOOD)
        for one in leaf, lost:
            world.revoke("--serial", format(one.serial_number, "x").zfill(36), "--reason", "facts-wrong")
            test_ocsp.await_status(url, one, chain[1], ocsp.OCSPCertStatus.REVOKED)
    finally:
        world.close()


def test_revoked_while_it_waits(world):
    """D-55: a precertificate that is revoked while it waits for SCTs becomes no certificate when they come"""
    world.logs[1].mode = world.logs[2].mode = "dead"
    name = world.name()
    url, answer = world.finalize(name)
    assert answer.json()["status"] == "processing"
    promise = world.promise(name)
    world.revoke("--serial", format(promise.serial_number, "x").zfill(36), "--reason", "facts-wrong")
    world.logs[1].mode = world.logs[2].mode = "good"
    order = world.client.poll(url, ("valid", "invalid")).json()
    assert order["status"] == "invalid" and "certificate" not in order
    assert world.sql(f"SELECT der IS NULL AND signed_at IS NOT NULL FROM ca.certificate WHERE names = '{{{name}}}'") == [["t"]]
    assert world.sql("SELECT e.facts->>'why' FROM log.event e JOIN ca.certificate c ON c.id = e.certificate_id WHERE e.kind = 'certificate.refused' "
                     f"AND c.names = '{{{name}}}'") == [["it was revoked while it waited for SCTs"]]
    assert relying_party.crl_reason(promise) is not None


@pytest.mark.parametrize("victim", ("cairn-ra", "cairn-ca"))
def test_killed_between_precertificate_and_scts(world, victim):
    """D-54, H-14: whoever dies, the same precertificate gets its certificate"""
    world.logs[1].mode = world.logs[2].mode = "dead"
    url, answer = world.finalize()
    assert answer.json()["status"] == "processing"
    os.kill(world.ca.pid(victim), signal.SIGKILL)
    world.logs[1].mode = world.logs[2].mode = "good"
    world.check(world.certificate(url))


def test_killed_while_logs_are_asked(world):
    """H-14: what the former run of cairn-ra was asking logs for is its next run's at once, however long the lease goes on"""
    name = world.name()
    order = world.ready(name)
    url = order.headers["Location"]
    for log in world.logs:
        log.mode = "slow"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(world.client.post, order.json()["finalize"], {"csr": raw.b64(raw.csr([name])[0])})
        end = time.monotonic() + 30
        while not any(log.seen for log in world.logs):
            assert time.monotonic() < end
            time.sleep(0.01)
        ra = world.ca.pid("cairn-ra")
        os.kill(ra, signal.SIGSTOP)
        connection = psycopg2.connect(world.ca.AUDITOR_DATABASE_URL.replace("cairn_auditor", "cairn_owner"))
        with connection, connection.cursor() as cursor:
            cursor.execute("UPDATE ca.precertificate p SET asked_until = now() + interval '1 h' FROM ca.certificate c "
                           "WHERE c.id = p.certificate_id AND c.names = %s AND p.sct_list IS NULL AND p.asked_by LIKE 'cairn-ra%%'", ([name],))
            assert cursor.rowcount == 1
        connection.close()
        os.kill(ra, signal.SIGKILL)
        for log in world.logs:
            log.mode = "good"
        sent.result()
    world.check(world.certificate(url))


def test_killed_between_scts_and_certificate(world):
    """D-54: the octets of the certificate stand and are not signed yet; its record can't be written when the CA dies"""
    name = world.name()
    order = world.ready(name)
    connection = psycopg2.connect(world.ca.AUDITOR_DATABASE_URL.replace("cairn_auditor", "cairn_owner"))
    cursor = connection.cursor()
    # The first event after which the certificate is signed is let through, the one of the certificate is not.
    cursor.execute("""CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.kind = 'certificate.issued' THEN PERFORM pg_advisory_xact_lock_shared(4711); END IF; RETURN NEW; END $$;
        CREATE TRIGGER hold BEFORE INSERT ON log.event FOR EACH ROW EXECUTE FUNCTION public.hold()""")
    connection.commit()
    cursor.execute("SELECT pg_advisory_lock(4711)")
    connection.commit()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(world.client.post, order.json()["finalize"], {"csr": raw.b64(raw.csr([name])[0])})
        end = time.monotonic() + 30
        while not world.sql(f"SELECT 1 FROM ca.precertificate p JOIN ca.certificate c ON c.id = p.certificate_id WHERE c.names = '{{{name}}}' "
                            "AND p.sct_list IS NOT NULL AND c.der IS NULL"):
            assert time.monotonic() < end
            time.sleep(0.05)
        os.kill(world.ca.pid("cairn-ca"), signal.SIGKILL)
        cursor.execute("SELECT pg_advisory_unlock(4711)")
        connection.commit()
        assert sent.result().status_code == 200
    cursor.execute("DROP TRIGGER hold ON log.event; DROP FUNCTION public.hold()")
    connection.commit()
    connection.close()
    world.check(world.certificate(order.headers["Location"]))
    assert world.sql(f"SELECT count(*) FROM log.event e JOIN ca.certificate c ON c.id = e.certificate_id WHERE c.names = '{{{name}}}' "
                     "AND e.kind IN ('precertificate.signed', 'certificate.promised', 'certificate.issued')") == [["3"]]


def test_the_list_is_read_again(world):
    """H-8: a list that is too old issues nothing, a new one is taken without a restart; one that is none leaves the old one in force"""
    world.write(age=datetime.timedelta(days=71))
    time.sleep(5)
    world.issue()  # an older one does not take the place of a newer one
    os.kill(world.ca.pid("cairn-ra"), signal.SIGKILL)
    time.sleep(5)
    url, answer = world.finalize()
    assert answer.json()["status"] == "processing", answer.text
    world.write()
    world.check(world.certificate(url))
    with open(world.file + ".new", "w", encoding="ascii") as f:
        f.write("{}")
    os.replace(world.file + ".new", world.file)
    time.sleep(5)
    world.issue()
    world.write()


def test_private_names_stay_private(world):
    """H-20: in mode private a list of logs is refused unless a second key says that names may be published"""
    overlay = os.path.join(world.folder, "overlay.yaml")
    with open(overlay, "w", encoding="ascii") as f:
        f.write(f"ct: {{log_list_file: {world.file}}}\n")
    done = world.ca.cairn("config", "check", "--config", f"{world.ca.state}/cairn.yaml", "--config", overlay, check=False)
    assert done.returncode == 1 and "shows all names to logs" in done.stderr + done.stdout


def test_records_tell_of_logs(world):
    """H-18: cairn audit why names the logs, what each said and how long it took, each claim with its proof"""
    chain, logs = world.issue()
    serial = format(chain[0].serial_number, "x").zfill(36)
    rows = world.sql(f"SELECT title, array_to_string(lines, '; ') FROM audit.why('\\x{serial}') WHERE section = 'issuance'")
    assert ["Its precertificate was signed", "Transparency logs promised to publish it"] == [row[0] for row in rows if "signed it" not in row[0]][:2]
    assert all(f"{log.name}, log id" in rows[-1][1] + rows[-2][1] and ": sct after" in rows[-1][1] + rows[-2][1] for log in logs)
