/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/pack.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "codec/grouping.h"
#include "codec/listing.h"

/* An entry of an archive that was asked for, and the pieces that can be its stream. */
struct part {
	size_t count; /* GUTS2AR2: of files */
	size_t *bases;
	size_t base_count;
	size_t total;			/* of the numbers that bases can have */
	const struct header_file *file; /* GUTS2AR1 */
	size_t with_bases;		/* the number of a piece; bases: there is one */
	size_t without;
};

/* One way to put it together. */
struct parts {
	struct part *at;
	size_t count;
	size_t capacity;
};

enum { WAYS = 2 };

struct wanted {
	enum format format;
	struct parts ways[WAYS]; /* the second may have none */
};

struct pack {
	const struct header *header;
	struct encode *encode;
	struct samples *samples;
	struct wanted *wanted;
	size_t count;
	size_t capacity;
};

struct pack *
pack_new(const struct header *h, const struct encode_settings *settings)
{
	struct pack *p = mem_new(1, sizeof(*p));

	p->header = h;
	p->encode = encode_new(settings);
	p->samples = samples_new(&settings->blobs, settings->stop);
	return p;
}

void
pack_free(struct pack *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->count; i++)
		for (int way = 0; way < WAYS; way++) {
			struct parts *parts = &p->wanted[i].ways[way];

			for (size_t k = 0; k < parts->count; k++)
				free(parts->at[k].bases);
			free(parts->at);
		}
	free(p->wanted);
	samples_free(p->samples);
	encode_free(p->encode);
	free(p);
}

static struct part *
add_part(struct parts *parts)
{
	parts->at = mem_grow(parts->at, parts->count, &parts->capacity, sizeof(*parts->at));
	parts->at[parts->count] = (struct part){0};
	return &parts->at[parts->count++];
}

/* Each missing file is an entry. */
static void
want_named(struct pack *p, struct parts *parts, const struct listing *v)
{
	for (size_t i = 0; i < v->missing_count; i++) {
		const struct encode_piece piece = {
			.format = FORMAT_AR1, .files = &v->missing[i], .count = 1};
		struct part *part = add_part(parts);

		part->file = v->missing[i];
		part->without = encode_want(p->encode, &piece);
	}
}

/* The caller's to free. */
static const struct header_file **
bases_of(const struct listing *v, const size_t *numbers, size_t count)
{
	const struct header_file **bases = mem_new(count, sizeof(const void *));

	for (size_t i = 0; i < count; i++)
		bases[i] = listing_base(v, numbers[i]);
	return bases;
}

/* With bases where there are any, and without them where those prove to be of little use. */
static void
want_entry(struct pack *p, struct parts *parts, const struct listing *v,
	const struct grouping_entry *entry, uint64_t *base_bytes)
{
	AUTO_FREE const struct header_file **bases = bases_of(v, entry->bases, entry->base_count);
	uint64_t bytes = 0;
	struct encode_piece piece = {
		.format = FORMAT_AR2, .files = &v->missing[entry->first], .count = entry->count};
	struct part *part = add_part(parts);

	part->count = entry->count;
	for (size_t i = 0; i < entry->base_count; i++)
		bytes += bases[i]->size;
	/* More than a reader takes of all entries are not had. */
	if (entry->base_count == 0 || !num_add(base_bytes, bytes, listing_bases_max(v))) {
		part->without = encode_want(p->encode, &piece);
		return;
	}
	piece.bases = bases;
	piece.base_count = entry->base_count;
	part->with_bases = encode_want(p->encode, &piece);
	piece.base_count = 0;
	part->without = encode_want_instead(p->encode, &piece, part->with_bases);
	part->total = v->old_count + entry->first;
	part->base_count = entry->base_count;
	part->bases = mem_new(entry->base_count, sizeof(*part->bases));
	for (size_t i = 0; i < entry->base_count; i++)
		part->bases[i] = entry->bases[i];
}

/* True: there is another way, which may come out smaller. */
static bool
want_groups(struct pack *p, struct parts *parts, const struct listing *v, const struct header *old,
	bool join)
{
	struct grouping *entries = grouping_new(p->samples, v, old, join);
	bool joined = entries->joined;
	uint64_t base_bytes = 0;

	for (size_t i = 0; i < entries->count; i++)
		want_entry(p, parts, v, &entries->entries[i], &base_bytes);
	grouping_free(entries);
	return joined;
}

