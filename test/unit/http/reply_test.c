/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a request's facts to the reply, over a small cache; nothing is asked of any upstream. */
#include "http/reply.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "http/fields.h"
#include "unit.h"

static const struct edition newest = {5, "00000005"};
static const struct edition before = {4, "00000004"};
static const struct edition full = {0, ""};

struct site {
	struct options options;
	struct reply_context c;
	_Atomic uint64_t places;
	struct request_facts facts;
	char client[WIRE_CLIENT_MAX + 1];
	char path[IDENT_NAME_MAX + 8];
	struct reply r;
};

static void
on_notify(void *context, enum job_queue queue)
{
	(void)context;
	(void)queue;
}

/* Metadata names version 5 of the types t and old, of which old is on the legacy list. */
static void
set_up(struct site *s)
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
	p->legacy = legacy_new(&(struct legacy_parts){.options = p->options,
		.settings = p->settings,
		.stock = p->stock,
		.jobs = p->jobs});
	idents_add(&query, &(struct ident){"old", newest});
	idents_add(&query, &(struct ident){"t", newest});
	ck_assert_int_eq(stock_put_query(p->stock, &query, false, NULL), 0);
}

static void
tear_down(struct site *s)
{
	reply_clear(&s->r);
	legacy_free(s->c.parts.legacy);
	usage_free(s->c.parts.usage);
	jobs_free(s->c.parts.jobs);
	stock_close(s->c.parts.stock);
	settings_free(s->c.parts.settings);
	free(s->options.root);
}

/* An archive without entries, of 8 bytes. */
static struct record
put(struct site *s, const char *type, const struct edition *base, enum format format)
{
	static const char *const archives[] = {
		[FORMAT_AR1] = "GUTS2AR1", [FORMAT_AR2] = "GUTS2AR2"};
	struct span bytes = unit_text(archives[format]);
	struct record r = {.ident.edition = newest,
		.base = *base,
		.format = format,
		.ref = {digest_of(bytes), bytes.len}};
	int stage = repo_stage_dir(stock_repo(s->c.parts.stock));

	(void)snprintf(r.ident.type, sizeof(r.ident.type), "%s", type);
	ck_assert_int_eq(fs_put(stage, "s", "a", bytes, NULL), 0);
	ck_assert_int_eq(stock_put_archive(s->c.parts.stock, &r, "a", NULL), 0);
	return r;
}

static const struct reply *
ask(struct site *s, const char *path, bool may_hold)
{
	reply_clear(&s->r);
	(void)snprintf(s->path, sizeof(s->path), "%s", path);
	s->facts.path = s->path;
	reply_make(&s->c, &s->facts, may_hold, s->client, &s->r);
	return &s->r;
}

static const struct reply *
ask_file(struct site *s, const struct record *r, bool may_hold)
{
	char name[IDENT_NAME_MAX];
	char path[IDENT_NAME_MAX + 1];

	(void)snprintf(path, sizeof(path), "/%s", ident_file_name(&r->ref.id, name));
	return ask(s, path, may_hold);
}

/* The record as the view has it, for as long as the reply is there. */
static const struct view_record *
shown(struct site *s, const struct record *r)
{
	return view_find_record(s->r.view, r);
}

#define OFFER "/o;t=t;v=5;c=00000005"
#define BASE ";pv=4;pc=00000004"

