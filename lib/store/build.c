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

/*
 * Decode an archive into the workspace, on top of what is there and in c/. A full archive has no
 * base, so that it is complete by itself, or refused.
 */
static int
decode(const struct space *s, const struct record *archive, const struct header *h, struct err *e)
{
	const struct blobs *base = record_is_full(archive) ? NULL : &s->blobs;
	AUTO_MAP struct map map = {0};
	char name[IDENT_NAME_MAX];

	struct apply what = {.header = h, .base = base, .dir = s->work, .stop = repo_stop(s->repo)};
	int result = map_archive(s, archive, &map, e);

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

/* Quick, and in the one format that is asked for: a client is waiting. */
static struct encode *
start_encoding(const struct space *s, const struct header *h, enum format format)
{
	struct encode_settings settings = {.blobs = s->blobs,
		.stage = s->streams,
		.quick = true,
		.formats = 1U << format,
		.crew = s->build->crew,
		.stop = repo_stop(s->repo)};

	return encode_new(h, &settings);
}

/* Pack into the workspace, and from there into the depot. */
static int
write_archive(const struct space *s, const struct encode *x, const struct pack_older *older,
	uint64_t full_bytes, struct record *ret, struct err *e)
{
	AUTO_CLOSE int fd = openat(
		s->work, "archive", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	AUTO_FREE char *stage = mem_printf("%s/archive", s->build->workspace);

	if (fd < 0)
		return err_sys(e, "%s", stage);
	if (pack_archive(x, ret->format, older, fd, &ret->ref, e) != 0)
		return err_wrap(e, "%s", stage);
	/* Only now its size is known. It stays in the workspace, and goes with that. */
	if (older != NULL && !pack_is_worth_it(ret->ref.bytes, full_bytes)) {
		ret->ref = (struct archive_ref){0};
		return 0;
	}
	return depot_put_archive(s->build->depot, ret, stage, e);
}

/* Donors are not trusted: their digest says that they are what came, and not that it was right. */
static int
encode_full(const struct space *s, struct encode *x, const struct map *donors, size_t count,
	struct record *ret, struct err *e)
{
	for (size_t i = 0; i < count; i++)
		encode_donor(x, map_span(&donors[i]), false);
	if (encode_all(x, e) != 0)
		return -1;
	return write_archive(s, x, NULL, 0, ret, e);
}

/* A donor that is gone by now is none. */
static size_t
map_donors(const struct space *s, const struct record *donors, size_t count, struct map *ret)
{
	size_t mapped = 0;

	for (size_t i = 0; i < count; i++)
		if (map_archive(s, &donors[i], &ret[mapped], NULL) == 0)
			mapped++;
	return mapped;
}

/* The content is in c/ already: its files are checked as they are opened to be encoded. */
int
build_full(const struct build *b, const struct build_full *what, struct record *ret, struct err *e)
{
	AUTO_HEADER struct header *h = NULL;
	AUTO_FREE struct map *maps = mem_new(what->count, sizeof(*maps));
	struct space s;
	size_t mapped = 0;
	int result = space_open(&s, b, e);

	*ret = (struct record){.ident = what->ident, .format = what->format};
	if (result == 0)
		result = repo_read_header(s.repo, &what->ident, &h, NULL, e);
	if (result == 0) {
		struct encode *x = start_encoding(&s, h, what->format);

		mapped = map_donors(&s, what->donors, what->count, maps);
		result = encode_full(&s, x, maps, mapped, ret, e);
		encode_free(x);
	}
	/* After encode_free: entries and streams point into the donors. */
	while (mapped > 0)
		map_close(&maps[--mapped]);
	space_close(&s);
	return result == 0 ? 0 : err_wrap(e, "build");
}

/* Both versions may be in one directory: files are named by their digests. */
static int
encode_difference(const struct space *s, const struct build_difference *what,
	const struct header *h, const struct pack_older *older, struct record *ret, struct err *e)
{
	struct encode *x = start_encoding(s, h, what->format);
	int result;

	pack_skip_unchanged(x, older);
	/* The older format has no deltas: its differences have whole files. */
	if (what->format == FORMAT_AR2)
		pack_want_deltas(x, older, &s->blobs);
	result = encode_all(x, e);
	if (result == 0)
		result = write_archive(s, x, older, what->full_bytes, ret, e);
	encode_free(x);
	return result;
}

int
build_difference(const struct build *b, const struct build_difference *what, struct record *ret,
	struct err *e)
{
	AUTO_HEADER struct header *h = NULL;
	AUTO_HEADER struct header *old = NULL;
	struct ident from = what->ident;
	struct space s;
	int result = space_open(&s, b, e);

	from.edition = what->base;
	*ret = (struct record){.ident = what->ident, .base = what->base, .format = what->format};
	if (result == 0 && (repo_read_header(s.repo, &what->ident, &h, NULL, e) != 0 ||
				   repo_read_header(s.repo, &from, &old, NULL, e) != 0))
		result = -1;
	if (result == 0 && what->new_full != NULL)
		result = decode(&s, what->new_full, h, e);
	if (result == 0 && what->old_full != NULL)
		result = decode(&s, what->old_full, old, e);
	if (result == 0) {
		struct pack_older *older = pack_older_new(old);

		old = NULL;
		result = encode_difference(&s, what, h, older, ret, e);
		pack_older_free(older);
	}
	space_close(&s);
	return result == 0 ? 0 : err_wrap(e, "build");
}
