// SPDX-License-Identifier: MIT
// Handshake messages in and out: who is admitted, what is answered, what it changes.
//
// Order of checks, cheapest first, and silence for whatever fails one: length, mac1, load (cookie or
// rate), DH and decryption, peer, time stamp. Nothing of a peer changes before the last check has passed.
#include "wg/state.h"

#include <sodium.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/parse.h"

#define INITIATION_SPACING_NS (SECOND_NS / 50)

/* For `LOG_LEVEL=verbose` and `--log-level debug`. Without the lock. */
static void say(const struct peer *p, const struct endpoint *at, const char *what)
{
	char key[45], where[HOSTPORT_TEXT_MAX];

	if (log_level() < LOG_DEBUG)
		return;
	format_key_base64(p->public_key, key);
	log_debug(NULL, "wg", "peer %s at %s: %s", key, hostport_format(&at->at, where), what);
}

/* Our time stamps never go back, even if the clock does, or the peer would take us for a replay. */
static void next_timestamp(struct device *d, struct peer *p)
{
	uint64_t wall = d->wall_ns();
	uint8_t now[NOISE_TIMESTAMP];

	noise_timestamp(now, wall / SECOND_NS, (uint32_t)(wall % SECOND_NS));
	if (memcmp(now, p->sent_timestamp, sizeof(now)) > 0) {
		memcpy(p->sent_timestamp, now, sizeof(now));
		return;
	}
	for (int i = NOISE_TIMESTAMP - 1; i >= 0 && ++p->sent_timestamp[i] == 0; i--)
		;
}

static int create_initiation(
	struct device *d, struct peer *p, uint64_t now_ns, struct noise_initiation *m)
{
	uint8_t ephemeral[NOISE_KEY];
	int r;

	index_remove(&d->indices, &p->handshake_index);
	p->handshake_index.kind = INDEX_HANDSHAKE;
	r = index_insert(&d->indices, &p->handshake_index);
	if (r < 0)
		return r;
	next_timestamp(d, p);
	randombytes_buf(ephemeral, sizeof(ephemeral));
	r = noise_create_initiation(&p->secret->handshake, &d->secret->identity, &p->secret->remote,
		ephemeral, p->sent_timestamp, p->handshake_index.index, m);
	sodium_memzero(ephemeral, sizeof(ephemeral));
	if (r < 0) {
		index_remove(&d->indices, &p->handshake_index);
		return r;
	}
	cookie_add_macs(&p->secret->cookie, m, sizeof(*m), now_ns);
	return 0;
}

/* There can be no initiation now: too early, no endpoint, no key. Perhaps later, but not if what asked
 * for it has been served by a handshake meanwhile. What waits in vain is so dropped after 90 s. */
static void put_off(struct device *d, struct peer *p, uint64_t now_ns)
{
	bool known, served;

	pthread_mutex_lock(&d->lock);
	known = p->endpoint.at.addr.family;
	served = known && p->current && keypair_may_send(p->current, now_ns, 1) &&
		!keypair_is_old(p->current, now_ns);
	if (!served && (p->staged_first || (known && !timers_may_initiate(&p->timers, now_ns)))) {
		timers_postpone_initiation(&p->timers, now_ns);
		deadlines_changed(d, p);
	}
	pthread_mutex_unlock(&d->lock);
}

void handshake_start(struct device *d, struct peer *p, uint64_t now_ns)
{
	struct noise_initiation m;
	struct endpoint to;
	bool may;

	pthread_mutex_lock(&d->lock);
	to = p->endpoint;
	may = timers_may_initiate(&p->timers, now_ns);
	pthread_mutex_unlock(&d->lock);
	if (!may || !to.at.addr.family || create_initiation(d, p, now_ns, &m) < 0) {
		put_off(d, p, now_ns);
		return;
	}
	pthread_mutex_lock(&d->lock);
	timers_initiation_sent(&p->timers, now_ns);
	deadlines_changed(d, p);
	STAT_ADD(p->stats->tx_bytes, sizeof(m));
	STAT_ADD(d->stats->tx_bytes, sizeof(m));
	pthread_mutex_unlock(&d->lock);
	d->wires->send(d->wires_owner, &m, sizeof(m), &to);
	say(p, &to, "handshake initiation sent");
}

void handshake_start_wanted(struct device *d, uint64_t now_ns)
{
	for (;;) {
		struct peer *p;

		pthread_mutex_lock(&d->lock);
		p = d->hs_list;
		if (p) {
			d->hs_list = p->hs_next;
			p->hs_listed = false;
			timers_begin_attempt(&p->timers, now_ns);
		}
		pthread_mutex_unlock(&d->lock);
		if (!p)
			return;
		if (!p->dead)
			handshake_start(d, p, now_ns);
		pthread_mutex_lock(&d->lock);
		peer_unref(p);
		pthread_mutex_unlock(&d->lock);
	}
}

