/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/compose.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/varint.h"
#include "codec/listing.h"

/* Of the streams that an archive encoded anew would have: those that it would not. */
enum { FULL_SPARE_SHARE = 7, DIFFERENCE_SPARE_SHARE = 3 };

#define NOWHERE SIZE_MAX

/* One that a difference starts from, or of either archive. */
struct content {
	uint64_t size;
	size_t missing; /* its number in the list of what comes of it; NOWHERE: it is not in that */
	size_t number;	/* in the archive that comes of it */
	bool used;	/* in the new version, or to make something that is */
};

struct part {
	struct archive_entry entry;
	size_t first; /* of the contents, that many behind it */
	size_t count;
	size_t *bases; /* of the contents */
	size_t base_count;
	bool used;
	bool extra; /* of a full archive: it only makes new from old */
};

struct composed {
	bool difference;	  /* what comes of it */
	struct listing *listing;  /* of that */
	struct content *contents; /* of the version that it starts from first, by their numbers */
	size_t count;
	size_t capacity;
	struct part *parts;
	size_t part_count;
	size_t part_capacity;
};

/* ---- Both archives */

static size_t
missing_of(const struct listing *v, const struct header_file *file)
{
	size_t i;

	if (listing_is_unlisted(file) || listing_number(v, file) < v->old_count)
		return NOWHERE;
	i = header_blob_find(v->blobs, v->blob_count, &file->digest);
	return i == v->blob_count ? NOWHERE
				  : header_content_find(v->missing, v->missing_count, v->blobs[i]);
}

static void
add_content(struct composed *c, const struct header_file *file)
{
	c->contents = mem_grow(c->contents, c->count, &c->capacity, sizeof(*c->contents));
	c->contents[c->count++] =
		(struct content){.size = file->size, .missing = missing_of(c->listing, file)};
}

/* In a full archive that is composed itself: a file that is made from what it has not. */
static bool
is_from_unlisted(const struct listing *v, const struct listing_entry *files)
{
	bool from = false;
	bool file = false;

	for (size_t i = 0; i < files->base_count; i++)
		from |= listing_is_unlisted(listing_base(v, files->bases[i]));
	for (size_t i = 0; i < files->count; i++)
		file |= !listing_is_unlisted(files->files[i]);
	return from && file;
}

/* at: by the numbers of its bases, the contents. */
static void
add_part(struct composed *c, const struct archive_entry *entry, const struct listing *v,
	const struct listing_entry *files, const size_t *at)
{
	struct part *part;

	c->parts = mem_grow(c->parts, c->part_count, &c->part_capacity, sizeof(*c->parts));
	part = &c->parts[c->part_count++];
	*part = (struct part){.entry = *entry,
		.first = c->count,
		.count = files->count,
		.bases = mem_new(files->base_count, sizeof(*part->bases)),
		.base_count = files->base_count,
		.extra = is_from_unlisted(v, files)};
	for (size_t i = 0; i < files->base_count; i++) {
		part->bases[i] = at[files->bases[i]];
		/* Of a difference: an old content that the new version has not. */
		part->extra |= files->bases[i] < v->old_count &&
			       c->contents[part->bases[i]].missing == NOWHERE;
	}
	for (size_t i = 0; i < files->count; i++)
		add_content(c, files->files[i]);
}

/*
 * All entries of an archive; at: by numbers, where the contents of the version that it starts from
 * are, with room for all that it gives.
 */
static int
add_archive(struct composed *c, struct span archive, struct listing *v, size_t **at, struct err *e)
{
	struct archive_reader reader;
	struct archive_entry entry;
	enum archive_step step;

	if (archive_open(&reader, archive, e) != 0)
		return -1;
	if (reader.format != FORMAT_AR2)
		return err_set(e, ERR_INPUT, "not a GUTS2AR2");
	while ((step = archive_next(&reader, &entry, e)) == ARCHIVE_ENTRY) {
		struct listing_entry files;

		if (listing_take(v, reader.format, &entry, &files, e) != 0)
			return -1;
		*at = mem_resize(*at, v->old_count + v->given_count, sizeof(**at));
		for (size_t i = 0; i < files.count; i++)
			(*at)[files.number + i] = c->count + i;
		add_part(c, &entry, v, &files, *at);
	}
	if (step == ARCHIVE_ERROR)
		return -1;
	return v->given_count - v->unlisted_count == v->missing_count
		       ? 0
		       : err_set(e, ERR_INPUT, "a file is missing");
}

