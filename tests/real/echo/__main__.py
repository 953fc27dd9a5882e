"""nephoscope's ICMP probes in network namespaces of their own: echoes that a firewall drops, a dead address, no permission.

Each case is `nephoscope probe icmp://…` in a fresh namespace that `unshare` makes, with rules of nftables that drop echoes by
their number, so that what is lost is known. Every assertion is one line (findings.py).

It needs no root where namespaces of users are allowed.
"""

import json
import subprocess
import sys

from findings import Findings

LOSE = (
    "ip link set lo up && nft add table inet t && "
    "nft add chain inet t i '{ type filter hook input priority 0; }' && "
    "nft add rule inet t i icmp type echo-request icmp sequence '{ %s }' drop && "
    "nft add rule inet t i icmpv6 type echo-request icmpv6 sequence '{ %s }' drop && "
)
# As above, but the firewall says so.
REJECT = (
    "ip link set lo up && nft add table inet t && "
    "nft add chain inet t i '{ type filter hook input priority 0; }' && "
    "nft add rule inet t i icmp type echo-request icmp sequence '{ %s }' reject with icmp %s && "
    "nft add rule inet t i icmpv6 type echo-request icmpv6 sequence '{ %s }' reject with icmpv6 %s && "
)
# A way out that ends nowhere: the packets are sent, and nobody is there.
NOBODY = (
    "ip link set lo up && ip link add way0 type veth peer name way1 && "
    "ip link set way0 up && ip link set way1 up && "
    "ip addr add 192.0.2.1/24 dev way0 && ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev way0 && "
)
GROUPS = "ip link set lo up && sysctl -qw net.ipv4.ping_group_range='0 0' && "
NO_CAPABILITY = "exec setpriv --inh-caps=-all --bounding-set=-all "


def probe(binary: str, before: str, url: str, how: str = "exec ") -> dict:
    """The one run of a probe, after `before` in a fresh namespace."""
    script = f"{before}{how}{binary} probe --format json '{url}'"
    ran = subprocess.run(["unshare", "-rn", "sh", "-c", script], capture_output=True, timeout=60)
    runs = json.loads(ran.stdout or b"[]")
    return runs[0] if runs else {"said": ran.stderr.decode()}


def outcome(run: dict) -> tuple:
    """Verdict, why, warnings, echoes sent and lost."""
    facts = run.get("facts", {})
    why = run.get("reason") or run.get("cause")
    counts = (facts.get("packets_sent"), facts.get("packets_lost"))
    return (run.get("verdict"), why, *run.get("warnings", []), *counts)


def main(binary: str) -> int:
    findings = Findings("echo")
    for url in ["icmp://127.0.0.1", "icmp://[::1]"]:
        cases = [
            ("all come back", "9", ("good", None, 3, 0)),
            ("one of three is lost", "1", ("good", None, "loss", 3, 1)),
            ("two of three are lost", "0, 2", ("bad", "loss", 3, 2)),
            ("all are lost", "0, 1, 2", ("bad", "response_timeout", 3, 3)),
        ]
        for name, lost, wanted in cases:
            run = probe(binary, LOSE % (lost, lost), url)
            if not findings.equal(f"{url}: {name}", outcome(run), wanted):
                print(run.get("said"))
        rejected = [
            ("0", ("good", None, "loss", 3, 1)),
            ("1", ("good", None, "loss", 3, 1)),
            ("0, 1, 2", ("bad", "response_timeout", 3, 3)),
        ]
        for how in ["port-unreachable", "admin-prohibited"]:
            for lost, wanted in rejected:
                run = probe(binary, REJECT % (lost, how, lost, how), url)
                if not findings.equal(f"{url}: {lost} answered with {how}", outcome(run), wanted):
                    print(run.get("said"))
            findings.say("; instead came: " in run["said"], "and what came instead is said", run["said"])
    run = probe(binary, NOBODY, "icmp://192.0.2.7")
    findings.equal("nobody is there", outcome(run), ("bad", "response_timeout", 3, 3))
    run = probe(binary, "ip link set lo up && ", "icmp://192.0.2.7")
    findings.equal("no way leads there", outcome(run)[:2], ("bad", "connect_unreachable"))
    run = probe(binary, "ip link set lo up && ", "icmp://127.0.0.1", NO_CAPABILITY)
    findings.equal("nobody allows it", outcome(run)[:2], ("unknown", "unable"))
    said = run.get("said", "")
    told = "net.ipv4.ping_group_range" in said and "CAP_NET_RAW" in said
    findings.say(told, "and it says what would", said)
    run = probe(binary, GROUPS, "icmp://127.0.0.1", NO_CAPABILITY)
    findings.equal("the kernel allows the group", outcome(run), ("good", None, 3, 0))
    # What the daemon is given beyond a user's rights is not given to programs.
    url = "exec:///bin/sh?arg=-c&arg=grep%20CapAmb%20/proc/self/status"
    given = "exec setpriv --inh-caps=+net_raw --ambient-caps=+net_raw "
    run = probe(binary, "", url, given)
    findings.equal("a program gets no capability", run.get("said", "").split(), ["CapAmb:", "0" * 16])
    print(f"{findings.passed} passed, {findings.failed} failed")
    return 1 if findings.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
