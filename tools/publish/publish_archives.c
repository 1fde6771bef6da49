/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "publish/publish_archives.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cli.h"
#include "codec/compose.h"
#include "codec/listing.h"
#include "codec/pack.h"

/* An archive, by the number of its offer. */
struct wanted {
	size_t offer;
	enum format format;
	size_t archive; /* of pack */
};

/* What is encoded at once, on all threads. */
struct batch {
	struct publish_archives *all;
	struct blobs_dirs dirs;
	int streams; /* below stage/ */
	struct pack *pack;
	struct wanted *wanted;
	size_t count;
};

static int
batch_open(struct batch *b, struct publish_archives *a, struct err *e)
{
	struct encode_settings settings = {.crew = a->crew};

	*b = (struct batch){
		.all = a, .streams = fs_make_dirs(repo_stage_dir(a->repo), "streams", e)};
	b->dirs.dir[0] = a->content;
	b->dirs.dir[1] = fs_open_dir(repo_dir(a->repo), "c", e);
	b->dirs.count = 2;
	if (b->streams < 0 || b->dirs.dir[1] < 0)
		return -1;
	settings.blobs = blobs_in(&b->dirs);
	settings.stage = b->streams;
	b->pack = pack_new(a->header, &settings);
	b->wanted = mem_new((a->older_count + 1) * FORMAT_COUNT, sizeof(*b->wanted));
	return 0;
}

static void
batch_close(struct batch *b)
{
	pack_free(b->pack);
	free(b->wanted);
	fs_close(&b->streams);
	fs_close(&b->dirs.dir[1]);
}

static void
want(struct batch *b, size_t offer, enum format format)
{
	const struct header *old = offer > 0 ? b->all->older[offer - 1] : NULL;

	b->wanted[b->count++] = (struct wanted){offer, format, pack_want(b->pack, format, old)};
}

/* What was staged last is this archive, unless it is a difference that is not worth it. */
static int
take(struct publish_archives *a, size_t offer, enum format format, const struct archive_ref *ref,
	struct err *e)
{
	struct publish_staged_file *staged = &a->staged.at[a->staged.count - 1];

	if (offer > 0 && !pack_is_worth_it(ref->bytes, a->offers[0].archive[format].bytes))
		return publish_staged_drop(&a->staged, e);
	(void)ident_file_name(&ref->id, staged->name);
	a->offers[offer].archive[format] = *ref;
	return 0;
}

static int
write_archive(const struct batch *b, const struct wanted *w, struct err *e)
{
	struct publish_archives *a = b->all;
	AUTO_CLOSE int fd = publish_staged_open(&a->staged, "", e);
	struct archive_ref ref;

	if (fd < 0)
		return -1;
	return pack_write(b->pack, w->archive, fd, &ref, e) == 0
		       ? take(a, w->offer, w->format, &ref, e)
		       : err_wrap(e, "stage/%s", a->staged.at[a->staged.count - 1].stage);
}

/* In the order in which they were asked for: whether a difference is worth it is measured by the
 * full archives. */
static int
batch_make(struct batch *b, struct err *e)
{
	if (b->count > 0 && pack_encode(b->pack, e) != 0)
		return -1;
	for (size_t i = 0; i < b->count; i++)
		if (write_archive(b, &b->wanted[i], e) != 0)
			return -1;
	return 0;
}

/* ---- Archives that are there */

/* Its digest first: it lay on a disk, and becomes part of what is new. */
static int
map_archive(const struct publish_archives *a, const struct archive_ref *ref, struct map *ret,
	struct err *e)
{
	char name[IDENT_NAME_MAX];

	if (repo_check(a->repo, ident_file_name(&ref->id, name), ref, e) == 0 &&
		map_open(repo_dir(a->repo), name, ret, e) == 0)
		return 0;
	cli_complain("warning: an archive of an earlier version is not used, and clients cannot "
		     "use it: %s",
		e->text);
	return -1;
}

