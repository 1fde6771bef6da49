/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/codec_bsdiff.h"

#include <string.h>

#include "base/mem.h"
#include "base/varint.h"
#include "codec/codec_each.h"

/*
 * The columns are read side by side, a chunk of each at a time, and the output grows from start to
 * end: memory does not depend on the sizes of the files. Nothing in a stream is trusted: each
 * length is compared with what is left of base and output before it is used, and by subtracting, so
 * that no sum of two numbers of the stream can wrap. At the end every column must be used up.
 */
enum { CHUNK_BYTES = 1 << 14 };

/* The reverse of fold_sign in codec_bsdiff_encode.c; no number of 63 bits overflows. */
static int64_t
unfold_sign(uint64_t n)
{
	return (n & 1) != 0 ? (int64_t) ~(n >> 1) : (int64_t)(n >> 1);
}

struct column {
	struct span stored; /* what is left of one that is not packed */
	struct codec_lzma_reader *unpacker;
	uint8_t chunk[CHUNK_BYTES];
	size_t at;
	size_t len;
};

/* Bytes that are at hand; none at the end. */
static int
fill(struct column *c, struct err *e)
{
	if (c->at < c->len)
		return 0;
	c->at = 0;
	if (c->unpacker != NULL)
		return codec_lzma_reader_read(c->unpacker, c->chunk, sizeof(c->chunk), &c->len, e);
	c->len = c->stored.len < sizeof(c->chunk) ? c->stored.len : sizeof(c->chunk);
	if (c->len > 0)
		memcpy(c->chunk, c->stored.at, c->len);
	c->stored = span_of(c->stored.at + c->len, c->stored.len - c->len);
	return 0;
}

static int
read_bytes(struct column *c, uint8_t *out, size_t len, struct err *e)
{
	while (len > 0) {
		size_t take;

		if (fill(c, e) != 0)
			return -1;
		take = c->len - c->at < len ? c->len - c->at : len;
		if (take == 0)
			return err_set(e, ERR_INPUT, "delta is cut short");
		memcpy(out, c->chunk + c->at, take);
		c->at += take;
		out += take;
		len -= take;
	}
	return 0;
}

/*
 * At most VARINT_BYTES, that is 63 bits, so that n fits and signs can be unfolded. Most numbers are
 * a byte that is at hand: the short way round read_bytes.
 */
static int
read_number(struct column *c, uint64_t *ret, struct err *e)
{
	uint64_t n = 0;

	for (unsigned shift = 0; shift < 7 * VARINT_BYTES; shift += 7) {
		uint8_t byte = 0;

		if (c->at < c->len)
			byte = c->chunk[c->at++];
		else if (read_bytes(c, &byte, 1, e) != 0)
			return -1;
		n |= (uint64_t)(byte & 0x7f) << shift;
		if (byte <= 0x7f) {
			*ret = n;
			return 0;
		}
	}
	return err_set(e, ERR_INPUT, "number in a delta is too large");
}

/* at <= len; old <= base.len; both ends <= base.len. gap counts only where differs is set. */
struct reader {
	struct column columns[COL_COUNT];
	struct span base;
	uint8_t *out;
	size_t len;
	size_t at;
	size_t old;
	size_t ends[2]; /* of the last part and the one before, in the base */
	uint64_t gap;	/* equal bytes before the next difference */
	bool differs;	/* there is a next difference */
	const struct codec_watch *watch;
	size_t watched; /* up to here */
};

/* At the end of the column there is no next one; words that are left then are found by read_all. */
static int
next_difference(struct reader *r, struct err *e)
{
	struct column *gaps = &r->columns[COL_GAP];

	if (fill(gaps, e) != 0)
		return -1;
	r->differs = gaps->at < gaps->len;
	return r->differs ? read_number(gaps, &r->gap, e) : 0;
}

/* len bytes like those of the base: the caller has checked that both sides have them. */
static int
add_part(struct reader *r, size_t len, struct err *e)
{
	uint8_t *out = r->out + r->at;
	size_t at = 0;

	memcpy(out, r->base.at + r->old, len);
	while (r->differs && r->gap < len - at) {
		uint8_t word[WORD_BYTES] = {0};
		size_t word_len;

		at += (size_t)r->gap;
		/* At a part's end a shorter one: no difference reaches into the next part. */
		word_len = len - at < WORD_BYTES ? len - at : WORD_BYTES;
		if (read_bytes(&r->columns[COL_WORD], word, word_len, e) != 0)
			return -1;
		write_word(out + at, word_len,
			read_word(out + at, word_len) + read_word(word, word_len));
		at += word_len;
		if (next_difference(r, e) != 0)
			return -1;
	}
	r->gap -= r->differs ? len - at : 0;
	r->at += len;
	r->old += len;
	return 0;
}

