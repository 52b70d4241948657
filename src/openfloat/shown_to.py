"""Whom an address is shown to."""

import ipaddress


def reached_from_here_alone(host: str) -> bool:
    """Whether only this machine reaches an address; unknown names are taken to be reached."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
