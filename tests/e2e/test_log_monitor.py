"""Transparency logs are held to what they promised (H-17, ra/monitor.c): logs of our own with real trees, which leave out, fork, hide and forge."""
import datetime
import itertools
import time

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

import ct_log
import ct_world
import test_log_queue


def until(world, text):
    return test_log_queue.until(world, text, every=0.05)


def settle(world):
    """Nobody shows the logs anything now."""
    world.sql("UPDATE ca.precertificate SET asked_until = now() WHERE logged_at IS NULL AND asked_by IS NULL RETURNING 1")
    until(world, "SELECT 1 FROM ca.logs_state() WHERE unlogged = 0")


def look(world, log):
    """The row of the log after a whole turn that begins now."""
    where = f"WHERE log_id = '\\x{log.id.hex()}'"
    until(world, f"SELECT 1 FROM ca.monitored_log {where}")
    until(world, f"UPDATE ca.monitored_log SET due_at = now() - interval '1 s' {where} AND holder IS NULL RETURNING 1")
    until(world, f"SELECT 1 FROM ca.monitored_log {where} AND holder IS NULL AND due_at > now()")
    return world.sql(f"SELECT coalesce(fault, ''), size, read_size FROM ca.monitored_log {where}")[0]


def read(world, log):
    """Until all that the log has is verified."""
    end = time.monotonic() + 60
    while True:
        found = look(world, log)
        if found == ["", str(len(log.tree.entries)), str(len(log.tree.entries))]:
            return
        assert time.monotonic() < end, found


def later(world, log):
    """An hour has gone by since it was asked first."""
    world.sql(f"UPDATE ca.monitored_log SET doubt_at = doubt_at - interval '61 min' WHERE log_id = '\\x{log.id.hex()}' RETURNING 1")
    world.sql("UPDATE ca.sct SET asked_at = asked_at - interval '61 min', refused_at = refused_at - interval '61 min' "
              f"WHERE log_id = '\\x{log.id.hex()}' AND asked_at IS NOT NULL RETURNING 1")


def events(world, kind, log):
    return world.sql(f"SELECT facts->>'why' FROM log.event WHERE kind = '{kind}' AND facts->>'log_id' = '{log.id.hex()}' ORDER BY id")


def alarms(world, metric, value, text):
    """The metric gets there, and the doctor says so."""
    end = time.monotonic() + 60
    while f"\ncairn_{metric} {value}\n" not in requests.get(f"http://{world.ca.metrics_address('cairn-ra')}/metrics", timeout=60).text:
        assert time.monotonic() < end
        time.sleep(0.2)
    files = [word for file in world.ca.CONFIG_FILES.split() for word in ("--config", file)]
    told = world.ca.cairn("doctor", *files, check=False).stdout
    assert (text in told) == (value > 0), told


def only(world, i):
    """Certificates of now have SCTs of log 0 and log i."""
    for k in (1, 2):
        if k != i:
            world.logs[k].refuses = "/ct/v1/add-pre-chain"


def scts(world, leaf):
    return world.sql("SELECT encode(s.log_id, 'hex'), s.entry_index, s.merged_at IS NOT NULL, s.missing_at IS NOT NULL FROM ca.sct s JOIN ca.serial n USING (certificate_id) "
                     f"WHERE n.serial = '\\x{leaf.serial_number:036x}'")


@pytest.mark.parametrize("other", (1, 2))
def test_what_was_promised_is_there(world, other):
    """H-17, H-2: the entry of each SCT is found where it is, in a tree whose root is that of its entries"""
    only(world, other)
    chain, logs = world.issue()
    for log in logs:
        read(world, log)
    leaf = chain[0]
    assert {log.id.hex() for log in logs} == {row[0] for row in scts(world, leaf)} == {world.logs[0].id.hex(), world.logs[other].id.hex()}
    for log_id, index, merged, missing in scts(world, leaf):
        log = next(log for log in logs if log.id.hex() == log_id)
        entry = ct_log.precertificate_entry(ct_log.without(leaf.tbs_certificate_bytes, ct_log.LIST_OID), chain[1])
        assert log.tree.entries[int(index)][0][12:12 + len(entry)] == entry and (merged, missing) == ("t", "f")


