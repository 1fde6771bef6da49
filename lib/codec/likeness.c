/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/likeness.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
	SAMPLE_BITS = 7, /* of the hash, zero in a sample: LIKENESS_STEP */
	SAMPLE_SHIFT = 64 - SAMPLE_BITS,
	NAME_SHIFT = 32 - SAMPLE_BITS, /* those behind them are what it is told apart by */
};

/* Any numbers without a pattern do (Steele et al.: Fast splittable pseudorandom number generators).
 */
static void
fill_gear(uint64_t gear[256])
{
	uint64_t state = 0;

	for (int i = 0; i < 256; i++) {
		uint64_t z = state += 0x9e3779b97f4a7c15u;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		gear[i] = z ^ z >> 31;
	}
}

static int
compare_samples(const void *a, const void *b)
{
	const uint32_t *left = a;
	const uint32_t *right = b;

	return (*left > *right) - (*left < *right);
}

void
likeness_sort(struct likeness *l)
{
	mem_sort(l->samples, l->count, sizeof(*l->samples), compare_samples);
}

bool
likeness_has(const struct likeness *l, uint32_t sample)
{
	return l->count > 0 &&
	       bsearch(&sample, l->samples, l->count, sizeof(*l->samples), compare_samples) != NULL;
}

/*
 * The hash rolls: each byte moves those before it one bit to the left, so that the upper bits
 * depend on the last 64 and no others, and one step costs a shift and a sum.
 */
struct likeness
likeness_sample(struct span bytes)
{
	uint64_t gear[256];
	struct likeness ret = {0};
	size_t capacity = 0;
	size_t kept = 0;
	uint64_t hash = 0;

	fill_gear(gear);
	for (size_t i = 0; i < bytes.len; i++) {
		hash = (hash << 1) + gear[bytes.at[i]];
		if (hash >> SAMPLE_SHIFT != 0)
			continue;
		ret.samples = mem_grow(ret.samples, ret.count, &capacity, sizeof(*ret.samples));
		ret.samples[ret.count++] = (uint32_t)(hash >> NAME_SHIFT);
	}
	likeness_sort(&ret);
	for (size_t i = 0; i < ret.count; i++)
		if (kept == 0 || ret.samples[kept - 1] != ret.samples[i])
			ret.samples[kept++] = ret.samples[i];
	ret.count = kept;
	return ret;
}

void
likeness_free(struct likeness *l)
{
	free(l->samples);
	*l = (struct likeness){0};
}
