/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/listing.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"

/* What the old version has, by digest: a file that was only moved or renamed is not missing. */
static void
find_missing(struct listing *v, const struct header *new)
{
	size_t kept = 0;

	v->missing = header_contents(new, &v->missing_count);
	for (size_t i = 0; i < v->missing_count; i++)
		if (header_blob_find(v->old_blobs, v->old_count, &v->missing[i]->digest) ==
			v->old_count)
			v->missing[kept++] = v->missing[i];
	v->missing_count = kept;
}

struct listing *
listing_new(const struct header *new, const struct header *old)
{
	struct listing *v = mem_new(1, sizeof(*v));

	if (old != NULL) {
		v->old = header_contents(old, &v->old_count);
		v->old_blobs = header_blobs(old, &v->old_count);
	}
	find_missing(v, new);
	v->blobs = header_blobs(new, &v->blob_count);
	v->given = mem_new(v->blob_count, sizeof(*v->given));
	v->bases = mem_new(v->old_count + v->missing_count, sizeof(*v->bases));
	return v;
}

void
listing_free(struct listing *v)
{
	if (v == NULL)
		return;
	free(v->missing);
	free(v->old);
	free(v->old_blobs);
	free(v->blobs);
	free(v->given);
	free(v->bases);
	free(v);
}

size_t
listing_number(const struct listing *v, const struct header_file *old)
{
	size_t i = header_blob_find(v->old_blobs, v->old_count, &old->digest);

	return header_content_find(v->old, v->old_count, v->old_blobs[i]);
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
	*ret = (struct listing_entry){
		.files = &v->blobs[i], .count = 1, .bytes = v->blobs[i]->size};
	return 0;
}

/* Only what is given already: what an entry gives itself is no base of it. */
static int
take_bases(struct listing *v, struct span runs, struct listing_entry *ret, struct err *e)
{
	struct archive_run run = {0};

	ret->bases = v->bases;
	while (archive_next_run(&runs, &run)) {
		if (run.first + run.count > v->old_count + v->next)
			return err_set(e, ERR_INPUT, "a base is not there");
		for (size_t i = (size_t)run.first; i < run.first + run.count; i++) {
			v->bases[ret->base_count++] = i;
			if (!num_add(&ret->base_bytes, listing_base(v, i)->size,
				    HEADER_FILE_BYTES_MAX))
				return err_set(e, ERR_INPUT, "bases of too many bytes");
		}
	}
	if (ret->base_count > 1 && ret->base_bytes > LISTING_GROUP_BYTES)
		return err_set(e, ERR_INPUT, "bases of too many bytes");
	return 0;
}

static int
take_numbered(struct listing *v, const struct archive_entry *entry, struct listing_entry *ret,
	struct err *e)
{
	if (entry->count > v->missing_count - v->next)
		return err_set(e, ERR_INPUT, "more files than are missing");
	*ret = (struct listing_entry){.files = &v->missing[v->next], .count = (size_t)entry->count};
	/* Each is at most 2^40, and there are at most 2^16: no sum wraps. */
	for (size_t i = 0; i < ret->count; i++)
		ret->bytes += ret->files[i]->size;
	if (ret->count > 1 && ret->bytes > LISTING_GROUP_BYTES)
		return err_set(e, ERR_INPUT, "group of too many bytes");
	if (take_bases(v, entry->bases, ret, e) != 0)
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
