// SPDX-License-Identifier: MIT
// Both directions of a relayed connection: ends and failures pass from one side to the other.
#include "relay/pair.h"

#include <sys/socket.h>

/* One direction, of which OTHER is the other. False if it has failed. */
static bool pair_flow(struct flow *f, const struct flow *other, struct sock *src, struct sock *dst,
	uint64_t *count, struct pair_news *news)
{
	uint64_t before = *count;
	enum flow_status s;

	if (f->ended)
		return true;
	s = flow_pump(f, src, dst, count);
	news->moved |= *count != before;
	switch (s) {
	case FLOW_AGAIN:
		news->again = true;
		return true;
	case FLOW_END:
		f->ended = true;
		news->moved = true;
		if (other->ended)
			return true; /* both are about to be closed */
		shutdown(dst->source.fd, SHUT_WR);
		news->half = true;
		return true;
	case FLOW_SRC_FAILED:
	case FLOW_DST_FAILED:
		return false;
	default:
		return true;
	}
}

enum pair_status pair_move(const struct pair *p, struct pair_news *ret)
{
	*ret = (struct pair_news){0};
	if (!pair_flow(p->down, p->up, p->far, p->near, p->down_bytes, ret) ||
		!pair_flow(p->up, p->down, p->near, p->far, p->up_bytes, ret))
		return PAIR_FAILED;
	if (p->up->ended && p->down->ended)
		return PAIR_ENDED;
	ret->dying = p->near->failed || p->far->failed;
	return PAIR_OPEN;
}
