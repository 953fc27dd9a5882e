"""A question to the resolver of a stage, as a host in the vantage asks it.

It asks for IPv4 addresses over UDP, and reads no more of the answer than a story needs.
"""

import socket
import struct

from clouds.ground import Ground
from clouds.map import NEUTRAL, RESOLVER, VANTAGE

_IDENTITY, _RECURSE, _A, _INTERNET = 0x4E45, 0x0100, 1, 1


def kept_for(ground: Ground, name: str) -> int:
    """For how many seconds more the resolver keeps the first address of a name."""
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0" + struct.pack("!2H", _A, _INTERNET)
    with ground.socket(VANTAGE.name, kind=socket.SOCK_DGRAM) as asking:
        asking.settimeout(1)
        asking.connect((NEUTRAL.at(RESOLVER), 53))
        asking.send(struct.pack("!6H", _IDENTITY, _RECURSE, 1, 0, 0, 0) + question)
        answer = asking.recv(512)
    if struct.unpack_from("!H", answer, 6) == (0,):
        raise ValueError(f"no address of {name}")
    # Header, question, and of the record a pointer to the name, type and class before the time to live.
    return struct.unpack_from("!I", answer, 12 + len(question) + 2 + 2 + 2)[0]
