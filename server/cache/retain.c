/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/retain.h"

#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "log.h"
#include "model/retention.h"
#include "store/survey.h"

enum {
	/*
	 * What nobody notes is seen then: the disk that others have filled, an answer that has gone
	 * out.
	 */
	EVERY_MS = 10000,
	OFFERED_MS = 10000, /* who was told of an archive comes for it within this time */
};

/*
 * One look at a time, on some worker, and none is missed: who notes something sets `noted` first
 * and then tries to set `running`; who ends clears `running` first and then looks at `noted`. In
 * whatever order these meet, one of the two sees the other.
 */
struct retain {
	struct retain_parts parts;
	atomic_bool noted; /* something happened that was not looked at yet */
	atomic_bool running;
	_Atomic uint64_t wanted_bytes;
	uint64_t next_ms;      /* the timers' */
	struct records spared; /* at the last look; of the one that runs */
};

/* The cache as it is at one moment. */
struct picture {
	struct view_record **view_records; /* taken; in the order of the records */
	size_t count;
	size_t capacity;
	struct records records;
	bool *busy;
	bool *offered;
	bool *withdrawn;
};

struct retain *
retain_new(const struct retain_parts *parts)
{
	struct retain *r = mem_new(1, sizeof(*r));

	r->parts = *parts;
	return r;
}

void
retain_free(struct retain *r)
{
	if (r == NULL)
		return;
	records_free(&r->spared);
	free(r);
}

static void run(void *context);

/* By any thread, and often: however much is noted, there is one task among the workers'. */
void
retain_note(struct retain *r)
{
	r->noted = true;
	if (!atomic_exchange(&r->running, true))
		workers_add(r->parts.workers, run, r);
}

/*
 * The largest wish counts: where that much was freed and others still find no room, they wish again
 * when their jobs are tried again.
 */
void
retain_want(struct retain *r, uint64_t bytes)
{
	uint64_t wanted = r->wanted_bytes;

	while (wanted < bytes && !atomic_compare_exchange_weak(&r->wanted_bytes, &wanted, bytes))
		;
	retain_note(r);
}

/* ---- Room */

/*
 * What somebody set is meant, also where it is the number of the default. Only where nobody did
 * does the disk count.
 */
uint64_t
retain_min_free_bytes(const struct options *o, uint64_t disk_bytes)
{
	return options_is_set(o, "cacheMinFreeBytes")
		       ? o->cacheMinFreeBytes
		       : retention_min_free_bytes(o->cacheMinFreeBytes, disk_bytes);
}

/*
 * How many bytes have to go for `wanted` more to fit, beside what is on its way. The disk is asked
 * each time: it may be used by others too. Where the cache has no limit its bytes do not count, and
 * need not be added up.
 */
static uint64_t
excess(const struct retain *r, uint64_t wanted)
{
	const struct options *o = r->parts.options;
	struct ledger_used used = ledger_used(r->parts.ledger);
	uint64_t have = o->cacheMaxBytes > 0 ? stock_bytes(r->parts.stock) : 0;
	struct retention_room room = {.cache_bytes = have + used.left_bytes,
		.wanted_bytes = wanted + used.entered_bytes,
		.max_bytes = o->cacheMaxBytes};
	uint64_t disk_bytes;

	repo_disk(stock_repo(r->parts.stock), &disk_bytes, &room.disk_free_bytes);
	room.disk_free_bytes += used.there_bytes; /* that has its room, and is in `wanted` */
	room.min_free_bytes = retain_min_free_bytes(o, disk_bytes);
	return retention_excess_bytes(&room);
}

/* With all of it gone that may go. A wish that cannot be met must not empty the cache. */
static bool
could_ever_fit(const struct retain *r, uint64_t bytes)
{
	struct ledger_used used = ledger_used(r->parts.ledger);
	uint64_t disk_bytes;
	uint64_t free_bytes;

	repo_disk(stock_repo(r->parts.stock), &disk_bytes, &free_bytes);
	return bytes + retain_min_free_bytes(r->parts.options, disk_bytes) <=
	       free_bytes + stock_bytes(r->parts.stock) + used.left_bytes;
}

