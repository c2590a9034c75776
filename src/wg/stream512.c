// SPDX-License-Identifier: MIT
// Thirty-two blocks of ChaCha20's key stream at a time, and two Poly1305 sums beside them.
//
// Sixteen blocks fill sixteen registers, a word of each block in each; but one such batch leaves the processor
// waiting: in its four chains of additions, XORs and rotations each step needs the one before, and rotations
// take two cycles. Two batches side by side, one of them a step behind, keep it busy (531 instead of 620 cycles
// for sixteen blocks on Zen 4, 480 being what its ports can do). They need all 32 registers, without
// one for a compiler to move things with; so this is assembler. Rotations by 16 and 8 bits are shuffles of
// bytes, which other ports do.
//
// Meanwhile the processor's other half, the ordinary registers with their multiplier, has nothing to do: it
// takes ten blocks of two messages' Poly1305 (five each, one alone would wait for itself) in each double round, which
// makes that 5 % longer. More blocks would make it wait for them. Vector instructions leave the
// flags alone, so those of a sum's carries may have any of them in between.
#include "wg/stream512.h"

#if HAVE_VECTOR512

#include <stddef.h>
#include <string.h>

/* What the assembler has instead of offsetof(). */
#define BLOCKS	  0
#define NUMBER	  2048
#define LOW	  2240
#define HIGH	  2432
#define ROTATIONS 2624
#define WORDS	  2752
#define SPILLED	  2800
#define SUM	  2864
#define SUM_BYTES 64
#define STEPS	  2992
#define LEFT	  2996
#define LAST	  3000
#define TAILS	  3024

_Static_assert(offsetof(struct stream512, blocks) == BLOCKS, "");
_Static_assert(offsetof(struct stream512, number) == NUMBER, "");
_Static_assert(offsetof(struct stream512, low) == LOW, "");
_Static_assert(offsetof(struct stream512, high) == HIGH, "");
_Static_assert(offsetof(struct stream512, rotations) == ROTATIONS, "");
_Static_assert(offsetof(struct stream512, words) == WORDS, "");
_Static_assert(offsetof(struct stream512, spilled) == SPILLED, "");
_Static_assert(offsetof(struct stream512, sums) == SUM, "");
_Static_assert(sizeof(struct poly64) == SUM_BYTES, "");
_Static_assert(offsetof(struct poly64, s1) == 16 && offsetof(struct poly64, h) == 24 &&
		offsetof(struct poly64, data) == 48,
	"");
_Static_assert(offsetof(struct stream512, steps) == STEPS, "");
_Static_assert(offsetof(struct stream512, left) == LEFT, "");
_Static_assert(offsetof(struct stream512, last) == LAST, "");
_Static_assert(offsetof(struct stream512, tails) == TAILS, "");

/* The columns below are not clang-format's. */
/* clang-format off */
#define TEXT_(x) #x
#define TEXT(x)	 TEXT_(x)
#define AT(x)	 TEXT(x) "(%rbp)"
#define Z(n)	 "%zmm" #n
#define LINE	 "\n\t"

/* ---- ChaCha20: RFC 8439 §2.3, vector I is word I of sixteen blocks ---- */

/* a += b, a ^= b, a <<<= n; then of four words. */
#define ADD_(a, b) "vpaddd " Z(b) ", " Z(a) ", " Z(a) LINE
#define XOR_(a, b) "vpxord " Z(b) ", " Z(a) ", " Z(a) LINE
#define ROT_(a, n) "vprold $" #n ", " Z(a) ", " Z(a) LINE
#define SHUF_(a, where) "vpshufb " AT(where) ", " Z(a) ", " Z(a) LINE

#define ADD4_(a, b, c, d, e, f, g, h) ADD_(a, e) ADD_(b, f) ADD_(c, g) ADD_(d, h)
#define XOR4_(a, b, c, d, e, f, g, h) XOR_(a, e) XOR_(b, f) XOR_(c, g) XOR_(d, h)
#define ROT4_(n, a, b, c, d)	      ROT_(a, n) ROT_(b, n) ROT_(c, n) ROT_(d, n)
#define SHUF4_(w, a, b, c, d)	      SHUF_(a, w) SHUF_(b, w) SHUF_(c, w) SHUF_(d, w)
#define ADD(...)		      ADD4_(__VA_ARGS__)
#define XOR(...)		      XOR4_(__VA_ARGS__)
#define ROT12(...)		      ROT4_(12, __VA_ARGS__)
#define ROT7(...)		      ROT4_(7, __VA_ARGS__)
#define ROT16(...)		      SHUF4_(ROTATIONS, __VA_ARGS__)
#define ROT8(...)		      SHUF4_(ROTATIONS + 64, __VA_ARGS__)

