/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pair - what the library does with two versions of a published repository, alone and
 *        on a clock; nothing is synced, as the peers sync nothing.
 *
 *   pair build   REPO TYPE OLD NEW ARCHIVE           the difference, as the publisher builds it
 *   pair full    REPO TYPE OLD NEW ARCHIVE           the full archive of NEW, likewise
 *   pair apply   REPO TYPE OLD NEW ARCHIVE DIR       the files that OLD has not, into DIR
 *   pair rebuild REPO TYPE OLD NEW ARCHIVE DIR FULL  the same, then a full archive of NEW: that
 *                                                    of OLD with the difference behind it, or one
 *                                                    that is encoded anew
 *
 * Prints {"bytes","seconds","rss_kb"}. The full archive's streams count as built where
 * the publisher has built them before: build begins with them.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "codec/apply.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/loop.h"
#include "base/mem.h"
#include "codec/compose.h"
#include "codec/pack.h"
#include "parallel.h"
#include "versions.h"

struct pair {
	struct repo *repo;
	struct header *old;
	struct header *new;
	struct blobs_dirs dirs;
	struct blobs blobs;
	int stage;
};

static int
each_task(void *context, size_t count, int (*run)(void *context, size_t index, struct err *e),
	void *run_context, struct err *e)
{
	(void)context;
	return parallel_for(count, loop_processors(), run, run_context, e);
}

static const struct encode_crew crew = {.each = each_task};

static int
open_header(
	struct pair *p, const char *type, const char *version, struct header **ret, struct err *e)
{
	AUTO_FREE struct ident *versions = NULL;
	size_t count;

	if (versions_read(p->repo, type, &versions, &count, e) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (versions[i].edition.version == strtoull(version, NULL, 10))
			return repo_read_header(p->repo, &versions[i], ret, NULL, e);
	return err_set(e, ERR_MISSING, "no version %s", version);
}

static int
open_pair(struct pair *p, char **argv, struct err *e)
{
	if (repo_open(argv[2], false, &p->repo, e) != 0 ||
		open_header(p, argv[3], argv[4], &p->old, e) != 0 ||
		open_header(p, argv[3], argv[5], &p->new, e) != 0)
		return -1;
	p->dirs.dir[0] = fs_open_dir(repo_dir(p->repo), "c", e);
	p->dirs.count = 1;
	p->blobs = blobs_in(&p->dirs);
	p->stage = fs_make_dirs(repo_stage_dir(p->repo), "bench", e);
	return p->dirs.dir[0] < 0 || p->stage < 0 ? -1 : 0;
}

static int
map_full(struct pair *p, const struct header *h, struct map *ret, struct err *e)
{
	char name[IDENT_NAME_MAX];
	struct offer offer;

	if (repo_read_offer(p->repo, ident_offer_name(&h->ident, NULL, name), &offer, e) != 0)
		return -1;
	(void)ident_file_name(&offer.archive[FORMAT_AR2].id, name);
	return map_open(repo_dir(p->repo), name, ret, e);
}

static int
write_archive(
	struct pack *pack, size_t archive, const char *path, struct archive_ref *ret, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(e, "%s", path);
	return pack_write(pack, archive, fd, ret, e);
}

/* old NULL: the full archive. */
static int
build_with(struct pair *p, const struct encode_settings *settings, const struct header *old,
	struct span donor, const char *path, struct archive_ref *ret, struct err *e)
{
	struct pack *pack = pack_new(p->new, settings);
	size_t archive = pack_want(pack, FORMAT_AR2, old);
	int result;