@pytest.mark.parametrize("other", (1, 2))
def test_a_promise_is_broken(world, other):
    """H-17: an entry that is not there when it is due is an event of its certificate, once, a metric and a problem of the doctor; one that comes late ends the alarm"""
    only(world, other)
    log = world.logs[other]
    log.merges = False
    chain, _ = world.issue()
    log.merges = True
    world.issue()  # the tree grows without it
    read(world, log)
    found = f"SELECT certificate_id FROM ca.serial WHERE serial = '\\x{chain[0].serial_number:036x}'"
    told = f"SELECT facts->>'log' FROM log.event WHERE kind = 'sct.missing' AND certificate_id = ({found})"
    assert not world.sql(told)  # a day is not over
    world.sql(f"UPDATE ca.sct SET given_at = given_at - interval '25 h' WHERE certificate_id = ({found}) RETURNING 1")
    for _ in range(3):  # it is asked several times, over an hour: one of its servers may be behind
        look(world, log)
        later(world, log)
    assert not world.sql(told)
    look(world, log)
    look(world, log)
    assert world.sql(told) == [[log.name]]
    assert [row[3] for row in scts(world, chain[0]) if row[0] == log.id.hex()] == ["t"]
    if other == 2:
        alarms(world, "log_scts_missing", 1, "has not what it promised")
    titles = [row[0] for row in world.sql(f"SELECT title FROM audit.why('\\x{chain[0].serial_number:036x}') WHERE section = 'issuance'")]
    assert "A transparency log has not what it promised" in titles
    leaf = next(one for one in log.given if one[0] == 1 and ct_log.without(chain[0].tbs_certificate_bytes, ct_log.LIST_OID) in one[1])
    sct = log.given[leaf]
    log.merge(ct_log.signed(1, sct["timestamp"], leaf[1], ct_log.base64.b64decode(sct["extensions"])))
    read(world, log)
    if other == 2:
        alarms(world, "log_scts_missing", 0, "has not what it promised")


@pytest.mark.parametrize("other", (1, 2))
def test_what_was_read_before_is_proved(world, other):
    """H-17: of an SCT whose entry was passed over the log is asked for a proof, when it is due"""
    only(world, other)
    chain, logs = world.issue()
    log = world.logs[other]
    read(world, log)
    found = f"certificate_id = (SELECT certificate_id FROM ca.serial WHERE serial = '\\x{chain[0].serial_number:036x}') AND log_id = '\\x{log.id.hex()}'"
    at = world.sql(f"SELECT entry_index FROM ca.sct WHERE {found}")
    world.sql(f"UPDATE ca.sct SET merged_at = NULL, entry_index = NULL, given_at = given_at - interval '25 h' WHERE {found} RETURNING 1")
    look(world, log)
    assert world.sql(f"SELECT entry_index FROM ca.sct WHERE {found} AND merged_at IS NOT NULL AND missing_at IS NULL") == at


def test_a_proof_that_comes_late(world):
    """H-17: one server of a log may be behind another: what it did not prove once is asked for again, and the alarm ends"""
    only(world, 1)
    chain, _ = world.issue()
    log = world.logs[0]
    read(world, log)
    found = f"certificate_id = (SELECT certificate_id FROM ca.serial WHERE serial = '\\x{chain[0].serial_number:036x}') AND log_id = '\\x{log.id.hex()}'"
    world.sql(f"UPDATE ca.sct SET merged_at = NULL, given_at = given_at - interval '25 h' WHERE {found} RETURNING 1")
    log.tree.proves = False
    try:
        for _ in range(6):
            look(world, log)
            world.sql(f"UPDATE ca.sct SET asked_at = asked_at - interval '6 min' WHERE {found} RETURNING 1")
        assert world.sql(f"SELECT refusals >= 4, missing_at IS NULL FROM ca.sct WHERE {found}") == [["t", "t"]]  # within seconds
        later(world, log)
        look(world, log)
    finally:
        log.tree.proves = True
    assert world.sql(f"SELECT merged_at IS NULL, missing_at IS NOT NULL FROM ca.sct WHERE {found}") == [["t", "t"]]
    later(world, log)
    look(world, log)
    assert world.sql(f"SELECT merged_at IS NOT NULL FROM ca.sct WHERE {found}") == [["t"]] and world.sql("SELECT missing FROM ca.monitor_state()") == [["0"]]


