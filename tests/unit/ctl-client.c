// SPDX-License-Identifier: MIT
// Records of a control socket: nothing is used before it was checked.
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/config.h"
#include "ctl/client.h"
#include "test.h"

static union control_any m;

static void good_tailnet(void)
{
	struct control_tailnet *t = &m.tailnet;

	memset(&m, 0, sizeof(m));
	t->h = (struct control_header){CONTROL_TAILNET, sizeof(*t)};
	strcpy(t->name, "red");
	strcpy(t->link, "tsgw-red");
	strcpy(t->reason, "peer down");
	t->state = TAILNET_DEGRADED;
	t->n_addresses = 1;
	t->addresses[0] = addr_v4(0x0a4d0002);
	t->n_listen = 1;
	t->listen[0] = (struct hostport){.addr = addr_v4(0x7f000001), .port = 11080};
}

static void good_peer(void)
{
	struct control_peer *p = &m.peer;

	memset(&m, 0, sizeof(m));
	p->h = (struct control_header){CONTROL_PEER, sizeof(*p)};
	p->state = PEER_UP;
	p->n_allowed = 1000;
	p->n_shown = MSG_PREFIXES;
	for (size_t i = 0; i < MSG_PREFIXES; i++)
		p->allowed[i] = (struct prefix){.addr = addr_v4(0x0a000000), .len = 32};
}

static void good_text(enum control_record record)
{
	memset(&m, 0, sizeof(m));
	m.text.h = (struct control_header){(uint16_t)record, sizeof(m.text)};
	strcpy(m.text.text, "step");
}

static void good_end(int code)
{
	memset(&m, 0, sizeof(m));
	m.end.h = (struct control_header){CONTROL_END, sizeof(m.end)};
	m.end.code = code;
}

static void good_event(void)
{
	memset(&m, 0, sizeof(m));
	m.event.h = (struct control_header){CONTROL_EVENT, sizeof(m.event)};
	strcpy(m.event.tailnet, "red");
	strcpy(m.event.text, "peer down");
	m.event.kind = EVENT_PEER;
}

static void good_facts(void)
{
	memset(&m, 0, sizeof(m));
	m.facts.h = (struct control_header){CONTROL_FACTS, sizeof(m.facts)};
	strcpy(m.facts.tailnet, "red");
	m.facts.end = 1;
}

static void good_routes(void)
{
	memset(&m, 0, sizeof(m));
	m.routes.h = (struct control_header){CONTROL_ROUTES, sizeof(m.routes)};
	strcpy(m.routes.tailnet, "red");
	m.routes.n = MSG_PREFIXES;
	for (size_t i = 0; i < MSG_PREFIXES; i++)
		m.routes.prefixes[i] = (struct prefix){.addr = addr_v4(0x0a000000), .len = 32};
}

static void good_name(void)
{
	memset(&m, 0, sizeof(m));
	m.name.h = (struct control_header){CONTROL_NAME, sizeof(m.name)};
	strcpy(m.name.tailnet, "red");
	strcpy(m.name.name, "gpu1");
	m.name.addr = addr_v4(0x0a000001);
}

static void good_told(void)
{
	memset(&m, 0, sizeof(m));
	m.told.h = (struct control_header){CONTROL_TOLD, sizeof(m.told)};
	m.told.fresh = 1;
}

static void good_dns(void)
{
	memset(&m, 0, sizeof(m));
	m.dns.h = (struct control_header){CONTROL_DNS_COUNTS, sizeof(m.dns)};
	strcpy(m.dns.tailnet, "red");
}

static int check(void)
{
	return record_check(&m, m.h.size);
}

