/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec_bsdiff.h - what the encoder and the decoder of BSDIFF share.
 *
 * Percival's method ("Naive differences of executable code", 2003): where a part of
 * the new file is like one of the old, only the differences of the bytes are kept,
 * which in programs are few and alike. What is ours: numbers are written in columns of
 * one kind each, and differences as numbers of up to three bytes with the gaps between
 * them: in machine code an address moves by a value, not by four bytes.
 *
 * Shapes:   guts2(7), BSDIFF
 */
#ifndef CODEC_BSDIFF_H
#define CODEC_BSDIFF_H

#include <stddef.h>
#include <stdint.h>

enum {
	COL_SEEK,   /* where the old part begins; see put_seek */
	COL_ADD,    /* length of a part that is like one of the old file */
	COL_INSERT, /* length of the part behind it that is like none */
	COL_GAP,    /* equal bytes before a difference, counted over all old parts */
	COL_WORD,   /* the difference, little-endian */
	COL_EXTRA,  /* bytes of the parts that are like none */
	COL_COUNT
};

enum { WORD_BYTES = 3, COL_WINDOW_BYTES = 1 << 21 };

static inline uint32_t
read_word(const uint8_t *at, size_t len)
{
	uint32_t word = 0;

	for (size_t i = len; i > 0; i--)
		word = word << 8 | at[i - 1];
	return word;
}

static inline void
write_word(uint8_t *at, size_t len, uint32_t word)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(word >> (8 * i));
}

#endif
