"""dns-persist-01: records that stand for good, with a real name server: B-28..B-32."""
import datetime
import json
import time

import dns.message
import pytest

import raw
from name_server import TOP, ZONE

METHOD = "dns-persist-01"


@pytest.fixture(scope="module")
def ca(request_ca):
    return request_ca


@pytest.fixture
def holder(ca):
    one = raw.Client(ca)
    assert one.register().status_code == 201
    return one


def new_order(client, *names):
    made = client.order(*names)
    assert made.status_code == 201, made.text
    return made


def respond(client, url):
    """What became of an authorization by the method."""
    assert client.post(client.challenge(url, METHOD)["url"], {}).status_code == 200
    return client.poll(url, ("valid", "invalid")).json()


def tried(client, name):
    (url,) = new_order(client, name).json()["authorizations"]
    return respond(client, url)


def error_of(authorization):
    assert authorization["status"] == "invalid", authorization
    (challenge,) = authorization["challenges"]
    return challenge["error"]["type"].rpartition(":")[2], challenge["error"]["detail"]


def add(server, label, *values):
    """Records of one string each, or of several where the value is a list."""
    quoted = [" ".join(f'"{part}"' for part in ([value] if isinstance(value, str) else value)) for value in values]
    server.add(ZONE, f"_validation-persist.{label}", "TXT", *quoted)