START_TEST(reply_make__what_is_misunderstood_closes_and_what_is_not_there_does_not)
{
	static const struct {
		const char *method;
		const char *path;
		const char *via;
		unsigned status;
		const char *text; /* that the body has */
		const char *allow;
		bool close;
	} rows[] = {{"GET", "/nothing", NULL, 400, "\"malformed\",\"reason\":\"see the path\"",
			    NULL, true},
		{"POST", OFFER, NULL, 405, "\"method-not-allowed\",\"reason\":\"POST is for q\"",
			"GET, HEAD", true},
		{"GET", "/h;t=t;v=5;c=00000005", "1.1 guts2d-0123456789abcdef", 508,
			"\"loop\",\"reason\":\"this server is above itself\"", NULL, false},
		{"GET", "/h;t=t;v=5;c=00000005",
			"1.1 guts2d-1000000000000000,1.1 guts2d-2000000000000000,"
			"1.1 guts2d-3000000000000000,1.1 guts2d-4000000000000000,"
			"1.1 guts2d-5000000000000000,1.1 guts2d-6000000000000000,"
			"1.1 guts2d-7000000000000000,1.1 guts2d-8000000000000000",
			508, "\"loop\",\"reason\":\"more than 8 servers\"", NULL, false},
		{"GET", "/h;t=x;v=5;c=00000005", "1.1 guts2d-1000000000000000", 404,
			"\"not-found\",\"reason\":\"unknown type\"", NULL, false},
		{"GET", "/legacy/t", NULL, 404, "\"not a legacy type\"", NULL, false},
		{"POST", "/q", NULL, 200, NULL, NULL, false},
		{"HEAD", "/q", NULL, 200, NULL, NULL, false}};
	struct site s;

	set_up(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct reply *r;

		s.facts.method = rows[i].method;
		s.facts.via = rows[i].via;
		r = ask(&s, rows[i].path, true);
		ck_assert_msg(r->status == rows[i].status && r->close == rows[i].close,
			"row %zu: %u", i, r->status);
		ck_assert_pstr_eq(r->allow, rows[i].allow);
		if (rows[i].text == NULL)
			continue;
		ck_assert_int_eq(r->body, REPLY_TEXT);
		ck_assert_int_eq(r->cache, REPLY_NO_STORE);
		ck_assert_msg(strstr(r->text.at, rows[i].text) != NULL, "%s", r->text.at);
		ck_assert_ptr_nonnull(strstr(r->text.at, r->reason));
	}
	tear_down(&s);
}
END_TEST

START_TEST(reply_malformed__a_method_that_is_none_is_told_which_are)
{
	struct reply r;

	reply_malformed(405, "why", &r);
	ck_assert_str_eq(r.allow, "GET, HEAD, POST");
	ck_assert(r.close && r.status == 405);
	ck_assert_str_eq(r.text.at, "{\"error\":\"method-not-allowed\",\"reason\":\"why\"}\n");
	reply_clear(&r);
	reply_malformed(413, "why", &r);
	ck_assert_ptr_null(r.allow);
	ck_assert_str_eq(r.text.at, "{\"error\":\"malformed\",\"reason\":\"why\"}\n");
	reply_clear(&r);
	ck_assert_ptr_null(r.text.at);
}
END_TEST

START_TEST(reply_make__a_file_is_sent_as_the_fields_ask_for_it)
{
	static const struct {
		const char *method, *range, *if_range, *etag;
		unsigned status;
		uint64_t first, len;
		bool whole, octets, sends;
	} rows[] = {{"GET", NULL, NULL, NULL, 200, 0, 8, false, true, true},
		{"HEAD", NULL, NULL, NULL, 200, 0, 8, false, true, false},
		{"GET", "bytes=2-4", NULL, NULL, 206, 2, 3, true, true, true},
		{"HEAD", "bytes=2-4", NULL, NULL, 200, 0, 8, false, true, false},
		{"GET", "bytes=2-4", "\"other\"", NULL, 200, 0, 8, false, true, true},
		{"GET", "pages=2-4", NULL, NULL, 200, 0, 8, false, true, true},
		{"GET", "bytes=8-", NULL, NULL, 416, 0, 8, true, false, false},
		{"GET", "bytes=2-4", NULL, "*", 304, 0, 0, false, true, false},
		{"GET", NULL, NULL, "\"other\"", 200, 0, 8, false, true, true}};
	struct record record;
	struct site s;

	set_up(&s);
	record = put(&s, "t", &before, FORMAT_AR1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct reply *r;

		s.facts.method = rows[i].method;
		s.facts.range = rows[i].range;
		s.facts.if_range = rows[i].if_range;
		s.facts.if_none_match = rows[i].etag;
		r = ask_file(&s, &record, false);
		ck_assert_msg(r->status == rows[i].status, "row %zu: %u", i, r->status);
		ck_assert_uint_eq(r->first, rows[i].first);
		if (r->status < 300)
			ck_assert_uint_eq(r->len, rows[i].len);
		ck_assert_msg(r->whole_file_size == rows[i].whole, "row %zu", i);
		ck_assert_msg(r->octets == rows[i].octets, "row %zu", i);
		ck_assert_int_eq(r->body, r->status < 300 ? REPLY_FILE : REPLY_TEXT);
		ck_assert_int_eq(r->cache, r->status == 416 ? REPLY_NO_STORE : REPLY_IMMUTABLE);
		ck_assert_str_eq(r->etag, shown(&s, &record)->etag);
		ck_assert_msg(r->sending == rows[i].sends, "row %zu", i);
		ck_assert_uint_eq(shown(&s, &record)->sending, rows[i].sends);
		/* A difference takes no place. */
		ck_assert(!r->holds_place && s.places == 0);
		ck_assert(!r->alone && r->last_modified_s == 0);
	}
	tear_down(&s);
}
END_TEST

