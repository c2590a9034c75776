// SPDX-License-Identifier: MIT
// One rtnetlink socket: requests with their true errno, dumps, batches, events. Used by links.c and routes.c.
#pragma once

#include <linux/netlink.h>
#include <netlink/msg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "supervisor/links.h"

static inline void rtnl_msg_freep(struct nl_msg **m)
{
	if (*m)
		nlmsg_free(*m);
}
#define _cleanup_msg_ __attribute__((cleanup(rtnl_msg_freep)))

/* A message of TYPE that starts with the SIZE bytes at HEADER. FLAGS as NLM_F_CREATE. 0 or
 * -ENOMEM; so are the others. */
int rtnl_message(uint16_t type, int flags, const void *header, size_t size, struct nl_msg **ret);
int rtnl_put(struct nl_msg *m, int attribute, const void *data, size_t len);
int rtnl_put_u32(struct nl_msg *m, int attribute, uint32_t value);
int rtnl_put_string(struct nl_msg *m, int attribute, const char *text);
/* FAMILY is AF_INET or AF_INET6; A NULL is the unspecified address. -EINVAL if it does not fit. */
int rtnl_get_prefix(int family, const struct nlattr *a, uint8_t len, struct prefix *ret);

/* Sends MSG and waits for the kernel's word on it. EACH (may be NULL) gets every other message
 * that answers it. 0, what EACH said, or the kernel's -errno; -ETIMEDOUT. */
int rtnl_talk(
	struct links *l, struct nl_msg *msg, int (*each)(struct nlmsghdr *h, void *arg), void *arg);
/* A dump. One that the kernel interrupted is taken again, with *N set to 0. */
int rtnl_dump(struct links *l, uint16_t type, int family,
	int (*each)(struct nlmsghdr *h, void *arg), void *arg, size_t *n);
/* The same of the addresses of one link (a kernel before 4.20 tells all); IFINDEX 0: of all. */
int rtnl_dump_addresses(struct links *l, int family, int ifindex,
	int (*each)(struct nlmsghdr *h, void *arg), void *arg, size_t *n);

/* Many messages in one send; only the last is acknowledged, each may fail: the first -errno that
 * is not -IGNORE. */
#define RTNL_BATCH_MESSAGES 128
struct rtnl_batch {
	struct links *links;
	int ignore;
	int error;
	size_t n, len;
	char bytes[RTNL_BATCH_MESSAGES * 96];
};
/* Appends a message with HEADER and N attributes; sends when full. 0 or -errno. */
struct rtnl_attribute {
	int type;
	const void *data;
	size_t len;
};
int rtnl_batch_add(struct rtnl_batch *b, uint16_t type, int flags, const void *header, size_t size,
	const struct rtnl_attribute *attributes, size_t n);
/* Sends what is left; gives the first error of all. */
int rtnl_batch_end(struct rtnl_batch *b);

/* Room for one more item in a growing array. 0 or -ENOMEM. */
int rtnl_grow(void **items, size_t *size, size_t n, size_t item_size);
