// SPDX-License-Identifier: MIT
// The parser of wg(8)'s requests: bytes in, operations out.
//
// "get=1" or "set=1", then key=value lines, then a blank line. The operations are kept as short records in
// chunks (a /32 takes 6 bytes), because a request may have a quarter of a million of them and nothing is
// applied before all of it has been understood.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "wg/uapi.h"

#define CHUNK_BYTES (32u * 1024u)
#define FLAG_REMOVE 1
#define FLAG_UPDATE 2

struct uapi_chunk {
	struct uapi_chunk *next;
	uint32_t used;
	uint8_t bytes[CHUNK_BYTES];
};

void uapi_request_init(struct uapi_request *r)
{
	memset(r, 0, sizeof(*r));
}

void uapi_request_free(struct uapi_request *r)
{
	while (r->first) {
		struct uapi_chunk *c = r->first;

		r->first = c->next;
		explicit_bzero(c->bytes, c->used);
		free(c);
	}
	explicit_bzero(r, sizeof(*r));
}

bool uapi_request_is_empty(const struct uapi_request *r)
{
	return !r->bytes;
}

/* ---- records ---- */

static uint8_t *record_new(struct uapi_request *r, enum uapi_op_type type, size_t len)
{
	struct uapi_chunk *c = r->last;
	uint8_t *p;

	if (!c || c->used + 1 + len > CHUNK_BYTES) {
		c = malloc(sizeof(*c));
		if (!c)
			return NULL;
		c->next = NULL;
		c->used = 0;
		if (r->last)
			r->last->next = c;
		else
			r->first = c;
		r->last = c;
	}
	p = c->bytes + c->used;
	c->used += (uint32_t)(1 + len);
	*p = (uint8_t)type;
	return p + 1;
}

static int record_add(struct uapi_request *r, enum uapi_op_type type, const void *data, size_t len)
{
	uint8_t *p = record_new(r, type, len);

	if (!p)
		return -ENOMEM;
	if (len)
		memcpy(p, data, len);
	return 0;
}

/* Family and length in one byte: 0…32, or 64 + 0…128. */
static int record_add_prefix(
	struct uapi_request *r, enum uapi_op_type type, const struct prefix *prefix)
{
	size_t len = addr_len(&prefix->addr);
	uint8_t *p = record_new(r, type, 1 + len);

	if (!p)
		return -ENOMEM;
	*p = (uint8_t)(prefix->len + (prefix->addr.family == 6 ? 64 : 0));
	memcpy(p + 1, prefix->addr.bytes, len);
	return 0;
}

static size_t read_prefix(const uint8_t *p, struct prefix *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->addr.family = *p >= 64 ? 6 : 4;
	ret->len = *p >= 64 ? *p - 64 : *p;
	memcpy(ret->addr.bytes, p + 1, addr_len(&ret->addr));
	return 1 + addr_len(&ret->addr);
}

static size_t read_payload(const uint8_t *p, struct uapi_op *ret)
{
	switch (ret->type) {
	case UAPI_PEER:
		ret->remove = p[0] & FLAG_REMOVE;
		ret->update_only = p[0] & FLAG_UPDATE;
		memcpy(ret->key, p + 1, sizeof(ret->key));
		return 1 + sizeof(ret->key);
	case UAPI_PRIVATE_KEY:
	case UAPI_PRESHARED_KEY:
		memcpy(ret->key, p, sizeof(ret->key));
		return sizeof(ret->key);
	case UAPI_LISTEN_PORT:
	case UAPI_KEEPALIVE:
		memcpy(&ret->number, p, sizeof(ret->number));
		return sizeof(ret->number);
	case UAPI_FWMARK:
		memcpy(&ret->mark, p, sizeof(ret->mark));
		return sizeof(ret->mark);
	case UAPI_ENDPOINT:
		memcpy(&ret->endpoint, p, sizeof(ret->endpoint));
		memcpy(ret->zone, p + sizeof(ret->endpoint), sizeof(ret->zone));
		return sizeof(ret->endpoint) + sizeof(ret->zone);
	case UAPI_ALLOWED:
	case UAPI_UNALLOWED:
		return read_prefix(p, &ret->prefix);
	default:
		return 0;
	}
}