	if (donor.len > 0)
		pack_donor(pack, donor, p->new, NULL, true);
	result = pack_encode(pack, e);
	if (result == 0)
		result = write_archive(pack, archive, path, ret, e);
	pack_free(pack);
	return result;
}

static int
build(struct pair *p, const char *path, bool full, struct archive_ref *ret, struct err *e)
{
	AUTO_MAP struct map donor = {0};
	const struct encode_settings settings = {
		.blobs = p->blobs, .stage = p->stage, .crew = &crew};

	if (!full && map_full(p, p->new, &donor, e) != 0)
		return -1;
	return build_with(p, &settings, full ? NULL : p->old, map_span(&donor), path, ret, e);
}

static int
apply(struct pair *p, const char *path, const char *directory, struct archive_ref *ret,
	struct err *e)
{
	AUTO_MAP struct map archive = {0};
	AUTO_CLOSE int dir = fs_make_dirs(AT_FDCWD, directory, e);
	struct apply what = {.header = p->new, .old = p->old, .base = &p->blobs, .dir = dir};

	if (dir < 0 || map_open(AT_FDCWD, path, &archive, e) != 0)
		return -1;
	ret->id = digest_of(map_span(&archive));
	ret->bytes = archive.len;
	what.archive = map_span(&archive);
	return apply_archive(&what, e);
}

/* Of archives that were decoded before, as those a server has made content from. */
static int
compose(struct pair *p, char **argv, struct archive_ref *ret, struct err *e)
{
	AUTO_MAP struct map full = {0};
	AUTO_MAP struct map difference = {0};
	AUTO_COMPOSED struct composed *c = NULL;
	AUTO_CLOSE int fd = open(argv[8], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct compose from = {.old = p->old, .new = p->new};

	if (map_full(p, p->old, &full, e) != 0 || map_open(AT_FDCWD, argv[6], &difference, e) != 0)
		return -1;
	from.first = map_span(&full);
	from.second = map_span(&difference);
	if (compose_open(&from, &c, e) != 0)
		return -1;
	if (!compose_is_worth_it(c))
		return err_set(e, ERR_LIMIT, "not worth it");
	return compose_write(c, fd, ret, e);
}

/* As a server does. */
static int
rebuild(struct pair *p, char **argv, struct archive_ref *ret, struct err *e)
{
	struct encode_settings settings = {.stage = p->stage, .quick = true};
	struct blobs_dirs dirs = {.dir = {-1, p->dirs.dir[0]}, .count = 2};
	int result;

	if (apply(p, argv[6], argv[7], ret, e) != 0)
		return -1;
	if (compose(p, argv, ret, e) == 0)
		return 0;
	if (e->code != ERR_LIMIT)
		return -1;
	dirs.dir[0] = fs_open_dir(AT_FDCWD, argv[7], e);
	if (dirs.dir[0] < 0)
		return -1;
	settings.blobs = blobs_in(&dirs);
	result = build_with(p, &settings, NULL, span_of("", 0), argv[8], ret, e);
	fs_close(&dirs.dir[0]);
	return result;
}

int
main(int argc, char **argv)
{
	struct pair p = {0};
	struct archive_ref ref = {0};
	struct rusage usage;
	struct err e = {0};
	uint64_t started_us;
	int result = -1;

	mem_return_large();
	if (argc < 7 || open_pair(&p, argv, &e) != 0) {
		(void)fprintf(stderr, "pair: %s\n", argc < 7 ? "usage" : e.text);
		return 2;
	}
	started_us = clock_mono_us();
	if (strcmp(argv[1], "build") == 0)
		result = build(&p, argv[6], false, &ref, &e);
	else if (strcmp(argv[1], "full") == 0)
		result = build(&p, argv[6], true, &ref, &e);
	else if (strcmp(argv[1], "apply") == 0 && argc == 8)
		result = apply(&p, argv[6], argv[7], &ref, &e);
	else if (strcmp(argv[1], "rebuild") == 0 && argc == 9)
		result = rebuild(&p, argv, &ref, &e);
	if (result != 0) {
		(void)fprintf(stderr, "pair: %s\n", e.text);
		return 1;
	}
	(void)getrusage(RUSAGE_SELF, &usage);
	(void)printf("{\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"rss_kb\":%ld}\n", ref.bytes,
		(double)(clock_mono_us() - started_us) / 1e6, usage.ru_maxrss);
	return 0;
}
