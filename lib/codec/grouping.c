/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/grouping.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/samples.h"

enum {
	FILE_BYTES_MAX = 1 << 20, /* of a group; a larger one is better alone */
	/* What is left of a window is for the bases: most of it where files have old ones. */
	FULL_GROUP_BYTES = 1 << 23,
	GROUP_BYTES = 1 << 22,
	ALIKE_SHARE = 256,	 /* of a file's samples: those that its old one has not */
	GAIN_MIN = 4,		 /* samples that a base must have, and that no other has */
	USE_MIN = 32,		 /* of so many of its bytes one must be of use */
	HEAD_BYTES = 4096,	 /* what another base costs, beside its bytes */
	LIKE_MAX = 64,		 /* bases that are looked for by likeness, of one entry */
	NEW_MIN = 8,		 /* samples that no base has: content that is new */
	NEW_SHARE = 16,		 /* of all samples, the same */
	ALL_BYTES_MAX = 1 << 22, /* of an old version that is looked at for that */
};

struct work {
	struct samples *samples;
	const struct listing *listing;
	const struct header *old;
	const struct header_file **by_name; /* the old files, sorted by the last part of the path */
	struct samples_index *index;	    /* of all bases; NULL: nobody has asked yet */
};

static size_t
base_count(const struct work *w)
{
	return w->listing->old_count + w->listing->missing_count;
}

static const struct likeness *
likeness_of(struct work *w, const struct header_file *file)
{
	return samples_of(w->samples, file);
}

/* ---- By name */

static const char *
file_name(const struct header_file *file)
{
	const char *slash = strrchr(file->path, '/');

	return slash != NULL ? slash + 1 : file->path;
}

static int
compare_file_names(const void *a, const void *b)
{
	return strcmp(file_name(*(const struct header_file *const *)a),
		file_name(*(const struct header_file *const *)b));
}

/* What a file was most likely made from: the same path, else the same name elsewhere. */
static const struct header_file *
named_base(const struct work *w, const struct header_file *file)
{
	const struct header_file *same_path = header_find(w->old, file->path);
	const struct header_file *const *same_name;

	if (same_path != NULL)
		return same_path;
	same_name =
		bsearch(&file, w->by_name, w->old->count, sizeof(const void *), compare_file_names);
	return same_name != NULL ? *same_name : NULL;
}

/* ---- The bases of one entry */

struct choice {
	bool *chosen; /* by number */
	size_t count;
	uint64_t bytes;
	uint64_t bytes_max;
	struct likeness left;  /* samples of the files, in their order; see cover */
	size_t samples_before; /* of all of them */
	size_t *new;	       /* numbers of bases whose samples are still among those */
	size_t new_count;
};

/* Numbers in a row: an old file, or all that an entry before has given. */
struct range {
	size_t first;
	size_t count;
};

static uint64_t
bytes_of(const struct work *w, struct range r)
{
	uint64_t bytes = 0;

	for (size_t i = r.first; i < r.first + r.count; i++)
		bytes += listing_base(w->listing, i)->size;
	return bytes;
}

/* With room for them. */
static void
add_samples(struct likeness *all, const struct likeness *more)
{
	if (more->count > 0)
		memcpy(all->samples + all->count, more->samples,
			more->count * sizeof(*more->samples));
	all->count += more->count;
}

/* Of all new bases, sorted. */
static struct likeness
new_samples(struct work *w, const struct choice *c)
{
	struct likeness all = {0};
	size_t count = 0;

	for (size_t i = 0; i < c->new_count; i++)
		count += likeness_of(w, listing_base(w->listing, c->new[i]))->count;
	all.samples = mem_new(count, sizeof(*all.samples));
	for (size_t i = 0; i < c->new_count; i++)
		add_samples(&all, likeness_of(w, listing_base(w->listing, c->new[i])));
	likeness_sort(&all);
	return all;
}

/*
 * Leave only the samples that no base has yet: in one pass for all bases that are new, since a
 * group has as many bases as it has files.
 */
static void
cover(struct work *w, struct choice *c)
{
	struct likeness new;
	size_t kept = 0;

	if (c->new_count == 0 || c->left.count == 0)
		return;
	new = new_samples(w, c);
	for (size_t i = 0; i < c->left.count; i++)
		if (!likeness_has(&new, c->left.samples[i]))
			c->left.samples[kept++] = c->left.samples[i];
	c->left.count = kept;
	c->new_count = 0;
	likeness_free(&new);
}