int
retain_reserve_spare(struct retain *r, const char *stage, uint64_t bytes, struct err *e)
{
	char need[32];

	/* Entered before it is looked at: of two that come at once both see the other. */
	if (ledger_enter(r->parts.ledger, stage, bytes, e) != 0)
		return -1;
	if (excess(r, 0) == 0)
		return 0;
	ledger_leave(r->parts.ledger, stage);
	return err_set(e, ERR_FULL, "no room for %s (see cacheMaxBytes, cacheMinFreeBytes)",
		num_bytes_text(bytes, need, sizeof(need)));
}

int
retain_reserve(struct retain *r, const char *stage, uint64_t bytes, struct err *e)
{
	const struct options *o = r->parts.options;
	struct err why = {0};
	char need[32];

	/* Nothing that could be removed would help. */
	if (o->cacheMaxBytes > 0 && bytes > o->cacheMaxBytes)
		return err_set(e, ERR_FULL, "%s are more than cacheMaxBytes",
			num_bytes_text(bytes, need, sizeof(need)));
	if (retain_reserve_spare(r, stage, bytes, &why) == 0)
		return 0;
	if (why.code == ERR_FULL && could_ever_fit(r, bytes))
		retain_want(r, bytes);
	return err_set(e, why.code, "%s", why.text);
}

void
retain_release(struct retain *r, const char *stage)
{
	ledger_leave(r->parts.ledger, stage);
}

/* ---- One look */

static void
add_record(void *context, struct view_record *vr)
{
	struct picture *p = context;

	p->view_records =
		mem_grow(p->view_records, p->count, &p->capacity, sizeof(struct view_record *));
	p->view_records[p->count++] = vr;
	view_record_take(vr);
}

static int
compare_records(const void *a, const void *b)
{
	return record_compare(&(*(struct view_record *const *)a)->record,
		&(*(struct view_record *const *)b)->record);
}

/* An announcement of nothing at all, and none, say nothing of any type. */
static bool
announces_some(const struct view *view)
{
	for (size_t i = 0; i < view->count; i++)
		if (view->types[i]->announced.version > 0)
			return true;
	return false;
}

static void
take_picture(const struct retain *r, struct picture *p)
{
	struct view *view = stock_view(r->parts.stock);
	uint64_t now_ms = clock_mono_ms();
	uint64_t wall_ms = clock_wall_ms();
	bool known = announces_some(view);

	*p = (struct picture){0};
	view_each(view, NULL, add_record, p);
	/* retention_decide wants the records sorted; the arrays have one order. */
	mem_sort(p->view_records, p->count, sizeof(*p->view_records), compare_records);
	p->busy = mem_new(p->count, sizeof(*p->busy));
	p->offered = mem_new(p->count, sizeof(*p->offered));
	p->withdrawn = mem_new(p->count, sizeof(*p->withdrawn));
	for (size_t i = 0; i < p->count; i++) {
		struct record record = p->view_records[i]->record;

		record.served_ms = clock_past_ms(p->view_records[i]->served_ms, wall_ms);
		record.landed_ms = clock_past_ms(record.landed_ms, wall_ms);
		/*
		 * Looked at without a lock: a reply that begins after this has the file open, or
		 * finds it gone and asks again. What a build needs nobody may take away: it would
		 * fail, or look damaged.
		 */
		p->busy[i] = p->view_records[i]->sending > 0 ||
			     builder_turns_need(r->parts.turns, &record.ident);
		p->offered[i] = p->view_records[i]->offered_ms + OFFERED_MS > now_ms;
		p->withdrawn[i] =
			known && view_find_type(view, record.ident.type)->announced.version == 0;
		records_add(&p->records, &record);
	}
	view_release(view);
}

static void
drop_picture(struct picture *p)
{
	for (size_t i = 0; i < p->count; i++)
		view_record_release(p->view_records[i]);
	free(p->view_records);
	free(p->busy);
	free(p->offered);
	free(p->withdrawn);
	records_free(&p->records);
}