START_TEST(reply_make__a_file_is_being_sent_until_its_reply_is_gone)
{
	struct record record;
	struct view *view;
	struct site s;

	set_up(&s);
	record = put(&s, "t", &before, FORMAT_AR1);
	s.facts.method = "HEAD";
	ck_assert_uint_eq(ask_file(&s, &record, false)->status, 200);
	ck_assert_uint_eq(shown(&s, &record)->served_ms, 0);
	s.facts.method = "GET";
	ck_assert_uint_eq(ask_file(&s, &record, false)->status, 200);
	ck_assert_uint_gt(shown(&s, &record)->served_ms, 0);
	ck_assert_uint_eq(shown(&s, &record)->sending, 1);
	reply_clear(&s.r);
	view = stock_view(s.c.parts.stock);
	ck_assert_uint_eq(view_find_record(view, &record)->sending, 0);
	view_release(view);
	tear_down(&s);
}
END_TEST

START_TEST(reply_make__a_header_is_json_and_comes_the_way_of_who_asked_for_it)
{
	static const char via[] = "1.1 guts2d-1000000000000000";
	const struct ident ident = {"t", newest};
	struct record record;
	struct job *job;
	struct site s;

	set_up(&s);
	s.facts.via = via;
	ck_assert_uint_eq(ask(&s, "/h;t=t;v=5;c=00000005", false)->status, 503);
	job = jobs_take(s.c.parts.jobs, QUEUE_METADATA);
	ck_assert_str_eq(job->via, via);
	ck_assert_int_eq(
		stock_put_header(s.c.parts.stock, &ident, unit_text("{}"), &record, NULL), 0);
	jobs_done(s.c.parts.jobs, job);
	ck_assert_uint_eq(ask(&s, "/h;t=t;v=5;c=00000005", false)->status, 200);
	ck_assert(s.r.body == REPLY_FILE && s.r.len == 2 && !s.r.octets);
	ck_assert_int_eq(s.r.cache, REPLY_IMMUTABLE);
	tear_down(&s);
}
END_TEST

START_TEST(reply_make__a_full_archive_without_a_place_is_a_503_with_nothing_of_the_file)
{
	struct record record;
	const struct reply *r;
	struct site s;

	set_up(&s);
	record = put(&s, "old", &full, FORMAT_AR1);
	ck_assert(ask_file(&s, &record, false)->holds_place);
	ck_assert_uint_eq(s.places, 1);
	ck_assert_uint_eq(s.c.limiter.busy, 1);
	/* The address has its share. */
	s.facts.range = "bytes=2-4";
	r = ask_file(&s, &record, false);
	ck_assert_uint_eq(r->status, 503);
	ck_assert_str_eq(r->reason, "busy");
	ck_assert_uint_eq(r->retry_after_s, 10);
	ck_assert_ptr_null(r->etag);
	ck_assert(!r->octets && !r->whole_file_size && !r->sending && !r->holds_place);
	ck_assert_int_eq(r->body, REPLY_TEXT);
	ck_assert_int_eq(r->cache, REPLY_NO_STORE);
	ck_assert_str_eq(r->text.at,
		"{\"error\":\"preparing\",\"reason\":\"busy\",\"progress\":null,"
		"\"retry_after\":10}\n");
	r = ask(&s, "/legacy/old", false);
	ck_assert_uint_eq(r->status, 503);
	ck_assert_int_eq(r->cache, REPLY_NO_STORE);
	ck_assert(r->last_modified_s == 0 && !r->alone);
	/* What sends nothing needs none. */
	s.facts.method = "HEAD";
	ck_assert_uint_eq(ask_file(&s, &record, false)->status, 200);
	tear_down(&s);
}
END_TEST

