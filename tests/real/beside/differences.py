"""Where the two differ on purpose, and why: data. The README's table says the same, and the run checks that it does.

A difference is about series (a pattern of their names), perhaps in some questions only, and of one kind: `absent` here,
`added` here, or `value`. One that no question shows is an error, so that nothing stands here that is no longer true.
"""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Difference:
    """One of them."""

    series: str
    kind: str
    why: str
    # Patterns of the questions in which it may be; all of them if empty.
    questions: tuple[str, ...] = ()
    # What blackbox_exporter says there, where the series is absent here.
    theirs: tuple[float, ...] = ()

    def covers(self, question: str, series: str, kind: str, theirs: float | None) -> bool:
        """Whether it explains this."""
        fits = kind == self.kind and re.fullmatch(self.series, series) is not None
        here = not self.questions or any(re.fullmatch(each, question) for each in self.questions)
        return fits and here and (not self.theirs or theirs in self.theirs)


# Questions to which no answer comes.
UNANSWERED = ("no answer", "closed .*", "nobody .*", "TLS 1.1", "an expired certificate", "a certificate for .*",
              "a self-signed .*", "plain text .*")
NOT_SEEN = "what was not seen is absent, never 0, -1 or the year 1"
FACTS = "certificates are told of also when they are refused, which is when somebody wants to know"

DIFFERENCES = [
    Difference("probe_http_(status_code|version|ssl)", "absent", NOT_SEEN, UNANSWERED, (0.0,)),
    Difference("probe_http_content_length", "absent", NOT_SEEN, (*UNANSWERED, "gzip"), (0.0, -1.0)),
    Difference("probe_http_uncompressed_body_length", "absent", NOT_SEEN, UNANSWERED, (0.0,)),
    Difference("probe_dns_(answer|authority|additional)_rrs", "absent", NOT_SEEN, ("a mute .*", "no name server"), (0.0,)),
    Difference("probe_ssl_last_chain_expiry_timestamp_seconds", "absent", NOT_SEEN, (".* not judged",), (-62135596800.0,)),
    Difference("probe_(http|dns)_duration_seconds{.*}", "absent", "a phase that was not reached has no duration"),
    Difference("probe_dns_lookup_time_seconds", "absent", "nobody is asked for an address that is given"),
    Difference("probe_http_uncompressed_body_length", "absent", "the body of an answer with a wrong status is not read",
               ("404", "500", "a redirect .*", "a wrong status .*", "no password")),
    Difference("probe_http_uncompressed_body_length", "value", "the body of a redirect that is judged itself is read",
               ("a redirect that is judged itself",)),
    Difference("probe_http_uncompressed_body_length", "value", "a body that stalls is counted to the last byte that came",
               ("a slow body",)),
    Difference("probe_http_redirects", "value", "redirects are counted when they are followed", ("a redirect that is judged itself",)),
    Difference("probe_http_redirects", "value", "a circle is noticed when it closes, not after ten rounds", ("a redirect in a circle",)),
    Difference("probe_http_(redirects|status_code|version|content_length)", "value",
               "a redirect that cannot be followed is the last answer", ("a redirect to something else",)),
    Difference("probe_http_version", "value", "HTTP/2 is not offered where the name in TLS is not that of the URL", ("HTTP/2",)),
    Difference("probe_ssl_earliest_cert_expiry", "added", FACTS),
    Difference("probe_ssl_last_chain_info{.*}", "added", FACTS),
    Difference("probe_tls_version_info{.*}", "added", FACTS),
    Difference("probe_tls_cipher_info{.*}", "added", "blackbox_exporter has it since 0.25"),
    Difference("probe_dns_serial", "added", "the serial of a negative answer is one too"),
    Difference("probe_success", "value", "a truncated answer is no answer", ("a truncated answer",)),
]
# Labels that later versions than Debian's have too; they are not compared.
NEWER_LABELS = {("probe_ssl_last_chain_info", "serialnumber")}


def table() -> str:
    """As the README has them."""
    words = {"absent": "absent", "added": "there", "value": "another value"}
    return "\n".join(f"| `{each.series.replace('|', chr(92) + '|').replace('{.*}', '')}` | {words[each.kind]} | {each.why} |" for each in DIFFERENCES)