NUMBERS = itertools.count(1)


def grow(log):
    log.merge(ct_log.signed(0, next(NUMBERS), b"\x00\x00\x04junk"))


def fork(log):
    """Other octets in the first entry, and one more behind."""
    log.tree.entries[0] = (log.tree.entries[0][0][:-3] + b"\x07\x00\x00", log.tree.entries[0][1])
    grow(log)


def change(log):
    log.tree.entries[0] = (log.tree.entries[0][0][:-3] + b"\x07\x00\x00", log.tree.entries[0][1])


def shrink(log):
    log.tree.entries.pop()


def of_the_future(log):
    log.shift_ms = 3600_000


def asleep(log):
    log.shift_ms = -3 * 86400_000


def forge(log):
    log.key = ec.generate_private_key(ec.SECP256R1())


UNSIGNED = (fork, forge)  # nothing of what they show is under a signature of the log
LIES = {fork: "The root that it signed is not that of its entries: it has shown different trees", change: "It has signed two trees of one size",
        shrink: "Its tree has become smaller", of_the_future: "The head of its tree is of the future", asleep: "It has not signed its tree for longer than it may",
        forge: "The head of its tree is not signed by the log"}


@pytest.mark.parametrize("lie, i", [(lie, 0) for lie in LIES] + [(fork, 2), (forge, 2)])
def test_a_log_lies(world, lie, i):
    """H-17: forks, changed and lost entries, and heads that can't be, are events with what the log signed, a metric and a problem of the doctor; orders go on"""
    log = world.logs[i]
    settle(world)
    grow(log)
    read(world, log)
    kept, key, before, sound = list(log.tree.entries), log.key, len(events(world, "log.fault", log)), len(events(world, "log.sound", log))
    lie(log)
    if lie in UNSIGNED:  # something in between may have done that: it is read several times over an hour
        for _ in range(3):
            look(world, log)
            later(world, log)
        assert len(events(world, "log.fault", log)) == before
    look(world, log)
    look(world, log)
    assert events(world, "log.fault", log)[before:] == [[LIES[lie]]]  # once
    facts = world.sql(f"SELECT facts->>'head', facts->>'log' FROM log.event WHERE kind = 'log.fault' AND facts->>'log_id' = '{log.id.hex()}' ORDER BY id DESC LIMIT 1")[0]
    assert facts[1] == log.name and (lie is forge or facts[0])
    if lie is fork and i == 0:
        alarms(world, "log_faults", 1, "at fault")
    log.key = key
    world.issue()
    log.tree.entries[:len(kept)] = kept
    log.shift_ms = 0
    read(world, log)
    assert len(events(world, "log.sound", log)) == sound + 1
    if lie is fork and i == 0:
        alarms(world, "log_faults", 0, "at fault")


@pytest.mark.parametrize("i", (0, 2))
@pytest.mark.parametrize("lie, told", ((change, "It has signed two trees of one size"), (shrink, "Its tree has become smaller")))
def test_a_log_lies_while_it_is_read(world, i, lie, told):
    """H-17: a head is held against the one whose entries are being read, too"""
    log = world.logs[i]
    settle(world)
    read(world, log)
    for _ in range(2):
        grow(log)
    log.refuses = "/ct/v1/get-entries" if i == 0 else f"/tile/data/000.p/{len(log.tree.entries)}"
    look(world, log)  # which aims, and can't read
    kept, before = list(log.tree.entries), len(events(world, "log.fault", log))
    lie(log)
    look(world, log)
    assert events(world, "log.fault", log)[before:] == [[told]]
    log.tree.entries[:], log.refuses = kept, None
    read(world, log)


