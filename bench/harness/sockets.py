# The kernel memory of a proxy's own sockets, as `ss -m` shows it, asked for over netlink (sock_diag(7)) and summed: the
# proxy's sockets are those with its listeners' ports at this end, or its backends' ports at the other.
import socket
import struct

SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST_DUMP = 0x301
NLMSG_ERROR, NLMSG_DONE = 2, 3
INET_DIAG_SKMEMINFO = 7
CONNECTED = sum(1 << state for state in (1, 2, 3, 4, 5, 8, 9, 11))  # neither listening nor TIME_WAIT
HEADER = struct.Struct('=IHHII')                # struct nlmsghdr
REQUEST = struct.Struct('=BBBxI2s2s32xI2I')     # struct inet_diag_req_v2
MESSAGE_BYTES = 72                              # struct inet_diag_msg
ATTRIBUTE = struct.Struct('=HH')                # struct rtattr
MEMORY = struct.Struct('=8I')                   # received, its bound, being sent, its bound, reserved, to send, options, backlog
NETLINK_SOCK_DIAG = 4


def memory_of(message):
    at = MESSAGE_BYTES
    while at + ATTRIBUTE.size <= len(message):
        length, kind = ATTRIBUTE.unpack_from(message, at)
        if kind == INET_DIAG_SKMEMINFO:
            received, _, _, _, reserved, to_send, options, backlog = MEMORY.unpack_from(message, at + ATTRIBUTE.size)
            return received + reserved + to_send + options + backlog
        at += (length + 3) & ~3
    return 0


def ask(netlink, here, there):
    """Bytes of all connected TCP sockets with these ports; 0 is any."""
    body = REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 1 << (INET_DIAG_SKMEMINFO - 1), CONNECTED,
                        struct.pack('>H', here), struct.pack('>H', there), 0, 0xffffffff, 0xffffffff)
    netlink.send(HEADER.pack(HEADER.size + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST_DUMP, 0, 0) + body)
    total = 0
    while True:
        answer = netlink.recv(1 << 18)
        at = 0
        while at < len(answer):
            length, kind, *_ = HEADER.unpack_from(answer, at)
            if kind in (NLMSG_DONE, NLMSG_ERROR):
                return total
            total += memory_of(answer[at + HEADER.size:at + length])
            at += (length + 3) & ~3


def own_memory(listeners, backends):
    """Bytes that the kernel holds in the sockets of a proxy with these ports."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(10)
        return sum(ask(netlink, port, 0) for port in listeners) + sum(ask(netlink, 0, port) for port in backends)
