// SPDX-License-Identifier: MIT
// client-config: how a kind of client is set up, in the very words of the gateway's page.
#pragma once

#include "ctl/command.h"

int clientconfig_show(const struct args *a);
