/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "item.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "mem.h"

void (*item_response_free)(void *response, bool is_file);

void
item_etag(const struct digest *digest, char ret[ETAG_MAX])
{
	char hex[DIGEST_HEX + 1];

	(void)snprintf(ret, ETAG_MAX, "\"%s\"", digest_hex(digest, hex));
}

void
item_response_release(_Atomic(void *) *slot, bool is_file)
{
	void *response = atomic_exchange(slot, NULL);

	if (response != NULL)
		item_response_free(response, is_file);
}

void
item_note_checked(struct item *item)
{
	item->checked = true;
	item->checked_ms = clock_wall_ms();
	item->times_changed = true;
}

void
item_note_offered(struct item *item)
{
	item->offered_ms = clock_mono_ms();
}

void
item_note_served(struct item *item)
{
	item->served_ms = clock_wall_ms();
	item->times_changed = true;
}

struct item *
item_new(const struct record *row, bool checked)
{
	struct item *item = mem_new(1, sizeof(*item));
	struct buf bytes = {0};
	struct offer offer = {0};

	item->references = 1;
	item->row = *row;
	item->served_ms = row->served_ms;
	item->checked_ms = row->checked_ms;
	if (checked) { /* it has just come */
		item->row.landed_ms = clock_wall_ms();
		item_note_checked(item);
	}
	item_etag(&row->ref.id, item->etag);
	if (row->kind != RECORD_ARCHIVE)
		return item;
	offer.archive[row->format] = row->ref;
	wire_offer_format(&offer, &bytes);
	item->offer.bytes = bytes.at;
	item->offer.len = bytes.len;
	memcpy(item->offer.etag, item->etag, sizeof(item->etag));
	return item;
}

void
item_hold(struct item *item)
{
	(void)atomic_fetch_add(&item->references, 1);
}

void
item_release(struct item *item)
{
	if (item == NULL || atomic_fetch_sub(&item->references, 1) != 1)
		return;
	item_response_release(&item->response, true);
	item_response_release(&item->offer.response, false);
	free(item->offer.bytes);
	free(item);
}
