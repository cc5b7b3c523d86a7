"""External account keys as their users meet them: cairn eab, and clients that bind their account (RFC 8555 7.3.4)."""
import hashlib
import hmac
import json
import threading

import josepy
import pytest
from acme import client as acme_client
from acme import messages
from cryptography.hazmat.primitives.asymmetric import rsa

import raw

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def cairn(ca, *arguments, check=True):
    files = [word for file in ca.CONFIG_FILES.split() for word in ("--config", file)]
    return ca.cairn(*arguments, *files, check=check)


def create(ca, *arguments):
    return json.loads(cairn(ca, "eab", "create", "--yes", "--json", *arguments).stdout)


def keys(ca):
    return {k["id"]: k for k in json.loads(cairn(ca, "eab", "list", "--json").stdout)["keys"]}


def binding(client, key, alg="HS256", **changes):
    """externalAccountBinding; `changes` replace members of its header, or `payload` and `secret`."""
    payload = changes.pop("payload", raw.jwk(client.key))
    secret = changes.pop("secret", raw.unb64(key["mac_key"]))
    head = {"alg": alg, "kid": key["key_id"], "url": client.directory["newAccount"], **changes}
    parts = [raw.b64(json.dumps(head).encode()), raw.b64(json.dumps(payload).encode())]
    mac = hmac.new(secret, ".".join(parts).encode(), HASHES.get(alg, hashlib.sha256)).digest()
    return {"protected": parts[0], "payload": parts[1], "signature": raw.b64(mac)}


@pytest.fixture(scope="module")
def bound_ca(make_ca):
    """A CA that wants a binding of every new account."""
    return make_ca({"acme": {"eab_required": True}})


def test_directory_and_demand(bound_ca, ca):
    """A-64, A-6"""
    client = raw.Client(bound_ca)
    assert client.directory["meta"]["externalAccountRequired"] is True
    raw.problem(client.register(), 403, "externalAccountRequired")
    raw.problem(client.register(onlyReturnExisting=True), 400, "accountDoesNotExist")
    assert "externalAccountRequired" not in raw.Client(ca).directory["meta"]


@pytest.mark.parametrize("alg", ("HS256", "HS384", "HS512"))
def test_life_of_a_binding(bound_ca, alg):
    """A-65, A-66, A-67, A-51"""
    client, key = raw.Client(bound_ca), create(bound_ca, "--label", alg)
    sent = binding(client, key, alg)
    made = client.register(externalAccountBinding=sent)
    assert made.status_code == 201, made.text
    assert made.json()["externalAccountBinding"] == sent
    assert client.post(client.kid).json()["externalAccountBinding"] == sent
    assert client.order("eab.test").status_code == 201
    again = raw.Client(bound_ca, client.key)
    assert again.register().status_code == 200  # it needs no binding, and keeps the one that it has
    assert again.post(again.kid).json()["externalAccountBinding"] == sent
    state = keys(bound_ca)[key["key_id"]]
    assert (state["state"], state["accounts"], state["label"]) == ("used", 1, alg)
    other = raw.Client(bound_ca)
    raw.problem(other.register(externalAccountBinding=binding(other, key, alg)), 403, "unauthorized")
    raw.problem(other.register(externalAccountBinding=sent), 403, "unauthorized")  # somebody else's, replayed
    raw.problem(other.register(onlyReturnExisting=True), 400, "accountDoesNotExist")
    kinds = [row[0] for row in bound_ca.sql(f"SELECT kind FROM log.event WHERE facts ->> 'eab_key' = '{key['key_id']}' ORDER BY id")]
    assert kinds == ["eab.created", "account.bound"]


