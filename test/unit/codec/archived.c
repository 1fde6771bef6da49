/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/archived.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/varint.h"
#include "codec/listing.h"
#include "unit.h"

/* Returns how many numbers there were. */
static size_t
put_numbers(struct buf *b, const char *numbers)
{
	size_t count = 0;

	for (char *end; *numbers != '\0'; numbers = *end == ' ' ? end + 1 : end, count++) {
		varint_put(b, strtoull(numbers, &end, 10));
		ck_assert(end > numbers);
	}
	return count;
}

void
archived_put_runs(struct buf *b, const char *runs)
{
	ck_assert_uint_eq(put_numbers(b, runs) % 2, 0);
}

void
archived_put_contents(struct buf *b, const char *contents)
{
	(void)put_numbers(b, contents);
}

static struct span
put_bases(struct buf *b, const char *runs, uint64_t stream_len)
{
	AUTO_BUF struct buf bases = {0};
	size_t numbers = put_numbers(&bases, runs);
	size_t at;

	varint_put(b, numbers / 2);
	at = b->len;
	buf_add(b, bases.at, bases.len);
	varint_put(b, stream_len);
	return span_of(b->at + at, bases.len);
}

struct span
archived_put_head(
	struct buf *b, uint64_t codec, uint64_t count, const char *runs, uint64_t stream_len)
{
	varint_put(b, codec);
	varint_put(b, count);
	return put_bases(b, runs, stream_len);
}

void
archived_put_told(
	struct buf *b, uint64_t codec, const char *contents, const char *runs, struct span stream)
{
	varint_put(b, codec);
	varint_put(b, 0);
	archived_put_contents(b, contents);
	(void)put_bases(b, runs, stream.len);
	buf_add(b, stream.at, stream.len);
}

void
archived_put(struct buf *b, uint64_t codec, uint64_t count, const char *runs, struct span stream)
{
	(void)archived_put_head(b, codec, count, runs, stream.len);
	buf_add(b, stream.at, stream.len);
}

void
archived_encode(enum codec codec, struct span file, struct span base, struct buf *b)
{
	const struct codec_input from = {.file = file, .base = base};
	size_t room = codec_bound(file.len);
	AUTO_FREE unsigned char *out = mem_new(room, 1);
	struct err e = {0};
	size_t len;

	ck_assert_msg(codec_encode(codec, &from, out, room, &len, &e) == CODEC_FITS, "%s: %s",
		codec_name(codec), e.text);
	buf_add(b, out, len);
}

void
archived_add_file(struct header *h, const char *path, struct span bytes)
{
	AUTO_FREE char *name = mem_string(path);
	const struct header_file file = {
		.path = name, .digest = digest_of(bytes), .size = bytes.len};

	ck_assert_int_eq(header_add(h, &file, NULL), 0);
}

void
archived_make_wrong(
	const struct header *h, const struct header *old, struct span base, struct buf *ret)
{
	struct listing *v = listing_new(h, old);
	AUTO_BUF struct buf bytes = {0};
	AUTO_BUF struct buf stream = {0};
	AUTO_FREE char *runs = old != NULL ? mem_printf("0 %zu", v->old_count) : mem_string("");

	for (size_t i = 0; i < v->missing_count; i++)
		for (uint64_t k = 0; k < v->missing[i]->size; k++)
			buf_add(&bytes, "?", 1);
	archived_encode(CODEC_ZSTD, span_of(bytes.at, bytes.len), base, &stream);
	buf_add_string(ret, ARCHIVED_MAGIC);
	archived_put(ret, CODEC_ZSTD, v->missing_count, runs, span_of(stream.at, stream.len));
	listing_free(v);
}

int
archived_each(void *context, size_t count,
	int (*run)(void *run_context, size_t index, struct err *e), void *run_context,
	struct err *e)
{
	(void)context;
	for (size_t i = 0; i < count; i++)
		if (run(run_context, i, e) != 0)
			return -1;
	return 0;
}
