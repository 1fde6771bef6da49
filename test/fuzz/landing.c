/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A header and a newline, the header of an older version and another one, and an archive: looked at
 * as where it lands, used as a donor, and applied; without the second header as a full archive.
 * What is applied was not refused before, and every file has its digest.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "codec/apply.h"
#include "codec/pack.h"
#include "codec/validate.h"
#include "fuzz.h"

enum { BYTES_MAX = 1 << 18 };

/* The files that there are of the older version. */
static const char *const old[] = {
	"the quick brown fox jumps over the lazy dog, the quick brown fox", "lazy", ""};

static const char *
find_old(const struct digest *digest)
{
	for (size_t i = 0; i < sizeof(old) / sizeof(*old); i++) {
		const struct digest one = digest_of(span_of(old[i], strlen(old[i])));

		if (digest_equal(digest, &one))
			return old[i];
	}
	return NULL;
}

static bool
has(void *context, const struct digest *digest)
{
	(void)context;
	return find_old(digest) != NULL;
}

static int
open_old(void *context, const struct digest *digest, bool check, struct map *ret, struct err *e)
{
	const char *found = find_old(digest);

	(void)context;
	(void)check;
	if (found == NULL)
		return err_set(e, ERR_MISSING, "not here");
	*ret = (struct map){
		(uint8_t *)mem_string_n(found, strlen(found)), strlen(found), MAP_OF_MEMORY};
	return 0;
}

static char directory[] = "/tmp/guts2-fuzz-XXXXXX";

static void
remove_directory(void)
{
	(void)fs_remove(AT_FDCWD, directory, NULL);
}

static int
open_directory(void)
{
	static int dir = -1;

	if (dir >= 0) {
		assert(fs_clear(dir, ".", NULL) == 0);
		return dir;
	}
	assert(mkdtemp(directory) != NULL);
	(void)atexit(remove_directory);
	dir = fs_open_dir(AT_FDCWD, directory, NULL);
	assert(dir >= 0);
	return dir;
}

/* All of the version is at hand. */
static void
pack_again(const struct header *h, struct span archive, int dir)
{
	struct blobs_dirs dirs = {.dir = {dir}, .count = 1};
	struct encode_settings settings = {.blobs = blobs_in(&dirs), .quick = true};
	struct pack *p;

	settings.stage = fs_make_dirs(dir, "streams", NULL);
	p = pack_new(h, &settings);
	for (int format = 0; format < FORMAT_COUNT; format++)
		(void)pack_want(p, (enum format)format, NULL);
	pack_donor(p, archive, h, NULL, false);
	assert(pack_encode(p, NULL) == 0);
	pack_free(p);
	fs_close(&settings.stage);
}

static void
check_files(const struct header *h, const struct blobs *base, int dir)
{
	for (size_t i = 0; i < h->count; i++) {
		char hex[DIGEST_HEX + 1];
		struct digest got;
		uint64_t bytes;
		AUTO_CLOSE int fd = fs_open(dir, digest_hex(&h->files[i].digest, hex), NULL, NULL);

		if (fd < 0) {
			assert(base != NULL && has(NULL, &h->files[i].digest));
			continue;
		}
		assert(digest_of_file(fd, NULL, &got, &bytes, NULL) == 0);
		assert(bytes == h->files[i].size && digest_equal(&got, &h->files[i].digest));
	}
}

static void
land(const struct header *h, const struct header *from, struct span archive)
{
	const struct blobs base = {NULL, has, open_old};
	const struct blobs *at_hand = from != NULL ? &base : NULL;
	const struct validate landing = {h, from == NULL, from, NULL};
	const struct apply what = {archive, h, from, at_hand, open_directory(), NULL};
	bool refused = validate_archive(archive, &landing, NULL) != 0;

	if (apply_archive(&what, NULL) != 0)
		return;
	assert(!refused);
	check_files(h, at_hand, what.dir);
	if (from == NULL)
		pack_again(h, archive, what.dir);
}

/* A line of the input; *data is behind it then. */
static struct header *
take_header(struct span *data)
{
	const uint8_t *newline = data->len > 0 ? memchr(data->at, '\n', data->len) : NULL;
	size_t len = newline != NULL ? (size_t)(newline - data->at) + 1 : data->len;
	struct header *h = NULL;

	if (header_parse(span_of(data->at, len), &h, NULL) == 0)
		*data = span_of(data->at + len, data->len - len);
	return h;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span left = span_of(data, size);
	AUTO_HEADER struct header *h = take_header(&left);
	AUTO_HEADER struct header *from = h != NULL ? take_header(&left) : NULL;

	if (h == NULL || h->bytes > BYTES_MAX || (from != NULL && from->bytes > BYTES_MAX))
		return 0;
	land(h, NULL, left);
	if (from != NULL)
		land(h, from, left);
	return 0;
}
