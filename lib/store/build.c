/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/build.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/mem.h"
#include "codec/apply.h"
#include "codec/compose.h"
#include "codec/pack.h"
#include "store/content.h"

static const char archive_name[] = "archive";

/* Where one build puts what comes of it on the way. */
struct space {
	const struct build *build;
	struct repo *repo;
	int work;		/* the workspace; decoded files are in it */
	int streams;		/* a directory in it */
	struct blobs_dirs dirs; /* the workspace, then c/ */
	struct blobs blobs;
};

/*
 * Whatever was opened before an error is closed by space_close, which is called in any case:
 * descriptors are -1 until then.
 */
static int
space_open(struct space *s, const struct build *b, struct err *e)
{
	*s = (struct space){.build = b, .repo = depot_repo(b->depot), .work = -1, .streams = -1};
	s->dirs.dir[1] = -1;
	/* What a process that ended left there was checked by nobody, and is not gone on with. */
	if (fs_remove(repo_stage_dir(s->repo), b->workspace, e) != 0)
		return -1;
	s->work = fs_make_dirs(repo_stage_dir(s->repo), b->workspace, e);
	if (s->work < 0)
		return -1;
	s->streams = fs_make_dirs(s->work, "streams", e);
	s->dirs.dir[0] = s->work;
	s->dirs.dir[1] = fs_open_dir(repo_dir(s->repo), "c", e);
	s->dirs.count = 2;
	s->dirs.stop = repo_stop(s->repo);
	s->blobs = blobs_in(&s->dirs);
	return s->streams < 0 || s->dirs.dir[1] < 0 ? -1 : 0;
}

static void
space_close(struct space *s)
{
	fs_close(&s->streams);
	fs_close(&s->dirs.dir[1]);
	fs_close(&s->work);
	(void)fs_remove(repo_stage_dir(s->repo), s->build->workspace, NULL);
}

/*
 * Read and compared before it is mapped, as blobs.c does it: what the disk cannot read any more is
 * an error then, and not a signal in the middle of a decoder.
 */
static int
map_archive(const struct space *s, const struct record *archive, struct map *ret, struct err *e)
{
	char name[IDENT_NAME_MAX];

	(void)ident_file_name(&archive->ref.id, name);
	if (repo_check(s->repo, name, &archive->ref, e) != 0)
		return -1;
	return map_open(repo_dir(s->repo), name, ret, e);
}

uint64_t
build_scratch_bytes(struct repo *repo, const struct record *archive)
{
	AUTO_MAP struct map map = {0};
	char name[IDENT_NAME_MAX];

	return map_open(repo_dir(repo), ident_file_name(&archive->ref.id, name), &map, NULL) == 0
		       ? archive_unlisted_bytes(map_span(&map))
		       : 0;
}

/* The header of the version that a difference starts from; NULL for a full archive. */
static int
read_old_header(
	const struct space *s, const struct record *archive, struct header **ret, struct err *e)
{
	const struct ident from = record_base(archive);

	if (record_is_full(archive))
		return 0;
	return repo_read_header(s->repo, &from, ret, NULL, e);
}

/*
 * Decode an archive into the workspace, on top of what is there and in c/. A full archive has no
 * base, so that it is complete by itself, or refused.
 */
static int
decode(const struct space *s, const struct record *archive, const struct header *h, struct err *e)
{
	AUTO_HEADER struct header *old = NULL;
	AUTO_MAP struct map map = {0};
	char name[IDENT_NAME_MAX];
	struct apply what = {
		.header = h, .base = &s->blobs, .dir = s->work, .stop = repo_stop(s->repo)};
	int result = read_old_header(s, archive, &old, e);

	if (result == 0)
		result = map_archive(s, archive, &map, e);
	what.old = old;
	what.archive = map_span(&map);
	if (result == 0)
		result = apply_archive(&what, e);
	return result == 0 ? 0 : err_wrap(e, "%s", record_name(archive, name));
}

/* What was decoded has been checked; what was in c/ all the time has not. */
static int
check_present(const struct space *s, const struct header *h, struct err *e)
{
	size_t count;
	AUTO_FREE const struct header_file **files = header_blobs(h, &count);

	for (size_t i = 0; i < count; i++) {
		const struct archive_ref ref = {files[i]->digest, files[i]->size};
		char name[IDENT_NAME_MAX];
		char hex[DIGEST_HEX + 1];

		if (fs_exists(s->work, digest_hex(&files[i]->digest, hex)))
			continue;
		if (repo_check(s->repo, ident_blob_name(&ref.id, name), &ref, e) != 0)
			return -1;
	}
	return 0;
}

/*
 * One step of the way; culprit is told where it is the archive's fault, as far as one can see. A
 * full disk is no archive's fault: none is thrown away for that.
 */
