/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "publish/published.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "publish/publish_init.h"
#include "unit.h"

void
published_set_up(struct published *p)
{
	struct idents found;

	p->dir = unit_dir(&p->path);
	p->from_dir = unit_dir(&p->from);
	ck_assert_int_eq(publish_init(p->path, &found, NULL), 0);
	ck_assert_uint_eq(found.count, 0);
}

void
published_tear_down(struct published *p)
{
	fs_close(&p->dir);
	fs_close(&p->from_dir);
	free(p->path);
	free(p->from);
}

void
published_put(const struct published *p, const char *name, const char *text, bool executable)
{
	AUTO_CLOSE int dir = -1;
	const char *last = strrchr(name, '/');
	AUTO_FREE char *parent = mem_string_n(name, last != NULL ? (size_t)(last - name) : 0);

	ck_assert_int_eq(fs_remove(p->from_dir, name, NULL), 0);
	if (text == NULL)
		return;
	if (last != NULL)
		dir = fs_make_dirs(p->from_dir, parent, NULL);
	ck_assert_int_eq(fs_put(p->from_dir, "stage", name, unit_text(text), NULL), 0);
	ck_assert_int_eq(fchmodat(p->from_dir, name, executable ? 0755 : 0644, 0), 0);
}

/* Of a repository that is not signed. */
static const struct keys no_keys;
static const struct publish_signing unsigned_ = {.keys = &no_keys};

struct publish_request
published_request(const struct published *p, const char *type, uint64_t version)
{
	return (struct publish_request){.type = type,
		.directory = p->from,
		.signing = &unsigned_,
		.version = version,
		.diffs = 5,
		.jobs = 1};
}

int
published_try(const struct published *p, const struct publish_request *request, struct ident *ret,
	struct err *e)
{
	AUTO_REPO struct repo *repo = NULL;

	ck_assert_int_eq(repo_open(p->path, false, &repo, NULL), 0);
	return publish_add(repo, request, ret, e);
}

struct ident
published_add(const struct published *p, const char *type, uint64_t version)
{
	const struct publish_request request = published_request(p, type, version);
	struct ident ident;
	struct err e = {0};

	ck_assert_msg(published_try(p, &request, &ident, &e) == 0, "%s", e.text);
	return ident;
}

void
published_announce(const struct published *p, const struct ident *idents, size_t count)
{
	AUTO_IDENTS struct idents query = {0};
	AUTO_BUF struct buf bytes = {0};

	for (size_t i = 0; i < count; i++)
		idents_add(&query, &idents[i]);
	ck_assert(idents_sort(&query));
	wire_query_format(&query, &bytes);
	ck_assert_int_eq(fs_put(p->dir, "stage/q", "q", span_of(bytes.at, bytes.len), NULL), 0);
}

struct archive_ref
published_archive(const struct published *p, const struct ident *ident, const struct edition *base,
	enum format format)
{
	AUTO_BUF struct buf bytes = {0};
	char name[IDENT_NAME_MAX];
	struct offer offer;

	ck_assert_int_eq(fs_read(p->dir, ident_offer_name(ident, base, name), WIRE_OFFER_BYTES_MAX,
				 &bytes, NULL),
		0);
	ck_assert_int_eq(wire_offer_parse(span_of(bytes.at, bytes.len), &offer, NULL), 0);
	return offer.archive[format];
}
