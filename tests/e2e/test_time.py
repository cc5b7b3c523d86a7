"""Rules that only time breaks: days pass for a whole CA with PostgreSQL, while it runs and between two starts. Each test goes
on from the time at which the one before ended."""
import datetime
import json
import os
import signal
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

import at_once
import raw
import relying_party
from test_eab import cairn
from test_witness import until

ORDER, AUTHORIZATION, CERTIFICATE = datetime.timedelta(days=2), datetime.timedelta(days=3), datetime.timedelta(days=20)
CRL_PERIOD, CRL_LIFE = datetime.timedelta(hours=6), datetime.timedelta(days=7)
PROFILE = {"name": "brief", "life": "20d", "order_life": "2d", "authorization_life": "3d"}
MONTH = {"name": "month", "life": "20d", "order_life": "30d", "authorization_life": "30d"}  # the longest that may be


@pytest.fixture(scope="module")
def later(make_ca):
    return make_ca({"policy": {"profiles": [PROFILE, MONTH]}, "alarm": {"interval_s": 1}}, shifted=True)


@pytest.fixture
def answers(later, responder_for):
    return responder_for(later)


@pytest.fixture
def holder(later):
    one = raw.Client(later)
    assert one.register().status_code == 201
    return one


def ready_order(client, responder, name):
    made = client.order(name)
    client.validate(made.json(), responder)
    return made.headers["Location"], made.json()["finalize"]


def finalize(client, url, name):
    return client.post(url, {"csr": raw.b64(raw.csr([name])[0])})


def moment(text):
    return datetime.datetime.fromisoformat(text.rstrip("Z").split(".")[0])


def near(found, expected, seconds=120):
    return abs((found - expected).total_seconds()) < seconds


def leaf_of(chain):
    return raw.chain(chain)[0]


def pass_time(client, **duration):
    client.ca.pass_time(**duration)
    client.nonces = []  # they last for an hour


def read_crl(client, leaf):
    """The CRL that the certificate names, as the world gets it, and its number."""
    point = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value[0]
    crl = x509.load_der_x509_crl(client.get(point.full_name[0].value).content)
    return crl, crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def wait_for_crl(client, leaf, above):
    """The first CRL whose number is over `above`; it must be in force by the CA's own clock."""
    end = time.monotonic() + 60
    while True:
        crl, number = read_crl(client, leaf)
        if number > above:
            assert crl.last_update - datetime.timedelta(seconds=2) <= client.ca.now() < crl.next_update
            return crl, number
        assert time.monotonic() < end, f"the CRL {number} stays"
        time.sleep(0.2)


def revoke(client, leaf):
    return client.post(client.directory["revokeCert"], {"certificate": raw.b64(leaf.public_bytes(serialization.Encoding.DER))})


def test_lives_are_those_of_the_configuration(later, holder, answers):
    """A-79, A-88, D-9"""
    made = holder.order("lives.test")
    assert near(moment(made.json()["expires"]), later.now() + ORDER)
    holder.validate(made.json(), answers)
    authorization = holder.post(made.json()["authorizations"][0]).json()
    assert near(moment(authorization["expires"]), later.now() + AUTHORIZATION)
    leaf = leaf_of(holder.issue(answers, "lives.test")[0])
    assert leaf.not_valid_after - leaf.not_valid_before == CERTIFICATE - datetime.timedelta(seconds=1)


def test_a_nonce_lasts_for_an_hour(later, holder):
    """A-40, A-41"""
    holder.nonces = []
    early, late = holder.nonce(), holder.nonce()
    later.pass_time(minutes=50)
    assert holder.post(holder.kid, nonce=early).status_code == 200
    later.pass_time(minutes=20)
    raw.problem(holder.post(holder.kid, nonce=late), 400, "badNonce")
    assert holder.post(holder.kid).status_code == 200


def test_a_crl_is_made_anew_on_schedule(later, holder, answers):
    """E-20, E-21, E-22: each six hours, revocations or none, and never late"""
    leaf = leaf_of(holder.issue(answers, "schedule.test")[0])
    pass_time(holder, hours=7)
    crl, number = wait_for_crl(holder, leaf, 0)
    while not near(crl.last_update, later.now()):
        crl, number = wait_for_crl(holder, leaf, number)
    pass_time(holder, hours=5, minutes=50)
    time.sleep(5)
    assert read_crl(holder, leaf)[1] == number
    pass_time(holder, minutes=20)
    crl, next_number = wait_for_crl(holder, leaf, number)
    made = f"SELECT count(*) FROM audit.crl WHERE number > {number} AND issuer = (SELECT issuer FROM audit.crl WHERE number = {next_number})"
    assert later.sql(made) == [["1"]]
    assert near(crl.last_update, later.now())
    assert crl.next_update - crl.last_update == CRL_LIFE - datetime.timedelta(seconds=1)