/* Words of the first batch: the rows of the matrix, and the rows as the diagonals have them. */
#define A  0, 1, 2, 3
#define B  4, 5, 6, 7
#define C  8, 9, 10, 11
#define D  12, 13, 14, 15
#define B1 5, 6, 7, 4
#define C1 10, 11, 8, 9
#define D1 15, 12, 13, 14
/* Of the second. */
#define E  16, 17, 18, 19
#define F  20, 21, 22, 23
#define G  24, 25, 26, 27
#define H  28, 29, 30, 31
#define F1 21, 22, 23, 20
#define G1 26, 27, 24, 25
#define H1 31, 28, 29, 30

/* ---- Poly1305: poly64.c has the same in C ---- */

/* A sum: h0, h1, h2, the 32 bits of that, where its data is, where its key is. */
#define X "%r8", "%r9", "%r10", "%r10d", "%rsi", SUM
#define Y "%r11", "%r12", "%r13", "%r13d", "%rdi", SUM + SUM_BYTES

/* h += block; then h0 * r0 + h1 * s1 in h0, %r15, and h0 * r1 in %rcx, %r14. */
#define FIRST_(at, h0, h1, h2, h2d, data, key)             \
	"addq " TEXT(at) "(" data "), " h0 LINE            \
	"adcq " TEXT(at + 8) "(" data "), " h1 LINE        \
	"adcq $1, " h2 LINE                                \
	"movq " AT(key + 16) ", %rdx" LINE                 \
	"mulxq " h1 ", %rax, %rbx" LINE                    \
	"movq " AT(key + 8) ", %rdx" LINE                  \
	"mulxq " h0 ", %rcx, %r14" LINE                    \
	"movq " AT(key) ", %rdx" LINE                      \
	"mulxq " h0 ", " h0 ", %r15" LINE                  \
	"addq %rax, " h0 LINE                              \
	"adcq %rbx, %r15" LINE
/* The other products, with r0 in %rdx; what is above 2^130 comes back times five. */
#define SECOND_(h0, h1, h2, h2d, data, key)                \
	"mulxq " h1 ", " h1 ", %rax" LINE                  \
	"addq %rcx, " h1 LINE                              \
	"adcq %rax, %r14" LINE                             \
	"imulq " h2 ", %rdx" LINE                          \
	"addq %rdx, %r14" LINE                             \
	"imulq " AT(key + 16) ", " h2 LINE                 \
	"addq " h2 ", %r15" LINE                           \
	"addq %r15, " h1 LINE                              \
	"adcq $0, %r14" LINE                               \
	"movq %r14, " h2 LINE                              \
	"andl $3, " h2d LINE                               \
	"shrq $2, %r14" LINE                               \
	"leaq (%r14, %r14, 4), %r14" LINE                  \
	"addq %r14, " h0 LINE                              \
	"adcq $0, " h1 LINE                                \
	"adcq $0, " h2 LINE
#define FIRST(...)  FIRST_(__VA_ARGS__)
#define SECOND(...) SECOND_(__VA_ARGS__)
#define WITH(...)    __VA_ARGS__
#define WITHOUT(...)

/* ---- both ---- */

/* Four quarter rounds of each batch, the second one step behind. In between, or not: five blocks of two sums
 * in turn, at these places of their data. */
#define ROUND(a, b, c, d, e, f, g, h, with, p, q, at1, at2, at3, at4, at5)   \
	ADD(a, b)                                                            \
	with(FIRST(at1, p)) XOR(d, a) ADD(e, f)                              \
	with(SECOND(p)) ROT16(d) XOR(h, e)                                   \
	with(FIRST(at2, q)) ADD(c, d) ROT16(h)                               \
	XOR(b, c) ADD(g, h)                                                  \
	with(SECOND(q)) ROT12(b) XOR(f, g)                                   \
	with(FIRST(at3, p)) ADD(a, b) ROT12(f)                               \
	with(SECOND(p)) XOR(d, a) ADD(e, f)                                  \
	ROT8(d) XOR(h, e)                                                    \
	with(FIRST(at4, q)) ADD(c, d) ROT8(h)                                \
	with(SECOND(q)) XOR(b, c) ADD(g, h)                                  \
	with(FIRST(at5, p)) ROT7(b) XOR(f, g)                                \
	with(SECOND(p)) ROT7(f)
#define DOUBLE_ROUND(with)                                                   \
	ROUND(A, B, C, D, E, F, G, H, with, X, Y, 0, 0, 16, 16, 32)          \
	ROUND(A, B1, C1, D1, E, F1, G1, H1, with, Y, X, 32, 48, 48, 64, 64)

#define LOAD_SUM_(h0, h1, h2, h2d, data, key)    \
	"movq " AT(key + 24) ", " h0 LINE        \
	"movq " AT(key + 32) ", " h1 LINE        \
	"movq " AT(key + 40) ", " h2 LINE        \
	"movq " AT(key + 48) ", " data LINE
