/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/varint.h"

void
varint_put(struct buf *b, uint64_t n)
{
	uint8_t bytes[VARINT_BYTES + 1];
	size_t len = 0;

	for (; n > 0x7f; n >>= 7)
		bytes[len++] = (uint8_t)(n | 0x80);
	bytes[len++] = (uint8_t)n;
	buf_add(b, bytes, len);
}

size_t
varint_get(struct span bytes, uint64_t *ret)
{
	uint64_t n = 0;

	for (size_t i = 0; i < bytes.len && i < VARINT_BYTES; i++) {
		n |= (uint64_t)(bytes.at[i] & 0x7f) << (7 * i);
		if (bytes.at[i] > 0x7f)
			continue;
		*ret = n;
		return i > 0 && bytes.at[i] == 0 ? 0 : i + 1;
	}
	return 0;
}