/* What is there before the first archive has given anything, by the numbers in that. */
static size_t *
add_base(struct composed *c)
{
	const struct listing *v = c->listing;
	size_t *at = mem_new(v->old_count, sizeof(*at));

	for (size_t i = 0; i < v->old_count; i++) {
		at[i] = i;
		add_content(c, v->old[i]);
		c->contents[i].number = i;
	}
	return at;
}

/* Where the contents of the old version are, by their numbers in the second archive. */
static size_t *
find_old(const struct composed *c, const struct listing *first, const struct listing *second)
{
	size_t *at = mem_new(second->old_count, sizeof(*at));

	assert(first->old_count + first->given_count == c->count);
	for (size_t i = 0; i < c->count; i++) {
		const struct header_file *file = listing_base(first, i);
		size_t number = listing_is_unlisted(file) ? second->old_count
							  : listing_number(second, file);

		if (number < second->old_count)
			at[number] = i;
	}
	return at;
}

static int
add_both(struct composed *c, const struct compose *from, struct err *e)
{
	struct listing *first = listing_new(from->old, from->base);
	struct listing *second = listing_new(from->new, from->old);
	AUTO_FREE size_t *at = add_base(c);
	int result = add_archive(c, from->first, first, &at, e);

	if (result == 0) {
		AUTO_FREE size_t *old = find_old(c, first, second);

		result = add_archive(c, from->second, second, &old, e);
	}
	listing_free(first);
	listing_free(second);
	return result;
}

/* ---- What stays of them */

/* From the last to the first, as bases come before what is made from them. */
static void
find_used(struct composed *c)
{
	for (size_t i = c->part_count; i-- > 0;) {
		struct part *part = &c->parts[i];

		for (size_t k = part->first; k < part->first + part->count; k++) {
			c->contents[k].used |= c->contents[k].missing != NOWHERE;
			part->used |= c->contents[k].used;
		}
		for (size_t k = 0; part->used && k < part->base_count; k++)
			c->contents[part->bases[k]].used = true;
	}
}

static void
number_all(struct composed *c)
{
	size_t number = c->listing->old_count;

	for (size_t i = 0; i < c->part_count; i++) {
		struct part *part = &c->parts[i];

		for (size_t k = part->first; part->used && k < part->first + part->count; k++)
			c->contents[k].number = number++;
	}
}

int
compose_open(const struct compose *from, struct composed **ret, struct err *e)
{
	struct composed *c = mem_new(1, sizeof(*c));

	c->difference = from->base != NULL;
	c->listing = listing_new(from->new, from->base);
	if (add_both(c, from, e) != 0) {
		compose_close(c);
		return -1;
	}
	find_used(c);
	number_all(c);
	*ret = c;
	return 0;
}

void
compose_close(struct composed *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->part_count; i++)
		free(c->parts[i].bases);
	free(c->parts);
	free(c->contents);
	listing_free(c->listing);
	free(c);
}

/* Of a stream, what some of its bytes stand for. */
static double
share(double stream, double some, double bytes)
{
	return bytes > 0 ? stream * some / bytes : 0;
}

/* What it comes to: bytes of streams, and of contents as they are. */
struct sums {
	double streams;	       /* of all entries */
	double listed_streams; /* of these, what files of the new version are made of */
	double plain_streams;  /* of those, the entries that an archive encoded anew has as well */
	double unlisted_streams; /* of entries like that: what stands for files made from it now */
	double unlisted;	 /* what these are */
	double all_unlisted;
	double made; /* the files that are made from unlisted contents */
};

static void
add_sums(const struct composed *c, const struct part *part, struct sums *ret)
{
	const double stream = (double)part->entry.stream.len;
	double listed = 0;
	double unlisted = 0;
	double bytes = 0;

	for (size_t i = part->first; i < part->first + part->count; i++) {
		double size = (double)c->contents[i].size;

		bytes += size;
		if (c->contents[i].missing != NOWHERE)
			listed += size;
		else if (c->contents[i].used)
			unlisted += size;
	}
	ret->streams += stream;
	ret->all_unlisted += bytes - listed;
	ret->listed_streams += share(stream, listed, bytes);
	if (part->extra) {
		ret->made += listed;
		return;
	}
	ret->plain_streams += share(stream, listed, bytes);
	ret->unlisted_streams += share(stream, unlisted, bytes);
	ret->unlisted += unlisted;
}