def test_a_tree_of_the_same_time_is_smaller(world):
    """H-17: a log that signs a smaller tree at the time of a larger one is at fault"""
    log = world.logs[0]
    settle(world)
    grow(log)
    log.stands_ms = int(time.time() * 1000)
    read(world, log)
    before = len(events(world, "log.fault", log))
    gone = log.tree.entries.pop()
    look(world, log)
    assert events(world, "log.fault", log)[before:] == [["Its tree has become smaller"]]
    log.tree.entries.append(gone)
    log.stands_ms = None
    read(world, log)


@pytest.mark.parametrize("i, babbles", ((0, "get-sth"), (0, "get-proof-by-hash"), (2, "tile/")))
def test_something_in_between_answers(world, i, babbles):
    """H-17: a page of a network in between is nothing that the log signed: it is no fault before an hour of that, and no certificate is missing by it"""
    only(world, 2)
    log = world.logs[i]
    chain, _ = world.issue()
    settle(world)
    read(world, log)
    before = len(events(world, "log.fault", log))
    found = f"certificate_id = (SELECT certificate_id FROM ca.serial WHERE serial = '\\x{chain[0].serial_number:036x}') AND log_id = '\\x{log.id.hex()}'"
    world.sql(f"UPDATE ca.sct SET merged_at = NULL, given_at = given_at - interval '25 h' WHERE {found} RETURNING 1")
    if babbles != "get-proof-by-hash":
        grow(log)
    log.babbles = babbles
    for _ in range(3):
        assert look(world, log)[0] == ""
        later(world, log)
    assert world.sql(f"SELECT refusals, missing_at IS NULL FROM ca.sct WHERE {found}") == [["0", "t"]]
    assert look(world, log)[0] != "" and len(events(world, "log.fault", log)) == before + 1
    log.babbles = None
    later(world, log)
    read(world, log)
    assert world.sql(f"SELECT merged_at IS NOT NULL FROM ca.sct WHERE {found}") == [["t"]]


def test_a_log_that_left_the_list(world):
    """H-17: what was wrong with a log that is none of the list any more is no alarm, and is one again when it comes back"""
    log = ct_log.Log("Six", "Six A")
    kept = world.logs
    world.logs = [*kept, log]
    state = "SELECT 1 FROM ca.monitor_state() WHERE faults = "
    try:
        grow(log)
        world.write()
        read(world, log)
        shrink(log)
        look(world, log)
        until(world, state + "1")
        world.logs = kept
        world.write()
        until(world, state + "0")
        world.logs = [*kept, log]
        world.write()
        until(world, state + "1")
    finally:
        world.logs = kept
        world.write()
        log.close()
        world.sql(f"DELETE FROM ca.monitored_log WHERE log_id = '\\x{log.id.hex()}' RETURNING 1")


def test_many_are_due(world):
    """H-17: what a log does not prove does not stand in the way of what is due after it"""
    only(world, 1)
    log = world.logs[0]
    serials = [f"'\\x{world.issue()[0][0].serial_number:036x}'" for _ in range(3)]
    read(world, log)
    rows = f"certificate_id IN (SELECT certificate_id FROM ca.serial WHERE serial IN ({', '.join(serials)})) AND log_id = '\\x{log.id.hex()}'"
    first = f"certificate_id = (SELECT certificate_id FROM ca.serial WHERE serial = {serials[0]})"
    assert len(world.sql(f"UPDATE ca.sct SET merged_at = NULL, given_at = given_at - interval '30 h', asked_at = CASE WHEN {first} THEN NULL ELSE now() - interval '1 h' END "
                         f"WHERE {rows} RETURNING 1")) == 3
    due = f"SELECT again, certificate_id IN (SELECT certificate_id FROM ca.serial WHERE serial = {serials[0]}) FROM ca.scts_due('\\x{log.id.hex()}', now() - interval '24 h', 1, %d, 300)"
    assert world.sql(due % 9)[:1] == world.sql(due % 0) == [["f", "t"]] and [row[0] for row in world.sql(due % 2)] == ["f", "t", "t"]
    look(world, log)
    assert not world.sql(f"SELECT 1 FROM ca.sct WHERE {rows} AND merged_at IS NULL")