size_t
pack_want(struct pack *p, enum format format, const struct header *old)
{
	struct listing *v = listing_new(p->header, old);
	struct wanted *w;

	p->wanted = mem_grow(p->wanted, p->count, &p->capacity, sizeof(*p->wanted));
	w = &p->wanted[p->count];
	*w = (struct wanted){.format = format};
	if (format == FORMAT_AR1)
		want_named(p, &w->ways[0], v);
	else if (want_groups(p, &w->ways[0], v, old, true))
		(void)want_groups(p, &w->ways[1], v, old, false);
	listing_free(v);
	return p->count++;
}

/* ---- Donors */

/* Unlisted contents are in no piece that is wanted: their digest is no file's. */
static void
donate(struct pack *p, const struct listing *v, enum format format,
	const struct archive_entry *entry, const struct listing_entry *files, bool trusted)
{
	AUTO_FREE const struct header_file **bases = bases_of(v, files->bases, files->base_count);
	const struct encode_piece piece = {
		format, files->files, files->count, bases, files->base_count};

	encode_donate(p->encode, &piece, entry->codec, entry->stream, trusted);
}

void
pack_donor(struct pack *p, struct span archive, const struct header *h, const struct header *old,
	bool trusted)
{
	struct archive_reader reader;
	struct archive_entry entry;
	struct listing_entry files;
	struct listing *v;

	if (archive_open(&reader, archive, NULL) != 0)
		return;
	v = listing_new(h, old);
	while (archive_next(&reader, &entry, NULL) == ARCHIVE_ENTRY &&
		listing_take(v, reader.format, &entry, &files, NULL) == 0)
		donate(p, v, reader.format, &entry, &files, trusted);
	listing_free(v);
}

/* ---- Streams and archives */

int
pack_encode(struct pack *p, struct err *e)
{
	return encode_all(p->encode, e);
}

/* The smaller of the pieces that it can have; bases is for what the entry points to. */
static struct archive_entry
entry_of(const struct pack *p, const struct part *part, struct buf *bases)
{
	struct archive_entry entry = {.count = part->count};

	if (part->file != NULL)
		entry.file = part->file->digest;
	entry.stream = encode_stream(p->encode, part->without, &entry.codec);
	if (part->base_count > 0) {
		enum codec codec = entry.codec;
		struct span stream = encode_stream(p->encode, part->with_bases, &codec);

		if (stream.len > 0 && (entry.stream.len == 0 || stream.len < entry.stream.len)) {
			archive_put_bases(part->bases, part->base_count, part->total, bases);
			entry.bases = span_of(bases->at, bases->len);
			entry.codec = codec;
			entry.stream = stream;
		}
	}
	/* One of the two always is: see want_entry and codec_bound. */
	assert(entry.stream.len > 0);
	return entry;
}

static uint64_t
bytes_of(const struct pack *p, const struct parts *parts)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < parts->count; i++) {
		AUTO_BUF struct buf bases = {0};
		const struct archive_entry entry = entry_of(p, &parts->at[i], &bases);

		bytes += archive_entry_bytes(&entry);
	}
	return bytes;
}

static const struct parts *
smallest_way(const struct pack *p, const struct wanted *w)
{
	bool second = w->ways[1].count > 0 && bytes_of(p, &w->ways[1]) < bytes_of(p, &w->ways[0]);

	return &w->ways[second];
}

int
pack_write(const struct pack *p, size_t archive, int fd, struct archive_ref *ret, struct err *e)
{
	const struct wanted *wanted = &p->wanted[archive];
	const struct parts *parts = smallest_way(p, wanted);
	struct archive_writer *w = archive_writer_new(fd, wanted->format);
	int result = 0;

	for (size_t i = 0; result == 0 && i < parts->count; i++) {
		AUTO_BUF struct buf bases = {0};
		const struct archive_entry entry = entry_of(p, &parts->at[i], &bases);

		result = archive_add(w, &entry, e);
	}
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
