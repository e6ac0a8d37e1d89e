# SPDX-License-Identifier: ISC
"""System calls of a program, as strace wrote them, and the one question asked of them: was it synced before it was
said?"""
import re
from dataclasses import dataclass

CALLS = "read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,fsync,fdatasync"
COMMAND = ["strace", "-f", "-yy", "-s", "8", "-e", f"trace={CALLS}", "-e", "signal=none"]
READS, WRITES, SYNCS = {"read", "readv", "recvfrom", "recvmsg"}, {"write", "writev", "sendto", "sendmsg"}, {"fsync", "fdatasync"}

LINE = re.compile(r"^(\d+)\s+(.*)$")
CALL = re.compile(r"^(\w+)\((\d+)<((?:->|[^>])*)>(.*)$")
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")
RESULT = re.compile(r"=\s*(-?\d+)")


@dataclass
class Call:
    name: str
    target: str    # path, or TCP:[near->far]
    began: int     # line numbers: where it was entered and where it returned
    ended: int
    result: int

    @property
    def is_socket(self):
        return self.target.startswith(("TCP", "TCPv6", "socket"))


def parse(lines):
    """The calls that returned, in the order in which they did."""
    calls, open_calls = [], {}
    for number, line in enumerate(lines):
        match = LINE.match(line)
        if not match:
            continue
        pid, rest = match.groups()
        resumed = RESUMED.match(rest)
        if resumed:
            begun = open_calls.pop(pid, None)
            if begun is None:
                continue
            name, target, began = begun
            tail = resumed.group(2)
        else:
            call = CALL.match(rest)
            if not call:
                continue
            name, target, tail, began = call.group(1), call.group(3), call.group(4), number
            if "<unfinished ...>" in tail:
                open_calls[pid] = (name, target, began)
                continue
        result = RESULT.search(tail[tail.rfind(")"):])
        if result:
            calls.append(Call(name, target, began, number, int(result.group(1))))
    return calls


def unsynced(calls, is_input, is_answer, is_substitute=lambda call: False):
    """(faults, pairs): a pair is an answer and the last input before it; a fault is a pair between which no sync was
    entered and done. `is_substitute` names calls that are as good as a sync."""
    faults, pairs, last = [], 0, None
    for call in sorted(calls, key=lambda one: one.began):
        if call.name in READS and call.result > 0 and is_input(call):
            last = call
        elif last and call.name in WRITES and is_answer(call):
            pairs += 1
            if not any(_lies_between(one, last, call) and (one.name in SYNCS and one.result == 0 or is_substitute(one))
                       for one in calls):
                faults.append((last, call))
            last = None
    return faults, pairs


def _lies_between(call, first, second):
    return call.began > first.ended and call.ended < second.began
