/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/cloud.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cloud/fetch_archive.h"
#include "cloud/fetch_header.h"
#include "cloud/fetch_query.h"
#include "jobs/job_table.h"
#include "unit.h"

void
cloud_put(struct cloud *c, int which, const char *name, const char *text)
{
	ck_assert_int_eq(fs_put(c->dir[which], "x", name, unit_text(text), NULL), 0);
}

void
cloud_set_url(struct cloud *c, char *take_url)
{
	free(c->k.options.guts2ServerUrl);
	c->k.options.guts2ServerUrl = take_url;
}

void
cloud_set_up(struct cloud *c)
{
	struct kept *k = &c->k;

	*c = (struct cloud){0};
	kept_set_up(k, NULL);
	for (int i = 0; i < CLOUDS; i++) {
		c->dir[i] = unit_dir(&c->path[i]);
		cloud_put(c, i, "q", "{\"updates\":[]}");
		fs_close(&(int){fs_make_dirs(c->dir[i], "f", NULL)});
	}
	cloud_set_url(c, mem_printf("file://%s,file://%s", c->path[0], c->path[1]));
	c->pool.parts = (struct fetcher_parts){.options = &k->options,
		.id = "guts2d-0123456789abcdef",
		.settings = k->settings,
		.stock = k->stock,
		.jobs = k->jobs,
		.workers = k->workers,
		.retain = k->retain,
		.arrivals = arrivals_new(),
		.announce = k->announce};
	ck_assert_int_eq(upstream_new(&c->pool.upstream, NULL), 0);
	c->pool.signed_asked = true;
	c->pool.upstreams = upstreams_new(&k->options);
	STAILQ_INIT(&c->pool.waiting);
	(void)pthread_mutex_init(&c->pool.lock, NULL);
}

void
cloud_tear_down(struct cloud *c)
{
	kept_settle(&c->k);
	upstream_free(c->pool.upstream);
	source_clear(&c->pool.signed_look);
	upstreams_free(c->pool.upstreams);
	(void)pthread_mutex_destroy(&c->pool.lock);
	arrivals_free(c->pool.parts.arrivals);
	kept_tear_down(&c->k);
	for (int i = 0; i < CLOUDS; i++) {
		fs_close(&c->dir[i]);
		free(c->path[i]);
	}
}

void
cloud_lose(struct cloud *c)
{
	ck_assert_int_eq(fs_remove(AT_FDCWD, c->path[0], NULL), 0);
}

void
cloud_put_header(struct cloud *c, int which, const struct ident *ident)
{
	AUTO_FREE char *text = mem_printf("{\"cookie\":\"%s\",\"files\":[],\"title\":\"\",\"type\":"
					  "\"%s\",\"version\":%" PRIu64 "}",
		ident->edition.cookie, ident->type, ident->edition.version);
	char name[IDENT_NAME_MAX];

	cloud_put(c, which, ident_header_name(ident, name), text);
}

void
cloud_put_offer(
	struct cloud *c, int which, const struct job_spec *spec, const char *const *archives)
{
	AUTO_BUF struct buf text = {0};
	char name[IDENT_NAME_MAX];
	char hex[DIGEST_HEX + 1];

	buf_add_string(&text, "{");
	for (int i = 0; i < FORMAT_COUNT; i++) {
		struct digest id;

		if (archives[i] == NULL)
			continue;
		id = digest_of(unit_text(archives[i]));
		buf_printf(&text, "%s\"%s\":{\"id\":\"%s_archive\",\"size\":%zu}",
			text.len > 1 ? "," : "", wire_format_key((enum format)i),
			digest_hex(&id, hex), strlen(archives[i]));
	}
	buf_add(&text, "}", 2);
	cloud_put(c, which, ident_offer_name(&spec->ident, &spec->base, name), text.at);
}

void
cloud_put_archive(struct cloud *c, int which, const char *archive, const char *bytes)
{
	struct digest id = digest_of(unit_text(archive));
	char name[IDENT_NAME_MAX];

	cloud_put(c, which, ident_file_name(&id, name), bytes);
}

struct fetch *
cloud_begin(struct cloud *c, const struct job_spec *spec)
{
	struct job_spec due = *spec;
	struct job *job;

	due.due = true;
	ck_assert(jobs_ask(c->k.jobs, &due, NULL).coming);
	job = jobs_take(c->k.jobs, job_table_queue(spec));
	ck_assert_ptr_nonnull(job);
	return fetch_job_new(&c->pool, job);
}

struct job_look
cloud_fetch(struct cloud *c, const struct job_spec *spec)
{
	struct fetch *f = cloud_begin(c, spec);
	struct job_look look;

	if (spec->kind == JOB_QUERY)
		fetch_query(f);
	else if (spec->kind == JOB_HEADER)
		fetch_header(f);
	else
		fetch_archive(f);
	while ((look = jobs_look(c->k.jobs, spec)).state == JOB_RUNNING)
		upstream_run(c->pool.upstream, 5);
	kept_settle(&c->k);
	return look;
}