/*
 * A full archive that was encoded anew would have streams of about the same size, but those of the
 * new version's files in place of the unlisted contents that they are made from here.
 */
static double
anew_of_full(const struct sums *sums)
{
	if (sums->unlisted == 0)
		return sums->plain_streams;
	return sums->plain_streams +
	       sums->unlisted_streams *
		       (sums->made < sums->unlisted ? sums->made / sums->unlisted : 1);
}

/*
 * A difference would make at once what is made in two steps here: that may take as much as both, or
 * as little as the second.
 */
bool
compose_is_worth_it(const struct composed *c)
{
	struct sums sums = {0};

	for (size_t i = 0; i < c->part_count; i++)
		if (c->parts[i].used)
			add_sums(c, &c->parts[i], &sums);
	return sums.all_unlisted <= LISTING_UNLISTED_SHARE * (double)c->listing->bytes &&
	       sums.streams <=
		       (c->difference ? sums.listed_streams * (1 + 1.0 / DIFFERENCE_SPARE_SHARE)
				      : anew_of_full(&sums) * (1 + 1.0 / FULL_SPARE_SHARE));
}

/* ---- Written */

/* The next missing files and nothing else need not be told. */
static uint64_t
count_next(const struct composed *c, const struct part *part)
{
	struct listing *v = c->listing;
	size_t next = v->next;

	for (size_t i = part->first; i < part->first + part->count; i++) {
		while (next < v->missing_count && v->given[v->blob_of[next]])
			next++;
		if (c->contents[i].missing != next++)
			return 0;
	}
	return part->count;
}

/* Those in a row that are unlisted, or follow each other in the new version. */
static size_t
tell_run(const struct composed *c, size_t first, size_t end, struct buf *ret)
{
	const struct content *at = c->contents;
	struct archive_contents run = {.first = at[first].missing + 1};
	AUTO_BUF struct buf sizes = {0};
	size_t i = first;

	static_assert(NOWHERE + 1 == 0, "a number from 1, and none is 0");
	do {
		if (at[i].missing == NOWHERE)
			varint_put(&sizes, at[i].size);
		i++;
	} while (i < end &&
		 (at[i].missing == NOWHERE ? at[first].missing == NOWHERE
					   : at[i].missing == at[first].missing + (i - first)));
	run.count = i - first;
	run.sizes = span_of(sizes.at, sizes.len);
	archive_put_contents(&run, ret);
	return i;
}

static void
tell(const struct composed *c, const struct part *part, struct buf *ret)
{
	for (size_t i = part->first; i < part->first + part->count;)
		i = tell_run(c, i, part->first + part->count, ret);
}

static void
number_bases(const struct composed *c, const struct part *part, struct buf *ret)
{
	AUTO_FREE size_t *numbers = mem_new(part->base_count, sizeof(*numbers));

	for (size_t i = 0; i < part->base_count; i++)
		numbers[i] = c->contents[part->bases[i]].number;
	archive_put_bases(numbers, part->base_count, c->contents[part->first].number, ret);
}

static int
write_part(struct composed *c, const struct part *part, struct archive_writer *w, struct err *e)
{
	struct archive_entry entry = {.codec = part->entry.codec, .stream = part->entry.stream};
	AUTO_BUF struct buf contents = {0};
	AUTO_BUF struct buf bases = {0};
	struct listing_entry files;

	entry.count = count_next(c, part);
	if (entry.count == 0)
		tell(c, part, &contents);
	number_bases(c, part, &bases);
	entry.contents = span_of(contents.at, contents.len);
	entry.bases = span_of(bases.at, bases.len);
	/* As a reader will: what it would not take is not written. */
	return listing_take(c->listing, FORMAT_AR2, &entry, &files, e) != 0
		       ? -1
		       : archive_add(w, &entry, e);
}

int
compose_write(struct composed *c, int fd, struct archive_ref *ret, struct err *e)
{
	struct archive_writer *w = archive_writer_new(fd, FORMAT_AR2);
	int result = 0;

	for (size_t i = 0; result == 0 && i < c->part_count; i++)
		if (c->parts[i].used)
			result = write_part(c, &c->parts[i], w, e);
	if (result == 0)
		result = archive_end(w, ret, e);
	archive_writer_free(w);
	return result;
}
