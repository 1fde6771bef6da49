/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/status_judge.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "model/ident.h"

enum {
	OLD_S = 86400,	  /* a type whose newest version is older is said to be */
	SILENT_S = 86400, /* so long no upstream answered: somebody must act */
};

enum level { GOOD, ATTENTION, BAD };

struct judge {
	const json_t *status;
	json_t *reasons;
	enum level worst;
};

static void __attribute__((format(printf, 4, 5)))
add_reason(struct judge *j, enum level level, const char *section, const char *fmt, ...)
{
	char text[200];
	va_list ap;
	json_t *reason;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	reason = json_pack("{s:s,s:s}", "text", text, "section", section);
	if (level > j->worst)
		(void)json_array_insert_new(j->reasons, 0, reason);
	else
		(void)json_array_append_new(j->reasons, reason);
	j->worst = level > j->worst ? level : j->worst;
}

/* Of those that were needed: the others may be well. */
static void
judge_upstreams(struct judge *j)
{
	const json_t *all = json_object_get(j->status, "upstreams");
	int64_t now_s = doc_integer(j->status, "time");
	int64_t good_s = doc_integer(j->status, "started");
	size_t asked = 0;
	size_t answering = 0;
	json_t *one;
	size_t i;

	json_array_foreach (all, i, one) {
		const char *state = json_string_value(json_object_get(one, "state"));

		asked += strcmp(state, "unasked") != 0;
		answering += strcmp(state, "answers") == 0;
		if (doc_integer(one, "good") > good_s)
			good_s = doc_integer(one, "good");
	}
	if (answering == asked)
		return;
	if (answering > 0)
		add_reason(j, ATTENTION, "upstreams",
			"%zu of %zu upstreams do not answer as they should", asked - answering,
			asked);
	else
		add_reason(j, now_s - good_s >= SILENT_S ? BAD : ATTENTION, "upstreams",
			"no upstream answers as it should; what is here is served");
}

static void
judge_types(struct judge *j)
{
	const json_t *all = json_object_get(j->status, "types");
	int64_t now_s = doc_integer(j->status, "time");
	size_t old = 0;
	json_t *one;
	size_t i;

	json_array_foreach (all, i, one) {
		int64_t version = doc_integer(one, "version");

		old += ident_is_time(version) && now_s - version >= OLD_S;
	}
	if (old > 0)
		add_reason(j, ATTENTION, "types", "%zu of %zu types are older than 24 hours", old,
			json_array_size(all));
}

static void
judge_disk(struct judge *j)
{
	const json_t *disk = json_object_get(j->status, "disk");

	if (doc_integer(disk, "free") < doc_integer(disk, "free_min"))
		add_reason(j, ATTENTION, "disk", "less of the disk is free than should be");
}

static void
judge_trust(struct judge *j)
{
	const json_t *until =
		json_object_get(json_object_get(j->status, "integrity"), "signed_until");

	if (json_is_integer(until) && json_integer_value(until) <= doc_integer(j->status, "time"))
		add_reason(j, BAD, "integrity", "what is signed has expired: nothing new is taken");
}

static void
judge_events(struct judge *j)
{
	const json_t *all = json_object_get(j->status, "events");
	int64_t now_s = doc_integer(j->status, "time");
	json_t *one;
	size_t i;

	json_array_foreach (all, i, one) {
		int64_t at_s = doc_integer(one, "last");
		char ago[32];

		add_reason(j, ATTENTION, "events", "the log has %s, last %s ago",
			json_string_value(json_object_get(one, "event")),
			num_span_text(
				now_s > at_s ? (uint64_t)(now_s - at_s) : 0, ago, sizeof(ago)));
	}
}

static void
judge_hold(struct judge *j)
{
	const json_t *hold = json_object_get(j->status, "hold");

	if (json_is_object(hold))
		add_reason(j, ATTENTION, "program", "nothing newer is announced: held by %s: %s",
			json_string_value(json_object_get(hold, "by")),
			json_string_value(json_object_get(hold, "why")));
}

void
status_judge(json_t *status)
{
	static const char *const names[] = {"good", "attention", "bad"};
	struct judge j = {.status = status, .reasons = json_array()};

	if (!json_is_true(json_object_get(status, "ready")))
		add_reason(&j, ATTENTION, "program", "the server ends");
	if (!json_is_true(json_object_get(status, "announced")))
		add_reason(&j, BAD, "upstreams", "no upstream has said yet what there is");
	judge_hold(&j);
	judge_upstreams(&j);
	judge_types(&j);
	judge_disk(&j);
	judge_events(&j);
	judge_trust(&j);
	(void)json_object_set_new(status, "state", json_string(names[j.worst]));
	(void)json_object_set_new(status, "reasons", j.reasons);
}