static void
log_action(enum log_event event, const struct retention_action *a)
{
	struct log_line l;

	log_begin(&l, event);
	log_record(&l, &a->record);
	log_number(&l, "bytes", a->record.ref.bytes);
	log_text(&l, "reason", retention_reason_text(a->reason));
	log_end(&l, LOG_DOWNLOAD);
}

/* What would not go is tried again later. */
static void
remove_record(const struct retain *r, const struct retention_action *a)
{
	struct err e = {0};

	if (stock_remove(r->parts.stock, &a->record, &e) == 0)
		log_action(EVENT_REMOVED, a);
	else
		log_note(EVENT_FAILED, "cannot remove from the cache: %s", e.text);
}

/* Nobody waits for it: a look after it has come finds it there. */
static void
ask_for_content(struct retain *r, const struct record *record)
{
	struct job_spec spec = {.kind = JOB_CONTENT, .ident = record->ident};

	(void)jobs_ask(r->parts.jobs, &spec, NULL);
}

/* A version that is spared is named once, not at every look. */
static void
note_spared(struct retain *r, const struct retention_action *a, struct records *now)
{
	bool known = false;

	for (size_t i = 0; i < r->spared.count; i++)
		known |= record_same(&r->spared.at[i], &a->record);
	if (!known)
		log_action(EVENT_SPARED, a);
	records_add(now, &a->record);
}

static void
carry_out(struct retain *r, const struct retention_actions *actions)
{
	struct records spared = {0};

	for (size_t i = 0; i < actions->count; i++) {
		const struct retention_action *a = &actions->at[i];

		switch (a->verb) {
		case RETENTION_BUILD:
			ask_for_content(r, &a->record);
			break;
		case RETENTION_SPARE:
			note_spared(r, a, &spared);
			break;
		case RETENTION_REMOVE:
			remove_record(r, a);
			break;
		}
	}
	records_free(&r->spared);
	/* What is spared no longer is forgotten, and named when it is spared again. */
	r->spared = spared;
}

static void
look(struct retain *r)
{
	struct retention_actions actions = {0};
	/* Before the picture is taken: a wish from now on has noted another look. */
	uint64_t wanted = atomic_exchange(&r->wanted_bytes, 0);
	AUTO_TALLY struct tally tally = {0};
	struct retention_facts facts = {.versions = r->parts.options->keepGuts2UpdatesCount};
	struct policy *policy = settings_take(r->parts.settings);
	struct picture p;

	take_picture(r, &p);
	facts.channels = policy->channels;
	facts.records = &p.records;
	facts.busy = p.busy;
	facts.offered = p.offered;
	facts.withdrawn = p.withdrawn;
	facts.excess_bytes = excess(r, wanted);
	if (facts.excess_bytes > 0) /* nobody needs that */
		(void)repo_clear_quarantine(stock_repo(r->parts.stock), NULL);
	/* What was given up goes before what is whole, and what is too old in any case. */
	(void)ledger_clean(r->parts.ledger, facts.excess_bytes, time(NULL));
	if (facts.excess_bytes > 0)
		facts.excess_bytes = excess(r, wanted);
	if (facts.excess_bytes > 0) {
		(void)survey_tally(stock_repo(r->parts.stock), &p.records, &tally);
		facts.tally = &tally;
	}
	retention_decide(&facts, &actions);
	carry_out(r, &actions);
	retention_actions_free(&actions);
	drop_picture(&p);
	settings_release(policy);
}

static void
run(void *context)
{
	struct retain *r = context;

	do {
		while (atomic_exchange(&r->noted, false))
			look(r);
		r->running = false;
		/* What was noted just now found it running. */
	} while (r->noted && !atomic_exchange(&r->running, true));
}

void
retain_tick(struct retain *r, uint64_t now_ms)
{
	if (now_ms < r->next_ms)
		return;
	r->next_ms = now_ms + EVERY_MS;
	retain_note(r);
}