def seconds(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()


def test_what_is_offered(holder):
    """B-28, B-47, C-35: no token, but the account and whom a record may name, which is whom CAA may name; the draft is named by the configuration"""
    assert holder.directory["meta"]["caaIdentities"] == ["ca.test", "second.test"]
    made = new_order(holder, f"object.{ZONE}", f"*.object.{ZONE}").json()
    for url in made["authorizations"]:
        challenge = holder.challenge(url, METHOD)
        assert challenge == {"type": METHOD, "url": challenge["url"], "status": "pending", "accounturi": holder.kid,
                             "issuer-domain-names": ["ca.test", "second.test"]}
        read = holder.post(challenge["url"])
        assert read.status_code == 200 and read.json() == challenge
        assert "token" in holder.challenge(url, "dns-01") and "accounturi" not in holder.challenge(url, "dns-01")


def test_the_practice_statement_has_the_same_names(ca, holder, tmp_path):
    """C-35, C-43: what `cairn export cps` writes, the directory and the objects of challenges name the same issuer domain names"""
    config = ["--config", f"{ca.state}/cairn.yaml", "--config", f"{ca.folder}/overlay.yaml"]
    text = ca.cairn("export", "cps", *config).stdout
    caa = text.split("## CAA", 1)[1].split("## ", 1)[0]
    names = [line.removeprefix("- ") for line in caa.splitlines() if line.startswith("- ")]
    assert names == holder.directory["meta"]["caaIdentities"] == ["ca.test", "second.test"]
    made = new_order(holder, f"cps.{ZONE}").json()
    offered = holder.post(made["authorizations"][0]).json()["challenges"]
    assert next(c for c in offered if c["type"] == METHOD)["issuer-domain-names"] == names
    assert f"| DNS names | {METHOD} | {METHOD}, ca-tbr-22 | 3.2.2.4.22 |" in text
    rows = {line.split(" | ")[1] for line in text.splitlines() if line.startswith("| DNS names")}
    assert rows == {c["type"] for c in offered}
    page = tmp_path / "cps.html"
    ca.cairn("export", "cps", *config, "--html", "--out", page)
    assert "<li>ca.test</li>" in page.read_text() and ca.cairn("export", "cps", *config, "--out", page, check=False).returncode == 1


def test_name_and_wildcard(ca, holder, server):
    """B-29, B-30, B-32, C-71, F-42, G-3: one record proves both and is looked up again for the next order; a certificate comes of it"""
    names = (f"stand.{ZONE}", f"*.stand.{ZONE}")
    add(server, "stand", "other.test; accounturi=https://other.test/1", ["ca.test; accounturi=", f"{holder.kid}; policy=WildCard"])
    made = new_order(holder, *names)
    for url in made.json()["authorizations"]:
        final = respond(holder, url)
        assert final["status"] == "valid", final
        (challenge,) = final["challenges"]
        assert challenge["type"] == METHOD and "token" not in challenge and challenge["accounturi"] == holder.kid
        assert holder.post(url).json() == final
        lasts = seconds(final["expires"]) - seconds(challenge["validated"])
        assert 864000 - 2 <= lasts <= 864000 + 2  # the profile would have it last for 30 days
    der, _ = raw.csr(names)
    assert holder.post(made.json()["finalize"], {"csr": raw.b64(der)}).status_code == 200
    assert holder.poll(made.headers["Location"], ("valid", "invalid")).json()["status"] == "valid"
    again = new_order(holder, *names).json()
    assert again["status"] == "pending" and not set(again["authorizations"]) & set(made.json()["authorizations"])
    rows = ca.sql(f"SELECT rule, proof, wildcard, authorization_id FROM log.validation WHERE method = '{METHOD}' AND identifier_value = 'stand.{ZONE}'")
    assert sorted(row[2] for row in rows) == ["f", "t"] and all("3.2.2.4.22 (draft" in row[0] and row[1] == "control" for row in rows)
    (kept,) = ca.sql("SELECT resolutions FROM log.validation_private JOIN log.validation USING (id) "
                     f"WHERE method = '{METHOD}' AND identifier_value = 'stand.{ZONE}' AND wildcard")[0]
    (txt,) = [r for r in json.loads(kept)["resolutions"] if r["type"] == "TXT"]
    assert txt["name"] == f"_validation-persist.stand.{ZONE}" and len(txt["answers"]) == 2
    assert [one.ttl for one in dns.message.from_wire(raw.unb64(txt["raw"])).answer] == [0]  # no answer is kept: what a TTL would allow is unknown


def test_without_its_record_nothing_goes_on(holder, server):
    """B-32: the record (its TTL is a minute) is gone, and the next order can't rely on what it proved"""
    add(server, "gone", f"second.test; accounturi={holder.kid}")
    assert tried(holder, f"gone.{ZONE}")["status"] == "valid"
    server.remove(ZONE, "_validation-persist.gone", "TXT")
    kind, detail = error_of(tried(holder, f"gone.{ZONE}"))
    assert kind in ("dns", "unauthorized") and "_validation-persist.gone" in detail


def test_refusals(holder, server, ca):
    """B-29, B-30, B-31: what is wrong is said; the record of a name proves no name below it"""
    other = raw.Client(ca)
    assert other.register().status_code == 201
    own = f"ca.test; accounturi={holder.kid}"
    now = int(time.time())
    cases = [
        ("stranger", [f"ca.test; accounturi={other.kid}"], "unauthorized", "is for the account"),
        ("elsewhere", [f"other.test; accounturi={holder.kid}", "nonsense; ;"], "unauthorized", "No TXT record of this CA"),
        ("broken", [own + "; policy"], "malformed", "not of the form"),
        ("nobody", ["ca.test"], "malformed", "no accounturi"),
        ("twice", [own + f"; accounturi={holder.kid}"], "malformed", "twice"),
        ("hex", [own + "; persistUntil=0x7fffffff"], "malformed", "persistUntil"),
        ("over", [own + f"; persistUntil={now - 60}"], "unauthorized", "persistUntil"),
    ]
    for label, records, kind, words in cases:
        add(server, label, *records)
        found, detail = error_of(tried(holder, f"{label}.{ZONE}"))
        assert found == kind and words in detail, (label, found, detail)
    add(server, "until", own + f"; persistUntil={now + 3600}; unknown=1")
    assert tried(holder, f"until.{ZONE}")["status"] == "valid"
    assert "no policy=wildcard" in error_of(tried(holder, f"*.until.{ZONE}"))[1]
    add(server, "wide", own + "; policy=wildcard")
    assert tried(holder, f"*.wide.{ZONE}")["status"] == "valid"
    assert "_validation-persist.www.wide" in error_of(tried(holder, f"www.wide.{ZONE}"))[1]


def test_not_before_an_order(holder, make_ca, server):
    """A-95, B-32: what serves one order only is not offered by newAuthz"""
    made = holder.post(holder.directory["newAuthz"], {"identifier": {"type": "dns", "value": f"early.{ZONE}"}})
    assert made.status_code == 201 and [c["type"] for c in made.json()["challenges"]] == ["dns-01"]
    alone = raw.Client(make_ca({"va": {"resolvers": [{"zone": TOP, "forward": server.forward, "dnssec": "off"}]},
                                "acme": {"pre_authorization": True}, "policy": {"challenges": [METHOD]}}))
    assert alone.register().status_code == 201
    refused = alone.post(alone.directory["newAuthz"], {"identifier": {"type": "dns", "value": f"early.{ZONE}"}})
    assert "before there is an order" in raw.problem(refused, 403, "rejectedIdentifier")["detail"]
    assert alone.order(f"early.{ZONE}").status_code == 201


@pytest.fixture(scope="module")
def aging(make_ca, server):
    """A CA in which days pass, and whose own limits are longer than those of the method."""
    return make_ca({"va": {"resolvers": [{"zone": TOP, "forward": server.forward, "dnssec": "off"}]}, "acme": {"caa_identities": ["ca.test"]},
                    "policy": {"challenges": [METHOD], "profiles": [{"name": "long", "life": "20d", "order_life": "10d", "authorization_life": "30d"}]}},
                   shifted=True)


def test_day_eleven(aging, server):
    """C-71: what was seen once serves for ten days, until the certificate is issued, however long the profile lasts; and the order, if it could"""
    one = raw.Client(aging)
    assert one.register().status_code == 201
    names = [f"{day}.aging.{ZONE}" for day in ("nine", "eleven")]
    for name in names:
        add(server, name.removesuffix(f".{ZONE}"), f"ca.test; accounturi={one.kid}")
    made = [one.order(name) for name in names]
    for order in made:
        assert respond(one, order.json()["authorizations"][0])["status"] == "valid"
    aging.sql("UPDATE acme.orders SET expires_at = expires_at + interval '20 days'", "cairn_owner")
    aging.pass_time(days=9, hours=23)
    one.nonces = []
    finalize = [(order.json()["finalize"], {"csr": raw.b64(raw.csr([name])[0])}) for order, name in zip(made, names)]
    end = time.monotonic() + 60
    while (done := one.post(*finalize[0])).status_code == 503:  # until there is a CRL again
        assert time.monotonic() < end, done.text
        time.sleep(0.2)
    assert done.status_code == 200, done.text
    assert one.poll(made[0].headers["Location"], ("valid", "invalid")).json()["status"] == "valid"
    aging.pass_time(hours=2)
    one.nonces = []
    refused = one.post(*finalize[1])
    assert refused.status_code == 403 and refused.json()["type"].endswith(":orderNotReady"), refused.text
    order = one.post(made[1].headers["Location"]).json()
    assert order["status"] == "invalid", order
    assert aging.sql(f"SELECT count(*) FROM ca.certificate WHERE '{names[1]}' = ANY (names)", "cairn_owner") == [["0"]]
    assert tried(one, names[1])["status"] == "valid"  # the record still stands and is looked up anew
