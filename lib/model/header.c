/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/header.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "model/doc.h"

struct header *
header_new(void)
{
	return mem_new(1, sizeof(struct header));
}

void
header_free(struct header *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->count; i++)
		free(h->files[i].path);
	free(h->files);
	free(h->title);
	free(h);
}

/*
 * . and .. lead out of the directory that a version is unpacked to. Control characters are seen to
 * by doc_text_plain; a newline would let two lists of files have one cookie, see header_cookie.
 */
static bool
component_valid(const char *s, size_t len)
{
	if (len == 0 || len > HEADER_COMPONENT_MAX)
		return false;
	return !((len == 1 && s[0] == '.') || (len == 2 && s[0] == '.' && s[1] == '.'));
}

/* No component is empty: with that go absolute paths, // and a slash at the end. */
static bool
path_valid(const char *path)
{
	for (int depth = 1; depth <= HEADER_DEPTH_MAX; depth++) {
		size_t len = strcspn(path, "/");

		if (!component_valid(path, len))
			return false;
		if (path[len] == '\0')
			return true;
		path += len + 1;
	}
	return false;
}

int
header_add(struct header *h, const struct header_file *file, struct err *e)
{
	if (!path_valid(file->path) || !doc_text_plain(file->path))
		return err_set(e, ERR_INPUT,
			"a path must be at most %d components of 1 to %d bytes of UTF-8 without "
			"control characters and marks of direction, and none of them . or ..",
			HEADER_DEPTH_MAX, HEADER_COMPONENT_MAX);
	if (h->count == HEADER_FILES_MAX)
		return err_set(e, ERR_LIMIT, "more than %d files", HEADER_FILES_MAX);
	/* All files together are bounded as one is: whoever unpacks them needs that much room. */
	if (file->size > HEADER_FILE_BYTES_MAX ||
		!num_add(&h->bytes, file->size, HEADER_FILE_BYTES_MAX))
		return err_set(e, ERR_LIMIT, "larger than 2^40 bytes");
	h->files = mem_grow(h->files, h->count, &h->capacity, sizeof(*h->files));
	h->files[h->count] = *file;
	h->files[h->count++].path = mem_string(file->path);
	return 0;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct header_file *)a)->path, ((const struct header_file *)b)->path);
}

const struct header_file *
header_find(const struct header *h, const char *path)
{
	/* bsearch(3) does not write: the key only has to have the type of an entry. */
	union {
		const char *in;
		char *out;
	} unconst = {path};
	struct header_file key = {.path = unconst.out};

	if (h->count == 0)
		return NULL;
	return bsearch(&key, h->files, h->count, sizeof(*h->files), compare_paths);
}

static bool
is_beside(const char *path, const char *before)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash + 1 - path) : 0;

	return strncmp(path, before, len) == 0;
}

/*
 * A file cannot be the directory of another one. At most 16 look-ups for each directory, so that a
 * header of 65,536 files is no more than a moment. before: the path before this one, whose
 * directories were looked up.
 */
static int
check_parents(const struct header *h, const char *path, const char *before, struct err *e)
{
	AUTO_FREE char *parent = NULL;

	if (is_beside(path, before))
		return 0;
	parent = mem_string(path);

	for (char *slash; (slash = strrchr(parent, '/')) != NULL;) {
		*slash = '\0';
		if (header_find(h, parent) != NULL)
			return err_set(e, ERR_INPUT, "path is a file and a directory: %s", parent);
	}
	return 0;
}

static int
compare_blobs(const void *a, const void *b)
{
	const struct header_file *const *left = a;
	const struct header_file *const *right = b;

	return digest_compare(&(*left)->digest, &(*right)->digest);
}

/* Files are in one array, so that their addresses have the order of the paths. */
static int
compare_places(const void *a, const void *b)
{
	const struct header_file *left = *(const struct header_file *const *)a;
	const struct header_file *right = *(const struct header_file *const *)b;

	return (left > right) - (left < right);
}

/* A file by the beginning of its digest, so that few comparisons have to look at the file itself.
 */
struct sorted_file {
	uint64_t key;
	const struct header_file *file;
};

static int
compare_sorted(const void *a, const void *b)
{
	const struct sorted_file *left = a;
	const struct sorted_file *right = b;
	int order = (left->key > right->key) - (left->key < right->key);

	if (order == 0)
		order = digest_compare(&left->file->digest, &right->file->digest);
	return order != 0 ? order : compare_places(&left->file, &right->file);
}

