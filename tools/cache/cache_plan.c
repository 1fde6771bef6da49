/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_plan.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/num.h"
#include "cli.h"
#include "model/retention.h"
#include "store/survey.h"

/*
 * The same as the server's, which removes what lies in stage/ and quarantine/ first, and counts
 * records then. bytes: what these take.
 */
static uint64_t
excess(const struct cache *c, uint64_t bytes)
{
	struct retention_room room = {.cache_bytes = bytes,
		.max_bytes = c->settings.cacheMaxBytes,
		.min_free_bytes = c->settings.cacheMinFreeBytes};
	uint64_t disk_bytes;

	repo_disk(c->repo, &disk_bytes, &room.disk_free_bytes);
	/*
	 * What a server left is what came of its setting on this disk; a default has still to be
	 * fitted to it.
	 */
	if (!c->has_settings)
		room.min_free_bytes = retention_min_free_bytes(room.min_free_bytes, disk_bytes);
	return retention_excess_bytes(&room);
}

/* One line and one object of the same facts, so that both say the same. */
static json_t *
show_action(const struct retention_action *a, bool json)
{
	const struct record *r = &a->record;
	const char *what = a->verb == RETENTION_REMOVE	? record_kind_name(r)
			   : a->verb == RETENTION_BUILD ? "content"
							: "version";
	char bytes[32];
	json_t *object;

	if (!json && a->verb == RETENTION_REMOVE)
		(void)printf("%-6s  %s %" PRIu64 " %s%s, %s: %s\n", retention_verb_name(a->verb),
			r->ident.type, r->ident.edition.version, what,
			r->kind == RECORD_ARCHIVE && r->format == FORMAT_AR1 ? " guts2ar1" : "",
			num_bytes_text(a->freed_bytes, bytes, sizeof(bytes)),
			retention_reason_text(a->reason));
	else if (!json)
		(void)printf("%-6s  %s %" PRIu64 " %s: %s\n", retention_verb_name(a->verb),
			r->ident.type, r->ident.edition.version, what,
			retention_reason_text(a->reason));
	object = json_pack("{s:s,s:s,s:I,s:s,s:s,s:s}", "do", retention_verb_name(a->verb), "type",
		r->ident.type, "version", (json_int_t)r->ident.edition.version, "cookie",
		r->ident.edition.cookie, "what", what, "why", retention_reason_text(a->reason));
	if (a->verb == RETENTION_REMOVE) {
		(void)json_object_set_new(
			object, "bytes", json_integer((json_int_t)a->freed_bytes));
		if (r->kind == RECORD_ARCHIVE)
			(void)json_object_set_new(
				object, "format", json_string(wire_format_key(r->format)));
		if (record_is_difference(r))
			(void)json_object_set_new(
				object, "from", json_integer((json_int_t)r->base.version));
	}
	return object;
}

static void
complain_defaults(const struct cache *c)
{
	cache_complain_unindexed(
		c, "what the server is set to is not known, and the defaults are taken");
	if (c->unindexed.code == ERR_NONE && !c->has_settings)
		cli_complain("no server has left its settings here: the defaults are taken");
}

int
cache_plan(const struct cache *c, bool json)
{
	/* What is being sent just now a running server alone knows, and spares. */
	AUTO_TALLY struct tally tally = {0};
	AUTO_FREE bool *withdrawn = mem_new(c->records.count, sizeof(*withdrawn));
	struct retention_facts facts = {.records = &c->records,
		.withdrawn = withdrawn,
		.versions = c->settings.keepGuts2UpdatesCount,
		.tally = &tally,
		.channels = &c->channels};
	struct retention_actions actions = {0};
	json_t *list = json_array();

	for (size_t i = 0; i < c->records.count; i++)
		withdrawn[i] = c->query.count > 0 &&
			       idents_find(&c->query, c->records.at[i].ident.type) == NULL;
	facts.excess_bytes = excess(c, survey_tally(c->repo, &c->records, &tally));
	retention_decide(&facts, &actions);
	complain_defaults(c);
	for (size_t i = 0; i < actions.count; i++)
		(void)json_array_append_new(list, show_action(&actions.at[i], json));
	if (json)
		cli_print_json(json_pack("{s:s,s:I,s:I,s:O}", "settings",
			c->has_settings ? "server" : "defaults", "keep",
			(json_int_t)c->settings.keepGuts2UpdatesCount, "excess",
			(json_int_t)facts.excess_bytes, "actions", list));
	else if (actions.count == 0)
		(void)printf("Nothing is to be built or removed; %" PRIu64
			     " versions of each type are kept.\n",
			c->settings.keepGuts2UpdatesCount);
	json_decref(list);
	retention_actions_free(&actions);
	return CLI_OK;
}
