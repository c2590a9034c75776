# SPDX-License-Identifier: MIT
"""What somebody takes away from outside comes back by itself, and the other tailnet does not notice."""
from lab import equal, wait_for
from picture import check_page


def test_tun_deleted(picture):
    """`ip link del wg0` inside the namespace: that tailnet is made anew within seconds, the other stays."""
    red = picture.tailnet("red", 11080, ssh=False)
    blue = picture.tailnet("blue", 11081, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    untouched = g.worker("tsgw-wg", blue)
    picture.lab.run(["ip", "-n", f"tsgw-{red.name}", "link", "del", "wg0"], ok=0)
    g.process.wait_line("wg0 is gone")
    wait_for(lambda: g.state(red) == "up", "red is up again")
    check_page(picture, red)
    check_page(picture, blue)
    equal(g.worker("tsgw-wg", blue), untouched, "blue's node")
    equal(g.stop(), 0, "exit code")


def test_socket_of_wg_removed(picture):
    """Without its UAPI socket a tailnet goes on; the next start serves it again."""
    red = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    picture.lab.run(["rm", f"/run/wireguard/{g.list()[red.name]['link']}.sock"], ok=0)
    check_page(picture, red)
    g.ctl("restart", red.name, ok=0)
    picture.lab.run(["wg", "show", g.list()[red.name]["link"]], ok=0)
    equal(g.stop(), 0, "exit code")
