/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_look.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"
#include "client/client_walk.h"

enum { SMALL_BYTES = 1 << 14 }; /* that are read in one call */

/* A line for each file, and the lines before them. */
#define RECORD_BYTES_MAX ((size_t)(HEADER_FILES_MAX + 8) * 48)

void
client_look_new(struct look *l, size_t count)
{
	*l = (struct look){.files = mem_new(count, sizeof(*l->files)), .count = count};
}

void
client_look_free(struct look *l)
{
	free(l->files);
	l->files = NULL;
}

/* ---- The record */

/* What stands behind a word at the beginning of the next line; NULL: it begins with another. */
static const char *
next_value(char **tail, const char *word)
{
	char *line = strsep(tail, "\n");
	size_t len = strlen(word);

	return line != NULL && strncmp(line, word, len) == 0 ? line + len : NULL;
}

static bool
next_number(char **tail, const char *word, uint64_t *ret)
{
	const char *value = next_value(tail, word);

	return value != NULL && num_parse(value, strlen(value), UINT64_MAX, ret);
}

static bool
next_file(char **tail, struct look_file *ret)
{
	char *line = strsep(tail, "\n");
	size_t len = line != NULL ? strcspn(line, " ") : 0;

	return len > 0 && line[len] == ' ' && num_parse(line, len, UINT64_MAX, &ret->changed_ns) &&
	       num_parse(line + len + 1, strlen(line + len + 1), UINT64_MAX, &ret->inode);
}

static bool
parse(char *text, struct look *ret)
{
	char *tail = text;
	const char *header;
	uint64_t version;
	uint64_t count;

	if (!next_number(&tail, "seen ", &version) || version != 2 ||
		(header = next_value(&tail, "header ")) == NULL ||
		!digest_parse(header, &ret->header) ||
		!next_number(&tail, "verified ", &ret->verified_s) ||
		!next_number(&tail, "files ", &count) || count != ret->count)
		return false;
	for (size_t i = 0; i < ret->count; i++)
		if (!next_file(&tail, &ret->files[i]))
			return false;
	return true;
}

int
client_look_read(int state, const char *name, struct look *ret, struct err *e)
{
	AUTO_BUF struct buf text = {0};

	if (fs_read(state, name, RECORD_BYTES_MAX, &text, e) != 0)
		return -1;
	/* A NUL would end the text before its end. */
	if (text.len > 0 && strlen(text.at) == text.len && parse(text.at, ret))
		return 0;
	memset(ret->files, 0, ret->count * sizeof(*ret->files));
	ret->verified_s = 0;
	return err_set(e, ERR_INPUT, "%s: damaged", name);
}

int
client_look_write(int state, const char *name, const struct look *l, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	char hex[DIGEST_HEX + 1];

	buf_printf(&text, "seen 2\nheader %s\nverified %" PRIu64 "\nfiles %zu\n",
		digest_hex(&l->header, hex), l->verified_s, l->count);
	for (size_t i = 0; i < l->count; i++)
		buf_printf(&text, "%" PRIu64 " %" PRIu64 "\n", l->files[i].changed_ns,
			l->files[i].inode);
	return fs_put(state, "seen", name, span_of(text.at, text.len), e);
}

/* ---- The files */

mode_t
client_look_mode(const struct header_file *file)
{
	return file->executable ? 0755 : 0644;
}

static bool
stat_file(int tree, const char *path, struct statx *ret)
{
	return statx(tree, path, AT_SYMLINK_NOFOLLOW,
		       STATX_TYPE | STATX_MODE | STATX_SIZE | STATX_MTIME | STATX_INO, ret) == 0 &&
	       S_ISREG(ret->stx_mode);
}

static uint64_t
changed_ns(const struct statx *s)
{
	if (s->stx_mtime.tv_sec < 0)
		return 0;
	return (uint64_t)s->stx_mtime.tv_sec * 1000000000 + s->stx_mtime.tv_nsec;
}

static struct look_file
sign_of(const struct statx *s)
{
	return (struct look_file){changed_ns(s), s->stx_ino};
}

struct look_file
client_look_note(int dir, const char *name)
{
	struct statx s;

	return stat_file(dir, name, &s) ? sign_of(&s) : (struct look_file){0};
}

/* A small one in one call, which asks for a byte more than there should be. */
static bool
has_digest(int fd, const struct header_file *file)
{
	uint8_t block[SMALL_BYTES + 1];
	struct digest got;
	uint64_t bytes;

	if (file->size <= SMALL_BYTES && pread(fd, block, sizeof(block), 0) == (ssize_t)file->size)
		got = digest_of(span_of(block, (size_t)file->size));
	else if (digest_of_file(fd, NULL, &got, &bytes, NULL) != 0)
		return false;
	return digest_equal(&got, &file->digest);
}