@pytest.mark.parametrize("refuses", ("/ct/v1/get-sth", "/ct/v1/get-entries"))
def test_a_log_is_silent(world, refuses):
    """H-17: a log that can't be read is tried again, and is at fault after a day, also when it goes on showing heads"""
    log = world.logs[1]
    read(world, log)
    grow(log)
    log.refuses = refuses
    assert look(world, log)[0] == ""
    world.sql(f"UPDATE ca.monitored_log SET seen_at = seen_at - interval '25 h' WHERE log_id = '\\x{log.id.hex()}' RETURNING 1")
    assert look(world, log)[0] == "Its entries could not be read for a day"
    log.refuses = None
    read(world, log)


def certificate(issuer, key):
    """By that key, under the name of that issuer."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return (x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(issuer.subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=9)).sign(key, SHA256()))


def precertificate(world, issuer, serial, key=None):
    """One by the key of that issuer, or another: its octets, and those of its entry."""
    if key is None:
        for name in ("ecdsa-1", "rsa-1"):
            with open(f"{world.ca.state}/pki/{name}.key", "rb") as f:
                one = load_pem_private_key(f.read(), None)
            key = one if one.public_key().public_numbers() == issuer.public_key().public_numbers() else key
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(issuer.subject).public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
            .serial_number(serial).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=9))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("strange.test")]), critical=False).add_extension(x509.PrecertPoison(), critical=True).sign(key, SHA256()))
    return made.public_bytes(Encoding.DER), ct_log.without(made.tbs_certificate_bytes, ct_log.POISON_OID)


@pytest.mark.parametrize("i", (0, 2))
def test_a_stranger_under_our_key(world, i):
    """H-17: a certificate under a key of ours that is not ours is an incident: an event, once, with the entry on record, a metric and a problem of the doctor"""
    chain, _ = world.issue()
    log, issuer, leaf = world.logs[i], chain[1], chain[0]
    read(world, log)
    kind = f"SELECT facts->>'serial', facts->>'index' FROM log.event WHERE kind = 'certificate.foreign' AND facts->>'log_id' = '{log.id.hex()}'"
    assert not world.sql(kind)
    # one of another authority that has the same name is nobody's business
    other = certificate(issuer, ec.generate_private_key(ec.SECP256R1()))
    octets = other.public_bytes(Encoding.DER)
    log.merge(ct_log.signed(0, 1, len(octets).to_bytes(3, "big") + octets))
    read(world, log)
    assert not world.sql(kind)
    # a serial that we never gave, and one of ours with other octets
    shown = [precertificate(world, issuer, serial) for serial in (leaf.serial_number ^ 1, leaf.serial_number)]
    unknown = shown[0][0]
    before = int(world.sql("SELECT count(*) FROM ca.foreign_certificate")[0][0])
    settle(world)
    for octets, tbs in shown:
        log.merge(ct_log.signed(1, 1, ct_log.precertificate_entry(tbs, issuer)), octets)
    at = len(log.tree.entries) - 2
    read(world, log)
    assert world.sql(kind + " ORDER BY (facts->>'index')::int") == [[f"{leaf.serial_number ^ 1:036x}", str(at)], [f"{leaf.serial_number:036x}", str(at + 1)]]
    assert bytes.fromhex(world.sql(f"SELECT encode(entry, 'hex') FROM ca.foreign_certificate WHERE entry_index = {at} AND log_id = '\\x{log.id.hex()}'")[0][0]) == unknown
    alarms(world, "log_foreign_certificates", before + 2, "that it has not issued")
    log.merge(ct_log.signed(1, 2, ct_log.precertificate_entry(shown[0][1], issuer)), unknown)
    read(world, log)
    assert len(world.sql(kind)) == 2


def malleated(octets):
    """The same certificate with the other signature that holds (ECDSA)."""
    parts = [whole for _, _, whole in ct_log.elements(next(ct_log.elements(octets))[1])]
    r, s = utils.decode_dss_signature(x509.load_der_x509_certificate(octets).signature)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
    return ct_log.der(0x30, parts[0] + parts[1] + ct_log.der(3, b"\0" + utils.encode_dss_signature(r, order - s)))


@pytest.mark.parametrize("i", (0, 2))
def test_nobody_can_make_a_stranger(world, i):
    """H-17: only what a key of ours signed is an incident; other entries that are said to be under it are counted"""
    chain, _ = world.issue()
    log, issuer, leaf = world.logs[i], chain[1], chain[0]
    settle(world)
    read(world, log)
    before = world.sql("SELECT strangers, unproved FROM ca.monitor_state()")[0]
    ours = world.promise(leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)[0]).public_bytes(Encoding.DER)
    other, tbs = precertificate(world, issuer, leaf.serial_number, ec.generate_private_key(ec.SECP256R1()))
    for octets in (b"", b"any", other, ours, malleated(ours), malleated(leaf.public_bytes(Encoding.DER))):
        log.merge(ct_log.signed(1, 1, ct_log.precertificate_entry(tbs, issuer)), octets)
    log.merge(ct_log.signed(1, 1, ct_log.precertificate_entry(b"\x30\x00", issuer)), ours)
    octets = malleated(leaf.public_bytes(Encoding.DER))
    other = x509.load_der_x509_certificate(octets)
    issuer.public_key().verify(other.signature, other.tbs_certificate_bytes, ec.ECDSA(other.signature_hash_algorithm))
    log.merge(ct_log.signed(0, 1, len(octets).to_bytes(3, "big") + octets))
    read(world, log)
    assert world.sql("SELECT strangers, unproved FROM ca.monitor_state()")[0] == [before[0], str(int(before[1]) + 7)]


def test_strangers_without_end(world):
    """H-17: a thousand foreign certificates are kept, more are counted"""
    log = world.logs[0]
    until(world, f"SELECT 1 FROM ca.monitored_log WHERE log_id = '\\x{log.id.hex()}'")
    before = world.sql("SELECT strangers, (SELECT count(*) FROM ca.foreign_certificate) FROM ca.monitor_state()")[0]
    world.sql("INSERT INTO ca.foreign_certificate SELECT sha256(i::text::bytea), '\\x00', i, 'flood', '\\x01', '\\x02', now() "
              f"FROM generate_series(1, 1000 - {before[1]}) i RETURNING 1")
    try:
        for n in (b"one", b"two"):
            assert world.sql(f"SELECT ca.note_foreign('\\x{log.id.hex()}', 1, 'flood', '\\x01', '\\x{n.hex()}', true, 'a test')") == [["f"]]
        assert world.sql("SELECT strangers, (SELECT count(*) FROM ca.foreign_certificate) FROM ca.monitor_state()") == [["1002", "1000"]]
    finally:
        world.sql("DELETE FROM ca.foreign_certificate WHERE issuer = 'flood' RETURNING 1")
        world.sql("UPDATE ca.monitored_log SET strangers_more = 0 RETURNING 1")


@pytest.mark.parametrize("tiled", (False, True))
def test_a_log_that_is_large_already(world, tiled):
    """H-17: such a tree is read from its end on, by a proof of what stands before, in parts; what comes is found, and a fork too"""
    log = ct_log.Log("Five", "Five A", tiled=tiled)
    for _ in range(4500):
        grow(log)
    kept = world.logs
    world.logs = [*kept, log]
    try:
        world.write()
        until(world, f"SELECT 1 FROM ca.monitored_log WHERE log_id = '\\x{log.id.hex()}' AND size = 4500")
        asked = [path for path in log.reads if "get-entries" in path or "tile/data" in path]
        assert len(asked) == 1
        for _ in range(5000):
            grow(log)
        read(world, log)
        log.tree.entries[4600] = log.tree.entries[0]
        fork(log)
        for _ in range(4):
            look(world, log)
            later(world, log)
        assert events(world, "log.fault", log) == [[LIES[fork]]]
    finally:
        world.logs = kept
        world.write()
        log.close()
        world.sql(f"DELETE FROM ca.monitored_log WHERE log_id = '\\x{log.id.hex()}' RETURNING 1")


def test_off(make_ca):
    """H-17: with ct.monitor off no log is read"""
    world = ct_world.World(make_ca, monitor=False)
    try:
        world.issue()
        time.sleep(1.5)
        assert not any(log.reads for log in world.logs) and not world.sql("SELECT 1 FROM ca.monitored_log") and not world.sql("SELECT 1 FROM ca.sct")
    finally:
        world.close()
