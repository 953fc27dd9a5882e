"""Certificates for the real servers: a root, an intermediate, and leaves with every fault a prober must name.

Made anew for each run by `openssl ca`, which can write any validity period without touching the clock. Everything a
server needs stands in one folder: `<name>.pem` (leaf and intermediate), `<name>.key`, and `root.pem` to trust.

It does not decide which server presents which.
"""

import datetime
import pathlib
import subprocess

CONFIG = """
[ca]
default_ca = here
[here]
dir = {folder}
new_certs_dir = {folder}
database = {folder}/index.txt
serial = {folder}/serial
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectAltName = {names}
"""

# name: (names in the certificate, valid from, valid to) with days from today.
LEAVES = {
    "good": ("DNS:good.test,IP:127.0.0.1,IP:127.0.0.2", -10, 300),
    "expired": ("DNS:good.test", -60, -2),
    "future": ("DNS:good.test", 2, 60),
    "other": ("DNS:other.test", -10, 300),
    "soon": ("DNS:good.test", -80, 5),
}


def make(folder: pathlib.Path, leaves: dict[str, tuple[str, int, int]] | None = None) -> None:
    """Fills `folder`: with everything, or with sound `leaves` only."""
    folder.mkdir()
    (folder / "index.txt").touch()
    (folder / "serial").write_text("01\n")
    _key(folder, "root")
    _self_signed(folder, "root", "root")
    _key(folder, "intermediate")
    _signed(folder, "intermediate", "root", "root", "DNS:unused", -100, 1000)
    for name, (names, since, until) in (leaves or LEAVES).items():
        _key(folder, name)
        _signed(folder, name, "intermediate", "leaf", names, since, until)
        _chain(folder, name, ["intermediate"])
    if leaves is None:
        _faulty(folder)


def _faulty(folder: pathlib.Path) -> None:
    """What a prober must refuse."""
    _key(folder, "selfsigned")
    _self_signed(folder, "selfsigned", "leaf")
    # A right leaf whose intermediate is not sent, and one below a root that nobody trusts.
    (folder / "alone.pem").write_text((folder / "good.crt").read_text())
    (folder / "alone.key").write_text((folder / "good.key").read_text())
    _key(folder, "stranger")
    _self_signed(folder, "stranger", "root")
    _key(folder, "untrusted")
    _signed(folder, "untrusted", "stranger", "leaf", "DNS:good.test", -10, 300)
    _chain(folder, "untrusted", [])


def not_after(folder: pathlib.Path, name: str) -> float:
    """When the leaf `name` ends, as a Unix timestamp, in openssl's own reading."""
    said = _openssl(folder, "x509", "-in", f"{name}.crt", "-noout", "-enddate").strip()
    moment = datetime.datetime.strptime(said.removeprefix("notAfter="), "%b %d %H:%M:%S %Y %Z")
    return moment.replace(tzinfo=datetime.timezone.utc).timestamp()


def _openssl(folder: pathlib.Path, *arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def _config(folder: pathlib.Path, names: str) -> str:
    (folder / "openssl.cnf").write_text(CONFIG.format(folder=folder, names=names))
    return "openssl.cnf"


def _key(folder: pathlib.Path, name: str) -> None:
    _openssl(folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")


def _self_signed(folder: pathlib.Path, name: str, kind: str) -> None:
    config = _config(folder, "DNS:good.test")
    _openssl(folder, "req", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-out", f"{name}.csr",
             "-config", "/dev/null")
    _openssl(folder, "ca", "-batch", "-config", config, "-selfsign", "-extensions", kind, "-keyfile", f"{name}.key",
             "-days", "1000", "-in", f"{name}.csr", "-out", f"{name}.crt", "-notext")
    _chain(folder, name, [])


def _signed(folder: pathlib.Path, name: str, issuer: str, kind: str, names: str, since: int, until: int) -> None:
    config = _config(folder, names)
    _openssl(folder, "req", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-out", f"{name}.csr",
             "-config", "/dev/null")
    _openssl(folder, "ca", "-batch", "-config", config, "-extensions", kind, "-keyfile", f"{issuer}.key",
             "-cert", f"{issuer}.crt", "-startdate", _date(since), "-enddate", _date(until),
             "-in", f"{name}.csr", "-out", f"{name}.crt", "-notext")


def _chain(folder: pathlib.Path, name: str, above: list[str]) -> None:
    (folder / f"{name}.pem").write_text("".join((folder / f"{each}.crt").read_text() for each in [name, *above]))


def _date(days: int) -> str:
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return moment.strftime("%Y%m%d%H%M%SZ")
