"""Networks apart from this machine's: namespaces of the kernel, each joined by one link to one that stands for the internet, where the
traffic of one network can be diverted without the others noticing. Nothing outside of them is changed; they end with the process."""
import contextlib
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def forbidden():
    """Why this machine allows no namespaces; None when it does."""
    done = subprocess.run(["unshare", "--net", "sh", "-c", "ip link add name one type veth peer name two && echo 1 > /proc/sys/net/ipv4/ip_forward"],
                          capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else "no network namespaces: " + done.stderr.strip()


def call(function, *arguments):
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def current():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


class Network:
    """One namespace. What is opened or started in `with network.inside():` by the same thread is there, and stays there."""

    def __init__(self):
        before = current()
        try:
            call(LIBC.unshare, CLONE_NEWNET)
            self.file = current()
            self.ip("link set lo up")
        finally:
            call(LIBC.setns, before, CLONE_NEWNET)
            os.close(before)

    @contextlib.contextmanager
    def inside(self):
        before = current()
        call(LIBC.setns, self.file, CLONE_NEWNET)
        try:
            yield self
        finally:
            call(LIBC.setns, before, CLONE_NEWNET)
            os.close(before)

    def ip(self, words):
        """Runs ip where the thread is."""
        subprocess.run(["ip", *words.split()], check=True)

    def close(self):
        os.close(self.file)


class Internet:
    """internet.join("ams") gives a network whose address is internet.address("ams")."""

    def __init__(self):
        self.hub, self.networks, self.rules = Network(), {}, []
        with self.hub.inside():
            for name, value in (("ip_forward", "1"), ("conf/all/rp_filter", "0"), ("conf/default/rp_filter", "0")):
                with open("/proc/sys/net/ipv4/" + name, "w", encoding="ascii") as f:
                    f.write(value)

    def number(self, name):
        return list(self.networks).index(name) + 1

    def address(self, name):
        return f"10.77.{self.number(name)}.2"

    def join(self, name, *addresses, others=()):
        """A new network, which has these addresses too, and those of others, whose traffic comes there when it is diverted."""
        network = self.networks[name] = Network()
        n = self.number(name)
        with self.hub.inside():
            self.hub.ip(f"link add name {name} type veth peer name eth0 netns /proc/{os.getpid()}/fd/{network.file}")
            self.hub.ip(f"addr add 10.77.{n}.1/24 dev {name}")
            self.hub.ip(f"link set {name} up")
            self.hub.ip(f"route add default via 10.77.{n}.2 table {100 + n}")
            for address in addresses:
                self.hub.ip(f"route add {address}/32 via 10.77.{n}.2")
        with network.inside():
            network.ip(f"addr add 10.77.{n}.2/24 dev eth0")
            network.ip("link set eth0 up")
            network.ip(f"route add default via 10.77.{n}.1")
            for address in (*addresses, *others):
                network.ip(f"addr add {address}/32 dev lo")
        return network

    def divert(self, name, address, to):
        """What this one network sends to the address arrives in another one."""
        self.rule(f"iif {name} to {address} lookup {100 + self.number(to)}")

    def cut(self, name, address):
        """What this one network sends to the address is lost."""
        self.rule(f"iif {name} to {address} blackhole")

    def rule(self, words):
        with self.hub.inside():
            self.hub.ip("rule add " + words)
        self.rules.append(words)

    def restore(self):
        """All traffic finds its way again."""
        with self.hub.inside():
            while self.rules:
                self.hub.ip("rule del " + self.rules.pop())

    def close(self):
        for network in (*self.networks.values(), self.hub):
            network.close()
