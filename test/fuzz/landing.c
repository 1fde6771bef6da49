/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A header, a newline, the header of the older version and a newline, and an archive: as a full
 * one, and as a difference. Without the second header it is a full one alone.
 */
#include "landed.h"

enum { BYTES_MAX = 1 << 16 };

/* The first line, and what is behind it. */
static struct span
take_line(struct span *left)
{
	const uint8_t *newline = left->len > 0 ? memchr(left->at, '\n', left->len) : NULL;
	size_t len = newline != NULL ? (size_t)(newline - left->at) + 1 : left->len;
	struct span line = span_of(left->at, len);

	*left = span_of(left->at + len, left->len - len);
	return line;
}

/* NULL: the next line is none; then it is still there. */
static struct header *
take_header(struct span *left)
{
	struct span rest = *left;
	struct header *h;

	if (header_parse(take_line(&rest), &h, NULL) != 0)
		return NULL;
	*left = rest;
	return h;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span left = span_of(data, size);
	AUTO_HEADER struct header *h = take_header(&left);
	AUTO_HEADER struct header *old = h != NULL ? take_header(&left) : NULL;

	know_all();
	if (h == NULL || h->bytes > BYTES_MAX || (old != NULL && old->bytes > BYTES_MAX))
		return 0;
	check_archive(h, NULL, left);
	if (old != NULL)
		check_archive(h, old, left);
	return 0;
}
