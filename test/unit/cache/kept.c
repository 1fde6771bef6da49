/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/kept.h"

#include <fcntl.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

static void
on_notify(void *context, enum job_queue queue)
{
	(void)context;
	(void)queue;
}

static void
begin(struct kept *k)
{
	struct err e = {0};

	options_standard(&k->options);
	free(k->options.root);
	k->options.root = mem_string(k->path);
	k->options.cacheMinFreeBytes = 0;
	ck_assert_msg(settings_new(&k->options, &k->settings, &e) == 0, "%s", e.text);
	ck_assert_msg(stock_open(k->path, &k->stock, &e) == 0, "%s", e.text);
	k->usage = usage_new();
	k->jobs = jobs_new(on_notify, NULL);
	ck_assert_int_eq(workers_start(1, false, &k->workers, &e), 0);
	k->turns = builder_turns_new();
	k->ledger = ledger_new(stock_repo(k->stock));
	k->retain = retain_new(&(struct retain_parts){.options = &k->options,
		.settings = k->settings,
		.stock = k->stock,
		.jobs = k->jobs,
		.workers = k->workers,
		.turns = k->turns,
		.ledger = k->ledger});
	k->announce = announce_new(&(struct announce_parts){.options = &k->options,
		.settings = k->settings,
		.usage = k->usage,
		.stock = k->stock,
		.jobs = k->jobs,
		.workers = k->workers});
}

void
kept_put_channels(struct kept *k, const char *text)
{
	AUTO_CLOSE int config = fs_make_dirs(k->dir, "config", NULL);

	ck_assert_int_eq(fs_put(config, "w", "channels.json", unit_text(text), NULL), 0);
}

void
kept_set_up(struct kept *k, const char *channels)
{
	*k = (struct kept){0};
	k->dir = unit_dir(&k->path);
	if (channels != NULL)
		kept_put_channels(k, channels);
	begin(k);
}

void
kept_set_up_at(struct kept *k, const char *path)
{
	*k = (struct kept){.path = mem_string(path), .dir = fs_make_dirs(AT_FDCWD, path, NULL)};
	begin(k);
}

void
kept_tear_down(struct kept *k)
{
	jobs_stop(k->jobs);
	workers_stop(k->workers);
	announce_free(k->announce);
	workers_free(k->workers);
	retain_free(k->retain);
	ledger_free(k->ledger);
	builder_turns_free(k->turns);
	jobs_free(k->jobs);
	stock_close(k->stock);
	usage_free(k->usage);
	settings_free(k->settings);
	options_free(&k->options);
	fs_close(&k->dir);
	free(k->path);
}

static void
post(void *context)
{
	(void)sem_post(context);
}

/* The only worker takes one thing after the other. */
void
kept_settle(struct kept *k)
{
	sem_t done;

	(void)sem_init(&done, 0, 0);
	workers_add(k->workers, post, &done);
	while (sem_wait(&done) != 0)
		;
	(void)sem_destroy(&done);
}

struct record
kept_put(struct kept *k, uint64_t version, const struct edition *base, enum format format)
{
	static const char *const archives[] = {
		[FORMAT_AR1] = "GUTS2AR1", [FORMAT_AR2] = "GUTS2AR2"};
	struct span bytes = unit_text(archives[format]);
	struct record r = {.ident = {"t", {version, "00000000"}},
		.base = *base,
		.format = format,
		.ref = {digest_of(bytes), bytes.len}};

	ck_assert_int_eq(fs_put(repo_stage_dir(stock_repo(k->stock)), "s", "a", bytes, NULL), 0);
	ck_assert_int_eq(stock_put_archive(k->stock, &r, "a", NULL, NULL), 0);
	return r;
}

static char text[1000];

static void
say(size_t *len, const struct ident *ident)
{
	*len += (size_t)snprintf(text + *len, sizeof(text) - *len, "%s/%" PRIu64 " ", ident->type,
		ident->edition.version);
}

const char *
kept_announced(struct kept *k)
{
	AUTO_IDENTS struct idents announced = {0};
	struct view *view = stock_view(k->stock);
	size_t len = 0;

	view_announced(view, &announced);
	view_release(view);
	text[0] = '\0';
	for (size_t i = 0; i < announced.count; i++)
		say(&len, &announced.at[i]);
	return text;
}

const char *
kept_taken(struct kept *k, enum job_queue queue)
{
	struct job *job;
	size_t len = 0;

	text[0] = '\0';
	while ((job = jobs_take(k->jobs, queue)) != NULL)
		say(&len, &job->spec.ident);
	return text;
}
