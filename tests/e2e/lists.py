"""The lists of a CA's policy, and what the log tells of the rules by which it refused."""
import os
import signal
import time


PLACES = {"ams": ("RIPE", "52.37 4.90"), "sin": ("APNIC", "1.35 103.82"), "gru": ("LACNIC", "-23.55 -46.63"),
          "jnb": ("AFRINIC", "-26.20 28.05"), "sea": ("ARIN", "47.61 -122.33")}


def webpki(**policy):
    """Configuration of a CA in mode webpki, which validates hosts of the internet only, with as many perspectives as it needs, none of which
    is ever asked."""
    perspectives = [{"name": name, "address": f"127.0.0.{i + 2}:1", "region": region, "place": place}
                    for i, (name, (region, place)) in enumerate(PLACES.items())]
    return {"policy": {"mode": "webpki", **policy}, "va": {
        "allow_networks": [], "http01_port": 80, "tlsalpn01_port": 443, "dnssec_probe": "broken.example",
        "region": "ARIN", "place": "40.71 -74.01", "perspectives": perspectives}, "ct": {"not_logged": True}}


def wait_for(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def assert_rule(ca, route, rule):
    """The newest request of this route that was refused has this rule on record, once it is there."""
    query = f"SELECT coalesce(rule, '') FROM log.request WHERE route = '{route}' AND problem IS NOT NULL ORDER BY id DESC LIMIT 1"
    wait_for(f"{rule} is not on record for {route}", lambda: ca.sql(query) == [[rule]])


def write(path, content):
    """As docs/policy.md says: beside it, then renamed."""
    folder, name = os.path.split(path)
    beside = os.path.join(folder, "." + name)
    with open(beside, "w", encoding="utf-8") as f:
        f.write(content)
    os.replace(beside, path)


def reload(ca, good=True):
    """Tells cairn-ra and waits until it has read its lists, and taken them or not."""
    word = '"the policy is in force"' if good else '"the new lists of the policy are not taken; the old ones stay in force"'
    before = ca.log("cairn-ra").count(word)
    ca.kill("cairn-ra", signal.SIGHUP)
    wait_for("the lists are not read", lambda: ca.log("cairn-ra").count(word) > before)


def put(ca, good=True, **files):
    """Writes files into the folder of lists (None removes one; __ in a name is a dot) and reloads."""
    folder = os.path.join(ca.state, "lists")
    for name, content in files.items():
        path = os.path.join(folder, name.replace("__", "."))
        if content is None:
            os.unlink(path)
        else:
            write(path, content)
    reload(ca, good)
