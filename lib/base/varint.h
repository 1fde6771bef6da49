/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * varint.h - numbers of few bytes where they are small.
 *
 * Shapes:   seven bits a byte, the lowest first, the eighth bit set in all but the last
 * Units:    0 to 2^63 - 1, in 1 to VARINT_BYTES bytes
 * Source:   guts2(7), ARCHIVES
 */
#ifndef VARINT_H
#define VARINT_H

#include "base/buf.h"

enum { VARINT_BYTES = 9 };

void varint_put(struct buf *b, uint64_t n);

/*
 * The number that bytes begin with; returns how many of them it has. 0: it is cut short, too
 * large, or written longer than it need be, so that nothing has two spellings.
 */
size_t varint_get(struct span bytes, uint64_t *ret);

#endif