#define STORE_SUM_(h0, h1, h2, h2d, data, key)   \
	"movq " h0 ", " AT(key + 24) LINE        \
	"movq " h1 ", " AT(key + 32) LINE        \
	"movq " h2 ", " AT(key + 40) LINE        \
	"movq " data ", " AT(key + 48) LINE
#define LOAD_SUM(...)  LOAD_SUM_(__VA_ARGS__)
#define STORE_SUM(...) STORE_SUM_(__VA_ARGS__)

/* ---- before and behind the rounds ---- */

#define LOAD_WORD(n, m) "vpbroadcastd " TEXT(WORDS + 4 * n) "(%rbp), " Z(m) LINE
#define LOAD(a, b, c, d, e, f, g, h, i, j, k, l)                                                \
	LOAD_WORD(0, a) LOAD_WORD(1, b) LOAD_WORD(2, c) LOAD_WORD(3, d) LOAD_WORD(4, e)         \
	LOAD_WORD(5, f) LOAD_WORD(6, g) LOAD_WORD(7, h) LOAD_WORD(8, i) LOAD_WORD(9, j)         \
	LOAD_WORD(10, k) LOAD_WORD(11, l)
#define LOAD_LANES(half, a, b, c, d)                              \
	"vmovdqu32 " TEXT(NUMBER + 64 * half) "(%rbp), " Z(a) LINE  \
	"vpxord " Z(b) ", " Z(b) ", " Z(b) LINE                   \
	"vmovdqu32 " TEXT(LOW + 64 * half) "(%rbp), " Z(c) LINE     \
	"vmovdqu32 " TEXT(HIGH + 64 * half) "(%rbp), " Z(d) LINE

#define ADD_WORD(n, m) "vpaddd " TEXT(WORDS + 4 * n) "(%rbp){1to16}, " Z(m) ", " Z(m) LINE
#define ADD_WORDS(a, b, c, d, e, f, g, h, i, j, k, l)                                           \
	ADD_WORD(0, a) ADD_WORD(1, b) ADD_WORD(2, c) ADD_WORD(3, d) ADD_WORD(4, e)              \
	ADD_WORD(5, f) ADD_WORD(6, g) ADD_WORD(7, h) ADD_WORD(8, i) ADD_WORD(9, j)              \
	ADD_WORD(10, k) ADD_WORD(11, l)
#define ADD_LANES(half, a, b, c, d)                                             \
	"vpaddd " TEXT(NUMBER + 64 * half) "(%rbp), " Z(a) ", " Z(a) LINE         \
	"vpaddd " TEXT(LOW + 64 * half) "(%rbp), " Z(c) ", " Z(c) LINE            \
	"vpaddd " TEXT(HIGH + 64 * half) "(%rbp), " Z(d) ", " Z(d) LINE

/* From words of all blocks to blocks of all words, with one more register T. First of four words: the
 * quarters of what comes out, in order, are four words of block 4 * (number of the quarter) + 0, 1, 2, 3;
 * they are in c, a, b, d. */
#define UNPACK(a, b, c, d, t)                                  \
	"vpunpckldq " Z(b) ", " Z(a) ", " Z(t) LINE            \
	"vpunpckhdq " Z(b) ", " Z(a) ", " Z(b) LINE            \
	"vpunpckldq " Z(d) ", " Z(c) ", " Z(a) LINE            \
	"vpunpckhdq " Z(d) ", " Z(c) ", " Z(d) LINE            \
	"vpunpcklqdq " Z(a) ", " Z(t) ", " Z(c) LINE           \
	"vpunpckhqdq " Z(a) ", " Z(t) ", " Z(a) LINE           \
	"vpunpcklqdq " Z(d) ", " Z(b) ", " Z(t) LINE           \
	"vpunpckhqdq " Z(d) ", " Z(b) ", " Z(d) LINE           \
	"vmovdqa64 " Z(t) ", " Z(b) LINE
#define STORE(n, a) "vmovdqa64 " Z(a) ", " TEXT(BLOCKS + 64 * (n)) "(%rbp)" LINE
/* Then the quarters: four blocks, N, N + 4, …, of their four quarters each. */
#define GATHER(n, a, b, c, d, t)                                 \
	"vshufi32x4 $0x88, " Z(b) ", " Z(a) ", " Z(t) LINE       \
	"vshufi32x4 $0xdd, " Z(b) ", " Z(a) ", " Z(a) LINE       \
	"vshufi32x4 $0x88, " Z(d) ", " Z(c) ", " Z(b) LINE       \
	"vshufi32x4 $0xdd, " Z(d) ", " Z(c) ", " Z(c) LINE       \
	"vshufi32x4 $0x88, " Z(b) ", " Z(t) ", " Z(d) LINE       \
	STORE(n, d)                                              \
	"vshufi32x4 $0xdd, " Z(b) ", " Z(t) ", " Z(t) LINE       \
	STORE(n + 8, t)                                          \
	"vshufi32x4 $0x88, " Z(c) ", " Z(a) ", " Z(d) LINE       \
	STORE(n + 4, d)                                          \
	"vshufi32x4 $0xdd, " Z(c) ", " Z(a) ", " Z(t) LINE       \
	STORE(n + 12, t)

