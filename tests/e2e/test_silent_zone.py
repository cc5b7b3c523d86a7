"""Zones whose name servers never answer, beside others, against a real cairn-va that forwards to one resolver (issue 4)."""
import asyncio
import os

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset

import instance
from authority import Authority, Hosts, quantiles

SILENT = 200
ZONES = ["silent.corp.example"] + [f"silent{i}.example" for i in range(4)]
TIMEOUT_S = 4
LONG = "CAIRN_LONG" in os.environ
# a lane where many came at once is avoided for 3 s, and the first that wait are given up after 4; libunbound gives up a resolver that owes answers for half a minute
WAIT_S = 48 if LONG else 5
QUICK = 60


class Resolver(asyncio.DatagramProtocol):
    """Knows all names as 127.0.0.1, and says nothing about those in ZONES."""

    def __init__(self):
        self.unanswered = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        query = dns.message.from_wire(data)
        question = query.question[0]
        if question.name.to_text().lower().rstrip(".").endswith(tuple(ZONES)):
            self.unanswered += 1
            return
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if question.rdtype == dns.rdatatype.A:
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "127.0.0.1"))
        self.transport.sendto(reply.to_wire(), address)


async def ask_on(authority, context, i, ended):
    """One validation after the other, each of which is given up."""
    connection = await authority.connect(context)
    while True:
        result = await authority.validate(connection, f"x{i}.{ZONES[i % len(ZONES)]}")
        assert not result["passed"], result
        ended.append(result)


async def beside(authority, port):
    loop = asyncio.get_running_loop()
    transport, resolver = await loop.create_datagram_endpoint(Resolver, local_addr=("127.0.0.1", port))
    web = await asyncio.start_server(Hosts().serve, "127.0.0.1", authority.web_port)
    context = authority.certificate()
    connection = await authority.connect(context)
    alone = await authority.times(connection, [f"host.alone{i}.example" for i in range(QUICK)])
    ended = []
    tasks = [asyncio.create_task(ask_on(authority, context, i, ended)) for i in range(SILENT)]
    await asyncio.sleep(WAIT_S)
    while len(ended) < SILENT // 2:  # on a busy machine they come later
        await asyncio.sleep(0.1)
    times = await authority.times(connection, [f"host.quick{i}.example" for i in range(QUICK)])
    same = await authority.times(connection, [f"host{i}.corp.example" for i in range(QUICK // 2)])
    under_way = sum(not task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    connection[1].close()
    web.close()
    transport.close()
    return alone, times, same, under_way, ended


def test_quick_zones_beside_a_silent_one():
    """Issue 4: whoever has many names in zones that never answer delays nobody else's, in the same domain neither, also by those that
    were given up, and the resolver does not count as down, by whatever it is asked"""
    (port,) = instance.free_ports(1)
    authority = Authority({"resolvers": [{"zone": ".", "forward": f"127.0.0.1@{port}", "dnssec": "off"}]}, timeout_s=TIMEOUT_S)
    try:
        alone, times, same, under_way, ended = asyncio.run(beside(authority, port))
    finally:
        authority.end()
    print("alone", quantiles(alone), "beside", quantiles(times), "same domain", quantiles(same), "under way", under_way, "given up", len(ended))
    assert under_way == SILENT and len(ended) >= SILENT // 2, "they were there all the time, more than once"
    for beside_them in (times, same):
        assert beside_them[len(beside_them) // 2] < 8 * alone[QUICK // 2] + 100, (alone, beside_them)
