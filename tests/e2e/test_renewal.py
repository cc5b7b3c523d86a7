"""Renewal information and replacement orders (RFC 9773), and incidents, which call for renewals: B-13 to B-19."""
import base64
import concurrent.futures
import datetime
import http.client
import json
import ssl
import urllib.parse

import pytest
from cryptography import x509

import raw
from test_eab import cairn

PAGE = "https://ca.test/incident"


def leaf_of(chain):
    return raw.chain(chain)[0]


def serial_octets(leaf):
    return leaf.serial_number.to_bytes(leaf.serial_number.bit_length() // 8 + 1, "big")


def name_of(leaf):
    """RFC 9773 4.1"""
    key_id = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    return raw.b64(key_id) + "." + raw.b64(serial_octets(leaf))


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def ask(client, name):
    return client.get(client.directory["renewalInfo"] + "/" + name)


def window(client, name):
    answer = ask(client, name)
    assert answer.status_code == 200, answer.text
    found = answer.json()["suggestedWindow"]
    return moment(found["start"]), moment(found["end"]), answer.json().get("explanationURL")


def finish(client, responder, made, *names):
    """Brings a new order to its certificate; the order as it is then."""
    assert made.status_code == 201, made.text
    client.validate(made.json(), responder)
    done = client.post(made.json()["finalize"], {"csr": raw.b64(raw.csr(names)[0])})
    assert done.status_code == 200, done.text
    return done.json()


def test_renewal_info(ca, account, responder):
    """B-13 to B-18, with nothing but GET"""
    leaf = leaf_of(account.issue(responder, "info.test")[0])
    name = name_of(leaf)
    answer = ask(account, name)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json"
    assert 60 <= int(answer.headers["Retry-After"]) <= 21600
    assert answer.headers["Cache-Control"] == "public, max-age=300" and "Replay-Nonce" not in answer.headers
    start, end, why = window(account, name)
    life = leaf.not_valid_after - leaf.not_valid_before
    middle = leaf.not_valid_before.replace(tzinfo=datetime.timezone.utc) + life * 2 / 3
    assert start < middle < end and why is None
    assert abs((end - start) - life / 50) < datetime.timedelta(seconds=5)

    unknown = ask(account, name[:-4] + ("AAAA" if name[-4:] != "AAAA" else "BBBB"))
    foreign = ask(account, raw.b64(b"x" * 20) + "." + name.partition(".")[2])
    for refused in (unknown, foreign):
        raw.problem(refused, 404, "malformed")
    assert unknown.json()["detail"] == foreign.json()["detail"]
    key_id, _, serial = name.partition(".")
    octets = base64.urlsafe_b64decode(serial + "=" * (-len(serial) % 4))
    for broken in (key_id + "=." + serial, name + "=", serial, name + ".AA", key_id + "." + octets.hex(),
                   key_id + "." + raw.b64(b"\0\0" + octets.lstrip(b"\0")), name + "%3D"):
        raw.problem(ask(account, broken), 400, "malformed")
    raw.problem(account.post(account.directory["renewalInfo"] + "/" + name), 405, "malformed")

    der = raw.b64(leaf.public_bytes(raw.serialization.Encoding.DER))
    assert account.post(account.directory["revokeCert"], {"certificate": der}).status_code == 200
    start, end, _ = window(account, name)
    assert start < end < datetime.datetime.now(datetime.timezone.utc)  # B-16


def test_replaces(ca, account, responder):
    """B-17: refusals, the echo, and what becomes of the certificate by the order's end"""
    leaf = leaf_of(account.issue(responder, "old.test", "more.test")[0])
    name = name_of(leaf)
    raw.problem(account.order("old.test", replaces=name + "="), 400, "malformed")
    raw.problem(account.order("old.test", replaces=name[:-4] + ("AAAA" if name[-4:] != "AAAA" else "BBBB")), 404, "malformed")
    raw.problem(account.order("other.test", replaces=name), 400, "malformed")
    stranger = raw.Client(ca)
    stranger.register()
    raw.problem(stranger.order("old.test", replaces=name), 403, "unauthorized")

    first = account.order("old.test", replaces=name)
    assert first.status_code == 201 and first.json()["replaces"] == name
    again = account.order("old.test", replaces=name)  # the same order, as RFC 9773 5 speaks of another one
    assert again.status_code == 201 and again.headers["Location"] == first.headers["Location"] and again.json() == first.json()
    raw.problem(account.order("old.test", "more.test", replaces=name), 409, "alreadyReplaced")
    # the order comes to nothing and another takes its place
    assert account.post(first.json()["authorizations"][0], {"status": "deactivated"}).status_code == 200
    assert account.post(first.headers["Location"]).json()["status"] == "invalid"
    second = account.order("old.test", "new.test", replaces=name)
    done = finish(account, responder, second, "old.test", "new.test")
    assert done["status"] == "valid" and done["replaces"] == name
    told = ca.cairn("audit", "why", f"{leaf.serial_number:036x}", "--database", ca.AUDITOR_DATABASE_URL, check=False).stdout
    assert f"Order {second.headers['Location'].rpartition('/')[2]} replaces it" in told  # F-56
    assert account.post(second.headers["Location"]).json()["replaces"] == name
    raw.problem(account.order("old.test", replaces=name), 409, "alreadyReplaced")
    # what replaced it can be replaced in turn
    newer = name_of(leaf_of(account.post(done["certificate"]).text))
    finish(account, responder, account.order("new.test", replaces=newer), "new.test")
    assert "replaces" not in account.order("old.test").json()


def test_one_of_many_replaces(ca, account, responder):
    """B-17: ten orders at once, each with a name of its own beside, one has the certificate"""
    name = name_of(leaf_of(account.issue(responder, "race.test")[0]))
    clients = []
    for _ in range(10):
        one = raw.Client(ca, account.key)
        one.kid = account.kid
        clients.append(one)
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda i: clients[i].order("race.test", f"n{i}.race.test", replaces=name), range(10)))
    assert sorted(a.status_code for a in answers) == [201] + [409] * 9
    for answer in answers:
        if answer.status_code == 409:
            raw.problem(answer, 409, "alreadyReplaced")


