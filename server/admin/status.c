/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/status.h"

#include "admin/status_judge.h"
#include "base/clock.h"
#include "base/mem.h"
#include "cache/retain.h"
#include "log.h"
#include "metrics.h"

enum { JOBS_MAX = 100, HOUR_MS = 3600000 };

/* ---- Types */

struct type_held {
	uint64_t bytes;
	uint64_t served_ms;
	uint64_t content;
	uint64_t full;
	uint64_t differences;
};

static void
add_record(void *context, struct view_record *vr)
{
	struct type_held *held = context;
	uint64_t served_ms = vr->served_ms;

	held->bytes += vr->record.ref.bytes;
	held->content += vr->record.kind == RECORD_CONTENT;
	held->full += record_is_full(&vr->record);
	held->differences += record_is_difference(&vr->record);
	if (served_ms > held->served_ms)
		held->served_ms = served_ms;
}

static json_t *
type_document(const struct view *view, const struct view_type *t)
{
	struct type_held held = {0};

	view_each(view, t->type, add_record, &held);
	return json_pack("{s:s,s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "type", t->type, "version",
		(json_int_t)t->announced.version, "cookie", t->announced.cookie, "kept",
		(json_int_t)t->count, "contents", (json_int_t)held.content, "full",
		(json_int_t)held.full, "differences", (json_int_t)held.differences, "bytes",
		(json_int_t)held.bytes, "served", (json_int_t)(held.served_ms / 1000));
}

static json_t *
types_document(const struct view *view)
{
	json_t *types = json_array();

	for (size_t i = 0; i < view->count; i++)
		(void)json_array_append_new(types, type_document(view, view->types[i]));
	return types;
}

/* ---- What runs */

static json_t *
jobs_document(struct jobs *jobs)
{
	AUTO_FREE struct job_shown *shown = mem_new(JOBS_MAX, sizeof(*shown));
	size_t count = jobs_show(jobs, shown, JOBS_MAX);
	json_t *all = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct job_shown *job = &shown[i];
		uint64_t rate = job->took_ms > 0 ? job->came_bytes * 1000 / job->took_ms : 0;

		(void)json_array_append_new(
			all, json_pack("{s:s,s:b,s:I,s:I,s:I}", "name", job->name, "running",
				     job->running, "have", (json_int_t)job->have_bytes, "total",
				     (json_int_t)job->total_bytes, "rate", (json_int_t)rate));
	}
	return all;
}

static json_t *
upstreams_document(const struct upstreams *r)
{
	static const char *const states[] = {[UPSTREAMS_UNASKED] = "unasked",
		[UPSTREAMS_ANSWERS] = "answers",
		[UPSTREAMS_UNTRUSTED] = "untrusted",
		[UPSTREAMS_FAILS] = "fails",
		[UPSTREAMS_RESTS] = "rests"};
	json_t *all = json_array();

	for (size_t i = 0; i < r->count; i++) {
		struct upstreams_seen seen;

		upstreams_look(r, i, &seen);
		(void)json_array_append_new(
			all, json_pack("{s:s,s:s,s:I}", "url", doc_text_shown(seen.base), "state",
				     states[seen.state], "good", (json_int_t)seen.good_s));
	}
	return all;
}

/* ---- Disk, digests, figures, settings */

static json_t *
disk_document(const struct verbs_parts *parts)
{
	uint64_t bytes;
	uint64_t free_bytes;

	repo_disk(stock_repo(parts->stock), &bytes, &free_bytes);
	return json_pack("{s:I,s:I,s:I,s:I,s:I}", "bytes", (json_int_t)bytes, "free",
		(json_int_t)free_bytes, "cache", (json_int_t)stock_bytes(parts->stock), "cache_max",
		(json_int_t)parts->options->cacheMaxBytes, "free_min",
		(json_int_t)retain_min_free_bytes(parts->options, bytes));
}

static void
add_check(void *context, struct view_record *vr)
{
	struct status_checks *checks = context;
	uint64_t checked_ms = vr->checked_ms;

	checks->records++;
	checks->not_yet += !vr->checked;
	if (checks->records == 1 || checked_ms < checks->oldest_ms)
		checks->oldest_ms = checked_ms;
}

struct status_checks
status_checks(const struct view *view)
{
	struct status_checks checks = {0};

	view_each(view, NULL, add_check, &checks);
	return checks;
}