/* One file alone may be of any size, since it is mapped as it is. False: there is no room. */
static bool
choose(const struct work *w, struct choice *c, struct range r)
{
	uint64_t bytes = c->bytes;

	for (size_t i = r.first; i < r.first + r.count; i++)
		bytes += c->chosen[i] ? 0 : listing_base(w->listing, i)->size;
	if (bytes > c->bytes_max && (c->count > 0 || r.count > 1))
		return false;
	for (size_t i = r.first; i < r.first + r.count; i++) {
		if (c->chosen[i])
			continue;
		c->chosen[i] = true;
		c->new[c->new_count++] = i;
		c->count++;
	}
	c->bytes = bytes;
	return true;
}

static void
choose_named(struct work *w, const struct grouping_entry *entry, struct choice *c)
{
	for (size_t i = 0; w->old != NULL && i < entry->count; i++) {
		const struct header_file *base =
			named_base(w, w->listing->missing[entry->first + i]);

		if (base != NULL && base->size > 0 && samples_is_at_hand(w->samples, base))
			(void)choose(w, c, (struct range){listing_number(w->listing, base), 1});
	}
}

/* All that an entry has given. */
static struct range
range_of(const struct work *w, const struct grouping_entry *entry)
{
	return (struct range){w->listing->old_count + entry->first, entry->count};
}

/* What is new in a version is often new in several files of it. */
static void
choose_given(struct work *w, const struct grouping *before, uint64_t bytes, struct choice *c)
{
	for (size_t i = 0; w->old != NULL && i + 1 < before->count; i++) {
		struct range given = range_of(w, &before->entries[i]);

		if (bytes_of(w, given) <= bytes)
			(void)choose(w, c, given);
	}
}

/* The most for its bytes; of no files: none is worth it. */
static struct range
best_of(const struct work *w, const struct choice *c, const uint32_t *gains,
	const struct grouping *before)
{
	const size_t old_count = w->listing->old_count;
	struct range best = {0};
	double best_use = 0;

	for (size_t i = 0; i < old_count + before->count - 1; i++) {
		struct range r = {i, 1};
		uint64_t gain = 0;
		uint64_t bytes;
		double use;

		if (i >= old_count)
			r = range_of(w, &before->entries[i - old_count]);
		for (size_t k = r.first; k < r.first + r.count; k++)
			gain += c->chosen[k] ? 0 : gains[k];
		bytes = bytes_of(w, r);
		use = (double)gain / (double)(bytes + HEAD_BYTES);
		if (gain < GAIN_MIN || use <= best_use || gain * LIKENESS_STEP * USE_MIN < bytes)
			continue;
		best = r;
		best_use = use;
	}
	return best;
}

/* The last entry of those before is the one that bases are looked for. */
static void
choose_like(struct work *w, const struct grouping *before, struct choice *c)
{
	const size_t end = w->listing->old_count + before->entries[before->count - 1].first;
	AUTO_FREE uint32_t *gains = NULL;

	cover(w, c);
	if (c->left.count < GAIN_MIN || end == 0)
		return;
	if (w->index == NULL)
		w->index = samples_index_new(w->samples, w->listing);
	gains = mem_new(end, sizeof(*gains));
	for (int i = 0; i < LIKE_MAX; i++) {
		struct range best;

		samples_index_count(w->index, c->left.samples, c->left.count, gains, end);
		best = best_of(w, c, gains, before);
		if (best.count == 0 || !choose(w, c, best))
			return;
		cover(w, c);
	}
}

/*
 * What is new to all of them is still made of the words of the old version: where that is small
 * enough, it is all taken.
 */
static void
choose_all(struct work *w, struct choice *c)
{
	const struct range all = {0, w->listing->old_count};

	if (c->left.count < NEW_MIN || c->left.count < c->samples_before / NEW_SHARE ||
		bytes_of(w, all) > ALL_BYTES_MAX)
		return;
	for (size_t i = 0; i < all.count; i++)
		if (samples_is_at_hand(w->samples, w->listing->old[i]))
			(void)choose(w, c, (struct range){i, 1});
}

static void
collect_samples(struct work *w, const struct grouping_entry *entry, struct choice *c)
{
	size_t count = 0;

	for (size_t i = 0; i < entry->count; i++)
		count += likeness_of(w, w->listing->missing[entry->first + i])->count;
	c->left.samples = mem_new(count, sizeof(*c->left.samples));
	for (size_t i = 0; i < entry->count; i++)
		add_samples(&c->left, likeness_of(w, w->listing->missing[entry->first + i]));
	c->samples_before = count;
}