void uapi_request_next(const struct uapi_request *r, struct uapi_cursor *c, struct uapi_op *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (!c->begun)
		c->chunk = r->first;
	c->begun = true;
	if (c->chunk && c->offset == c->chunk->used) {
		c->chunk = c->chunk->next;
		c->offset = 0;
	}
	if (!c->chunk)
		return;
	ret->type = c->chunk->bytes[c->offset++];
	c->offset += (uint32_t)read_payload(c->chunk->bytes + c->offset, ret);
}

/* ---- lines ---- */

static int add_key(struct uapi_request *r, enum uapi_op_type type, const char *value)
{
	uint8_t key[32];
	int err = parse_key_hex(value, key);

	if (err == 0)
		err = record_add(r, type, key, sizeof(key));
	explicit_bzero(key, sizeof(key));
	return err;
}

static int add_number(struct uapi_request *r, enum uapi_op_type type, const char *value)
{
	uint64_t v;
	uint16_t number;

	if (parse_u64(value, 0, UINT16_MAX, &v) < 0)
		return -EINVAL;
	number = (uint16_t)v;
	return record_add(r, type, &number, sizeof(number));
}

static int add_mark(struct uapi_request *r, enum uapi_op_type type, const char *value)
{
	uint64_t v;
	uint32_t mark;

	if (parse_u64(value, 0, UINT32_MAX, &v) < 0)
		return -EINVAL;
	mark = (uint32_t)v;
	return record_add(r, type, &mark, sizeof(mark));
}

static int add_true(struct uapi_request *r, enum uapi_op_type type, const char *value)
{
	return strcmp(value, "true") ? -EINVAL : record_add(r, type, NULL, 0);
}

static int add_peer(struct uapi_request *r, enum uapi_op_type type, const char *value)
{
	uint8_t record[33] = {0}; /* flags, key */

	if (parse_key_hex(value, record + 1) < 0)
		return -EINVAL;
	if (record_add(r, type, record, sizeof(record)) < 0)
		return -ENOMEM;
	r->peer_flags = r->last->bytes + r->last->used - sizeof(record);
	r->in_peer = true;
	return 0;
}

/* A zone is an interface's number, as we print it, or its name, as wg(8) does. */
static int parse_zone(const char *text, uint32_t *ret_scope, char ret_zone[UAPI_ZONE_BYTES])
{
	uint64_t scope;

	if (parse_u64(text, 1, INT32_MAX, &scope) == 0) {
		*ret_scope = (uint32_t)scope;
		return 0;
	}
	if (!*text || strlen(text) >= UAPI_ZONE_BYTES || strspn(text, "0123456789") == strlen(text))
		return -EINVAL;
	strcpy(ret_zone, text);
	return 0;
}

/* "[fe80::1%2]:51820" */
static int add_endpoint(struct uapi_request *r, enum uapi_op_type type, const char *value)
{
	char text[HOSTPORT_TEXT_MAX + UAPI_ZONE_BYTES], zone_text[UAPI_ZONE_BYTES] = "";
	const char *zone = strchr(value, '%'), *close = strchr(value, ']');
	uint8_t record[sizeof(struct hostport) + UAPI_ZONE_BYTES];
	struct hostport h;
	uint32_t scope = 0;

	if (strlen(value) >= sizeof(text))
		return -EINVAL;
	strcpy(text, value);
	if (zone && close && zone < close) {
		text[close - value] = 0;
		if (parse_zone(text + (zone - value) + 1, &scope, zone_text) < 0)
			return -EINVAL;
		strcpy(text + (zone - value), close);
	}
	if (hostport_parse(text, &h) < 0)
		return -EINVAL;
	h.scope_id = scope;
	memcpy(record, &h, sizeof(h));
	memcpy(record + sizeof(h), zone_text, sizeof(zone_text));
	return record_add(r, type, record, sizeof(record));
}

static int add_allowed(struct uapi_request *r, enum uapi_op_type type, const char *value)
{
	struct prefix prefix;
	bool minus = *value == '-';

	if (prefix_parse(value + minus, &prefix) < 0)
		return -EINVAL;
	prefix = prefix_canonical(&prefix);
	return record_add_prefix(r, minus ? UAPI_UNALLOWED : type, &prefix);
}