/* By digest, those with one digest by their places. */
static const struct header_file **
sort_files(const struct header *h)
{
	AUTO_FREE struct sorted_file *sorted = mem_new(h->count, sizeof(*sorted));
	const struct header_file **files = mem_new(h->count, sizeof(const void *));

	for (size_t i = 0; i < h->count; i++) {
		sorted[i].file = &h->files[i];
		for (size_t k = 0; k < sizeof(sorted[i].key); k++)
			sorted[i].key = sorted[i].key << 8 | h->files[i].digest.byte[k];
	}
	mem_sort(sorted, h->count, sizeof(*sorted), compare_sorted);
	for (size_t i = 0; i < h->count; i++)
		files[i] = sorted[i].file;
	return files;
}

/* Equal digests must come with equal sizes: one of them would be a lie. */
static int
check_sizes(const struct header *h, struct err *e)
{
	AUTO_FREE const struct header_file **all = sort_files(h);

	for (size_t i = 1; i < h->count; i++)
		if (all[i]->size != all[i - 1]->size &&
			digest_equal(&all[i]->digest, &all[i - 1]->digest))
			return err_set(e, ERR_INPUT, "one sha256 with two sizes");
	return 0;
}

/* Sorted first: repeated paths are neighbours then, and header_find can be used. */
int
header_seal(struct header *h, struct err *e)
{
	mem_sort(h->files, h->count, sizeof(*h->files), compare_paths);
	for (size_t i = 0; i < h->count; i++) {
		if (i > 0 && compare_paths(&h->files[i - 1], &h->files[i]) == 0)
			return err_set(e, ERR_INPUT, "path is repeated: %s", h->files[i].path);
		if (check_parents(h, h->files[i].path, i > 0 ? h->files[i - 1].path : "", e) != 0)
			return -1;
	}
	return check_sizes(h, e);
}

static int
parse_file(void *context, const json_t *entry, struct err *e)
{
	struct header *h = context;
	const json_t *executable = json_object_get(entry, "executable");
	const json_t *directory = json_object_get(entry, "path");
	const char *filename = doc_string(entry, "filename", e);
	const char *sha256 = filename != NULL ? doc_string(entry, "sha256", e) : NULL;
	struct header_file file = {0};
	AUTO_FREE char *path = NULL;

	if (sha256 == NULL ||
		doc_number(entry, "size", 0, HEADER_FILE_BYTES_MAX, &file.size, e) != 0)
		return -1;
	/* Directories belong into path: with both, a file would have two spellings. */
	if (strchr(filename, '/') != NULL)
		return err_set(e, ERR_INPUT, "field filename: must not contain /");
	if (strlen(sha256) != DIGEST_HEX || !digest_parse(sha256, &file.digest))
		return err_set(e, ERR_INPUT, "field sha256: 64 lower-case hex digits are required");
	if (directory != NULL && !json_is_string(directory))
		return err_set(e, ERR_INPUT, "field path: a string is required");
	if (executable != NULL && !json_is_boolean(executable))
		return err_set(e, ERR_INPUT, "field executable: true or false is required");
	file.executable = json_is_true(executable);
	if (directory != NULL && *json_string_value(directory) != '\0')
		path = mem_printf("%s/%s", json_string_value(directory), filename);
	else
		path = mem_string(filename);
	file.path = path;
	return header_add(h, &file, e);
}

static int
parse_into(struct span json, struct header *h, struct err *e)
{
	struct doc_list files = {"files", "file", parse_file, h, false};
	AUTO_DOC json_t *doc = doc_parse_list(json, &files, e);
	const char *title = doc != NULL ? doc_string(doc, "title", e) : NULL;

	if (title == NULL)
		return -1;
	if (!files.found)
		return err_set(e, ERR_INPUT, "field files: an array is required");
	if (doc_ident(doc, &h->ident, e) != 0)
		return -1;
	if (!doc_text_plain(title))
		return err_set(e, ERR_INPUT,
			"field title: must not have control characters or marks of direction");
	h->title = mem_string(title);
	/* The order of the document means nothing; whoever wrote it may have had another. */
	return header_seal(h, e);
}

