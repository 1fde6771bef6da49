/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
/* For buffers that stay where they are: no copy of a window, whose size a frame chooses. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "base/mem.h"
#include "codec/codec_each.h"

enum {
	LEVEL_QUICK = 3,
	LEVEL_BEST = 19,
	LEVEL_LARGE = 9,	/* past LARGE_BYTES the best level takes minutes */
	PACKER_WINDOW_LOG = 23, /* guts2(7): a packed delta needs at most 8 MiB to read */
	WINDOW_LOG_MAX = 31,
	/* What is handed over at once; a few bytes of a stream may stand for a thousand times as
	   many. */
	STREAM_PIECE = 1 << 14,
	OUTPUT_PIECE = 1 << 11,
};
static const size_t LARGE_BYTES = 64UL << 20;

/* The least window that covers len bytes; zstd knows none below 2^10 and none above 2^31. */
static int
window_log_for(size_t len)
{
	int log = 10;

	while (log < WINDOW_LOG_MAX && (1UL << log) < len)
		log++;
	return log;
}

static int
best_level(size_t len)
{
	return len > LARGE_BYTES ? LEVEL_LARGE : LEVEL_BEST;
}

/*
 * Takes the context. All input is there from the beginning, so that the stream is that of one call;
 * the output is taken in pieces, and between two of them it can be ended.
 */
static enum codec_fit
compress(ZSTD_CCtx *z, struct span bytes, const struct stop *stop, uint8_t *out, size_t room,
	size_t *ret_len, struct err *e)
{
	ZSTD_inBuffer in = {bytes.at, bytes.len, 0};
	ZSTD_outBuffer to = {out, 0, 0};
	size_t left;

	(void)ZSTD_CCtx_setParameter(z, ZSTD_c_stableInBuffer, 1);
	do {
		to.size = room - to.pos < OUTPUT_PIECE ? room : to.pos + OUTPUT_PIECE;
		left = ZSTD_compressStream2(z, &to, &in, ZSTD_e_end);
	} while (left > 0 && !ZSTD_isError(left) && to.pos < room && !stop_wanted(stop));
	(void)ZSTD_freeCCtx(z);
	if (ZSTD_isError(left))
		return err_set(e, ERR_SYS, "encoder: %s", ZSTD_getErrorName(left));
	if (stop_check(stop, e) != 0)
		return CODEC_ERROR;
	*ret_len = to.pos;
	/* Less room than it takes is no error: another encoding is the better one. */
	return left == 0 ? CODEC_FITS : CODEC_TOO_LARGE;
}

enum codec_fit
codec_zstd_encode(
	const struct codec_input *from, uint8_t *out, size_t room, size_t *ret_len, struct err *e)
{
	struct span file = from->file;
	struct span base = from->base;
	ZSTD_CCtx *z = ZSTD_createCCtx();

	assert(z != NULL);
	(void)ZSTD_CCtx_setParameter(
		z, ZSTD_c_compressionLevel, from->quick ? LEVEL_QUICK : best_level(file.len));
	if (base.len > 0) {
		/*
		 * As zstd --patch-from has it: the base is a prefix in front of the file, and a
		 * window over both lets every match reach it. Matching over long distances finds
		 * what the tables of a level, which are small beside such a window, have forgotten.
		 */
		int log = window_log_for(file.len + base.len);

		(void)ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, log);
		(void)ZSTD_CCtx_setParameter(z, ZSTD_c_enableLongDistanceMatching, 1);
		(void)ZSTD_CCtx_refPrefix(z, base.at, base.len);
	}
	return compress(z, file, from->stop, out, room, ret_len, e);
}

/*
 * The window is the output itself, so that a frame with a window of gigabytes needs no memory of
 * its own. Several frames in a row are one stream, each with the same prefix. All of the stream is
 * in memory: a call that neither takes nor gives anything will never do so.
 */
static int
decode_frames(ZSTD_DCtx *z, struct span stream, struct span base, ZSTD_outBuffer *to,
	const struct codec_watch *watch, struct err *e)
{
	ZSTD_inBuffer in = {stream.at, 0, 0};
	size_t wanted = 0; /* 0: a frame begins */
	size_t watched = 0;

	while (in.pos < stream.len) {
		size_t before_in = in.pos;
		size_t before_out = to->pos;

		in.size = stream.len - in.pos < STREAM_PIECE ? stream.len : in.pos + STREAM_PIECE;
		if (wanted == 0 && base.len > 0)
			(void)ZSTD_DCtx_refPrefix(z, base.at, base.len);
		wanted = ZSTD_decompressStream(z, to, &in);
		if (ZSTD_isError(wanted))
			return err_set(e, ERR_INPUT, "stream is damaged or too long: %s",
				ZSTD_getErrorName(wanted));
		if (in.pos == before_in && to->pos == before_out)
			return err_set(e, ERR_INPUT, "stream is damaged or too long");
		/* About once for each step of either: what makes nothing is read in pieces, too. */
		if (to->pos - watched < CODEC_EACH_STEP && in.pos % CODEC_EACH_STEP >= STREAM_PIECE)
			continue;
		watched = to->pos;
		if (codec_each_passed(watch, watched, e) != 0)
			return -1;
	}
	return wanted == 0 && stream.len > 0 ? 0 : err_set(e, ERR_INPUT, "stream is cut short");
}

