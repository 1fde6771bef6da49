/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/admin_metrics.h"

#include <string.h>

#include "admin/status.h"
#include "cache/retain.h"

static void
print_one(struct buf *to, enum metric gauge, uint64_t value)
{
	metrics_print_gauge(to, gauge);
	metrics_print_value(to, gauge, NULL, NULL, value);
}

static void
print_types(struct buf *to, const struct view *view)
{
	metrics_print_gauge(to, METRIC_TYPE_ANNOUNCED);
	for (size_t i = 0; i < view->count; i++)
		metrics_print_value(to, METRIC_TYPE_ANNOUNCED, "type", view->types[i]->type,
			view->types[i]->announced.version);
	metrics_print_gauge(to, METRIC_TYPE_VERSIONS);
	for (size_t i = 0; i < view->count; i++)
		metrics_print_value(to, METRIC_TYPE_VERSIONS, "type", view->types[i]->type,
			view->types[i]->count);
}

/* The four kinds in the order in which a record is sorted; each is there, be it 0. */
struct held {
	const char *kind;
	uint64_t bytes;
};

struct cache_held {
	struct held at[4];
};

static void
add_record(void *context, struct view_record *vr)
{
	struct cache_held *all = context;
	const char *kind = record_kind_name(&vr->record);

	for (size_t i = 0; i < sizeof(all->at) / sizeof(*all->at); i++)
		if (strcmp(all->at[i].kind, kind) == 0)
			all->at[i].bytes += vr->record.ref.bytes;
}

static void
print_cache(struct buf *to, const struct view *view)
{
	struct cache_held all = {{{"header", 0}, {"content", 0}, {"full", 0}, {"difference", 0}}};

	view_each(view, NULL, add_record, &all);
	metrics_print_gauge(to, METRIC_CACHE_BYTES);
	for (size_t i = 0; i < sizeof(all.at) / sizeof(*all.at); i++)
		metrics_print_value(
			to, METRIC_CACHE_BYTES, "kind", all.at[i].kind, all.at[i].bytes);
}

static void
print_disk(struct buf *to, const struct verbs_parts *parts)
{
	uint64_t bytes;
	uint64_t free_bytes;

	repo_disk(stock_repo(parts->stock), &bytes, &free_bytes);
	print_one(to, METRIC_DISK_BYTES, bytes);
	print_one(to, METRIC_DISK_FREE_BYTES, free_bytes);
	print_one(to, METRIC_DISK_FREE_MIN_BYTES, retain_min_free_bytes(parts->options, bytes));
}

static void
print_upstreams(struct buf *to, const struct upstreams *r)
{
	metrics_print_gauge(to, METRIC_UPSTREAM_GOOD);
	for (size_t i = 0; i < r->count; i++) {
		struct upstreams_seen seen;

		upstreams_look(r, i, &seen);
		metrics_print_value(to, METRIC_UPSTREAM_GOOD, "upstream", doc_text_shown(seen.base),
			seen.good_s);
	}
}

static void
print_integrity(struct buf *to, const struct view *view)
{
	const struct status_checks checks = status_checks(view);

	if (checks.records > 0)
		print_one(to, METRIC_OLDEST_CHECK, checks.oldest_ms / 1000);
	if (view->vouched != NULL && view->vouched->expires_s > 0)
		print_one(to, METRIC_TRUST_EXPIRES, (uint64_t)view->vouched->expires_s);
}

void
admin_metrics_print(const struct verbs_parts *parts, struct buf *to, enum metrics_format format)
{
	struct view *view = stock_view(parts->stock);

	metrics_print_gauge(to, METRIC_BUILD_INFO);
	metrics_print_value(to, METRIC_BUILD_INFO, "version", GUTS2_VERSION, 1);
	print_one(to, METRIC_STARTED, parts->started_s);
	print_one(to, METRIC_READY, !stop_wanted(parts->ending));
	metrics_print(to, format);
	print_types(to, view);
	print_cache(to, view);
	print_disk(to, parts);
	print_upstreams(to, parts->upstreams);
	print_integrity(to, view);
	if (format == METRICS_OPENMETRICS)
		buf_printf(to, "# EOF\n");
	view_release(view);
}
