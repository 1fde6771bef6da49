/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "codec/codec_each.h"
#include "xdelta3.h"

/*
 * VCDIFF by xdelta3, through zstd in place of its secondary compression. The encoder takes the new
 * file in windows and has the whole base as source. The decoder is the old stock version, from
 * before its hardening against overflows. So it gets what it may allocate, a base that cannot be
 * left (get_block), and an output that is compared with what is left before each copy; and what
 * comes of it counts only once its digest was compared (apply.c).
 */
enum {
	WINDOW_BYTES = 4 << 20, /* the stock decoder refuses windows above 16 MiB */
	CHUNK_BYTES = 1 << 16,	/* what the decoder gets at a time */
	/*
	 * What one allocation of the decoder may be: its window and the sections of
	 * one are bounded by the target window; a hostile stream may state 4 GiB.
	 */
	DECODER_ALLOC_BYTES = 40 << 20,
	/*
	 * What a delta may be before zstd, for each byte of the file and beside: a window that
	 * makes one byte by the longest instruction takes fewer.
	 */
	DELTA_FACTOR = 32,
	DELTA_SPARE_BYTES = 1 << 16,
};
static const size_t BLOCK_BYTES = 1UL << 30;

/* The base is mapped: a block of it is a pointer into the mapping. */
static int
get_block(xd3_stream *stream, xd3_source *source, xoff_t number)
{
	const struct span *base = source->ioh;
	xoff_t at = number * source->blksize;

	/* A hostile stream may name any address. */
	if (at > base->len) {
		stream->msg = "copy from behind the base's end";
		return XD3_INVALID_INPUT;
	}
	source->curblkno = number;
	source->curblk = base->at + at;
	source->onblk =
		(usize_t)(base->len - at < source->blksize ? base->len - at : source->blksize);
	return 0;
}

/*
 * NULL is an error that xdelta3 passes on: a stream cannot end the process as mem_new would. The
 * product is divided, not multiplied, so that it cannot wrap; size is that of a type.
 */
static void *
decoder_alloc(void *opaque, size_t items, usize_t size)
{
	(void)opaque;
	return items > DECODER_ALLOC_BYTES / size ? NULL : calloc(items, size);
}

static void
decoder_free(void *opaque, void *at)
{
	(void)opaque;
	free(at);
}

/*
 * A power of two, to which xdelta3 raises any other, and the whole base up to 1 GiB: get_block is
 * called once then. A block is a pointer into the mapping and costs nothing.
 */
static usize_t
block_size_for(size_t len)
{
	usize_t size = 1 << 14;

	while (size < BLOCK_BYTES && size < len)
		size *= 2;
	return size;
}

static int
open_stream(xd3_stream *stream, xd3_source *source, xd3_config *config, struct span *base,
	struct err *e)
{
	memset(stream, 0, sizeof(*stream));
	memset(source, 0, sizeof(*source));
	config->getblk = get_block;
	source->ioh = base;
	source->blksize = block_size_for(base->len);
	source->max_winsize = base->len;
	if (xd3_config_stream(stream, config) != 0 ||
		xd3_set_source_and_size(stream, source, base->len) != 0)
		return err_set(e, ERR_SYS, "xdelta3: %s", stream->msg != NULL ? stream->msg : "?");
	return 0;
}

static void
close_stream(xd3_stream *stream)
{
	(void)xd3_close_stream(stream);
	xd3_free_stream(stream);
}

static enum codec_fit
encode_all(xd3_stream *stream, struct span file, const struct stop *stop,
	struct codec_zstd_writer *packer, struct err *e)
{
	size_t at = 0;

	for (;;) {
		int status = xd3_encode_input(stream);
		enum codec_fit fit;
		size_t take;

		if (stop_check(stop, e) != 0)
			return CODEC_ERROR;

		switch (status) {
		case XD3_INPUT:
			/* Asked for more after it was told that there is none: it is done. */
			if ((stream->flags & XD3_FLUSH) != 0)
				return CODEC_FITS;
			take = file.len - at < WINDOW_BYTES ? file.len - at : WINDOW_BYTES;
			xd3_avail_input(stream, file.at + at, (usize_t)take);
			at += take;
			if (at == file.len)
				xd3_set_flags(stream, XD3_FLUSH | stream->flags);
			break;
		case XD3_OUTPUT:
			fit = codec_zstd_writer_add(
				packer, span_of(stream->next_out, stream->avail_out), e);
			if (fit != CODEC_FITS)
				return fit;
			xd3_consume_output(stream);
			break;
		case XD3_GOTHEADER:
		case XD3_WINSTART:
		case XD3_WINFINISH:
			break;
		default:
			return err_set(e, ERR_SYS, "xdelta3: %s",
				stream->msg != NULL ? stream->msg : xd3_strerror(status));
		}
	}
}

