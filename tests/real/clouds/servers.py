"""The real servers of a stage: nginx and knot in each cloud; nginx, unbound and the database's nginx in neutral ground.

A server is started, stopped and killed by its name (`alpha-web`, `alpha-names`, `beta-…`, `sentinels`, `database`,
`resolver`). Services can be told to fail one by one, and the public zone can be rewritten at any time.

It does not decide what happens when.
"""

import pathlib
import signal
import subprocess
import time

from clouds import map as world
from clouds.ground import Ground
from clouds.map import ALPHA, CLOUDS, NEUTRAL, Place

# nginx serves in one process, so that stopping it is stopping everything.
_NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_certificate {certificates}/{leaf}.pem;
    ssl_certificate_key {certificates}/{leaf}.key;
    ssl_session_cache off;
    default_type text/plain;
{servers}
}}
"""
# Stands for a person who broke a service: while the file is there, the service is.
_SERVICE = """
    server {{
        {listen}
        add_header X-Served-By {cloud} always;
        if (-f {folder}/{service}.broken) {{ return 503 "{service} is broken\\n"; }}
        location / {{ {answer} }}
    }}
"""
_FROM_DATABASE = "proxy_pass http://{address}:{port}/; proxy_connect_timeout 200ms; proxy_read_timeout 200ms;"

_KNOT = """
server:
    rundir: "{folder}"
    listen: [ "{four}@53", "{six}@53" ]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: "{folder}/knot.sock"
database:
    storage: "{folder}"
log:
  - target: "{folder}/knot.log"
    any: info
zone:
  - domain: {zone}
    file: "{folder}/{zone}.zone"
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
"""

# It forgets servers that were away as quickly as the stories go on; a real one asks them again after minutes.
_UNBOUND = """
server:
    interface: {four}
    interface: {six}
    access-control: 0.0.0.0/0 allow
    access-control: ::/0 allow
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: "{folder}/unbound.pid"
    use-syslog: no
    logfile: "{folder}/unbound.log"
    do-daemonize: no
    num-threads: 1
    module-config: "iterator"
    infra-host-ttl: 2
    infra-keep-probing: yes
    cache-max-negative-ttl: 1
    local-zone: "test." nodefault
    local-zone: "neutral.test." static
{local}
remote-control:
    control-enable: no
