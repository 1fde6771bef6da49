/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/site.h"

#include <stdio.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

const struct edition site_newest = {5, "00000005"};
const struct edition site_before = {4, "00000004"};
const struct edition site_full = {0, ""};

static void
on_notify(void *context, enum job_queue queue)
{
	(void)context;
	(void)queue;
}

void
site_set_up(struct site *s)
{
	AUTO_CLOSE int dir = -1;
	AUTO_CLOSE int config = -1;
	AUTO_IDENTS struct idents query = {0};
	struct reply_parts *p = &s->c.parts;
	struct err e = {0};

	*s = (struct site){.options = {.retryAfterMin = 10000,
				   .retryAfterMax = 10000,
				   .holdMax = 30000,
				   .prefetchDifferences = 1},
		.c = {.limiter = {.max = 2}, .parts = {.id = "guts2d-0123456789abcdef"}},
		.facts = {.method = "GET", .address = "192.0.2.1", .asker = 7}};
	s->facts.places = &s->places;
	dir = unit_dir(&s->options.root);
	config = fs_make_dirs(dir, "config", NULL);
	ck_assert_int_eq(
		fs_put(config, "w", "channels.json", unit_text("{\"legacy\":[\"old\"]}"), NULL), 0);
	p->options = &s->options;
	ck_assert_msg(settings_new(&s->options, &p->settings, &e) == 0, "%s", e.text);
	ck_assert_msg(stock_open(s->options.root, &p->stock, &e) == 0, "%s", e.text);
	p->jobs = jobs_new(on_notify, NULL);
	p->usage = usage_new();
	p->arrivals = arrivals_new();
	p->legacy = legacy_new(&(struct legacy_parts){.options = p->options,
		.settings = p->settings,
		.stock = p->stock,
		.jobs = p->jobs});
	idents_add(&query, &(struct ident){"old", site_newest});
	idents_add(&query, &(struct ident){"t", site_newest});
	ck_assert_int_eq(stock_put_query(p->stock, &query, false, NULL), 0);
}

void
site_tear_down(struct site *s)
{
	reply_clear(&s->r);
	legacy_free(s->c.parts.legacy);
	usage_free(s->c.parts.usage);
	jobs_free(s->c.parts.jobs);
	arrivals_free(s->c.parts.arrivals);
	stock_close(s->c.parts.stock);
	settings_free(s->c.parts.settings);
	free(s->options.root);
}

struct record
site_put(struct site *s, const char *type, const struct edition *base, enum format format)
{
	static const char *const archives[] = {
		[FORMAT_AR1] = "GUTS2AR1", [FORMAT_AR2] = "GUTS2AR2"};
	struct span bytes = unit_text(archives[format]);
	struct record r = {.ident.edition = site_newest,
		.base = *base,
		.format = format,
		.ref = {digest_of(bytes), bytes.len}};
	int stage = repo_stage_dir(stock_repo(s->c.parts.stock));

	(void)snprintf(r.ident.type, sizeof(r.ident.type), "%s", type);
	ck_assert_int_eq(fs_put(stage, "s", "a", bytes, NULL), 0);
	ck_assert_int_eq(stock_put_archive(s->c.parts.stock, &r, "a", NULL, NULL), 0);
	return r;
}

const struct reply *
site_ask(struct site *s, const char *path, bool may_hold)
{
	reply_clear(&s->r);
	s->facts.path = path;
	reply_make(&s->c, &s->facts, may_hold, s->client, &s->r);
	return &s->r;
}

const struct reply *
site_ask_file(struct site *s, const struct record *r, bool may_hold)
{
	char name[IDENT_NAME_MAX];
	char path[IDENT_NAME_MAX + 1];

	(void)snprintf(path, sizeof(path), "/%s", ident_file_name(&r->ref.id, name));
	return site_ask(s, path, may_hold);
}

const struct view_record *
site_shown(struct site *s, const struct record *r)
{
	return view_find_record(s->r.view, r);
}
