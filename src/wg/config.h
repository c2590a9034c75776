// SPDX-License-Identifier: MIT
// A whole configuration on its way from the supervisor: collected, then compared with what runs.
#pragma once

#include "ipc/msg.h"
#include "wg/device.h"

struct config;

/* NULL without memory. */
struct config *config_new(void);
/* Wipes the keys. */
void config_free(struct config *c);

/* The items of ipc/msg.h. 0; -EBADMSG for what cannot be (a second device, allowed-ips without a
 * peer, a peer twice, a bad prefix); -ENOSPC above DEVICE_PEERS_MAX or DEVICE_ALLOWED_MAX;
 * -ENOMEM. */
int config_device(struct config *c, const struct msg_wg_device *m);
int config_peer(struct config *c, const struct msg_wg_peer *m);
int config_allowed(struct config *c, const struct msg_wg_allowed *m);

/* Makes D have exactly this. What is the same already is not touched: sessions, counters and
 * learned endpoints of unchanged peers stay. 0, -EBADMSG without a device item, -ENOMEM. */
/* The item that config_device() took; for what is not the device's. */
const struct msg_wg_device *config_settings(const struct config *c);
int config_apply(struct config *c, struct device *d);
