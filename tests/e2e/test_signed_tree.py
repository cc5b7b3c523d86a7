"""DNSSEC and CAA in a signed tree of zones of our own (signed_tree.py), which the CA resolves from its root."""
import base64
import json
import time

import dns.message
import dns.query
import dns.rdatatype
import pytest

import name_server
import raw
import signed_tree
from test_dns01 import digest, error_of, ordered, start

FORMER = "https://ca.before.example"


@pytest.fixture(scope="module")
def tree():
    try:
        one = signed_tree.SignedTree()
    except PermissionError as reason:
        pytest.skip(f"no tree of zones on this machine: {reason}")
    yield one
    one.close()


@pytest.fixture(scope="module")
def tree_ca(make_ca, tree):
    return make_ca({"va": {"allow_networks": ["127.0.0.1/32", *tree.networks], "root_servers": tree.root_servers, "root_trust_anchors": tree.root_trust_anchors, "timeout_s": 5, "dnssec_probe": "host.expired.tree", "dnssec_probe_s": 1},
                    "acme": {"former_external_urls": [FORMER]},
                    "policy": {"internal_names": ["."]}, "ra": {"validation_attempts": 1}})


@pytest.fixture
def client(tree_ca):
    one = raw.Client(tree_ca)
    assert one.register().status_code == 201
    return one


@pytest.fixture
def records(tree_ca):
    """The rows of log.validation for a name, newest last, with their lookups."""
    def rows(name):
        found = tree_ca.validations(name)
        for row in found:
            row["lookups"] = json.loads(row["resolutions"])["resolutions"]
        return found

    return rows


def prove(client, tree, name):
    """dns-01 for a name; the record is written as the client would."""
    url = ordered(client, name).json()["authorizations"][0]
    below = name.removeprefix("*.")
    tree.add(f"_acme-challenge.{below}", "TXT", digest(client, client.challenge(url, "dns-01")["token"]))
    return start(client, url)


def lookups(row, kind):
    return [r for r in row["lookups"] if r["type"] == kind]


@pytest.mark.parametrize("zone, state", (
    ("good.tree", "secure"), ("rsa.tree", "secure"), ("rsa512.tree", "secure"), ("ed25519.tree", "secure"), ("p384.tree", "secure"), ("hashed.tree", "secure"),
    ("good.optout", "secure"), ("plain.tree", "insecure"), ("plain.optout", "insecure"), ("island.tree", "insecure"), ("lower.tree", "insecure"),
    ("cut.tree", "secure")))
def test_good_zones(client, tree, records, zone, state):
    """C-20, C-21, A-111: algorithms, NSEC3, opt-out, unsigned delegations, answers that are cut off by UDP"""
    assert prove(client, tree, f"host.{zone}")["status"] == "valid"
    (row,) = records(f"host.{zone}")
    (txt,) = lookups(row, "TXT")
    assert txt["dnssec"] == state and txt["resolver"] == "recursive" and row["proof"] == "control", txt
    assert {r["dnssec"] for r in lookups(row, "CAA") if r["name"].endswith(zone)} == {state}


def test_who_forges_has_to_guess_letters(client, tree):
    """A-111: names are asked for in letters of random case; test_good_zones has a server that does not repeat them"""
    assert prove(client, tree, "a-name-of-many-letters.cut.tree")["status"] == "valid"
    asked = [name for name in tree.front.names if name.lower().startswith("_acme-challenge.a-name-of")]
    assert asked and all(name not in (name.lower(), name.upper()) for name in asked), asked


@pytest.mark.parametrize("zone, ede", (
    ("expired.tree", "7 Signature Expired"), ("early.tree", "8 Signature Not Yet Valid"), ("tampered.tree", "6 DNSSEC Bogus"),
    ("wrong-ds.tree", "9 DNSKEY Missing"), ("stripped.tree", "9 DNSKEY Missing"), ("half-ds.tree", "9 DNSKEY Missing"),
    ("downgraded.tree", "6 DNSSEC Bogus"), ("lying.tree", "9 DNSKEY Missing")))
