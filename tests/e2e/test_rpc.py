"""Who may call whom between the processes, tried with curl and real certificates of the internal CA; and how a request is
followed through all of them."""
import json
import os
import pathlib
import re
import subprocess
import time

import pytest

import raw

SERVICES = {"cairn-wfe": "cairn.wfe.v1.FrontEnd", "cairn-ra": "cairn.ra.v1.RegistrationAuthority", "cairn-va": "cairn.va.v1.ValidationAuthority",
            "cairn-ca": "cairn.ca.v1.CertificateAuthority", "cairn-subscriber": "cairn.subscriber.v1.SubscriberData"}
FRONT = {"cairn-wfe"}
METHODS = (("cairn-wfe", "RedeemNonce", FRONT), ("cairn-ra", "NewAccount", FRONT), ("cairn-ra", "UpdateAccount", FRONT),
           ("cairn-ra", "ChangeKey", FRONT), ("cairn-ra", "AskTerms", FRONT), ("cairn-ra", "AgreeTerms", FRONT),
           ("cairn-ra", "NewOrder", FRONT), ("cairn-ra", "NewAuthorization", FRONT), ("cairn-ra", "StartChallenge", FRONT),
           ("cairn-ra", "DeactivateAuthorization", FRONT), ("cairn-ra", "FinalizeOrder", FRONT), ("cairn-ra", "RevokeCertificate", FRONT),
           ("cairn-ra", "Unpause", FRONT), ("cairn-ra", "RecordLate", {"cairn-va"}), ("cairn-va", "Validate", {"cairn-ra", "cairn-va"}),
           ("cairn-ca", "IssueCertificate", {"cairn-ra"}), ("cairn-subscriber", "GetLogStatus", {"cairn-wfe", "cairn-command"}),
           ("cairn-ca", "EmbedScts", {"cairn-ra"}),
           ("cairn-subscriber", "GetLogEntries", FRONT), ("cairn-subscriber", "SetRecoveryContacts", FRONT),
           ("cairn-subscriber", "GetRecoveryStatus", FRONT), ("cairn-subscriber", "AddCheckpoint", FRONT),
           ("cairn-subscriber", "GetSubjectData", FRONT), ("cairn-subscriber", "ConfirmRecovery", FRONT), ("cairn-subscriber", "StopRecovery", FRONT),
           ("cairn-subscriber", "ClaimAccount", FRONT), ("cairn-ra", "CheckKey", FRONT),
           ("cairn-ra", "BlockKey", FRONT), ("cairn-ra", "Diagnose", {"cairn-wfe", "cairn-command"}))
EVERYBODY = {"cairn-wfe", "cairn-ra", "cairn-va", "cairn-ca", "cairn-subscriber", "cairn-command"}
PROCESSES = ("cairn-wfe", "cairn-ra", "cairn-va", "cairn-ca", "cairn-subscriber")


def internal(ca, name):
    return os.path.join(ca.state, "pki", "internal", name)


def call(ca, server, method, caller="cairn-wfe", body="{}", folder=None, extra=(), kind="application/json"):
    """curl's exit code, the HTTP status and the body."""
    port = ca.config["rpc"][server.removeprefix("cairn-")][0].rpartition(":")[2]
    base = os.path.join(folder or internal(ca, caller or ""), caller or "")
    identity = ["--cert", base + ".pem", "--key", base + ".key"] if caller else []
    done = subprocess.run(
        ["curl", "-sS", "-m", "60", "--noproxy", "*", "--cacert", internal(ca, "ca.pem"), *identity, "--connect-to",
         f"{server}:443:127.0.0.1:{port}", "-H", f"Content-Type: {kind}", "-w", "\n%{http_code}", "-d", body, *extra,
         f"https://{server}/{SERVICES[server]}/{method}"], capture_output=True, text=True, check=False)
    text, _, status = done.stdout.rpartition("\n")
    return done.returncode, int(status or 0), text


