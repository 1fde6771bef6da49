/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/view_record.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

void (*view_record_response_free)(void *response, bool is_file);

void
view_record_etag(const struct digest *digest, char ret[ETAG_MAX])
{
	char hex[DIGEST_HEX + 1];

	(void)snprintf(ret, ETAG_MAX, "\"%s\"", digest_hex(digest, hex));
}

void
view_record_response_release(_Atomic(void *) *slot, bool is_file)
{
	void *response = atomic_exchange(slot, NULL);

	if (response != NULL)
		view_record_response_free(response, is_file);
}

void
view_record_note_checked(struct view_record *vr)
{
	vr->checked = true;
	vr->checked_ms = clock_wall_ms();
	vr->times_changed = true;
}

void
view_record_note_offered(struct view_record *vr)
{
	vr->offered_ms = clock_tick_ms();
}

void
view_record_note_served(struct view_record *vr)
{
	vr->served_ms = clock_wall_tick_ms();
	/* After the time: who clears it reads the time then, and misses none. */
	vr->times_changed = true;
}

struct view_record *
view_record_new(const struct record *record, bool checked)
{
	struct view_record *vr = mem_new(1, sizeof(*vr));
	struct buf bytes = {0};
	struct offer offer = {0};

	vr->references = 1;
	vr->record = *record;
	vr->served_ms = record->served_ms;
	vr->checked_ms = record->checked_ms;
	if (checked) { /* it has just come */
		vr->record.landed_ms = clock_wall_ms();
		view_record_note_checked(vr);
	}
	view_record_etag(&record->ref.id, vr->etag);
	if (record->kind != RECORD_ARCHIVE)
		return vr;
	offer.archive[record->format] = record->ref;
	wire_offer_format(&offer, &bytes);
	vr->offer.bytes = bytes.at;
	vr->offer.len = bytes.len;
	/*
	 * An offer says the archive's id and size, and no more: it changes exactly when the archive
	 * does.
	 */
	memcpy(vr->offer.etag, vr->etag, sizeof(vr->etag));
	return vr;
}

void
view_record_take(struct view_record *vr)
{
	(void)atomic_fetch_add(&vr->references, 1);
}

void
view_record_release(struct view_record *vr)
{
	if (vr == NULL || atomic_fetch_sub(&vr->references, 1) != 1)
		return;
	/* Nobody is sending it: a reply keeps the record until it is gone. */
	view_record_response_release(&vr->response, true);
	view_record_response_release(&vr->offer.response, false);
	free(vr->offer.bytes);
	free(vr);
}