static void good_records(void)
{
	good_tailnet();
	CHECK_EQ(check(), 0);
	good_peer();
	CHECK_EQ(check(), 0);
	good_text(CONTROL_STEP);
	CHECK_EQ(check(), 0);
	good_text(CONTROL_PROBLEM);
	CHECK_EQ(check(), 0);
	good_event();
	CHECK_EQ(check(), 0);
	good_facts();
	CHECK_EQ(check(), 0);
	good_routes();
	CHECK_EQ(check(), 0);
	good_name();
	CHECK_EQ(check(), 0);
	good_told();
	CHECK_EQ(check(), 0);
	good_dns();
	CHECK_EQ(check(), 0);
	*m.dns.tailnet = '\0';
	CHECK_EQ(check(), 0);
	for (int code = 0; code <= 4; code++) {
		good_end(code);
		CHECK_EQ(check(), 0);
	}
}

static void wrong_sizes(void)
{
	good_tailnet();
	for (size_t n = 0; n <= sizeof(m); n++)
		if (n != sizeof(m.tailnet))
			CHECK_EQ(record_check(&m, n), -EBADMSG);
	m.h.size--; /* header and datagram disagree */
	CHECK_EQ(record_check(&m, sizeof(m.tailnet)), -EBADMSG);
	good_end(0);
	m.h.size = sizeof(m.text);
	CHECK_EQ(check(), -EBADMSG);
	for (unsigned record = 0; record < 65536; record++) {
		good_end(0);
		m.h.record = (uint16_t)record;
		CHECK_EQ(check() == 0, record == CONTROL_END);
	}
}

#define REFUSED(make, change)                \
	do {                                 \
		make;                        \
		change;                      \
		CHECK_EQ(check(), -EBADMSG); \
	} while (0)

static void wrong_fields(void)
{
	struct control_tailnet *t = &m.tailnet;
	struct control_peer *p = &m.peer;

	REFUSED(good_tailnet(), memset(t->name, 'a', sizeof(t->name)));
	REFUSED(good_tailnet(), t->name[0] = '\0');
	REFUSED(good_tailnet(), strcpy(t->name, "../x"));
	REFUSED(good_tailnet(), memset(t->link, 'a', sizeof(t->link)));
	REFUSED(good_tailnet(), memset(t->reason, 'a', sizeof(t->reason)));
	REFUSED(good_tailnet(), memset(t->login_url, 'a', sizeof(t->login_url)));
	REFUSED(good_event(), strcpy(m.event.tailnet, "Red"));
	REFUSED(good_event(), m.event.kind = EVENT_KINDS);
	REFUSED(good_event(), m.event.state = TAILNET_STATES);
	REFUSED(good_event(), memset(m.event.subject, 'a', sizeof(m.event.subject)));
	REFUSED(good_event(), memset(m.event.text, 'a', sizeof(m.event.text)));
	REFUSED(good_facts(), m.facts.end = 2);
	REFUSED(good_facts(), m.facts.tailnet[0] = '\0');
	REFUSED(good_routes(), m.routes.n++);
	REFUSED(good_routes(), m.routes.prefixes[31].len = 33);
	REFUSED(good_routes(), m.routes.prefixes[31].addr.family = 0);
	REFUSED(good_name(), m.name.name[0] = '\0');
	REFUSED(good_name(), memset(m.name.name, 'a', sizeof(m.name.name)));
	REFUSED(good_name(), m.name.addr.family = 0);
	REFUSED(good_told(), m.told.fresh = 2);
	REFUSED(good_tailnet(), t->state = TAILNET_STATES);
	REFUSED(good_tailnet(), t->engine = ENGINE_TAILSCALE + 1);
	REFUSED(good_tailnet(), t->n_addresses = CONTROL_ADDRS_MAX + 1);
	REFUSED(good_tailnet(), t->n_addresses = 2); /* the second has no family */
	REFUSED(good_tailnet(), t->addresses[0].family = AF_INET6);
	REFUSED(good_tailnet(), t->n_listen = CONTROL_LISTEN_MAX + 1);
	REFUSED(good_tailnet(), t->listen[0].addr.family = 5);
	REFUSED(good_tailnet(), t->veth_ns.family = 1);
	REFUSED(good_tailnet(), t->veth_host.family = 1);
	REFUSED(good_peer(), p->n_shown = MSG_PREFIXES + 1);
	REFUSED(good_peer(), p->n_shown = UINT32_MAX);
	REFUSED(good_peer(), p->state = PEER_DOWN + 1);
	REFUSED(good_peer(), p->allowed[3].len = 33);
	REFUSED(good_peer(), p->allowed[3].addr.family = 0);
	REFUSED(good_peer(), p->endpoint.addr.family = 255);
	REFUSED(good_peer(), memset(p->endpoint_name, 'a', sizeof(p->endpoint_name)));
	REFUSED(good_text(CONTROL_STEP), memset(m.text.text, 'a', sizeof(m.text.text)));
	REFUSED(good_end(0), memset(m.end.text, 'a', sizeof(m.end.text)));
	REFUSED(good_end(0), m.end.code = 5);
	REFUSED(good_end(0), m.end.code = -1);
}