int
header_parse(struct span json, struct header **ret, struct err *e)
{
	AUTO_HEADER struct header *h = header_new();

	if (json.len > HEADER_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "header larger than %zu bytes", HEADER_BYTES_MAX);
	if (parse_into(json, h, e) != 0)
		return err_wrap(e, "header");
	*ret = h;
	h = NULL;
	return 0;
}

/*
 * What was asked for by name is of that name: else an upstream, or a file under a wrong name, could
 * pass off the files of one version as those of another.
 */
int
header_parse_of(struct span json, const struct ident *ident, struct header **ret, struct err *e)
{
	AUTO_HEADER struct header *h = NULL;

	if (header_parse(json, &h, e) != 0)
		return -1;
	if (!ident_equal(&h->ident, ident))
		return err_set(e, ERR_INPUT, "header of another version");
	*ret = h;
	h = NULL;
	return 0;
}

/*
 * The publisher's rule, guts2(7), IDENTITY. Over the files in the order of their paths, which a
 * sealed header has. Title and executable do not count: they do not change what a client has to
 * load.
 */
void
header_cookie(const struct header *h, char ret[IDENT_COOKIE + 1])
{
	struct digester *d = digester_new();
	AUTO_BUF struct buf line = {0};
	char hex[DIGEST_HEX + 1];
	struct digest sum;

	for (size_t i = 0; i < h->count; i++) {
		buf_clear(&line);
		buf_printf(&line, "%s %" PRIu64 " %s\n", digest_hex(&h->files[i].digest, hex),
			h->files[i].size, h->files[i].path);
		digester_add(d, line.at, line.len);
	}
	sum = digester_end(d);
	digester_free(d);
	memcpy(ret, digest_hex(&sum, hex), IDENT_COOKIE);
	ret[IDENT_COOKIE] = '\0';
}

static json_t *
format_file(const struct header_file *file)
{
	const char *slash = strrchr(file->path, '/');
	char hex[DIGEST_HEX + 1];
	json_t *entry = json_pack("{s:s,s:s,s:I}", "filename", slash ? slash + 1 : file->path,
		"sha256", digest_hex(&file->digest, hex), "size", (json_int_t)file->size);

	if (slash != NULL)
		(void)json_object_set_new(
			entry, "path", json_stringn(file->path, (size_t)(slash - file->path)));
	if (file->executable)
		(void)json_object_set_new(entry, "executable", json_true());
	return entry;
}

void
header_format(const struct header *h, struct buf *ret)
{
	json_t *doc = doc_from_ident(&h->ident);
	json_t *files = json_array();

	for (size_t i = 0; i < h->count; i++)
		(void)json_array_append_new(files, format_file(&h->files[i]));
	(void)json_object_set_new(doc, "files", files);
	(void)json_object_set_new(doc, "title", json_string(h->title));
	doc_format(doc, ret);
}

/* Any of the files with one digest may stand for them: header_seal saw to one size. */
const struct header_file **
header_blobs(const struct header *h, size_t *ret_count)
{
	const struct header_file **blobs = sort_files(h);
	size_t count = 0;

	for (size_t i = 0; i < h->count; i++)
		if (count == 0 || !digest_equal(&blobs[count - 1]->digest, &blobs[i]->digest))
			blobs[count++] = blobs[i];
	*ret_count = count;
	return blobs;
}

size_t
header_blob_find(const struct header_file *const *blobs, size_t count, const struct digest *digest)
{
	const struct header_file key = {.digest = *digest};
	const struct header_file *pointer = &key;
	const struct header_file *const *found;

	if (count == 0)
		return 0;
	found = bsearch(&pointer, blobs, count, sizeof(const void *), compare_blobs);
	return found != NULL ? (size_t)(found - blobs) : count;
}

const struct header_file **
header_contents(const struct header_file *const *blobs, size_t count)
{
	const struct header_file **contents = mem_new(count, sizeof(const void *));

	if (count > 0)
		memcpy(contents, blobs, count * sizeof(const void *));
	mem_sort(contents, count, sizeof(const void *), compare_places);
	return contents;
}

size_t
header_content_find(
	const struct header_file *const *contents, size_t count, const struct header_file *file)
{
	const struct header_file *const *found =
		bsearch(&file, contents, count, sizeof(const void *), compare_places);

	assert(found != NULL);
	return (size_t)(found - contents);
}
