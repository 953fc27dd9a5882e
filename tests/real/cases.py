"""What is looked at, and what must come of it: one probe on a real server per case.

A case is the text of its probe in probes.toml and the outcome: no reason for a good one, a reason for a bad one, a
warning for a degraded one. `@name@` stands for a port or folder of this run.

It does not know how outcomes are read back (main.py does, through Prometheus).
"""

import dataclasses


@dataclasses.dataclass
class Case:
    name: str
    probe: str
    reason: str | None = None
    warning: str | None = None

    @property
    def check(self) -> str:
        return f"real/here/{self.name}"

    @property
    def state(self) -> int:
        """The value of the state gauge: 0 up, 3 degraded, 4 down."""
        return 4 if self.reason else 3 if self.warning else 0

    def toml(self) -> str:
        """The probe as tables of probes.toml: a line `[table]` stands for `[probe.<name>.table]`."""
        lines = [f"[probe.{self.name}]"]
        for line in self.probe.strip().splitlines():
            line = line.strip()
            lines.append(f"[probe.{self.name}.{line[1:]}" if line.startswith("[") else line)
        return "\n".join(lines) + "\n"


def http(name: str, path: str, *keys: str, reason: str | None = None) -> Case:
    """A request to the plain server."""
    url = f'url = "http://{{host}}:@http@{path}"'
    return Case(name, "\n".join(["[http]", url, *keys]), reason)


def https(name: str, port: str, *tls: str, reason: str | None = None, warning: str | None = None,
          http: tuple[str, ...] = ()) -> Case:
    """A request to one of the TLS servers by the name in the good certificate, which only our own root vouches for."""
    url = f'url = "https://good.test:@{port}@/"'
    lines = ["[http]", url, 'connect_to = "127.0.0.1"', *http, "[tls]", 'ca = "@certificates@/root.pem"', *tls]
    return Case(name, "\n".join(lines), reason, warning)


def tcp(name: str, port: str, *keys: str, reason: str | None = None) -> Case:
    """A connection."""
    return Case(name, "\n".join(["[tcp]", f'address = "{{host}}:@{port}@"', *keys]), reason)


def smtp(name: str, port: str, reason: str | None = None) -> Case:
    """A mail server that is asked for TLS."""
    steps = ['{ expect = "^220 " }', '{ send = "EHLO monitor\\r\\n" }', '{ expect = "^250 " }', '{ starttls = "smtp" }',
             '{ send = "EHLO monitor\\r\\n" }', '{ expect = "^250 " }', '{ send = "QUIT\\r\\n" }', '{ expect = "^221 " }']
    tls = ["[tls]", 'ca = "@certificates@/root.pem"', 'server_name = "good.test"']
    return tcp(name, port, f"dialogue = [{', '.join(steps)}]", *tls, reason=reason)


def dns(name: str, query: str, kind: str, *keys: str, port: str = "dns", reason: str | None = None) -> Case:
    """A question to knot."""
    lines = ["[dns]", f'server = "127.0.0.1:@{port}@"', f'query = "{query}"', f'type = "{kind}"', *keys]
    return Case(name, "\n".join(lines), reason)


def secure_dns(name: str, transport: str, query: str, *keys: str, port: str = "", trust: bool = True,
               server_name: str = "good.test", reason: str | None = None) -> Case:
    """A question to unbound over TLS or HTTPS, by the name in its certificate, which only our own root vouches for."""
    port = port or {"tls": "dot", "https": "doh"}[transport]
    lines = ["[dns]", f'server = "127.0.0.1:@{port}@"', f'query = "{query}"', f'transport = "{transport}"', *keys,
             "[tls]", f'server_name = "{server_name}"']
    return Case(name, "\n".join([*lines, 'ca = "@certificates@/root.pem"'] if trust else lines), reason)


