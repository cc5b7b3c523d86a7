"""deploy/up, deploy/down and the supervisor: what dies comes back, what stops starts again, and nothing is lost."""
import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import time

import pytest

import instance
import raw

UP = os.path.join(instance.ROOT, "deploy/up")
DOWN = os.path.join(instance.ROOT, "deploy/down")
IN_ORDER = ("ca", "va", "subscriber", "ra", "wfe")


@pytest.fixture(scope="module")
def own(make_ca):
    return make_ca(from_nothing=True)


def test_what_dies_is_started_again_within_a_second(own):
    for name in ["cairn-" + p for p in instance.PROCESSES] + ["postgres"]:
        old = own.kill(name)
        killed = time.monotonic()
        while own.pid(name) in (None, old):
            assert time.monotonic() - killed < 1, name
            time.sleep(0.01)
    own.wait_ready()
    assert str(own.pid("cairn-ra")) in own.read_env()["PIDS"].split()
    assert own.env["PIDS"].split() == [str(own.pid(n)) for n in ["cairn-supervise", "postgres"] + ["cairn-" + p for p in IN_ORDER]]


def test_env_that_could_not_be_written_is_written_later(own):
    blocked = os.path.join(own.state, "env.new")
    os.mkdir(blocked)
    old = own.kill("cairn-va")
    own.wait_ready("cairn-va", after=old)
    assert str(own.pid("cairn-va")) not in own.read_env()["PIDS"].split()
    os.rmdir(blocked)
    end = time.monotonic() + 60
    while str(own.pid("cairn-va")) not in own.read_env()["PIDS"].split():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_no_process_leaves_a_core_dump(own):
    for pid in own.read_env()["PIDS"].split()[1:]:
        with open(f"/proc/{pid}/limits", encoding="ascii") as f:
            limit = next(line for line in f if line.startswith("Max core file size"))
        assert limit.split()[4:6] == ["0", "0"], pid


def test_no_process_has_the_powers_of_root(own):
    """Also when root started it: at most the one to listen on a port below 1024, and the signer none (F-6)"""
    own.read_env()
    found = {}
    for name in ["cairn-" + p for p in instance.PROCESSES]:
        pid = own.pid(name)
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            children = [int(child) for child in f.read().split()]
        assert (name == "cairn-ca") == (len(children) == 1), name
        for one in [pid] + children:
            tasks = os.listdir(f"/proc/{one}/task")
            for task in tasks:
                with open(f"/proc/{one}/task/{task}/status", encoding="ascii") as f:
                    status = dict(line.split(":", 1) for line in f)
                held = int(status["CapEff"], 16) | int(status["CapPrm"], 16) | int(status["CapInh"], 16) | int(status["CapAmb"], 16)
                found[name, one == pid] = found.get((name, one == pid), 0) | held
    net_bind_service = 1 << 10
    assert all(held & ~net_bind_service == 0 for held in found.values()), found
    assert found["cairn-ca", False] == 0 and len(found) == 6


