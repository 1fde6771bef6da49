/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/finder.h"

#include <divsufsort.h>
#include <string.h>

#include "base/mem.h"

enum {
	KEY_COUNT = 1 << 16,   /* two bytes */
	COMPARE_MAX = 1 << 14, /* a match that long is long enough */
	NEIGHBOURS = 32,       /* equally good matches that are looked at, to either side */
	BLOCK_BYTES = 128,
	BLOCK_STEP = 32,
	STRIDE = 64, /* that many bytes are compared in one go */
	LANES = 4,
};

struct key_range {
	saidx_t begin;
	saidx_t end;
};

/*
 * Of order and blocks one is NULL, which tells the two kinds apart.
 *
 * A suffix array has the positions of the base in the order of what begins there. What a text
 * begins with is found by halving in O(log n) comparisons; the first two bytes choose one of 65,536
 * ranges without any, which spares most of the halving and its cache misses. That finds the longest
 * match, but sorting costs time and four times the size.
 *
 * Blocks are hashes of BLOCK_BYTES at each multiple of BLOCK_STEP in the base. Any match that has
 * BLOCK_BYTES + BLOCK_STEP - 1 bytes covers one of them, wherever it begins; who asks at every
 * position of the text meets it. Of blocks with one hash the last one stays: what is lost is one
 * match, and what is found is compared byte by byte.
 */
struct finder {
	struct span base;
	saidx_t *order;		/* suffixes of the base, sorted; NULL: blocks */
	size_t count;		/* of them */
	struct key_range *keys; /* where those are that begin with two bytes */
	uint32_t *blocks;	/* by hash: the number of a block, plus one */
	unsigned hash_bits;
};

/* In long strides while all is equal, where memcmp is faster than any loop; then to the byte. */
size_t
finder_common(const uint8_t *a, const uint8_t *b, size_t max)
{
	size_t len = 0;

	while (len + STRIDE <= max && memcmp(a + len, b + len, STRIDE) == 0)
		len += STRIDE;
	while (len + sizeof(uint64_t) <= max && memcmp(a + len, b + len, sizeof(uint64_t)) == 0)
		len += sizeof(uint64_t);
	while (len < max && a[len] == b[len])
		len++;
	return len;
}

/* ---- A suffix array */

