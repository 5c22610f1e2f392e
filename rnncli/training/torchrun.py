"""The environment variables that ``torchrun`` sets for each of the processes that it starts."""

import os
import socket
import struct
from contextlib import suppress

_NAMES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_INTERFACE = "GLOO_SOCKET_IFNAME"  # which gloo reads
_GET_ADDRESS = 0x8915  # of an interface: the request SIOCGIFADDR of Linux
_DISCARD = 9  # a port; nothing is sent


def world_size() -> int:
    """Return how many processes train together; 1 where no launcher has started them."""
    return int(os.environ["WORLD_SIZE"]) if all(name in os.environ for name in _NAMES) else 1


def rank() -> int:
    """Return the number of this process among them, from 0."""
    return int(os.environ["RANK"]) if world_size() > 1 else 0


def name_interface() -> None:
    """Let gloo use the network interface from which process 0 is reached, unless one is named.

    Otherwise it uses the address of this machine's name, which on many is that of the machine
    alone, so that no other one can answer.
    """
    with suppress(OSError, ImportError):  # such as not on Linux
        interface = _interface_to(os.environ["MASTER_ADDR"])
        if interface is not None:
            os.environ.setdefault(_INTERFACE, interface)


def _interface_to(host: str) -> str | None:
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, _DISCARD))
        address = socket.inet_aton(probe.getsockname()[0])
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # it has no address
                answer = fcntl.ioctl(probe, _GET_ADDRESS, struct.pack("256s", name.encode()))
                if answer[20:24] == address:
                    return name
    return None
