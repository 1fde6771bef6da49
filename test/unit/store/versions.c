/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/versions.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

enum { FILES = 3, LEN = 60000 };

/* Version n: file 0 is always the same, file 1 changes a little, file 2 is new each time. */
static void
make_version(struct versions *f, unsigned n, size_t new_len, int into)
{
	struct header *h = header_new();
	AUTO_BUF struct buf bytes = {0};
	struct archive_ref ref;

	(void)snprintf(h->ident.type, sizeof(h->ident.type), "t");
	h->ident.edition.version = n;
	h->title = mem_string("T");
	for (unsigned i = 0; i < FILES; i++) {
		size_t len = i == 2 ? new_len : LEN;
		AUTO_FREE unsigned char *file = unit_bytes(len, i == 2 ? 100 + n : i);
		AUTO_FREE char *path = mem_printf("d/%u", i);
		char hex[DIGEST_HEX + 1];
		struct header_file entry = {.path = path, .size = len};

		if (i == 1)
			file[n * 100] ^= 1;
		entry.digest = digest_of(span_of(file, len));
		ck_assert_int_eq(header_add(h, &entry, NULL), 0);
		ck_assert_int_eq(
			fs_put(into, "x", digest_hex(&entry.digest, hex), span_of(file, len), NULL),
			0);
	}
	ck_assert_int_eq(header_seal(h, NULL), 0);
	header_cookie(h, h->ident.edition.cookie);
	header_format(h, &bytes);
	ck_assert_int_eq(
		depot_put_header(f->depot, &h->ident, span_of(bytes.at, bytes.len), &ref, NULL), 0);
	f->header[n - 1] = h;
}

static int
link_one(void *context, int dir, const char *name, struct err *e)
{
	(void)e;
	return linkat(dir, name, *(int *)context, name, 0);
}

/* Storing takes the files away, so that it gets links. */
void
versions_put_content(struct versions *f, unsigned n)
{
	AUTO_FREE char *name = mem_printf("files/%u", n);
	AUTO_CLOSE int from = fs_make_dirs(f->dir, "from", NULL);
	struct record content;
	struct err e = {0};

	ck_assert_int_eq(fs_each(f->dir, name, link_one, &from, NULL), 0);
	ck_assert_msg(depot_put_content(f->depot, f->header[n - 1], from, &content, &e) == 0, "%s",
		e.text);
	ck_assert_int_eq(fs_clear(f->dir, "from", NULL), 0);
}

void
versions_set_up(struct versions *f)
{
	versions_set_up_of(f, LEN);
}

/* Three versions, of which each has its content in `files`/N; version 1's is stored. */
void
versions_set_up_of(struct versions *f, size_t new_len)
{
	bool rebuilt;
	struct err e = {0};

	*f = (struct versions){0};
	f->dir = unit_dir(&f->path);
	ck_assert_msg(depot_open(f->path, &f->depot, &rebuilt, &e) == 0, "%s", e.text);
	f->build = (struct build){f->depot, "work", NULL};
	for (unsigned n = 1; n <= 3; n++) {
		AUTO_FREE char *name = mem_printf("files/%u", n);
		AUTO_CLOSE int into = fs_make_dirs(f->dir, name, NULL);

		make_version(f, n, new_len, into);
	}
	versions_put_content(f, 1);
}

void
versions_drop_content(struct versions *f, unsigned n)
{
	struct record r = {.kind = RECORD_CONTENT, .ident = f->header[n - 1]->ident};

	ck_assert_int_eq(depot_remove(f->depot, &r, NULL), 0);
}

/* Both files that are missing, of a stream of one byte: none that could be decoded. */
static const char archive[] = "GUTS2AR2\1\2\0\1x";

struct record
versions_archive(const struct versions *f)
{
	return (struct record){.kind = RECORD_ARCHIVE,
		.ident = f->header[1]->ident,
		.base = f->header[0]->ident.edition,
		.format = FORMAT_AR2,
		.ref = {digest_of(span_of(archive, sizeof(archive) - 1)), sizeof(archive) - 1}};
}

void
versions_stage_archive(const struct versions *f)
{
	AUTO_CLOSE int fd = openat(repo_stage_dir(depot_repo(f->depot)), VERSIONS_STAGED,
		O_WRONLY | O_CREAT | O_TRUNC, 0644);

	ck_assert_int_eq(fs_write(fd, archive, sizeof(archive) - 1, NULL), 0);
}

void
versions_tear_down(struct versions *f)
{
	for (int i = 0; i < 3; i++)
		header_free(f->header[i]);
	depot_close(f->depot);
	fs_close(&f->dir);
	free(f->path);
}

unsigned
versions_count_files(struct versions *f, const char *path)
{
	return unit_count(f->dir, path);
}