def late_crls(ca, state):
    return int(ca.sql(f"SELECT count(*) FROM cairn.alarm WHERE kind = 'crl-late' AND ended_at IS {state}", "cairn_owner")[0][0])


def test_crls_that_nobody_makes_are_an_alarm(later, holder, answers):
    """E-22, F-70: no alarm after 80 hours, one of each CRL after 85, which is before the four days; over when they are made again"""
    leaf = leaf_of(holder.issue(answers, "stopped.test")[0])
    pass_time(holder, hours=7)
    until(lambda: later.sql("SELECT count(*) FROM ca.crl_shard s WHERE NOT EXISTS (SELECT FROM ca.crl c WHERE c.issuer = s.issuer AND c.shard = s.shard "
                                    "AND c.this_update > now() - interval '10 min')", "cairn_owner") == [["0"]])
    _, number = read_crl(holder, leaf)
    shards, over = int(later.sql("SELECT count(*) FROM ca.crl_shard", "cairn_owner")[0][0]), late_crls(later, "NOT NULL")
    stopped = later.kill("cairn-ca", signal.SIGSTOP)
    try:
        pass_time(holder, hours=80)
        time.sleep(5)  # it is looked each second
        assert late_crls(later, "NULL") == 0
        pass_time(holder, hours=5)
        until(lambda: late_crls(later, "NULL") == shards)
        assert read_crl(holder, leaf)[1] == number
    finally:
        os.kill(stopped, signal.SIGCONT)
    wait_for_crl(holder, leaf, number)
    until(lambda: late_crls(later, "NULL") == 0)
    assert late_crls(later, "NOT NULL") == over + shards


def caa_checks(ca, name):
    found = ca.sql(f"SELECT method, count(*) FROM log.validation WHERE identifier_value = '{name}' AND caa IS NOT NULL GROUP BY 1")
    return {method: int(n) for method, n in found}


def test_caa_is_checked_again_before_it_is_too_old(later, holder, answers):
    """C-36, C-37, A-119: what was found with the validation holds for less than eight hours"""
    url, at = ready_order(holder, answers, "caa-early.test")
    later_url, later_at = ready_order(holder, answers, "caa-late.test")
    pass_time(holder, hours=6)
    assert finalize(holder, at, "caa-early.test").status_code == 200
    assert holder.poll(url, ("valid", "invalid")).json()["status"] == "valid"
    assert caa_checks(later, "caa-early.test") == {"http-01": 1}
    pass_time(holder, hours=2)
    assert finalize(holder, later_at, "caa-late.test").status_code == 200
    assert holder.poll(later_url, ("valid", "invalid")).json()["status"] == "valid"
    assert caa_checks(later, "caa-late.test") == {"http-01": 1, "caa": 1}


@pytest.fixture
def unrecorded(later):
    """While it holds, no certificate gets into the database: what cairn-ca begins stays begun."""
    def restore():
        later.sql("DROP FUNCTION IF EXISTS ca.stay_begun() CASCADE", "cairn_owner")
    later.sql("CREATE FUNCTION ca.stay_begun() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$; GRANT EXECUTE ON FUNCTION "
              "ca.stay_begun() TO cairn_ca; CREATE TRIGGER stay_begun BEFORE UPDATE OF der ON ca.certificate FOR EACH ROW EXECUTE FUNCTION ca.stay_begun()",
              "cairn_owner")
    yield restore
    restore()


@pytest.mark.parametrize("minutes, status", [(40, "valid"), (70, "invalid")])
def test_an_issuance_that_was_begun_long_ago_is_given_up(later, holder, answers, unrecorded, minutes, status):
    """C-36: CAA was good when its bytes were fixed, and would be too old when they are signed"""
    name = f"begun-{minutes}.test"
    url, at = ready_order(holder, answers, name)
    finalize(holder, at, name)
    assert holder.post(url).json()["status"] == "processing"
    pass_time(holder, minutes=minutes)
    unrecorded()
    order = holder.poll(url, ("valid", "invalid")).json()
    assert order["status"] == status, order
    if status == "invalid":
        assert "order again" in order["error"]["detail"], order
        assert later.sql(f"SELECT facts->>'why' FROM log.event WHERE kind = 'certificate.refused' AND order_id = '{at_once.row_id(url)}'") == [
            ["it was begun over an hour ago"]]
        assert holder.issue(answers, name)


