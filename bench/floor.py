"""The floor: the least that can be done for an event. Reads it, writes one runtime command; no check, no inspect."""

import argparse
import re
import socket

SERVER = re.compile(rb'"server": "([^"]+)"')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", required=True, help="unix socket of the engine")
    parser.add_argument("--haproxy", required=True, help="HAProxy's runtime socket")
    options = parser.parse_args()
    engine, haproxy = (socket.socket(socket.AF_UNIX) for _ in range(2))
    engine.connect(options.engine)
    haproxy.connect(options.haproxy)
    haproxy.sendall(b"prompt\n")
    haproxy.recv(4096)
    engine.sendall(b"GET /events?floor=1 HTTP/1.1\r\nHost: docker\r\n\r\n")
    engine.recv(4096)
    print("ready", flush=True)
    while data := engine.recv(65536):
        for server in SERVER.findall(data):
            haproxy.sendall(b"set server %s state ready\n" % server)
            haproxy.recv(4096)


if __name__ == "__main__":
    main()
