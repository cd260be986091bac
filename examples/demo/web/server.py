"""The demo's web application: one page that says which container made it. Standard library only."""

import http.server
import signal
import socket
import sys
from typing import Any

NAME = socket.gethostname()
HUE = int(NAME, 16) % 360 if all(c in "0123456789abcdef" for c in NAME) else 200
"""Each container its own colour, so that a reload in the browser shows who answered."""

PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Interlock demo</title>
<style>
  body {{ font: 1.2rem system-ui, sans-serif; display: grid; place-items: center; height: 100vh; margin: 0;
         color: white; background: hsl({HUE} 60% 35%); }}
  main {{ text-align: center; }}
  code {{ font-size: 2.4rem; }}
</style>
<main>
  <p>This page was made by the container</p>
  <p><code>{NAME}</code></p>
  <p>Reload it, and another one may answer.</p>
</main>
</html>
"""


class Page(http.server.BaseHTTPRequestHandler):
    """Answers every GET with the page."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = PAGE.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Server", NAME)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the demo makes many requests."""


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.ThreadingHTTPServer(("", 5000), Page).serve_forever()
