/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * landed.h - what the targets landing and group do with an archive and its headers.
 *
 * Does:     looks at it as where it lands, and applies it: what is applied was not refused before,
 *           and every file has its digest. Then it is a donor, and what is packed with its streams
 *           is applied in turn.
 */
#ifndef LANDED_H
#define LANDED_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "codec/apply.h"
#include "codec/pack.h"
#include "codec/validate.h"
#include "fuzz.h"

/* Some contents that are here in any case; the first few are those of an older version. */
enum { KNOWN_COUNT = 8, KNOWN_OLD = 4, KNOWN_BYTES_MAX = 640, DONORS_EVERY = 8 };

static const char fox[] = "the quick brown fox jumps over the lazy dog, the quick brown fox";

struct known {
	uint8_t bytes[KNOWN_BYTES_MAX];
	size_t len;
	struct digest digest;
};

static struct known known[KNOWN_COUNT];

static inline void
know_pattern(struct known *k, size_t len, unsigned step, size_t every)
{
	k->len = len;
	for (size_t i = 0; i < len; i++)
		k->bytes[i] = (uint8_t)(((i * step) ^ (i >> 3)) + (i % every == every - 1));
}

static inline void
know_text(struct known *k, const char *before, const char *text, const char *behind)
{
	k->len = (size_t)snprintf(
		(char *)k->bytes, sizeof(k->bytes), "%s%s%s", before, text, behind);
}

static inline void
know_all(void)
{
	if (known[0].len > 0)
		return;
	know_text(&known[0], "", fox, "");
	/* 1 is empty. */
	know_pattern(&known[2], 512, 7, 600);
	know_text(&known[3], fox, " and back. ", "Pack my box with five dozen liquor jugs.");
	know_text(&known[4], "Again ", fox, ".");
	know_pattern(&known[5], 600, 7, 100);
	know_text(&known[6], "jugs of five, ", fox, " and back. Pack my box");
	know_pattern(&known[7], 300, 13, 50);
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		known[i].digest = digest_of(span_of(known[i].bytes, known[i].len));
}

static inline const struct known *
find_known(const struct digest *digest, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (digest_equal(&known[i].digest, digest))
			return &known[i];
	return NULL;
}

static inline bool
has_old(void *context, const struct digest *digest)
{
	(void)context;
	return find_known(digest, KNOWN_OLD) != NULL;
}

static inline int
open_old(void *context, const struct digest *digest, bool check, struct map *ret, struct err *e)
{
	const struct known *k = find_known(digest, KNOWN_OLD);

	(void)context;
	(void)check;
	if (k == NULL)
		return err_set(e, ERR_MISSING, "not here");
	*ret = (struct map){mem_new(k->len + 1, 1), k->len, MAP_OF_MEMORY};
	memcpy(ret->at, k->bytes, k->len);
	return 0;
}

static const struct blobs old_blobs = {NULL, has_old, open_old};

/* ---- Directories */

static char top[] = "/tmp/guts2-fuzz-XXXXXX";

static inline void
remove_top(void)
{
	(void)fs_remove(AT_FDCWD, top, NULL);
}

/* Empty ones: that of an archive from outside, and that of what was packed. */
static inline int
open_directory(int which)
{
	static const char *const names[] = {"landing", "again"};
	static int dirs[2] = {-1, -1};
	static int dir = -1;

	if (dir < 0) {
		assert(mkdtemp(top) != NULL);
		(void)atexit(remove_top);
		dir = fs_open_dir(AT_FDCWD, top, NULL);
		assert(dir >= 0);
	}
	if (dirs[which] < 0)
		dirs[which] = fs_make_dirs(dir, names[which], NULL);
	assert(dirs[which] >= 0);
	assert(fs_clear(dirs[which], ".", NULL) == 0);
	return dirs[which];
}

static inline void
put_known(int dir)
{
	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		char hex[DIGEST_HEX + 1];
		AUTO_CLOSE int fd = openat(dir, digest_hex(&known[i].digest, hex),
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		assert(fd >= 0 && fs_write(fd, known[i].bytes, known[i].len, NULL) == 0);
	}
}

/* ---- An archive */

static inline void
check_files(const struct header *h, const struct header *old, int dir)
{
	for (size_t i = 0; i < h->count; i++) {
		char hex[DIGEST_HEX + 1];
		struct digest got;
		uint64_t bytes;
		AUTO_CLOSE int fd = fs_open(dir, digest_hex(&h->files[i].digest, hex), NULL, NULL);

		if (fd < 0) {
			assert(old != NULL && has_old(NULL, &h->files[i].digest));
			continue;
		}
		assert(digest_of_file(fd, NULL, &got, &bytes, NULL) == 0);
		assert(bytes == h->files[i].size && digest_equal(&got, &h->files[i].digest));
	}
}

