"""The real peers of this run: their ports, files and processes, all in one folder and on loopback.

Ports are asked from the kernel and kept bound until the peer that gets them starts, so that no two peers share one.
Processes are stopped in the reverse order of their start, by their own handles.

It does not judge anything.
"""

import pathlib
import re
import shutil
import socket
import subprocess
import time

import certificates

HERE = pathlib.Path(__file__).parent
# Records of one name: more than fit into a datagram of 4096 bytes.
MANY = 300
# A second loopback address, where knot answers on port 53 for the host's own resolver.
RESOLVER = "127.0.53.1"
SILENT_RESOLVER = "127.0.53.2"
PORTS = ["http", "tls11", "tls12", "tls13", "http2", "expired", "future", "other", "selfsigned", "untrusted", "alone",
         "soon", "mutual", "dns", "dot", "doh", "smtp", "smtp_expired", "smtp_plain", "blackbox", "nephoscope", "prometheus"]


class Peers:
    """Everything that runs beside the daemon under test."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.certificates = folder / "certificates"
        self.processes: dict[str, subprocess.Popen] = {}
        self._kept: list[socket.socket] = []
        self.values: dict[str, object] = {"folder": folder, "certificates": self.certificates, "many": MANY}
        self._ports()

    def port(self, name: str) -> int:
        return int(self.values[name])

    def fill(self, text: str) -> str:
        """`text` with every `@name@` replaced; a name without a value is an error."""
        return re.sub(r"@([a-z0-9_]+)@", lambda found: str(self.values[found[1]]), text)

    def write(self, name: str, text: str) -> pathlib.Path:
        path = self.folder / name
        path.write_text(self.fill(text))
        return path

    def make_files(self) -> None:
        """Certificates, documents, zone and configurations."""
        certificates.make(self.certificates)
        www = self.folder / "www"
        for name in ("slow", "private"):
            (www / name).mkdir(parents=True)
            (www / name / "index.html").write_text("x" * 4096)
        (www / "large").write_text("x" * (1 << 20))
        hashed = subprocess.run(["openssl", "passwd", "-apr1", "secret"], capture_output=True, text=True, check=True)
        self.write("passwords", f"mon:{hashed.stdout}")
        self.write("password", "secret")
        many = "".join(f"many A 198.51.{n // 250}.{n % 250 + 1}\n" for n in range(MANY))
        (self.folder / "example.test.zone").write_text((HERE / "peers/example.test.zone").read_text() + many)
        (self.folder / "knot").mkdir()
        (self.folder / "tsdb").mkdir()
        for name in ("nginx.conf", "knot.conf", "unbound.conf", "blackbox.yml", "prometheus.yml"):
            self.write(name, (HERE / "peers" / name).read_text())

    def start_nginx(self) -> None:
        self.start("nginx", ["nginx", "-p", self.folder, "-c", self.folder / "nginx.conf", "-e", self.folder / "nginx.log"],
                   self.port("http"))

    def start_knot(self) -> None:
        self.start("knotd", ["knotd", "-c", self.folder / "knot.conf"], self.port("dns"))

    def start_unbound(self) -> None:
        """After knot, whose zone it serves over TLS and over HTTPS."""
        self.start("unbound", ["unbound", "-d", "-c", self.folder / "unbound.conf"], self.port("doh"))

    def start_smtp(self) -> None:
        """Debian's aiosmtpd, thrice: with a good certificate, with an expired one, without any."""
        for name, certificate in (("smtp", "good"), ("smtp_expired", "expired"), ("smtp_plain", None)):
            command = ["/usr/bin/python3", "-m", "aiosmtpd", "-n", "--no-requiretls", "-l", f"127.0.0.1:{self.port(name)}"]
            if certificate:
                command += ["--tlscert", self.certificates / f"{certificate}.pem",
                            "--tlskey", self.certificates / f"{certificate}.key"]
            self.start(name, command, self.port(name))

    def start_blackbox(self) -> None:
        self.start("blackbox", ["prometheus-blackbox-exporter", f"--config.file={self.folder}/blackbox.yml",
                                f"--web.listen-address=127.0.0.1:{self.port('blackbox')}"], self.port("blackbox"))

    def start_prometheus(self) -> subprocess.Popen:
        return self.start("prometheus", ["prometheus", f"--config.file={self.folder}/prometheus.yml",
                                  f"--storage.tsdb.path={self.folder}/tsdb",
                                  f"--web.listen-address=127.0.0.1:{self.port('prometheus')}"], self.port("prometheus"))

    def start(self, name: str, command: list, port: int, within: float = 20.0, **more) -> subprocess.Popen:
        """Starts a process, its output to `<name>.out`, and waits until `port` takes connections."""
        with open(self.folder / f"{name}.out", "ab") as out:
            process = subprocess.Popen([str(each) for each in command], stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=out, **more)
        self.processes[name] = process
        deadline = time.monotonic() + within
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start: {self.output(name)}")
            time.sleep(0.05)
        return process

    def output(self, name: str) -> str:
        return (self.folder / f"{name}.out").read_text(errors="replace")[-2000:]

    def stop(self, name: str, within: float = 20.0) -> int:
        """Ends a process with SIGTERM and gives its exit code; one that does not end is killed and gives -9."""
        process = self.processes.pop(name)
        process.terminate()
        try:
            return process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def kill(self, name: str) -> None:
        """Ends a process with SIGKILL, in the middle of whatever it does."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop_all(self) -> None:
        for name in reversed(list(self.processes)):
            self.stop(name)
        for kept in self._kept:
            kept.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ports(self) -> None:
        together = []
        for name in PORTS:
            while True:
                stream = _bound(socket.SOCK_STREAM, 0)
                try:
                    datagram = _bound(socket.SOCK_DGRAM, stream.getsockname()[1])
                    break
                except OSError:
                    stream.close()
            together += [stream, datagram]
            self.values[name] = stream.getsockname()[1]
        for each in together:
            each.close()
        self.values["listen_dns"] = f"127.0.0.1@{self.values['dns']}"
        self.values["listen_resolver"] = f"{RESOLVER}@53"
        self._misbehaving()

    def _misbehaving(self) -> None:
        """Kernel sockets as peers: bound but not listening, listening but full, accepting but mute."""
        nobody = _bound(socket.SOCK_STREAM, 0)
        self.values["nobody"] = nobody.getsockname()[1]
        full = _bound(socket.SOCK_STREAM, 0)
        full.listen(0)
        self.values["full"] = full.getsockname()[1]
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        silent = _bound(socket.SOCK_STREAM, 0)
        silent.listen(4096)
        self.values["silent"] = silent.getsockname()[1]
        mute = _bound(socket.SOCK_DGRAM, 0)
        self.values["mute"] = mute.getsockname()[1]
        resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        resolver.bind((SILENT_RESOLVER, 53))
        self._kept += [nobody, full, silent, mute, resolver, *fillers]


def answers(port: int) -> bool:
    """Whether something takes connections at this port of loopback."""
    with socket.socket() as attempt:
        attempt.settimeout(1)
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def _bound(kind: socket.SocketKind, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, kind)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        raise
    return bound