def test_what_does_not_verify(client, tree, records, zone, ede):
    """C-20, C-21, C-23, C-24: never permission, whatever the record says, or an AD bit; SHA-1 does not help where SHA-256 does not fit, nor one
    algorithm where the parent names two"""
    url = ordered(client, f"host.{zone}").json()["authorizations"][0]
    if zone not in signed_tree.STATIC:
        tree.add(f"_acme-challenge.host.{zone}", "TXT", digest(client, client.challenge(url, "dns-01")["token"]))
    kind, detail = error_of(start(client, url))
    (row,) = records(f"host.{zone}")
    (txt,) = lookups(row, "TXT")
    if zone == "downgraded.tree" and txt["ede"] == "9 DNSKEY Missing":
        ede = txt["ede"]  # that it never had a key that fits, when the keys are asked for before the signature is looked at
    assert kind == "dns" and "DNSSEC validation failed looking up TXT" in detail and f"EDE {ede}" in detail, (detail, txt)
    assert txt["dnssec"] == "bogus" and txt["ede"] == ede and row["proof"] is None and row["dnssec"] == "bogus"
    if zone != "tampered.tree":
        (caa,) = lookups(row, "CAA")  # once: what does not verify is no lookup that failed
        assert caa["dnssec"] == "bogus" and not lookups(row, "DS")


@pytest.mark.parametrize("name, state, sent_on", (
    ("web.good.tree", "secure", False), ("web.plain.tree", "insecure", False), ("host.expired.tree", "bogus", False), ("web.wrong-ds.tree", "bogus", False),
    ("alias.good.tree", "bogus", False), ("moved.good.tree", "bogus", True)))
def test_addresses_that_do_not_verify(client, tree, tree_ca, records, responder_for, name, state, sent_on):
    """C-20, C-23: A and AAAA as TXT, of the name, of what it is an alias of, and of where a redirect leads. Nobody is visited there"""
    broken = "host.expired.tree"
    if name == "alias.good.tree":
        tree.leaves.add("good.tree", "alias", "CNAME", broken + ".")
    web = responder_for(tree_ca)

    def send_on(request):
        if sent_on and (request.headers["Host"] or "").startswith(name):
            request.reply(302, "", Location=f"http://{broken}:{tree_ca.HTTP01_PORT}{request.path}")
            return True
        return False

    web.handler = send_on
    kinds = ("http-01",) if state != "bogus" or sent_on else ("http-01", "tls-alpn-01")
    for kind in kinds:
        (url,) = ordered(client, name).json()["authorizations"]
        challenge = client.challenge(url, kind)
        web.tokens[challenge["token"]] = client.key_authorization(challenge["token"])
        assert client.post(challenge["url"], {}).status_code == 200
        final = client.poll(url, ("valid", "invalid")).json()
        looked_up = [r for kind in ("A", "AAAA") for r in lookups(records(name)[-1], kind)]
        assert {r["type"] for r in looked_up} == {"A", "AAAA"} and state in {r["dnssec"] for r in looked_up}, looked_up
        if state == "bogus":
            kind, detail = error_of(final)
            assert kind == "dns" and "DNSSEC validation failed looking up A" in detail, detail
            assert records(name)[-1]["proof"] is None
        else:
            assert final["status"] == "valid", final
    visited = {host.split(":")[0] for host, _ in web.seen}
    assert visited == ({name} if sent_on or state != "bogus" else set())