START_TEST(reply_make__the_archive_at_an_old_address_is_looked_at_anew_each_time)
{
	/* unmodified: since ten seconds after it came. */
	static const struct {
		bool since;
		int64_t behind_s;
		const char *etag;
		unsigned status;
	} rows[] = {{false, 0, NULL, 200}, {true, 10, NULL, 304}, {true, 0, NULL, 304},
		{true, -1, NULL, 200}, {true, 10, "\"other\"", 200}, {true, -1, "*", 304}};
	struct record record;
	struct site s;

	set_up(&s);
	s.c.limiter.max = 100;
	record = put(&s, "old", &full, FORMAT_AR1);
	unit_clock_advance_ms(60000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char date[FIELDS_DATE];
		const struct reply *r = ask(&s, "/legacy/old", false);
		uint64_t modified_s = (shown(&s, &record)->record.landed_ms + 999) / 1000;

		ck_assert_uint_eq(r->last_modified_s, modified_s);
		s.facts.if_modified_since =
			rows[i].since
				? fields_date_text(
					  (uint64_t)((int64_t)modified_s + rows[i].behind_s), date)
				: NULL;
		s.facts.if_none_match = rows[i].etag;
		r = ask(&s, "/legacy/old", false);
		ck_assert_msg(r->status == rows[i].status, "row %zu: %u", i, r->status);
		ck_assert_int_eq(r->cache, REPLY_REVALIDATE);
		ck_assert(r->alone && r->octets);
		ck_assert_uint_eq(r->last_modified_s, modified_s);
		/* The same bytes at their own address know nothing of dates. */
		s.facts.if_none_match = NULL;
		ck_assert_uint_eq(ask_file(&s, &record, false)->status, 200);
		s.facts.if_modified_since = NULL;
	}
	tear_down(&s);
}
END_TEST

START_TEST(reply_make__an_offer_depends_on_what_the_client_accepts)
{
	struct record one;
	struct record two;
	const struct reply *r;
	struct site s;

	set_up(&s);
	one = put(&s, "t", &before, FORMAT_AR1);
	two = put(&s, "t", &before, FORMAT_AR2);
	r = ask(&s, OFFER BASE, false);
	ck_assert_uint_eq(r->status, 200);
	ck_assert(r->vary_accept && r->vr == shown(&s, &one) && r->prepared == &r->vr->offer);
	ck_assert_int_eq(r->body, REPLY_PREPARED);
	ck_assert_int_eq(r->cache, REPLY_REVALIDATE);
	ck_assert_uint_eq(r->len, r->prepared->len);
	ck_assert_uint_gt(shown(&s, &one)->offered_ms, 0);
	ck_assert_uint_eq(shown(&s, &two)->offered_ms, 0);
	s.facts.accept = "application/x-guts2ar2";
	r = ask(&s, OFFER BASE, false);
	ck_assert(r->vr == shown(&s, &two));
	s.facts.if_none_match = shown(&s, &two)->etag;
	r = ask(&s, OFFER BASE, false);
	ck_assert(r->status == 304 && r->body == REPLY_TEXT && r->vary_accept);
	ck_assert_str_eq(r->etag, shown(&s, &two)->etag);
	tear_down(&s);
}
END_TEST

START_TEST(reply_make__without_a_difference_it_leads_to_the_full_archive)
{
	struct job_spec spec = {
		.kind = JOB_OFFER, .ident = {"t", newest}, .base = before, .format = FORMAT_AR1};
	const struct reply *r;
	struct site s;

	set_up(&s);
	jobs_note_absent(s.c.parts.jobs, &spec);
	r = ask(&s, "/guts2" OFFER BASE, true);
	ck_assert_uint_eq(r->status, 301);
	ck_assert_str_eq(r->reason, "no-difference");
	ck_assert_str_eq(r->location, "/guts2" OFFER);
	ck_assert_ptr_nonnull(strstr(r->text.at, "\"moved\""));
	ck_assert_str_eq(ask(&s, OFFER BASE, true)->location, OFFER);
	/* Where one is absent in the better format, it is asked for in the other. */
	s.facts.accept = "application/x-guts2ar2";
	ck_assert_uint_eq(ask(&s, OFFER BASE, false)->status, 503);
	jobs_absent(s.c.parts.jobs, jobs_take(s.c.parts.jobs, QUEUE_WISHES));
	ck_assert_uint_eq(ask(&s, OFFER BASE, false)->status, 301);
	tear_down(&s);
}
END_TEST

