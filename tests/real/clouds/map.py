"""Who lives where: the clouds, their services and every address, all from the ranges for documentation.

It does not make anything.
"""

import dataclasses
import ipaddress


@dataclasses.dataclass(frozen=True)
class Place:
    """A network namespace at the end of a road to neutral ground."""

    name: str
    net4: str
    net6: str

    def at(self, host: int) -> str:
        """The IPv4 address number `host`."""
        return str(ipaddress.IPv4Network(self.net4)[host])

    def at6(self, host: int) -> str:
        """The IPv6 address of the same host: the same decimal digits."""
        return str(ipaddress.IPv6Network(self.net6)[int(str(host), 16)])

    def hosts(self) -> list[str]:
        """Every address with the length of its prefix; the first is the place's own."""
        length4, length6 = self.net4.split("/")[1], self.net6.split("/")[1]
        if self.name == "neutral":
            # On the loopback device a longer stretch would be local as a whole, also what belongs to nobody.
            length4, length6 = "32", "128"
        numbers = HOSTS[self.name]
        return [f"{self.at(n)}/{length4}" for n in numbers] + [f"{self.at6(n)}/{length6}" for n in numbers]


ALPHA = Place("alpha", "192.0.2.0/24", "2001:db8:a::/64")
BETA = Place("beta", "198.51.100.0/24", "2001:db8:b::/64")
VANTAGE = Place("vantage", "203.0.113.128/26", "2001:db8:c::/64")
WITNESS = Place("witness", "203.0.113.192/26", "2001:db8:e::/64")
NEUTRAL = Place("neutral", "203.0.113.0/25", "2001:db8:d::/64")
CLOUDS = (ALPHA, BETA)
# Where a road from neutral ground leads.
ENDS = (ALPHA, BETA, VANTAGE, WITNESS)

# The neutral end of each road.
ROAD = 1
# A service has the same number in both clouds.
SHOP, SEARCH, ORDERS, CANARY, SECOND_CANARY, NAMES = 10, 11, 12, 20, 21, 53
SERVICES = {"shop": SHOP, "search": SEARCH, "orders": ORDERS}
CANARIES = {"canary": CANARY, "second-canary": SECOND_CANARY}
# In neutral ground.
SENTINELS = (11, 12, 13)
DATABASE, RESOLVER = 32, 53
# An address that belongs to nobody, on a road that exists.
NOBODY = 99
# In a vantage.
WATCHER = 2

HOSTS = {
    "alpha": [2, *SERVICES.values(), *CANARIES.values(), NAMES],
    "beta": [2, *SERVICES.values(), *CANARIES.values(), NAMES],
    "vantage": [WATCHER],
    "witness": [WATCHER],
    "neutral": [*SENTINELS, DATABASE, RESOLVER],
}

# The public zone, served by both clouds; how long public names may be kept, and where a service is in a cloud.
ZONE = "example.test"
TTL_S = 2
KEEP_S = 60
# Names that no cloud has a hand in.
SENTINEL_NAMES = ("one.neutral.test", "two.neutral.test", "three.neutral.test")
DATABASE_PORT = 5432
# Where a relay stands before the web server of a cloud, and lets it wait.
RELAY_PORT = 8080
LISTEN = "127.0.0.1"
LISTEN_PORT = 9464


def leaves() -> dict[str, tuple[str, int, int]]:
    """One leaf per place, for every name and address that it may answer for."""
    found = {}
    for cloud in CLOUDS:
        hosts = [*SERVICES.values(), *CANARIES.values()]
        names = [f"DNS:*.{ZONE}", f"DNS:*.{cloud.name}.{ZONE}", *_addresses(cloud, hosts)]
        found[cloud.name] = (",".join(names), -10, 300)
    names = [f"DNS:{name}" for name in SENTINEL_NAMES] + _addresses(NEUTRAL, SENTINELS)
    found["neutral"] = (",".join(names), -10, 300)
    return found


def records() -> dict[str, list[str]]:
    """The public zone as it is when all is well: `name: [type and data]`; public names lead to alpha."""
    found = {"@": ["NS ns.alpha", "NS ns.beta"]}
    for cloud in CLOUDS:
        found[f"ns.{cloud.name}"] = [f"A {cloud.at(NAMES)}", f"AAAA {cloud.at6(NAMES)}"]
        for service, host in SERVICES.items():
            found[f"{service}.{cloud.name}"] = [f"A {cloud.at(host)}", f"AAAA {cloud.at6(host)}"]
    for service, host in SERVICES.items():
        found[service] = [f"A {ALPHA.at(host)}"]
    return found


def _addresses(place: Place, hosts) -> list[str]:
    return [f"IP:{address}" for host in hosts for address in (place.at(host), place.at6(host))]