/* Of the last entry. */
static void
find_bases(struct work *w, struct grouping *p, uint64_t bytes)
{
	struct grouping_entry *entry = &p->entries[p->count - 1];
	struct choice c = {.chosen = mem_new(base_count(w), sizeof(bool)),
		.new = mem_new(base_count(w), sizeof(size_t)),
		.bytes_max = LISTING_GROUP_BYTES};

	collect_samples(w, entry, &c);
	choose_named(w, entry, &c);
	/* Within one window where that can be. */
	if (bytes + c.bytes <= CODEC_LZMA_WINDOW_BYTES &&
		CODEC_LZMA_WINDOW_BYTES - bytes < LISTING_GROUP_BYTES)
		c.bytes_max = CODEC_LZMA_WINDOW_BYTES - bytes;
	choose_given(w, p, bytes, &c);
	choose_like(w, p, &c);
	choose_all(w, &c);
	entry->bases = mem_new(c.count + 1, sizeof(*entry->bases));
	for (size_t i = 0; i < base_count(w); i++)
		if (c.chosen[i] && listing_base(w->listing, i)->size > 0)
			entry->bases[entry->base_count++] = i;
	free(c.chosen);
	free(c.new);
	likeness_free(&c.left);
}

/* ---- All entries */

/* Nearly all of its content is in the old file of its name. */
static bool
is_alike(struct work *w, const struct header_file *file)
{
	const struct header_file *base = w->old != NULL ? named_base(w, file) : NULL;
	const struct likeness *samples;
	const struct likeness *old;
	size_t new = 0;

	if (base == NULL || !samples_is_at_hand(w->samples, base))
		return false;
	samples = likeness_of(w, file);
	old = likeness_of(w, base);
	for (size_t i = 0; i < samples->count; i++)
		new += !likeness_has(old, samples->samples[i]);
	return samples->count > 0 && new <= samples->count / ALIKE_SHARE;
}

/*
 * How many files from this one on go together. Large ones that hardly changed are as small as what
 * changed.
 */
static size_t
length_of_group(struct work *w, size_t first, bool join, uint64_t *ret_bytes)
{
	const struct listing *v = w->listing;
	const uint64_t few = w->old != NULL ? GROUP_BYTES : FULL_GROUP_BYTES;
	bool all_alike = join;
	size_t end = first;

	for (*ret_bytes = 0; end < v->missing_count; end++) {
		uint64_t bytes = v->missing[end]->size;
		bool alike = join && is_alike(w, v->missing[end]);

		if ((!alike && bytes > FILE_BYTES_MAX) ||
			*ret_bytes + bytes > (all_alike && alike ? LISTING_GROUP_BYTES : few))
			break;
		all_alike = all_alike && alike;
		*ret_bytes += bytes;
	}
	if (end > first)
		return end - first;
	*ret_bytes = v->missing[first]->size;
	return 1;
}

/* In the order of the listing, as the format has it. */
static void
cut(struct work *w, bool join, struct grouping *p)
{
	for (size_t i = 0; i < w->listing->missing_count; i += p->entries[p->count - 1].count) {
		struct grouping_entry *entry;
		uint64_t bytes;

		p->entries = mem_grow(p->entries, p->count, &p->capacity, sizeof(*p->entries));
		entry = &p->entries[p->count++];
		*entry = (struct grouping_entry){
			.first = i, .count = length_of_group(w, i, join, &bytes)};
		for (size_t k = i; entry->count > 1 && k < i + entry->count; k++)
			p->joined = p->joined || w->listing->missing[k]->size > FILE_BYTES_MAX;
		find_bases(w, p, bytes);
	}
}

struct grouping *
grouping_new(struct samples *s, const struct listing *v, const struct header *old, bool join)
{
	struct grouping *p = mem_new(1, sizeof(*p));
	struct work w = {.samples = s, .listing = v, .old = old};

	if (old != NULL) {
		w.by_name = mem_new(old->count, sizeof(const void *));
		for (size_t i = 0; i < old->count; i++)
			w.by_name[i] = &old->files[i];
		mem_sort(w.by_name, old->count, sizeof(const void *), compare_file_names);
	}
	cut(&w, join, p);
	free(w.by_name);
	samples_index_free(w.index);
	return p;
}

void
grouping_free(struct grouping *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->count; i++)
		free(p->entries[i].bases);
	free(p->entries);
	free(p);
}
