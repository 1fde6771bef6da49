/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_change.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cache/cache_hand.h"
#include "cli.h"
#include "store/depot.h"

static int
report_reindexed(uint64_t records, bool json)
{
	if (json)
		cli_print_json(json_pack("{s:I}", "records", (json_int_t)records));
	else
		(void)printf("%" PRIu64 " records\n", records);
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
	/* The server has the index open: it rebuilds it, and goes on with the new one. */
	if (h.depot == NULL) {
		answer = cache_hand_ask(&h, json_pack("{s:s}", "do", "reindex"), &e);
		if (answer == NULL)
			return cli_fail(&e);
		return report_reindexed(
			(uint64_t)json_integer_value(json_object_get(answer, "records")), json);
	}
	/* Nobody else has the cache, and cannot come to it while this has its lock. */
	result = depot_rebuild_index(h.depot, &e);
	if (result == 0)
		result = depot_records(h.depot, &all, &e);
	cache_hand_close(&h);
	return result == 0 ? report_reindexed(all.count, json) : cli_fail(&e);
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

/*
 * Record by record, each durably: after an error or an interruption the rest is a cache like any
 * other.
 */
static int
drop_here(struct depot *d, const char *type, uint64_t version, bool forget, bool json)
{
	AUTO_RECORDS struct records all = {0};
	uint64_t count = 0;
	uint64_t bytes = 0;
	struct err e = {0};

	if (depot_records(d, &all, &e) != 0)
		return cli_fail(&e);
	/* Backwards, a version's header last: interrupted, what is left can still be explained. */
	for (size_t i = all.count; i > 0; i--) {
		const struct record *r = &all.at[i - 1];

		if (strcmp(r->ident.type, type) != 0 ||
			(version > 0 && r->ident.edition.version != version))
			continue;
		if (depot_remove(d, r, &e) != 0)
			return cli_fail(&e);
		count++;
		bytes += r->ref.bytes;
	}
	if ((forget || version > 0) && unannounce(d, type, version, &e) != 0)
		return cli_fail(&e);
	return report_dropped(count, bytes, json);
}

/* By the server, which takes it out of its view first, and tells no client of it any more. */
static int
drop_there(const struct cache_hand *h, const char *type, uint64_t version, bool forget, bool json)
{
	json_t *question = json_pack("{s:s,s:s}", "do", forget ? "forget" : "drop", "type", type);
	AUTO_DOC json_t *answer = NULL;
	struct err e = {0};

	/* The server takes a question without a version to mean all of them. */
	if (version > 0)
		(void)json_object_set_new(question, "version", json_integer((json_int_t)version));
	answer = cache_hand_ask(h, question, &e);
	if (answer == NULL)
		return cli_fail(&e);
	return report_dropped((uint64_t)json_integer_value(json_object_get(answer, "removed")),
		(uint64_t)json_integer_value(json_object_get(answer, "bytes")), json);
}

int
cache_change_drop(struct cache *c, const char *type, uint64_t version, bool forget, bool json)
{
	struct cache_hand h;
	struct err e = {0};
	int result;

	if (cache_hand_open(&h, c, &e) != 0)
		return cli_fail(&e);
	if (h.depot == NULL)
		return drop_there(&h, type, version, forget, json);
	result = drop_here(h.depot, type, version, forget, json);
	cache_hand_close(&h);
	return result;
}