def test_an_order_runs_out_of_time(later, holder, answers):
    """A-81, A-82, A-92, A-119: pending or ready, it is invalid from then on, and so is what it waits for"""
    pending = holder.order("pending.test")
    ready_url, ready_at = ready_order(holder, answers, "ready.test")
    pass_time(holder, days=1, hours=23)
    assert holder.post(pending.headers["Location"]).json()["status"] == "pending"
    assert holder.post(ready_url).json()["status"] == "ready"
    pass_time(holder, hours=2)
    for url in (pending.headers["Location"], ready_url):
        order = holder.post(url).json()
        assert order["status"] == "invalid" and "expired" in order["error"]["detail"], order
    raw.problem(finalize(holder, ready_at, "ready.test"), 403, "orderNotReady")
    authorization = holder.post(pending.json()["authorizations"][0]).json()
    assert authorization["status"] == "invalid", authorization
    challenge = authorization["challenges"][0] if authorization["challenges"] else None
    assert challenge is None or holder.post(challenge["url"], {}).status_code >= 400
    assert later.sql("SELECT count(*) FROM log.validation WHERE identifier_value = 'pending.test'") == [["0"]]


def test_an_authorization_is_used_again_until_it_ends(later, holder, answers):
    """A-81, A-84, A-119: an order never outlives what made it ready"""
    made = holder.order("again.test")
    holder.validate(made.json(), answers)
    first = made.json()["authorizations"]
    pass_time(holder, days=2, hours=12)
    again = holder.order("again.test")
    assert again.json()["status"] == "ready" and again.json()["authorizations"] == first
    assert near(moment(again.json()["expires"]), later.now() + datetime.timedelta(hours=12))
    pass_time(holder, hours=11, minutes=30)  # too little of it is left now for one more order
    assert holder.order("again.test").json()["authorizations"] != first
    pass_time(holder, hours=1)
    assert holder.post(first[0]).json()["status"] == "expired"
    assert holder.post(again.headers["Location"]).json()["status"] == "invalid"
    raw.problem(finalize(holder, again.json()["finalize"], "again.test"), 403, "orderNotReady")
    fresh = holder.order("again.test").json()
    assert fresh["status"] == "pending" and fresh["authorizations"] != first


def test_after_the_end_of_a_certificate(later, holder, answers):
    """A-131, E-26: it can't be revoked any more; one that was revoked stands in one CRL beyond its end, and then in none"""
    revoked = leaf_of(holder.issue(answers, "revoked.test")[0])
    left = leaf_of(holder.issue(answers, "left.test")[0])
    _, number = read_crl(holder, revoked)
    assert revoke(holder, revoked).status_code == 200
    crl, number = wait_for_crl(holder, revoked, number)
    assert crl.get_revoked_certificate_by_serial_number(revoked.serial_number) is not None
    pass_time(holder, days=19)
    crl, number = wait_for_crl(holder, revoked, number)
    assert crl.get_revoked_certificate_by_serial_number(revoked.serial_number) is not None
    pass_time(holder, days=1)
    assert "expired" in raw.problem(revoke(holder, left), 400, "malformed")["detail"]
    crl, number = wait_for_crl(holder, revoked, number)
    assert crl.get_revoked_certificate_by_serial_number(revoked.serial_number) is not None
    pass_time(holder, hours=7)
    crl, number = wait_for_crl(holder, revoked, number)
    assert crl.get_revoked_certificate_by_serial_number(revoked.serial_number) is None


def move_crls(ca, suffix):
    """New certificates name other CRLs from now on: the shards of before are retired."""
    issuers = json.loads(cairn(ca, "config", "show", "--json").stdout)["ca"]["issuers"]
    ca.down()
    ca.config["ca"]["issuers"] = [{**one, "crl_url": one["crl_url"].replace(".crl", suffix + ".crl")} for one in issuers]
    ca.up()


def expect_listed(client, leaves, listed):
    """Each CRL is that of its certificate by its very URL, in force, and lists it or not."""
    for leaf in leaves:
        crl, _ = read_crl(client, leaf)
        point = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
        assert point.full_name[0].value == relying_party.crl_url(leaf) and crl.next_update > client.ca.now()
        assert (crl.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None) == (leaf in listed)


