"""Rows of the data plane: generated files of HAProxy and of NGINX, each beside one that was written by hand."""

from hand_tuned import haproxy_by_hand, nginx_by_hand
from load import Rest, Target, Traffic, at_rest, side_by_side
from report import Extent, Report
from stack import Stack, nginx, stack
from wrk import FEW, Asking

MORE = 2
ONE = Asking(1)
MANY = 1000
"""Fleets from this size on are worth a look, beside the smallest and the largest."""


def of_haproxy(report: Report, made: Stack, size: int, extent: Extent) -> None:
    """In the clear and over TLS, with connections that are kept; and with a handshake for each request."""
    is_first, is_last = size == extent.sizes[0], size == extent.sizes[-1]
    if not (is_first or is_last or size >= MANY):
        return
    ours, by_hand = Target(made.port, made.tls_port, made.proxy_pids), haproxy_by_hand(made)
    few = Asking(min(size, FEW))
    askings = {"HTTP, few hosts": few}
    if is_first:
        tls = ONE._replace(tls=True)
        askings |= {"HTTP, 1 host": ONE, "TLS, 1 host": tls, "TLS, 1 host, a handshake each": tls._replace(closes=True)}
    else:
        askings["TLS, few hosts"] = few._replace(tls=True)
    if is_last and size > FEW:
        askings |= {f"HTTP, {size:,} hosts in turn": Asking(size)}
    rest = at_rest(made.proxy_pids)[0]
    report.add("health checks, without requests", size, f"{rest.mean:.1%} of a core")
    for asked, asking in askings.items():
        found = _compared(ours, by_hand, asking, rest, extent)
        report.add_traffic(asked, size, found)
        report.note(f"{asked} ratio", size, found.cpu_ratio)
        report.note(f"{asked} us", size, found.cpu_us)


def of_nginx(report: Report, size: int, extent: Extent) -> None:
    """With its Lua module where there is one, as Interlock has it."""
    if not (size == extent.sizes[0] or MANY <= size <= extent.nginx_most):
        return
    if not nginx():
        report.add("NGINX", size, "not run: no nginx found")
        return
    with stack(size, ready=False) as made:
        made.start_interlock("nginx")
        made.wait_until_ready()
        generated = (made.folder / "state" / "nginx" / "nginx.conf").read_text()
        way = "NGINX with Lua" if "ngx_http_lua_module" in generated else "NGINX without Lua"
        ours, by_hand = Target(made.port, made.tls_port, made.proxy_pids), nginx_by_hand(made, generated)
        asked, asking = ("1 host", ONE) if size == extent.sizes[0] else ("few hosts", Asking(FEW))
        found = _compared(ours, by_hand, asking, at_rest(made.proxy_pids, seconds=1)[0], extent)
        report.add_traffic(f"{way}, {asked}", size, found)
        report.note(f"NGINX, {asked} ratio", size, found.cpu_ratio)


def _compared(ours: Target, by_hand: Target, asking: Asking, rest: Rest, extent: Extent) -> Traffic:
    """Those that a target is for, of one host, are looked at for longer."""
    runs = extent.wrk_runs + MORE if asking.hosts == 1 and extent.wrk_runs > 1 else extent.wrk_runs
    return side_by_side(ours, by_hand, asking, rest, seconds=extent.wrk_seconds, runs=runs)
