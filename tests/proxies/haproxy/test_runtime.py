"""The runtime socket's answers as values."""

import pytest

from interlock.proxies.haproxy.runtime import read_servers

HEAD = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_port\n"


@pytest.mark.parametrize(
    ("operation", "admin", "takes_traffic", "passes_check"),
    [(2, 0, True, True), (0, 0, True, False), (0, 1, False, True), (2, 8, False, True)],
)
def test_a_server_is_in_rotation_and_passes_its_check(operation, admin, takes_traffic, passes_check):
    answer = f"{HEAD}3 a 1 web_1 10.0.0.1 {operation} {admin} 100 80\n"
    served = read_servers(answer)["a"]["web_1"]
    assert (served.takes_traffic, served.passes_check) == (takes_traffic, passes_check)
    assert (served.endpoint, served.weight) == ("10.0.0.1:80", 100)
