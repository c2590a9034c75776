// SPDX-License-Identifier: MIT
// Another configuration is in force: whom it does not admit any more is cut off.
#pragma once

#include <stdbool.h>

/* setup_now() is new. OTHER_USERS: than before. */
void revoke(bool other_users);
