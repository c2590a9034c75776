// SPDX-License-Identifier: MIT
// Proxy-Authorization: Basic (RFC 7617): bytes in, user name and password out.
#pragma once

#include "proxy/http.h"
#include "proxy/verify.h"

struct basic {
	char user[MSG_USER_MAX]; /* 1…255 bytes, any but a colon; not terminated */
	char password[VERIFY_PASSWORD_MAX + 1];
	size_t user_len, password_len;
};

/* 0; -ENOENT: H has no such field; -EINVAL: more than one, another scheme, or malformed. */
int basic_parse(const struct http_head *h, struct basic *ret);
