# SPDX-License-Identifier: MIT
"""Our own address on the way back, with UDP_GRO off: there each datagram brings its own control data."""
import os

import test_netns_paths as paths


def without_udp_gro(scenario, lab):
    os.environ.update(TSGW_UDP_GRO="off", NETNS_ENGINES="")
    scenario(lab)


def test_reply_from_where_it_came_to_without_udp_gro(lab):
    """As netns_paths::reply_from_where_it_came_to."""
    without_udp_gro(paths.test_reply_from_where_it_came_to, lab)


def test_not_overly_sticky_without_udp_gro(lab):
    """As netns_paths::not_overly_sticky."""
    without_udp_gro(paths.test_not_overly_sticky, lab)