def metric(ca, process, name, label=None):
    text = subprocess.run(["curl", "-fsS", "--noproxy", "*", f"http://{ca.metrics_address(process)}/metrics"], capture_output=True,
                          text=True, check=True).stdout
    found = re.search(rf'^cairn_{name}{"" if label is None else re.escape("{" + label + "}")} (\S+)$', text, re.M)
    return float(found.group(1)) if found else 0.0


@pytest.mark.parametrize("server, method, callers", METHODS)
def test_a_caller_without_right_is_refused_and_logged(ca, server, method, callers):
    """F-63, F-44"""
    label = f'method="{server.removeprefix("cairn-")}.{method}"'
    for caller in sorted(EVERYBODY - callers):
        before = metric(ca, server, "rpc_refused_total", label)
        code, status, body = call(ca, server, method, caller)
        assert (code, status) == (0, 403) and json.loads(body)["code"] == "permission_denied", body
        assert metric(ca, server, "rpc_refused_total", label) == before + 1
        last = [json.loads(line) for line in ca.log(server).splitlines() if "refused for lack of rights" in line][-1]
        assert last["caller"] == caller and last["method"] == label[8:-1] and last["level"] == "warn", last
        assert last["remote"] == "127.0.0.1" and last["request"]


def test_each_method_has_its_row():
    """F-63: a new method comes with a test of who may not call it"""
    table = (pathlib.Path(__file__).parents[2] / "lib/rpc/methods.def").read_text()
    rows = re.findall(r"^RPC\w*\((\w+), (\w+),", table, re.M)
    assert {(f"cairn-{service}", method) for service, method in rows} == {(server, method) for server, method, _ in METHODS}


def test_a_caller_with_right_is_served(ca):
    code, status, body = call(ca, "cairn-subscriber", "GetLogStatus", "cairn-command")
    assert (code, status) == (0, 200), body
    assert "partitions_until" in json.loads(body)


def refused(ca, server, **how):
    """The call gets no further than its certificate, and the server's log says so."""
    line = "client certificate refused"
    before = ca.log(server).count(line)
    code, status, body = call(ca, server, "X", **how)
    assert (code, status) == (0, 403) and json.loads(body)["code"] == "permission_denied", (code, status, body)
    return ca.log(server).count(line) == before + 1


@pytest.mark.parametrize("server", sorted(SERVICES))
def test_no_certificate(ca, server):
    """F-63, F-44"""
    assert refused(ca, server, caller=None)


@pytest.fixture
def strangers(tmp_path):
    """A CA of somebody else's that names its clients as ours."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=tmp_path)

    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    openssl(*new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Cairn RPC authority")
    openssl(*new, "-keyout", "cairn-wfe.key", "-out", "cairn-wfe.pem", "-subj", "/CN=cairn-wfe", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-addext", "subjectAltName=DNS:cairn-wfe", "-addext", "extendedKeyUsage=clientAuth,serverAuth",
            "-addext", "basicConstraints=critical,CA:FALSE")
    return str(tmp_path)


@pytest.mark.parametrize("server", sorted(SERVICES))
def test_a_certificate_of_another_authority(ca, server, strangers):
    """F-63, F-44"""
    assert refused(ca, server, folder=strangers)


def test_the_certificate_of_the_site_is_no_right(ca):
    """F-63: the API's own authority is not the internal one"""
    assert refused(ca, "cairn-ra", caller="site", folder=os.path.join(ca.state, "pki", "site"))


@pytest.mark.parametrize("server", sorted(SERVICES))
def test_tls_1_2_is_refused(ca, server):
    """A-2 is for the world; between the processes it is TLS 1.3 alone"""
    code, status, _ = call(ca, server, "X", extra=("--tls-max", "1.2"))
    assert code == 35 and status == 0
    assert call(ca, server, "X", extra=("--tlsv1.3",))[0:2] == (0, 404)


@pytest.mark.parametrize("body, status, code", (("{", 400, "invalid_argument"), ("[]", 400, "invalid_argument"),
                                                ('{"key": 7}', 400, "invalid_argument")))
def test_a_broken_message_is_refused(ca, body, status, code):
    _, got, text = call(ca, "cairn-ra", "NewAccount", body=body)
    assert (got, json.loads(text)["code"]) == (status, code), text


