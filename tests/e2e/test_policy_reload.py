"""The public suffix list and the lists of names and keys change while clients order: what was taken before is refused from then on,
by the rule's name, nothing is lost, and the log tells which lists counted when."""
import hashlib
import os
import threading
import urllib.request

import pytest
from cryptography.hazmat.primitives import serialization

import lists
import raw

END = "// ===END ICANN DOMAINS==="


def suffixes_with(*more):
    """The list of the package publicsuffix, with these lines in its ICANN part."""
    with open("/usr/share/publicsuffix/public_suffix_list.dat", encoding="utf-8") as f:
        whole = f.read()
    return whole.replace(END, "".join(line + "\n" for line in more) + END)


@pytest.fixture(scope="module")
def suffixes(tmp_path_factory):
    """A public suffix list of a test's own, which cairn-ra can read."""
    folder = tmp_path_factory.mktemp("suffixes")
    for above in (folder, *folder.parents):
        if above.name.startswith("pytest-"):
            above.chmod(0o755)
    path = folder / "list.dat"
    lists.write(str(path), suffixes_with())
    return path


@pytest.fixture(scope="module")
def public(make_ca, suffixes):
    """A CA in mode webpki by that list."""
    return make_ca(lists.webpki(public_suffix_file=str(suffixes)))


@pytest.fixture
def holder(public):
    one = raw.Client(public)
    assert one.register().status_code == 201
    return one


def reads_failed(ca):
    with urllib.request.urlopen(f"http://{ca.metrics_address('cairn-ra')}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return int(next(line for line in lines if line.startswith("cairn_policy_reads_failed_total")).split()[1])


def newest_read(ca):
    """File and SHA-256 of each list that was read last."""
    rows = ca.sql("SELECT f->>'file', f->>'sha256' FROM (SELECT facts FROM log.event WHERE kind = 'policy.lists_read' ORDER BY id DESC LIMIT 1) e, "
                  "jsonb_array_elements(e.facts->'files') f")
    return dict(rows)


def sha256_of(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def refused(client, name, rule):
    body = raw.problem(client.order(name), 400, "rejectedIdentifier")
    assert [s["identifier"]["value"] for s in body["subproblems"]] == [name]
    lists.assert_rule(client.ca, "new-order", rule)


def test_public_suffix_list(public, holder, suffixes):
    """C-13, C-14: a registry begins to sell names below one of its own"""
    pid = public.pid("cairn-ra")
    for name in "registry.com", "*.registry.com", "shop.registry.com":
        assert holder.order(name).status_code == 201
    lists.write(str(suffixes), suffixes_with("registry.com"))
    assert holder.order("registry.com").status_code == 201, "before it is told to"
    lists.reload(public)
    refused(holder, "registry.com", "name.public-suffix")
    refused(holder, "*.registry.com", "name.wildcard-suffix")
    assert holder.order("shop.registry.com").status_code == 201
    assert newest_read(public)[str(suffixes)] == sha256_of(suffixes)
    failed = reads_failed(public)
    lists.write(str(suffixes), "no list of suffixes\n")
    lists.reload(public, good=False)
    assert reads_failed(public) == failed + 1
    assert f"{suffixes}: is not the whole public suffix list" in public.log("cairn-ra")
    refused(holder, "registry.com", "name.public-suffix")
    assert holder.order("shop.registry.com").status_code == 201
    lists.write(str(suffixes), suffixes_with())
    lists.reload(public)
    assert holder.order("registry.com").status_code == 201
    assert public.pid("cairn-ra") == pid


def test_a_wildcard_over_a_blocked_name(public, holder):
    """C-74: *.bank.com would be a certificate for the login that nobody may have"""
    for name in "login.bank.com", "*.bank.com", "www.bank.com":
        assert holder.order(name).status_code == 201
    lists.put(public, own__names="[exact]\nlogin.bank.com\n")
    refused(holder, "login.bank.com", "name.blocked-exact")
    refused(holder, "*.bank.com", "name.blocked-cover")
    for name in "www.bank.com", "bank.com", "*.login.bank.com", "*.www.bank.com":
        assert holder.order(name).status_code == 201, name
    lists.put(public, own__names=None)
    assert holder.order("*.bank.com").status_code == 201


def test_a_key_that_is_published(public, holder):
    """F-24, F-26: the key of an account that is there stays; no new one is made with a key of the list"""
    key = raw.ec_key()
    assert raw.Client(public, raw.ec_key()).register().status_code == 201
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    lists.put(public, leaked__spki=hashlib.sha256(der).hexdigest() + "\n")
    raw.problem(raw.Client(public, key).register(), 400, "badPublicKey")
    lists.assert_rule(public, "new-account", "key.blocked")
    lists.put(public, leaked__spki=None)
    assert raw.Client(public, key).register().status_code == 201


def test_what_cannot_be_recorded_does_not_count(public, holder):
    """F-45: which lists decide stands in the sealed log, or they decide nothing"""
    path = os.path.join(public.state, "lists", "own.names")
    public.sql("REVOKE INSERT ON log.event FROM cairn_ra", "cairn_owner")
    lists.put(public, good=False, own__names="[domains]\nunrecorded.com\n")
    assert path not in newest_read(public)
    public.sql("GRANT INSERT ON log.event TO cairn_ra", "cairn_owner")
    assert holder.order("unrecorded.com").status_code == 201
    lists.reload(public)
    assert newest_read(public)[path] == sha256_of(path)
    refused(holder, "unrecorded.com", "name.blocked")
    lists.put(public, own__names=None)
    assert path not in newest_read(public)
    lists.wait_for("the reads are not sealed", lambda: public.sql(
        "SELECT count(*) FROM log.event e LEFT JOIN log.leaf l ON l.row_id = e.id AND l.kind = 3 "
        "WHERE e.kind = 'policy.lists_read' AND l.row_id IS NULL") == [["0"]])


def test_no_request_is_lost(public):
    """C-74: four clients order without a pause while the lists change ten times, each tenth of them broken: every request has its
    answer and its record, by the one list or the other"""
    stop, seen = threading.Event(), []

    def order(client):
        while not stop.is_set():
            seen.append(client.order("changing.com").status_code)

    before = int(public.sql("SELECT count(*) FROM log.event WHERE kind IN ('order.created', 'order.given_again')")[0][0])
    clients = [raw.Client(public) for _ in range(4)]
    for one in clients:
        assert one.register().status_code == 201
    threads = [threading.Thread(target=order, args=(c,)) for c in clients]
    for thread in threads:
        thread.start()
    try:
        for i in range(10):
            lists.put(public, good=i % 5 != 4, own__names=["", "[domains]\nchanging.com\n", "", "[domains]\nchanging.com\n", "[domian]\n"][i % 5])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        lists.put(public, own__names=None)
    assert set(seen) == {201, 400}, {s: seen.count(s) for s in set(seen)}
    assert int(public.sql("SELECT count(*) FROM log.event WHERE kind IN ('order.created', 'order.given_again')")[0][0]) - before == seen.count(201)
    accounts = ", ".join(f"'{raw.unb64(c.kid.rsplit('/', 1)[1]).hex()}'" for c in clients)
    recorded = f"SELECT count(*), count(*) FILTER (WHERE rule = 'name.blocked') FROM log.request WHERE route = 'new-order' AND account_id IN ({accounts})"
    wanted = [[str(len(seen)), str(seen.count(400))]]
    lists.wait_for(f"not all of {wanted} is on record", lambda: public.sql(recorded) == wanted)
    assert public.deaths() == []
