/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli.h"
#include "model/header.h"
#include "store/survey.h"

static json_t *
number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* What the records of one version sum up to. */
struct summary {
	const struct record *first;
	size_t count;
	uint64_t bytes;
	uint64_t served_ms;
	bool header;
	bool content;
	bool unindexed; /* when it was served is not known */
	char title[128];
};

/*
 * A title is the header's. Of a header that is missing or damaged there is none, and the rest is
 * shown all the same.
 */
static void
summarise(const struct cache *c, size_t first, size_t count, struct summary *ret)
{
	const struct records version = {.at = &c->records.at[first], .count = count};
	AUTO_TALLY struct tally tally = {0};
	AUTO_HEADER struct header *h = NULL;

	*ret = (struct summary){
		.first = version.at, .count = count, .unindexed = c->unindexed.code != ERR_NONE};
	ret->bytes = survey_tally(c->repo, &version, &tally);
	for (size_t i = first; i < first + count; i++) {
		const struct record *r = &c->records.at[i];

		ret->header |= r->kind == RECORD_HEADER;
		ret->content |= r->kind == RECORD_CONTENT;
		if (r->served_ms > ret->served_ms)
			ret->served_ms = r->served_ms;
	}
	if (ret->header && repo_read_header(c->repo, &ret->first->ident, &h, NULL, NULL) == 0)
		(void)snprintf(ret->title, sizeof(ret->title), "%s", h->title);
	/* Cut within a character; a document would have no string for it. */
	if (!doc_text_valid(ret->title))
		ret->title[0] = '\0';
}

static json_t *
version_object(const struct summary *s)
{
	const struct edition *edition = &s->first->ident.edition;
	json_t *differences = json_array();
	json_t *full = json_array();

	for (size_t i = 0; i < s->count; i++) {
		if (record_is_difference(&s->first[i]))
			(void)json_array_append_new(
				differences, cache_archive_object(&s->first[i]));
		else if (record_is_full(&s->first[i]))
			(void)json_array_append_new(full, cache_archive_object(&s->first[i]));
	}
	return json_pack("{s:I,s:s,s:s,s:b,s:o,s:o,s:b,s:I,s:o}", "version",
		(json_int_t)edition->version, "cookie", edition->cookie, "title", s->title,
		"header", s->header, "differences", differences, "full", full, "content",
		s->content, "bytes", (json_int_t)s->bytes, "last_served",
		s->served_ms > 0 ? number(s->served_ms / 1000) : json_null());
}

/* A clock may have been set back. */
static char *
ago_text(uint64_t then_ms, char *ret, size_t size)
{
	uint64_t now_ms = clock_wall_ms();
	char span[32];

	if (then_ms == 0)
		(void)snprintf(ret, size, "no use known");
	else
		(void)snprintf(ret, size, "served %s ago",
			num_span_text(now_ms > then_ms ? (now_ms - then_ms) / 1000 : 0, span,
				sizeof(span)));
	return ret;
}

/* Full archives, or differences, on as many lines as they need; nothing where there are none. */
static void
print_archives(const struct summary *s, bool full, const char *label)
{
	struct cli_wrap w = {.indent = 21};
	bool any = false;

	for (size_t i = 0; i < s->count; i++) {
		const struct record *r = &s->first[i];
		AUTO_FREE char *word = NULL;
		char bytes[32];

		if (r->kind != RECORD_ARCHIVE || record_is_full(r) != full)
			continue;
		if (!any)
			w.column = printf("    %-17s", label);
		any = true;
		(void)num_bytes_text(r->ref.bytes, bytes, sizeof(bytes));
		word = full ? mem_printf("%s (%s)", wire_format_key(r->format), bytes)
			    : mem_printf("%" PRIu64 " (%s)", r->base.version, bytes);
		cli_wrap_add(&w, word);
	}
	if (any)
		(void)putchar('\n');
}