@pytest.mark.parametrize("zone, denial", (("hashed.tree", "NSEC3"), ("good.tree", "NSEC")))
def test_a_record_that_is_denied(client, tree, records, zone, denial):
    """C-20, C-21, G-3: the denial is verified and kept: of the name, of the type alone, and of the type of a wildcard"""
    tree.add(f"_acme-challenge.other-type.{zone}", "A", "127.0.0.1")
    for label, rcode in (("ns", 3), ("other-type", 0), ("by-wildcard", 0)):
        name = f"{label}.{zone}"
        final = start(client, ordered(client, name).json()["authorizations"][0])
        kind, detail = error_of(final)
        assert (kind, detail.split(" - ")[0]) == (("dns", f"DNS problem: NXDOMAIN looking up TXT for _acme-challenge.{name}") if rcode == 3 else
                                                  ("unauthorized", f"No TXT record found at _acme-challenge.{name}"))
        (row,) = records(name)
        (txt,) = lookups(row, "TXT")
        assert txt["dnssec"] == "secure" and txt.get("rcode", 0) == rcode and not txt.get("answers") and row["proof"] is None, txt
        kept = dns.message.from_wire(base64.urlsafe_b64decode(txt["raw"] + "=="))
        assert kept.rcode() == rcode and denial in {dns.rdatatype.to_text(r.rdtype) for r in kept.authority}, kept


@pytest.mark.parametrize("zone", ("inside.tree", "inside-too.tree"))
def test_a_server_inside_is_not_asked(client, tree, records, zone):
    """A-106: whatever a delegation says, by glue or by a name that leads there, no query goes where validation may not go"""
    kind, detail = error_of(start(client, ordered(client, f"host.{zone}").json()["authorizations"][0]))
    assert kind == "dns" and "EDE 22" in detail, detail
    (txt,) = lookups(records(f"host.{zone}")[0], "TXT")
    assert txt["error"] and not txt["answers"]
    assert not tree.trap.counts
    dns.query.udp(dns.message.make_query("counted.tree", "A"), tree.trap.address, timeout=60)
    assert tree.trap.counts.pop(("counted.tree.", "A")) == 1, "it would have been seen"


FORBID = '0 issue ";"'


@pytest.mark.parametrize("zone, passes", (
    ("mute.tree", True), ("failing.tree", True), ("refusing.tree", True), ("failing.optout", True), ("denying.tree", True),
    ("mute-signed.tree", False), ("failing-signed.tree", False)))
def test_a_lookup_of_caa_that_fails(client, tree, records, zone, passes):
    """C-23, C-38: asked twice; then it passes only below an unsigned delegation that DNSSEC proves; NXDOMAIN is an answer"""
    name = f"host.{zone}"
    final = prove(client, tree, name)
    (row,) = records(name)
    caa, ds = lookups(row, "CAA"), lookups(row, "DS")
    if zone == "denying.tree":
        assert final["status"] == "valid" and not ds and not any(r.get("error") for r in caa) and caa[0]["rcode"] == 3
        raw_answer = dns.message.from_wire(base64.urlsafe_b64decode(caa[0]["raw"] + "=="))
        assert raw_answer.rcode() == 3 and raw_answer.question[0].name.to_text() == name + ".", "G-3: kept as it came"
        return
    assert [r["name"] for r in caa[:2]] == [name] * 2 and all(r.get("error") and r["ede"] == "22 No Reachable Authority" for r in caa[:2]), caa
    assert [r["name"] for r in ds] == [name[-len(zone.split(".")[1]):], zone] + ([] if passes else [name])
    assert tree.asked(name, "CAA") >= 2
    if passes:
        assert final["status"] == "valid", final
        assert row["caa"]["permitted"] and "failed twice" in row["caa"]["reason"] and row["passed"], row["caa"]
        assert ds[-1]["dnssec"] == ("insecure" if zone.endswith("optout") else "secure")
    else:
        kind, detail = error_of(final)
        assert kind == "dns" and f"looking up CAA for {name}" in detail and "the zone is signed" in detail
        assert ds[1]["answers"] and not row["passed"] and row["proof"] is None


@pytest.mark.parametrize("zone", ("failing.tree", "refusing.tree"))
def test_each_lookup_really_asks(client, tree, records, zone):
    """C-38: neither the second lookup nor those of the next names are answered from what is remembered of a failure"""
    counts = [tree.asked(zone, "CAA")]
    for label in ("once", "twice", "thrice"):  # all three climb to the zone itself within five seconds, which libunbound remembers failures for
        assert prove(client, tree, f"{label}.{zone}")["status"] == "valid"
        counts.append(tree.asked(zone, "CAA"))
        reasons = [r["reason"] for r in lookups(records(f"{label}.{zone}")[0], "CAA") if r.get("error")]
        assert len(reasons) == 4 and all(" got " in reason and "in cache" not in reason for reason in reasons), reasons
    asked = [after - before for before, after in zip(counts, counts[1:])]
    assert min(asked) >= 2 and 2 * min(asked) > max(asked), asked  # libunbound asks some once more when it is slow


