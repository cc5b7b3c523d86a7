"""A cairn-va alone, with a configuration and certificates of its own, and how cairn-ra asks it."""
import asyncio
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import time
import urllib.request

import instance

PATH = "/cairn.va.v1.ValidationAuthority/Validate"
TOKEN = "tokentokentokentokentoken"
ANSWER = TOKEN + ".9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"


class Authority:
    """`va` is laid over the configuration of the process. Close it by end()."""

    def __init__(self, va, timeout_s=52):
        self.folder = tempfile.mkdtemp(prefix="cairn-va-")
        self.timeout_s = timeout_s
        state = os.path.join(self.folder, "state")
        self.rpc_port, self.metrics_port, self.web_port = instance.free_ports(3)
        overlay = os.path.join(self.folder, "overlay.yaml")
        with open(overlay, "w", encoding="utf-8") as f:
            json.dump({"va": {"rpc_listen": [f"127.0.0.1:{self.rpc_port}"], "metrics_listen": f"127.0.0.1:{self.metrics_port}",
                              "http01_port": self.web_port, "timeout_s": timeout_s, **va}}, f)
        subprocess.run([os.path.join(instance.BUILD, "cairn"), "init", "--state", state, "--database", "dbname=none", "--config", overlay],
                       check=True, stdout=subprocess.DEVNULL)
        self.internal = os.path.join(state, "pki", "internal")
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen([os.path.join(instance.BUILD, "cairn-va"), "--config", os.path.join(state, "cairn.yaml"),
                                             "--config", overlay], stdin=subprocess.DEVNULL, stderr=log)
        end = time.monotonic() + 60
        while not self.metrics("ready"):
            assert self.process.poll() is None and time.monotonic() < end, self.log()
            time.sleep(0.05)

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as f:
            return f.read()

    def metrics(self, name):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=60) as answer:
                found = re.search(rf"^cairn_{name} (\S+)$", answer.read().decode(), re.M)
                return float(found.group(1)) if found else 0.0
        except OSError:
            return 0.0

    def status_kb(self, name):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(name + ":"))

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def certificate(self):
        """As cairn-ra calls."""
        context = ssl.create_default_context(cafile=os.path.join(self.internal, "ca.pem"))
        base = os.path.join(self.internal, "cairn-ra", "cairn-ra")
        context.load_cert_chain(base + ".pem", base + ".key")
        return context

    async def connect(self, context):
        return await asyncio.open_connection("127.0.0.1", self.rpc_port, ssl=context, server_hostname="cairn-va")

    def request(self, name, method="http-01"):
        body = json.dumps({"validation_id": "AaICmSbJdBCKBJmMDI7rZw", "identifier": {"type": "dns", "value": name}, "wildcard": False,
                           "method": method, "token": TOKEN, "key_authorization": ANSWER, "account_url": "https://ca.test/acct/1",
                           "caa_identities": ["ca.test"], "check_caa": True}).encode()
        return (f"POST {PATH} HTTP/1.1\r\nHost: cairn-va\r\nContent-Type: application/json\r\nConnect-Timeout-Ms: {self.timeout_s * 1000}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body

    async def validate(self, connection, name, method="http-01"):
        reader, writer = connection
        writer.write(self.request(name, method))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
        return json.loads(await reader.readexactly(length))

    async def times(self, connection, names):
        """Milliseconds of one validation after the other, each of which passes; sorted."""
        times = []
        for name in names:
            start = time.monotonic()
            result = await self.validate(connection, name)
            times.append((time.monotonic() - start) * 1000)
            assert result["passed"], result
        return sorted(times)

    def end(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


class Hosts:
    """Web servers of all names: those that begin with "slow" never answer."""

    def __init__(self):
        self.held = 0

    async def serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if b"\r\nHost: slow" in head:
            self.held += 1
            await reader.read()  # until the other side has had enough
        else:
            body = ANSWER.encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()


def quantiles(times):
    return {"p50": round(times[len(times) // 2], 2), "p99": round(times[len(times) * 99 // 100], 2), "max": round(times[-1], 2)}