def test_single_faults(bound_ca):
    """A-65, A-67"""
    client, key = raw.Client(bound_ca), create(bound_ca)
    faults = {
        "malformed": [{"alg": "ES256"}, {"alg": "none"}, {"nonce": "AAAA"}, {"jwk": {}}, {"payload": {"kty": "EC"}}, {"url": None}],
        "unauthorized": [{"kid": "AZr0AAAAcACAAAAAAAAAAA"}, {"kid": "nobody"}, {"secret": b"x" * 64}, {"payload": raw.jwk(raw.ec_key())},
                         {"url": client.directory["newOrder"]}],
    }
    sentences = set()
    for kind, changes in faults.items():
        for change in changes:
            answer = client.register(externalAccountBinding=binding(client, key, **change))
            detail = raw.problem(answer, 400 if kind == "malformed" else 403, kind)["detail"]
            if "kid" in change or "secret" in change:
                sentences.add(detail)
            assert "externalAccountBinding" not in answer.json()
    assert len(sentences) == 1  # who guesses does not learn which part was wrong
    for whole in ("", "text", [], {}, {"protected": "", "payload": "", "signature": ""}):
        raw.problem(client.register(externalAccountBinding=whole), 400, "malformed")
    assert keys(bound_ca)[key["key_id"]]["accounts"] == 0
    assert client.register(externalAccountBinding=binding(client, key)).status_code == 201


def test_binding_that_is_not_demanded(ca):
    """A-65, A-66: it is verified all the same."""
    client, key = raw.Client(ca), create(ca)
    raw.problem(client.register(externalAccountBinding=binding(client, key, secret=b"x" * 64)), 403, "unauthorized")
    assert client.register(externalAccountBinding=binding(client, key)).status_code == 201


def test_many_at_once_with_one_use(bound_ca):
    """A-63, A-67"""
    key = create(bound_ca)
    clients = [raw.Client(bound_ca) for _ in range(12)]
    answers = []

    def register(client):
        answers.append(client.register(externalAccountBinding=binding(client, key)).status_code)

    threads = [threading.Thread(target=register, args=(c,)) for c in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201] + [403] * 11


def test_disable_and_rotate(bound_ca):
    """A-67"""
    client, first = raw.Client(bound_ca), create(bound_ca, "--repeated", "--names", ".eab.test,*.eab.test", "--profiles", "classic")
    shown = cairn(bound_ca, "eab", "rotate", first["key_id"]).stdout
    assert "--yes" in shown and keys(bound_ca)[first["key_id"]]["state"] == "active"
    second = json.loads(cairn(bound_ca, "eab", "rotate", first["key_id"], "--keep-old", "1h", "--yes", "--json").stdout)
    assert client.register(externalAccountBinding=binding(client, first)).status_code == 201
    assert keys(bound_ca)[second["key_id"]]["names"] == [".eab.test", "*.eab.test"]
    assert cairn(bound_ca, "eab", "disable", first["key_id"], "--yes").returncode == 0
    late = raw.Client(bound_ca)
    raw.problem(late.register(externalAccountBinding=binding(late, first)), 403, "unauthorized")
    assert late.register(externalAccountBinding=binding(late, second)).status_code == 201
    assert client.post(client.kid).json()["status"] == "valid"  # accounts stay
    assert cairn(bound_ca, "eab", "rotate", first["key_id"], "--yes", check=False).returncode == 1
    assert cairn(bound_ca, "eab", "disable", "AZr0AAAAcACAAAAAAAAAAA", "--yes", check=False).returncode == 1
    acts = bound_ca.sql("SELECT actor FROM log.event WHERE kind IN ('eab.rotated', 'eab.disabled')")
    assert len(acts) == 2 and all(row[0].startswith("operator ") for row in acts)


@pytest.mark.parametrize("words", (["destroy"], [], ["create", "more"], ["disable"], ["disable", "x"], ["create", "--uses", "0"],
                                   ["create", "--uses", "x"], ["list", "--bogus"]))
def test_usage(bound_ca, words):
    assert cairn(bound_ca, "eab", *words, check=False).returncode == 2


