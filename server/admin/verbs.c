/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/verbs.h"

#include <stdio.h>
#include <string.h>

#include "admin/status.h"
#include "log.h"
#include "net/control.h"
#include "store/drop.h"

/*
 * Records of the view, of a type (NULL: of all); sorted, a version's header first. Copies, so that
 * the view can go while disks are waited for.
 */
static void
list_records(struct stock *s, const char *type, struct records *ret)
{
	struct view *view = stock_view(s);

	view_records(view, type, ret);
	view_release(view);
}

/* ---- Questions */

static json_t *
do_check(const struct verbs_parts *a, const json_t *question, struct err *e)
{
	struct stock *s = a->stock;
	AUTO_RECORDS struct records all = {0};
	const char *result = "good";
	const struct record *found;
	struct record r;

	if (control_get_record(question, &r, e) != 0)
		return NULL;
	list_records(s, r.ident.type, &all);
	/* The question says which record; what its bytes have to be the cache says. */
	found = records_find(&all, &r);
	if (found == NULL)
		return json_pack("{s:s}", "result", "absent");
	switch (stock_check(s, found, e)) {
	case STOCK_GOOD:
		break;
	case STOCK_DAMAGED:
		result = "damaged";
		break;
	case STOCK_STAYS:
	case STOCK_UNREADABLE:
		return NULL;
	}
	return json_pack("{s:s}", "result", result);
}

static void
log_dropped(const struct record *r)
{
	struct log_line l;

	log_begin(&l, EVENT_DROPPED);
	log_record(&l, r);
	log_number(&l, "bytes", r->ref.bytes);
	log_end(&l, LOG_DOWNLOAD);
}

static int
remove_record(void *context, const struct record *r, struct err *e)
{
	if (stock_remove(context, r, e) != 0)
		return -1;
	log_dropped(r);
	return 0;
}

static int
forget_announced(const struct verbs_parts *a, const struct drop *d, struct err *e)
{
	const struct job_spec query = {.kind = JOB_QUERY, .due = true};
	struct ident what = {.edition.version = d->version};

	(void)snprintf(what.type, sizeof(what.type), "%s", d->type);
	if (announce_forget(a->announce, &(struct idents){&what, 1, 1}, e) != 0)
		return -1;
	(void)jobs_ask(a->jobs, &query, NULL);
	return 0;
}

/* forget: what is announced of it as well, so that the cloud's word holds again. */
static json_t *
drop_all(const struct verbs_parts *a, const json_t *question, bool forget, struct err *e)
{
	struct stock *s = a->stock;
	struct drop d = {
		.type = doc_string(question, "type", e), .remove = remove_record, .context = s};
	AUTO_RECORDS struct records all = {0};

	if (d.type == NULL ||
		(json_object_get(question, "version") != NULL &&
			doc_number(question, "version", 1, IDENT_VERSION_MAX, &d.version, e) != 0))
		return NULL;
	list_records(s, NULL, &all);
	if (drop_records(&d, stock_repo(s), &all, e) != 0)
		return NULL;
	/* Whoever drops the very version that is announced means that, too. */
	if ((forget || d.version > 0) && forget_announced(a, &d, e) != 0)
		return NULL;
	return json_pack(
		"{s:I,s:I}", "removed", (json_int_t)d.removed, "bytes", (json_int_t)d.freed_bytes);
}

static json_t *
do_reindex(const struct verbs_parts *a, const json_t *question, struct err *e)
{
	size_t records;

	(void)question;
	if (stock_rebuild_index(a->stock, &records, e) != 0)
		return NULL;
	return json_pack("{s:I}", "records", (json_int_t)records);
}

static const char *
state_name(enum job_state state)
{
	switch (state) {
	case JOB_QUEUED:
	case JOB_RUNNING:
		return "coming";
	case JOB_FAILED:
		return "failed";
	case JOB_ABSENT:
		return "absent";
	case JOB_NONE:
	case JOB_KNOWN:
		break;
	}
	return "unknown";
}

/* What comes of the jobs, for whoever explains an answer: nothing is begun for it. */
static json_t *
do_known(const struct verbs_parts *a, const json_t *question, struct err *e)
{
	struct job_spec spec = {.kind = JOB_QUERY};
	struct job_look look;
	struct record r;
	struct view *view;
	json_t *answer;

	if (json_object_get(question, "type") != NULL) {
		if (control_get_record(question, &r, e) != 0)
			return NULL;
		spec = (struct job_spec){.kind = json_is_true(json_object_get(question, "build"))
							 ? JOB_BUILD
							 : JOB_OFFER,
			.ident = r.ident,
			.base = r.base,
			.format = r.format};
	}
	look = jobs_look(a->jobs, &spec);
	view = stock_view(a->stock);
	answer = json_pack("{s:s,s:b}", "state", state_name(look.state), "announced",
		view->has_query && !view->query_due);
	view_release(view);
	if (look.state == JOB_FAILED)
		(void)json_object_set_new(
			answer, "reason", json_string(jobs_reason_name(look.reason)));
	return answer;
}

static json_t *
do_drop(const struct verbs_parts *a, const json_t *question, struct err *e)
{
	return drop_all(a, question, false, e);
}

static json_t *
do_forget(const struct verbs_parts *a, const json_t *question, struct err *e)
{
	return drop_all(a, question, true, e);
}

/* Where it is asked already this joins that. */
static json_t *
do_poll(const struct verbs_parts *a, const json_t *question, struct err *e)
{
	const struct job_spec query = {.kind = JOB_QUERY, .due = true};

	(void)question;
	(void)e;
	return json_pack("{s:b}", "asked", jobs_ask(a->jobs, &query, NULL).coming);
}

/* "by" is the way's, and not the asker's: see verbs_answer. */
static json_t *
change_freeze(struct freeze *h, const json_t *question,
	int (*change)(struct freeze *h, const char *by, const char *why, struct err *e),
	struct err *e)
{
	const char *by = doc_string(question, "by", e);
	const char *why = doc_string(question, "why", e);

	if (by == NULL || why == NULL || change(h, by, why, e) != 0)
		return NULL;
	return json_pack("{s:o}", "hold", freeze_document(h));
}

static json_t *
do_hold(const struct verbs_parts *a, const json_t *question, struct err *e)
{
	return change_freeze(a->freeze, question, freeze_begin, e);
}

static json_t *
do_release(const struct verbs_parts *a, const json_t *question, struct err *e)
{
	return change_freeze(a->freeze, question, freeze_end, e);
}

static json_t *
do_status(const struct verbs_parts *a, const json_t *question, struct err *e)
{
	(void)question;
	(void)e;
	return status_document(a);
}

/* ---- The table */

static const struct verb {
	const char *name;
	enum admin_right right;
	json_t *(*run)(const struct verbs_parts *a, const json_t *question, struct err *e);
} verbs[] = {
#define VERB(name, right, meaning) {#name, right, do_##name},
#include "admin/verbs.def"
#undef VERB
};

/* NULL: there is none of this name. */
static const struct verb *
find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

enum admin_right
verbs_right(const char *name)
{
	const struct verb *verb = find_verb(name);

	return verb != NULL ? verb->right : ADMIN_NOTHING;
}

json_t *
verbs_answer(const struct verbs_parts *a, const json_t *question, struct err *e)
{
	const char *what = doc_string(question, "do", e);
	const struct verb *verb = what != NULL ? find_verb(what) : NULL;

	if (what != NULL && verb == NULL)
		(void)err_set(e, ERR_INPUT, "do: not a known word");
	return verb != NULL ? verb->run(a, question, e) : NULL;
}