enum landing { LANDING_REFUSED, LANDING_BROKEN, LANDING_APPLIED };

static inline enum landing
land(const struct header *h, const struct header *old, const struct blobs *base,
	struct span archive, int dir)
{
	const struct validate landing = {h, old == NULL, old, base};
	const struct apply what = {archive, h, old, base, dir, NULL};

	/* apply_archive begins with the same. */
	if (validate_archive(archive, &landing, NULL) != 0)
		return LANDING_REFUSED;
	return apply_archive(&what, NULL) != 0 ? LANDING_BROKEN : LANDING_APPLIED;
}

/* An archive that we made is one that we read. */
static inline void
read_packed(const struct pack *p, size_t archive, const struct header *h, const struct header *old,
	struct blobs *base, int dir)
{
	AUTO_CLOSE int fd = openat(dir, "packed", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct archive_ref ref;
	AUTO_MAP struct map bytes = {0};
	int again = open_directory(1);

	assert(fd >= 0 && pack_write(p, archive, fd, &ref, NULL) == 0);
	assert(map_open(dir, "packed", &bytes, NULL) == 0 && bytes.len == ref.bytes);
	assert(land(h, old, old != NULL ? base : NULL, map_span(&bytes), again) == LANDING_APPLIED);
}

/* All of the new version is in the directory, and what is at hand of the older one. */
static inline void
pack_again(const struct header *h, const struct header *old, struct span donor, int dir)
{
	struct blobs_dirs dirs = {.dir = {dir}, .count = 1};
	struct encode_settings settings = {.blobs = blobs_in(&dirs), .quick = true};
	struct pack *p;
	size_t archives[FORMAT_COUNT];

	settings.stage = fs_make_dirs(dir, "streams", NULL);
	p = pack_new(h, &settings);
	for (int i = 0; i < FORMAT_COUNT; i++)
		archives[i] = pack_want(p, (enum format)i, old);
	pack_donor(p, donor, h, old, false);
	assert(pack_encode(p, NULL) == 0);
	for (int i = 0; i < FORMAT_COUNT; i++)
		read_packed(p, archives[i], h, old, &settings.blobs, dir);
	pack_free(p);
	fs_close(&settings.stage);
}

/* One that is refused has nothing to give, or some of it; it is looked at all the same. */
static inline void
offer_donor(const struct header *h, const struct header *old, struct span donor)
{
	const struct encode_settings settings = {.blobs = old_blobs, .stage = -1, .quick = true};
	struct pack *p = pack_new(h, &settings);

	for (int i = 0; i < FORMAT_COUNT; i++)
		(void)pack_want(p, (enum format)i, old);
	pack_donor(p, donor, h, old, false);
	pack_free(p);
}

/* All of these are known, or nothing else is said of any that is: a header may lie of sizes. */
static inline bool
is_known(const struct header *h, bool all)
{
	for (size_t i = 0; h != NULL && i < h->count; i++) {
		const struct known *k = find_known(&h->files[i].digest, KNOWN_COUNT);

		if (k == NULL ? all : k->len != h->files[i].size)
			return false;
	}
	return true;
}

/* old NULL: it is a full archive. */
static inline void
check_archive(const struct header *h, const struct header *old, struct span archive)
{
	const struct blobs *base = old != NULL ? &old_blobs : NULL;
	const struct validate look = {h, old == NULL, old, base};
	enum landing landing;
	int dir;

	/* Most are refused, and are not to cost what the others do. */
	if (validate_archive(archive, &look, NULL) != 0) {
		if (archive.len % DONORS_EVERY == 0)
			offer_donor(h, old, archive);
		return;
	}
	dir = open_directory(0);
	landing = land(h, old, base, archive, dir);

	if (landing == LANDING_APPLIED)
		check_files(h, old, dir);
	/* A donor need not be right; of those that are not some are enough. */
	if (landing != LANDING_APPLIED && archive.len % DONORS_EVERY != 0)
		return;
	if (is_known(h, landing == LANDING_BROKEN) && is_known(old, false)) {
		put_known(dir);
		pack_again(h, old, archive, dir);
	} else {
		offer_donor(h, old, archive);
	}
}

#endif
