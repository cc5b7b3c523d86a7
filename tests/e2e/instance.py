"""A whole CA in a folder of its own, started by deploy/up on free ports; as many at once as a test wants."""
import contextlib
import datetime
import glob
import json
import os
import random
import re
import shlex
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import time

import psycopg2
import psycopg2.extensions
import psycopg2.extras

import cluster

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("CAIRN_BUILD", os.path.join(ROOT, "build"))
PROCESSES = ("wfe", "ra", "va", "ca", "subscriber")
SANITIZER = re.compile(r"(ERROR|WARNING): (Address|Thread|Leak|Memory)Sanitizer|: runtime error: ")
# Every type as PostgreSQL writes it.
AS_TEXT = psycopg2.extensions.new_type(tuple(psycopg2.extensions.string_types), "AS_TEXT", lambda value, _: value)


CLAIMS = []


def claim(port):
    """Whether the port is ours from now on: nobody listens on it, and no other run of tests, whose listener may not stand yet,
    has claimed it. A claim is a name in the abstract namespace of UNIX sockets, which ends with this process."""
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(f"\0cairn-test-port-{port}")
        with socket.socket() as s:
            s.bind(("", port))
    except OSError:
        mark.close()
        return False
    CLAIMS.append(mark)
    return True


def free_ports(count):
    """Ports of this process, below those that the kernel gives to connections."""
    found = []
    while len(found) < count:
        port = random.randint(15000, 32000)
        if claim(port):
            found.append(port)
    return found