enum codec_fit
codec_vcdiff_encode(
	const struct codec_input *from, uint8_t *out, size_t room, size_t *ret_len, struct err *e)
{
	struct span file = from->file;
	struct span base = from->base;
	struct codec_zstd_writer *packer = codec_zstd_writer_new(file.len, out, room);
	xd3_stream stream;
	xd3_source source;
	xd3_config config;
	enum codec_fit fit = CODEC_ERROR;

	xd3_init_config(&config, from->quick ? XD3_COMPLEVEL_1 : XD3_COMPLEVEL_9);
	/* The encoder allocates by it: for a small file megabytes would be cleared in vain. */
	config.winsize = file.len < WINDOW_BYTES ? block_size_for(file.len) : WINDOW_BYTES;
	if (open_stream(&stream, &source, &config, &base, e) == 0)
		fit = encode_all(&stream, file, from->stop, packer, e);
	if (fit == CODEC_FITS)
		fit = codec_zstd_writer_end(packer, ret_len, e);
	close_stream(&stream);
	codec_zstd_writer_free(packer);
	return fit;
}

struct target {
	uint8_t *out;
	size_t len;
	size_t at;
	size_t window; /* where the window began that is being read */
	const struct codec_watch *watch;
};

static int
put_window(xd3_stream *stream, struct target *target, struct err *e)
{
	/* The size is the header's; what the stream says of itself is not asked. */
	if (stream->avail_out > target->len - target->at)
		return err_set(e, ERR_INPUT, "file is longer than stated");
	if (stream->avail_out > 0)
		memcpy(target->out + target->at, stream->next_out, stream->avail_out);
	target->at += stream->avail_out;
	xd3_consume_output(stream);
	return codec_each_passed(target->watch, target->at, e);
}

/* Runs until the decoder wants input: 0, or -1. */
static int
decode_chunk(xd3_stream *stream, struct target *target, struct err *e)
{
	for (;;) {
		int status = xd3_decode_input(stream);

		switch (status) {
		case XD3_INPUT:
			return 0;
		case XD3_OUTPUT:
			if (put_window(stream, target, e) != 0)
				return -1;
			break;
		case XD3_GOTHEADER:
			break;
		case XD3_WINSTART:
			target->window = target->at;
			break;
		case XD3_WINFINISH:
			/* Windows of nothing would be endless work for a few bytes of a stream. */
			if (target->at == target->window)
				return err_set(e, ERR_INPUT, "delta has an empty window");
			break;
		default:
			return err_set(e, ERR_INPUT, "delta is damaged: %s",
				stream->msg != NULL ? stream->msg : xd3_strerror(status));
		}
	}
}

static int
decode_all(xd3_stream *stream, struct codec_zstd_reader *unpacker, struct target *target,
	struct err *e)
{
	AUTO_FREE uint8_t *chunk = mem_new(1, CHUNK_BYTES);
	uint64_t left = (uint64_t)target->len * DELTA_FACTOR + DELTA_SPARE_BYTES;
	size_t len;

	for (;; left -= len) {
		if (codec_zstd_reader_read(unpacker, chunk, CHUNK_BYTES, &len, e) != 0)
			return -1;
		if (len == 0)
			break;
		if (len > left)
			return err_set(e, ERR_INPUT, "delta is longer than its file can need");
		xd3_avail_input(stream, chunk, (usize_t)len);
		if (decode_chunk(stream, target, e) != 0)
			return -1;
	}
	/* Refuses a stream that ends inside a window. */
	if (xd3_close_stream(stream) != 0)
		return err_set(e, ERR_INPUT, "delta is cut short");
	if (target->at != target->len)
		return err_set(e, ERR_INPUT, "file is shorter than stated");
	return 0;
}

int
codec_vcdiff_decode(struct span stream_bytes, struct span base, uint8_t *out, size_t len,
	const struct codec_watch *watch, struct err *e)
{
	struct codec_zstd_reader *unpacker = codec_zstd_reader_new(stream_bytes);
	struct target target = {.out = out, .len = len, .watch = watch};
	xd3_stream stream;
	xd3_source source;
	xd3_config config;
	int result;

	/* Its checksum is not verified: the SHA-256 of the file says more. */
	xd3_init_config(&config, XD3_ADLER32_NOVER);
	config.alloc = decoder_alloc;
	config.freef = decoder_free;
	result = open_stream(&stream, &source, &config, &base, e);
	if (result == 0)
		result = decode_all(&stream, unpacker, &target, e);
	xd3_free_stream(&stream);
	codec_zstd_reader_free(unpacker);
	return result;
}