def test_a_shard_that_is_retired(later, holder, answers):
    """E-22, E-24, E-25, E-26, E-31: certificates of both sides of its end name their own CRL; both go on for as long as there is something to
    tell, and the retired one lists its last certificate beyond its end"""
    first, last = [leaf_of(holder.issue(answers, f"{name}.retired.test")[0]) for name in ("first", "last")]
    move_crls(later, "-next")
    holder.nonces = []
    after = leaf_of(holder.issue(answers, "after.retired.test")[0])
    assert relying_party.crl_url(first) == relying_party.crl_url(last) == relying_party.crl_url(after).replace("-next.crl", ".crl")
    expect_listed(holder, (first, last, after), ())
    of_last, of_after = read_crl(holder, last)[1], read_crl(holder, after)[1]
    assert revoke(holder, last).status_code == 200 and revoke(holder, after).status_code == 200
    _, of_last = wait_for_crl(holder, last, of_last)
    _, of_after = wait_for_crl(holder, after, of_after)
    expect_listed(holder, (first, last, after), (last, after))
    for crl, other in ((read_crl(holder, last)[0], after), (read_crl(holder, after)[0], last)):
        assert crl.get_revoked_certificate_by_serial_number(other.serial_number) is None
    pass_time(holder, days=20)  # beyond the end of both: once more on schedule
    _, of_last = wait_for_crl(holder, last, of_last)
    wait_for_crl(holder, after, of_after)
    assert last.not_valid_after < later.now()
    expect_listed(holder, (last, after), (last, after))
    pass_time(holder, hours=7)
    wait_for_crl(holder, last, of_last)
    expect_listed(holder, (last,), ())
    told = json.loads(cairn(later, "crl", "list", "--json").stdout)["crls"]
    assert {one["open"] for one in told if one["url"] == relying_party.crl_url(last)} == {False}
    assert {one["open"] for one in told if one["url"] == relying_party.crl_url(after)} == {True}


def test_a_token_is_good_for_thirty_days(later, holder, answers):
    """C-9: the right answer to a challenge counts on day 29; on day 31 it is not even looked at, however long the order was to live"""
    orders = {day: holder.order(f"day{day}.test", profile="month") for day in (29, 31)}
    urls = {}
    for day, made in orders.items():
        assert made.status_code == 201, made.text
        urls[day] = holder.challenge(made.json()["authorizations"][0])
        answers.tokens[urls[day]["token"]] = holder.key_authorization(urls[day]["token"])
    later.down() # so that there is room in the log for what is then
    pass_time(holder, days=29)
    later.up()
    assert holder.post(urls[29]["url"], {}).status_code == 200
    assert holder.poll(orders[29].headers["Location"], ("ready", "invalid")).json()["status"] == "ready"
    pass_time(holder, days=2)
    refused = holder.post(urls[31]["url"], {})
    assert refused.status_code >= 400 or refused.json()["status"] == "invalid", refused.text
    assert holder.post(orders[31].headers["Location"]).json()["status"] == "invalid"
    assert holder.post(orders[31].json()["authorizations"][0]).json()["status"] == "invalid"
    assert later.sql("SELECT count(*) FROM log.validation WHERE identifier_value = 'day31.test'") == [["0"]]


def test_it_comes_back_after_months(later, holder, answers):
    """Stopped for longer than anything lasts: new CRLs at once, room in the log, and what must be gone is gone"""
    leaf = leaf_of(holder.issue(answers, "months.test")[0])
    _, number = read_crl(holder, leaf)
    later.down()
    pass_time(holder, days=70)
    later.up()
    wait_for_crl(holder, leaf, number)
    assert holder.order("months.test").json()["status"] == "pending"
    assert near(leaf_of(holder.issue(answers, "months.test")[0]).not_valid_before, later.now() - datetime.timedelta(hours=1))
    assert int(later.sql("SELECT extract(epoch FROM cairn.partitions_until() - now())::int8", "cairn_owner")[0][0]) > 0
    end = time.monotonic() + 60 # requests reach the log a moment after their answers
    while later.sql("SELECT count(*) FROM log.request WHERE id >= cairn.id_at(now() - interval '1 hour')", "cairn_owner") == [["0"]]:
        assert time.monotonic() < end, "no request of now is in the log"
        time.sleep(0.1)


def test_a_clock_that_went_back(later, holder, answers):
    """F-47: nothing is signed behind an earlier signature; who asks is told so, and it is signed once the clock is right again"""
    url, end = ready_order(holder, answers, "back.time.test")
    before = leaf_of(holder.issue(answers, "before.back.time.test")[0])
    signed = "SELECT count(*) FROM ca.certificate WHERE der IS NOT NULL AND 'back.time.test' = ANY (names)"
    pass_time(holder, seconds=-20)
    answer = finalize(holder, end, "back.time.test")
    assert answer.status_code == 503 and "The clock of the CA went back" in answer.text, answer.text
    assert later.sql(signed, role="cairn_owner") == [["0"]]
    pass_time(holder, seconds=20)
    answer = finalize(holder, end, "back.time.test")
    assert answer.status_code in (200, 403), answer.text  # by now it may be done
    order = holder.poll(url, ("valid", "invalid"), seconds=120).json()
    assert order["status"] == "valid", order
    after = leaf_of(holder.post(order["certificate"]).text)
    assert after.not_valid_before >= before.not_valid_before and later.sql(signed, role="cairn_owner") == [["1"]]