def merge(below, above):
    """Maps key by key, everything else replaced: as the configuration's overlays do."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {k: merge(below[k], above[k]) if k in below and k in above else above.get(k, below.get(k)) for k in {**below, **above}}
    return above


def overlay():
    """Configuration that puts every listener on a free port."""
    ports = free_ports(14)
    rpc = dict(zip(PROCESSES, ports))
    config = {p: {"rpc_listen": [f"127.0.0.1:{rpc[p]}"], "metrics_listen": f"127.0.0.1:{ports[5 + i]}"} for i, p in enumerate(PROCESSES)}
    config["acme"] = {"external_url": f"https://localhost:{ports[10]}"}
    config["rpc"] = {p: [f"127.0.0.1:{rpc[p]}"] for p in PROCESSES}
    config["wfe"].update(listen=[f"127.0.0.1:{ports[10]}"], http_listen=[f"127.0.0.1:{ports[11]}"])
    config["va"].update(http01_port=ports[12], tlsalpn01_port=ports[13])
    return config


class Instance:
    """One CA. `env` holds STATE/env; its members are attributes too: ca.DIRECTORY_URL. With `shifted` its wall clock can be
    moved on, in all its processes at once, by pass_time(). Each of front_ends is the overlay of a further cairn-wfe, the first of
    them is cairn-wfe-2; each of perspectives that of a further cairn-va. `from_nothing` leaves PostgreSQL's cluster to the first
    deploy/up too, on a disk. With `token` the issuers' keys are in one of SoftHSM, as in mode webpki always.
    With `signatures` each signature of cairn-ca is noted in a file (signatures())."""

    def __init__(self, config=None, check=False, shifted=False, front_ends=(), perspectives=(), from_nothing=False, token=False,
                 signatures=False):
        self.folder = tempfile.mkdtemp(prefix="cairn-e2e-", dir=None if from_nothing else cluster.place())
        self.state = os.path.join(self.folder, "state")
        self.config = merge(overlay(), config or {})
        self.check, self.from_nothing = check, from_nothing
        self.front_ends, self.perspectives = list(front_ends), list(perspectives)
        self.env = {}
        os.chmod(self.folder, 0o755)
        self.work = os.path.join(self.folder, "work")
        os.mkdir(self.work)
        self.environment = self.shift_clock() if shifted else self.note_signatures() if signatures else {}
        if token or self.config.get("policy", {}).get("mode") == "webpki":  # F-1: there it has to be one
            self.make_token()
        self.ahead_s = 0

    def __getattr__(self, name):
        try:
            return self.__dict__["env"][name]
        except KeyError:
            raise AttributeError(name) from None

    def make_token(self):
        """A token of SoftHSM, in which deploy/up makes the issuers' keys."""
        self.token = os.path.join(self.folder, "token")
        os.makedirs(os.path.join(self.token, "tokens"))
        self.environment["SOFTHSM2_CONF"] = os.path.join(self.token, "softhsm2.conf")
        for name, text in (("softhsm2.conf", f"directories.tokendir = {self.token}/tokens\nobjectstore.backend = file\n"), ("pin", "271828\n")):
            with open(os.path.join(self.token, name), "w", encoding="ascii") as f:
                f.write(text)
            os.chmod(f.name, 0o600)
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "cairn", "--pin", "271828", "--so-pin", "314159"], check=True,
                       stdout=subprocess.DEVNULL, env={**os.environ, **self.environment})
        self.config = merge(self.config, {"ca": {"token": {
            "module": "/usr/lib/softhsm/libsofthsm2.so", "label": "cairn", "pin_file": os.path.join(self.token, "pin"), "paths": [self.token],
            "approval": "none: SoftHSM, for tests"}, "disclosed": ["ecdsa-1", "rsa-1"]}})

    def shift_clock(self):
        """What preloads tests/e2e/shifted_clock.c into every process, from a folder that PostgreSQL's user can read."""
        clock = os.path.join(self.folder, "clock")
        with open(clock, "wb") as f:
            f.write(bytes(8))
        os.chmod(clock, 0o644)
        return {"SHIFTED_CLOCK": clock, **self.preload("shifted_clock")}

    def preload(self, name):
        library = shutil.copy(os.path.join(BUILD, f"lib{name}.so"), self.folder)
        return {"LD_PRELOAD": library, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def note_signatures(self):
        """What preloads tests/e2e/signatures.c."""
        path = os.path.join(self.folder, "signatures")
        with open(path, "wb"):
            pass
        return {"SIGNATURES": path, **self.preload("signatures")}

    def signatures(self):
        """What cairn-ca has signed, with the signature, in their order."""
        with open(self.environment["SIGNATURES"], encoding="ascii") as f:
            return [tuple(bytes.fromhex(part) for part in line.split()) for line in f]

    def pass_time(self, **duration):
        """The wall clock of all processes jumps by so much: pass_time(days=2, hours=1)."""
        self.ahead_s += int(datetime.timedelta(**duration).total_seconds())
        with open(self.environment["SHIFTED_CLOCK"], "r+b") as f:
            f.write(struct.pack("=q", self.ahead_s * 1000000))

    def now(self):
        """What the CA takes for the time, in UTC."""
        return datetime.datetime.utcnow() + datetime.timedelta(seconds=self.ahead_s)

    def write(self, name, config):
        path = os.path.join(self.folder, name + ".yaml")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)
        return path

    def up(self):
        """Starts it, or starts it again; returns when it is ready."""
        if not self.from_nothing and not os.path.exists(self.state):
            cluster.lay(ROOT, BUILD, self.state)
        command = [os.path.join(ROOT, "deploy/up"), "--detach", "--state", self.state, "--config", self.write("overlay", self.config)]
        for i, one in enumerate(self.front_ends):
            command += ["--front-end", self.write(f"front-end-{i + 2}", one)]
        for i, one in enumerate(self.perspectives):
            command += ["--perspective", self.write(f"perspective-{i + 2}", one)]
        done = subprocess.run(command + ([] if self.check else ["--no-check"]), env={**os.environ, "CAIRN_BUILD": BUILD, **self.environment},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"deploy/up failed:\n{done.stdout}\n{done.stderr}\n{self.last_logs()}")
        self.output = done.stdout
        self.read_env()
        return self

    def read_env(self):
        with open(os.path.join(self.state, "env"), encoding="utf-8") as f:
            self.env = dict(word.split("=", 1) for word in shlex.split(f.read()))
        return self.env

    def down(self, purge=False):
        subprocess.run([os.path.join(ROOT, "deploy/down"), "--state", self.state] + (["--purge"] if purge else []),
                       stdin=subprocess.DEVNULL, check=True, timeout=120, capture_output=True)

    def remove(self):
        """Fails when a sanitizer found something in one of its processes, whatever the tests made of it."""
        try:
            self.down()
            found = self.found_by_sanitizers()
            self.down(purge=True)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        assert not found, found

    def found_by_sanitizers(self):
        found = []
        for path in glob.glob(os.path.join(self.state, "log", "*.log")):
            with open(path, encoding="utf-8", errors="replace") as f:
                text = f.read()
            first = SANITIZER.search(text)
            if first:
                found.append(f"{os.path.basename(path)}: {text[first.start():first.start() + 6000]}")
        return "\n".join(found)

    def pid(self, name):
        """Process id of cairn-ra, postgres, cairn-supervise ...; None while it does not run."""
        try:
            with open(os.path.join(self.state, "run", name + ".pid"), encoding="ascii") as f:
                return int(f.read())
        except (FileNotFoundError, ValueError):
            return None

    def kill(self, name, how=signal.SIGKILL):
        """Sends the signal and returns the process id that got it."""
        pid = self.pid(name)
        os.kill(pid, how)
        return pid

    def metrics_address(self, name):
        if name.startswith("cairn-wfe-"):
            return self.front_ends[int(name.removeprefix("cairn-wfe-")) - 2]["wfe"]["metrics_listen"]
        if name.startswith("cairn-va-"):
            return self.perspectives[int(name.removeprefix("cairn-va-")) - 2]["va"]["metrics_listen"]
        return self.config[name.removeprefix("cairn-")]["metrics_listen"]

    def ready(self, name):
        done = subprocess.run(["curl", "-fsS", "-m", "20", "--noproxy", "*", f"http://{self.metrics_address(name)}/readyz"],
                              capture_output=True, check=False)
        return done.returncode == 0

    def wait_ready(self, *names, timeout=60, after=None):
        """Waits until the processes (all, when none is named) are ready, with another pid than `after`."""
        end = time.monotonic() + timeout
        for name in names or ["cairn-" + p for p in PROCESSES]:
            while self.pid(name) in (None, after) or not self.ready(name):
                if time.monotonic() > end:
                    raise TimeoutError(f"{name} is not ready\n{self.last_logs()}")
                time.sleep(0.05)

    def add_last_year(self):
        """A place for rows of some days ago also in January, in the tables that have a partition for each year."""
        self.sql("DO $$ DECLARE t text; s timestamptz := cairn.partition_start(now() - interval '1 year', 12); BEGIN FOR t IN SELECT name FROM cairn.partitioned "
                 "WHERE months = 12 AND to_regclass(cairn.partition_name(name, s)) IS NULL LOOP EXECUTE format('CREATE TABLE %s PARTITION OF %s FOR VALUES FROM (%L) "
                 "TO (%L)', cairn.partition_name(t, s), t, cairn.id_at(s), cairn.id_at(s + interval '1 year')); END LOOP; END $$", role="cairn_owner")

    def sql(self, query, role="cairn_auditor"):
        """Rows of the query, as lists of texts; as an auditor unless another role is named."""
        try:
            with contextlib.closing(psycopg2.connect(self.AUDITOR_DATABASE_URL.replace("cairn_auditor", role))) as connection:
                connection.autocommit = True
                psycopg2.extensions.register_type(AS_TEXT, connection)
                with connection.cursor() as cursor:
                    cursor.execute(query)
                    return [[value or "" for value in row] for row in cursor.fetchall()] if cursor.description else []
        except psycopg2.Error as error:
            raise RuntimeError(str(error)) from None

    def validations(self, name):
        """Rows of log.validation for a name, with their private halves, oldest first."""
        connection = psycopg2.connect(self.AUDITOR_DATABASE_URL)
        with connection, connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute("SELECT * FROM log.validation JOIN log.validation_private USING (id) WHERE identifier_value = %s ORDER BY id", (name,))
            found = cursor.fetchall()
        connection.close()
        return found

    def cairn(self, *arguments, check=True):
        """Runs the cairn command."""
        return subprocess.run([self.CAIRN, *arguments], capture_output=True, text=True, check=check, timeout=60, stdin=subprocess.DEVNULL)

    def log(self, name, end=".log"):
        """What the process has written so far. A line goes through a pipe to the supervisor, which may be slower than the answer that
        followed it: a line of our own behind it has to arrive."""
        mark = f"read by a test {random.getrandbits(64):x}\n"
        marked = self.append_to_log(name, mark)
        end_s = time.monotonic() + 60
        text = self.log_so_far(name, end)
        while marked and mark not in text and end == ".log" and self.pid(name) == marked and time.monotonic() < end_s:
            time.sleep(0.002)
            text = self.log_so_far(name, end)
        return re.sub("read by a test [0-9a-f]+\n", "", text)

    def append_to_log(self, name, line):
        """The process's id when the line went into its pipe."""
        pid = self.pid(name)
        path = f"/proc/{pid}/fd/2"
        try:
            if not stat.S_ISFIFO(os.stat(path).st_mode):
                return None
            pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return None
        with open(pipe, "wb", buffering=0) as f:
            f.write(line.encode())
        return pid

    def log_so_far(self, name, end):
        try:
            with open(os.path.join(self.state, "log", name + end), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def last_logs(self, lines=12):
        names = ["migrate", "postgres"] + ["cairn-" + p for p in PROCESSES] + ["cairn-supervise"]
        return "\n".join(f"--- {n}\n" + "\n".join(self.log(n).splitlines()[-lines:]) for n in names)

    def deaths(self):
        """What the supervisor saw end without having been told to stop it; the logs, which go with the instance, are printed."""
        ended = [line for line in self.log("cairn-supervise").splitlines() if '"ended"' in line and '"warn"' in line]
        for service in sorted({json.loads(line)["service"] for line in ended}):
            print(f"--- {service} ended by itself; its log:\n{self.log(service)[-8000:]}")
        return ended