START_TEST(reply_make__what_is_not_here_is_asked_for_and_held_as_long_as_both_want)
{
	static const struct {
		const char *path;
		const char *prefer;
		bool may_hold;
		enum job_kind kind;
		uint64_t wish_of;
		uint64_t hold_ms; /* 0: a 503 */
	} rows[] = {{OFFER BASE, "wait=7", true, JOB_OFFER, 7, 7000},
		{OFFER BASE, "wait=31", true, JOB_OFFER, 7, 30000},
		{OFFER BASE, NULL, true, JOB_OFFER, 7, 0},
		{OFFER BASE, "wait=7", false, JOB_OFFER, 7, 0},
		{OFFER, "wait=7", true, JOB_BUILD, 0, 7000},
		{"/h;t=t;v=5;c=00000005", NULL, true, JOB_HEADER, 0, 5000},
		{"/h;t=t;v=5;c=00000005", "wait=3", true, JOB_HEADER, 0, 5000},
		{"/h;t=t;v=5;c=00000005", "wait=9", true, JOB_HEADER, 0, 9000},
		{"/h;t=t;v=5;c=00000005", NULL, false, JOB_HEADER, 0, 0}};
	struct record before_here;
	struct site s;

	set_up(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct reply *r;

		s.facts.prefer = rows[i].prefer;
		r = ask(&s, rows[i].path, rows[i].may_hold);
		if (rows[i].hold_ms == 0) {
			ck_assert_msg(r->status == 503, "row %zu", i);
			ck_assert_str_eq(
				r->reason, rows[i].kind == JOB_BUILD ? "building" : "downloading");
			ck_assert_uint_eq(r->retry_after_s, 10);
			continue;
		}
		ck_assert_msg(r->status == 0, "row %zu: %u", i, r->status);
		ck_assert_uint_eq(r->hold_ms, rows[i].hold_ms);
		ck_assert_int_eq(r->job.kind, rows[i].kind);
		ck_assert_str_eq(r->job.ident.type, "t");
		ck_assert_uint_eq(r->job.ident.edition.version, 5);
		ck_assert_uint_eq(r->job.base.version, rows[i].kind == JOB_OFFER ? 4 : 0);
		ck_assert_uint_eq(r->job.wish_of, rows[i].wish_of);
		ck_assert_int_eq(jobs_look(s.c.parts.jobs, &r->job).state, JOB_QUEUED);
	}
	/* From a version of which something is here it is no question that was made up. */
	before_here = (struct record){.kind = RECORD_HEADER, .ident = {"t", before}};
	ck_assert_int_eq(stock_put_header(s.c.parts.stock, &before_here.ident, unit_text("{}"),
				 &before_here, NULL),
		0);
	s.facts.prefer = "wait=7";
	ck_assert_uint_eq(ask(&s, rows[0].path, true)->job.wish_of, 0);
	/* It may be the setting that nothing is held. */
	s.options.holdMax = 0;
	ck_assert_uint_eq(ask(&s, rows[0].path, true)->status, 503);
	tear_down(&s);
}
END_TEST

START_TEST(reply_make__how_far_it_is_is_said_and_never_more_than_all)
{
	static const struct {
		uint64_t done, total;
		const char *text;
	} rows[] = {{1, 4, "\"progress\":0.25,"}, {4, 4, "\"progress\":1.00,"},
		{8, 4, "\"progress\":1.00,"}, {0, 4, "\"progress\":0.00,"}};
	struct job *job;
	struct site s;

	set_up(&s);
	(void)ask(&s, "/h;t=t;v=5;c=00000005", false);
	ck_assert_ptr_nonnull(strstr(s.r.text.at, "\"progress\":null,"));
	job = jobs_take(s.c.parts.jobs, QUEUE_METADATA);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		job->progress.total_bytes = rows[i].total;
		job->progress.have_bytes = rows[i].done;
		ck_assert_msg(strstr(ask(&s, "/h;t=t;v=5;c=00000005", false)->text.at,
				      rows[i].text) != NULL,
			"%s", s.r.text.at);
	}
	jobs_failed(s.c.parts.jobs, job, JOB_UPSTREAM_UNAVAILABLE, 60000);
	/* It is not coming, so that nothing is held for it. */
	ck_assert_uint_eq(ask(&s, "/h;t=t;v=5;c=00000005", true)->status, 503);
	ck_assert_str_eq(s.r.reason, "upstream-unavailable");
	tear_down(&s);
}
END_TEST

