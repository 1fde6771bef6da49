/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_change.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cache/cache_list.h"
#include "cli.h"
#include "net/control.h"
#include "store/depot.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/survey.h"

/* Who carries changes out: this process with the cache's lock, or the server. */
struct hand {
	struct cache *cache;
	struct depot *depot; /* NULL: the server */
};

static int
hand_open(struct hand *h, struct cache *c, struct err *e)
{
	bool rebuilt;

	*h = (struct hand){.cache = c};
	if (depot_open(c->path, &h->depot, &rebuilt, e) == 0)
		return 0;
	h->depot = NULL;
	return e->code == ERR_BUSY ? 0 : -1;
}

static json_t *
ask(const struct hand *h, json_t *take_question, struct err *e)
{
	return control_ask(repo_dir(h->cache->repo), take_question, e);
}

/* ---- verify */

struct verify {
	struct cache *cache;
	struct hand hand; /* to repair */
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

	cli_progress_end(&v->progress);
	if (strncmp(why, name, len) == 0 && strncmp(why + len, ": ", 2) == 0)
		why += len + 2;
	if (!v->json)
		(void)printf("%s: %s%s%s\n", name, why, *done != '\0' ? ": " : "", done);
	(void)json_array_append_new(
		v->wrong, json_pack("{s:s,s:s,s:s}", "name", name, "why",
				  doc_text_valid(why) ? why : "damaged", "done", done));
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
								   : "could not be moved";
	answer = json_object();
	(void)json_object_set_new(answer, "do", json_string("check"));
	control_put_record(answer, r);
	answer = ask(&v->hand, answer, &e);
	result = json_string_value(json_object_get(answer, "result"));
	if (result == NULL) {
		cli_complain("%s", e.text);
		return "could not be moved";
	}
	return strcmp(result, "damaged") == 0  ? "moved to quarantine/ by the server"
	       : strcmp(result, "absent") == 0 ? "gone already"
					       : "the server finds it right";
}

/* The digest that a header had when it came is in the index alone. */
static int
check(const struct cache *c, const struct record *r, struct err *e)
{
	const struct record *known =
		c->indexed.count == 0
			? NULL
			: bsearch(r, c->indexed.at, c->indexed.count, sizeof(*r), record_compare);

	return survey_check(c->repo, r->kind == RECORD_HEADER && known != NULL ? known : r, e);
}

/* What retention or another client of the server removed meanwhile is not wrong. */
static bool
is_gone(const struct cache *c, const struct record *r)
{
	char name[IDENT_NAME_MAX];

	return !repo_has(c->repo, record_name(r, name));
}

static void
verify_record(struct verify *v, const struct record *r)
{
	char name[IDENT_NAME_MAX];
	struct err e = {0};

	v->checked++;
	if (check(v->cache, r, &e) != 0 && !is_gone(v->cache, r))
		report(v, record_name(r, name), e.text, repair(v, r));
	cli_progress_add(&v->progress, r->ref.bytes);
}

/* A document that cannot be believed is no record; making the index anew moves it away. */
static int
repair_documents(struct verify *v, struct err *e)
{
	AUTO_DOC json_t *answer = NULL;

	if (!v->repair || v->cache->bad_count == 0)
		return 0;
	if (v->hand.depot != NULL)
		return depot_rebuild_index(v->hand.depot, e);
	answer = ask(&v->hand, json_pack("{s:s}", "do", "reindex"), e);
	return answer != NULL ? 0 : -1;
}

static void
verify_all(struct verify *v, const char *type)
{
	const struct cache *c = v->cache;
	uint64_t total = 0;

	for (size_t i = 0; i < c->records.count; i++)
		if (type == NULL || strcmp(c->records.at[i].ident.type, type) == 0)
			total += c->records.at[i].ref.bytes;
	cli_progress_start(&v->progress, "verify", total);
	for (size_t i = 0; i < c->bad_count; i++)
		report(v, c->bad[i].name, c->bad[i].why, v->repair ? "moved to quarantine/" : "");
	for (size_t i = 0; i < c->records.count; i++)
		if (type == NULL || strcmp(c->records.at[i].ident.type, type) == 0)
			verify_record(v, &c->records.at[i]);
	cli_progress_end(&v->progress);
}

