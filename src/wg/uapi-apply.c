// SPDX-License-Identifier: MIT
// Between wg(8)'s requests and the device: is there room, do it, and the answer to "get".
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/parse.h"
#include "wg/device.h"
#include "wg/uapi.h"

#define TEXT_FIRST_BYTES 4096

/* ---- set ---- */

/* What there would be in the end. Counts a new peer twice that is named twice, and a prefix that moves
 * from one peer to another as two. */
struct totals {
	size_t peers, allowed;
};

static void count_device(struct device *d, struct totals *t)
{
	struct peer_info info;

	*t = (struct totals){0};
	for (struct peer *p = device_peer_next(d, NULL); p; p = device_peer_next(d, p)) {
		device_peer_info(d, p, &info);
		t->peers++;
		t->allowed += info.n_allowed;
		explicit_bzero(&info, sizeof(info));
	}
}

static size_t peer_allowed(struct device *d, const struct peer *p)
{
	struct peer_info info;

	device_peer_info(d, p, &info);
	explicit_bzero(info.preshared_key, sizeof(info.preshared_key));
	return info.n_allowed;
}

/* P: the peer as it is, NULL if it is new or goes with all others. */
static void count_op(
	struct device *d, struct totals *t, const struct uapi_op *op, const struct peer *p)
{
	switch (op->type) {
	case UAPI_REPLACE_PEERS:
		*t = (struct totals){0};
		break;
	case UAPI_PEER:
		t->peers += !p && !op->remove && !op->update_only;
		break;
	case UAPI_REPLACE_ALLOWED:
		t->allowed -= p ? MIN(t->allowed, peer_allowed(d, p)) : 0;
		break;
	case UAPI_ALLOWED:
		t->allowed++;
		break;
	default:
		break;
	}
}

/* The number in the place of the name. */
static int find_zone(struct device *d, struct uapi_op *op)
{
	int r = *op->zone ? device_interface_index(d, op->zone) : (int)op->endpoint.scope_id;

	if (r >= 0)
		op->endpoint.scope_id = (uint32_t)r;
	return r < 0 ? r : 0;
}

int uapi_check(struct device *d, const struct uapi_request *r)
{
	struct uapi_cursor cursor = {0};
	const struct peer *p = NULL;
	bool replaced = false;
	struct totals t;
	struct uapi_op op;
	int zone = 0;

	count_device(d, &t);
	for (;;) {
		uapi_request_next(r, &cursor, &op);
		if (op.type == UAPI_END)
			break;
		if (op.type == UAPI_ENDPOINT && zone == 0)
			zone = find_zone(d, &op);
		if (op.type == UAPI_PEER)
			p = replaced ? NULL : device_peer_get(d, op.key);
		replaced |= op.type == UAPI_REPLACE_PEERS;
		count_op(d, &t, &op, p);
	}
	explicit_bzero(&op, sizeof(op));
	return t.peers > DEVICE_PEERS_MAX || t.allowed > DEVICE_ALLOWED_MAX ? -ENOSPC : zone;
}

bool uapi_wanted_sockets(const struct device *d, const struct uapi_request *r, uint16_t *ret_port,
	uint32_t *ret_mark)
{
	uint16_t port = device_listen_port(d);
	uint32_t mark = device_fwmark(d);
	struct uapi_cursor cursor = {0};
	bool wanted = false;
	struct uapi_op op;

	do {
		uapi_request_next(r, &cursor, &op);
		if (op.type == UAPI_LISTEN_PORT) {
			wanted |= op.number != port;
			port = op.number;
		} else if (op.type == UAPI_FWMARK) {
			wanted |= op.mark != mark;
			mark = op.mark;
		}
	} while (op.type != UAPI_END && op.type != UAPI_PEER);
	explicit_bzero(&op, sizeof(op));
	*ret_port = port;
	*ret_mark = mark;
	return wanted;
}

/* *ret NULL: what follows about this peer is not for us. */
static int apply_peer(struct device *d, const struct uapi_op *op, struct peer **ret)
{
	struct peer *p = device_peer_get(d, op->key);
	int r;

	*ret = NULL;
	if (op->remove) {
		if (p)
			device_peer_remove(d, p);
		return 0;
	}
	if (p || op->update_only) {
		*ret = p;
		return 0;
	}
	r = device_peer_create(d, op->key, ret);
	return r == -EINVAL ? 0 : r; /* our own key: ignored, as by the kernel */
}

