/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct pack_older {
	struct header *header;
	const struct header_file **blobs;
	size_t count;
	const struct header_file **by_name; /* sorted by file name */
};

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

struct pack_older *
pack_older_new(struct header *take_header)
{
	struct pack_older *o = mem_new(1, sizeof(*o));

	o->header = take_header;
	o->blobs = header_blobs(o->header, &o->count);
	o->by_name = mem_new(o->header->count, sizeof(const void *));
	for (size_t i = 0; i < o->header->count; i++)
		o->by_name[i] = &o->header->files[i];
	mem_sort(o->by_name, o->header->count, sizeof(const void *), compare_file_names);
	return o;
}

void
pack_older_free(struct pack_older *o)
{
	if (o == NULL)
		return;
	free(o->by_name);
	free(o->blobs);
	header_free(o->header);
	free(o);
}

const struct edition *
pack_older_edition(const struct pack_older *o)
{
	return &o->header->ident.edition;
}

/* By digest: a file that was only moved or renamed need not be sent. */
static bool
older_has(const struct pack_older *o, const struct digest *digest)
{
	return header_blob_find(o->blobs, o->count, digest) < o->count;
}

/* What a file was most likely made from: the same path, else the same name elsewhere. */
static const struct header_file *
base_for(const struct pack_older *o, const struct header_file *file)
{
	const struct header_file *same_path = header_find(o->header, file->path);
	const struct header_file *const *same_name = NULL;

	if (same_path != NULL)
		return same_path;
	if (o->header->count > 0)
		same_name = bsearch(&file, o->by_name, o->header->count, sizeof(const void *),
			compare_file_names);
	return same_name != NULL ? *same_name : NULL;
}

/* What is not at hand is no base: then the whole file goes into the difference. */
void
pack_want_deltas(struct encode *x, const struct pack_older *o, const struct blobs *at_hand)
{
	size_t count;
	const struct header_file *const *blobs = encode_blobs(x, &count);

	for (size_t i = 0; i < count; i++) {
		const struct header_file *base = base_for(o, blobs[i]);

		if (base != NULL && !older_has(o, &blobs[i]->digest) &&
			at_hand->has(at_hand->context, &base->digest))
			encode_want_delta(x, i, base);
	}
}

void
pack_skip_unchanged(struct encode *x, const struct pack_older *o)
{
	size_t count;
	const struct header_file *const *blobs = encode_blobs(x, &count);

	for (size_t i = 0; i < count; i++)
		if (older_has(o, &blobs[i]->digest))
			encode_skip(x, i);
}

/* In the order of digests, whatever was made first: the same files give the same bytes. */
static int
write_entries(const struct encode *x, enum format format, const struct pack_older *older,
	struct archive_writer *w, struct err *e)
{
	size_t count;
	const struct header_file *const *blobs = encode_blobs(x, &count);

	for (size_t i = 0; i < count; i++) {
		const struct header_file *base = NULL;
		struct archive_entry entry;

		if (older != NULL && older_has(older, &blobs[i]->digest))
			continue;
		if (older != NULL)
			base = base_for(older, blobs[i]);
		entry = encode_entry(x, i, format, base);
		if (archive_add(w, &entry, e) != 0)
			return -1;
	}
	return 0;
}

int
pack_archive(const struct encode *x, enum format format, const struct pack_older *older, int fd,
	struct archive_ref *ret, struct err *e)
{
	struct archive_writer *w = archive_writer_new(fd, format);
	int result = write_entries(x, format, older, w, e);

	if (result == 0)
		result = archive_end(w, ret, e);
	archive_writer_free(w);
	return result;
}

/*
 * A tenth at least has to be spared: below that a difference is one more archive to build, store
 * and ask for, and for the client hardly less to load. Divided first, so that nothing can overflow.
 */
bool
pack_is_worth_it(uint64_t difference_bytes, uint64_t full_bytes)
{
	return difference_bytes <= full_bytes / 10 * 9;
}