def listening(pids):
    """Addresses that these processes listen on, of both families, as (process id, "ADDRESS:PORT"); UDP sockets that are bound but not connected too."""
    found = set()
    for pid in pids:
        held = {os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd") if os.path.islink(entry.path)}
        for kind, states in (("tcp", {"0A"}), ("tcp6", {"0A"}), ("udp", {"07"}), ("udp6", {"07"})):
            with open(f"/proc/{pid}/net/{kind}", encoding="ascii") as f:
                for line in list(f)[1:]:
                    columns = line.split()
                    if columns[3] in states and f"socket:[{columns[9]}]" in held:
                        host, _, port = columns[1].rpartition(":")
                        family = socket.AF_INET if len(host) == 8 else socket.AF_INET6
                        words = b"".join(bytes.fromhex(host[i:i + 8])[::-1] for i in range(0, len(host), 8))
                        found.add((pid, kind[:3], f"{socket.inet_ntop(family, words)}:{int(port, 16)}"))
    return found


def test_each_process_listens_where_its_configuration_says_and_nowhere_else(own):
    """F-64"""
    own.read_env()
    expected, pids = set(), {}
    for name in instance.PROCESSES:
        pid = own.pid("cairn-" + name)
        pids[pid] = name
        section = own.config[name]
        for address in (*own.config["rpc"][name], section["metrics_listen"], *section.get("listen", ()), *section.get("http_listen", ())):
            expected.add((pid, "tcp", address.replace("[", "").replace("]", "")))
    found = listening(pids)
    assert {(pids[pid], kind, address) for pid, kind, address in found} == {(pids[pid], kind, address) for pid, kind, address in expected}


def test_each_process_is_shut_in_and_the_signer_holds_no_socket_to_a_network(own):
    """F-64"""
    own.read_env()
    for name in instance.PROCESSES:
        pid = own.pid("cairn-" + name)
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            children = [int(child) for child in f.read().split()]
        for one in [pid] + children:
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/status", encoding="ascii") as f:
                    status = {key: value.strip() for key, value in (line.split(":", 1) for line in f)}
                assert status["NoNewPrivs"] == "1", (name, task)
                assert status["Seccomp"] == ("0" if os.path.basename(instance.BUILD) != "build" else "2"), (name, task)
        for child in children:
            networks = {line.split()[9] for kind in ("tcp", "tcp6", "udp", "udp6") for line in list(open(f"/proc/{child}/net/{kind}", encoding="ascii"))[1:]}
            held = {os.readlink(entry.path) for entry in os.scandir(f"/proc/{child}/fd") if os.path.islink(entry.path)}
            assert not {f"socket:[{inode}]" for inode in networks} & held, name


@pytest.mark.parametrize("how", ["down", "kill"])
def test_a_second_up_keeps_accounts_and_certificates(own, responder_for, how):
    account = raw.Client(own)
    assert account.register().status_code == 201
    responder = responder_for(own)
    chain, _, order = account.issue(responder, f"{how}.test")
    responder.close()
    root = open(own.ROOT_FILE, encoding="ascii").read()
    if how == "down":
        own.down()
        assert own.read_env()["PIDS"] == ""
    else:
        for pid in own.read_env()["PIDS"].split():
            with contextlib.suppress(ProcessLookupError):  # the supervisor's end is theirs too
                os.kill(int(pid), signal.SIGKILL)
    own.up()
    again = raw.Client(own, account.key)
    assert again.register(onlyReturnExisting=True).headers["Location"] == account.kid
    assert again.post(again.post(order).json()["certificate"]).text == chain
    assert open(own.ROOT_FILE, encoding="ascii").read() == root


def printed_commands(ca):
    """The commands that deploy/up prints for people to paste, by their program."""
    lines = [line.strip() for line in ca.output.split("client of your choice:")[1].splitlines() if line.startswith("  ")]
    return {next(word for word in shlex.split(line) if "=" not in word): line for line in lines}


def test_the_printed_commands_work_as_they_stand(own, run, tmp_path):
    commands = printed_commands(own)
    assert sorted(commands) == ["acme.sh", "certbot", "curl", "lego"]
    for client, certificate in (("certbot", "certbot/live/www.test/cert.pem"), ("lego", "lego/certificates/www.test.crt")):
        run("bash", "-c", commands[client], HOME=str(tmp_path))
        done = run("openssl", "x509", "-in", tmp_path / certificate, "-noout", "-issuer", "-ext", "subjectAltName")
        assert "Cairn TEST" in done.stdout and "DNS:www.test" in done.stdout, done.stdout
    assert "newOrder" in json.loads(run("bash", "-c", commands["curl"]).stdout)


def test_the_printed_command_of_acme_sh(own):
    """Debian 12 has no acme.sh: each of its options is one that its own command line reads, with the values of this CA"""
    words = shlex.split(printed_commands(own)["acme.sh"])
    assert words[:3] == ["acme.sh", "--issue", "--standalone"]
    assert dict(zip(words[3::2], words[4::2])) == {"--httpport": own.HTTP01_PORT, "--server": own.DIRECTORY_URL, "--ca-bundle": own.API_CA_FILE,
                                                   "-d": "www.test"}


def test_up_while_it_runs_changes_nothing(own):
    before = {n: own.pid(n) for n in ("cairn-supervise", "postgres", "cairn-wfe")}
    own.up()
    assert {n: own.pid(n) for n in before} == before


def test_hangup_reloads_without_a_restart(own):
    before = own.pid("cairn-wfe")
    own.kill("cairn-supervise", signal.SIGHUP)
    time.sleep(0.5)
    assert own.pid("cairn-wfe") == before
    assert raw.Client(own).directory["newNonce"].startswith("https://")


def test_the_auditor_reads_and_writes_nothing(own):
    assert own.sql("SELECT current_user") == [["cairn_auditor"]]
    with pytest.raises(RuntimeError, match="permission denied"):
        own.sql("BEGIN READ WRITE; DELETE FROM log.request")
    done = subprocess.run(["psql", own.AUDITOR_DATABASE_URL.replace("cairn_auditor@", "cairn_superuser@"), "-c", "SELECT 1"],
                          capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "pg_hba.conf" in done.stderr


def test_secrets_are_for_their_owner_only(own):
    for folder, _, names in os.walk(os.path.join(own.state, "secrets")):
        assert os.stat(folder).st_mode & 0o077 == 0
        for name in names:
            assert os.stat(os.path.join(folder, name)).st_mode & 0o077 == 0
    assert os.stat(os.path.join(own.state, "env")).st_mode & 0o077 == 0
    for name in os.listdir(os.path.join(own.state, "pki")):
        assert not name.endswith(".key") or os.stat(os.path.join(own.state, "pki", name)).st_mode & 0o077 == 0, name


def test_a_port_in_use_is_named_and_another_one_helps():
    one = instance.Instance(from_nothing=True)
    try:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            one.config["wfe"]["listen"] = [f"127.0.0.1:{port}"]
            one.config["acme"]["external_url"] = f"https://localhost:{port}"
            with pytest.raises(RuntimeError, match=f"Port {port} .* in use by .*pid={os.getpid()}"):
                one.up()
        one.up()
        assert raw.Client(one).directory
    finally:
        one.remove()
    assert not os.path.exists(one.state)


def perspective(name, rpc, metrics):
    own = f"pki/internal/perspective-{name}/perspective-{name}"
    return {"va": {"remote": True, "perspectives": [], "perspective": name, "rpc_listen": [f"127.0.0.1:{rpc}"], "metrics_listen": f"127.0.0.1:{metrics}",
                   "rpc_cert_file": own + ".pem", "rpc_key_file": own + ".key"}}


def test_perspectives_on_one_machine(make_ca, responder_for):
    """One that the configuration does not name is not started (F-62)"""
    ports = instance.free_ports(4)
    further = [perspective("ams", *ports[:2]), perspective("sin", *ports[2:])]
    ca = make_ca({"va": {"perspectives": [{"name": one["va"]["perspective"], "address": one["va"]["rpc_listen"][0]} for one in further]}},
                 perspectives=further)
    client = raw.Client(ca)
    client.register()
    client.issue(responder_for(ca), "perspectives.test")
    assert ca.sql("SELECT perspective FROM log.validation WHERE corroborates IS NOT NULL AND NOT late AND passed ORDER BY 1")
    ca.down()
    ca.perspectives = []  # those of the start before
    ca.up()
    ca.perspectives = further
    ca.wait_ready("cairn-va-2", "cairn-va-3")
    ca.down()
    ca.perspectives = [perspective("ams", *ports[2:])]
    with pytest.raises(RuntimeError, match=f'va.perspectives has no "ams" at 127.0.0.1:{ports[2]}'):
        ca.up()
    ca.perspectives = [{"va": {"metrics_listen": "127.0.0.1:1"}}]
    with pytest.raises(RuntimeError, match="has no \"remote: true\""):
        ca.up()


def test_foreground_stops_all_at_an_interrupt(tmp_path):
    one = instance.Instance()
    try:
        path = tmp_path / "overlay.yaml"
        path.write_text(instance.json.dumps(one.config))
        with subprocess.Popen([UP, "--no-check", "--state", one.state, "--config", path], env={**os.environ, "CAIRN_BUILD": instance.BUILD},
                              stdout=subprocess.PIPE, text=True, start_new_session=True) as up:
            for line in up.stdout:
                if "Ctrl-C" in line:
                    break
            pid = one.pid("cairn-wfe")
            os.kill(pid, 0)
            os.kill(up.pid, signal.SIGINT)
            assert up.wait(60) == 0
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert one.pid("cairn-supervise") is None
    finally:
        one.remove()


@pytest.mark.parametrize("arguments, status, words", [
    ([UP, "--help"], 0, "--detach"), ([UP, "--nonsense"], 2, "--detach"), ([DOWN, "--help"], 0, "--purge"),
    ([DOWN, "now"], 2, "--purge"), ([UP, "--state", "/tmp/a b"], 1, "--state DIR"),
    ([UP, "--state", "/tmp/a,b"], 1, "--state DIR"), ([UP, "--state", "/tmp/a%b"], 1, "--state DIR"),
    ([UP, "--state", "/tmp/a[b"], 1, "--state DIR"), ([UP, "--state", "/tmp/a=b"], 1, "--state DIR"),
    ([UP, "--state", "/tmp/a\\b"], 1, "--state DIR"), ([UP, "--state"], 2, "wants a value"),
    ([UP, "--config", ""], 2, "wants a value"), ([DOWN, "--state"], 2, "wants a value"),
    ([UP, "--state", "/tmp/cairn-absent", "--config", "/nonexistent.yaml"], 1, "/nonexistent.yaml can't be read")])
def test_usage(run, arguments, status, words):
    done = run(*arguments, status=status, CAIRN_BUILD=instance.BUILD)
    assert words in done.stdout + done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="needs two users")
@pytest.mark.parametrize("command", [[UP, "--detach"], [DOWN]])
def test_the_state_of_another_user_is_named(own, run, command):
    done = run("runuser", "-u", "nobody", "--", *command, "--state", own.state, status=1, CAIRN_BUILD=instance.BUILD)
    assert "belongs to the user root" in done.stderr


def test_a_folder_of_something_else_stays_as_it_is(run, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "precious").touch()
    tmp_path.chmod(0o750)
    assert "not a state" in run(DOWN, "--purge", "--state", tmp_path, status=1).stderr
    assert "something else" in run(UP, "--detach", "--state", tmp_path, status=1, CAIRN_BUILD=instance.BUILD).stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["precious", "run"]
    assert tmp_path.stat().st_mode & 0o777 == 0o750