static int apply_to_peer(struct device *d, struct peer *p, struct uapi_op *op)
{
	switch (op->type) {
	case UAPI_PRESHARED_KEY:
		device_peer_set_psk(d, p, op->key);
		return 0;
	case UAPI_ENDPOINT:
		/* gone since the check: a link-local address without zone, to which nothing can be sent */
		(void)find_zone(d, op);
		device_peer_set_endpoint(d, p, &op->endpoint);
		return 0;
	case UAPI_KEEPALIVE:
		device_peer_set_keepalive(d, p, op->number);
		return 0;
	case UAPI_REPLACE_ALLOWED:
		device_peer_clear_allowed(d, p);
		return 0;
	case UAPI_ALLOWED:
		return device_peer_add_allowed(d, p, &op->prefix);
	case UAPI_UNALLOWED:
		(void)device_peer_del_allowed(d, p, &op->prefix); /* not there: as wanted */
		return 0;
	default:
		return 0;
	}
}

int uapi_apply(struct device *d, const struct uapi_request *r)
{
	struct uapi_cursor cursor = {0};
	struct peer *p = NULL;
	struct uapi_op op;
	bool changes = false;
	int err = 0;

	for (uapi_request_next(r, &cursor, &op); op.type != UAPI_END && err == 0;
		uapi_request_next(r, &cursor, &op)) {
		changes = true;
		if (op.type == UAPI_PRIVATE_KEY)
			device_set_private_key(d, op.key);
		else if (op.type == UAPI_REPLACE_PEERS)
			device_peer_remove_all(d);
		else if (op.type == UAPI_PEER)
			err = apply_peer(d, &op, &p);
		else if (p)
			err = apply_to_peer(d, p, &op);
	}
	explicit_bzero(&op, sizeof(op));
	if (changes)
		device_set_by_hand(d, true);
	device_kick(d);
	log_debug(NULL, "UAPI", "set: %s", err < 0 ? strerror(-err) : "done");
	return err;
}

/* ---- get ---- */

static bool text_room(struct uapi_text *t, size_t more)
{
	size_t size = MAX(t->size, (size_t)TEXT_FIRST_BYTES);
	char *data;

	while (size < t->len + more)
		size *= 2;
	if (t->failed || size == t->size)
		return !t->failed;
	data = malloc(size);
	if (!data) {
		t->failed = true;
		return false;
	}
	if (t->data) {
		memcpy(data, t->data, t->len);
		explicit_bzero(t->data, t->len); /* keys */
		free(t->data);
	}
	t->data = data;
	t->size = size;
	return true;
}

void uapi_print(struct uapi_text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!text_room(t, 256))
		return;
	va_start(ap, fmt);
	n = vsnprintf(t->data + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= t->size - t->len)
		t->failed = true;
	else
		t->len += (size_t)n;
}

static void show_key(struct uapi_text *t, const char *name, const uint8_t key[32])
{
	char hex[65];

	format_key_hex(key, hex);
	uapi_print(t, "%s=%s\n", name, hex);
	explicit_bzero(hex, sizeof(hex));
}

static void show_endpoint(struct uapi_text *t, const struct hostport *h)
{
	char text[ADDR_TEXT_MAX];

	if (!h->addr.family)
		return;
	addr_format(&h->addr, text);
	if (h->addr.family == 4)
		uapi_print(t, "endpoint=%s:%u\n", text, h->port);
	else if (h->scope_id)
		uapi_print(t, "endpoint=[%s%%%u]:%u\n", text, h->scope_id, h->port);
	else
		uapi_print(t, "endpoint=[%s]:%u\n", text, h->port);
}

static void show_peer(struct device *d, const struct peer *p, struct uapi_text *t)
{
	const struct allowed_entry *cursor = NULL;
	struct prefix prefix;
	struct peer_info i;
	char text[PREFIX_TEXT_MAX];

	device_peer_info(d, p, &i);
	show_key(t, "public_key", i.public_key);
	show_key(t, "preshared_key", i.preshared_key);
	explicit_bzero(i.preshared_key, sizeof(i.preshared_key));
	uapi_print(t, "protocol_version=1\n");
	show_endpoint(t, &i.endpoint);
	uapi_print(t, "last_handshake_time_sec=%llu\nlast_handshake_time_nsec=%u\n",
		(unsigned long long)i.last_handshake_s, i.last_handshake_ns);
	uapi_print(t, "tx_bytes=%llu\nrx_bytes=%llu\n", (unsigned long long)i.tx_bytes,
		(unsigned long long)i.rx_bytes);
	uapi_print(t, "persistent_keepalive_interval=%u\n", i.persistent_keepalive_s);
	while (device_peer_next_allowed(p, &cursor, &prefix))
		uapi_print(t, "allowed_ip=%s\n", prefix_format(&prefix, text));
}

void uapi_show(struct device *d, struct uapi_text *t)
{
	uint8_t key[32];

	if (device_private_key(d, key))
		show_key(t, "private_key", key);
	explicit_bzero(key, sizeof(key));
	if (device_listen_port(d))
		uapi_print(t, "listen_port=%u\n", device_listen_port(d));
	if (device_fwmark(d))
		uapi_print(t, "fwmark=%u\n", device_fwmark(d));
	for (struct peer *p = device_peer_next(d, NULL); p; p = device_peer_next(d, p))
		show_peer(d, p, t);
}