stub-zone:
    name: "{zone}"
{stubs}
"""


class Servers:
    """The servers of one stage."""

    def __init__(self, ground: Ground, folder: pathlib.Path, certificates: pathlib.Path):
        self._ground, self._folder, self._certificates = ground, folder, certificates
        self._processes: dict[str, subprocess.Popen] = {}
        self._commands: dict[str, tuple[Place, list, tuple[str, int]]] = {}
        self._serial = 1
        self.records = world.records()
        # How long a resolver may keep where a service is in a cloud; public names move and are kept for `TTL_S` only.
        self.keep_s = world.KEEP_S

    def start_all(self) -> None:
        for cloud in CLOUDS:
            self._cloud(cloud)
        self._neutral()
        for name in self._commands:
            self._launch(name)
        for name in self._commands:
            self._wait(name)

    def start(self, name: str) -> None:
        """Starts a server again that was stopped."""
        self._launch(name)
        self._wait(name)

    def stop(self, name: str) -> None:
        """Ends a server; its address stays, so that connections are refused."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def freeze(self, name: str) -> None:
        """The server goes on listening, but says nothing."""
        self._processes[name].send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self._processes[name].send_signal(signal.SIGCONT)

    def stop_all(self) -> None:
        for name in list(self._processes):
            self.stop(name)

    def break_service(self, cloud: Place, service: str) -> None:
        """The service answers 503 in that cloud."""
        self._flag(cloud, service).touch()

    def mend_service(self, cloud: Place, service: str) -> None:
        self._flag(cloud, service).unlink()

    def publish(self, *clouds: Place, **names: list[str] | None) -> None:
        """Rewrites public names (`shop=["A 192.0.2.1"]`, None removes one) on the name servers of these clouds, or of both."""
        for name, data in names.items():
            if data is None:
                self.records.pop(name, None)
            else:
                self.records[name] = data
        self._serial += 1
        for cloud in clouds or CLOUDS:
            self._write_zone(cloud)
            self._control(cloud, "zone-reload", world.ZONE)

    def _flag(self, cloud: Place, service: str) -> pathlib.Path:
        return self._folder / cloud.name / f"{service}.broken"

    def _cloud(self, cloud: Place) -> None:
        folder = self._own_folder(cloud.name)
        servers = ""
        for service, host in {**world.SERVICES, **world.CANARIES}.items():
            listen = " ".join(f"listen {address}:80; listen {address}:443 ssl;" for address in _web(cloud, host))
            answer = f'return 200 "{service} of {cloud.name}\\n";'
            if service == "orders":
                answer = _FROM_DATABASE.format(address=NEUTRAL.at(world.DATABASE), port=world.DATABASE_PORT)
            servers += _SERVICE.format(listen=listen, cloud=cloud.name, folder=folder, service=service, answer=answer)
        self._nginx(f"{cloud.name}-web", cloud, cloud.name, servers, (cloud.at(world.SHOP), 443))
        self._write_zone(cloud)
        four, six = cloud.at(world.NAMES), cloud.at6(world.NAMES)
        (folder / "knot.conf").write_text(_KNOT.format(folder=folder, four=four, six=six, zone=world.ZONE))
        self._commands[f"{cloud.name}-names"] = (cloud, ["knotd", "-c", folder / "knot.conf"], (four, 53))

    def _neutral(self) -> None:
        listen = "".join(f"listen {address}:443 ssl; " for host in world.SENTINELS for address in _web(NEUTRAL, host))
        servers = f'server {{ {listen} return 200 "neutral ground\\n"; }}'
        self._own_folder("sentinels")
        self._nginx("sentinels", NEUTRAL, "neutral", servers, (NEUTRAL.at(world.SENTINELS[0]), 443))
        database = NEUTRAL.at(world.DATABASE)
        servers = f'server {{ listen {database}:{world.DATABASE_PORT}; return 200 "rows\\n"; }}'
        self._own_folder("database")
        self._nginx("database", NEUTRAL, "neutral", servers, (database, world.DATABASE_PORT))
        folder = self._own_folder("resolver")
        four, six = NEUTRAL.at(world.RESOLVER), NEUTRAL.at6(world.RESOLVER)
        local = ""
        for name, host in zip(world.SENTINEL_NAMES, world.SENTINELS):
            local += f'    local-data: "{name}. 60 A {NEUTRAL.at(host)}"\n    local-data: "{name}. 60 AAAA {NEUTRAL.at6(host)}"\n'
        stubs = "".join(f"    stub-addr: {address}\n" for cloud in CLOUDS for address in _web(cloud, world.NAMES))
        text = _UNBOUND.format(folder=folder, four=four, six=six, local=local, zone=world.ZONE, stubs=stubs.replace("[", "").replace("]", ""))
        (folder / "unbound.conf").write_text(text)
        self._commands["resolver"] = (NEUTRAL, ["unbound", "-d", "-c", folder / "unbound.conf"], (four, 53))

    def _own_folder(self, name: str) -> pathlib.Path:
        folder = self._folder / name
        folder.mkdir()
        return folder

    def _nginx(self, name: str, place: Place, leaf: str, servers: str, ready: tuple[str, int]) -> None:
        folder = self._folder / name.removesuffix("-web")
        text = _NGINX.format(folder=folder, certificates=self._certificates, leaf=leaf, servers=servers)
        (folder / "nginx.conf").write_text(text)
        command = ["nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "nginx.log"]
        self._commands[name] = (place, command, ready)

    def _write_zone(self, cloud: Place) -> None:
        lines = [f"$ORIGIN {world.ZONE}.", f"@ {self.keep_s} SOA ns.{ALPHA.name} hostmaster {self._serial} 3600 600 86400 1"]
        for name, data in self.records.items():
            ttl = world.TTL_S if name in world.SERVICES else self.keep_s
            lines += [f"{name} {ttl} {each}" for each in data]
        (self._folder / cloud.name / f"{world.ZONE}.zone").write_text("\n".join(lines) + "\n")

    def _control(self, cloud: Place, *words: str) -> None:
        socket = self._folder / cloud.name / "knot.sock"
        done = subprocess.run(["knotc", "-b", "-s", socket, *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"knotc {' '.join(words)}: {done.stdout}{done.stderr}")

    def _launch(self, name: str) -> None:
        place, command, _ = self._commands[name]
        with open(self._folder / f"{name}.out", "ab") as out:
            self._processes[name] = subprocess.Popen(self._ground.command(place.name, *command), stdin=subprocess.DEVNULL,
                                                     stdout=out, stderr=out)

    def _wait(self, name: str, within: float = 20.0) -> None:
        place, _, ready = self._commands[name]
        deadline = time.monotonic() + within
        while not answers(self._ground, place, *ready):
            if self._processes[name].poll() is not None or time.monotonic() > deadline:
                said = (self._folder / f"{name}.out").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{name} did not start: {said}")
            time.sleep(0.05)


def answers(ground: Ground, place: Place, address: str, port: int) -> bool:
    """Whether something takes connections there, asked from the place itself."""
    with ground.socket(place.name) as attempt:
        attempt.settimeout(1)
        return attempt.connect_ex((address, port)) == 0


def _web(place: Place, host: int) -> tuple[str, str]:
    """Both addresses, as a web server wants them."""
    return place.at(host), f"[{place.at6(host)}]"
