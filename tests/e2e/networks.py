"""Networks apart from this machine's: namespaces of the kernel, each joined by one link to one that stands for the internet, where the
traffic of one network can be diverted without the others noticing. Nothing outside of them is changed; they end with the process."""
import contextlib
import ctypes
import ipaddress
import os
import socket
import struct
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
ETH_P_ALL, SOL_PACKET, PACKET_STATISTICS, SO_RCVBUFFORCE = 3, 263, 6, 33
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


class Watch:
    """Who is spoken to from a network: each packet that begins a connection (TCP with SYN alone), and
    each datagram, as (protocol, address, port) of its destination."""

    def __init__(self, network):
        self.spoken, self.lost = set(), 0
        with network.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.socket.settimeout(0.2)
        self.ending = threading.Event()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while not self.ending.is_set():
            try:
                packet = self.socket.recv(128)
            except TimeoutError:
                continue
            self.take(packet)

    def take(self, packet):
        if packet[0] >> 4 == 4:
            kind, to, rest = packet[9], packet[16:20], packet[(packet[0] & 15) * 4:]
        else:
            kind, to, rest = packet[6], packet[24:40], packet[40:]
        begins = kind == socket.IPPROTO_TCP and rest[13] & 0x12 == 0x02
        if begins or kind == socket.IPPROTO_UDP:
            self.spoken.add(("tcp" if begins else "udp", str(ipaddress.ip_address(to)), int.from_bytes(rest[2:4], "big")))

    def until_now(self):
        """All that was spoken to so far; fails when the kernel had to leave packets out."""
        time.sleep(1)
        packets, lost = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self.lost += lost
        assert self.lost == 0, f"{self.lost} of {packets} packets were not seen"
        return set(self.spoken)

    def close(self):
        self.ending.set()
        self.reader.join()
        self.socket.close()
