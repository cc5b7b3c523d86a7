"""A whole CA in a folder of its own, started by deploy/up on free ports; as many at once as a test wants."""
import datetime
import json
import os
import random
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("CAIRN_BUILD", os.path.join(ROOT, "build"))
PROCESSES = ("wfe", "ra", "va", "ca", "subscriber")


def free_ports(count):
    """Ports that nobody listens on, below those that the kernel gives to connections."""
    found, open_sockets = [], []
    while len(found) < count:
        port = random.randint(15000, 32000)
        s = socket.socket()
        try:
            s.bind(("", port))
        except OSError:
            s.close()
            continue
        open_sockets.append(s)
        found.append(port)
    for s in open_sockets:
        s.close()
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
    moved on, in all its processes at once, by pass_time(). Each of front_ends is the overlay of a further cairn-wfe: the first of
    them is cairn-wfe-2."""

    def __init__(self, config=None, check=False, shifted=False, front_ends=()):
        self.folder = tempfile.mkdtemp(prefix="cairn-e2e-")
        self.state = os.path.join(self.folder, "state")
        self.config = merge(overlay(), config or {})
        self.check = check
        self.front_ends = list(front_ends)
        self.env = {}
        os.chmod(self.folder, 0o755)
        self.work = os.path.join(self.folder, "work")
        os.mkdir(self.work)
        self.environment = self.shift_clock() if shifted else {}
        self.ahead_s = 0

    def __getattr__(self, name):
        try:
            return self.__dict__["env"][name]
        except KeyError:
            raise AttributeError(name) from None

    def shift_clock(self):
        """What preloads tests/e2e/shifted_clock.c into every process, from a folder that PostgreSQL's user can read."""
        library, clock = os.path.join(self.folder, "shifted_clock.so"), os.path.join(self.folder, "clock")
        shutil.copy(os.path.join(BUILD, "libshifted_clock.so"), library)
        with open(clock, "wb") as f:
            f.write(bytes(8))
        os.chmod(clock, 0o644)
        return {"LD_PRELOAD": library, "SHIFTED_CLOCK": clock,
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

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
        command = [os.path.join(ROOT, "deploy/up"), "--detach", "--state", self.state, "--config", self.write("overlay", self.config)]
        for i, one in enumerate(self.front_ends):
            command += ["--front-end", self.write(f"front-end-{i + 2}", one)]
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
        try:
            self.down(purge=True)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

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
        return self.config[name.removeprefix("cairn-")]["metrics_listen"]

    def ready(self, name):
        done = subprocess.run(["curl", "-fsS", "-m", "2", "--noproxy", "*", f"http://{self.metrics_address(name)}/readyz"],
                              capture_output=True, check=False)
        return done.returncode == 0

    def wait_ready(self, *names, timeout=30, after=None):
        """Waits until the processes (all, when none is named) are ready, with another pid than `after`."""
        end = time.monotonic() + timeout
        for name in names or ["cairn-" + p for p in PROCESSES]:
            while self.pid(name) in (None, after) or not self.ready(name):
                if time.monotonic() > end:
                    raise TimeoutError(f"{name} is not ready\n{self.last_logs()}")
                time.sleep(0.05)

    def sql(self, query, role="cairn_auditor"):
        """Rows of the query, as lists of texts; as an auditor unless another role is named."""
        url = self.AUDITOR_DATABASE_URL.replace("cairn_auditor", role)
        done = subprocess.run(["psql", url, "-XAtq", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-c", query], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return [line.split("\x1f") for line in done.stdout.splitlines()]

    def cairn(self, *arguments, check=True):
        """Runs the cairn command."""
        return subprocess.run([self.CAIRN, *arguments], capture_output=True, text=True, check=check, timeout=60, stdin=subprocess.DEVNULL)

    def log(self, name):
        try:
            with open(os.path.join(self.state, "log", name + ".log"), encoding="utf-8", errors="replace") as f:
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
