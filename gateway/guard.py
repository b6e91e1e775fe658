"""Which addresses a call out may go to, when the address came in with a request.

A name is resolved once, every address it has is looked at, and the call connects to the very address that was looked
at: a name that means something else a moment later changes nothing. Only https, and only what is reachable from
everywhere; `allowed` networks are the exception that the settings name, for them http will do, too.
"""

import ipaddress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from gateway.deadlines import left
from gateway.lookups import theirs

LONGEST = 2_000
PATIENCE = 10.0  # seconds for a lookup outside of an exchange
PORTS = {"https": 443, "http": 80}

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_V4_IN_V6 = ipaddress.ip_network("::/96")  # "compatible" addresses, long out of use


class Forbidden(ValueError):
    """The address may not be called; the message is a sentence for whoever gave it."""


class Unresolved(OSError):
    """The name has no address at the moment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """An address that was looked at, and where to connect for it."""

    url: str
    ip: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """What may be called. `allowed` are networks such as "10.1.0.0/16", private ones included."""

    allowed: tuple[str, ...] = ()

    def check(self, url: str) -> None:
        """Raise `Forbidden` for what is refused by its looks; the network is not asked."""
        parts = _split(url)
        literal = _literal(parts.hostname or "")
        if literal is not None:
            self._check_address(literal, parts.scheme)
        elif parts.scheme == "http" and not self.allowed:
            raise Forbidden("Only https addresses are called.")

    def resolve(self, url: str) -> Target:
        """Look the name up, and at all its addresses, within the exchange's time or `PATIENCE`.

        Raises `Forbidden` or `Unresolved`.
        """
        self.check(url)
        parts = _split(url)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        rest = left()
        try:
            found = theirs.addresses(host, port, PATIENCE if rest is None else rest)
        except (OSError, UnicodeError) as error:
            raise Unresolved(f"The name {host} cannot be found: {error}") from error
        addresses = [address.partition("%")[0] for address in found]
        for address in addresses:
            self._check_address(ipaddress.ip_address(address), parts.scheme)
        return Target(url=url, ip=addresses[0])

    def _check_address(self, address: IPv4Address | IPv6Address, scheme: str) -> None:
        meant = _meant(address)
        if any(meant.version == network.version and meant in network for network in self._networks()):
            return
        if scheme != "https":
            raise Forbidden("Only https addresses are called.")
        if not _is_public(meant):
            raise Forbidden("The address leads to a private or reserved network, which is not called.")

    def _networks(self) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        return [ipaddress.ip_network(network) for network in self.allowed]


def _split(url: str) -> SplitResult:
    if len(url) > LONGEST or any(character <= " " or character in "\\\x7f" for character in url):
        raise Forbidden(f"An address has at most {LONGEST} characters, none of them spaces or backslashes.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Forbidden("This is no address; write it like https://example.org/hooks.") from None
    if parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise Forbidden("This is no address; write it like https://example.org/hooks.")
    if parts.username is not None or parts.password is not None:
        raise Forbidden("An address has no user name and no password in it.")
    return parts


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside an IPv6 one that only wraps it."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address.teredo is not None:
        inner = address.teredo[1]
    if inner is None and (address in _NAT64 or (address in _V4_IN_V6 and int(address) > 1)):
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
