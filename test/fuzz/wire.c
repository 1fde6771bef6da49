/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The small documents. */
#include "model/wire.h"

#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span json = span_of(data, size);
	AUTO_IDENTS struct idents list = {0};
	struct inventory inventory;
	struct offer offer;

	if (wire_query_parse(json, &list, NULL) == 0)
		for (size_t i = 0; i < list.count; i++)
			assert(idents_find(&list, list.at[i].type) == &list.at[i]);
	wire_inventory_parse(json, &inventory);
	idents_free(&inventory.updates);
	(void)wire_offer_parse(json, &offer, NULL);
	return 0;
}
