/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/pair.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/mem.h"
#include "codec/apply.h"
#include "codec/archived.h"
#include "codec/listing.h"
#include "codec/pack.h"
#include "unit.h"

void
pair_set_up(struct pair *p)
{
	*p = (struct pair){0};
	p->dir = unit_dir(&p->path);
	p->out = fs_make_dirs(p->dir, "out", NULL);
	p->stage = fs_make_dirs(p->dir, "stage", NULL);
	p->header = header_new();
	p->old = header_new();
	p->dirs[0] = (struct blobs_dirs){.dir = {fs_make_dirs(p->dir, "old", NULL)}, .count = 1};
	p->dirs[1] = (struct blobs_dirs){
		.dir = {fs_make_dirs(p->dir, "new", NULL), p->dirs[0].dir[0]}, .count = 2};
	p->base = blobs_in(&p->dirs[0]);
	p->blobs = blobs_in(&p->dirs[1]);
}

void
pair_tear_down(struct pair *p)
{
	header_free(p->header);
	header_free(p->old);
	fs_close(&p->stage);
	fs_close(&p->out);
	fs_close(&p->dirs[1].dir[0]);
	fs_close(&p->dirs[0].dir[0]);
	fs_close(&p->dir);
	free(p->path);
}

static int
dir_of(const struct pair *p, const struct header *h)
{
	return p->dirs[h != p->old].dir[0];
}

void
pair_add(struct pair *p, struct header *h, const char *path, struct span bytes)
{
	const struct digest digest = digest_of(bytes);
	char hex[DIGEST_HEX + 1];

	archived_add_file(h, path, bytes);
	if (!fs_exists(dir_of(p, h), digest_hex(&digest, hex)))
		ck_assert_int_eq(fs_put(dir_of(p, h), "x", hex, bytes, NULL), 0);
}

void
pair_seal_header(struct header *h)
{
	h->title = mem_string("");
	ck_assert_int_eq(header_seal(h, NULL), 0);
}

void
pair_seal(struct pair *p)
{
	pair_seal_header(p->header);
	pair_seal_header(p->old);
}

void
pair_pack(struct pair *p, const struct header *h, const struct header *old, enum format format,
	struct buf *ret)
{
	const struct encode_settings settings = {.blobs = p->blobs, .stage = p->stage};
	struct pack *pack = pack_new(h, &settings);
	size_t archive = pack_want(pack, format, old);
	AUTO_CLOSE int fd = openat(p->dir, "made", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	struct archive_ref ref;

	ck_assert_int_eq(pack_encode(pack, NULL), 0);
	ck_assert_int_eq(pack_write(pack, archive, fd, &ref, NULL), 0);
	pack_free(pack);
	ck_assert_int_eq(fs_read(p->dir, "made", 1 << 26, ret, NULL), 0);
	ck_assert_uint_eq(ret->len, ref.bytes);
}

void
pair_drop(struct pair *p, const struct header *h, const char *path)
{
	char hex[DIGEST_HEX + 1];

	(void)digest_hex(&header_find(h, path)->digest, hex);
	ck_assert_int_eq(fs_remove(dir_of(p, h), hex, NULL), 0);
}

void
pair_damage(struct pair *p, const struct header *h, const char *path, struct span bytes)
{
	char hex[DIGEST_HEX + 1];

	pair_drop(p, h, path);
	(void)digest_hex(&header_find(h, path)->digest, hex);
	ck_assert_int_eq(fs_put(dir_of(p, h), "x", hex, bytes, NULL), 0);
}

static int
check_name(void *context, int dir, const char *name, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	struct digest digest;
	char hex[DIGEST_HEX + 1];

	(void)context;
	(void)e;
	ck_assert_int_eq(fs_read(dir, name, 1 << 26, &bytes, NULL), 0);
	digest = digest_of(span_of(bytes.at, bytes.len));
	ck_assert_str_eq(digest_hex(&digest, hex), name);
	return 0;
}

int
pair_apply(struct pair *p, struct span archive, bool full, struct err *e)
{
	const struct apply what = {.archive = archive,
		.header = p->header,
		.old = full ? NULL : p->old,
		.base = full ? NULL : &p->base,
		.dir = p->out};
	struct listing *v = listing_new(p->header, what.old);
	int result;

	*e = (struct err){0};
	ck_assert_int_eq(fs_clear(p->dir, "out", NULL), 0);
	result = apply_archive(&what, e);
	if (result == 0 || e->code == ERR_DIGEST || e->code == ERR_INPUT)
		ck_assert_int_eq(fs_each(p->dir, "out", check_name, NULL, NULL), 0);
	ck_assert_int_eq(e->code != ERR_NONE, result != 0);
	if (result == 0)
		ck_assert_uint_eq(unit_count(p->dir, "out"), v->missing_count);
	for (size_t i = 0; result == 0 && i < v->missing_count; i++) {
		char hex[DIGEST_HEX + 1];

		ck_assert(fs_exists(p->out, digest_hex(&v->missing[i]->digest, hex)));
	}
	listing_free(v);
	return result;
}
