/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cached.h"

#include "base/fs.h"
#include "base/mem.h"
#include "store/depot.h"
#include "unit.h"

static void
build_archives(struct cached *f)
{
	struct versions *v = &f->v;
	struct build_full full = {.ident = v->header[0]->ident};
	struct build_difference difference = {.ident = v->header[1]->ident,
		.base = v->header[0]->ident.edition,
		.format = FORMAT_AR2,
		.full_bytes = UINT32_MAX};

	for (int i = 0; i < FORMAT_COUNT; i++) {
		full.format = (enum format)i;
		ck_assert_int_eq(build_full(&v->build, &full, &f->full[i], NULL), 0);
	}
	versions_put_content(v, 2);
	ck_assert_int_eq(build_difference(&v->build, &difference, &f->difference, NULL), 0);
	versions_drop_content(v, 2);
}

static void
open_cache(struct cached *f)
{
	AUTO_FREE char *root = mem_printf("%s/root", f->v.path);
	struct err e = {0};

	depot_close(f->v.depot);
	f->v.depot = NULL;
	unit_listen();
	ck_assert_msg(cache_open(&f->c, root, f->v.path, &e) == 0, "%s", e.text);
}

void
cached_set_up(struct cached *f)
{
	AUTO_IDENTS struct idents query = {0};

	*f = (struct cached){0};
	versions_set_up(&f->v);
	build_archives(f);
	idents_add(&query, &f->v.header[1]->ident);
	ck_assert_int_eq(depot_put_query(f->v.depot, &query, NULL), 0);
	ck_assert_int_eq(fs_remove(f->v.dir, "files", NULL), 0);
	ck_assert_int_eq(fs_remove(f->v.dir, "from", NULL), 0);
	open_cache(f);
	ck_assert_uint_eq(f->c.records.count, CACHED_RECORDS);
}

void
cached_open_again(struct cached *f)
{
	cache_close(&f->c);
	open_cache(f);
}

struct depot *
cached_depot(struct cached *f)
{
	bool rebuilt;

	if (f->v.depot == NULL)
		ck_assert_int_eq(depot_open(f->v.path, &f->v.depot, &rebuilt, NULL), 0);
	return f->v.depot;
}

void
cached_put_channels(struct cached *f, const char *text)
{
	AUTO_CLOSE int config = fs_make_dirs(f->v.dir, "root/config", NULL);

	ck_assert_int_eq(fs_put(config, "x", "channels.json", unit_text(text), NULL), 0);
}

void
cached_tear_down(struct cached *f)
{
	cache_close(&f->c);
	versions_tear_down(&f->v);
}

json_t *
cached_output(void)
{
	json_t *got = doc_parse(unit_text(unit_output()), NULL);

	ck_assert_ptr_nonnull(got);
	unit_listen();
	return got;
}