/* A debugger and a profiler find the way back through it. */
#define PUSH(r) "pushq " r LINE ".cfi_adjust_cfa_offset 8" LINE ".cfi_rel_offset " r ", 0" LINE
#define POP(r)	"popq " r LINE ".cfi_adjust_cfa_offset -8" LINE ".cfi_restore " r LINE

/* All registers are used, which no compiler would leave to us: so there is no code of its own around this. */
__attribute__((naked)) VECTOR512 void stream512_run(
	struct stream512 *s __attribute__((unused)))
{
	__asm__(
		PUSH("%rbp") PUSH("%rbx") PUSH("%r12")
		PUSH("%r13") PUSH("%r14") PUSH("%r15")
		"movq %rdi, %rbp" LINE
		LOAD(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
		LOAD_LANES(0, 12, 13, 14, 15)
		LOAD(16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27)
		LOAD_LANES(1, 28, 29, 30, 31)
		"movl $10, %eax" LINE
		"subl " AT(STEPS) ", %eax" LINE
		"subl " AT(LAST) ", %eax" LINE
		"movl %eax, " AT(LEFT) LINE
		"cmpl $0, " AT(STEPS) LINE
		"je 2f" LINE
		LOAD_SUM(X)
		LOAD_SUM(Y)
		".p2align 6" LINE
		"1:" LINE
		DOUBLE_ROUND(WITH)
		"addq $80, %rsi" LINE
		"addq $80, %rdi" LINE
		"decl " AT(STEPS) LINE
		"jnz 1b" LINE
		"movl " AT(LAST) ", %eax" LINE
		"testl %eax, %eax" LINE
		"jz 5f" LINE
		"movl %eax, " AT(STEPS) LINE
		"movl $0, " AT(LAST) LINE
		"leaq " AT(TAILS) ", %rsi" LINE
		"leaq " AT(TAILS + 96) ", %rdi" LINE
		"jmp 1b" LINE
		"5:" LINE
		STORE_SUM(X)
		STORE_SUM(Y)
		"2:" LINE
		"movl " AT(LEFT) ", %eax" LINE
		"testl %eax, %eax" LINE
		"jz 4f" LINE
		".p2align 6" LINE
		"3:" LINE
		DOUBLE_ROUND(WITHOUT)
		"decl %eax" LINE
		"jnz 3b" LINE
		"4:" LINE
		ADD_WORDS(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
		ADD_LANES(0, 12, 13, 14, 15)
		ADD_WORDS(16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27)
		ADD_LANES(1, 28, 29, 30, 31)
		"vmovdqu64 " Z(31) ", " AT(SPILLED) LINE
		UNPACK(0, 1, 2, 3, 31)
		UNPACK(4, 5, 6, 7, 31)
		UNPACK(8, 9, 10, 11, 31)
		UNPACK(12, 13, 14, 15, 31)
		GATHER(0, 2, 6, 10, 14, 31)
		GATHER(1, 0, 4, 8, 12, 31)
		GATHER(2, 1, 5, 9, 13, 31)
		GATHER(3, 3, 7, 11, 15, 31)
		"vmovdqu64 " AT(SPILLED) ", " Z(31) LINE
		UNPACK(16, 17, 18, 19, 0)
		UNPACK(20, 21, 22, 23, 0)
		UNPACK(24, 25, 26, 27, 0)
		UNPACK(28, 29, 30, 31, 0)
		GATHER(16, 18, 22, 26, 30, 0)
		GATHER(17, 16, 20, 24, 28, 0)
		GATHER(18, 17, 21, 25, 29, 0)
		GATHER(19, 19, 23, 27, 31, 0)
		POP("%r15") POP("%r14") POP("%r13")
		POP("%r12") POP("%rbx") POP("%rbp")
		"vzeroupper" LINE
		"ret");
}
/* clang-format on */

void stream512_init(struct stream512 *s, const uint8_t key[32])
{
	static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

	memcpy(s->words, constants, sizeof(constants));
	memcpy(s->words + 4, key, 32); /* these processors are little-endian */
	for (int i = 0; i < 64; i++) {
		s->rotations[0][i] = (uint8_t)((i & 12) | ((i + 2) & 3));
		s->rotations[1][i] = (uint8_t)((i & 12) | ((i + 3) & 3));
	}
}

#endif
