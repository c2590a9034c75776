// SPDX-License-Identifier: MIT
// One question to one DNS server over UDP: a client's view of the gateway's own responder.
#include "ctl/dnsask.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"

#define DNSASK_TRIES	   3
#define HEADER		   12
#define CLASS_IN	   1
#define FLAG_RESPONSE	   0x80
#define FLAG_AUTHORITATIVE 0x04
#define LABEL_MAX	   63

static unsigned read16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void write16(uint8_t *p, unsigned n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

int dnsask_question(
	const char *name, enum dnsask_type type, uint16_t id, uint8_t ret[DNSASK_SIZE_MAX])
{
	size_t n = HEADER;

	if (!*name || strlen(name) > 253)
		return -EINVAL;
	memset(ret, 0, HEADER);
	write16(ret, id);
	write16(ret + 4, 1); /* one question; recursion is not desired: it would be refused */
	while (*name) {
		size_t len = strcspn(name, ".");

		if (!len || len > LABEL_MAX)
			return -EINVAL;
		ret[n++] = (uint8_t)len;
		memcpy(ret + n, name, len);
		n += len;
		name += len + (name[len] == '.');
	}
	ret[n++] = 0;
	write16(ret + n, type);
	write16(ret + n + 2, CLASS_IN);
	return (int)n + 4;
}

/* Behind the name at AT, or 0: it does not end inside. */
static size_t skip_name(const uint8_t *p, size_t len, size_t at)
{
	while (at < len) {
		if (!p[at])
			return at + 1;
		if (p[at] >= 0xc0)
			return at + 2 <= len ? at + 2 : 0;
		if (p[at] > LABEL_MAX)
			return 0;
		at += 1 + p[at];
	}
	return 0;
}

static void take_record(const uint8_t *data, unsigned type, unsigned size, struct dnsask *r)
{
	struct addr *a = &r->addrs[r->n_addrs];

	if (r->n_addrs == DNSASK_ADDRS_MAX ||
		!((type == DNSASK_A && size == 4) || (type == DNSASK_AAAA && size == 16)))
		return;
	*a = (struct addr){.family = type == DNSASK_A ? 4 : 6};
	memcpy(a->bytes, data, size);
	r->n_addrs++;
}

int dnsask_answer(const uint8_t *p, size_t len, uint16_t id, struct dnsask *ret)
{
	struct dnsask r = {0};
	size_t at = HEADER;

	if (len < HEADER || read16(p) != id || !(p[2] & FLAG_RESPONSE))
		return -EBADMSG;
	r.rcode = p[3] & 0x0f;
	r.authoritative = p[2] & FLAG_AUTHORITATIVE;
	for (unsigned i = read16(p + 4); i; i--) {
		at = skip_name(p, len, at);
		if (!at || at + 4 > len)
			return -EBADMSG;
		at += 4;
	}
	for (unsigned i = read16(p + 6); i; i--) {
		unsigned size;

		at = skip_name(p, len, at);
		if (!at || at + 10 > len)
			return -EBADMSG;
		size = read16(p + at + 8);
		if (at + 10 + size > len)
			return -EBADMSG;
		if (read16(p + at + 2) == CLASS_IN)
			take_record(p + at + 10, read16(p + at), size, &r);
		at += 10 + size;
		r.n_answers++;
	}
	*ret = r;
	return 0;
}

/* What is no answer to ID is passed over. 0, -ETIMEDOUT, -errno. */
static int await(int fd, uint16_t id, uint64_t deadline, struct dnsask *ret)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint8_t buf[DNSASK_SIZE_MAX];

	for (;;) {
		uint64_t now = clock_now_ms();
		ssize_t n;

		if (now >= deadline)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)(deadline - now)) <= 0)
			continue;
		n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n >= 0 && dnsask_answer(buf, (size_t)n, id, ret) == 0)
			return 0;
	}
}

int dnsask(const struct hostport *server, const char *name, enum dnsask_type type,
	unsigned patience_ms, struct dnsask *ret)
{
	struct sockaddr_storage sa;
	socklen_t len = hostport_to_sockaddr(server, &sa);
	_cleanup_close_ int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint8_t question[DNSASK_SIZE_MAX];
	uint16_t id = 0;
	int n, r = -ETIMEDOUT;

	/* connected: the kernel takes answers of this server only, and tells that nobody is there */
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, len) < 0)
		return -errno;
	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return -errno;
	n = dnsask_question(name, type, id, question);
	if (n < 0)
		return n;
	for (unsigned i = 0; i < DNSASK_TRIES && r == -ETIMEDOUT; i++) {
		if (send(fd, question, (size_t)n, MSG_NOSIGNAL) < 0)
			return -errno;
		r = await(fd, id, clock_now_ms() + patience_ms / DNSASK_TRIES, ret);
	}
	return r;
}

const char *dnsask_rcode_text(unsigned rcode)
{
	static const char *const texts[] = {
		"no error", "FORMERR", "SERVFAIL", "no such name (NXDOMAIN)", "NOTIMP", "REFUSED"};

	return rcode < ELEMENTSOF(texts) ? texts[rcode] : "an error";
}
