/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * header.h - the list of the files of a version.
 *
 * Does:     parses and formats the `/h` document; everything in a parsed one is
 *           within the limits, paths are safe to make below a directory, and paths and
 *           title are safe to show (doc_text_plain).
 * Shapes:   {"cookie","files":[{"filename","sha256","size","path"?,"executable"?}],
 *           "title","type","version"}; files are sorted by path
 * Owner:    header_parse/header_new -> header_free
 * Errors:   ERR_INPUT naming file and field; ERR_LIMIT
 * Source:   guts2(7), IDENTITY, REQUESTS and LIMITS
 */
#ifndef HEADER_H
#define HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "model/ident.h"

#define HEADER_BYTES_MAX ((size_t)16 << 20)
#define HEADER_FILE_BYTES_MAX (1ULL << 40)
enum { HEADER_FILES_MAX = 65536, HEADER_DEPTH_MAX = 16, HEADER_COMPONENT_MAX = 255 };

struct header_file {
	char *path; /* directories/filename */
	struct digest digest;
	uint64_t size;
	bool executable;
};

struct header {
	struct ident ident;
	char *title;
	struct header_file *files;
	size_t count;
	size_t capacity;
	uint64_t bytes; /* sum of the sizes */
};

#define AUTO_HEADER __attribute__((cleanup(header_cleanup)))

struct header *header_new(void);
void header_free(struct header *h);

int header_parse(struct span json, struct header **ret, struct err *e);

/* The same; one of another version is refused. */
int header_parse_of(
	struct span json, const struct ident *ident, struct header **ret, struct err *e);

/* Add a file; its path is checked. */
int header_add(struct header *h, const struct header_file *file, struct err *e);

/* After the last header_add: sort, and refuse repeated and contradicting paths. */
int header_seal(struct header *h, struct err *e);

/* The cookie that belongs to a sealed header's files (the publisher's rule). */
void header_cookie(const struct header *h, char ret[IDENT_COOKIE + 1]);

void header_format(const struct header *h, struct buf *ret);

/* The file with this path; NULL: none. */
const struct header_file *header_find(const struct header *h, const char *path);

/*
 * The distinct blobs of a header: the first file with each digest, sorted by it.
 * The array is the caller's to free, what it points to is the header's.
 */
const struct header_file **header_blobs(const struct header *h, size_t *ret_count);

/* In such an array, the index of the one with this digest; count: none. */
size_t header_blob_find(
	const struct header_file *const *blobs, size_t count, const struct digest *digest);

/* A copy of such an array, in the order of paths, as archives have them. */
const struct header_file **header_contents(const struct header_file *const *blobs, size_t count);

/* In such an array, the index of a file that header_blobs of the same header has. */
size_t header_content_find(
	const struct header_file *const *contents, size_t count, const struct header_file *file);

static inline void
header_cleanup(struct header **pointer)
{
	header_free(*pointer);
}

#endif