int
codec_zstd_decode(struct span stream, struct span base, uint8_t *out, size_t len,
	const struct codec_watch *watch, struct err *e)
{
	ZSTD_DCtx *z = ZSTD_createDCtx();
	ZSTD_outBuffer to = {out, len, 0};
	int result;

	assert(z != NULL);
	(void)ZSTD_DCtx_setParameter(z, ZSTD_d_stableOutBuffer, 1);
	(void)ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	result = decode_frames(z, stream, base, &to, watch, e);
	(void)ZSTD_freeDCtx(z);
	if (result == 0 && to.pos != len)
		return err_set(e, ERR_INPUT, "file is shorter than stated");
	return result;
}

struct codec_zstd_writer {
	ZSTD_CCtx *z;
	ZSTD_outBuffer out;
};

struct codec_zstd_writer *
codec_zstd_writer_new(size_t len, uint8_t *out, size_t room)
{
	int log = window_log_for(len);

	struct codec_zstd_writer *p = mem_new(1, sizeof(*p));

	p->z = ZSTD_createCCtx();
	assert(p->z != NULL);
	(void)ZSTD_CCtx_setParameter(p->z, ZSTD_c_compressionLevel, LEVEL_BEST);
	(void)ZSTD_CCtx_setParameter(p->z, ZSTD_c_windowLog, PACKER_WINDOW_LOG);
	if (log < PACKER_WINDOW_LOG) {
		/* Of a stream of unknown length the tables are tens of megabytes, cleared each
		 * time. */
		(void)ZSTD_CCtx_setParameter(p->z, ZSTD_c_windowLog, log);
		(void)ZSTD_CCtx_setParameter(p->z, ZSTD_c_hashLog, log + 1 < 22 ? log + 1 : 22);
		(void)ZSTD_CCtx_setParameter(p->z, ZSTD_c_chainLog, log + 1);
	}
	/* Written in place, without a copy: pack gives up what does not fit. */
	p->out = (ZSTD_outBuffer){out, room, 0};
	return p;
}

/*
 * zstd may have taken all input and still hold output back. Only where the output is full and there
 * is more of either it does not fit; a stream that ends with the last byte of room fits.
 */
static enum codec_fit
pack(struct codec_zstd_writer *p, struct span bytes, ZSTD_EndDirective end, struct err *e)
{
	ZSTD_inBuffer in = {bytes.at, bytes.len, 0};
	size_t left;

	do {
		left = ZSTD_compressStream2(p->z, &p->out, &in, end);
		if (ZSTD_isError(left))
			return err_set(e, ERR_SYS, "encoder: %s", ZSTD_getErrorName(left));
		if (p->out.pos == p->out.size && (left > 0 || in.pos < in.size))
			return CODEC_TOO_LARGE;
	} while (in.pos < in.size || (end == ZSTD_e_end && left > 0));
	return CODEC_FITS;
}

enum codec_fit
codec_zstd_writer_add(struct codec_zstd_writer *p, struct span bytes, struct err *e)
{
	return pack(p, bytes, ZSTD_e_continue, e);
}

enum codec_fit
codec_zstd_writer_end(struct codec_zstd_writer *p, size_t *ret_len, struct err *e)
{
	enum codec_fit fit = pack(p, span_of("", 0), ZSTD_e_end, e);

	*ret_len = p->out.pos;
	return fit;
}

void
codec_zstd_writer_free(struct codec_zstd_writer *p)
{
	if (p == NULL)
		return;
	(void)ZSTD_freeCCtx(p->z);
	free(p);
}

struct codec_zstd_reader {
	ZSTD_DCtx *z;
	ZSTD_inBuffer in;
	size_t wanted; /* 0: a frame has just ended */
};

struct codec_zstd_reader *
codec_zstd_reader_new(struct span stream)
{
	struct codec_zstd_reader *u = mem_new(1, sizeof(*u));

	u->z = ZSTD_createDCtx();
	assert(u->z != NULL);
	/* A larger window is refused: a stream does not say how much is allocated here. */
	(void)ZSTD_DCtx_setParameter(u->z, ZSTD_d_windowLogMax, PACKER_WINDOW_LOG);
	u->in = (ZSTD_inBuffer){stream.at, stream.len, 0};
	/* So that a stream of no bytes is one that is cut short, and not the end of a frame. */
	u->wanted = 1;
	return u;
}

/*
 * Several frames in a row are one stream, as for zstd itself. The stream is all in memory, so that
 * a call that neither takes nor gives anything will never do so: it is cut short.
 */
int
codec_zstd_reader_read(
	struct codec_zstd_reader *u, uint8_t *out, size_t room, size_t *ret_len, struct err *e)
{
	ZSTD_outBuffer to = {out, room, 0};

	while (to.pos < to.size) {
		size_t before_in = u->in.pos;
		size_t before_out = to.pos;

		if (u->wanted == 0 && u->in.pos == u->in.size)
			break;
		u->wanted = ZSTD_decompressStream(u->z, &to, &u->in);
		if (ZSTD_isError(u->wanted))
			return err_set(e, ERR_INPUT, "stream is damaged: %s",
				ZSTD_getErrorName(u->wanted));
		if (u->wanted > 0 && u->in.pos == before_in && to.pos == before_out)
			return err_set(e, ERR_INPUT, "stream is cut short");
	}
	*ret_len = to.pos;
	return 0;
}

void
codec_zstd_reader_free(struct codec_zstd_reader *u)
{
	if (u == NULL)
		return;
	(void)ZSTD_freeDCtx(u->z);
	free(u);
}