def test_a_failure_at_a_parent_that_is_signed(client, tree, records):
    """C-31, C-38: the closest names say nothing, and what the zone above says must be known too"""
    tree.add("below.mute.tree", "CAA", '0 iodef "mailto:a@mute.tree"')
    kind, detail = error_of(prove(client, tree, "x.y.mute-signed.tree"))
    assert kind == "dns" and "the zone is signed" in detail


def test_a_failure_does_not_hide_a_refusal_above(client, tree):
    """C-31, C-38: what is passed over is one lookup, not what stands further up"""
    tree.leaves.add("failing.optout", "@", "CAA", FORBID)
    tree.front.rules[("host2.failing.optout", "CAA")] = tree.front.rules.pop(("failing.optout", "CAA"))
    try:
        kind, detail = error_of(prove(client, tree, "host2.failing.optout"))
        assert kind == "caa" and "found at failing.optout" in detail
    finally:
        tree.leaves.remove("failing.optout", "@", "CAA")


def test_a_refusal_is_on_record(client, tree, tree_ca):
    """C-30, C-39: name, set, the name where it stands, whom to tell, time and perspective; and the client reads which record it was"""
    tree.leaves.add("plain.tree", "refused", "CAA", '0 issue "other.example; a=b"', '0 iodef "mailto:owner@plain.tree"', '0 iodef "https://plain.tree/report"')
    kind, detail = error_of(prove(client, tree, "x.refused.plain.tree"))
    assert kind == "caa" and 'issue "other.example; a=b" names another CA (found at refused.plain.tree)' in detail
    (row,) = tree_ca.sql("SELECT found_at, array_to_string(records, '|'), array_to_string(iodef, '|'), reason, perspective, "
                         "now() - checked_at < '1 minute' FROM log.caa_refusal WHERE identifier_value = 'x.refused.plain.tree'")
    assert row[0] == "refused.plain.tree" and sorted(row[1].split("|")) == [
        '0 iodef "https://plain.tree/report"', '0 iodef "mailto:owner@plain.tree"', '0 issue "other.example; a=b"']
    assert sorted(row[2].split("|")) == ["https://plain.tree/report", "mailto:owner@plain.tree"]
    assert "names another CA" in row[3] and row[4:] == ["local", "t"]


def test_where_the_set_stands(client, tree, records):
    """C-31: at the name, at its parent, at its grandparent, behind an alias of a name on the way; not above the alias's end"""
    ours = client.directory["meta"]["caaIdentities"][0]
    deny = '0 issue ";"'
    for label, at, expected in (("a.b.p1", "a.b.p1", "caa"), ("a.b.p2", "b.p2", "caa"), ("a.b.p3", "p3", "caa"), ("a.b.p4", None, None)):
        if at is not None:
            tree.leaves.add("good.tree", at, "CAA", deny)
        final = prove(client, tree, f"{label}.good.tree")
        assert final["status"] == ("invalid" if expected else "valid")
        if expected:
            kind, detail = error_of(final)
            assert kind == "caa" and f"found at {at}.good.tree" in detail
    tree.leaves.add("rsa.tree", "end", "CAA", deny)
    tree.leaves.add("good.tree", "p5", "CNAME", "end.rsa.tree.")
    assert "found at p5.good.tree" in error_of(prove(client, tree, "a.p5.good.tree"))[1]
    tree.leaves.add("good.tree", "p6", "DNAME", "tree6.rsa.tree.")
    tree.leaves.add("rsa.tree", "b.tree6", "CAA", deny)
    url = ordered(client, "b.p6.good.tree").json()["authorizations"][0]
    tree.leaves.add("rsa.tree", "_acme-challenge.b.tree6", "TXT", digest(client, client.challenge(url, "dns-01")["token"]))
    assert "found at b.p6.good.tree" in error_of(start(client, url))[1]
    tree.leaves.add("rsa.tree", "above", "CAA", deny)  # above the end of an alias: nobody asks there
    tree.leaves.add("rsa.tree", "end.above", "CAA", f'0 issue "{ours}"')
    tree.leaves.add("good.tree", "p7", "CNAME", "empty.above.rsa.tree.")
    tree.leaves.add("rsa.tree", "empty.above", "A", "127.0.0.1")
    assert prove(client, tree, "a.p7.good.tree")["status"] == "valid"


