/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * BSDIFF with columns that are stored, since packing would hide them from mutation: the
 * input is cut into six of them, each with its length in a byte before it.
 */
#include <string.h>

#include "codec/codec_bsdiff.h"
#include "codec/codec_each.h"
#include "fuzz.h"
#include "base/mem.h"
#include "base/varint.h"

enum { OUT_BYTES = 1000 };

static struct span
take_column(const uint8_t **data, size_t *size, bool last)
{
	size_t take = last || *size == 0 ? *size : **data;
	struct span column;

	if (!last && *size > 0) {
		(*data)++;
		(*size)--;
	}
	take = take < *size ? take : *size;
	column = span_of(*data, take);
	*data += take;
	*size -= take;
	return column;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char base[] =
		"the quick brown fox jumps over the lazy dog, the quick brown fox";
	AUTO_BUF struct buf columns = {0};
	AUTO_BUF struct buf stream = {0};
	AUTO_FREE uint8_t *out = mem_new(OUT_BYTES, 1);
	size_t out_len;

	if (size < 2)
		return 0;
	out_len = (size_t)(data[0] | data[1] << 8) % OUT_BYTES;
	data += 2;
	size -= 2;
	for (int i = 0; i < COL_COUNT; i++) {
		struct span column = take_column(&data, &size, i + 1 == COL_COUNT);

		varint_put(&stream, column.len);
		varint_put(&stream, column.len);
		buf_add(&columns, column.at, column.len);
	}
	buf_add(&stream, columns.at, columns.len);
	(void)codec_bsdiff_decode(span_of(stream.at, stream.len), span_of(base, sizeof(base)), out,
		out_len, NULL, NULL);
	return 0;
}