static int
decode_step(const struct space *s, const struct record *archive, const struct header *h,
	const struct record **ret_culprit, struct err *e)
{
	if (decode(s, archive, h, e) == 0)
		return 0;
	if (depot_is_damage(e))
		*ret_culprit = archive;
	return -1;
}

/*
 * All steps decode into one directory. A file is named by its digest, so that versions on the way
 * cannot disagree about one; what the last one does not have is scratch, and goes with the
 * workspace.
 */
static int
decode_way(const struct space *s, const struct build_way *way, struct record *ret,
	const struct record **ret_culprit, struct err *e)
{
	const struct record *start = way->start;
	AUTO_HEADER struct header *h = NULL;

	if (repo_read_header(s->repo, &start->ident, &h, NULL, e) != 0)
		return -1;
	if (record_is_full(start) && decode_step(s, start, h, ret_culprit, e) != 0)
		return -1;
	for (size_t i = 0; i < way->count; i++) {
		const struct record *difference = &way->differences[i];

		header_free(h);
		h = NULL;
		if (repo_read_header(s->repo, &difference->ident, &h, NULL, e) != 0 ||
			decode_step(s, difference, h, ret_culprit, e) != 0)
			return -1;
	}
	/* Before the content is announced: from here on its files count as checked. */
	if (check_present(s, h, e) != 0)
		return -1;
	return depot_put_content(s->build->depot, h, s->work, ret, e);
}

int
build_content(const struct build *b, const struct build_way *way, struct record *ret,
	const struct record **ret_culprit, struct err *e)
{
	struct space s;
	int result = space_open(&s, b, e);

	*ret_culprit = NULL;
	if (result == 0)
		result = decode_way(&s, way, ret, ret_culprit, e);
	space_close(&s);
	return result == 0 ? 0 : err_wrap(e, "build");
}

/* Quick: a client is waiting. */
static struct pack *
start_packing(const struct space *s, const struct header *h)
{
	struct encode_settings settings = {.blobs = s->blobs,
		.stage = s->streams,
		.quick = true,
		.crew = s->build->crew,
		.stop = repo_stop(s->repo)};

	return pack_new(h, &settings);
}

