// SPDX-License-Identifier: MIT
// One conversation with a supervisor over a control socket.
#include "ctl/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/parse.h"
#include "config/config.h"

/* A directory that is not there has no socket either. */
static int absent(int error)
{
	return error == ENOTDIR || error == ECONNREFUSED ? -ENOENT : -error;
}

int client_open(const char *run_dir, const char *name, int *ret_fd, pid_t *ret_pid)
{
	struct timeval patience = {.tv_sec = CLIENT_PATIENCE_MS / 1000};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	_cleanup_close_ int dir = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = -1;
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (dir < 0)
		return absent(errno);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* by way of the directory: its path may be longer than sun_path */
	snprintf(un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d/%s%s", dir,
		name ? name : "front.sock", name ? "/control.sock" : "");
	/* a full backlog blocks in connect(); this ends it with EAGAIN */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : absent(errno);
	if (ret_pid)
		*ret_pid = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ? 0 : peer.pid;
	*ret_fd = take_fd(fd);
	return 0;
}

/* A text of ours is one line of UTF-8; its terminator must be inside. */
static bool text_ok(char *text, size_t size)
{
	if (!memchr(text, '\0', size))
		return false;
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return true;
}

static bool addr_ok(const struct addr *a, bool may_be_none)
{
	return a->family == 4 || a->family == 6 || (may_be_none && a->family == 0);
}

static bool tailnet_ok(struct control_tailnet *t)
{
	if (!text_ok(t->name, sizeof(t->name)) || !text_ok(t->link, sizeof(t->link)) ||
		!text_ok(t->reason, sizeof(t->reason)))
		return false;
	if (!parse_is_tailnet_name(t->name) || t->state >= TAILNET_STATES ||
		t->engine > ENGINE_TAILSCALE)
		return false;
	if (t->n_addresses > CONTROL_ADDRS_MAX || t->n_listen > CONTROL_LISTEN_MAX)
		return false;
	for (size_t i = 0; i < t->n_addresses; i++)
		if (!addr_ok(&t->addresses[i], false))
			return false;
	for (size_t i = 0; i < t->n_listen; i++)
		if (!addr_ok(&t->listen[i].addr, false))
			return false;
	return addr_ok(&t->veth_host, true) && addr_ok(&t->veth_ns, true);
}

static bool peer_ok(struct control_peer *p)
{
	if (!text_ok(p->endpoint_name, sizeof(p->endpoint_name)) || p->state > PEER_DOWN ||
		!addr_ok(&p->endpoint.addr, true) || p->n_shown > MSG_PREFIXES)
		return false;
	for (size_t i = 0; i < p->n_shown; i++)
		if (!addr_ok(&p->allowed[i].addr, false) ||
			p->allowed[i].len > addr_bits(&p->allowed[i].addr))
			return false;
	return true;
}

static bool connection_ok(struct control_connection *c)
{
	return text_ok(c->tailnet, sizeof(c->tailnet)) && text_ok(c->user, sizeof(c->user)) &&
		text_ok(c->asked, sizeof(c->asked)) && addr_ok(&c->client.addr, false) &&
		addr_ok(&c->resolved.addr, true) && c->protocol < CLIENT_PROTOCOLS &&
		c->state < CLIENT_STATES;
}

int client_check(union client_record *m, size_t size)
{
	static const size_t sizes[] = {
		[CONTROL_TAILNET] = sizeof(struct control_tailnet),
		[CONTROL_PEER] = sizeof(struct control_peer),
		[CONTROL_STEP] = sizeof(struct control_text),
		[CONTROL_PROBLEM] = sizeof(struct control_text),
		[CONTROL_END] = sizeof(struct control_end),
		[CONTROL_CONNECTION] = sizeof(struct control_connection),
	};
	bool ok = false;

	if (size < sizeof(m->h) || m->h.record >= ELEMENTSOF(sizes) || !sizes[m->h.record] ||
		m->h.size != size || size != sizes[m->h.record])
		return -EBADMSG;
	switch (m->h.record) {
	case CONTROL_TAILNET:
		ok = tailnet_ok(&m->tailnet);
		break;
	case CONTROL_PEER:
		ok = peer_ok(&m->peer);
		break;
	case CONTROL_CONNECTION:
		ok = connection_ok(&m->connection);
		break;
	case CONTROL_STEP:
	case CONTROL_PROBLEM:
		ok = text_ok(m->text.text, sizeof(m->text.text));
		break;
	case CONTROL_END:
		ok = text_ok(m->end.text, sizeof(m->end.text)) && m->end.code >= CTL_DONE &&
			m->end.code <= CTL_NO_SUPERVISOR;
		break;
	}
	return ok ? 0 : -EBADMSG;
}