CASES = [
    http("ok", "/ok", "body_matches = ['^hello']"),
    http("status-404", "/missing", reason="status"),
    http("status-500", "/error", reason="status"),
    http("status-wanted", "/missing", "status = [404]"),
    http("body-lacks", "/ok", "body_lacks = ['hello']", reason="body"),
    http("body-matches", "/ok", "body_matches = ['hello', 'goodbye']", reason="body"),
    http("redirect", "/first", "redirects = { limit = 2 }"),
    http("redirect-short", "/first", "redirects = { limit = 1 }", reason="redirect_limit"),
    http("redirect-loop", "/loop", reason="redirect_limit"),
    http("redirect-judged", "/first", "redirects = false", 'status = ["3xx"]'),
    http("redirect-elsewhere", "/elsewhere", reason="redirect_refused"),
    http("slow", "/slow/", reason="body_timeout"),
    http("silent", "/silent", reason="response_timeout"),
    http("closed", "/closed", reason="reset"),
    http("large", "/large", 'body_limit = "64KiB"', reason="body_too_large"),
    http("large-wanted", "/large", 'body_limit = "2MiB"'),
    http("auth-missing", "/private/", reason="status"),
    http("auth", "/private/", 'auth = { basic = { user = "mon", password = { file = "@folder@/password" } } }'),
    Case("refused", '[http]\nurl = "http://{host}:@nobody@/"', "connect_refused"),
    Case("full", '[http]\nurl = "http://{host}:@full@/"', "connect_timeout"),
    Case("not-tls", '[http]\nurl = "https://{host}:@http@/"', "tls_handshake"),
    https("tls12", "tls12", http=("body_matches = ['^TLSv1\\.2 \\.']",)),
    https("tls13", "tls13", http=("body_matches = ['^TLSv1\\.3 \\.']",)),
    https("tls11", "tls11", reason="tls_version"),
    https("tls12-too-old", "tls12", 'min_version = "1.3"', reason="tls_version"),
    https("http2", "http2", http=("body_matches = ['^HTTP/2']",)),
    https("expired", "expired", reason="tls_expired"),
    https("expired-accepted", "expired", "verify = false"),
    https("future", "future", reason="tls_not_yet_valid"),
    https("hostname", "other", reason="tls_hostname"),
    https("server-name", "other", 'server_name = "other.test"'),
    https("selfsigned", "selfsigned", reason="tls_untrusted"),
    https("untrusted", "untrusted", reason="tls_untrusted"),
    https("no-intermediate", "alone", reason="tls_untrusted"),
    https("soon", "soon", 'expires_within = "21d"', warning="tls_expires_soon"),
    https("mutual", "mutual", 'cert = "@certificates@/good.pem"', 'key = "@certificates@/good.key"',
          http=("body_matches = ['CN=good']",)),
    https("mutual-missing", "mutual", reason="status"),
    tcp("port", "http"),
    tcp("port-refused", "nobody", reason="connect_refused"),
    tcp("port-full", "full", reason="connect_timeout"),
    tcp("dialogue", "http", 'dialogue = [{ send = "GET /ok HTTP/1.0\\r\\n\\r\\n" }, { expect = "^HTTP/1.1 200 " }]'),
    tcp("dialogue-other", "http", 'dialogue = [{ send = "GET /ok HTTP/1.0\\r\\n\\r\\n" }, { expect = "^220 " }]',
        reason="banner"),
    tcp("dialogue-silent", "silent", 'dialogue = [{ expect = "^220 " }]', reason="response_timeout"),
    tcp("port-tls", "tls13", "[tls]", 'ca = "@certificates@/root.pem"', 'server_name = "good.test"'),
    tcp("port-tls-expired", "expired", "[tls]", 'ca = "@certificates@/root.pem"', 'server_name = "good.test"',
        reason="tls_expired"),
    smtp("smtp", "smtp"),
    smtp("smtp-expired", "smtp_expired", reason="tls_expired"),
    smtp("smtp-plain", "smtp_plain", reason="starttls"),
    dns("a", "www.example.test", "A", "answers = { exact = ['192.0.2.7'], ttl = \"300s..300s\" }"),
    dns("a-tcp", "www.example.test", "A", 'transport = "tcp"', "answers = { exact = ['192.0.2.7'] }"),
    dns("aaaa", "www.example.test", "AAAA", "answers = { all = ['^2001:db8::7$'] }"),
    dns("mx", "example.test", "MX", "answers = { exact = ['10 mail.example.test.'] }"),
    dns("txt", "example.test", "TXT", "answers = { any = ['two clouds'] }"),
    dns("soa", "example.test", "SOA", "answers = { any = [' 2026112201 '], count = \"1..1\" }"),
    dns("authoritative", "www.example.test", "A", "flags = { aa = true, ra = false }"),
    dns("recursive", "www.example.test", "A", "flags = { ra = true }", reason="flags"),
    dns("answer-other", "www.example.test", "A", "answers = { any = ['^198\\.51\\.100\\.'] }", reason="answer"),
    dns("answer-count", "www.example.test", "A", 'answers = { count = "2..4" }', reason="answer"),
    dns("answer-ttl", "www.example.test", "A", 'answers = { ttl = "1h..2h" }', reason="answer"),
    dns("nxdomain", "nobody.example.test", "A", reason="rcode"),
    dns("nxdomain-wanted", "nobody.example.test", "A", 'rcode = ["NXDOMAIN"]'),
    dns("foreign", "www.example.org", "A", reason="rcode"),
    dns("foreign-wanted", "www.example.org", "A", 'rcode = ["REFUSED"]'),
    dns("servfail", "www.broken.test", "A", reason="rcode"),
    dns("many", "many.example.test", "A", reason="truncated"),
    dns("many-tcp", "many.example.test", "A", 'truncated = "tcp"', 'answers = { count = "@many@..@many@" }'),
    dns("nobody", "www.example.test", "A", port="nobody", reason="connect_refused"),
    dns("mute", "www.example.test", "A", port="mute", reason="response_timeout"),
    *[case for kind in ("tls", "https") for case in (
        secure_dns(kind, kind, "www.example.test", "answers = { exact = ['192.0.2.7'] }", "flags = { ra = true, aa = false }"),
        secure_dns(f"{kind}-edns", kind, "www.example.test", "edns = 512", "answers = { count = \"1..1\" }"),
        secure_dns(f"{kind}-many", kind, "many.example.test", 'answers = { count = "@many@..@many@" }'),
        secure_dns(f"{kind}-other", kind, "www.example.test", "answers = { any = ['^198\\.51\\.100\\.'] }", reason="answer"),
        secure_dns(f"{kind}-nxdomain", kind, "nobody.example.test", reason="rcode"),
        secure_dns(f"{kind}-hostname", kind, "www.example.test", server_name="other.test", reason="tls_hostname"),
        secure_dns(f"{kind}-untrusted", kind, "www.example.test", trust=False, reason="tls_untrusted"),
        secure_dns(f"{kind}-in-the-clear", kind, "www.example.test", port="http", reason="tls_handshake"),
        secure_dns(f"{kind}-silent", kind, "www.example.test", port="silent", reason="tls_timeout"),
    )],
    secure_dns("https-get", "https", "www.example.test", 'https = { method = "GET" }', "answers = { exact = ['192.0.2.7'] }"),
    secure_dns("https-path", "https", "www.example.test", 'https = { path = "/elsewhere" }', reason="status"),
    secure_dns("https-page", "https", "www.example.test", port="http2", reason="protocol"),
    secure_dns("https-old", "https", "www.example.test", port="tls13", reason="tls_handshake"),
]

