"""The policy on names as its users meet it: cairn policy, and orders by whose the names are. A-44, A-74, A-119, B-7, B-25."""
import json
import time

import pytest

import raw
from test_eab import binding, cairn, create

NOBODY = "AZr0AAAAcACAAAAAAAAAAA"
RULES = """
rules:
  - name: web team
    accounts: [{account}]
    names: [.web.test]
  - name: customers
    eab_keys: [{key}]
    names: [.customer.test]
    profiles: [classic]
  - name: lab
    accounts: [{account}]
    names: [.lab.test]
    without_challenge: true
  - name: public
    everybody: true
    names: [.public.test]
"""


@pytest.fixture(scope="module")
def own_ca(make_ca):
    profiles = [{"name": "classic"}, {"name": "short", "life": "6d"}, {"name": "few", "max_names": 1}, {"name": "own", "accounts": [NOBODY]}]
    return make_ca({"policy": {"profiles": profiles, "permitted_networks": ["127.0.0.0/8"]}})


@pytest.fixture
def answers(own_ca, responder_for):
    return responder_for(own_ca)


def account_of(client):
    return client.kid.rpartition("/")[2]


def apply(own_ca, tmp_path, text):
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    return json.loads(cairn(own_ca, "policy", "apply", str(path), "--yes", "--json").stdout)


def test_life_of_a_policy(own_ca, answers, tmp_path):
    """Everybody may ask until there are rules; then the rules say."""
    ana, ben = raw.Client(own_ca), raw.Client(own_ca)
    key = create(own_ca, "--repeated")
    assert ana.register().status_code == 201
    assert ben.register(externalAccountBinding=binding(ben, key)).status_code == 201
    ana.issue(answers, "old.test")
    assert "No policy" in cairn(own_ca, "policy", "show").stdout
    rules = RULES.format(account=account_of(ana), key=key["key_id"])
    path = tmp_path / "rules.yaml"
    path.write_text(rules)

    shown = json.loads(cairn(own_ca, "policy", "diff", str(path), "--json").stdout)
    assert [d["names"] for d in shown["refused"]] == [["old.test"]]
    assert shown["refused"][0]["account_id"] == account_of(ana) and shown["refused"][0]["newest"]
    dry = cairn(own_ca, "policy", "apply", str(path))
    assert "old.test: no rule of policy 1 gives it" in dry.stdout and "--yes" in dry.stdout
    assert ana.order("other.test").status_code == 201  # nothing was changed
    assert apply(own_ca, tmp_path, rules)["version"] == 1
    assert rules.strip() in cairn(own_ca, "policy", "show").stdout

    # by challenge
    ana.issue(answers, "www.web.test", "x.public.test")
    ben.issue(answers, "shop.customer.test")
    refused = raw.problem(ana.order("www.web.test", "shop.customer.test", "other.test"), 400, "rejectedIdentifier")
    assert [s["identifier"]["value"] for s in refused["subproblems"]] == ["shop.customer.test", "other.test"]
    assert "no rule of policy 1 gives it" in refused["subproblems"][0]["detail"]
    raw.problem(ben.order("www.web.test"), 400, "rejectedIdentifier")
    raw.problem(ben.order("shop.customer.test", profile="short"), 400, "rejectedIdentifier")
    refusals = "SELECT count(*) FROM log.request WHERE problem = 'REJECTED_IDENTIFIER' AND rule = 'name.not-granted'"
    end = time.monotonic() + 60
    while own_ca.sql(refusals) != [["3"]]:  # requests reach the database a moment later
        assert time.monotonic() < end
        time.sleep(0.1)

    # without one, and loudly
    made = ana.order("one.lab.test")
    assert made.status_code == 201 and made.json()["status"] == "ready", made.text
    authz = ana.post(made.json()["authorizations"][0]).json()
    assert authz["status"] == "valid" and authz["challenges"] == []
    der, _ = raw.csr(["one.lab.test"])
    assert ana.post(made.json()["finalize"], {"csr": raw.b64(der)}).json()["status"] == "valid"
    assert own_ca.sql("SELECT method, rule, proof FROM log.validation WHERE identifier_value = 'one.lab.test'") == [["grant", "lab", "grant"]]
    assert own_ca.sql("SELECT facts ->> 'policy' FROM log.event WHERE kind = 'names.granted-without-challenge'") == [["1"]]
    assert "gave names without a challenge" in own_ca.log("cairn-ra")
    raw.problem(ben.order("one.lab.test"), 400, "rejectedIdentifier")

    # a policy that comes between order and finalize
    made = ana.order("late.lab.test").json()
    assert apply(own_ca, tmp_path, "rules: [{name: public, everybody: true, names: [.public.test]}]")["version"] == 2
    der, _ = raw.csr(["late.lab.test"])
    raw.problem(ana.post(made["finalize"], {"csr": raw.b64(der)}), 400, "rejectedIdentifier")

    # asked before anyone asks the CA, also of how it was
    def ask(names, *more):
        done = cairn(own_ca, "policy", "test", "--names", names, "--json", *more, check=False)
        answer = json.loads(done.stdout)
        assert done.returncode == (0 if answer["allowed"] else 1)
        return {a["identifier"]: (a["verdict"], a.get("rule")) for a in answer["answers"]}

    who = ("--account", ana.kid)
    assert ask("www.web.test,x.public.test", *who) == {"www.web.test": ("refused", "name.not-granted"), "x.public.test": ("challenge", "public")}
    assert ask("www.web.test,one.lab.test", *who, "--version", "1") == {"www.web.test": ("challenge", "web team"), "one.lab.test": ("granted", "lab")}
    assert ask("a.customer.test", "--eab-key", key["key_id"], "--version", "1") == {"a.customer.test": ("challenge", "customers")}
    assert ask("bad_name.test", *who) == {"bad_name.test": ("refused", "name.underscore")}
    assert ask("x.public.test", *who, "--profile", "own") == {"": ("refused", "profile.account"), "x.public.test": ("challenge", "public")}
    assert ask("x.public.test,y.public.test", *who, "--profile", "few")[""] == ("refused", "profile.names")

    # and back
    assert apply(own_ca, tmp_path, "rules: []")["version"] == 3
    assert ben.order("www.web.test").status_code == 201
    assert "Policy 1," in cairn(own_ca, "policy", "show", "--version", "1").stdout
    acts = own_ca.sql("SELECT actor, facts ->> 'policy' FROM log.event WHERE kind = 'policy.applied' ORDER BY id")
    assert [act[1] for act in acts] == ["1", "2", "3"] and all(act[0].startswith("operator ") for act in acts)


