// SPDX-License-Identifier: MIT
// SOCKS 5 (RFC 1928) and 4/4a as bytes in, decisions out. Every function looks at all bytes that came
// so far and may be asked again with more; none keeps a state.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

#define SOCKS_NAME_MAX	255
#define SOCKS4_USER_MAX 255
#define SOCKS_REPLY_MAX 22

enum socks_command { SOCKS_CONNECT = 1, SOCKS_UDP_ASSOCIATE = 3 };
enum { SOCKS4_GRANTED = 90, SOCKS4_REJECTED = 91, SOCKS4_NO_USER = 93 };

enum socks_status {
	SOCKS_MORE,	   /* not complete yet */
	SOCKS_DONE,	   /* .size bytes were the message */
	SOCKS_NO_METHOD,   /* greeting: not the method that is asked for */
	SOCKS_BAD,	   /* malformed */
	SOCKS_BAD_COMMAND, /* BIND, others */
	SOCKS_BAD_TYPE,	   /* unknown address type */
};

struct socks_request {
	enum socks_command command;
	struct addr addr;	   /* family 0: .name counts */
	char name[SOCKS_NAME_MAX]; /* any bytes, .name_len of them */
	size_t name_len;
	uint16_t port;
	size_t size;
};

enum { SOCKS_NO_LOGIN = 0, SOCKS_PASSWORD = 2 }; /* methods */

struct socks_login { /* parts of the buffer */
	const char *user, *password;
	size_t user_len, password_len;
	size_t size;
};

/* 05 NMETHODS METHODS, which must have METHOD; *ret_size is set with SOCKS_DONE. */
enum socks_status socks5_greeting(const uint8_t *p, size_t len, uint8_t method, size_t *ret_size);
/* 01 ULEN USER PLEN PASSWORD (RFC 1929), both of 1 to 255 bytes. */
enum socks_status socks5_login(const uint8_t *p, size_t len, struct socks_login *ret);
/* 05 CMD 00 ATYP ADDR PORT. Port 0 is only good for UDP ASSOCIATE: not known yet. */
enum socks_status socks5_request(const uint8_t *p, size_t len, struct socks_request *ret);
/* 04 CMD PORT ADDR USER 00 [NAME 00]. */
enum socks_status socks4_request(const uint8_t *p, size_t len, struct socks_request *ret);

/* The reply into OUT, its length returned. BOUND may be NULL: the unspecified address. */
size_t socks5_reply(uint8_t out[SOCKS_REPLY_MAX], uint8_t code, const struct hostport *bound);
/* CODE: 90 granted, 91 rejected, 93 not this user. */
size_t socks4_reply(uint8_t out[SOCKS_REPLY_MAX], uint8_t code, const struct hostport *bound);