# What blackbox_exporter is asked about the same servers: (case, its module, its target). Its verdict must be ours.
SECOND_OPINION = [
    *[(name, "http", f"http://127.0.0.1:@http@{path}") for name, path in (
        ("ok", "/ok"), ("status-404", "/missing"), ("status-500", "/error"), ("redirect", "/first"),
        ("redirect-loop", "/loop"), ("slow", "/slow/"), ("silent", "/silent"), ("closed", "/closed"), ("auth-missing", "/private/"))],
    *[(name, "https", f"https://127.0.0.1:@{port}@/") for name, port in (
        ("tls12", "tls12"), ("tls13", "tls13"), ("http2", "http2"), ("expired", "expired"), ("future", "future"),
        ("hostname", "other"), ("selfsigned", "selfsigned"), ("untrusted", "untrusted"), ("no-intermediate", "alone"),
        ("soon", "soon"), ("mutual-missing", "mutual"))],
    ("refused", "http", "http://127.0.0.1:@nobody@/"), ("full", "http", "http://127.0.0.1:@full@/"),
    ("port", "tcp", "127.0.0.1:@http@"), ("port-refused", "tcp", "127.0.0.1:@nobody@"),
    ("dialogue-silent", "banner", "127.0.0.1:@silent@"), ("smtp", "smtp", "127.0.0.1:@smtp@"),
    ("smtp-expired", "smtp", "127.0.0.1:@smtp_expired@"), ("smtp-plain", "smtp", "127.0.0.1:@smtp_plain@"),
    ("a", "dns", "127.0.0.1:@dns@"), ("nxdomain", "dns_nxdomain", "127.0.0.1:@dns@"),
    ("foreign", "dns_foreign", "127.0.0.1:@dns@"), ("servfail", "dns_servfail", "127.0.0.1:@dns@"),
    ("mute", "dns", "127.0.0.1:@mute@"),
]