void handshake_roam(struct device *d, struct peer *p, const struct endpoint *from)
{
	p->endpoint = *from;
	p->stats->endpoint = from->at;
}

void handshake_completed(struct device *d, struct peer *p, uint64_t now_ns)
{
	uint64_t wall = d->wall_ns();

	timers_handshake_complete(&p->timers, now_ns);
	p->last_handshake_s = wall / SECOND_NS;
	p->last_handshake_ns = (uint32_t)(wall % SECOND_NS);
	STAT_SET(p->stats->last_handshake_s, p->last_handshake_s);
	STAT_ADD(d->stats->counts.handshakes, 1);
}

static void invalid(struct device *d)
{
	STAT_ADD(d->stats->counts.dropped_invalid, 1);
}

/* Is FROM the address of a peer? Looked up in a set that is at most a second old. */
static bool is_familiar(struct device *d, const struct addr *from, uint64_t now_ns)
{
	struct familiar *f = &d->familiar;

	if (!f->bits || now_ns - f->born_ns >= SECOND_NS) {
		if (!familiar_reset(f))
			return false;
		f->born_ns = now_ns;
		for (struct peer *p = d->peers; p; p = p->next)
			if (p->endpoint.at.addr.family)
				familiar_add(f, &p->endpoint.at.addr);
	}
	return familiar_has(f, from);
}

static void send_cookie(struct device *d, const void *msg, size_t len, const uint8_t sender[4],
	const struct endpoint *from, uint64_t now_ns)
{
	struct cookie_reply reply;

	if (!load_cookie(&d->load, false, now_ns) &&
		!(is_familiar(d, &from->at.addr, now_ns) && load_cookie(&d->load, true, now_ns))) {
		STAT_ADD(d->stats->counts.dropped_queue, 1);
		return;
	}
	cookie_make_reply(&d->secret->checker, msg, len, &from->at, sender, now_ns, &reply);
	STAT_ADD(d->stats->counts.cookies_sent, 1);
	d->wires->send(d->wires_owner, &reply, sizeof(reply), from);
}

/* Is MSG meant for us, and may it cost us a DH now? */
static bool admit(struct device *d, const void *msg, size_t len, const uint8_t sender[4],
	const struct endpoint *from, uint64_t now_ns)
{
	enum load_level level;
	bool has_cookie, in_rate = true;

	if (!d->secret->identity.set || !cookie_check_mac1(&d->secret->checker, msg, len)) {
		invalid(d);
		return false;
	}
	level = load_level(&d->load, now_ns);
	has_cookie = level > LOAD_IDLE &&
		cookie_check_mac2(&d->secret->checker, msg, len, &from->at, now_ns);
	/* a forged source must not empty the bucket of its victim: charge only what may go on, and
	 * whoever has a cookie apart from those who have not */
	if (level > LOAD_IDLE && (has_cookie || level == LOAD_PRESSED))
		in_rate = ratelimit_allow(&d->ratelimit, &from->at.addr, has_cookie, now_ns);
	if (!has_cookie && (level == LOAD_FULL || !in_rate)) {
		send_cookie(d, msg, len, sender, from, now_ns);
		return false;
	}
	if (!in_rate) {
		STAT_ADD(d->stats->counts.dropped_queue, 1);
		return false;
	}
	load_charge(&d->load, now_ns);
	return true;
}

/* HS is a handshake whose initiation was accepted: answers it and has a session ready. */
static void respond(struct device *d, struct peer *p, struct noise_handshake *hs,
	const struct endpoint *from, uint64_t now_ns)
{
	struct noise_response m;
	uint8_t ephemeral[NOISE_KEY];
	struct keypair *k;
	int r;

	if (session_new(d, p, &k) < 0)
		return;
	randombytes_buf(ephemeral, sizeof(ephemeral));
	r = index_insert(&d->indices, &k->index);
	if (r == 0)
		r = noise_create_response(hs, &p->secret->remote, ephemeral, k->index.index, &m);
	sodium_memzero(ephemeral, sizeof(ephemeral));
	if (r < 0) {
		session_discard(d, k);
		return;
	}
	cookie_add_macs(&p->secret->cookie, &m, sizeof(m), now_ns);
	session_derive(d, hs, k, now_ns);
	pthread_mutex_lock(&d->lock);
	session_install(d, k, now_ns);
	handshake_roam(d, p, from);
	timers_packet_received(&p->timers, now_ns);
	timers_response_sent(&p->timers, now_ns);
	deadlines_changed(d, p);
	STAT_ADD(p->stats->rx_bytes, sizeof(struct noise_initiation));
	STAT_ADD(d->stats->rx_bytes, sizeof(struct noise_initiation));
	STAT_ADD(p->stats->tx_bytes, sizeof(m));
	STAT_ADD(d->stats->tx_bytes, sizeof(m));
	pthread_mutex_unlock(&d->lock);
	d->wires->send(d->wires_owner, &m, sizeof(m), from);
	say(p, from, "handshake initiation received, answered");
}

