"""Fixtures of the tests that cross processes.

`ca` is one CA for the whole session; a test that kills processes, or that needs another configuration, makes its own with
`make_ca(config)`. `client` is a fresh account key without an account, `account` has one; `responder` answers http-01."""
import os
import signal
import subprocess

import pytest

import audit_demo
import ct_world
import instance
import name_server
import raw
import responder as responder_module

# A shell ignores Ctrl-C for what it starts in the background, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A minute and more each.
LONGEST = ("test_kill_issuance", "test_kill", "test_log_monitor", "test_small_clients", "test_va_faults", "test_perspectives", "test_relying_parties", "test_deploy", "test_clients_dns",
           "test_canary", "test_limits_at_once", "test_tls_alpn", "test_hostile_zone", "test_signed_tree")


def pytest_collection_modifyitems(items):
    """The longest files begin first: none of them is left to one worker at the end while the others have nothing to do."""
    rank = {name: i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(LONGEST)))


def making():
    """A function that starts a CA and remembers it; then the removal of all that it started."""
    made = []

    def make(config=None, **options):
        made.append(instance.Instance(config, **options))
        return made[-1].up()

    yield make
    for one in made:
        one.remove()


@pytest.fixture(scope="module")
def make_ca():
    """A function that starts a further CA: make_ca({"acme": {...}}), for the rest see Instance. All are removed at the end of the
    module: a CA is some thirty processes, and with AddressSanitizer those of all modules do not fit into the memory of one machine."""
    yield from making()


@pytest.fixture(scope="session")
def make_lasting_ca():
    """The same for fixtures that several modules share."""
    yield from making()


@pytest.fixture(scope="session")
def ca():
    """The shared CA. No process of it may have died when the session ends."""
    one = instance.Instance()
    try:
        one.up()
        yield one
        assert one.deaths() == []
    finally:
        one.remove()


@pytest.fixture(scope="module")
def demo():
    """The demonstration data of docs/auditing.md, with a CA of their own, for each module anew: what one adds to them no other one reads."""
    one = audit_demo.Demo()
    yield one
    one.close()


@pytest.fixture(scope="session")
def server():
    """A name server for `dns_ca` and for clients that change zones by themselves."""
    one = name_server.NameServer(name_server.ZONE, name_server.OTHER, name_server.TOP, signed=(name_server.SIGNED, name_server.BROKEN))
    yield one
    one.close()


@pytest.fixture(scope="module")
def request_ca(make_ca, server):
    """A CA with the challenges that are offered only on request."""
    return make_ca({"va": {"resolvers": [{"zone": name_server.TOP, "forward": server.forward, "dnssec": "off"}]},
                    "ra": {"validation_attempts": 1},
                    "acme": {"caa_identities": ["ca.test", "second.test"], "pre_authorization": True},
                    "policy": {"challenges": ["dns-01", "dns-persist-01", "onion-csr-01"]}})


@pytest.fixture
def update(server, tmp_path):
    """A program that changes the zone: update add|delete NAME VALUE."""
    return server.updater(tmp_path / "update")


@pytest.fixture(scope="session")
def dns_ca(make_lasting_ca, server):
    """A CA that asks `server` about all below its topmost zone, where CAA is looked for too. Two zones are signed: it has the
    key of the one, and for the other one that is not its key."""
    good, other = server.anchor(name_server.SIGNED), server.anchor(name_server.BROKEN)
    bad = other[:-8] + ("00000000" if other[-8:] != "00000000" else "11111111")
    return make_lasting_ca({"va": {"resolvers": [{"zone": name_server.TOP, "forward": server.forward, "dnssec": "off"},
                                         {"zone": name_server.SIGNED, "forward": server.forward, "trust_anchors": [good]},
                                         {"zone": name_server.BROKEN, "forward": server.forward, "trust_anchors": [bad]}],
                                    "deny_networks": ["127.6.0.0/16"]},
                    "ra": {"validation_attempts": 1}, "wfe": {"doctor_per_hour": 600}})


@pytest.fixture
def responder(ca):
    """Answers http-01 for `ca`; see responder.py."""
    one = responder_module.Responder(int(ca.HTTP01_PORT))
    yield one
    one.close()


@pytest.fixture
def responder_for():
    """A function that makes a responder for another CA."""
    made = []

    def make(other):
        made.append(responder_module.Responder(int(other.HTTP01_PORT)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def transparent(make_ca):
    """A CA with transparency logs of its own, as tests left it."""
    made = ct_world.World(make_ca)
    yield made
    made.close()


@pytest.fixture
def world(transparent):
    """The same, with logs that are all well."""
    transparent.reset()
    yield transparent
    transparent.reset()


@pytest.fixture
def client(ca):
    return raw.Client(ca)


@pytest.fixture
def account(ca):
    one = raw.Client(ca)
    assert one.register().status_code == 201
    return one


@pytest.fixture
def run(tmp_path):
    """Runs a program without a terminal and returns what it did; fails the test unless it ends with `status`."""

    def call(*command, status=0, timeout=120, **environment):
        done = subprocess.run([str(c) for c in command], env={**os.environ, **environment}, cwd=tmp_path, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, check=False)
        assert status is None or done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return call


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the ends of the logs of the CA that it used."""
    outcome = yield
    report = outcome.get_result()
    shared = item.funcargs.get("ca") if hasattr(item, "funcargs") else None
    if report.when == "call" and report.failed and isinstance(shared, instance.Instance):
        report.sections.append(("logs", shared.last_logs()))
