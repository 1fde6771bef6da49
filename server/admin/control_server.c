/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/control_server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/mem.h"
#include "log.h"
#include "net/control.h"
#include "store/drop.h"

enum { BUSY_MS = 100 };

struct control_server {
	struct control_server_parts parts;
	pthread_t thread;
	int listener;
	int wake; /* readable: it is time to end */
};

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
do_check(struct stock *s, const json_t *question, struct err *e)
{
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
forget_announced(const struct control_server *a, const struct drop *d, struct err *e)
{
	const struct job_spec query = {.kind = JOB_QUERY, .due = true};
	struct ident what = {.edition.version = d->version};

	(void)snprintf(what.type, sizeof(what.type), "%s", d->type);
	if (announce_forget(a->parts.announce, &(struct idents){&what, 1, 1}, e) != 0)
		return -1;
	(void)jobs_ask(a->parts.jobs, &query, NULL);
	return 0;
}

/* forget: what is announced of it as well, so that the cloud's word holds again. */
static json_t *
do_drop(const struct control_server *a, const json_t *question, bool forget, struct err *e)
{
	struct stock *s = a->parts.stock;
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
do_rebuild(struct stock *s, struct err *e)
{
	size_t records;

	if (stock_rebuild_index(s, &records, e) != 0)
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
do_known(const struct control_server *a, const json_t *question, struct err *e)
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
	look = jobs_look(a->parts.jobs, &spec);
	view = stock_view(a->parts.stock);
	answer = json_pack("{s:s,s:b}", "state", state_name(look.state), "announced",
		view->has_query && !view->query_due);
	view_release(view);
	if (look.state == JOB_FAILED)
		(void)json_object_set_new(
			answer, "reason", json_string(jobs_reason_name(look.reason)));
	return answer;
}

static json_t *
answer(const struct control_server *a, const json_t *question, struct err *e)
{
	const char *what = doc_string(question, "do", e);

	if (what == NULL)
		return NULL;
	if (strcmp(what, "check") == 0)
		return do_check(a->parts.stock, question, e);
	if (strcmp(what, "drop") == 0)
		return do_drop(a, question, false, e);
	if (strcmp(what, "forget") == 0)
		return do_drop(a, question, true, e);
	if (strcmp(what, "reindex") == 0)
		return do_rebuild(a->parts.stock, e);
	if (strcmp(what, "known") == 0)
		return do_known(a, question, e);
	(void)err_set(e, ERR_INPUT, "do: not a known word");
	return NULL;
}

/*
 * One question, one answer. Who asks is looked at first, and a question has to come within a time
 * (control.h): nobody keeps the next one waiting.
 */
static void
serve(struct control_server *a, int fd)
{
	AUTO_DOC json_t *question = NULL;
	json_t *reply = NULL;
	struct err e = {0};

	if (!control_may_ask(fd))
		return;
	question = control_receive(fd, &e);
	if (question != NULL)
		reply = answer(a, question, &e);
	if (reply == NULL)
		/*
		 * An error can quote what lies on the disk, which a document has to be able to say.
		 */
		reply = json_pack("{s:s}", "error", doc_text_valid(e.text) ? e.text : "failed");
	(void)control_send(fd, reply, NULL);
}

/* ---- The thread */

static void *
run(void *context)
{
	struct control_server *a = context;
	struct pollfd fds[2] = {
		{.fd = a->wake, .events = POLLIN}, {.fd = a->listener, .events = POLLIN}};

	for (;;) {
		AUTO_CLOSE int fd = -1;

		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return NULL;
		}
		/* Ending goes before a question that has come as well. */
		if (fds[0].revents != 0)
			return NULL;
		fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			serve(a, fd);
		else /* no descriptor is free: it is there still, and ready at once again */
			(void)poll(fds, 1, BUSY_MS);
	}
}

/*
 * A thread of its own, since all of this waits for disks. The socket of a server that was killed is
 * replaced: who is here has the cache's lock.
 */
int
control_server_start(
	const struct control_server_parts *parts, struct control_server **ret, struct err *e)
{
	struct control_server *a = mem_new(1, sizeof(*a));

	a->parts = *parts;
	a->wake = eventfd(0, EFD_CLOEXEC);
	a->listener = control_listen(repo_dir(stock_repo(parts->stock)), e);
	if (a->wake >= 0 && a->listener >= 0 && pthread_create(&a->thread, NULL, run, a) == 0) {
		*ret = a;
		return 0;
	}
	if (a->listener >= 0)
		(void)err_set(e, ERR_SYS, "cannot start a thread");
	fs_close(&a->wake);
	fs_close(&a->listener);
	free(a);
	return -1;
}

void
control_server_stop(struct control_server *a)
{
	const uint64_t one = 1;

	if (a == NULL)
		return;
	(void)!write(a->wake, &one, sizeof(one));
	(void)pthread_join(a->thread, NULL);
	fs_close(&a->wake);
	control_unlisten(repo_dir(stock_repo(a->parts.stock)), &a->listener);
	free(a);
}
