"""Where a server of a test may listen."""

import secrets
import socket


def free_port() -> int:
    """One that the kernel gives to nobody by itself, so that it is still free when it is needed."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
