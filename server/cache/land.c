/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/land.h"

#include "log.h"
#include "metrics.h"
#include "model/header.h"

static void
log_downloaded(const struct record *record, uint64_t received, uint64_t took_ms)
{
	struct log_line l;

	log_begin(&l, EVENT_DOWNLOADED);
	log_record(&l, record);
	log_number(&l, "bytes", record->ref.bytes);
	log_number(&l, "received", received);
	log_number(&l, "ms", took_ms);
	log_end(&l, LOG_DOWNLOAD);
	metrics_add(record->kind == RECORD_HEADER ? METRIC_RECEIVED_HEADER
		    : record_is_full(record)	  ? METRIC_RECEIVED_FULL
						  : METRIC_RECEIVED_DIFFERENCE,
		received);
}

/* It has the room that it takes before it is there, as all that comes. */
static int
put_header(const struct land *l, const struct ident *ident, struct span bytes,
	struct record *ret_record, struct err *e)
{
	char name[IDENT_NAME_MAX];
	int status;

	if (retain_reserve(l->retain, ident_header_name(ident, name), bytes.len, e) != 0)
		return -1;
	status = stock_put_header(l->stock, ident, bytes, ret_record, e);
	retain_release(l->retain, name);
	return status;
}

int
land_header(const struct land *l, const struct ident *ident, struct span bytes, uint64_t took_ms,
	struct err *e)
{
	AUTO_HEADER struct header *header = NULL;
	struct record record;

	/* The bytes are stored as they came: they are parsed for their rules alone. */
	if (header_parse_of(bytes, ident, &header, e) != 0 ||
		put_header(l, ident, bytes, &record, e) != 0)
		return -1;
	/* It may be of one version more than are to be kept. */
	retain_note(l->retain);
	log_downloaded(&record, record.ref.bytes, took_ms);
	return 0;
}

int
land_archive(const struct land *l, const struct landing *landing, struct err *e)
{
	if (stock_put_archive(l->stock, &landing->record, landing->stage, landing->checked, e) !=
		0) {
		/* Room is made while the job that brought it waits to be tried again. */
		if (e->code == ERR_FULL)
			retain_want(l->retain, landing->record.ref.bytes);
		return -1;
	}
	/* First: it is in its place by now, and the look would count it twice. */
	retain_release(l->retain, landing->stage);
	retain_note(l->retain);
	log_downloaded(&landing->record, landing->received_bytes, landing->took_ms);
	return 0;
}

bool
land_drop_header(const struct land *l, const struct ident *ident, struct digest *ret)
{
	struct view *view = stock_view(l->stock);
	const struct view_type *type = view_find_type(view, ident->type);
	const struct view_version *version =
		type != NULL ? view_find_version(type, &ident->edition) : NULL;
	bool goes = version != NULL && version->header != NULL && version->content == NULL &&
		    version->count == 0;

	if (goes) {
		*ret = version->header->record.ref.id;
		goes = stock_remove(l->stock, &version->header->record, NULL) == 0;
	}
	view_release(view);
	return goes;
}
