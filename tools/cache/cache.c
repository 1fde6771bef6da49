/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli.h"
#include "store/depot_settings.h"
#include "store/index.h"
#include "store/survey.h"

/* It does not end the survey: the rest of the cache is to be told of all the same. */
static int
note_bad(void *context, const char *name, const char *why, struct err *e)
{
	struct cache *c = context;

	(void)e;
	c->bad = mem_grow(c->bad, c->bad_count, &c->bad_capacity, sizeof(*c->bad));
	(void)snprintf(c->bad[c->bad_count].name, sizeof(c->bad->name), "%s", name);
	c->bad[c->bad_count++].why = mem_string(why);
	return 0;
}

static int
collect(void *context, const struct record *r)
{
	records_add(context, r);
	return 0;
}

/* What is remembered while options_each_number goes over all settings. */
struct settings {
	struct index *index;
	bool found;
};

/* A server writes all of them; one of an older index keeps its default. */
static void
read_setting(void *context, const char *name, uint64_t *value)
{
	struct settings *s = context;

	s->found |= index_setting(s->index, name, value);
}

/*
 * What files cannot say: when something came and was asked for, and what the server was set to. It
 * is opened for reading alone, as a running server may write to it; whatever it cannot tell is not
 * known.
 */
static int
read_index(struct cache *c, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/index.sqlite", c->path);
	struct index *index = NULL;
	struct settings settings = {0};
	char name[DEPOT_SETTINGS_NAME_MAX];
	int result;

	if (!repo_has(c->repo, "index.sqlite"))
		return err_set(e, ERR_MISSING, "index.sqlite: there is none");
	if (index_open_reading(path, &index, e) != 0)
		return -1;
	result = index_each(index, collect, &c->indexed, e);
	/* Of half an index, what is missing would look as if it had never been served. */
	if (result != 0)
		c->indexed.count = 0;
	records_sort(&c->indexed);
	settings.index = index;
	options_each_number(&c->settings, read_setting, &settings);
	c->has_settings = settings.found;
	for (size_t i = 0; i < c->channels.legacy_count; i++)
		(void)index_setting(index, depot_settings_legacy(c->channels.legacy[i], name),
			&c->legacy_seen_ms[i]);
	index_close(index, false);
	return result;
}

void
cache_complain_unindexed(const struct cache *c, const char *consequence)
{
	if (c->unindexed.code != ERR_NONE)
		cli_complain("%s: %s", c->unindexed.text, consequence);
}

const struct record *
cache_indexed(const struct cache *c, const struct record *r)
{
	return records_find(&c->indexed, r);
}

/* The files say what is there; the index adds when it came and was asked for, and no more. */
static void
take_times(struct cache *c)
{
	for (size_t i = 0; i < c->records.count; i++) {
		struct record *r = &c->records.at[i];
		const struct record *known = cache_indexed(c, r);

		if (known == NULL)
			continue;
		r->landed_ms = known->landed_ms;
		r->served_ms = known->served_ms;
		r->checked_ms = known->checked_ms;
	}
}

static int
read_query(struct cache *c, struct err *e)
{
	struct err lost;

	if (survey_query(c->repo, &c->query, &lost, e) != 0)
		return -1;
	return lost.code == ERR_NONE || lost.code == ERR_MISSING ? 0
								 : note_bad(c, "q", lost.text, e);
}

/* One with an error is not in force at the server either. */
static void
read_channels(struct cache *c, const char *root)
{
	AUTO_FREE char *path = mem_printf("%s/config/channels.json", root);
	struct err e = {0};

	if (channels_read(path, &c->channels, &e) != 0)
		cli_complain("%s", e.text);
	c->legacy_seen_ms = mem_new(c->channels.legacy_count, sizeof(*c->legacy_seen_ms));
}

uint64_t
cache_legacy_seen_ms(const struct cache *c, const char *type)
{
	for (size_t i = 0; i < c->channels.legacy_count; i++)
		if (strcmp(c->channels.legacy[i], type) == 0)
			return c->legacy_seen_ms[i];
	return 0;
}

int
cache_open(struct cache *c, const char *root, const char *path, struct err *e)
{
	*c = (struct cache){.trust.dir = -1};
	/* What guts2d does without settings, until the index says what a server was told. */
	options_standard(&c->settings);
	c->path = mem_string(path);
	if (repo_open(c->path, false, &c->repo, e) != 0)
		return err_wrap(e, "no cache below %s", root);
	read_channels(c, root);
	cache_trust_open(&c->trust, root);
	if (read_query(c, e) != 0 || survey_read(c->repo, note_bad, c, &c->records, e) != 0)
		return err_wrap(e, "%s", c->path);
	/* After the files: a missing or an old index takes nothing from them. */
	(void)read_index(c, &c->unindexed);
	take_times(c);
	return 0;
}

void
cache_close(struct cache *c)
{
	cache_trust_close(&c->trust);
	for (size_t i = 0; i < c->bad_count; i++)
		free(c->bad[i].why);
	free(c->bad);
	idents_free(&c->query);
	records_free(&c->records);
	records_free(&c->indexed);
	repo_close(c->repo);
	channels_free(&c->channels);
	options_free(&c->settings);
	free(c->legacy_seen_ms);
	free(c->path);
	*c = (struct cache){.trust.dir = -1};
}

/* Records are sorted: those of a type are one run. */
size_t
cache_find_type(const struct cache *c, const char *type, size_t *ret_first)
{
	for (size_t i = 0; i < c->records.count; i += records_type_count(&c->records, i)) {
		if (strcmp(c->records.at[i].ident.type, type) != 0)
			continue;
		*ret_first = i;
		return records_type_count(&c->records, i);
	}
	return 0;
}

/* As are those of a version, with its header first. */
size_t
cache_version_count(const struct cache *c, size_t first)
{
	size_t end = first;

	while (end < c->records.count &&
		ident_equal(&c->records.at[end].ident, &c->records.at[first].ident))
		end++;
	return end - first;
}

json_t *
cache_archive_object(const struct record *r)
{
	json_t *object = json_pack("{s:s,s:I}", "format", wire_format_key(r->format), "bytes",
		(json_int_t)r->ref.bytes);

	if (!record_is_difference(r))
		return object;
	(void)json_object_set_new(object, "version", json_integer((json_int_t)r->base.version));
	(void)json_object_set_new(object, "cookie", json_string(r->base.cookie));
	return object;
}