def test_bound_keys(own_ca):
    """B-25: names and profiles that an account's external key is bound to."""
    client = raw.Client(own_ca)
    key = create(own_ca, "--names", ".bound.test", "--profiles", "short")
    assert client.register(externalAccountBinding=binding(client, key)).status_code == 201
    assert client.order("www.bound.test", profile="short").status_code == 201
    raw.problem(client.order("www.bound.test"), 403, "unauthorized")
    assert "bound to other names" in raw.problem(client.order("www.free.test", profile="short"), 400, "rejectedIdentifier")["detail"]


def test_addresses(own_ca, answers, tmp_path):
    """B-7, A-44: a rule that gives a range of addresses"""
    ana, ben = raw.Client(own_ca), raw.Client(own_ca)
    for one in ana, ben:
        assert one.register().status_code == 201
    apply(own_ca, tmp_path, f"rules: [{{name: lab net, accounts: [{account_of(ana)}], names: [127.0.0.0/30]}}]")
    made = ana.order_addresses("127.0.0.1")
    assert made.status_code == 201, made.text
    ana.validate(made.json(), answers)
    der, _ = raw.csr([], addresses=["127.0.0.1"])
    assert ana.post(made.json()["finalize"], {"csr": raw.b64(der)}).status_code == 200
    for client, address in (ana, "127.0.0.4"), (ben, "127.0.0.1"):
        assert "no rule of policy" in raw.problem(client.order_addresses(address), 400, "rejectedIdentifier")["detail"]
    done = json.loads(cairn(own_ca, "policy", "test", "--account", ana.kid, "--names", "127.0.0.3,127.0.0.4", "--json", check=False).stdout)
    assert [(a["identifier"], a["verdict"], a["rule"]) for a in done["answers"]] == [
        ("127.0.0.3", "challenge", "lab net"), ("127.0.0.4", "refused", "name.not-granted")]
    apply(own_ca, tmp_path, "rules: []")


@pytest.mark.parametrize("words, status", ((["test"], 2), (["test", "--account", "x", "--names", "a.test"], 2), ([], 2), (["diff"], 2),
                                           (["show", "--version", "x"], 2), (["show", "--version", "999"], 1), (["diff", "/nowhere"], 1),
                                           (["test", "--account", "AZr0AAAAcACAAAAAAAAAAA", "--names", "a.test"], 1)))
def test_usage(own_ca, words, status):
    assert cairn(own_ca, "policy", *words, check=False).returncode == status


def test_bad_files(own_ca, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("rules:\n  - name: a\n    everybody: true\n    names: [a.test]\n    profiles: [nobodys]\n")
    done = cairn(own_ca, "policy", "apply", str(path), "--yes", check=False)
    assert done.returncode == 1 and 'rule "a": there is no profile "nobodys"' in done.stderr
