"""Mode webpki with remote perspectives on networks of their own, by addresses: the root of all names is not on these networks."""
import datetime
import re
import time

import pytest

import instance
import lists
import perspectives
from perspectives import SEES, SEES_NOT, seen

WEBS = [f"93.184.216.{n}" for n in range(10, 14)]
# C-50: from which day how many are needed (BR 3.2.2.9); all but one of them in one region.
TABLE = ((datetime.date(2026, 6, 15), 4), (datetime.date(2026, 12, 15), 5))
SITES = {"sin": ("APNIC", "1.35 103.82"), "ams": ("RIPE", "52.37 4.90"), "mad": ("RIPE", "40.42 -3.70"), "ath": ("RIPE", "37.98 23.73"),
         "arn": ("RIPE", "59.33 18.07")}
CONFIG = {"policy": {"mode": "webpki", "profiles": [{"name": "brief", "life": "6d"}]}, "ct": {"not_logged": True}}


def needed():
    return max(n for day, n in TABLE if day <= datetime.datetime.utcnow().date())


def sites(number):
    return dict(list(SITES.items())[:number])


@pytest.fixture(scope="module")
def whole():
    yield from perspectives.opened(config=CONFIG, remotes=sites(needed()), web=WEBS, shifted=True,
                                   seeing={"timeout_s": 4, "http01_port": 80, "tlsalpn01_port": 443, "allow_networks": [],
                                           "dnssec_probe": "broken.example"})


@pytest.fixture
def world(whole):
    yield whole
    whole.internet.restore()


def test_one_may_not_agree(world):
    """C-50, C-51, C-52: those that do are in two regions; C-73: and it counts until the day from which more have to"""
    (address, *_), n = WEBS, needed()
    world.internet.divert("ams", address, "attacker")
    authz = world.validate(address)
    assert authz["status"] == "valid"
    assert all(authz["expires"] <= f"{day}T00:00:00Z" for day, _ in TABLE if day > world.ca.now().date())
    assert seen(world.wait_for_records(address)) == {**dict.fromkeys(sites(n), SEES), "ams": SEES_NOT}
    assert world.quorum(address) == [f"{n - 1}/{n}"]
    world.replay()


def test_all_that_agree_are_in_one_region(world):
    """C-52: one alone sees something else, and is the only one of its region; who it is stays with the CA"""
    world.internet.divert("sin", WEBS[1], "attacker")
    detail = world.refused(WEBS[1])
    assert f"1 of {needed()} remote network perspectives sees something else" in detail, detail
    assert not any(re.search(rf"\b{word}\b", detail) for word in (*SITES, "APNIC", "RIPE")), detail
    assert world.quorum(WEBS[1]) == [f"{needed() - 1}/{needed()}"]
    world.replay()


def test_two_refuse(world):
    """C-51"""
    world.internet.divert("ams", WEBS[2], "attacker")
    world.internet.divert("mad", WEBS[2], "attacker")
    assert f"2 of {needed()}" in world.refused(WEBS[2])


@pytest.mark.parametrize("without, words", [
    (1, r"mode webpki needs \d remote perspectives on \d{4}-\d\d-\d\d; there are \d"), (9, r"mode webpki needs \d remote perspectives on .*; there are 0")])
def test_fewer_than_the_table_wants_do_not_start(without, words):
    """C-50"""
    config = lists.webpki()
    config["va"]["perspectives"] = config["va"]["perspectives"][:max(needed() - without, 0)]
    one = instance.Instance(config)
    try:
        with pytest.raises(RuntimeError, match=words):
            one.up()
    finally:
        one.remove()


def test_the_day_comes_while_it_runs(world):
    """C-50: nothing more is validated, nothing is concluded, and it does not start again"""
    coming = [(day, n) for day, n in TABLE if day > world.ca.now().date()]
    if not coming:
        pytest.skip("the table has no later day")
    (day, number), address = coming[0], WEBS[3]
    world.ca.pass_time(days=(day - world.ca.now().date()).days)
    world.client.nonces = []
    _, url = world.begin(address)
    said, end = "", time.monotonic() + 4
    while time.monotonic() < end:
        assert world.client.post(url).json()["status"] == "pending"
        # as it comes: the log is turned over, and soon forgotten, when days pass
        said += "".join(world.ca.log(name) for name in ("cairn-ra", "cairn-va"))
    assert world.ca.sql(f"SELECT count(*) FROM log.validation WHERE identifier_value = '{address}' AND passed") == [["0"]]
    assert "Fewer network perspectives are configured than are needed from today" in said
    world.ca.down()
    with pytest.raises(RuntimeError, match=f"mode webpki needs {number} remote perspectives on {day}; there are {needed()}"):
        world.ca.up()