static void no_terminal_tricks(void)
{
	good_tailnet();
	strcpy(m.tailnet.reason, "a\033[2Jb\nc\x7f");
	CHECK_EQ(check(), 0);
	CHECK_STR(m.tailnet.reason, "a?[2Jb?c?");
}

static int count(void *arg, const union control_any *r)
{
	++*(int *)arg;
	return 0;
}

/* What a supervisor says, put into the socket before the question is asked. */
static int ask(int pair[2], uint32_t patience_ms, int *ret_n, struct control_end *end)
{
	struct control_request q = {.verb = CONTROL_STATUS};
	int r;

	*ret_n = 0;
	r = client_ask(pair[0], &q, patience_ms, count, ret_n, end);
	close(pair[0]);
	close(pair[1]);
	return r;
}

static void pair_open(int pair[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		abort();
}

static void say(int pair[2], const void *what, size_t size)
{
	if (send(pair[1], what, size, 0) != (ssize_t)size)
		abort();
}

static void conversations(void)
{
	uint8_t longer[sizeof(m) + 1] = {0};
	struct control_end end = {0};
	int pair[2], n;

	pair_open(pair);
	good_tailnet();
	say(pair, &m, m.h.size);
	say(pair, &m, m.h.size);
	good_end(3);
	say(pair, &m, m.h.size);
	CHECK_EQ(ask(pair, 1000, &n, &end), 0);
	CHECK_EQ(n, 2);
	CHECK_EQ(end.code, 3);

	pair_open(pair); /* hung up in the middle */
	good_tailnet();
	say(pair, &m, m.h.size);
	shutdown(pair[1], SHUT_WR);
	CHECK_EQ(ask(pair, 1000, &n, &end), -EPIPE);
	CHECK_EQ(n, 1);

	pair_open(pair); /* silence */
	CHECK_EQ(ask(pair, 10, &n, &end), -ETIMEDOUT);

	pair_open(pair); /* a good record with a byte too many is cut by recv(), not by us */
	good_tailnet();
	memcpy(longer, &m, sizeof(m));
	say(pair, longer, sizeof(longer));
	CHECK_EQ(ask(pair, 1000, &n, &end), -EBADMSG);
	CHECK_EQ(n, 0);
}

static void nobody_there(void)
{
	int fd;

	CHECK_EQ(client_open("/nonexistent", NULL, &fd, NULL), -ENOENT);
	CHECK_EQ(client_open("/dev/null", NULL, &fd, NULL), -ENOENT);
	CHECK_EQ(client_open("/proc", "red", &fd, NULL), -ENOENT);
}

int main(void)
{
	RUN(good_records);
	RUN(wrong_sizes);
	RUN(wrong_fields);
	RUN(no_terminal_tricks);
	RUN(conversations);
	RUN(nobody_there);
	return TEST_END();
}
