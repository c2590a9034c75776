// SPDX-License-Identifier: MIT
// The listening socket by which tsgw-dns asks this tailnet for names: RUN/NAME/resolve.sock.
#pragma once

/* Takes FD over; it replaces an earlier one. 0 or -errno (FD is the caller's then). */
int resolvesock_listen(int fd);
void resolvesock_close(void); /* nobody new; who asks already may go on */
/* What was answered so far may be wrong now: all who ask are told. */
void resolvesock_forget(void);
