/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/fetch_signed.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cloud/vouch_root.h"
#include "log.h"
#include "trust/trust.h"

/* What a server asks at its start is what it needs. */
enum { ASK_AFTER_MS = 60 * 1000 };

static void
on_timestamp(void *context, const struct upstream_reply *reply)
{
	struct fetch_pool *pool = context;
	AUTO_FREE char *path = vouch_root_path(pool->parts.options);

	if (reply->outcome == UPSTREAM_FRESH)
		log_note(EVENT_WARNING,
			"the upstream is signed, and no root is pinned: put one that you know to "
			"be "
			"right at %s, and start again (guts2-trust(7), SERVERS)",
			path);
	source_clear(&pool->signed_look);
}

void
fetch_signed(struct fetch *f)
{
	struct fetch_pool *pool = f->pool;

	if (pool->parts.vouch != NULL || pool->signed_asked ||
		clock_mono_ms() - pool->started_ms < ASK_AFTER_MS)
		return;
	pool->signed_asked = true;
	pool->signed_look = (struct source_request){.what = SOURCE_TRUST,
		.trust_file = "tuf/timestamp.json",
		.trust_bytes_max = TRUST_TIMESTAMP_BYTES_MAX,
		.done = on_timestamp,
		.context = pool};
	source_start(pool->upstream, &fetch_job_upstream(f)->source, &pool->signed_look);
}
