"""Where the two differ on purpose, and why: data. The README's table says the same, and the run checks that it does.

A difference is about named series in named questions, and of one kind: `absent` here, `added` here, or `value`. Each of its series
has to differ in each of its questions: what excuses nothing is an error, so that nothing stands here that is no longer true, and
nothing is excused that nobody has looked at.
"""

import dataclasses
import re

from beside.questions import QUESTIONS


@dataclasses.dataclass(frozen=True)
class Difference:
    """One of them."""

    # Patterns, each of one series with its labels.
    series: tuple[str, ...]
    kind: str
    why: str
    # Names of questions.
    questions: tuple[str, ...]
    # What blackbox_exporter says there; anything, if empty.
    theirs: tuple[float, ...] = ()

    def covers(self, question: str, series: str, kind: str, theirs: float | None) -> str | None:
        """Which of its patterns explains this."""
        if kind != self.kind or question not in self.questions or (self.theirs and theirs not in self.theirs):
            return None
        return next((each for each in self.series if re.fullmatch(each, series)), None)


def those(condition) -> tuple[str, ...]:
    """Names of the questions for which it holds."""
    return tuple(each.name for each in QUESTIONS if condition(each))


def without(questions: tuple[str, ...], *left_out: str) -> tuple[str, ...]:
    """The others."""
    return tuple(each for each in questions if each not in left_out)


DNS = those(lambda question: question.module.startswith("dns"))
HTTP = those(lambda question: question.module.startswith(("http", "greets")) or "://" in question.target)
BY_ADDRESS = those(lambda question: "localhost" not in question.target)
IN_THE_CLEAR = those(lambda question: question.name in HTTP and not question.module.startswith("https"))
# What a certificate is refused for; over HTTP and over TCP.
REFUSED = ("an expired certificate", "a certificate for another name", "a self-signed certificate")
REFUSED_TOO = (*REFUSED, "an expired certificate over TCP")
UNREACHED = ("nobody listens", "nobody accepts", "TLS 1.1", *REFUSED, "plain text where TLS is wanted")
UNANSWERED = ("no answer", "closed without an answer", *UNREACHED)
OVER_TLS = ("TLS 1.3", "TLS 1.2", "HTTP/2", "an expired certificate that is not judged", "TLS over TCP", "STARTTLS")
MUTE = ("a mute name server", "no name server")
NOT_SEEN = "what was not seen is absent, never 0, -1 or the year 1"
FACTS = "certificates are told of also when they are refused, which is when somebody wants to know"
GIVEN = "nobody is asked for an address that is given"
LENGTH = "probe_http_uncompressed_body_length"
ITSELF = ("a redirect that is judged itself",)

DIFFERENCES = [
    Difference(("probe_http_status_code", "probe_http_version", "probe_http_ssl"), "absent", NOT_SEEN, UNANSWERED, (0.0,)),
    Difference(("probe_http_content_length",), "absent", NOT_SEEN, (*UNANSWERED, "gzip"), (0.0, -1.0)),
    Difference((LENGTH,), "absent", NOT_SEEN, UNANSWERED, (0.0,)),
    Difference(("probe_dns_answer_rrs", "probe_dns_authority_rrs", "probe_dns_additional_rrs"), "absent", NOT_SEEN, MUTE, (0.0,)),
    Difference(("probe_ssl_last_chain_expiry_timestamp_seconds",), "absent", NOT_SEEN,
               ("an expired certificate that is not judged",), (-62135596800.0,)),
    Difference(('probe_http_duration_seconds{phase="tls"}',), "absent", "a phase that was not reached has no duration",
               IN_THE_CLEAR, (0.0,)),
    Difference(('probe_http_duration_seconds{phase="processing"}',), "absent", "a phase that was not reached has no duration",
               UNREACHED, (0.0,)),
    Difference(('probe_http_duration_seconds{phase="transfer"}',), "absent", "a phase that was not reached has no duration",
               UNANSWERED, (0.0,)),
    Difference(('probe_dns_duration_seconds{phase="connect"}',), "absent", "UDP makes no connection", without(DNS, "A over TCP")),
    Difference(('probe_http_duration_seconds{phase="resolve"}',), "absent", GIVEN, without(HTTP, "by name")),
    Difference(('probe_dns_duration_seconds{phase="resolve"}',), "absent", GIVEN, DNS),
    Difference(('probe_icmp_duration_seconds{phase="resolve"}',), "absent", GIVEN, ("an echo",)),
    Difference(('probe_icmp_duration_seconds{phase="setup"}',), "absent", "opening a socket is not waiting for anybody", ("an echo",)),
    Difference(("probe_dns_lookup_time_seconds",), "absent", GIVEN, BY_ADDRESS),
    Difference((LENGTH,), "absent", "the body of an answer with a wrong status is not read",
               ("404", "500", "a redirect in a circle", "a redirect that is not there", "a redirect to something else",
                "a wrong status before a body", "no password")),
    Difference((LENGTH,), "value", "the body of a redirect that is judged itself is read", ITSELF, (0.0,)),
    Difference((LENGTH,), "value", "a body that stalls is counted to the last byte that came", ("a slow body",)),
    Difference(("probe_http_redirects",), "value", "redirects are counted when they are followed", ITSELF, (1.0,)),
    Difference(("probe_http_redirects",), "value", "a circle is noticed when it closes, not after ten rounds",
               ("a redirect in a circle",), (11.0,)),
    Difference(("probe_http_redirects", "probe_http_status_code", "probe_http_version", "probe_http_content_length"), "value",
               "a redirect that cannot be followed is the last answer", ("a redirect to something else",), (0.0, 1.0)),
    Difference(("probe_http_version",), "value", "HTTP/2 is not offered where the name in TLS is not that of the URL", ("HTTP/2",), (2.0,)),
    Difference(("probe_ssl_earliest_cert_expiry",), "added", FACTS, REFUSED_TOO),
    Difference(("probe_ssl_last_chain_info{.*}",), "added", FACTS, REFUSED_TOO),
    Difference(("probe_tls_version_info{.*}",), "added", FACTS, REFUSED_TOO),
    Difference(("probe_tls_cipher_info{.*}",), "added", "blackbox_exporter has it since 0.25", OVER_TLS),
    Difference(("probe_dns_serial",), "added", "the serial of a negative answer is one too",
               ("NXDOMAIN", "NXDOMAIN, as wanted", "an empty answer")),
    Difference(("probe_icmp_reply_hop_limit",), "absent", "it is not asked for: a socket that needs no privileges is not told", ("an echo",)),
    Difference(("probe_success",), "value", "a truncated answer is no answer", ("a truncated answer",), (1.0,)),
]
# Labels that later versions than Debian's have too; they are not compared.
NEWER_LABELS = {("probe_ssl_last_chain_info", "serialnumber")}


def table() -> str:
    """As the README has them."""
    words = {"absent": "absent", "added": "there", "value": "another value"}
    names = [", ".join(f"`{series.replace('{.*}', '')}`" for series in each.series) for each in DIFFERENCES]
    return "\n".join(f"| {names} | {words[each.kind]} | {each.why} |" for names, each in zip(names, DIFFERENCES))
