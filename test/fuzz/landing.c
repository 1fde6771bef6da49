/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A header, a newline, and an archive of its version: looked at as where it lands, used as a donor,
 * and applied. What is applied was not refused before, and every file has its digest.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "codec/apply.h"
#include "codec/encode.h"
#include "codec/validate.h"
#include "fuzz.h"

enum { BYTES_MAX = 1 << 18 };

/* The one file that there is beside. */
static const char old[] = "the quick brown fox jumps over the lazy dog, the quick brown fox";

static bool
has(void *context, const struct digest *digest)
{
	const struct digest of_old = digest_of(span_of(old, sizeof(old) - 1));

	(void)context;
	return digest_equal(digest, &of_old);
}

static int
open_old(void *context, const struct digest *digest, bool check, struct map *ret, struct err *e)
{
	(void)check;
	if (!has(context, digest))
		return err_set(e, ERR_MISSING, "not here");
	*ret = (struct map){
		(uint8_t *)mem_string_n(old, sizeof(old) - 1), sizeof(old) - 1, MAP_OF_MEMORY};
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
	struct encode_settings settings = {.blobs = blobs_in(&dirs), .quick = true, .formats = 3};
	struct encode *x;

	settings.stage = fs_make_dirs(dir, "streams", NULL);
	x = encode_new(h, &settings);
	encode_donor(x, archive, false);
	assert(encode_all(x, NULL) == 0);
	encode_free(x);
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
land(const struct header *h, struct span archive, const struct blobs *base)
{
	const struct validate landing = {h, base == NULL, NULL};
	const struct apply what = {archive, h, base, open_directory(), NULL};
	bool refused = validate_archive(archive, &landing, NULL) != 0;

	if (apply_archive(&what, NULL) != 0)
		return;
	assert(!refused);
	check_files(h, base, what.dir);
	if (base == NULL)
		pack_again(h, archive, what.dir);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct blobs base = {NULL, has, open_old};
	const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t head = newline != NULL ? (size_t)(newline - data) + 1 : size;
	AUTO_HEADER struct header *h = NULL;
	struct encode *x;

	if (header_parse(span_of(data, head), &h, NULL) != 0 || h->bytes > BYTES_MAX)
		return 0;
	x = encode_new(h, &(struct encode_settings){.formats = 3});
	encode_donor(x, span_of(data + head, size - head), false);
	encode_free(x);
	land(h, span_of(data + head, size - head), NULL);
	land(h, span_of(data + head, size - head), &base);
	return 0;
}
