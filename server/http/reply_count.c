/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/reply_count.h"

#include <string.h>

static enum metric
response(unsigned status)
{
	switch (status) {
	case 200:
		return METRIC_RESPONSES_200;
	case 206:
		return METRIC_RESPONSES_206;
	case 301:
		return METRIC_RESPONSES_301;
	case 304:
		return METRIC_RESPONSES_304;
	case 400:
		return METRIC_RESPONSES_400;
	case 404:
		return METRIC_RESPONSES_404;
	case 503:
		return METRIC_RESPONSES_503;
	default:
		return METRIC_RESPONSES_OTHER;
	}
}

/* By the word that the client was told; one that has none of its own is no reason to fail. */
static void
count_unavailable(const char *reason)
{
	static const enum metric series[JOB_REASONS] = {
		[JOB_DOWNLOADING] = METRIC_UNAVAILABLE_DOWNLOADING,
		[JOB_BUILDING] = METRIC_UNAVAILABLE_BUILDING,
		[JOB_BUSY] = METRIC_UNAVAILABLE_BUSY,
		[JOB_UPSTREAM_UNAVAILABLE] = METRIC_UNAVAILABLE_UPSTREAM,
		[JOB_DISK_FULL] = METRIC_UNAVAILABLE_DISK,
		[JOB_RESTARTING] = METRIC_UNAVAILABLE_RESTARTING,
	};

	for (enum job_reason i = 0; i < JOB_REASONS; i++)
		if (reason != NULL && strcmp(reason, jobs_reason_name(i)) == 0)
			metrics_add(series[i], 1);
}

/* What the bytes of an answer count as, and, of an archive, the answer. */
struct counted {
	enum metric bytes;
	enum metric archive; /* 0: it is none */
};

static struct counted
counted_as(const struct reply *r)
{
	if (r->body == REPLY_ARRIVAL)
		return (struct counted){METRIC_SENT_MISS, METRIC_ARCHIVES_ARRIVING};
	if (r->body != REPLY_FILE || r->vr->record.kind != RECORD_ARCHIVE)
		return (struct counted){METRIC_SENT_OTHER, 0};
	if (record_is_full(&r->vr->record))
		return (struct counted){METRIC_SENT_FULL_HIT, METRIC_ARCHIVES_FULL};
	return (struct counted){METRIC_SENT_DIFFERENCE_HIT, METRIC_ARCHIVES_DIFFERENCE};
}

void
reply_count(const struct reply *r, uint64_t bytes, bool complete)
{
	struct counted as;

	metrics_add(r->asked != 0 ? r->asked : METRIC_REQUESTS_OTHER, 1);
	metrics_add(response(r->status), 1);
	if (r->status == 503)
		count_unavailable(r->reason);
	if (bytes == 0)
		return;
	as = counted_as(r);
	metrics_add(as.bytes, bytes);
	if (complete && as.archive != 0)
		metrics_add(as.archive, 1);
}
