/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/listing.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/varint.h"

/* What the old version has, by digest: a file that was only moved or renamed is not missing. */
static void
find_missing(struct listing *v)
{
	size_t kept = 0;

	v->missing = header_contents(v->blobs, v->blob_count);
	for (size_t i = 0; i < v->blob_count; i++)
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
		v->old_blobs = header_blobs(old, &v->old_count);
		v->old = header_contents(v->old_blobs, v->old_count);
	}
	v->blobs = header_blobs(new, &v->blob_count);
	find_missing(v);
	for (size_t i = 0; i < v->blob_count; i++)
		v->bytes += v->blobs[i]->size;
	for (size_t i = 0; i < v->old_count; i++)
		v->old_bytes += v->old[i]->size;
	v->given = mem_new(v->blob_count, sizeof(*v->given));
	v->blob_of = mem_new(v->missing_count, sizeof(*v->blob_of));
	v->capacity = v->missing_count;
	v->all = mem_new(v->capacity, sizeof(const void *));
	for (size_t i = 0; i < v->missing_count; i++) {
		v->blob_of[i] = header_blob_find(v->blobs, v->blob_count, &v->missing[i]->digest);
		v->all[i] = v->missing[i];
	}
	v->bases = mem_new(v->old_count + v->capacity, sizeof(*v->bases));
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
	free(v->blob_of);
	for (size_t i = 0; i < v->given_count; i++)
		if (listing_is_unlisted(v->all[i]))
			free((void *)v->all[i]);
	free(v->all);
	free(v->bases);
	free(v);
}

size_t
listing_number(const struct listing *v, const struct header_file *file)
{
	size_t i = header_blob_find(v->old_blobs, v->old_count, &file->digest);

	return i == v->old_count ? i : header_content_find(v->old, v->old_count, v->old_blobs[i]);
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
	v->given[i] = true;
	*ret = (struct listing_entry){
		.files = &v->blobs[i], .count = 1, .bytes = v->blobs[i]->size};
	return 0;
}

/* Only what was given before: what an entry gives itself is no base of it. */
static int
take_bases(struct listing *v, struct span runs, uint64_t total, struct listing_entry *ret,
	struct err *e)
{
	struct archive_run run = {0};

	ret->bases = v->bases;
	while (archive_next_run(&runs, total, &run)) {
		if (run.first + run.count > total)
			return err_set(e, ERR_INPUT, "a base is not there");
		/* Counted round, runs could be more than there are numbers. */
		if (run.count > total - ret->base_count)
			return err_set(e, ERR_INPUT, "a base is repeated");
		for (size_t i = (size_t)run.first; i < run.first + run.count; i++) {
			v->bases[ret->base_count++] = i;
			if (!num_add(&ret->base_bytes, listing_base(v, i)->size,
				    HEADER_FILE_BYTES_MAX))
				return err_set(e, ERR_INPUT, "bases of too many bytes");
		}
	}
	if ((ret->base_count > 1 && ret->base_bytes > LISTING_GROUP_BYTES) ||
		!num_add(&v->base_bytes, ret->base_bytes, listing_bases_max(v)))
		return err_set(e, ERR_INPUT, "bases of too many bytes");
	return 0;
}

/* One of the missing. */
static int
give(struct listing *v, size_t missing, struct err *e)
{
	bool *given = &v->given[v->blob_of[missing]];

	if (*given)
		return err_set(e, ERR_INPUT, "repeated");
	*given = true;
	v->all[v->given_count++] = v->missing[missing];
	return 0;
}

static int
give_next(struct listing *v, uint64_t count, struct err *e)
{
	for (uint64_t i = 0; i < count; i++) {
		while (v->next < v->missing_count && v->given[v->blob_of[v->next]])
			v->next++;
		if (v->next == v->missing_count)
			return err_set(e, ERR_INPUT, "more files than are missing");
		(void)give(v, v->next, NULL);
	}
	return 0;
}

/* There are places for what is missing only, at first. */
static void
grow(struct listing *v)
{
	size_t needed = v->missing_count + v->unlisted_count;

	if (needed <= v->capacity)
		return;
	v->capacity = 2 * needed;
	v->all = mem_resize(v->all, v->capacity, sizeof(const void *));
	v->bases = mem_resize(v->bases, v->old_count + v->capacity, sizeof(*v->bases));
}

static int
give_unlisted(struct listing *v, const struct archive_contents *some, struct err *e)
{
	struct span left = some->sizes;

	if (some->count > HEADER_FILES_MAX - v->unlisted_count)
		return err_set(e, ERR_INPUT, "too many unlisted contents");
	v->unlisted_count += (size_t)some->count;
	grow(v);
	while (left.len > 0) {
		struct header_file *file = mem_new(1, sizeof(*file));
		size_t len = varint_get(left, &file->size);

		left = span_of(left.at + len, left.len - len);
		v->all[v->given_count++] = file;
		if (!num_add(&v->unlisted_bytes, file->size, LISTING_UNLISTED_SHARE * v->bytes))
			return err_set(e, ERR_INPUT, "unlisted contents of too many bytes");
	}
	return 0;
}

static int
give_told(struct listing *v, struct span contents, struct err *e)
{
	struct archive_contents some;

	while (archive_next_contents(&contents, &some)) {
		if (some.first == 0) {
			if (give_unlisted(v, &some, e) != 0)
				return -1;
			continue;
		}
		if (some.first - 1 + some.count > v->missing_count)
			return err_set(e, ERR_INPUT, "more files than are missing");
		for (uint64_t i = 0; i < some.count; i++)
			if (give(v, (size_t)(some.first - 1 + i), e) != 0)
				return -1;
	}
	return 0;
}

static int
take_numbered(struct listing *v, const struct archive_entry *entry, struct listing_entry *ret,
	struct err *e)
{
	size_t before = v->given_count;

	if ((entry->count > 0 ? give_next(v, entry->count, e) : give_told(v, entry->contents, e)) !=
		0)
		return -1;
	*ret = (struct listing_entry){.files = &v->all[before],
		.count = v->given_count - before,
		.number = v->old_count + before};
	/* Each is at most 2^40, and there are at most 2^16: no sum wraps. */
	for (size_t i = 0; i < ret->count; i++)
		ret->bytes += ret->files[i]->size;
	if (ret->count > 1 && ret->bytes > LISTING_GROUP_BYTES)
		return err_set(e, ERR_INPUT, "group of too many bytes");
	if (take_bases(v, entry->bases, v->old_count + before, ret, e) != 0)
		return -1;
	return codec_suits(entry->codec, ret->bytes, ret->base_bytes)
		       ? 0
		       : err_set(e, ERR_INPUT, "encoding is not for files and bases of that size");
}

/* After an error the listing is of no more use. */
int
listing_take(struct listing *v, enum format format, const struct archive_entry *entry,
	struct listing_entry *ret, struct err *e)
{
	if ((format == FORMAT_AR1 ? take_named(v, &entry->file, ret, e)
				  : take_numbered(v, entry, ret, e)) != 0)
		return -1;
	return entry->stream.len <= codec_stream_max(ret->bytes)
		       ? 0
		       : err_set(e, ERR_INPUT, "its stream is longer than its files can need");
}

bool
listing_is_given(const struct listing *v, const struct digest *digest)
{
	size_t i = header_blob_find(v->blobs, v->blob_count, digest);

	return i < v->blob_count && v->given[i];
}