static int
read_part(struct reader *r, struct err *e)
{
	uint64_t seek;
	uint64_t add;
	uint64_t insert;
	int64_t by;
	size_t from;

	if (read_number(&r->columns[COL_SEEK], &seek, e) != 0 ||
		read_number(&r->columns[COL_ADD], &add, e) != 0 ||
		read_number(&r->columns[COL_INSERT], &insert, e) != 0)
		return -1;
	/* Both are 0 before the first part: bytes are counted from the base's beginning then. */
	from = r->ends[seek & 1];
	by = unfold_sign(seek >> 1);
	if (by < 0 ? (uint64_t)-by > from : (uint64_t)by > r->base.len - from)
		return err_set(e, ERR_INPUT, "delta leaves the old file");
	r->old = (size_t)((int64_t)from + by);
	if (add > r->base.len - r->old)
		return err_set(e, ERR_INPUT, "delta leaves the old file");
	if (add > r->len - r->at || insert > r->len - r->at - add)
		return err_set(e, ERR_INPUT, "file is longer than stated");
	/* Parts of nothing would be endless work for a few bytes of a stream. */
	if (add + insert == 0)
		return err_set(e, ERR_INPUT, "delta has an empty part");
	if (add_part(r, (size_t)add, e) != 0 ||
		read_bytes(&r->columns[COL_EXTRA], r->out + r->at, (size_t)insert, e) != 0)
		return -1;
	r->at += (size_t)insert;
	r->ends[1] = r->ends[0];
	r->ends[0] = r->old;
	return 0;
}

static int
read_all(struct reader *r, struct err *e)
{
	if (next_difference(r, e) != 0)
		return -1;
	while (r->at < r->len) {
		if (read_part(r, e) != 0)
			return -1;
		if (r->at - r->watched < CODEC_EACH_STEP)
			continue;
		/* Only at the ends of parts: inside one bytes may still change. */
		r->watched = r->at;
		if (codec_each_passed(r->watch, r->at, e) != 0)
			return -1;
	}
	for (int i = 0; i < COL_COUNT; i++) {
		if (fill(&r->columns[i], e) != 0)
			return -1;
		if (r->columns[i].at < r->columns[i].len)
			return err_set(e, ERR_INPUT, "file is longer than stated");
	}
	if (r->differs)
		return err_set(e, ERR_INPUT, "delta has a difference behind the end");
	return 0;
}

static int
read_head(struct span *stream, uint64_t lengths[COL_COUNT][2], struct err *e)
{
	for (int i = 0; i < COL_COUNT; i++)
		for (int which = 0; which < 2; which++) {
			size_t len = varint_get(*stream, &lengths[i][which]);

			if (len == 0)
				return err_set(e, ERR_INPUT, "head is damaged or cut short");
			*stream = span_of(stream->at + len, stream->len - len);
		}
	return 0;
}

/* Of equal lengths a column is stored; otherwise it is packed, and may state what it likes. */
static int
open_column(struct column *c, struct span bytes, uint64_t len, struct err *e)
{
	if (len == bytes.len) {
		c->stored = bytes;
		return 0;
	}
	c->unpacker = codec_lzma_reader_new(bytes, span_of("", 0), len, COL_WINDOW_BYTES);
	return c->unpacker != NULL ? 0 : err_set(e, ERR_INPUT, "column is damaged");
}

static int
open_columns(struct reader *r, struct span stream, struct err *e)
{
	uint64_t lengths[COL_COUNT][2];

	if (read_head(&stream, lengths, e) != 0)
		return -1;
	for (int i = 0; i < COL_COUNT; i++) {
		uint64_t len = lengths[i][1];

		if (len > stream.len)
			return err_set(e, ERR_INPUT, "delta is cut short");
		if (open_column(
			    &r->columns[i], span_of(stream.at, (size_t)len), lengths[i][0], e) != 0)
			return -1;
		stream = span_of(stream.at + len, stream.len - (size_t)len);
	}
	return stream.len == 0 ? 0 : err_set(e, ERR_INPUT, "bytes behind the last column");
}

int
codec_bsdiff_decode(struct span stream, struct span base, uint8_t *out, size_t len,
	const struct codec_watch *watch, struct err *e)
{
	AUTO_FREE struct reader *r = mem_new(1, sizeof(*r));
	int result = -1;

	r->base = base;
	r->out = out;
	r->len = len;
	r->watch = watch;
	if (open_columns(r, stream, e) == 0)
		result = read_all(r, e);
	for (int i = 0; i < COL_COUNT; i++)
		codec_lzma_reader_free(r->columns[i].unpacker);
	return result;
}
