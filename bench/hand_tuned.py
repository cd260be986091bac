"""What somebody who knows HAProxy, or NGINX, writes for the same hosts and the same promises.

Those are: who the client is, an id for each request, retries on another server for what may be repeated, no traffic for
a server that does not answer (HAProxy checks as often as with Interlock), WebSocket, bodies that are streamed. Nothing
has to change while it runs: no stats page, no metrics, no wildcards, no closed hosts. As many threads and workers as
with Interlock.
"""

import re
from collections.abc import Iterator

import fleet
from gauges import Web, family, until
from load import Target
from stack import Stack, free_port, haproxy, nginx

HAPROXY = """\
global
    maxconn 2048
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
defaults
    mode http
    timeout connect 5s
    timeout server 10s
    timeout client 10s
    timeout http-keep-alive 10s
    option redispatch 1
    retries 3
    default-server inter 5s fastinter 1s downinter 1s rise 1 fall 2
    retry-on conn-failure empty-response 0rtt-rejected
frontend web
    bind *:{port}
    bind *:{tls_port} ssl crt {certificate} alpn h2,http/1.1
    option forwardfor
    http-request del-header X-Forwarded-For
    http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Port %[dst_port]
    http-request set-header X-Real-IP %[src]
    http-request set-header X-Request-ID %[uuid()]
    http-request disable-l7-retry unless {{ method GET HEAD OPTIONS TRACE PUT DELETE }}
    use_backend %[req.hdr(host),lower,map_str({routes})]
{backends}
"""
NGINX = """\
daemon off;
pid {folder}/hand-nginx.pid;
error_log stderr crit;
worker_processes {workers};
worker_rlimit_nofile 20000;
events {{
    worker_connections 16384;
}}
http {{
    client_body_temp_path {folder}/hand-bodies;
    proxy_temp_path {folder}/hand-answers;
    access_log off;
    server_tokens off;
    client_max_body_size 0;
    server_names_hash_max_size 32768;
    server_names_hash_bucket_size 128;
    map $http_upgrade $connection_upgrade {{
        default upgrade;
        "" "";
    }}
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_connect_timeout 2s;
    proxy_set_header Host $http_host;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Port $server_port;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Request-ID $request_id;
    server {{
        listen {port} default_server;
        return 404;
    }}
{sites}}}
"""
NGINX_SITE = """\
    upstream {name} {{
        server {endpoint};
        keepalive 32;
    }}
    server {{
        listen {port};
        server_name {name}.{domain};
        location / {{
            proxy_pass http://{name};
        }}
    }}
"""


def haproxy_by_hand(stack: Stack) -> Target:
    """It has no `nbthread`, as the generated file has none: HAProxy takes a thread for each processor."""
    port, tls_port = free_port(), free_port()
    routes, config = stack.folder / "hand.map", stack.folder / "hand.cfg"
    sites = list(_sites(stack))
    routes.write_text("".join(f"{name}.{fleet.DOMAIN} {name}\n" for name, _ in sites))
    config.write_text(
        HAPROXY.format(
            port=port,
            tls_port=tls_port,
            certificate=stack.certificate,
            routes=routes,
            backends="".join(f"backend {name}\n    server one {endpoint} check\n" for name, endpoint in sites),
        )
    )
    return _started(stack, port, tls_port, haproxy(), "-q", "-db", "-f", str(config))


def nginx_by_hand(stack: Stack, generated: str) -> Target:
    """A server and an upstream for each host, and the workers of a generated file."""
    port, config = free_port(), stack.folder / "hand-nginx.conf"
    workers = re.search(r"^worker_processes (\w+);", generated, re.MULTILINE)
    assert workers is not None
    config.write_text(
        NGINX.format(
            folder=stack.folder,
            workers=workers[1],
            port=port,
            sites="".join(
                NGINX_SITE.format(name=name, endpoint=endpoint, port=port, domain=fleet.DOMAIN)
                for name, endpoint in _sites(stack)
            ),
        )
    )
    return _started(stack, port, 0, nginx(), "-e", "stderr", "-c", str(config))


def _started(stack: Stack, port: int, tls_port: int, *argv: str) -> Target:
    pid = stack.start(*argv)
    web = Web(port)
    until(lambda: web.status(stack.host(1)) == 200, pause=0.01)
    web.close()
    return Target(port, tls_port, lambda: family(pid))


def _sites(stack: Stack) -> Iterator[tuple[str, str]]:
    for number in range(1, stack.containers + 1):
        host = f"h{number}"
        yield host, f"{fleet.Replica(number=number, host=host).address}:{fleet.PORT}"