def test_aliases_have_an_end(client, tree, records):
    """C-20, A-110: a chain across zones is validated link by link; one that is too long, or leads in a circle, is told"""
    def chain(name, zones, last):
        for i, zone in enumerate(zones):
            tree.leaves.add(zone, f"{name}{i}", "CNAME", f"{name}{i + 1}.{zones[(i + 1) % len(zones)]}." if i + 1 < len(zones) else last)
        tree.leaves.add("good.tree", f"_acme-challenge.{name}", "CNAME", f"{name}0.{zones[0]}.")

    for name, zones, target in (("five", ["rsa.tree", "hashed.tree", "ed25519.tree", "p384.tree", "good.tree"], "good.tree"),
                                ("mixed", ["rsa.tree", "plain.tree"], "good.tree"), ("broken", ["rsa.tree", "stripped.tree"], "good.tree")):
        chain(name, zones, f"end-{name}.{target}.")
        url = ordered(client, f"{name}.good.tree").json()["authorizations"][0]
        tree.leaves.add(target, f"end-{name}", "TXT", digest(client, client.challenge(url, "dns-01")["token"]))
        final = start(client, url)
        (txt,) = lookups(records(f"{name}.good.tree")[0], "TXT")
        assert txt["dnssec"] == {"five": "secure", "mixed": "insecure", "broken": "bogus"}[name], txt
        assert final["status"] == ("invalid" if name == "broken" else "valid")
    chain("long", ["rsa.tree", "good.tree"] * 9, "end-five.good.tree.")
    chain("circle", ["good.tree"] * 3, "circle0.good.tree.")
    for name in ("long", "circle"):
        url = ordered(client, f"{name}.good.tree").json()["authorizations"][0]
        kind, detail = error_of(start(client, url))
        assert kind == "dns" and f"looking up TXT for _acme-challenge.{name}.good.tree" in detail, detail


def test_old_names_of_the_ca_count(client, tree, tree_ca):
    """C-42: accounturi as the account was called before the CA's URL changed; no other URL of its kind"""
    ours = client.directory["meta"]["caaIdentities"][0]
    path = client.kid.removeprefix(tree_ca.config["acme"]["external_url"])
    for i, (base, expected) in enumerate(((FORMER, "valid"), (client.kid.removesuffix(path), "valid"), ("https://other.example", "invalid"),
                                          (FORMER.upper(), "invalid"))):
        tree.leaves.add("good.tree", f"moved{i}", "CAA", f'0 issue "{ours}; accounturi={base}{path}"')
        assert prove(client, tree, f"moved{i}.good.tree")["status"] == expected, base


def test_the_probe(tree_ca):
    """C-25: a name that is broken on purpose is refused, which a gauge shows; what is validated by stands in the log"""
    metrics = raw.requests.get(f"http://{tree_ca.metrics_address('cairn-va')}/metrics", timeout=60).text
    assert "cairn_dnssec_probe 1\n" in metrics
    lines = [json.loads(line) for line in tree_ca.log("cairn-va").splitlines()]
    (start_line,) = [line for line in lines if line["message"] == "names are resolved"]
    assert start_line["libunbound"] and start_line["root_anchors"] and start_line["configuration_sha256"]
    probes = [line for line in lines if "DNSSEC probe" in line["message"]]
    assert probes and all("as it must be" in line["message"] and line["ede"].startswith("7 ") for line in probes), probes


