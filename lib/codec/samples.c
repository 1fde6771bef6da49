/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/samples.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
	BYTES_MAX = 1 << 26, /* of a file whose samples are taken */
	SPREAD_MAX = 16,     /* a sample that more files have says nothing of any of them */
};

struct sampled {
	struct digest digest;
	struct likeness samples;
};

struct samples {
	struct blobs blobs;
	const struct stop *stop;
	void *by_digest; /* struct sampled, tsearch(3) */
};

struct samples *
samples_new(const struct blobs *blobs, const struct stop *stop)
{
	struct samples *s = mem_new(1, sizeof(*s));

	s->blobs = *blobs;
	s->stop = stop;
	return s;
}

static void
sampled_free(void *pointer)
{
	struct sampled *s = pointer;

	likeness_free(&s->samples);
	free(s);
}

void
samples_free(struct samples *s)
{
	if (s == NULL)
		return;
	tdestroy(s->by_digest, sampled_free);
	free(s);
}

bool
samples_is_at_hand(const struct samples *s, const struct header_file *file)
{
	return s->blobs.has(s->blobs.context, &file->digest);
}

const struct likeness *
samples_of(struct samples *s, const struct header_file *file)
{
	struct sampled *new = mem_new(1, sizeof(*new));
	AUTO_MAP struct map bytes = {0};
	struct sampled *const *found;

	new->digest = file->digest;
	found = tsearch(new, &s->by_digest, digest_compare);
	assert(found != NULL);
	if (*found != new) {
		free(new);
		return &(*found)->samples;
	}
	if (file->size <= BYTES_MAX && !stop_wanted(s->stop) && samples_is_at_hand(s, file) &&
		s->blobs.open(s->blobs.context, &file->digest, false, &bytes, NULL) == 0)
		new->samples = likeness_sample(map_span(&bytes));
	return &new->samples;
}

/* ---- Which base has which sample */

struct posting {
	uint32_t sample;
	uint32_t base;
};

struct samples_index {
	struct posting *postings; /* sorted */
	size_t count;
};

static int
compare_postings(const void *a, const void *b)
{
	const struct posting *left = a;
	const struct posting *right = b;

	return (left->sample > right->sample) - (left->sample < right->sample);
}

struct samples_index *
samples_index_new(struct samples *s, const struct listing *v)
{
	struct samples_index *x = mem_new(1, sizeof(*x));
	size_t bases = v->old_count + v->missing_count;
	size_t count = 0;

	for (size_t i = 0; i < bases; i++)
		count += samples_of(s, listing_base(v, i))->count;
	x->postings = mem_new(count, sizeof(*x->postings));
	for (size_t i = 0; i < bases; i++) {
		const struct likeness *l = samples_of(s, listing_base(v, i));

		for (size_t k = 0; k < l->count; k++)
			x->postings[x->count++] = (struct posting){l->samples[k], (uint32_t)i};
	}
	mem_sort(x->postings, x->count, sizeof(*x->postings), compare_postings);
	return x;
}

void
samples_index_free(struct samples_index *x)
{
	if (x == NULL)
		return;
	free(x->postings);
	free(x);
}

/* The first that has this sample. */
static size_t
find(const struct samples_index *x, uint32_t sample)
{
	size_t begin = 0;
	size_t end = x->count;

	while (begin < end) {
		size_t middle = begin + (end - begin) / 2;

		if (x->postings[middle].sample < sample)
			begin = middle + 1;
		else
			end = middle;
	}
	return begin;
}

void
samples_index_count(const struct samples_index *x, const uint32_t *samples, size_t count,
	uint32_t *ret, size_t bases)
{
	memset(ret, 0, bases * sizeof(*ret));
	for (size_t i = 0; i < count; i++) {
		size_t first = find(x, samples[i]);
		size_t last = first;

		while (last < x->count && x->postings[last].sample == samples[i] &&
			last - first <= SPREAD_MAX)
			last++;
		for (size_t k = first; last - first <= SPREAD_MAX && k < last; k++)
			if (x->postings[k].base < bases)
				ret[x->postings[k].base]++;
	}
}
