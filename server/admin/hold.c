/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "log.h"

enum { BYTES_MAX = 8192 };

static const char file_name[] = "hold.json";

struct hold {
	int dir;
	struct announce *announce;
	pthread_mutex_t lock; /* held while the file is written: one change after the other */
	json_t *held;	      /* NULL: nothing is */
};

static void
read_file(struct hold *h)
{
	AUTO_BUF struct buf text = {0};
	struct err e = {0};

	if (!fs_exists(h->dir, file_name))
		return;
	if (fs_read(h->dir, file_name, BYTES_MAX, &text, &e) == 0)
		h->held = doc_parse(span_of(text.at, text.len), &e);
	if (h->held != NULL)
		return;
	log_note(EVENT_WARNING, "data/guts2/%s: %s; it holds all the same", file_name, e.text);
	h->held = json_pack("{s:i,s:s,s:s}", "at", 0, "by", "?", "why", "its file cannot be read");
}

int
hold_open(const struct options *o, struct announce *announce, struct hold **ret, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/data/guts2", o->root);
	struct hold *h = mem_new(1, sizeof(*h));

	h->announce = announce;
	(void)pthread_mutex_init(&h->lock, NULL);
	h->dir = fs_make_dirs(AT_FDCWD, path, e);
	*ret = h;
	if (h->dir < 0)
		return -1;
	read_file(h);
	if (h->held != NULL)
		announce_set_held(announce, true);
	return 0;
}

void
hold_close(struct hold *h)
{
	if (h == NULL)
		return;
	fs_close(&h->dir);
	json_decref(h->held);
	free(h);
}

static void
log_change(enum log_event event, const char *by, const char *why)
{
	struct log_line l;

	log_begin(&l, event);
	log_text(&l, "by", by);
	log_text(&l, "reason", why);
	log_end(&l, LOG_PROCESS);
	log_end(&l, LOG_DOWNLOAD);
}

/* The file first: what is said to be held is so after a power cut as well. */
static int
write_file(struct hold *h, json_t *held, struct err *e)
{
	AUTO_BUF struct buf text = {0};

	doc_format(json_incref(held), &text);
	return fs_put(h->dir, "hold.new", file_name, span_of(text.at, text.len), e);
}

int
hold_set(struct hold *h, const char *by, const char *why, struct err *e)
{
	AUTO_DOC json_t *held = json_pack(
		"{s:I,s:s,s:s}", "at", (json_int_t)(clock_wall_ms() / 1000), "by", by, "why", why);
	int result;

	(void)pthread_mutex_lock(&h->lock);
	result = write_file(h, held, e);
	if (result == 0) {
		json_decref(h->held);
		h->held = json_incref(held);
		announce_set_held(h->announce, true);
		log_change(EVENT_FROZEN, by, why);
	}
	(void)pthread_mutex_unlock(&h->lock);
	return result;
}

int
hold_release(struct hold *h, const char *by, const char *why, struct err *e)
{
	int result;

	(void)pthread_mutex_lock(&h->lock);
	result = fs_remove(h->dir, file_name, e) == 0 ? fs_sync(h->dir, "data/guts2", e) : -1;
	if (result == 0) {
		json_decref(h->held);
		h->held = NULL;
		announce_set_held(h->announce, false);
		log_change(EVENT_RELEASED, by, why);
	}
	(void)pthread_mutex_unlock(&h->lock);
	return result;
}

json_t *
hold_document(struct hold *h)
{
	json_t *ret;

	(void)pthread_mutex_lock(&h->lock);
	ret = h->held != NULL ? json_deep_copy(h->held) : json_null();
	(void)pthread_mutex_unlock(&h->lock);
	return ret;
}
