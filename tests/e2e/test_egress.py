"""In mode private no transparency log is spoken to (H-20): the CA stands in a network of its own, where every connection that begins and every
datagram is seen."""
import os

import pytest

import ct_log
import instance
import networks
import raw
import responder

pytestmark = pytest.mark.skipif(networks.forbidden() is not None, reason=networks.forbidden() or "")
ELSEWHERE = "203.0.113.9"  # nobody; packets to there leave the network of the CA and are seen


@pytest.fixture(scope="module")
def internet():
    made = networks.Internet()
    made.join("ca")
    yield made
    made.close()


@pytest.fixture
def network(internet):
    with internet.networks["ca"].inside() as one:
        yield one


@pytest.fixture
def watch(network):
    one = networks.Watch(network)
    yield one
    one.close()


@pytest.fixture
def logs(network):
    made = [ct_log.Log("One", "One A"), ct_log.Log("Two", "Two A")]
    yield made
    for one in made:
        one.close()


@pytest.fixture
def logs_file(logs, tmp_path_factory):
    """A list of these logs, and of one that stands elsewhere, by address and by name."""
    folder = tmp_path_factory.mktemp("lists")
    for one in (folder, *folder.parents[:2]):
        os.chmod(one, 0o755)
    far, named = ct_log.Log("Three", "Three A"), ct_log.Log("Four", "Four A")
    text = ct_log.log_list([*logs, far, named])
    text = text.replace(f"http://127.0.0.1:{far.port}/", f"https://{ELSEWHERE}/").replace(f"http://127.0.0.1:{named.port}/", "https://ct.example/")
    for one in far, named:
        one.close()
    (folder / "logs.json").write_text(text, encoding="ascii")
    os.chmod(folder / "logs.json", 0o644)
    return folder / "logs.json"


def issue(ca, name):
    client, answers = raw.Client(ca), responder.Responder(int(ca.HTTP01_PORT))
    try:
        assert client.register().status_code == 201
        order = client.order(name)
        client.validate(order.json(), answers)
        assert client.post(order.json()["finalize"], {"csr": raw.b64(raw.csr([name])[0])}).status_code == 200
        done = client.poll(order.headers["Location"], ("valid", "invalid")).json()
        assert done["status"] == "valid", done
        return raw.chain(client.post(done["certificate"]).text)
    finally:
        answers.close()


def listeners(ca):
    """The ports at which this CA listens, or whoever is validated."""
    found = {int(ca.HTTP01_PORT), int(ca.TLSALPN01_PORT)}
    for section in instance.PROCESSES:
        for key in "rpc_listen", "metrics_listen", "listen", "http_listen":
            value = ca.config[section].get(key, [])
            found |= {int(one.rpartition(":")[2]) for one in ([value] if isinstance(value, str) else value)}
    return found


def strangers(ca, spoken):
    """Who was spoken to and is no listener of this CA."""
    return {one for one in spoken if not (one[0] == "tcp" and one[1] in ("127.0.0.1", "::1") and one[2] in listeners(ca))}


def shown(logs):
    return [(log.connections, log.seen, log.reads) for log in logs]


def test_private_mode_asks_no_log(watch, logs):
    """H-20: neither by issuing, revoking nor by the doctor, though `ct.logs` names logs and they are to be monitored; nothing leaves the machine"""
    named = [{"description": log.name, "url": f"http://127.0.0.1:{log.port}/", "key": ct_log.b64(log.spki)} for log in logs]
    ca = instance.Instance({"ct": {"logs": named, "monitor": True}})
    try:
        ca.up()
        chain = issue(ca, "secret.project.test")
        config = [word for path in ca.CONFIG_FILES.split() for word in ("--config", path)]
        ca.cairn("doctor", *config, check=False)
        ca.cairn("cert", "show", f"{chain[0].serial_number:036x}", *config)
        ca.cairn("revoke", "--serial", f"{chain[0].serial_number:036x}", "--because", "a test", "--reason", "facts-wrong", "--yes", *config)
        issue(ca, "another.project.test")
        spoken = watch.until_now()
        assert strangers(ca, spoken) == set()
        assert ("tcp", "127.0.0.1", int(ca.HTTP01_PORT)) in spoken  # it is seen what there is
    finally:
        ca.remove()
    assert shown(logs) == [(0, [], [])] * 2


def test_private_mode_takes_no_list_by_itself(watch, logs, logs_file):
    """H-20: with a list of logs nothing starts, and none of its logs is spoken to nor looked up"""
    ca = instance.Instance({"ct": {"log_list_file": str(logs_file)}})
    try:
        with pytest.raises(RuntimeError, match="shows all names to logs"):
            ca.up()
        assert strangers(ca, watch.until_now()) == set()
    finally:
        ca.remove()
    assert shown(logs) == [(0, [], [])] * 2


def test_who_says_it_twice_is_seen(watch, logs, logs_file):
    """H-20: what is looked at above would be seen: with ct.private_names logs are asked, here and elsewhere"""
    ca = instance.Instance({"ct": {"log_list_file": str(logs_file), "private_names": True, "timeout_ms": 4000}})
    try:
        ca.up()
        issue(ca, "published.test")
        found = strangers(ca, watch.until_now())
        assert {("tcp", "127.0.0.1", log.port) for log in logs} <= found
        assert ("tcp", ELSEWHERE, 443) in found and any(kind == "udp" and port == 53 for kind, _, port in found), found
    finally:
        ca.remove()