static json_t *
integrity_document(const struct view *view)
{
	const struct status_checks checks = status_checks(view);

	return json_pack("{s:I,s:I,s:I,s:o}", "records", (json_int_t)checks.records, "oldest_check",
		(json_int_t)(checks.oldest_ms / 1000), "not_yet", (json_int_t)checks.not_yet,
		"signed_until",
		view->vouched != NULL ? json_integer((json_int_t)view->vouched->expires_s)
				      : json_null());
}

/*
 * What the log says that somebody should look at, until it is over: after a time, or when what had
 * failed has been done since.
 */
static json_t *
events_document(void)
{
	static const struct {
		enum log_event event;
		const char *name;
		enum log_event over; /* EVENT_COUNT: nothing says so */
		uint64_t for_ms;
	} watched[] = {
		{EVENT_FAILED, "failed", EVENT_COUNT, HOUR_MS},
		{EVENT_DAMAGED, "damaged", EVENT_COUNT, HOUR_MS},
		{EVENT_UNTRUSTED, "untrusted", EVENT_COUNT, HOUR_MS},
		{EVENT_VERSION_REFUSED, "version-refused", EVENT_COUNT, HOUR_MS},
		{EVENT_LOOP, "loop", EVENT_COUNT, HOUR_MS},
		{EVENT_LINES_LOST, "lines-lost", EVENT_COUNT, HOUR_MS},
		{EVENT_SETTINGS_BAD, "settings-bad", EVENT_SETTINGS, UINT64_MAX},
		{EVENT_DOWNLOAD_FAILED, "download-failed", EVENT_DOWNLOADED, HOUR_MS},
		{EVENT_BUILD_FAILED, "make-failed", EVENT_BUILT_ARCHIVE, HOUR_MS},
	};
	uint64_t now_ms = clock_wall_ms();
	json_t *all = json_array();

	for (size_t i = 0; i < sizeof(watched) / sizeof(*watched); i++) {
		uint64_t at_ms = log_last_ms(watched[i].event);

		if (at_ms == 0 || now_ms - at_ms >= watched[i].for_ms ||
			(watched[i].over != EVENT_COUNT && log_last_ms(watched[i].over) > at_ms))
			continue;
		(void)json_array_append_new(all, json_pack("{s:s,s:I}", "event", watched[i].name,
							 "last", (json_int_t)(at_ms / 1000)));
	}
	return all;
}

/* What clients were spared is what they got and nobody had to fetch for them. */
static json_t *
traffic_document(void)
{
	uint64_t hit = metrics_value(METRIC_SENT_FULL_HIT) +
		       metrics_value(METRIC_SENT_DIFFERENCE_HIT) + metrics_value(METRIC_SENT_OTHER);
	uint64_t miss = metrics_value(METRIC_SENT_MISS);
	uint64_t received = metrics_value(METRIC_RECEIVED_HEADER) +
			    metrics_value(METRIC_RECEIVED_DIFFERENCE) +
			    metrics_value(METRIC_RECEIVED_FULL);
	uint64_t sent = hit + miss;

	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "received", (json_int_t)received, "sent",
		(json_int_t)sent, "spared", (json_int_t)(sent > received ? sent - received : 0),
		"differences", (json_int_t)metrics_value(METRIC_SENT_DIFFERENCE_HIT), "polls",
		(json_int_t)metrics_value(METRIC_REQUESTS_QUERY), "moved",
		(json_int_t)metrics_value(METRIC_RESPONSES_301), "unavailable",
		(json_int_t)metrics_value(METRIC_RESPONSES_503));
}

static void
add_setting(void *context, const char *name, const char *value, const char *origin)
{
	(void)json_array_append_new(
		context, json_pack("{s:s,s:s,s:s}", "name", name, "value", doc_text_shown(value),
				 "from", doc_text_shown(origin)));
}

static json_t *
settings_document(const struct options *o)
{
	json_t *all = json_array();

	options_each(o, add_setting, all);
	return all;
}

json_t *
status_document(const struct verbs_parts *parts)
{
	struct view *view = stock_view(parts->stock);
	json_t *all = json_pack("{s:I,s:s,s:I,s:b,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "time",
		(json_int_t)(clock_wall_ms() / 1000), "version", GUTS2_VERSION, "started",
		(json_int_t)parts->started_s, "ready", !stop_wanted(parts->ending), "announced",
		view->has_query, "types", types_document(view), "jobs", jobs_document(parts->jobs),
		"upstreams", upstreams_document(parts->upstreams), "disk", disk_document(parts),
		"integrity", integrity_document(view), "traffic", traffic_document(), "settings",
		settings_document(parts->options), "hold", freeze_document(parts->freeze), "events",
		events_document());

	view_release(view);
	status_judge(all);
	return all;
}