def incident(ca, *words, check=True):
    done = cairn(ca, "incident", *words, "--json", check=check)
    return json.loads(done.stdout) if check else done


@pytest.fixture(scope="module")
def own_ca(make_ca):
    return make_ca({"wfe": {"visits_per_minute": 1200, "visits_at_once": 2000}})


@pytest.fixture
def some_certificate(own_ca, responder_for):
    """A condition is looked at for each row that there is, so there has to be one."""
    if not own_ca.sql("SELECT 1 FROM ca.certificate LIMIT 1", role="cairn_owner"):
        client = raw.Client(own_ca)
        client.register()
        client.issue(responder_for(own_ca), "first.test")


def test_incident(own_ca, responder_for, tmp_path):
    """B-16: shown, created, in waves, closed; each an operator's act on record"""
    answers = responder_for(own_ca)
    client = raw.Client(own_ca)
    client.register()
    leaves = [leaf_of(client.issue(answers, f"n{i}.test")[0]) for i in range(3)]
    names = [name_of(leaf) for leaf in leaves]
    before = [window(client, name) for name in names]
    serials = tmp_path / "serials"
    serials.write_text("# affected\n" + "\n".join(f"{leaf.serial_number:x}".zfill(len(serial_octets(leaf)) * 2) for leaf in leaves[:2]) + "\n")

    shown = incident(own_ca, "create", "--serials", str(serials), "--url", PAGE, "--dry-run")
    assert (shown["done"], shown["certificates"], shown["accounts"]) == (False, 2, 1)
    assert [window(client, name) for name in names] == before

    made = incident(own_ca, "create", "--serials", str(serials), "--url", PAGE, "--window", "1h/3h", "--waves", "2", "--yes")
    assert made["done"] and [w["certificates"] for w in made["waves"]] == [1, 1]
    found = sorted(window(client, name) for name in names[:2])
    assert [(moment(w["opens"]), moment(w["closes"]), PAGE) for w in made["waves"]] == found
    assert window(client, names[2]) == before[2]

    # another one, sooner, of what a condition says; the nearer counts
    sooner = incident(own_ca, "create", "--where", "'n0.test' = ANY (names) AND 'http-01' = ANY (methods) -- all", "--url", PAGE + "2", "--yes")
    assert sooner["certificates"] == 1
    start, end, why = window(client, names[0])
    assert start < end < datetime.datetime.now(datetime.timezone.utc) and why == PAGE + "2"
    made_order = client.order("n0.test", replaces=names[0])
    finish(client, answers, made_order, "n0.test")
    listed = {i["id"]: i for i in incident(own_ca, "list")["incidents"]}
    assert (listed[sooner["id"]]["replaced"], listed[sooner["id"]]["waiting"]) == (1, 0)
    assert (listed[made["id"]]["replaced"], listed[made["id"]]["waiting"]) == (1, 1)
    details = incident(own_ca, "show", made["id"])
    assert sorted(c["state"] for c in details["certificates"]) == ["replaced", "waiting"]
    assert {c["serial"] for c in details["certificates"]} == {line for line in serials.read_text().split("\n")[1:] if line}

    assert not incident(own_ca, "close", made["id"])["done"]
    assert incident(own_ca, "close", made["id"], "--yes")["done"]
    assert incident(own_ca, "close", sooner["id"], "--yes")["done"]
    assert [window(client, name) for name in names] == before
    acts = own_ca.sql("SELECT kind, actor LIKE 'operator %', facts->>'incident' FROM log.event WHERE kind LIKE 'incident.%' ORDER BY id")
    assert acts == [["incident.created", "t", made["id"]], ["incident.created", "t", sooner["id"]],
                    ["incident.closed", "t", made["id"]], ["incident.closed", "t", sooner["id"]]]