static bool
is_unchanged(const struct statx *s, const struct header_file *file, const struct look_file *known)
{
	return known->changed_ns != 0 && known->changed_ns == changed_ns(s) &&
	       known->inode == s->stx_ino && s->stx_size == file->size &&
	       (s->stx_mode & 07777) == client_look_mode(file);
}

/* *ret_now before the bytes are read: a write that comes between shows the next time. */
static int
open_file(int dir, const char *name, struct look_file *ret_now, mode_t *ret_mode)
{
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct statx s;

	if (fd < 0 ||
		statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MODE | STATX_MTIME | STATX_INO,
			&s) != 0 ||
		!S_ISREG(s.stx_mode))
		return -1;
	*ret_now = sign_of(&s);
	*ret_mode = s.stx_mode & 07777;
	return fs_take(&fd);
}

static enum client_look_found
check_bytes(int dir, const char *name, const struct header_file *file, struct look_file *ret_now)
{
	mode_t mode;
	AUTO_CLOSE int fd = open_file(dir, name, ret_now, &mode);

	if (fd >= 0 && mode != client_look_mode(file))
		return LOOK_OTHER_MODE;
	return fd >= 0 && has_digest(fd, file) ? LOOK_RIGHT : LOOK_WRONG;
}

enum client_look_found
client_look_check(
	int dir, const char *name, const struct header_file *file, struct look_file *known)
{
	struct statx s;

	return known->changed_ns != 0 && stat_file(dir, name, &s) && is_unchanged(&s, file, known)
		       ? LOOK_UNCHANGED
		       : check_bytes(dir, name, file, known);
}

/* The mode by the descriptor: it is that of the file whose bytes were read. */
static bool
is_right(int dir, const char *name, const struct header_file *file)
{
	struct look_file now;
	mode_t mode;
	AUTO_CLOSE int fd = open_file(dir, name, &now, &mode);

	if (fd < 0 || !has_digest(fd, file))
		return false;
	return mode == client_look_mode(file) || fchmod(fd, client_look_mode(file)) == 0;
}

/*
 * A content can have any number of names: a file is read once, and not for each of them. Made when
 * the first file has to be read.
 */
struct seen_file {
	uint64_t inode;
	uint64_t device;
	bool right;
};

struct walk {
	struct client_walk at;
	const struct header *header;
	bool all;
	const struct header_file **blobs;
	size_t count;
	struct seen_file *seen[2]; /* of each blob, plain and executable, the one read last */
};

static void
walk_begin_reading(struct walk *w)
{
	if (w->blobs != NULL)
		return;
	w->blobs = header_blobs(w->header, &w->count);
	w->seen[0] = mem_new(w->count, sizeof(*w->seen[0]));
	w->seen[1] = mem_new(w->count, sizeof(*w->seen[1]));
}

static void
walk_end(struct walk *w)
{
	client_walk_end(&w->at);
	free(w->blobs);
	free(w->seen[0]);
	free(w->seen[1]);
}

static bool
read_file(struct walk *w, const char *name, const struct header_file *file, const struct statx *s)
{
	uint64_t device = (uint64_t)s->stx_dev_major << 32 | s->stx_dev_minor;
	struct seen_file *seen;

	walk_begin_reading(w);
	seen = &w->seen[file->executable][header_blob_find(w->blobs, w->count, &file->digest)];
	if (seen->inode != s->stx_ino || seen->device != device)
		*seen = (struct seen_file){s->stx_ino, device, is_right(w->at.dir, name, file)};
	return seen->right;
}

/*
 * The time is taken before the bytes are read: a write that comes between shows the next time. It
 * is that of the content, and not of the status, which changes with every link that comes or goes.
 */
static bool
look_at(struct walk *w, const struct header_file *file, struct look_file *known)
{
	const char *name = client_walk_enter(&w->at, file->path, NULL);
	struct look_file before = *known;
	struct statx s;

	*known = (struct look_file){0};
	if (name == NULL || !stat_file(w->at.dir, name, &s) || s.stx_size != file->size)
		return false;
	if ((w->all || !is_unchanged(&s, file, &before)) && !read_file(w, name, file, &s))
		return false;
	*known = sign_of(&s);
	return true;
}

size_t
client_look_files(
	int tree, const struct header *header, struct look *l, bool all, const char **ret_first)
{
	struct walk w = {.at = client_walk_begin(tree, false), .header = header, .all = all};
	size_t damaged = 0;

	*ret_first = NULL;
	for (size_t i = 0; i < header->count; i++) {
		struct look_file before = l->files[i];
		bool right = look_at(&w, &header->files[i], &l->files[i]);

		l->news = l->news || before.changed_ns != l->files[i].changed_ns ||
			  before.inode != l->files[i].inode;
		if (right)
			continue;
		*ret_first = damaged == 0 ? header->files[i].path : *ret_first;
		damaged++;
	}
	walk_end(&w);
	return damaged;
}
