/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * BSDIFF without the LZMA around its columns, which would hide them from mutation: the
 * input is cut into six of them, each but the last with its length in a byte before it.
 */
#include <string.h>

#include "base/mem.h"
#include "base/varint.h"
#include "codec/codec_bsdiff.h"
#include "codec/codec_each.h"
#include "fuzz.h"

enum { INPUT_MAX = 1 << 14, OUT_BYTES = 1000 };

/* As it is: both of its lengths are the same. */
static struct span
take_column(struct span *left, bool last)
{
	size_t len = last || left->len == 0 ? left->len : *left->at;
	size_t head = !last && left->len > 0;
	struct span column;

	len = len < left->len - head ? len : left->len - head;
	column = span_of(left->at + head, len);
	*left = span_of(left->at + head + len, left->len - head - len);
	return column;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char base[] =
		"the quick brown fox jumps over the lazy dog, the quick brown fox";
	AUTO_FREE uint8_t *out = mem_new(OUT_BYTES, 1);
	AUTO_BUF struct buf stream = {0};
	struct span columns[COL_COUNT];
	struct span left;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	left = span_of(data + 2, size - 2);
	for (int i = 0; i < COL_COUNT; i++) {
		columns[i] = take_column(&left, i + 1 == COL_COUNT);
		varint_put(&stream, columns[i].len);
		varint_put(&stream, columns[i].len);
	}
	for (int i = 0; i < COL_COUNT; i++)
		buf_add(&stream, columns[i].at, columns[i].len);
	(void)codec_bsdiff_decode(span_of(stream.at, stream.len), span_of(base, sizeof(base)), out,
		(size_t)(data[0] | data[1] << 8) % OUT_BYTES, NULL, NULL);
	return 0;
}