static int flag_peer(struct uapi_request *r, uint8_t flag, const char *value)
{
	if (strcmp(value, "true"))
		return -EINVAL;
	*r->peer_flags |= flag;
	return 0;
}

static int flag_remove(struct uapi_request *r, enum uapi_op_type type, const char *value)
{
	return flag_peer(r, FLAG_REMOVE, value);
}

static int flag_update(struct uapi_request *r, enum uapi_op_type type, const char *value)
{
	return flag_peer(r, FLAG_UPDATE, value);
}

static int check_version(struct uapi_request *r, enum uapi_op_type type, const char *value)
{
	return strcmp(value, "1") ? -EPROTONOSUPPORT : 0;
}

static const struct {
	const char *key;
	bool of_peer; /* follows a public_key; else precedes all of them */
	enum uapi_op_type type;
	int (*add)(struct uapi_request *r, enum uapi_op_type type, const char *value);
} keys[] = {
	{"allowed_ip", true, UAPI_ALLOWED, add_allowed},
	{"private_key", false, UAPI_PRIVATE_KEY, add_key},
	{"listen_port", false, UAPI_LISTEN_PORT, add_number},
	{"fwmark", false, UAPI_FWMARK, add_mark},
	{"replace_peers", false, UAPI_REPLACE_PEERS, add_true},
	{"preshared_key", true, UAPI_PRESHARED_KEY, add_key},
	{"endpoint", true, UAPI_ENDPOINT, add_endpoint},
	{"persistent_keepalive_interval", true, UAPI_KEEPALIVE, add_number},
	{"replace_allowed_ips", true, UAPI_REPLACE_ALLOWED, add_true},
	{"remove", true, UAPI_END, flag_remove},
	{"update_only", true, UAPI_END, flag_update},
	{"protocol_version", true, UAPI_END, check_version},
};

static int take_set_line(struct uapi_request *r, char *line)
{
	char *value = strchr(line, '=');

	if (!value)
		return -EINVAL;
	*value++ = 0;
	if (!strcmp(line, "public_key"))
		return add_peer(r, UAPI_PEER, value);
	for (size_t i = 0; i < ELEMENTSOF(keys); i++)
		if (!strcmp(line, keys[i].key))
			return keys[i].of_peer == r->in_peer ? keys[i].add(r, keys[i].type, value)
							     : -EINVAL;
	return -EINVAL;
}

static int take_line(struct uapi_request *r)
{
	if (r->line_len > UAPI_LINE_MAX || memchr(r->line, 0, r->line_len))
		return -EINVAL;
	r->line[r->line_len] = 0;
	if (r->kind == UAPI_READING) {
		if (!strcmp(r->line, "get=1"))
			r->kind = UAPI_GET;
		else if (!strcmp(r->line, "set=1"))
			r->kind = UAPI_SET;
		else
			return -EINVAL;
		return 0;
	}
	return r->kind == UAPI_SET ? take_set_line(r, r->line) : -EINVAL;
}

/* A newline came. True if the request is complete. */
static bool end_line(struct uapi_request *r)
{
	int err;

	if (!r->line_len) {
		if (r->kind == UAPI_READING && !r->error)
			r->error = -EINVAL;
		r->state = r->error ? UAPI_BAD : r->kind;
		return true;
	}
	if (!r->error) {
		err = take_line(r);
		if (err < 0)
			r->error = err;
	}
	r->line_len = 0;
	return false;
}

size_t uapi_request_feed(struct uapi_request *r, const char *data, size_t len)
{
	size_t i = 0;

	while (i < len && r->state == UAPI_READING) {
		char c = data[i++];

		if (++r->bytes > UAPI_REQUEST_MAX && !r->error)
			r->error = -E2BIG;
		if (c == '\n') {
			if (end_line(r))
				break;
		} else if (r->line_len < UAPI_LINE_MAX) {
			r->line[r->line_len++] = c;
		} else {
			r->line_len = UAPI_LINE_MAX + 1;
		}
	}
	return i;
}
