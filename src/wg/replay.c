// SPDX-License-Identifier: MIT
// The window that tells new counters from repeated ones (RFC 6479: a ring of words, never shifted).
#include "wg/replay.h"

#define WORDS (REPLAY_BITS / 64)

/* The words between the old and the new highest counter belong to counters not seen yet. */
static void advance(struct replay *r, uint64_t next)
{
	uint64_t from = r->next / 64, n = next / 64 - from;

	if (n > WORDS)
		n = WORDS;
	for (uint64_t i = 1; i <= n; i++)
		r->bits[(from + i) % WORDS] = 0;
	r->next = next;
}

bool replay_accept(struct replay *r, uint64_t counter)
{
	uint64_t pos, bit, *word;

	if (counter >= REJECT_AFTER_MESSAGES)
		return false;
	pos = counter + 1;
	if (pos + REPLAY_WINDOW < r->next)
		return false;
	if (pos > r->next)
		advance(r, pos);
	word = &r->bits[pos / 64 % WORDS];
	bit = 1ull << (pos % 64);
	if (*word & bit)
		return false;
	*word |= bit;
	return true;
}
