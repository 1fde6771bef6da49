/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_change.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cache/cache_hand.h"
#include "cli.h"
#include "store/depot.h"
#include "store/drop.h"

/* lost: nobody knew any more what the files do not say. */
static int
report_reindexed(uint64_t records, bool lost, bool json)
{
	if (json)
		cli_print_json(
			json_pack("{s:I,s:b}", "records", (json_int_t)records, "lost", lost));
	else
		(void)printf("%" PRIu64 " records%s\n", records,
			lost ? "; when they were served, when legacy clients asked, and what the "
			       "server is set to is not known any more"
			     : "");
	return CLI_OK;
}

int
cache_change_reindex(struct cache *c, bool json)
{
	AUTO_DOC json_t *answer = NULL;
	AUTO_RECORDS struct records all = {0};
	struct cache_hand h;
	struct err e = {0};
	int result;

	if (cache_hand_open(&h, c, &e) != 0)
		return cli_fail(&e);
	/*
	 * The server has the index open: it rebuilds it, and goes on with the new one. What the
	 * files do not say it has in memory.
	 */
	if (h.depot == NULL) {
		answer = cache_hand_ask(&h, json_pack("{s:s}", "do", "reindex"), &e);
		if (answer == NULL)
			return cli_fail(&e);
		return report_reindexed(
			(uint64_t)json_integer_value(json_object_get(answer, "records")), false,
			json);
	}
	/* Nobody else has the cache, and cannot come to it while this has its lock. */
	result = depot_rebuild_index(h.depot, &e);
	if (result == 0)
		result = depot_records(h.depot, &all, &e);
	cache_hand_close(&h);
	return result == 0 ? report_reindexed(all.count, c->unindexed.code != ERR_NONE, json)
			   : cli_fail(&e);
}

/* What was asked for, and what came of it. */
struct dropping {
	const struct cache *cache;
	bool forget;
	struct drop drop;
};

/* Whether the announcement has named what is to go from it. */
static bool
was_announced(const struct dropping *d)
{
	const struct ident *announced = idents_find(&d->cache->query, d->drop.type);

	if (announced == NULL)
		return false;
	return d->drop.version > 0 ? announced->edition.version == d->drop.version : d->forget;
}

static int
report_dropped(const struct dropping *d, bool json)
{
	char bytes[32];
	bool any = d->drop.removed > 0 || was_announced(d);

	if (json)
		cli_print_json(json_pack("{s:I,s:I}", "removed", (json_int_t)d->drop.removed,
			"bytes", (json_int_t)d->drop.freed_bytes));
	else if (any)
		(void)printf("%" PRIu64 " removed, %s\n", d->drop.removed,
			num_bytes_text(d->drop.freed_bytes, bytes, sizeof(bytes)));
	if (any)
		return CLI_OK;
	if (d->drop.version > 0)
		cli_complain("%s %" PRIu64 ": not in the cache", d->drop.type, d->drop.version);
	else
		cli_complain("%s: nothing of this type is in the cache", d->drop.type);
	return CLI_FAILED;
}

/* What is announced of a type, in this version (0: in any), goes from the announcement. */
static int
unannounce(struct depot *d, const char *type, uint64_t version, struct err *e)
{
	AUTO_IDENTS struct idents query = {0};
	bool lost;

	if (depot_query(d, &query, &lost, e) != 0)
		return -1;
	return idents_remove(&query, type, version) ? depot_put_query(d, &query, e) : 0;
}

static int
remove_record(void *context, const struct record *r, struct err *e)
{
	return depot_remove(context, r, e);
}

/*
 * Record by record, each durably: after an error or an interruption the rest is a cache like any
 * other.
 */
static int
drop_here(struct dropping *d, struct depot *depot, struct err *e)
{
	AUTO_RECORDS struct records all = {0};

	d->drop.remove = remove_record;
	d->drop.context = depot;
	if (depot_records(depot, &all, e) != 0 ||
		drop_records(&d->drop, depot_repo(depot), &all, e) != 0)
		return -1;
	return d->forget || d->drop.version > 0
		       ? unannounce(depot, d->drop.type, d->drop.version, e)
		       : 0;
}

/* By the server, which takes it out of its view first, and tells no client of it any more. */
static int
drop_there(struct dropping *d, const struct cache_hand *h, struct err *e)
{
	json_t *question =
		json_pack("{s:s,s:s}", "do", d->forget ? "forget" : "drop", "type", d->drop.type);
	AUTO_DOC json_t *answer = NULL;

	/* The server takes a question without a version to mean all of them. */
	if (d->drop.version > 0)
		(void)json_object_set_new(
			question, "version", json_integer((json_int_t)d->drop.version));
	answer = cache_hand_ask(h, question, e);
	if (answer == NULL)
		return -1;
	d->drop.removed = (uint64_t)json_integer_value(json_object_get(answer, "removed"));
	d->drop.freed_bytes = (uint64_t)json_integer_value(json_object_get(answer, "bytes"));
	return 0;
}

int
cache_change_drop(struct cache *c, const char *type, uint64_t version, bool forget, bool json)
{
	struct dropping d = {
		.cache = c, .forget = forget, .drop = {.type = type, .version = version}};
	struct cache_hand h;
	struct err e = {0};
	int result;

	if (cache_hand_open(&h, c, &e) != 0)
		return cli_fail(&e);
	result = h.depot != NULL ? drop_here(&d, h.depot, &e) : drop_there(&d, &h, &e);
	cache_hand_close(&h);
	return result == 0 ? report_dropped(&d, json) : cli_fail(&e);
}