@pytest.mark.parametrize("words", (["--names", "a..b"], ["--names", "10.0.0.1/8"], ["--profiles", "nobodys"], ["--expires", "soon"],
                                   ["--label", "x" * 101]))
def test_refused_wishes(bound_ca, words):
    before = keys(bound_ca)
    assert cairn(bound_ca, "eab", "create", "--yes", *words, check=False).returncode == 1
    assert cairn(bound_ca, "eab", "create").returncode == 0  # shown only
    assert keys(bound_ca) == before


def test_secrets_are_nowhere(bound_ca):
    """F-48, G-6: neither in records nor in logs."""
    client, key = raw.Client(bound_ca), create(bound_ca)
    assert client.register(externalAccountBinding=binding(client, key)).status_code == 201
    for name in ("cairn-wfe", "cairn-ra", "postgres"):
        assert key["mac_key"] not in bound_ca.log(name)
    assert bound_ca.sql(f"SELECT count(*) FROM log.event WHERE facts::text LIKE '%{key['mac_key']}%'") == [["0"]]
    with pytest.raises(RuntimeError, match="permission denied"):
        bound_ca.sql("SELECT mac_key FROM acme.eab_secret")


def test_python_acme(bound_ca, monkeypatch):
    """certbot's own library against it: A-65, A-66"""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", bound_ca.API_CA_FILE)
    monkeypatch.setenv("NO_PROXY", "*")
    key = create(bound_ca)
    jwk = josepy.JWKRSA(key=rsa.generate_private_key(65537, 2048))
    net = acme_client.ClientNetwork(jwk, verify_ssl=bound_ca.API_CA_FILE)
    directory = messages.Directory.from_json(net.get(bound_ca.DIRECTORY_URL).json())
    one = acme_client.ClientV2(directory, net)
    assert one.external_account_required()
    with pytest.raises(messages.Error) as refused:
        one.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))
    assert refused.value.code == "externalAccountRequired"
    eab = messages.ExternalAccountBinding.from_data(jwk.public_key(), key["key_id"], key["mac_key"], directory)
    account = one.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True, external_account_binding=eab))
    assert account.body.external_account_binding == eab


def test_certbot(bound_ca, run, tmp_path):
    """A-65"""
    key = create(bound_ca)

    def certbot(*arguments, **options):
        return run("certbot", "-n", "--config-dir", tmp_path / "certbot", "--work-dir", tmp_path / "work", "--logs-dir", tmp_path / "log",
                   "certonly", "--server", bound_ca.DIRECTORY_URL, "--standalone", "--http-01-port", bound_ca.HTTP01_PORT, "--agree-tos",
                   "--register-unsafely-without-email", "-d", "certbot.test", *arguments, REQUESTS_CA_BUNDLE=bound_ca.API_CA_FILE,
                   NO_PROXY="*", **options)

    assert "external account" in certbot(status=1).stderr.lower()
    certbot("--eab-kid", key["key_id"], "--eab-hmac-key", key["mac_key"])
    assert (tmp_path / "certbot/live/certbot.test/cert.pem").exists()
    assert keys(bound_ca)[key["key_id"]]["state"] == "used"


def test_lego(bound_ca, run, tmp_path):
    """A-65"""
    key = create(bound_ca)
    run("lego", "--server", bound_ca.DIRECTORY_URL, "--accept-tos", "--email", "someone@lego.test", "--path", tmp_path / "lego", "--eab",
        "--kid", key["key_id"], "--hmac", key["mac_key"], "--http", "--http.port", f"127.0.0.1:{bound_ca.HTTP01_PORT}", "--domains",
        "eab.lego.test", "run", LEGO_CA_CERTIFICATES=bound_ca.API_CA_FILE, NO_PROXY="*")
    assert (tmp_path / "lego/certificates/eab.lego.test.crt").exists()
    assert keys(bound_ca)[key["key_id"]]["state"] == "used"
