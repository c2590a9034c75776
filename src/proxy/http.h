// SPDX-License-Identifier: MIT
// HTTP/1 heads (RFC 9112) as bytes in, decisions out: strict, because what we read differently from the
// next one in the chain is how requests are smuggled.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX	32768
#define HTTP_FIELDS_MAX 256
#define HTTP_METHOD_MAX 32
#define HTTP_HOST_MAX	255

enum http_kind { HTTP_REQUEST, HTTP_RESPONSE };

/* Reads a head byte by byte without keeping it: finds its end and what may never be in one. */
struct http_scan {
	uint32_t pos;	/* bytes looked at */
	uint32_t line;	/* where the present line began */
	uint32_t first; /* length of the first line with its end, 0 = not complete */
	bool cr;	/* the last byte was CR */
};

struct http_text { /* a part of the head's buffer, not terminated */
	const char *p;
	size_t len;
};

struct http_field {
	struct http_text name, value;
};

enum http_framing { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED, HTTP_UNTIL_CLOSE };

struct http_head {
	enum http_kind kind;
	int minor;			 /* HTTP/1.minor */
	struct http_text method, target; /* request */
	int status;			 /* response */
	struct http_text reason;
	struct http_field fields[HTTP_FIELDS_MAX];
	size_t n_fields;
	/* what the fields come to: */
	bool has_length, chunked, has_coding; /* has_coding: any Transfer-Encoding at all */
	uint64_t length;
	bool close, keep_alive, upgrade; /* tokens of Connection */
	unsigned n_host;
	size_t size; /* of the head with its empty line */
};

struct http_target {
	char host[HTTP_HOST_MAX + 1]; /* as written, IPv6 in brackets */
	uint16_t port;
	bool port_given;
	struct http_text path; /* "" possible; starts with '/' or '?' */
};

/* Looks at the bytes P[…LEN] that came since. Size of the complete head; 0 = more is needed;
 * -status (400, 431) with *ret_why = a constant text. A request's first line is checked as soon as
 * it is there. */
int http_scan(
	struct http_scan *s, const char *p, size_t len, enum http_kind kind, const char **ret_why);
/* Takes a scanned head of SIZE bytes apart. 0, or -status (400, 431, 501; a response: 502). */
int http_parse(const char *p, size_t size, enum http_kind kind, struct http_head *ret,
	const char **ret_why);
/* "host:port" of CONNECT. 0 or -400. */
int http_parse_authority(struct http_text t, struct http_target *ret, const char **ret_why);
/* "http://host[:port][/path]". 0, -400, -501. */
int http_parse_absolute(struct http_text t, struct http_target *ret, const char **ret_why);
/* How the body behind HEAD is delimited; REQUEST_METHOD is that of a response's request. */
enum http_framing http_framing(const struct http_head *h, bool head_request);

bool http_method_is(const struct http_head *h, const char *method);
bool http_text_is(struct http_text t, const char *word); /* without case */
/* Is WORD a token of the comma-separated list T? */
bool http_list_has(struct http_text t, const char *word, size_t word_len);
bool http_is_token_char(unsigned char c);