int
cache_verify(struct cache *c, const char *type, bool with_repair, bool json)
{
	struct verify v = {.cache = c, .repair = with_repair, .json = json};
	struct err e = {0};
	size_t wrong;

	if (with_repair && hand_open(&v.hand, c, &e) != 0)
		return cli_fail(&e);
	v.wrong = json_array();
	verify_all(&v, type);
	if (repair_documents(&v, &e) != 0)
		(void)cli_fail(&e);
	wrong = json_array_size(v.wrong);
	if (json)
		cli_print_json(
			json_pack("{s:I,s:O}", "checked", (json_int_t)v.checked, "wrong", v.wrong));
	else
		(void)printf("%" PRIu64 " checked, %zu wrong\n", v.checked, wrong);
	json_decref(v.wrong);
	depot_close(v.hand.depot);
	return wrong == 0 ? CLI_OK : CLI_FAILED;
}

/* ---- reindex, drop */

static int
report_rebuilt(uint64_t records, bool json)
{
	if (json)
		cli_print_json(json_pack("{s:I}", "records", (json_int_t)records));
	else
		(void)printf("%" PRIu64 " records\n", records);
	return CLI_OK;
}

int
cache_change_rebuild(struct cache *c, bool json)
{
	AUTO_DOC json_t *answer = NULL;
	AUTO_RECORDS struct records all = {0};
	struct hand h;
	struct err e = {0};
	int result;

	if (hand_open(&h, c, &e) != 0)
		return cli_fail(&e);
	if (h.depot == NULL) {
		answer = ask(&h, json_pack("{s:s}", "do", "reindex"), &e);
		if (answer == NULL)
			return cli_fail(&e);
		return report_rebuilt(
			(uint64_t)json_integer_value(json_object_get(answer, "records")), json);
	}
	result = depot_rebuild_index(h.depot, &e);
	if (result == 0)
		result = depot_records(h.depot, &all, &e);
	depot_close(h.depot);
	return result == 0 ? report_rebuilt(all.count, json) : cli_fail(&e);
}

static int
report_dropped(uint64_t count, uint64_t dropped, bool json)
{
	char bytes[32];

	if (json)
		cli_print_json(json_pack(
			"{s:I,s:I}", "removed", (json_int_t)count, "bytes", (json_int_t)dropped));
	else
		(void)printf("%" PRIu64 " removed, %s\n", count,
			num_bytes_text(dropped, bytes, sizeof(bytes)));
	return CLI_OK;
}

static int
drop_here(struct depot *d, const char *type, uint64_t version, bool json)
{
	AUTO_RECORDS struct records all = {0};
	uint64_t count = 0;
	uint64_t bytes = 0;
	struct err e = {0};

	if (depot_records(d, &all, &e) != 0)
		return cli_fail(&e);
	for (size_t i = all.count; i > 0; i--) { /* a version's header last */
		const struct record *r = &all.at[i - 1];

		if (strcmp(r->ident.type, type) != 0 ||
			(version > 0 && r->ident.edition.version != version))
			continue;
		if (depot_remove(d, r, &e) != 0)
			return cli_fail(&e);
		count++;
		bytes += r->ref.bytes;
	}
	return report_dropped(count, bytes, json);
}

static int
drop_there(const struct hand *h, const char *type, uint64_t version, bool json)
{
	json_t *question = json_pack("{s:s,s:s}", "do", "drop", "type", type);
	AUTO_DOC json_t *answer = NULL;
	struct err e = {0};

	if (version > 0)
		(void)json_object_set_new(question, "version", json_integer((json_int_t)version));
	answer = ask(h, question, &e);
	if (answer == NULL)
		return cli_fail(&e);
	return report_dropped((uint64_t)json_integer_value(json_object_get(answer, "removed")),
		(uint64_t)json_integer_value(json_object_get(answer, "bytes")), json);
}

int
cache_change_drop(struct cache *c, const char *type, uint64_t version, bool json)
{
	struct hand h;
	struct err e = {0};
	int result;

	if (hand_open(&h, c, &e) != 0)
		return cli_fail(&e);
	if (h.depot == NULL)
		return drop_there(&h, type, version, json);
	result = drop_here(h.depot, type, version, json);
	depot_close(h.depot);
	return result;
}
