/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Header documents: an accepted one is safe to make below a directory, and is read back the same.
 */
#include "model/header.h"

#include <string.h>

#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_HEADER struct header *h = NULL;
	AUTO_HEADER struct header *again = NULL;
	AUTO_BUF struct buf text = {0};

	if (header_parse(span_of(data, size), &h, NULL) != 0)
		return 0;
	for (size_t i = 0; i < h->count; i++) {
		assert(h->files[i].path[0] != '/' && strstr(h->files[i].path, "//") == NULL);
		assert(strncmp(h->files[i].path, "../", 3) != 0 &&
			strstr(h->files[i].path, "/../") == NULL);
	}
	header_format(h, &text);
	assert(header_parse(span_of(text.at, text.len), &again, NULL) == 0);
	assert(again->count == h->count && again->bytes == h->bytes);
	return 0;
}
