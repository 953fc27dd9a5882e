"""What both are asked: a name, a module, a target with ports of the peers in it, and whether it is good.

The verdict is written down too, so that two programs that are wrong in the same way are found out.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Question:
    """One probe at one target."""

    name: str
    module: str
    target: str
    good: bool
    more: tuple[tuple[str, str], ...] = ()


QUESTIONS = [
    Question("200", "http_2xx", "http://127.0.0.1:@http@/ok", True),
    Question("a target without a scheme", "http_2xx", "127.0.0.1:@http@/ok", True),
    Question("by name", "http_2xx", "http://localhost:@http@/ok", True),
    Question("404", "http_2xx", "http://127.0.0.1:@http@/missing", False),
    Question("500", "http_2xx", "http://127.0.0.1:@http@/error", False),
    Question("404, as wanted", "missing", "http://127.0.0.1:@http@/missing", True),
    Question("two redirects", "http_2xx", "http://127.0.0.1:@http@/first", True),
    Question("a redirect that is judged itself", "stay", "http://127.0.0.1:@http@/first", True),
    Question("a redirect that is not there", "stay", "http://127.0.0.1:@http@/ok", False),
    Question("a redirect in a circle", "http_2xx", "http://127.0.0.1:@http@/loop", False),
    Question("a redirect to something else", "http_2xx", "http://127.0.0.1:@http@/elsewhere", False),
    Question("a body as wanted", "greets", "http://127.0.0.1:@http@/ok", True),
    Question("a body not as wanted", "greets", "http://127.0.0.1:@http@/compressed", False),
    Question("a body that must not be", "greets_not", "http://127.0.0.1:@http@/ok", False),
    Question("a wrong status before a body", "greets", "http://127.0.0.1:@http@/missing", False),
    Question("gzip", "gzip", "http://127.0.0.1:@http@/compressed", True),
    Question("HEAD", "head", "http://127.0.0.1:@http@/large", True),
    Question("POST", "post", "http://127.0.0.1:@http@/ok", True),
    Question("a large body", "http_2xx", "http://127.0.0.1:@http@/large", True),
    Question("a slow body", "http_2xx", "http://127.0.0.1:@http@/slow/index.html", False),
    Question("no answer", "http_2xx", "http://127.0.0.1:@http@/silent", False),
    Question("closed without an answer", "http_2xx", "http://127.0.0.1:@http@/closed", False),
    Question("nobody listens", "http_2xx", "http://127.0.0.1:@nobody@/", False),
    Question("nobody accepts", "http_2xx", "http://127.0.0.1:@full@/", False),
    Question("a password", "user", "http://127.0.0.1:@http@/private/index.html", True),
    Question("no password", "http_2xx", "http://127.0.0.1:@http@/private/index.html", False),
    Question("a hostname", "http_2xx", "http://127.0.0.1:@http@/host", True, (("hostname", "good.test"),)),
    Question("TLS 1.3", "https", "https://127.0.0.1:@tls13@/", True),
    Question("TLS 1.2", "https", "https://127.0.0.1:@tls12@/", True),
    Question("HTTP/2", "https", "https://127.0.0.1:@http2@/", True),
    Question("TLS 1.1", "https", "https://127.0.0.1:@tls11@/", False),
    Question("an expired certificate", "https", "https://127.0.0.1:@expired@/", False),
    Question("a certificate for another name", "https", "https://127.0.0.1:@other@/", False),
    Question("a self-signed certificate", "https", "https://127.0.0.1:@selfsigned@/", False),
    Question("an expired certificate that is not judged", "https_any", "https://127.0.0.1:@expired@/", True),
    Question("plain text where TLS is wanted", "https", "https://127.0.0.1:@http@/", False),
    Question("a port", "tcp", "127.0.0.1:@http@", True),
    Question("a closed port", "tcp", "127.0.0.1:@nobody@", False),
    Question("a full port", "tcp", "127.0.0.1:@full@", False),
    Question("a banner", "banner", "127.0.0.1:@smtp@", True),
    Question("another banner", "other_banner", "127.0.0.1:@smtp@", False),
    Question("no banner", "banner", "127.0.0.1:@silent@", False),
    Question("TLS over TCP", "tls", "127.0.0.1:@tls13@", True),
    Question("an expired certificate over TCP", "tls", "127.0.0.1:@expired@", False),
    Question("STARTTLS", "smtp", "127.0.0.1:@smtp@", True),
    Question("STARTTLS that is not offered", "smtp", "127.0.0.1:@smtp_plain@", False),
    Question("an echo", "icmp", "127.0.0.1", True),
    Question("A", "dns", "127.0.0.1:@dns@", True),
    Question("A over TCP", "dns_tcp", "127.0.0.1:@dns@", True),
    Question("MX with more beside it", "dns_mx", "127.0.0.1:@dns@", True),
    Question("SOA", "dns_soa", "127.0.0.1:@dns@", True),
    Question("an empty answer", "dns_empty", "127.0.0.1:@dns@", True),
    Question("NXDOMAIN", "dns_nxdomain", "127.0.0.1:@dns@", False),
    Question("NXDOMAIN, as wanted", "dns_wanted_nxdomain", "127.0.0.1:@dns@", True),
    Question("REFUSED", "dns_refused", "127.0.0.1:@dns@", False),
    Question("SERVFAIL", "dns_servfail", "127.0.0.1:@dns@", False),
    Question("a truncated answer", "dns_truncated", "127.0.0.1:@dns@", False),
    Question("a record as wanted", "dns_any_of", "127.0.0.1:@dns@", True),
    Question("a record that must not be", "dns_none_of", "127.0.0.1:@dns@", False),
    Question("a mute name server", "dns", "127.0.0.1:@mute@", False),
    Question("no name server", "dns", "127.0.0.1:@nobody@", False),
]