static int
create_archive(const struct space *s)
{
	return openat(
		s->work, archive_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
}

/* From the workspace into the depot. */
static int
put_archive(const struct space *s, const struct record *r, struct err *e)
{
	AUTO_FREE char *stage = mem_printf("%s/%s", s->build->workspace, archive_name);

	return depot_put_archive(s->build->depot, r, stage, NULL, e);
}

static int
write_archive(const struct space *s, const struct pack *p, size_t archive, uint64_t full_bytes,
	struct record *ret, struct err *e)
{
	AUTO_CLOSE int fd = create_archive(s);

	if (fd < 0)
		return err_sys(e, "stage/%s/%s", s->build->workspace, archive_name);
	if (pack_write(p, archive, fd, &ret->ref, e) != 0)
		return err_wrap(e, "stage/%s/%s", s->build->workspace, archive_name);
	/* Only now its size is known. It stays in the workspace, and goes with that. */
	if (!record_is_full(ret) && !pack_is_worth_it(ret->ref.bytes, full_bytes)) {
		ret->ref = (struct archive_ref){0};
		return 0;
	}
	return put_archive(s, ret, e);
}

/* An archive whose streams are used again, with what says of which files they are. */
struct donor {
	struct map archive;
	struct header *header;
	struct header *old;
	bool decoded;
};

/* One that cannot be read has no archive then. */
static void
open_donor(const struct space *s, const struct record *archive, struct donor *ret)
{
	if (repo_read_header(s->repo, &archive->ident, &ret->header, NULL, NULL) == 0 &&
		read_old_header(s, archive, &ret->old, NULL) == 0)
		(void)map_archive(s, archive, &ret->archive, NULL);
}

static void
close_donor(struct donor *d)
{
	map_close(&d->archive);
	header_free(d->header);
	header_free(d->old);
}

/* ---- A full archive */

/* NULL: there is none of that. */
static const struct donor *
find_donor(const struct build_full *what, const struct donor *donors, const struct record *like)
{
	for (size_t i = 0; i < what->count; i++)
		if (donors[i].archive.at != NULL && record_same(&what->donors[i], like))
			return &donors[i];
	return NULL;
}

/* As a client will: what it is put together from comes from outside. */
static int
read_composed(const struct space *s, const struct header *h, struct err *e)
{
	AUTO_MAP struct map map = {0};
	struct apply what = {.header = h, .dir = s->work, .stop = repo_stop(s->repo)};

	if (map_open(s->work, archive_name, &map, e) != 0)
		return -1;
	what.archive = map_span(&map);
	return apply_archive(&what, e);
}

static int
compose_from(const struct space *s, const struct donor *full, const struct donor *difference,
	struct record *ret, struct err *e)
{
	const struct compose from = {.first = map_span(&full->archive),
		.old = full->header,
		.second = map_span(&difference->archive),
		.new = difference->header};
	AUTO_COMPOSED struct composed *c = NULL;
	AUTO_CLOSE int fd = -1;

	if (compose_open(&from, &c, e) != 0)
		return -1;
	if (!compose_is_worth_it(c))
		return err_set(e, ERR_LIMIT, "it would be too large");
	fd = create_archive(s);
	if (fd < 0 || compose_write(c, fd, &ret->ref, e) != 0)
		return -1;
	if (!(full->decoded && difference->decoded) && read_composed(s, difference->header, e) != 0)
		return -1;
	return put_archive(s, ret, e);
}

/* False: by none of the differences. Why, is nobody's business: it is encoded then. */
static bool
compose_full(const struct space *s, const struct build_full *what, const struct donor *donors,
	struct record *ret)
{
	if (what->format != FORMAT_AR2 || !what->roomy)
		return false;
	for (size_t i = 0; i < what->count; i++) {
		const struct record *r = &what->donors[i];
		const struct record old = {
			.kind = r->kind, .ident = record_base(r), .format = FORMAT_AR2};
		const struct donor *full = find_donor(what, donors, &old);

		if (record_is_difference(r) && r->format == FORMAT_AR2 &&
			ident_equal(&r->ident, &what->ident) && donors[i].archive.at != NULL &&
			full != NULL && compose_from(s, full, &donors[i], ret, NULL) == 0)
			return true;
	}
	return false;
}

/*
 * A donor that was not decoded is not trusted: its digest says that it is what came, and not that
 * it was right. One that is gone by now is none.
 */
static int
pack_full(const struct space *s, const struct build_full *what, const struct header *h,
	const struct donor *donors, struct record *ret, struct err *e)
{
	struct pack *p = start_packing(s, h);
	size_t archive = pack_want(p, what->format, NULL);
	int result;

	for (size_t i = 0; i < what->count; i++)
		if (donors[i].archive.at != NULL)
			pack_donor(p, map_span(&donors[i].archive), donors[i].header, donors[i].old,
				donors[i].decoded);
	result = pack_encode(p, e) != 0 ? -1 : write_archive(s, p, archive, 0, ret, e);
	pack_free(p);
	return result;
}

/* The content is in c/ already: its files are checked as they are opened to be encoded. */
int
build_full(const struct build *b, const struct build_full *what, struct record *ret, struct err *e)
{
	AUTO_HEADER struct header *h = NULL;
	AUTO_FREE struct donor *donors = mem_new(what->count + 1, sizeof(*donors));
	struct space s;
	int result = space_open(&s, b, e);

	*ret = (struct record){.ident = what->ident, .format = what->format};
	if (result == 0)
		result = repo_read_header(s.repo, &what->ident, &h, NULL, e);
	for (size_t i = 0; result == 0 && i < what->count; i++) {
		open_donor(&s, &what->donors[i], &donors[i]);
		donors[i].decoded = what->decoded != NULL && what->decoded[i];
	}
	if (result == 0 && !compose_full(&s, what, donors, ret))
		result = stop_check(repo_stop(s.repo), e) != 0
				 ? -1
				 : pack_full(&s, what, h, donors, ret, e);
	for (size_t i = 0; i < what->count; i++)
		close_donor(&donors[i]);
	space_close(&s);
	return result == 0 ? 0 : err_wrap(e, "build");
}

/* Both versions may be in one directory: files are named by their digests. */
static int
pack_difference(const struct space *s, const struct build_difference *what, const struct header *h,
	const struct header *old, struct record *ret, struct err *e)
{
	struct pack *p = start_packing(s, h);
	size_t archive = pack_want(p, what->format, old);
	int result = pack_encode(p, e);

	if (result == 0)
		result = write_archive(s, p, archive, what->full_bytes, ret, e);
	pack_free(p);
	return result;
}

int
build_difference(const struct build *b, const struct build_difference *what, struct record *ret,
	struct err *e)
{
	AUTO_HEADER struct header *h = NULL;
	AUTO_HEADER struct header *old = NULL;
	struct space s;
	int result = space_open(&s, b, e);

	*ret = (struct record){.ident = what->ident, .base = what->base, .format = what->format};
	if (result == 0 && (repo_read_header(s.repo, &what->ident, &h, NULL, e) != 0 ||
				   read_old_header(&s, ret, &old, e) != 0))
		result = -1;
	if (result == 0 && what->new_full != NULL)
		result = decode(&s, what->new_full, h, e);
	if (result == 0 && what->old_full != NULL)
		result = decode(&s, what->old_full, old, e);
	if (result == 0)
		result = pack_difference(&s, what, h, old, ret, e);
	space_close(&s);
	return result == 0 ? 0 : err_wrap(e, "build");
}
