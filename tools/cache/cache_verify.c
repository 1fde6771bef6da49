/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cache/cache_hand.h"
#include "cli.h"
#include "net/control.h"
#include "store/depot.h"
#include "store/survey.h"

/*
 * What goes on while records are read. `wrong` has each one that was reported, whether it was put
 * right or not: the exit code counts them.
 */
struct verify {
	struct cache *cache;
	const char *type;	/* NULL: all */
	struct cache_hand hand; /* to repair; all zero without */
	bool repair;
	bool json;
	json_t *wrong;
	uint64_t checked;
	struct cli_progress progress;
};

static void
report(struct verify *v, const char *name, const char *why, const char *done)
{
	size_t len = strlen(name);
	AUTO_FREE char *line = NULL;

	/* Take the bar away; it comes back with the next bytes. */
	cli_progress_end(&v->progress);
	/* Some errors begin with the name themselves. */
	if (strncmp(why, name, len) == 0 && strncmp(why + len, ": ", 2) == 0)
		why += len + 2;
	line = mem_printf("%s: %s%s%s", name, why, *done != '\0' ? ": " : "", done);
	cli_clean(line);
	if (!v->json)
		(void)puts(line);
	(void)json_array_append_new(
		v->wrong, json_pack("{s:s,s:s,s:s}", "name", name, "why",
				  doc_text_valid(why) ? why : "damaged", "done", done));
}

/* What retention or another client of the server removed meanwhile is not wrong. */
static bool
is_gone(const struct cache *c, const struct record *r)
{
	char name[IDENT_NAME_MAX];

	return !repo_has(c->repo, record_name(r, name));
}

static const char *
not_moved(const struct err *e)
{
	cli_complain("%s", e->text);
	return "could not be moved";
}

/* To quarantine/; the result for people. */
static const char *
repair(struct verify *v, const struct record *r)
{
	AUTO_DOC json_t *answer = NULL;
	struct err e = {0};
	const char *result;

	if (!v->repair)
		return "";
	if (v->hand.depot != NULL)
		return depot_quarantine(v->hand.depot, r, &e) == 0 ? "moved to quarantine/"
								   : not_moved(&e);
	/* The server looks for itself: by now the file may be a new one. */
	answer = json_object();
	(void)json_object_set_new(answer, "do", json_string("check"));
	control_put_record(answer, r);
	answer = cache_hand_ask(&v->hand, answer, &e);
	result = json_string_value(json_object_get(answer, "result"));
	if (result == NULL)
		return not_moved(&e);
	if (strcmp(result, "damaged") == 0)
		return "moved to quarantine/ by the server";
	if (strcmp(result, "absent") != 0)
		return "the server finds it right";
	/* What it could not move before it has let go of: it serves it to nobody. */
	return is_gone(v->cache, r) ? "gone already"
				    : "could not be moved: the server has let go of it";
}

/* The digest that a header had when it came is in the index alone. */
static int
check(const struct cache *c, const struct record *r, struct err *e)
{
	const struct record *known = cache_indexed(c, r);

	return survey_check(c->repo, r->kind == RECORD_HEADER && known != NULL ? known : r, e);
}

static void
verify_record(struct verify *v, const struct record *r)
{
	char name[IDENT_NAME_MAX];
	struct err e = {0};

	v->checked++;
	/* Whether it is gone is asked last: it may go while it is read. */
	if (check(v->cache, r, &e) != 0 && !is_gone(v->cache, r))
		report(v, record_name(r, name), e.text, repair(v, r));
	cli_progress_add(&v->progress, r->ref.bytes);
}

static int
rebuild_index(struct verify *v, struct err *e)
{
	AUTO_DOC json_t *answer = NULL;

	if (v->hand.depot != NULL)
		return depot_rebuild_index(v->hand.depot, e);
	answer = cache_hand_ask(&v->hand, json_pack("{s:s}", "do", "reindex"), e);
	return answer != NULL ? 0 : -1;
}

/*
 * A document that cannot be believed is no record; making the index anew moves it away. Returns the
 * result for people.
 */
static const char *
repair_documents(struct verify *v, size_t wrong)
{
	struct err e = {0};

	if (!v->repair || wrong == 0)
		return "";
	return rebuild_index(v, &e) == 0 ? "moved to quarantine/" : not_moved(&e);
}

static bool
is_wanted(const struct verify *v, const char *type)
{
	return v->type == NULL || strcmp(v->type, type) == 0;
}

/* Of a document; the announcement is of no type. */
static bool
is_wanted_name(const struct verify *v, const char *name)
{
	struct target target;

	return v->type == NULL ||
	       (ident_target_parse_stored(name, &target) && is_wanted(v, target.ident.type));
}

/* A server that runs has it from its own copy the next time that it starts. */
static void
report_signed(void *context, int dir, const char *name, const char *why)
{
	struct verify *v = context;
	AUTO_FREE char *path = mem_printf("tuf/%s", name);
	const char *done = "";
	struct err e = {0};

	if (v->repair && v->hand.depot == NULL)
		done = "the server mends it within the hour";
	else if (v->repair)
		done = fs_remove(dir, name, &e) == 0 ? "removed; the server has it again when it "
						       "starts"
						     : not_moved(&e);
	report(v, path, why, done);
}

/*
 * What documents say wrong is known since the cache was opened, and comes first; reading takes the
 * time.
 */
static void
verify_all(struct verify *v)
{
	const struct cache *c = v->cache;
	size_t bad = 0;
	uint64_t total = 0;
	const char *done;

	for (size_t i = 0; i < c->bad_count; i++)
		bad += is_wanted_name(v, c->bad[i].name);
	for (size_t i = 0; i < c->records.count; i++)
		if (is_wanted(v, c->records.at[i].ident.type))
			total += c->records.at[i].ref.bytes;
	done = repair_documents(v, bad);
	cli_progress_start(&v->progress, "verify", total);
	for (size_t i = 0; i < c->bad_count; i++)
		if (is_wanted_name(v, c->bad[i].name))
			report(v, c->bad[i].name, c->bad[i].why, done);
	for (size_t i = 0; i < c->records.count; i++)
		if (is_wanted(v, c->records.at[i].ident.type))
			verify_record(v, &c->records.at[i]);
	if (v->type == NULL)
		v->checked += cache_trust_check(&c->trust, repo_dir(c->repo), report_signed, v);
	cli_progress_end(&v->progress);
}

int
cache_verify(struct cache *c, const char *type, bool with_repair, bool json)
{
	struct verify v = {.cache = c, .type = type, .repair = with_repair, .json = json};
	struct err e = {0};
	size_t wrong;

	/* Before the long part: that nothing could be moved has to be known at once. */
	if (with_repair && cache_hand_open(&v.hand, c, &e) != 0)
		return cli_fail(&e);
	v.wrong = json_array();
	verify_all(&v);
	wrong = json_array_size(v.wrong);
	if (json)
		cli_print_json(
			json_pack("{s:I,s:O}", "checked", (json_int_t)v.checked, "wrong", v.wrong));
	else
		(void)printf("%" PRIu64 " checked, %zu wrong\n", v.checked, wrong);
	json_decref(v.wrong);
	cache_hand_close(&v.hand);
	if (type != NULL && v.checked == 0 && wrong == 0) {
		cli_complain("%s: nothing of this type is in the cache", type);
		return CLI_FAILED;
	}
	return wrong == 0 ? CLI_OK : CLI_FAILED;
}