static void
print_version(const struct summary *s)
{
	char bytes[32];
	char ago[48];

	(void)printf("  %-16" PRIu64 "%s %9s  %-20s%s%s\n", s->first->ident.edition.version,
		s->first->ident.edition.cookie, num_bytes_text(s->bytes, bytes, sizeof(bytes)),
		s->unindexed ? "use not known" : ago_text(s->served_ms, ago, sizeof(ago)),
		s->header ? " header" : "", s->content ? " content" : "");
	print_archives(s, true, "full");
	print_archives(s, false, "differences from");
}

/* Whether a legacy client asked for it, and nobody had anything of it but what those are given. */
static bool
is_legacy_only(const struct cache *c, size_t first, size_t count)
{
	bool legacy_only = cache_legacy_seen_ms(c, c->records.at[first].ident.type) > 0;

	for (size_t i = first; i < first + count; i++) {
		const struct record *r = &c->records.at[i];

		legacy_only &= r->served_ms == 0 || (record_is_full(r) && r->format == FORMAT_AR1);
	}
	return legacy_only;
}

/* The document is made in any case, so that there is one walk for both kinds of output. */
static json_t *
list_type(const struct cache *c, size_t first, size_t count, bool json)
{
	const char *type = c->records.at[first].ident.type;
	AUTO_FREE char *signed_ = cache_trust_text(&c->trust, type);
	json_t *versions = json_array();
	struct summary s;
	uint64_t seen_ms;

	if (!json)
		(void)printf("%s%s\n", type,
			is_legacy_only(c, first, count) ? "  (for legacy clients alone)" : "");
	if (!json && c->trust.dir >= 0)
		(void)printf("  %s\n", signed_);
	for (size_t i = first, n; i < first + count; i += n) {
		n = cache_version_count(c, i);
		summarise(c, i, n, &s);
		if (json)
			(void)json_array_append_new(versions, version_object(&s));
		else
			print_version(&s);
	}
	seen_ms = cache_legacy_seen_ms(c, type);
	return json_pack("{s:s,s:o,s:b,s:b,s:o,s:o}", "type", type, "trust",
		cache_trust_object(&c->trust, type), "legacy", seen_ms > 0, "legacy_only",
		is_legacy_only(c, first, count), "legacy_seen",
		seen_ms > 0 ? number(seen_ms / 1000) : json_null(), "versions", versions);
}

/* The second list: what clients without differences ask for. */
static void
print_legacy(const struct cache *c)
{
	bool any = false;
	char ago[48];

	for (size_t i = 0; i < c->channels.legacy_count; i++) {
		if (c->legacy_seen_ms[i] == 0)
			continue;
		if (!any)
			(void)puts("Legacy types, served whole:");
		any = true;
		/* What ago_text says, less its verb. */
		(void)printf("  %s, asked for%s\n", c->channels.legacy[i],
			ago_text(c->legacy_seen_ms[i], ago, sizeof(ago)) + strlen("served"));
	}
}

/* An empty cache is as it should be; only a type that was named and is not there is a failure. */
int
cache_list(const struct cache *c, const char *type, bool json)
{
	json_t *types = json_array();
	bool any = false;

	if (c->records.count > 0)
		cache_complain_unindexed(c,
			"when something was served, and when legacy clients asked, is not known");
	for (size_t i = 0, n; i < c->records.count; i += n) {
		n = records_type_count(&c->records, i);
		if (type != NULL && strcmp(type, c->records.at[i].ident.type) != 0)
			continue;
		(void)json_array_append_new(types, list_type(c, i, n, json));
		any = true;
	}
	if (json)
		cli_print_json(json_pack(
			"{s:O,s:b}", "types", types, "index", c->unindexed.code == ERR_NONE));
	else if (!any && type == NULL)
		(void)puts("The cache is empty: nothing that a client asked for is here.");
	if (!json && type == NULL) {
		AUTO_FREE char *summary = cache_trust_summary(&c->trust);

		print_legacy(c);
		(void)puts(summary);
	}
	json_decref(types);
	if (any || type == NULL)
		return CLI_OK;
	cli_complain("%s: nothing of this type is in the cache", type);
	return CLI_FAILED;
}