struct donors {
	struct header *header;
	struct map maps[FORMAT_COUNT];
};

/*
 * Whole files that did not change are in the last full archives already. That is a help, and no
 * condition; but of an archive that is damaged the publisher is told, since clients are given it.
 */
static void
donors_open(struct donors *d, const struct publish_archives *a, struct pack *pack)
{
	char name[IDENT_NAME_MAX];
	struct offer offer;
	struct err e = {0};

	if (a->last == NULL)
		return;
	if (repo_read_header(a->repo, a->last, &d->header, NULL, &e) != 0 ||
		repo_read_offer(a->repo, ident_offer_name(a->last, NULL, name), &offer, &e) != 0) {
		cli_complain("warning: the last version cannot be used: %s", e.text);
		return;
	}
	for (int i = 0; i < FORMAT_COUNT; i++)
		if (offer.archive[i].bytes > 0 &&
			map_archive(a, &offer.archive[i], &d->maps[i], &e) == 0)
			pack_donor(pack, map_span(&d->maps[i]), d->header, NULL, true);
}

static void
donors_close(struct donors *d)
{
	for (int i = 0; i < FORMAT_COUNT; i++)
		map_close(&d->maps[i]);
	header_free(d->header);
}

/* ---- Differences that are put together */

/*
 * Encoded are the differences that begin a power of two versions back, up to the largest; and the
 * nearest of the others, while all that is not too much. One that is put together goes by way of
 * the farthest of those powers that is nearer: so it has few parts, and large ones.
 */
enum { ENCODED_BACK_MAX = 16, ENCODED_BYTES_MAX = 1 << 25 };

/* For what begins so many versions back; that many: it is encoded in any case. */
static size_t
back_of_way(size_t back)
{
	size_t way = 1;

	while (way * 2 <= back && way < ENCODED_BACK_MAX)
		way *= 2;
	return way;
}

/* That difference to the version on its way, which is there already; of no bytes: there is none. */
static struct archive_ref
stored_part(const struct publish_archives *a, size_t back)
{
	const size_t way = back_of_way(back);
	char name[IDENT_NAME_MAX];
	struct offer offer;

	(void)ident_offer_name(&a->older[way - 1]->ident, &a->older[back - 1]->ident.edition, name);
	return way < back && repo_read_offer(a->repo, name, &offer, NULL) == 0
		       ? offer.archive[FORMAT_AR2]
		       : (struct archive_ref){0};
}

/* What is to be encoded for it, and to be encoded from: nearly as much. */
static uint64_t
bytes_of(const struct publish_archives *a, size_t back)
{
	struct listing *v = listing_new(a->header, a->older[back - 1]);
	uint64_t bytes = 0;

	for (size_t i = 0; i < v->missing_count; i++)
		bytes += 2 * v->missing[i]->size;
	listing_free(v);
	return bytes;
}

/* Of each difference what it begins with; of no bytes: it is encoded. The caller's to free. */
static struct archive_ref *
choose_parts(const struct publish_archives *a)
{
	struct archive_ref *parts = mem_new(a->older_count + 1, sizeof(*parts));
	uint64_t bytes = 0;

	for (size_t back = 1; back <= a->older_count; back++) {
		parts[back] = stored_part(a, back);
		bytes += parts[back].bytes > 0 ? 0 : bytes_of(a, back);
	}
	for (size_t back = 1; back <= a->older_count && bytes < ENCODED_BYTES_MAX; back++) {
		bytes += parts[back].bytes > 0 ? bytes_of(a, back) : 0;
		if (bytes <= ENCODED_BYTES_MAX)
			parts[back].bytes = 0;
	}
	return parts;
}

