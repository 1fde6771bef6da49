/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/build.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/mem.h"
#include "codec/apply.h"
#include "codec/pack.h"
#include "store/content.h"

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

/* Pack into the workspace, and from there into the depot. */
static int
write_archive(const struct space *s, const struct pack *p, size_t archive, uint64_t full_bytes,
	struct record *ret, struct err *e)
{
	AUTO_CLOSE int fd = openat(
		s->work, "archive", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	AUTO_FREE char *stage = mem_printf("%s/archive", s->build->workspace);

	if (fd < 0)
		return err_sys(e, "%s", stage);
	if (pack_write(p, archive, fd, &ret->ref, e) != 0)
		return err_wrap(e, "%s", stage);
	/* Only now its size is known. It stays in the workspace, and goes with that. */
	if (!record_is_full(ret) && !pack_is_worth_it(ret->ref.bytes, full_bytes)) {
		ret->ref = (struct archive_ref){0};
		return 0;
	}
	return depot_put_archive(s->build->depot, ret, stage, e);
}

/* An archive whose streams are used again, with what says of which files they are. */
struct donor {
	struct map archive;
	struct header *header;
	struct header *old;
};

static int
open_donor(const struct space *s, const struct record *archive, struct donor *ret)
{
	return repo_read_header(s->repo, &archive->ident, &ret->header, NULL, NULL) != 0 ||
			       read_old_header(s, archive, &ret->old, NULL) != 0
		       ? -1
		       : map_archive(s, archive, &ret->archive, NULL);
}

static void
close_donor(struct donor *d)
{
	map_close(&d->archive);
	header_free(d->header);
	header_free(d->old);
}

/*
 * Donors are not trusted: their digest says that they are what came, and not that it was right. One
 * that is gone by now is none.
 */
static int
pack_full(const struct space *s, const struct build_full *what, struct pack *p,
	struct donor *donors, struct record *ret, struct err *e)
{
	size_t archive = pack_want(p, what->format, NULL);

	for (size_t i = 0; i < what->count; i++)
		if (open_donor(s, &what->donors[i], &donors[i]) == 0)
			pack_donor(p, map_span(&donors[i].archive), donors[i].header, donors[i].old,
				false);
	return pack_encode(p, e) != 0 ? -1 : write_archive(s, p, archive, 0, ret, e);
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
	if (result == 0) {
		struct pack *p = start_packing(&s, h);

		result = pack_full(&s, what, p, donors, ret, e);
		pack_free(p);
	}
	/* After pack_free: streams point into the donors. */
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