def test_methods_types_and_deadlines(ca):
    assert call(ca, "cairn-ra", "NoSuchMethod")[1] == 404
    assert call(ca, "cairn-ra", "NewAccount", extra=("-X", "GET"))[1] == 405
    assert call(ca, "cairn-ra", "NewAccount", kind="text/plain")[1] == 415
    code, _, body = call(ca, "cairn-ra", "NewAccount", extra=("-H", "Connect-Timeout-Ms: 0"))
    assert code == 0 and json.loads(body)["code"] == "deadline_exceeded"


def test_an_error_crosses_with_its_subproblems(ca, account):
    """A-44, A-74"""
    answer = account.order("fine.test", "bad_name.test", "also bad.test")
    body = raw.problem(answer, 400, answer.json()["type"].rpartition(":")[2])
    assert {one["identifier"]["value"] for one in body["subproblems"]} == {"bad_name.test", "also bad.test"}


def id_text(uuid):
    return raw.b64(bytes.fromhex(uuid.replace("-", "")))


def test_one_request_id_through_all_processes(make_ca, responder_for):
    """F-41: from the answer to the front end's log, through each process's log and each table"""
    ca = make_ca({"log": {"level": "debug"}})
    client = raw.Client(ca)
    client.register()
    client.issue(responder_for(ca), "traced.test")
    end = time.monotonic() + 60
    while len(ca.sql("SELECT 1 FROM log.request WHERE route = 'certificate'")) == 0 and time.monotonic() < end:
        time.sleep(0.1)
    requests = {route: id_text(uuid) for route, uuid in ca.sql("SELECT route, id FROM log.request WHERE method = 'POST'")}
    assert {"new-account", "new-order", "challenge", "finalize", "certificate"} <= set(requests)
    events = {kind: id_text(uuid) for kind, uuid in ca.sql("SELECT kind, request_id FROM log.event WHERE request_id IS NOT NULL")}
    assert events["account.created"] == requests["new-account"]
    assert events["order.created"] == requests["new-order"]
    assert events["certificate.issued"] == requests["finalize"]
    assert [id_text(row[0]) for row in ca.sql("SELECT request_id FROM log.validation")] == [requests["challenge"]]
    for process, route in (("cairn-wfe", "finalize"), ("cairn-ra", "finalize"), ("cairn-ca", "finalize"), ("cairn-va", "challenge")):
        assert f'"request":"{requests[route]}"' in ca.log(process), (process, route)


@pytest.mark.parametrize("process", PROCESSES)
def test_health_and_metrics(ca, process):
    """What monitors and supervisors ask for"""

    def get(path, *options):
        done = subprocess.run(["curl", "-sS", "--noproxy", "*", "-w", "\n%{http_code}", *options, f"http://{ca.metrics_address(process)}{path}"],
                              capture_output=True, text=True, check=True)
        text, _, status = done.stdout.rpartition("\n")
        return int(status), text

    assert get("/livez")[0] == 200
    assert get("/readyz") == (200, "ready\n")
    assert get("/nothing")[0] == 404
    assert get("/metrics", "-X", "POST")[0] == 405
    status, text = get("/metrics")
    assert status == 200
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) (cairn|process)_\w+ .+|(cairn|process)_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [-+0-9.e]+|# EOF', line), line
    assert "# TYPE cairn_ready gauge" in text and re.search(r"^cairn_ready 1$", text, re.M)


def test_not_ready_without_a_database(make_ca):
    """A process says why it can't work, and works again when it can"""
    import signal
    ca = make_ca()
    os.kill(ca.pid("cairn-supervise"), signal.SIGSTOP)  # so that PostgreSQL stays down
    try:
        ca.kill("postgres", signal.SIGQUIT)
        for process in ("cairn-wfe", "cairn-ra", "cairn-ca", "cairn-subscriber"):
            end = time.monotonic() + 60
            while ca.ready(process):
                assert time.monotonic() < end, f"{process} is ready without its database"
                time.sleep(0.1)
        assert ca.ready("cairn-va")
    finally:
        os.kill(ca.pid("cairn-supervise"), signal.SIGCONT)
    ca.wait_ready()