/* What was encoded in this run and is still in stage/; it may be none, as it was not worth it. */
static int
map_staged(const struct publish_archives *a, size_t back, struct map *ret, struct err *e)
{
	const struct archive_ref *ref = &a->offers[back].archive[FORMAT_AR2];
	char name[IDENT_NAME_MAX];
	size_t i = 0;

	if (ref->bytes == 0)
		return 0;
	(void)ident_file_name(&ref->id, name);
	while (strcmp(a->staged.at[i].name, name) != 0)
		i++;
	return map_open(repo_stage_dir(a->repo), a->staged.at[i].stage, ret, e);
}

static int
write_composed(struct publish_archives *a, size_t back, struct composed *c, struct err *e)
{
	AUTO_CLOSE int fd = publish_staged_open(&a->staged, "", e);
	struct archive_ref ref;

	return fd < 0 || compose_write(c, fd, &ref, e) != 0 ? -1
							    : take(a, back, FORMAT_AR2, &ref, e);
}

/*
 * All streams were decoded and compared when they were made. False: it has to be encoded, as it is
 * too large, or more than a reader takes.
 */
static int
compose_difference(struct publish_archives *a, size_t back, const struct archive_ref *part,
	bool *ret, struct err *e)
{
	AUTO_MAP struct map first = {0};
	AUTO_MAP struct map second = {0};
	AUTO_COMPOSED struct composed *c = NULL;
	struct compose from = {.base = a->older[back - 1],
		.old = a->older[back_of_way(back) - 1],
		.new = a->header};
	struct err why = {0};

	*ret = false;
	if (map_staged(a, back_of_way(back), &second, e) != 0)
		return -1;
	if (second.len == 0 || map_archive(a, part, &first, &why) != 0)
		return 0;
	from.first = map_span(&first);
	from.second = map_span(&second);
	if (compose_open(&from, &c, &why) != 0 || !compose_is_worth_it(c))
		return 0;
	if (write_composed(a, back, c, &why) != 0)
		return why.code == ERR_INPUT ? publish_staged_drop(&a->staged, e)
					     : err_set(e, why.code, "%s", why.text);
	*ret = a->offers[back].archive[FORMAT_AR2].bytes > 0;
	return 0;
}

/* Those that are left are for the next batch. */
static int
compose_all(struct batch *next, const struct archive_ref *parts, struct err *e)
{
	for (size_t back = 1; back <= next->all->older_count; back++) {
		bool done = true;

		if (parts[back].bytes > 0 &&
			compose_difference(next->all, back, &parts[back], &done, e) != 0)
			return -1;
		if (!done)
			want(next, back, FORMAT_AR2);
	}
	return 0;
}

/* ---- All of them */

static int
make_first(struct publish_archives *a, const struct archive_ref *parts, struct err *e)
{
	struct donors donors = {0};
	struct batch b;
	int result = batch_open(&b, a, e);

	for (size_t back = 0; result == 0 && back <= a->older_count; back++)
		for (int format = 0; format < FORMAT_COUNT; format++)
			if (format != FORMAT_AR2 || parts[back].bytes == 0)
				want(&b, back, (enum format)format);
	if (result == 0) {
		donors_open(&donors, a, b.pack);
		result = batch_make(&b, e);
	}
	batch_close(&b);
	donors_close(&donors);
	return result;
}

static int
make_second(struct publish_archives *a, const struct archive_ref *parts, struct err *e)
{
	struct batch b;
	int result = batch_open(&b, a, e);

	if (result == 0)
		result = compose_all(&b, parts, e) == 0 ? batch_make(&b, e) : -1;
	batch_close(&b);
	return result;
}

int
publish_archives_make(struct publish_archives *a, struct err *e)
{
	AUTO_FREE struct archive_ref *parts = choose_parts(a);

	a->staged = (struct publish_staged){.repo = a->repo, .what = "archive"};
	a->offers = mem_new(a->older_count + 1, sizeof(*a->offers));
	if (make_first(a, parts, e) != 0)
		return -1;
	return make_second(a, parts, e);
}

void
publish_archives_free(struct publish_archives *a)
{
	publish_staged_free(&a->staged);
	free(a->offers);
}