START_TEST(reply_make__what_was_here_at_the_start_is_checked_before_it_is_sent)
{
	struct record record;
	const struct reply *r;
	struct site s;

	set_up(&s);
	record = put(&s, "t", &before, FORMAT_AR2);
	ck_assert_int_eq(stock_rebuild_index(s.c.parts.stock, &(size_t){0}, NULL), 0);
	s.facts.prefer = "wait=7";
	r = ask_file(&s, &record, true);
	ck_assert_uint_eq(r->status, 0);
	ck_assert_int_eq(r->job.kind, JOB_CHECK);
	ck_assert_int_eq(r->job.stored, RECORD_ARCHIVE);
	ck_assert_int_eq(r->job.format, FORMAT_AR2);
	ck_assert_uint_eq(r->job.base.version, 4);
	ck_assert_uint_eq(r->job.wish_of, 0);
	tear_down(&s);
}
END_TEST

/* How many clients are known to have a version of t. */
static size_t
known(struct site *s, uint64_t version, unsigned *ret_formats)
{
	struct usage_version top[8];
	size_t count = usage_top(s->c.parts.usage, "t", clock_mono_ms() / 1000, top, 8);
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		if (top[i].edition.version == version) {
			found++;
			*ret_formats = top[i].formats;
		}
	return found;
}

START_TEST(reply_make__a_client_is_told_what_is_newer_than_what_it_has)
{
	static const struct {
		const char *body;
		const char *text; /* NULL: the announcement as it is */
		const char *client;
	} rows[] = {{"", NULL, ""}, {"{\"client\":\"me\"}", NULL, "me"},
		{"{\"client\":\"me\",\"updates\":[{\"type\":\"t\",\"version\":4,"
		 "\"cookie\":\"00000004\"},{\"type\":\"x\",\"version\":4,\"cookie\":\"00000004\"}]"
		 "}",
			"{\"updates\":[{\"cookie\":\"00000005\",\"type\":\"t\",\"version\":5}]}\n",
			"me"},
		/* Two behind one address are two where they say who they are. */
		{"{\"client\":\"you\",\"updates\":[{\"type\":\"t\",\"version\":3,"
		 "\"cookie\":\"00000003\"}]}",
			"{\"updates\":[{\"cookie\":\"00000005\",\"type\":\"t\",\"version\":5}]}\n",
			"you"},
		{"{\"updates\":[{\"type\":\"t\",\"version\":5,\"cookie\":\"00000005\"}]}",
			"{\"updates\":[]}\n", ""}};
	unsigned formats;
	struct site s;

	set_up(&s);
	s.facts.method = "POST";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct reply *r;

		memset(s.client, 0, sizeof(s.client));
		s.facts.body = unit_text(rows[i].body);
		r = ask(&s, "/q", false);
		ck_assert_uint_eq(r->status, 200);
		ck_assert_str_eq(s.client, rows[i].client);
		ck_assert_int_eq(r->cache, REPLY_REVALIDATE);
		if (rows[i].text == NULL) {
			ck_assert(r->body == REPLY_PREPARED && r->prepared == &r->view->query);
			continue;
		}
		ck_assert_int_eq(r->body, REPLY_TEXT);
		ck_assert_str_eq(r->text.at, rows[i].text);
	}
	/* What they have is known from now on. */
	for (uint64_t version = 3; version <= 5; version++)
		ck_assert_uint_eq(known(&s, version, &formats), 1);
	tear_down(&s);
}
END_TEST

