/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/listing.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"

/* What the old version has, by digest: a file that was only moved or renamed is not missing. */
static void
find_missing(struct listing *v, const struct header *new, const struct header *old)
{
	size_t old_count = 0;
	const struct header_file **old_blobs = old != NULL ? header_blobs(old, &old_count) : NULL;
	size_t kept = 0;

	v->missing = header_contents(new, &v->missing_count);
	for (size_t i = 0; i < v->missing_count; i++)
		if (header_blob_find(old_blobs, old_count, &v->missing[i]->digest) == old_count)
			v->missing[kept++] = v->missing[i];
	v->missing_count = kept;
	free(old_blobs);
}

struct listing *
listing_new(const struct header *new, const struct header *old)
{
	struct listing *v = mem_new(1, sizeof(*v));

	find_missing(v, new, old);
	if (old != NULL)
		v->old = header_contents(old, &v->old_count);
	v->blobs = header_blobs(new, &v->blob_count);
	v->given = mem_new(v->blob_count, sizeof(*v->given));
	return v;
}

void
listing_free(struct listing *v)
{
	if (v == NULL)
		return;
	free(v->missing);
	free(v->old);
	free(v->blobs);
	free(v->given);
	free(v);
}

/* Twice the same would be twice the work, for whoever sends such an archive at no cost. */
static int
take_named(struct listing *v, const struct digest *digest, struct listing_entry *ret, struct err *e)
{
	size_t i = header_blob_find(v->blobs, v->blob_count, digest);

	if (i == v->blob_count)
		return err_set(e, ERR_INPUT, "not in the header");
	if (v->given[i])
		return err_set(e, ERR_INPUT, "repeated");
	*ret = (struct listing_entry){&v->blobs[i], 1, v->blobs[i]->size, 0};
	return 0;
}

/* Only what is given already: what an entry gives itself is no base of it. */
static int
add_bases(const struct listing *v, const struct archive_entry *entry, uint64_t *sum, struct err *e)
{
	struct span left = entry->bases;
	struct archive_run run = {0};
	size_t count = 0;

	while (archive_next_run(&left, &run)) {
		if (run.first + run.count > v->old_count + v->next)
			return err_set(e, ERR_INPUT, "a base is not there");
		for (uint64_t i = 0; i < run.count; i++, count++)
			if (!num_add(sum, listing_base(v, run.first + i)->size,
				    HEADER_FILE_BYTES_MAX))
				return err_set(e, ERR_INPUT, "bases of too many bytes");
	}
	if (count > 1 && *sum > LISTING_GROUP_BYTES)
		return err_set(e, ERR_INPUT, "bases of too many bytes");
	return 0;
}

static int
take_numbered(struct listing *v, const struct archive_entry *entry, struct listing_entry *ret,
	struct err *e)
{
	if (entry->count > v->missing_count - v->next)
		return err_set(e, ERR_INPUT, "more files than are missing");
	*ret = (struct listing_entry){&v->missing[v->next], (size_t)entry->count, 0, 0};
	/* Each is at most 2^40, and there are at most 2^16: no sum wraps. */
	for (size_t i = 0; i < ret->count; i++)
		ret->bytes += ret->files[i]->size;
	if (ret->count > 1 && ret->bytes > LISTING_GROUP_BYTES)
		return err_set(e, ERR_INPUT, "group of too many bytes");
	if (add_bases(v, entry, &ret->base_bytes, e) != 0)
		return -1;
	if (!codec_suits(entry->codec, ret->bytes, ret->base_bytes))
		return err_set(e, ERR_INPUT, "encoding is not for files and bases of that size");
	v->next += ret->count;
	return 0;
}

int
listing_take(struct listing *v, enum format format, const struct archive_entry *entry,
	struct listing_entry *ret, struct err *e)
{
	if ((format == FORMAT_AR1 ? take_named(v, &entry->file, ret, e)
				  : take_numbered(v, entry, ret, e)) != 0)
		return -1;
	if (entry->stream.len > codec_stream_max(ret->bytes))
		return err_set(e, ERR_INPUT, "its stream is longer than its files can need");
	for (size_t i = 0; i < ret->count; i++)
		v->given[header_blob_find(v->blobs, v->blob_count, &ret->files[i]->digest)] = true;
	return 0;
}

bool
listing_is_given(const struct listing *v, const struct digest *digest)
{
	size_t i = header_blob_find(v->blobs, v->blob_count, digest);

	return i < v->blob_count && v->given[i];
}
