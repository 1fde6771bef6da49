/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pieces.h - the pieces that encode.c works on, each once.
 *
 * Owner:    a zeroed struct pieces is empty; pieces_free
 */
#ifndef PIECES_H
#define PIECES_H

#include <stdbool.h>

#include "codec/encode.h"

/* A stream that was made lies in the staged file; a donated one in the donor's archive. */
struct stream {
	size_t len; /* 0: there is none */
	size_t at;  /* in the staged file */
	const uint8_t *donated;
	bool doubtful; /* donated by somebody else: to be decoded before it is used */
};

/* What an archive asks for, and what was made of it. */
struct piece {
	struct digest key; /* of all that follows but the streams */
	enum format format;
	const struct header_file **files; /* one array with the bases behind them */
	size_t count;
	size_t base_count;
	uint64_t bytes;
	uint64_t base_bytes;
	struct stream streams[CODEC_COUNT];
	size_t number;
	bool wanted; /* in any case; otherwise where it is the instead of one that comes out large
		      */
	struct piece *instead; /* NULL: none */
};

struct pieces {
	struct piece **at; /* by number */
	size_t count;
	size_t capacity;
	void *by_key; /* the same, tsearch(3) */
};

void pieces_free(struct pieces *p);

/* The same piece if there is one, or a new one. */
struct piece *pieces_add(struct pieces *p, const struct encode_piece *piece);

/* NULL: there is none. */
struct piece *pieces_find(const struct pieces *p, const struct encode_piece *piece);

/* The smallest of the streams, which are numbered by encoding; NULL: there is none. */
const struct stream *pieces_smallest(const struct piece *piece);

/* Whether there is one of less than a share of the piece's bytes. */
bool pieces_is_less_than(const struct piece *piece, uint64_t share);

#endif
