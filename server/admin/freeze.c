/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "log.h"

enum { BYTES_MAX = 8192 };

static const char file_name[] = "hold.json";

struct freeze {
	int dir;
	struct announce *announce;
	pthread_mutex_t lock; /* taken while the file is written: one change after the other */
	json_t *frozen;	      /* NULL: nothing is */
};

static void
read_file(struct freeze *h)
{
	AUTO_BUF struct buf text = {0};
	struct err e = {0};

	if (!fs_exists(h->dir, file_name))
		return;
	if (fs_read(h->dir, file_name, BYTES_MAX, &text, &e) == 0)
		h->frozen = doc_parse(span_of(text.at, text.len), &e);
	if (h->frozen != NULL)
		return;
	log_note(EVENT_WARNING, "data/guts2/%s: %s; what is announced stays frozen", file_name,
		e.text);
	h->frozen =
		json_pack("{s:i,s:s,s:s}", "at", 0, "by", "?", "why", "its file cannot be read");
}

int
freeze_open(const struct options *o, struct announce *announce, struct freeze **ret, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/data/guts2", o->root);
	struct freeze *h = mem_new(1, sizeof(*h));

	h->announce = announce;
	(void)pthread_mutex_init(&h->lock, NULL);
	h->dir = fs_make_dirs(AT_FDCWD, path, e);
	*ret = h;
	if (h->dir < 0)
		return -1;
	read_file(h);
	if (h->frozen != NULL)
		announce_set_frozen(announce, true);
	return 0;
}

void
freeze_close(struct freeze *h)
{
	if (h == NULL)
		return;
	fs_close(&h->dir);
	json_decref(h->frozen);
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

/* The file first: what is said to be frozen is so after a power cut as well. */
static int
write_file(struct freeze *h, json_t *frozen, struct err *e)
{
	AUTO_BUF struct buf text = {0};

	doc_format(json_incref(frozen), &text);
	return fs_put(h->dir, "hold.new", file_name, span_of(text.at, text.len), e);
}

int
freeze_begin(struct freeze *h, const char *by, const char *why, struct err *e)
{
	AUTO_DOC json_t *frozen = json_pack(
		"{s:I,s:s,s:s}", "at", (json_int_t)(clock_wall_ms() / 1000), "by", by, "why", why);
	int result;

	(void)pthread_mutex_lock(&h->lock);
	result = write_file(h, frozen, e);
	if (result == 0) {
		json_decref(h->frozen);
		h->frozen = json_incref(frozen);
		announce_set_frozen(h->announce, true);
		log_change(EVENT_FROZEN, by, why);
	}
	(void)pthread_mutex_unlock(&h->lock);
	return result;
}

int
freeze_end(struct freeze *h, const char *by, const char *why, struct err *e)
{
	int result;

	(void)pthread_mutex_lock(&h->lock);
	result = fs_remove(h->dir, file_name, e) == 0 ? fs_sync(h->dir, "data/guts2", e) : -1;
	if (result == 0) {
		json_decref(h->frozen);
		h->frozen = NULL;
		announce_set_frozen(h->announce, false);
		log_change(EVENT_RELEASED, by, why);
	}
	(void)pthread_mutex_unlock(&h->lock);
	return result;
}

json_t *
freeze_document(struct freeze *h)
{
	json_t *ret;

	(void)pthread_mutex_lock(&h->lock);
	ret = h->frozen != NULL ? json_deep_copy(h->frozen) : json_null();
	(void)pthread_mutex_unlock(&h->lock);
	return ret;
}