/* 1 a record, 0 end of file, -errno. */
static int receive(int fd, uint32_t patience_ms, union client_record *ret)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	bool forever = patience_ms == COMMAND_WAIT_FOREVER;
	uint64_t now = clock_now_ms(), deadline = now + patience_ms;
	ssize_t n;
	int r;

	for (;;) {
		uint64_t left = deadline > now ? deadline - now : 0;

		r = poll(&p, 1, forever ? -1 : (int)MIN(left, (uint64_t)INT32_MAX));
		if (r > 0)
			break;
		if (r < 0 && errno != EINTR)
			return -errno;
		now = clock_now_ms();
		if (!forever && now >= deadline)
			return -ETIMEDOUT;
	}
	/* MSG_TRUNC: the real length, so that a longer datagram is seen */
	n = recv(fd, ret, sizeof(*ret), MSG_TRUNC);
	if (n <= 0)
		return n == 0 || errno == ECONNRESET ? 0 : -errno;
	r = (size_t)n > sizeof(*ret) ? -EBADMSG : client_check(ret, (size_t)n);
	return r < 0 ? r : 1;
}

int client_ask(int fd, struct control_request *q, uint32_t patience_ms,
	int (*each)(void *arg, const union client_record *m), void *arg, struct control_end *ret)
{
	union client_record m;
	int r;

	q->magic = CONTROL_MAGIC;
	q->version = CONTROL_VERSION;
	if (send(fd, q, sizeof(*q), MSG_NOSIGNAL) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	for (size_t i = 0; i < CLIENT_RECORDS_MAX; i++) {
		r = receive(fd, patience_ms, &m);
		if (r <= 0)
			return r == 0 ? -EPIPE : r;
		if (m.h.record == CONTROL_END) {
			*ret = m.end;
			return 0;
		}
		r = each ? each(arg, &m) : 0;
		if (r < 0)
			return r;
	}
	return -EBADMSG;
}

int client_complain(const char *run_dir, const char *who, int error)
{
	char path[64];

	snprintf(path, sizeof(path), "%.32s%s", who ? who : "front",
		who ? "/control.sock" : ".sock");
	switch (error) {
	case -ENOENT:
		fprintf(stderr,
			"tsgwctl: %s%sits supervisor is not running (nobody serves %s/%s)\n",
			who ? who : "", who ? ": " : "", run_dir, path);
		return CTL_NO_SUPERVISOR;
	case -EACCES:
	case -EPERM:
		fprintf(stderr, "tsgwctl: %s/%s: permission denied: be root, or in group tsgw\n",
			run_dir, path);
		return CTL_FAILED;
	case -ETIMEDOUT:
		fprintf(stderr, "tsgwctl: the supervisor does not answer on %s/%s\n", run_dir,
			path);
		return CTL_FAILED;
	case -EPIPE:
	case -ECONNRESET:
		fprintf(stderr, "tsgwctl: the supervisor hung up on %s/%s\n", run_dir, path);
		return CTL_FAILED;
	case -EBADMSG:
		fprintf(stderr, "tsgwctl: no answer of this version on %s/%s: restart tsgwd\n",
			run_dir, path);
		return CTL_FAILED;
	default:
		fprintf(stderr, "tsgwctl: %s/%s: %s\n", run_dir, path, strerror(-error));
		return CTL_FAILED;
	}
}