def test_the_probe_alarms(make_ca, tree):
    """C-25: a name that is broken on purpose and yet counts as good is an alarm each time, and so is one of which nothing is heard"""
    for name, said in (("host.good.tree", "nothing is validated"), ("host.inside.tree", "got no answer")):
        ca = make_ca({"va": {"allow_networks": ["127.0.0.1/32", *tree.networks], "root_servers": tree.root_servers, "root_trust_anchors": tree.root_trust_anchors,
                             "dnssec_probe": name, "dnssec_probe_s": 1}})

        def alarms():
            lines = [json.loads(line) for line in ca.log("cairn-va").splitlines()]
            return [line for line in lines if "DNSSEC probe" in line["message"]]

        until = time.monotonic() + 120
        while len(alarms()) < 2 and time.monotonic() < until:
            time.sleep(0.2)
        assert len(alarms()) >= 2 and all(line["level"] == "error" and said in line["message"] for line in alarms()), alarms()
        metrics = raw.requests.get(f"http://{ca.metrics_address('cairn-va')}/metrics", timeout=60).text
        assert "cairn_dnssec_probe 0\n" in metrics


def test_the_last_of_a_hundred_names(client, tree):
    """C-30, C-38: one name's CAA ends the order, however many others there are"""
    names = [f"n{i:02}.hundred.good.tree" for i in range(100)]
    tree.leaves.add("good.tree", "n99.hundred", "CAA", FORBID)
    made = ordered(client, *names)
    by_name = {client.post(url).json()["identifier"]["value"]: url for url in made.json()["authorizations"][-1:] + made.json()["authorizations"][:1]}
    for name, expected in (("n00", "valid"), ("n99", "invalid")):
        url = by_name[f"{name}.hundred.good.tree"]
        tree.leaves.add("good.tree", f"_acme-challenge.{name}.hundred", "TXT", digest(client, client.challenge(url, "dns-01")["token"]))
        assert start(client, url)["status"] == expected
    assert client.post(made.headers["Location"]).json()["status"] == "invalid"


def test_two_views_of_a_zone(make_ca, tree):
    """C-20, C-21, C-22: an inner view of a zone that the public tree signs; beside it a zone of the same server whose own key counts"""
    zones = ("good.tree", "rsa.tree")
    inner = name_server.NameServer("good.tree", signed={"rsa.tree": "rsa"})
    try:
        ca = make_ca({"va": {"root_servers": tree.root_servers, "root_trust_anchors": tree.root_trust_anchors, "resolvers": [
            {"zone": "good.tree", "forward": inner.forward, "dnssec": "off"},
            {"zone": "rsa.tree", "forward": inner.forward, "trust_anchors": [inner.anchor("rsa.tree")]}]},
                      "policy": {"internal_names": ["."]}, "ra": {"validation_attempts": 1}})
        client = raw.Client(ca)
        client.register()
        for zone, state in zip(zones, ("off", "secure")):
            name = f"views.{zone}"
            url = ordered(client, name).json()["authorizations"][0]
            value = digest(client, client.challenge(url, "dns-01")["token"])
            tree.add(f"_acme-challenge.{name}", "TXT", "the outer view")
            inner.add(zone, "_acme-challenge.views", "TXT", value)
            inner.add(zone, "views", "CAA", FORBID if zone == "rsa.tree" else '0 iodef "mailto:a@example"')
            final = start(client, url)
            (found,) = ca.sql(f"SELECT resolutions FROM log.validation JOIN log.validation_private USING (id) WHERE identifier_value = '{name}'")
            (txt,) = [r for r in json.loads(found[0])["resolutions"] if r["type"] == "TXT"]
            assert txt["dnssec"] == state and txt["resolver"] == inner.forward and value in txt["answers"][0]
            assert final["status"] == ("invalid" if zone == "rsa.tree" else "valid")  # CAA of the inner view counts
    finally:
        inner.close()
