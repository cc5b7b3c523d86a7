"""Alarms (docs/alarms.md): over a mail server and a web hook, again until somebody answers, whatever one of the channels does."""
import json

import pytest
import requests

import instance
import mail_server
from test_witness import Hook, until

MAIL = "duty@ops.example"


@pytest.fixture(scope="module")
def mails(tmp_path_factory):
    one = mail_server.MailServer(tmp_path_factory.mktemp("mail"), instance.free_ports(1)[0])
    yield one
    one.close()


@pytest.fixture(scope="module")
def hook():
    one = Hook()
    yield one
    one.server.shutdown()


@pytest.fixture(scope="module")
def own(make_ca, mails, hook):
    return make_ca({"smtp": mails.config(), "subscriber": {"verify_interval_s": 1, "verify_every_s": 60}, "alarm": {"interval_s": 1, "repeat_s": 10, "channels": [
        {"name": "mail", "kind": "mail", "to": MAIL}, {"name": "pager", "kind": "hook", "to": hook.url + "?token=canary"}]}})


def configured(ca):
    return [word for path in ca.CONFIG_FILES.split() for word in ("--config", path)]


def alarm(ca, *words, code=0):
    done = ca.cairn("alarm", *words, *configured(ca), "--json", check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


def answer(ca, verdict="--false"):
    """All that are open, so that a test begins without."""
    for one in alarm(ca, "list")["alarms"]:
        alarm(ca, "acknowledge", one["id"], verdict, "--note", "a test", "--yes")


def read(mails, hook):
    mail, bodies = [], [json.loads(b) for b in hook.bodies]
    while not mails.came.empty():
        mail.append(mails.next(MAIL))
    hook.bodies.clear()
    return mail, bodies


def test_a_test_alarm_comes_over_two_channels_until_it_is_acknowledged(own, mails, hook):
    """F-70"""
    answer(own)
    read(mails, hook)
    assert not alarm(own, "test")["done"] and alarm(own, "list")["alarms"] == []
    assert alarm(own, "test", "--yes")["done"]
    subject, text = mails.next(MAIL)
    (one,) = alarm(own, "list")["alarms"]
    assert subject == "Alarm: test" and f"cairn alarm acknowledge {one['id']} --true" in text and "nothing is wrong" in text
    until(lambda: hook.bodies)
    body = json.loads(hook.bodies[0])
    assert body["id"] == one["id"] and body["kind"] == "test" and body["ca"] + "/directory" == own.DIRECTORY_URL and body["told"] == 0
    assert mails.next(MAIL)[0] == "Alarm, told again: test"  # nobody answered
    assert "say whether" in alarm(own, "acknowledge", one["id"], "--note", "x", "--yes", code=2)
    assert not alarm(own, "acknowledge", one["id"], "--true", "--note", "all came")["done"]
    assert alarm(own, "acknowledge", one["id"], "--true", "--note", "all came", "--yes")["done"]
    assert "was acknowledged by" in alarm(own, "acknowledge", one["id"], "--true", "--note", "all came", "--yes", code=1)
    (row,) = own.sql("SELECT verdict, note, starts_with(acknowledged_by, 'operator ')::text, array_to_string(told_over, ',') FROM audit.alarm WHERE kind = 'test' ORDER BY id DESC LIMIT 1")
    assert row == ["true", "all came", "true", "mail,pager"]
    report = own.cairn("audit", "report", "day", "--since", "1h", *configured(own)).stdout
    assert "alarm.raised" in report and "alarm.acknowledged" in report
    own.wait_ready("cairn-subscriber")
    assert "canary" not in own.log("cairn-subscriber")  # where a hook is, may be a secret


def test_one_channel_that_fails_keeps_no_alarm_from_the_other(own, mails, hook):
    """F-70: it is tried again, and cairn doctor tells of it"""
    answer(own)
    read(mails, hook)
    hook.status = 500
    try:
        alarm(own, "test", "--yes")
        assert mails.next(MAIL)[0] == "Alarm: test"
        until(lambda: own.sql("SELECT 1 FROM cairn.alarm_told WHERE channel = 'pager' AND failures > 0"))
        (one,) = alarm(own, "list")["alarms"]
        assert one["failing"] == ["pager: HTTP status 500"] and one["told_over"] == ["mail"]
        text = own.cairn("doctor", *configured(own), check=False).stdout
        assert "problem  alarms       1 channels do not take alarms" in text and "note     alarms       1 alarms wait" in text
    finally:
        hook.status = 204
    until(lambda: hook.bodies, seconds=120)
    answer(own)
    assert "Alarms go over 2 channels" in own.cairn("doctor", *configured(own), check=False).stdout


def test_what_can_not_be_found_out_keeps_nobody_from_being_told(own, mails, hook):
    """F-70: a question that fails, or waits for a lock, is an alarm; those on record are told"""
    answer(own)
    read(mails, hook)
    (before,), = own.sql("SELECT pg_get_functiondef('log.alarming()'::regprocedure)", role="cairn_owner")
    own.sql("CREATE OR REPLACE FUNCTION log.alarming() RETURNS TABLE (kind text, subject text, detail text) LANGUAGE sql AS $$ SELECT 'x', 'y', (1 / 0)::text $$ SECURITY DEFINER",
            role="cairn_owner")
    try:
        alarm(own, "test", "--yes")
        until(lambda: {json.loads(b)["kind"] for b in hook.bodies} >= {"alarms-blind", "test"})
    finally:
        own.sql(before, role="cairn_owner")
    answer(own)


def test_a_process_that_crashed_is_an_alarm(own, mails, hook):
    """F-44, F-70"""
    answer(own)
    read(mails, hook)
    own.kill("cairn-ra")
    own.wait_ready("cairn-ra", timeout=120)
    subject, text = mails.next(MAIL)
    assert subject.startswith("Alarm: process-crashed cairn-ra@") and "started again without having stopped" in text
    until(lambda: any(json.loads(b)["kind"] == "process-crashed" for b in hook.bodies))
    def measured():
        metrics = requests.get(f"http://{own.metrics_address('cairn-subscriber')}/metrics", timeout=60).text
        return "cairn_alarms_open 1" in metrics and 'cairn_alarms_told_total{outcome="told"}' in metrics
    until(measured)
    answer(own, "--true")


def test_a_certificate_that_differs_is_an_alarm(own, mails, hook):
    """F-34, F-70"""
    answer(own)
    read(mails, hook)
    own.sql("""INSERT INTO cairn.lease (name, holder, until) VALUES ('issued', 'a test', now() + interval '1 min')
        ON CONFLICT (name) DO UPDATE SET holder = 'a test', until = now() + interval '1 min'""", role="cairn_owner")
    own.sql("""SELECT log.record_issued_check('a test', 'a test', k.upto, k.upto, 1, ARRAY[cairn.new_id()], '{"it is another"}') FROM cairn.issued_check k""",
            role="cairn_owner")
    subject, text = mails.next(MAIL)
    assert subject == "Alarm: certificate-differs" and "1 certificates differ from their records, such as of serial unknown: it is another" in text
    until(lambda: hook.bodies)
    answer(own, "--true")


def test_a_row_that_is_changed_is_an_alarm_by_itself(own, mails, hook):
    """F-69: nobody has to run cairn audit verify; when the row is as it was, the next look says so"""
    until(lambda: int(own.sql("SELECT count(*) FROM log.event WHERE kind = 'log.verified'")[0][0]) > 0)
    answer(own)
    read(mails, hook)
    row = "(SELECT row_id FROM log.leaf WHERE kind = 3 ORDER BY leaf LIMIT 1)"
    change = "ALTER TABLE log.event DISABLE TRIGGER USER; UPDATE log.event SET actor = {} WHERE id = {}; ALTER TABLE log.event ENABLE TRIGGER USER"
    own.sql(change.format("actor || '!'", row), role="cairn_owner")
    try:
        subject, text = mails.next(MAIL, timeout=200)
        assert subject == "Alarm: log-differs" and "changed log.event" in text and "says something else than what was sealed" in text
        until(lambda: any(json.loads(b)["kind"] == "log-differs" for b in hook.bodies))
        doctor = own.cairn("doctor", *configured(own), check=False).stdout
        assert "problem  log          The log is not as it was sealed" in doctor, doctor
        metrics = requests.get(f"http://{own.metrics_address('cairn-subscriber')}/metrics", timeout=60).text
        assert "cairn_log_differs 1" in metrics
    finally:
        own.sql(change.format("rtrim(actor, '!')", row), role="cairn_owner")
    answer(own, "--true")
    assert own.cairn("audit", "verify", *configured(own)).stdout.endswith("All is as it was sealed.\n")
