import trustme

from interlock.core.model import RouteTable
from interlock.doctor import Verdict
from interlock.doctor.proxies import NEEDS, check_proxy
from interlock.proxies.haproxy.settings import HaproxySettings
from interlock.proxies.nginx.settings import NginxSettings
from interlock.settings import PluginSettings


async def checked(settings, name, options, **more):
    plugin = PluginSettings(name=name, options=options)
    return await check_proxy(plugin, settings(**more), containers=(), table=RouteTable())


def test_https_counts_only_where_there_are_certificates(tmp_path):
    assert NEEDS["haproxy"](HaproxySettings()).ports == (("HAPROXY_PORT", 80),)
    assert NEEDS["haproxy"](HaproxySettings(ssl_cert="/x")).ports[1:] == (("HAPROXY_SSL_PORT", 443),)
    assert NEEDS["nginx"](NginxSettings(ssl_cert_dir=f"{tmp_path}/none")).ports == (("NGINX_PORT", 80),)
    trustme.CA().issue_cert("a.com").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "a.com.pem"))
    assert NEEDS["nginx"](NginxSettings(ssl_cert_dir=str(tmp_path))).ports[1:] == (("NGINX_SSL_PORT", 443),)


async def test_a_program_that_is_not_there_is_a_problem(settings, tmp_path):
    for name, options in (
        ("haproxy", HaproxySettings(binary=f"{tmp_path}/none")),
        ("nginx", NginxSettings(binary=f"{tmp_path}/none")),
    ):
        program, *_ = await checked(settings, name, options)
        assert (program.about, program.verdict) == (f"program {name}", Verdict.PROBLEM)


async def test_a_program_that_is_too_old_is_a_problem(settings, tmp_path):
    old = tmp_path / "haproxy"
    old.write_text("#!/bin/sh\necho HAProxy version 1.5.2 2014\n")
    old.chmod(0o755)
    program, *_ = await checked(settings, "haproxy", HaproxySettings(binary=str(old)))

    assert program.verdict is Verdict.PROBLEM
    assert "older than 2.6" in program.what


async def test_everything_is_looked_at(settings):
    checks = await checked(settings, "haproxy", HaproxySettings(port=1, ssl_cert="/none"))

    assert [check.about for check in checks] == [
        "program haproxy",
        "port 1",
        "port 443",
        "certificates",
        "haproxy open files",
    ]


async def test_of_a_proxy_in_containers_only_what_it_gets_from_here_is_looked_at(settings):
    haproxy = await checked(settings, "haproxy", HaproxySettings(port=1, ssl_cert="/none"), external_dir="/edge")
    nginx = await checked(settings, "nginx", NginxSettings(port=1), external_dir="/edge")

    assert [check.about for check in haproxy] == ["certificates"]
    assert nginx == []


async def test_of_a_third_partys_proxy_nothing_is_known(settings):
    assert await checked(settings, "caddy", None) == []