START_TEST(reply_make__who_asks_for_an_offer_has_its_base_or_will_have_its_version)
{
	/* ahead: where nothing is to be obtained before anybody asks, nothing is noted. */
	static const struct {
		uint64_t ahead;
		const char *path;
		bool there;
		uint64_t version; /* 0: none */
	} rows[] = {{1, OFFER BASE, true, 5}, {1, OFFER BASE, false, 4}, {1, OFFER, true, 5},
		{1, OFFER, false, 0}, {0, OFFER BASE, true, 0},
		{1, "/h;t=t;v=5;c=00000005", false, 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned formats = 0;
		struct site s;

		set_up(&s);
		s.options.prefetchDifferences = rows[i].ahead;
		s.facts.accept = "application/x-guts2ar2";
		if (rows[i].there) {
			(void)put(&s, "t", &before, FORMAT_AR2);
			(void)put(&s, "t", &full, FORMAT_AR2);
		}
		(void)ask(&s, rows[i].path, false);
		for (uint64_t version = 4; version <= 5; version++)
			ck_assert_msg(
				(known(&s, version, &formats) == 1) == (version == rows[i].version),
				"row %zu", i);
		ck_assert_uint_eq(formats, rows[i].version != 0 ? 1U << FORMAT_AR2 : 0);
		tear_down(&s);
	}
}
END_TEST

START_TEST(reply_make__a_legacy_client_has_the_next_archive_obtained_for_it)
{
	struct job_spec build = {.kind = JOB_BUILD, .ident = {"old", newest}, .format = FORMAT_AR1};
	struct site s;

	set_up(&s);
	s.options.legacyClientDays = 1;
	/* Nobody has asked: twice, since the first look only recalls what an earlier run knew. */
	legacy_tick(s.c.parts.legacy, 10000);
	legacy_tick(s.c.parts.legacy, 20000);
	ck_assert_int_eq(jobs_look(s.c.parts.jobs, &build).state, JOB_NONE);
	ck_assert_uint_eq(ask(&s, "/legacy/t", false)->status, 404);
	ck_assert_uint_eq(ask(&s, "/legacy/old", false)->status, 503);
	jobs_done(s.c.parts.jobs, jobs_take(s.c.parts.jobs, QUEUE_BUILDERS));
	ck_assert_int_eq(jobs_look(s.c.parts.jobs, &build).state, JOB_NONE);
	/* A look each two seconds. */
	legacy_tick(s.c.parts.legacy, 21999);
	ck_assert_int_eq(jobs_look(s.c.parts.jobs, &build).state, JOB_NONE);
	legacy_tick(s.c.parts.legacy, 22000);
	ck_assert_int_eq(jobs_look(s.c.parts.jobs, &build).state, JOB_QUEUED);
	jobs_done(s.c.parts.jobs, jobs_take(s.c.parts.jobs, QUEUE_BUILDERS));
	/* A day later none has been seen for so long. */
	unit_clock_advance_ms(86400000);
	legacy_tick(s.c.parts.legacy, 30000);
	ck_assert_int_eq(jobs_look(s.c.parts.jobs, &build).state, JOB_NONE);
	ck_assert_uint_eq(ask(&s, "/legacy/old", false)->status, 503);
	jobs_done(s.c.parts.jobs, jobs_take(s.c.parts.jobs, QUEUE_BUILDERS));
	(void)put(&s, "old", &full, FORMAT_AR1);
	legacy_tick(s.c.parts.legacy, 40000);
	ck_assert_int_eq(jobs_look(s.c.parts.jobs, &build).state, JOB_NONE);
	tear_down(&s);
}
END_TEST

void
reply_tests(TCase *c)
{
	tcase_add_test(c, reply_make__what_is_misunderstood_closes_and_what_is_not_there_does_not);
	tcase_add_test(c, reply_make__a_header_is_json_and_comes_the_way_of_who_asked_for_it);
	tcase_add_test(c, reply_malformed__a_method_that_is_none_is_told_which_are);
	tcase_add_test(c, reply_make__a_file_is_sent_as_the_fields_ask_for_it);
	tcase_add_test(c, reply_make__a_file_is_being_sent_until_its_reply_is_gone);
	tcase_add_test(
		c, reply_make__a_full_archive_without_a_place_is_a_503_with_nothing_of_the_file);
	tcase_add_test(c, reply_make__the_archive_at_an_old_address_is_looked_at_anew_each_time);
	tcase_add_test(c, reply_make__an_offer_depends_on_what_the_client_accepts);
	tcase_add_test(c, reply_make__without_a_difference_it_leads_to_the_full_archive);
	tcase_add_test(c, reply_make__what_is_not_here_is_asked_for_and_held_as_long_as_both_want);
	tcase_add_test(c, reply_make__how_far_it_is_is_said_and_never_more_than_all);
	tcase_add_test(c, reply_make__what_was_here_at_the_start_is_checked_before_it_is_sent);
	tcase_add_test(c, reply_make__a_client_is_told_what_is_newer_than_what_it_has);
	tcase_add_test(c, reply_make__who_asks_for_an_offer_has_its_base_or_will_have_its_version);
	tcase_add_test(c, reply_make__a_legacy_client_has_the_next_archive_obtained_for_it);
}
