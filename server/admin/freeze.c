/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "log.h"
#include "model/wire.h"

enum { BYTES_MAX = 8 << 20 }; /* twice what an announcement may have */

static const char file_name[] = "hold.json";

struct freeze {
	char *path; /* of its directory, which somebody can have removed meanwhile */
	struct announce *announce;
	pthread_mutex_t lock; /* taken while the file is written: one change after the other */
	json_t *frozen;	      /* NULL: nothing is */
};

static int
open_dir(const struct freeze *h, struct err *e)
{
	return fs_make_dirs(AT_FDCWD, h->path, e);
}

static bool
is_whole(const json_t *frozen)
{
	return json_is_integer(json_object_get(frozen, "at")) &&
	       json_is_string(json_object_get(frozen, "by")) &&
	       json_is_string(json_object_get(frozen, "why"));
}

static json_t *
read_file(int dir, struct idents *ret, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	json_t *frozen;

	if (fs_read(dir, file_name, BYTES_MAX, &text, e) != 0 ||
		wire_query_parse(span_of(text.at, text.len), ret, e) != 0)
		return NULL;
	frozen = doc_parse(span_of(text.at, text.len), e);
	if (is_whole(frozen))
		return frozen;
	json_decref(frozen);
	(void)err_set(e, ERR_INPUT, "who, when and why are not in it");
	return NULL;
}

/* What was announced then; where that cannot be read, what the cache knows. */
static void
go_on(struct freeze *h, int dir)
{
	AUTO_IDENTS struct idents announced = {0};
	struct err e = {0};

	h->frozen = read_file(dir, &announced, &e);
	if (h->frozen == NULL) {
		log_note(EVENT_WARNING, "data/guts2/%s: %s; what is announced stays frozen",
			file_name, e.text);
		h->frozen = json_pack(
			"{s:i,s:s,s:s}", "at", 0, "by", "?", "why", "its file cannot be read");
	} else if (announce_restore(h->announce, &announced, &e) != 0) {
		log_note(EVENT_FAILED, "cannot store the announcement: %s", e.text);
	}
	announce_set_frozen(h->announce, true);
}

int
freeze_open(const struct options *o, struct announce *announce, struct freeze **ret, struct err *e)
{
	struct freeze *h = mem_new(1, sizeof(*h));
	AUTO_CLOSE int dir = -1;

	h->path = mem_printf("%s/data/guts2", o->root);
	h->announce = announce;
	(void)pthread_mutex_init(&h->lock, NULL);
	*ret = h;
	dir = open_dir(h, e);
	if (dir < 0)
		return -1;
	if (fs_exists(dir, file_name))
		go_on(h, dir);
	return 0;
}

void
freeze_close(struct freeze *h)
{
	if (h == NULL)
		return;
	json_decref(h->frozen);
	free(h->path);
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
write_file(const struct freeze *h, json_t *frozen, struct err *e)
{
	AUTO_CLOSE int dir = open_dir(h, e);
	AUTO_IDENTS struct idents announced = {0};
	AUTO_BUF struct buf query = {0};
	AUTO_BUF struct buf text = {0};
	AUTO_DOC json_t *all = NULL;

	if (dir < 0)
		return -1;
	announce_now(h->announce, &announced);
	wire_query_format(&announced, &query);
	all = doc_parse(span_of(query.at, query.len), e);
	if (all == NULL || json_object_update(all, frozen) != 0)
		return -1;
	doc_format(json_incref(all), &text);
	return fs_put(dir, "hold.new", file_name, span_of(text.at, text.len), e);
}

static int
check_texts(const char *by, const char *why, struct err *e)
{
	return strlen(by) <= FREEZE_WHY_MAX && strlen(why) <= FREEZE_WHY_MAX
		       ? 0
		       : err_set(e, ERR_INPUT, "why: longer than %d bytes", FREEZE_WHY_MAX);
}

/* A file and no directory: nothing but what was put there goes. */
static int
remove_file(const struct freeze *h, struct err *e)
{
	AUTO_CLOSE int dir = open_dir(h, e);

	if (dir < 0)
		return -1;
	if (unlinkat(dir, file_name, 0) != 0 && errno != ENOENT)
		return err_sys(e, "%s", file_name);
	return fs_sync(dir, "data/guts2", e);
}

/* take_frozen NULL: what is announced is frozen no more. */
static int
change(struct freeze *h, json_t *take_frozen, const char *by, const char *why, struct err *e)
{
	bool frozen = take_frozen != NULL;
	int result;

	(void)pthread_mutex_lock(&h->lock);
	result = frozen ? write_file(h, take_frozen, e) : remove_file(h, e);
	if (result == 0) {
		json_decref(h->frozen);
		h->frozen = json_incref(take_frozen);
		announce_set_frozen(h->announce, frozen);
		log_change(frozen ? EVENT_FROZEN : EVENT_RELEASED, by, why);
	}
	(void)pthread_mutex_unlock(&h->lock);
	json_decref(take_frozen);
	return result;
}

int
freeze_begin(struct freeze *h, const char *by, const char *why, struct err *e)
{
	if (check_texts(by, why, e) != 0)
		return -1;
	return change(h,
		json_pack("{s:I,s:s,s:s}", "at", (json_int_t)(clock_wall_ms() / 1000), "by", by,
			"why", why),
		by, why, e);
}

int
freeze_end(struct freeze *h, const char *by, const char *why, struct err *e)
{
	return check_texts(by, why, e) == 0 ? change(h, NULL, by, why, e) : -1;
}

json_t *
freeze_document(struct freeze *h)
{
	json_t *ret;

	(void)pthread_mutex_lock(&h->lock);
	ret = h->frozen == NULL ? json_null()
				: json_pack("{s:O,s:O,s:O}", "at", json_object_get(h->frozen, "at"),
					  "by", json_object_get(h->frozen, "by"), "why",
					  json_object_get(h->frozen, "why"));
	(void)pthread_mutex_unlock(&h->lock);
	return ret;
}
