// SPDX-License-Identifier: MIT
// The configuration in force, as the supervisor sent it between BEGIN and COMMIT.
#include "proxy/setup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/log.h"
#include "proxy/login.h"
#include "proxy/peers.h"
#include "proxy/revoke.h"

static struct proxy_stats no_stats;
struct proxy_stats *setup_stats = &no_stats;
const char *setup_tailnet = "-";

static struct setup nothing;
static struct setup *current = &nothing;
static struct setup *next; /* between BEGIN and COMMIT */
static bool has_config;

const struct setup *setup_now(void)
{
	return current;
}

static void setup_free(struct setup *s)
{
	if (!s || s == &nothing)
		return;
	policy_free(&s->policy);
	resolve_free(&s->names);
	users_free(&s->users);
	split_free(&s->splits);
	if (s->suffixes)
		munmap(s->suffixes, s->suffixes_bytes);
	free(s);
}

static int begin(const struct msg_generation *m)
{
	setup_free(next);
	has_config = false;
	next = calloc(1, sizeof(*next));
	if (!next)
		return -ENOMEM;
	next->generation = m->generation;
	return 0;
}

static int commit(const struct msg_generation *m, const char **ret_why)
{
	struct setup *before = current;
	bool other_users;

	if (!has_config || next->generation != m->generation) {
		*ret_why = has_config ? "commit of another generation" : "commit without a config";
		return -EBADMSG;
	}
	policy_seal(&next->policy);
	resolve_seal(&next->names);
	current = next;
	next = NULL;
	other_users = before->config.users != current->config.users ||
		!users_equal(&before->users, &current->users);
	if (other_users)
		login_users_changed();
	revoke(other_users);
	setup_free(before);
	return 1;
}

static int take_config(const struct msg_proxy_config *m)
{
	if (has_config || !m->greeting_timeout_s || !m->connect_timeout_s || !m->idle_timeout_s ||
		!m->half_close_timeout_s)
		return -EBADMSG;
	has_config = true;
	next->config = *m;
	next->policy.has_ipv6 = m->has_ipv6;
	return 0;
}

static int take_suffix(const struct msg_proxy_suffix *m)
{
	return memchr(m->suffix, 0, sizeof(m->suffix)) ? resolve_add_suffix(&next->names, m->suffix)
						       : -EBADMSG;
}

/* Private and read-only: the pages are everybody's, and older kernels refuse a sealed file for shared ones. */
static int take_suffixes(const struct msg_proxy_suffixes *m, int fd)
{
	struct stat st;
	size_t bytes;
	void *p;

	if (next->suffixes || !m->n || m->n > SUFFIXES_MAX || fstat(fd, &st) < 0 ||
		st.st_size <= 0 || (size_t)st.st_size > SUFFIXES_BYTES_MAX)
		return -EBADMSG;
	bytes = (size_t)st.st_size;
	p = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	next->suffixes = p;
	next->suffixes_bytes = bytes;
	return resolve_set_all(&next->names, p, m->n, bytes);
}

static int take_host(const struct msg_host *m)
{
	if (!memchr(m->name, 0, sizeof(m->name)) || (m->addr.family != 4 && m->addr.family != 6))
		return -EBADMSG;
	return resolve_add_host(&next->names, m->name, &m->addr);
}

static int take_user(const struct msg_proxy_user *m)
{
	if (!memchr(m->name, 0, sizeof(m->name)) || !memchr(m->hash, 0, sizeof(m->hash)))
		return -EBADMSG;
	return users_add(&next->users, m->name, m->hash);
}

/* One too many is no reason to end: its names are asked of nobody. */
static int take_split(const struct msg_proxy_split *m)
{
	int r = split_add(&next->splits, m);

	if (r == -ENOSPC)
		log_warning(NULL, "resolver",
			"names under %s are asked of nobody: the tailnet has more than %d "
			"different "
			"lists of resolvers",
			m->domain, SPLIT_GROUPS_MAX - 1);
	return r == -ENOSPC ? 0 : r;
}

static int take_search(const struct msg_proxy_search *m)
{
	return memchr(m->domain, 0, sizeof(m->domain)) ? search_add(&next->search, m->domain)
						       : -EBADMSG;
}

static int take_prefixes(
	struct prefixset *set, const struct prefix *p, uint32_t n, uint32_t value, size_t max)
{
	int r = n > MSG_PREFIXES ? -EBADMSG : 0;

	for (uint32_t i = 0; i < n && r >= 0; i++)
		r = prefixset_add(set, &p[i], value, max);
	return r;
}

static int take_route(const struct msg_proxy_route *m)
{
	int peer = peers_find(m->public_key);

	return peer < 0 ? peer
			: take_prefixes(&next->policy.routes, m->prefixes, m->n, (uint32_t)peer,
				  POLICY_ROUTES_MAX);
}

static int take_published(const struct msg_proxy_published *m)
{
	int self = peers_self();

	if (self < 0)
		return self;
	next->policy.self = (uint32_t)self;
	return policy_publish(&next->policy, &m->at, m->udp);
}

static int take_item(const union msg *m, const int *fds)
{
	struct policy *p = &next->policy;

	switch (m->h.type) {
	case MSG_PROXY_CONFIG:
		return take_config(&m->proxy_config);
	case MSG_PROXY_SUFFIX:
		return take_suffix(&m->proxy_suffix);
	case MSG_PROXY_SUFFIXES:
		return take_suffixes(&m->proxy_suffixes, fds[0]);
	case MSG_PROXY_HOST:
		return take_host(&m->host);
	case MSG_PROXY_RESOLVER:
		return split_set_others(&next->splits, &m->proxy_resolver);
	case MSG_PROXY_SPLIT:
		return take_split(&m->proxy_split);
	case MSG_PROXY_SEARCH:
		return take_search(&m->proxy_search);
	case MSG_PROXY_ROUTE:
		return take_route(&m->proxy_route);
	case MSG_PROXY_PUBLISHED:
		return take_published(&m->proxy_published);
	case MSG_PROXY_ALLOW:
		return take_prefixes(
			&p->allow, m->prefixes.prefixes, m->prefixes.n, 0, POLICY_ALLOW_MAX);
	case MSG_PROXY_DENY:
		return take_prefixes(
			&p->deny, m->prefixes.prefixes, m->prefixes.n, 0, POLICY_DENY_MAX);
	case MSG_PROXY_USER:
		return take_user(&m->proxy_user);
	default:
		return -EBADMSG;
	}
}

/* FNV-1a; the supervisor says the same in the same order. */
static void digest(struct setup *s, const union msg *m)
{
	if (m->h.type == MSG_PROXY_ALLOW || m->h.type == MSG_PROXY_USER)
		return;
	for (size_t i = 0; i < m->h.size; i++)
		s->digest = (s->digest ^ m->bytes[i]) * 1099511628211u;
}

int setup_message(const union msg *m, const int *fds, const char **ret_why)
{
	int r;

	if (m->h.type == MSG_BEGIN) {
		r = begin(&m->generation);
	} else if (!next) {
		*ret_why = "outside of begin and commit";
		return -EBADMSG;
	} else if (m->h.type == MSG_COMMIT) {
		return commit(&m->generation, ret_why);
	} else {
		r = take_item(m, fds);
		digest(next, m);
	}
	if (r < 0)
		*ret_why = r == -ENOSPC ? "too many items" : strerror(-r);
	return r;
}