static unsigned
key_at(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/*
 * Counting how often each two bytes occur tells where their range begins and ends: no look at the
 * order is needed. The suffix of one byte has no key: it stands before the others with that byte.
 */
static void
fill_keys(struct finder *f, struct span sorted)
{
	const unsigned last = sorted.at[sorted.len - 1];
	saidx_t rank = 0;

	f->keys = mem_new(KEY_COUNT, sizeof(*f->keys));
	for (size_t i = 0; i + 1 < sorted.len; i++)
		f->keys[key_at(sorted.at + i)].end++;
	for (unsigned key = 0; key < KEY_COUNT; key++) {
		if (key == last << 8)
			rank++;
		f->keys[key].begin = rank;
		rank += f->keys[key].end;
		f->keys[key].end = rank;
	}
}

static bool
sort(struct finder *f, struct span bytes)
{
	f->count = bytes.len;
	f->order = mem_large(bytes.len, sizeof(*f->order));
	/* It needs memory of its own, and says so where there is none. */
	if (divsufsort(bytes.at, f->order, (saidx_t)bytes.len) != 0)
		return false;
	fill_keys(f, bytes);
	return true;
}

static size_t
page_bytes(const struct finder *f, size_t page)
{
	size_t left = f->base.len - page * FINDER_PAGE;

	return left < FINDER_PAGE ? left : FINDER_PAGE;
}

/*
 * Pages are sorted as if they were one file. Where one of them ends the order is not
 * quite that of the base, and a match may be missed or shorter than it was taken for:
 * then the delta is larger, and as right as any.
 */
static bool
sort_pages(struct finder *f, const bool *pages)
{
	const size_t count = (f->base.len + FINDER_PAGE - 1) / FINDER_PAGE;
	AUTO_BUF struct buf bytes = {0};
	AUTO_FREE size_t *starts = mem_new(count, sizeof(*starts));
	size_t chosen = 0;

	for (size_t i = 0; i < count; i++) {
		if (!pages[i])
			continue;
		starts[chosen++] = i * FINDER_PAGE;
		buf_add(&bytes, f->base.at + i * FINDER_PAGE, page_bytes(f, i));
	}
	/* No page was chosen: an order of one page is simpler to have than none. */
	if (bytes.len == 0) {
		starts[0] = 0;
		buf_add(&bytes, f->base.at, page_bytes(f, 0));
	}
	if (!sort(f, span_of(bytes.at, bytes.len)))
		return false;
	/* From positions among the chosen pages to those in the base. */
	for (size_t i = 0; i < f->count; i++) {
		size_t at = (size_t)f->order[i];

		f->order[i] = (saidx_t)(starts[at / FINDER_PAGE] + at % FINDER_PAGE);
	}
	return true;
}

/* How much of text the suffix at a rank has, `shared` bytes of which are known. */
static size_t
compare(const struct finder *f, saidx_t rank, struct span text, size_t shared, bool *ret_less)
{
	size_t old = (size_t)f->order[rank];
	size_t room = f->base.len - old < text.len ? f->base.len - old : text.len;
	size_t len = shared;

	len += finder_common(f->base.at + old + shared, text.at + shared, room - shared);
	*ret_less = len < text.len &&
		    (old + len == f->base.len || f->base.at[old + len] < text.at[len]);
	return len;
}

/*
 * The longest of what text begins with that the base has. Halving, where both ends of the range
 * remember how much they share with the text: everything between them shares at least the smaller
 * of the two, which is not compared again. So a step costs little also where matches are long. The
 * longest match is next to the place where text would stand, and is compared on the way there.
 */
static void
find_suffix(const struct finder *f, struct span text, struct finder_match *ret)
{
	size_t low_len = 2;
	size_t high_len = 2;
	struct key_range range;

	ret->len = 0;
	if (text.len < 2)
		return;
	if (text.len > COMPARE_MAX)
		text.len = COMPARE_MAX;
	range = f->keys[key_at(text.at)];
	while (range.begin < range.end && ret->len < text.len) {
		saidx_t middle = range.begin + (range.end - range.begin) / 2;
		size_t shared = low_len < high_len ? low_len : high_len;
		bool less;
		size_t len = compare(f, middle, text, shared, &less);

		if (len > ret->len) {
			ret->len = len;
			ret->rank = (size_t)middle;
		}
		if (less) {
			range.begin = middle + 1;
			low_len = len;
		} else {
			range.end = middle;
			high_len = len;
		}
	}
	ret->old = ret->len > 0 ? (size_t)f->order[ret->rank] : 0;
}

static size_t
distance(size_t a, size_t b)
{
	return a < b ? b - a : a - b;
}

/*
 * Equal matches are neighbours in the order. In a program many are equal, and the nearest is most
 * likely the one that was there before: its way back costs a short number. NEIGHBOURS bounds the
 * look in files of zeros.
 */
void
finder_nearest(const struct finder *f, struct span text, size_t expected, struct finder_match *m)
{
	if (f->order == NULL)
		return;
	for (int step = -1; step <= 1; step += 2) {
		for (saidx_t i = 1; i <= NEIGHBOURS; i++) {
			saidx_t rank = (saidx_t)m->rank + step * i;
			size_t old;

			if (rank < 0 || (size_t)rank >= f->count)
				break;
			old = (size_t)f->order[rank];
			if (f->base.len - old < m->len ||
				memcmp(f->base.at + old, text.at, m->len) != 0)
				break;
			if (distance(old, expected) < distance(m->old, expected))
				m->old = old;
		}
	}
}

/* ---- Blocks */

/*
 * In lanes that do not wait for each other: a multiplication takes several cycles, and a processor
 * has four of them on the way. It is asked at every byte of the new file. Not against an attacker:
 * a collision makes a delta larger, and nothing else.
 */
static size_t
hash_of(const struct finder *f, const uint8_t *at)
{
	const uint64_t odd = 0x9e3779b97f4a7c15u;
	uint64_t lanes[LANES] = {0};
	uint64_t hash = 0;

	for (size_t i = 0; i < BLOCK_BYTES; i += sizeof(lanes)) {
		uint64_t parts[LANES];

		memcpy(parts, at + i, sizeof(parts));
		for (int lane = 0; lane < LANES; lane++) {
			lanes[lane] = (lanes[lane] ^ parts[lane]) * odd;
			lanes[lane] ^= lanes[lane] >> 32;
		}
	}
	for (int lane = 0; lane < LANES; lane++)
		hash = (hash ^ lanes[lane]) * odd;
	return (size_t)(hash >> (64 - f->hash_bits));
}

/*
 * Twice as many places as blocks, up to 2^28: half of them stay empty, so that few blocks are lost
 * and most texts that are nowhere meet nothing. Block 0 is stored as 1, since 0 is an empty place.
 */
static void
fill_blocks(struct finder *f)
{
	size_t count = f->base.len < BLOCK_BYTES ? 0 : (f->base.len - BLOCK_BYTES) / BLOCK_STEP + 1;

	f->hash_bits = 10;
	while (f->hash_bits < 28 && (1UL << f->hash_bits) < 2 * count)
		f->hash_bits++;
	f->blocks = mem_new(1UL << f->hash_bits, sizeof(*f->blocks));
	for (size_t i = 0; i < count; i++)
		f->blocks[hash_of(f, f->base.at + i * BLOCK_STEP)] = (uint32_t)i + 1;
}

static void
find_block(const struct finder *f, struct span text, struct finder_match *ret)
{
	uint32_t block;
	size_t room;

	ret->len = 0;
	if (text.len < BLOCK_BYTES)
		return;
	block = f->blocks[hash_of(f, text.at)];
	if (block == 0)
		return;
	ret->old = (size_t)(block - 1) * BLOCK_STEP;
	room = f->base.len - ret->old;
	ret->len = finder_common(f->base.at + ret->old, text.at, room < text.len ? room : text.len);
	if (ret->len < BLOCK_BYTES)
		ret->len = 0;
}

/* ---- Either */

struct finder *
finder_new_sorted(struct span base, const bool *pages)
{
	struct finder *f = mem_new(1, sizeof(*f));

	f->base = base;
	if (pages != NULL ? sort_pages(f, pages) : sort(f, base))
		return f;
	finder_free(f);
	return NULL;
}

struct finder *
finder_new_blocks(struct span base)
{
	struct finder *f = mem_new(1, sizeof(*f));

	f->base = base;
	fill_blocks(f);
	return f;
}

void
finder_free(struct finder *f)
{
	if (f == NULL)
		return;
	free(f->order);
	free(f->keys);
	free(f->blocks);
	free(f);
}

void
finder_find(const struct finder *f, struct span text, struct finder_match *ret)
{
	if (f->order != NULL)
		find_suffix(f, text, ret);
	else
		find_block(f, text, ret);
}