static void receive_initiation(struct device *d, const struct noise_initiation *m,
	const struct endpoint *from, uint64_t now_ns)
{
	uint8_t who[NOISE_KEY], stamp[NOISE_TIMESTAMP];
	struct noise_handshake hs;
	struct peer *p;

	if (!admit(d, m, sizeof(*m), m->sender, from, now_ns))
		return;
	if (noise_open_initiation(&d->secret->identity, m, &hs, who) < 0) {
		invalid(d);
		return;
	}
	p = device_peer_get(d, who);
	if (!p || noise_accept_initiation(&hs, &p->secret->remote, m, stamp) < 0) {
		invalid(d);
	} else if (memcmp(stamp, p->latest_timestamp, sizeof(stamp)) <= 0) {
		STAT_ADD(d->stats->counts.dropped_replay, 1);
	} else if (p->last_initiation_accepted_ns &&
		now_ns - p->last_initiation_accepted_ns < INITIATION_SPACING_NS) {
		STAT_ADD(d->stats->counts.dropped_queue, 1);
	} else {
		memcpy(p->latest_timestamp, stamp, sizeof(stamp));
		p->last_initiation_accepted_ns = now_ns;
		respond(d, p, &hs, from, now_ns);
	}
	sodium_memzero(&hs, sizeof(hs));
}

static struct peer *peer_of_handshake(struct device *d, const uint8_t receiver[4])
{
	struct index_entry *e = index_find(&d->indices, noise_get32(receiver));

	return e && e->kind == INDEX_HANDSHAKE ? container_of(e, struct peer, handshake_index)
					       : NULL;
}

static void receive_response(struct device *d, const struct noise_response *m,
	const struct endpoint *from, uint64_t now_ns)
{
	struct noise_handshake hs;
	struct keypair *k;
	struct peer *p = peer_of_handshake(d, m->receiver);

	if (!p || !admit(d, m, sizeof(*m), m->sender, from, now_ns)) {
		if (!p)
			invalid(d);
		return;
	}
	hs = p->secret->handshake;
	if (noise_consume_response(&hs, &d->secret->identity, &p->secret->remote, m) < 0) {
		invalid(d);
	} else if (session_new(d, p, &k) == 0) {
		index_replace(&d->indices, &p->handshake_index, &k->index);
		sodium_memzero(&p->secret->handshake, sizeof(p->secret->handshake));
		session_derive(d, &hs, k, now_ns);
		pthread_mutex_lock(&d->lock);
		session_install(d, k, now_ns);
		handshake_roam(d, p, from);
		timers_packet_received(&p->timers, now_ns);
		handshake_completed(d, p, now_ns);
		/* what waits goes out now; if nothing does, a keepalive confirms the session */
		p->keepalive_wanted = !p->staged_first;
		session_want_sender(d, p);
		deadlines_changed(d, p);
		STAT_ADD(p->stats->rx_bytes, sizeof(*m));
		STAT_ADD(d->stats->rx_bytes, sizeof(*m));
		pthread_mutex_unlock(&d->lock);
		say(p, from, "handshake response received, session is up");
		device_peer_report(d, p, PEER_UP);
	}
	sodium_memzero(&hs, sizeof(hs));
}

/* Says nothing about where the peer is: cookies are not authentic in that sense. */
static void receive_cookie(struct device *d, const struct cookie_reply *m, uint64_t now_ns)
{
	struct index_entry *e = index_find(&d->indices, noise_get32(m->receiver));
	struct peer *p;

	if (!e) {
		invalid(d);
		return;
	}
	p = e->kind == INDEX_HANDSHAKE ? container_of(e, struct peer, handshake_index)
				       : container_of(e, struct keypair, index)->peer;
	if (cookie_consume_reply(&p->secret->cookie, m, now_ns) < 0)
		invalid(d);
}

void handshake_receive(
	struct device *d, const void *msg, size_t len, const struct endpoint *from, uint64_t now_ns)
{
	uint32_t type = len >= 4 ? noise_get32(msg) : 0;

	/* a reply to port 0 cannot be sent */
	if (!from->at.port)
		invalid(d);
	else if (type == NOISE_INITIATION && len == sizeof(struct noise_initiation))
		receive_initiation(d, msg, from, now_ns);
	else if (type == NOISE_RESPONSE && len == sizeof(struct noise_response))
		receive_response(d, msg, from, now_ns);
	else if (type == NOISE_COOKIE && len == sizeof(struct cookie_reply))
		receive_cookie(d, msg, now_ns);
	else
		invalid(d);
}