@pytest.mark.parametrize("condition", ["nonsense", "true) OR (SELECT", "true); DELETE FROM acme.incident; --",
                                       "EXISTS (SELECT FROM log.request)", "EXISTS (SELECT FROM acme.account)",
                                       "acme.close_incident(certificate_id, 'x')", "1/0 = 1", "true) UNION SELECT 1, 2 INTO x FROM (SELECT 1"])
def test_refused_conditions(own_ca, some_certificate, condition):
    """A condition reads certificates and nothing else, and writes nothing."""
    refused = incident(own_ca, "create", "--where", condition, "--url", PAGE, "--yes", check=False)
    assert refused.returncode == 1 and "condition" in refused.stderr, refused.stderr


@pytest.mark.parametrize("words", [[], ["make"], ["show"], ["show", "x"], ["create", "--url", PAGE], ["create", "--where", "true"],
                                   ["create", "--where", "true", "--serials", "x", "--url", PAGE],
                                   ["create", "--where", "true", "--url", "ftp://x"], ["create", "--where", "true", "--url", PAGE, "--waves", "0"],
                                   ["create", "--where", "true", "--url", PAGE, "--window", "2h/1h"],
                                   ["create", "--where", "true", "--url", PAGE, "--window", "soon"],
                                   ["create", "--where", "true", "--url", PAGE, "--dry-run", "--yes"]])
def test_usage(own_ca, words):
    done = cairn(own_ca, "incident", *words, check=False)
    assert done.returncode == 2 and "Usage" in done.stderr


@pytest.mark.parametrize("line", ["xyz", "123", "00" * 21, "0102"])
def test_refused_serials(own_ca, tmp_path, line):
    path = tmp_path / "serials"
    path.write_text(line + "\n")
    refused = incident(own_ca, "create", "--serials", str(path), "--url", PAGE, "--yes", check=False)
    assert refused.returncode == 1 and str(path) in refused.stderr


def test_nothing_is_meant(own_ca):
    refused = incident(own_ca, "create", "--where", "false", "--url", PAGE, "--yes", check=False)
    assert refused.returncode == 1 and "no certificate" in refused.stderr


def test_visits_are_bounded_by_address(own_ca):
    """B-18: one address that asks on and on is told when to come again; others go on, as do requests that are signed"""
    account = raw.Client(own_ca)
    account.register()
    at = urllib.parse.urlsplit(account.directory["renewalInfo"])
    context = ssl.create_default_context(cafile=own_ca.API_CA_FILE)
    one = http.client.HTTPSConnection(at.hostname, at.port, context=context, source_address=("127.0.0.9", 0), timeout=30)
    most = 2000  # wfe.visits_at_once
    seen = 0
    while True:
        one.request("GET", at.path + "/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")
        answer = one.getresponse()
        body = answer.read()
        if answer.status != 404:
            break
        seen += 1
        assert seen < 2 * most
    assert answer.status == 429 and seen >= most, body
    assert json.loads(body)["type"] == "urn:ietf:params:acme:error:rateLimited" and "127.0.0.9" in json.loads(body)["detail"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    one.close()
    assert account.get(account.directory["renewalInfo"] + "/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE").status_code == 404
    assert account.order("visits.test").status_code == 201
