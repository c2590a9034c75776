// SPDX-License-Identifier: MIT
// Which of the kernel's offloads a node uses: what may be configured, and what "auto" means where.
#pragma once

#include <stdbool.h>

/* In the order of the words of udp-gso; the other keys do not have the last one. */
enum offload { OFFLOAD_AUTO, OFFLOAD_ON, OFFLOAD_OFF, OFFLOAD_SENTINEL };

/* "auto", "on", "off", "sentinel" -> 0, else -EINVAL. */
int offload_parse(const char *text, enum offload *ret);

/* What is so chosen, for the running kernel. */
struct offload_set {
	enum offload udp_gso, tun;
	bool udp_gro;
};

/* Of a program without configuration: TSGW_UDP_GSO, TSGW_UDP_GRO, TSGW_TUN_OFFLOAD. -EINVAL, logged. */
int offload_from_env(struct offload_set *ret);

/* RELEASE as uname(2) has it. Kernels 7.0 to 7.1.4 mangle trains of equal datagrams on some network cards,
 * which nobody can see from here: "auto" is "sentinel" there. Others stay as they are. */
enum offload offload_udp_gso(enum offload configured, const char *release);
/* Before 5.12 UDP_GRO is not dependable, so "auto" is "off". */
bool offload_udp_gro(enum offload configured, const char *release);
/* That of the running kernel. */
const char *offload_release(void);
