// SPDX-License-Identifier: MIT
// What is known of the tailnet's peers now: live facts, independent of configurations that come and go.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ipc/msg.h"

#define PEERS_MAX 4097 /* as many as a node has, and ourselves */

struct peer {
	uint8_t public_key[WG_KEY];
	enum peer_state state;
};

/* The index of the peer with KEY, made if it is new; -ENOSPC, -ENOMEM. */
int peers_find(const uint8_t key[WG_KEY]);
/* Who routes our own addresses: always up. -ENOSPC, -ENOMEM. */
int peers_self(void);
struct peer *peers_get(uint32_t index);
/* Does the node run? True until told otherwise. */
bool peers_node_alive(void);
void peers_set_node(bool alive);
