"""Synthetic containers that carry the metadata of every dialect and of the peers, as the Docker API tells of them.

Each has its own address below 127.0.0.0/8, so that one server on one port answers for all of them. The documents have
the fields and the size (4 kB) of a real engine's.
"""

import time
from hashlib import sha256

import msgspec

DOMAIN = "bench.test"
PORT = 8000
"""Where every container listens."""
IMAGE = "example/web:1"
LONG_AGO = "2026-01-02T00:00:00.000000001Z"
NETWORK_ID = sha256(b"bench").hexdigest()

NETWORKS = ({"Name": "bench", "Id": NETWORK_ID, "Driver": "bridge", "Scope": "local", "Containers": {}},)
"""``GET /networks``: caddy-docker-proxy reaches only containers of a network that it was told of."""

_ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG=C.UTF-8",
    "GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D",
    "DATABASE_URL=postgres://app:secret@db.internal:5432/app",
)
_PATHS = "/proc/asound /proc/acpi /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/timer_stats"
_READ_ONLY = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger"

encode = msgspec.json.encode


class Replica(msgspec.Struct, kw_only=True):
    """One container of one host."""

    number: int
    """Unique in the fleet; id, address and name come from it."""
    host: str
    """First label of the host name that it asks for."""
    started_at: str = LONG_AGO
    state: str = "running"
    proxy_port: int = 80
    """Where easyhaproxy is to listen: the one program that containers tell that."""

    @property
    def id(self) -> str:
        return sha256(str(self.number).encode()).hexdigest()

    @property
    def name(self) -> str:
        return f"{self.host}_{self.number}"

    @property
    def address(self) -> str:
        place = self.number + 1
        return f"127.{16 + (place >> 16)}.{place >> 8 & 255}.{place & 255}"

    @property
    def labels(self) -> dict[str, str]:
        """Every second one asks Interlock by labels; peers are asked by all."""
        router = f"traefik.http.routers.{self.host}"
        labels = {
            "com.docker.compose.project": "bench",
            "com.docker.compose.service": self.host,
            "maintainer": "The Interlock authors",
            "traefik.enable": "true",
            f"{router}.rule": f"Host(`{self.host}.{DOMAIN}`)",
            f"{router}.entrypoints": "web",
            f"traefik.http.services.{self.host}.loadbalancer.server.port": str(PORT),
            "caddy": f"http://{self.host}.{DOMAIN}",
            "caddy.reverse_proxy": f"{{{{upstreams {PORT}}}}}",
            "easyhaproxy.http.host": f"{self.host}.{DOMAIN}",
            "easyhaproxy.http.port": str(self.proxy_port),
            "easyhaproxy.http.localport": str(PORT),
        }
        if self.asks_by_label:
            labels |= {"interlock.hostname": self.host, "interlock.domain": DOMAIN, "interlock.port": str(PORT)}
        return labels

    @property
    def asks_by_label(self) -> bool:
        return sha256(self.host.encode()).digest()[0] % 2 == 0

    @property
    def environment(self) -> list[str]:
        asked = encode({"hostname": self.host, "domain": DOMAIN, "port": PORT}).decode()
        own = [] if self.asks_by_label else [f"INTERLOCK_DATA={asked}"]
        return [*own, f"VIRTUAL_HOST={self.host}.{DOMAIN}", f"VIRTUAL_PORT={PORT}", *_ENVIRONMENT]

    def inspected(self) -> bytes:
        """Body of ``GET /containers/{id}/json``."""
        is_up = self.state == "running"
        return encode(
            {
                "Id": self.id,
                "Created": LONG_AGO,
                "Path": "/usr/local/bin/server",
                "Args": ["--listen", f":{PORT}", "--workers", "4"],
                "State": {
                    "Status": self.state,
                    "Running": is_up,
                    "Paused": False,
                    "Restarting": False,
                    "OOMKilled": False,
                    "Dead": False,
                    "Pid": 1000 + self.number if is_up else 0,
                    "ExitCode": 0 if is_up else 143,
                    "Error": "",
                    "StartedAt": self.started_at,
                    "FinishedAt": "0001-01-01T00:00:00Z",
                },
                "Image": f"sha256:{NETWORK_ID}",
                "ResolvConfPath": f"/var/lib/docker/containers/{self.id}/resolv.conf",
                "HostnamePath": f"/var/lib/docker/containers/{self.id}/hostname",
                "HostsPath": f"/var/lib/docker/containers/{self.id}/hosts",
                "LogPath": f"/var/lib/docker/containers/{self.id}/{self.id}-json.log",
                "Name": f"/{self.name}",
                "RestartCount": 0,
                "Driver": "overlay2",
                "Platform": "linux",
                "HostConfig": _HOST_CONFIG,
                "GraphDriver": {
                    "Name": "overlay2",
                    "Data": {"MergedDir": f"/var/lib/docker/overlay2/{self.id}/merged"},
                },
                "Mounts": [],
                "Config": {
                    "Hostname": self.id[:12],
                    "Domainname": "",
                    "User": "",
                    "ExposedPorts": {f"{PORT}/tcp": {}},
                    "Tty": False,
                    "Env": self.environment,
                    "Cmd": ["--listen", f":{PORT}"],
                    "Image": IMAGE,
                    "Volumes": None,
                    "WorkingDir": "/app",
                    "Entrypoint": ["/usr/local/bin/server"],
                    "Labels": self.labels,
                    "StopSignal": "SIGTERM",
                },
                "NetworkSettings": {
                    "Bridge": "",
                    "SandboxID": self.id,
                    "SandboxKey": f"/var/run/docker/netns/{self.id[:12]}",
                    "Ports": {f"{PORT}/tcp": None} if is_up else {},
                    "Networks": {"bench": self._attachment()},
                },
            }
        )

    def entry(self) -> bytes:
        """Element of ``GET /containers/json``."""
        is_up = self.state == "running"
        return encode(
            {
                "Id": self.id,
                "Names": [f"/{self.name}"],
                "Image": IMAGE,
                "ImageID": f"sha256:{NETWORK_ID}",
                "Command": f"/usr/local/bin/server --listen :{PORT}",
                "Created": 1767312000,
                "Ports": [{"PrivatePort": PORT, "Type": "tcp"}] if is_up else [],
                "Labels": self.labels,
                "State": self.state,
                "Status": "Up 3 days" if is_up else "Exited (143) 2 seconds ago",
                "HostConfig": {"NetworkMode": "bench"},
                "NetworkSettings": {"Networks": {"bench": self._attachment()}},
                "Mounts": [],
            }
        )

    def event(self, action: str, **more: str) -> bytes:
        """A line of ``GET /events``, in API 1.41's words."""
        now = time.time_ns()
        return encode(
            {
                "status": action,
                "id": self.id,
                "from": IMAGE,
                "Type": "container",
                "Action": action,
                "Actor": {"ID": self.id, "Attributes": {**self.labels, "image": IMAGE, "name": self.name, **more}},
                "scope": "local",
                "time": now // 10**9,
                "timeNano": now,
            }
        )

    def network_event(self, action: str) -> bytes:
        now = time.time_ns()
        return encode(
            {
                "Type": "network",
                "Action": action,
                "Actor": {
                    "ID": NETWORK_ID,
                    "Attributes": {"container": self.id, "name": "bench", "type": "bridge"},
                },
                "scope": "local",
                "time": now // 10**9,
                "timeNano": now,
            }
        )

    def _attachment(self) -> dict[str, object]:
        is_up = self.state == "running"
        return {
            "IPAMConfig": None,
            "Links": None,
            "Aliases": [self.host, self.id[:12]],
            "NetworkID": NETWORK_ID,
            "EndpointID": self.id if is_up else "",
            "Gateway": "127.16.0.1" if is_up else "",
            "IPAddress": self.address if is_up else "",
            "IPPrefixLen": 8 if is_up else 0,
            "GlobalIPv6Address": "",
            "MacAddress": "02:42:ac:11:00:02",
            "DriverOpts": None,
        }


_HOST_CONFIG = {
    "Binds": None,
    "ContainerIDFile": "",
    "LogConfig": {"Type": "json-file", "Config": {}},
    "NetworkMode": "bench",
    "PortBindings": {},
    "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
    "AutoRemove": False,
    "CapAdd": None,
    "CapDrop": None,
    "Dns": [],
    "ExtraHosts": [],
    "IpcMode": "private",
    "OomScoreAdj": 0,
    "Privileged": False,
    "PublishAllPorts": False,
    "ReadonlyRootfs": False,
    "Runtime": "runc",
    "Memory": 268435456,
    "NanoCpus": 500000000,
    "CgroupParent": "",
    "Ulimits": None,
    "MaskedPaths": _PATHS.split(),
    "ReadonlyPaths": _READ_ONLY.split(),
}
