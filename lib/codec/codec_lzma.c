/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <lzma.h>
#include <string.h>

#include "base/mem.h"
#include "codec/codec_each.h"

/*
 * LZMA as its first library had it, by liblzma: one byte of properties, then the raw stream, which
 * has no mark at its end, since a reader knows the size of what comes out. The base is the
 * dictionary that it begins with.
 */
enum {
	PRESET_QUICK = 1,
	PRESET_BEST = 9,
	PROPERTIES_BYTES = 1,
	DEPTH = 32, /* of the search for matches; more takes longer, and finds nothing */
	DEPTH_ALIKE = 64,
	LC_BITS = 4,	    /* of the byte before */
	BINARY_PB_BITS = 2, /* of the position, in what has numbers of four bytes; none in text */
	OUTPUT_PIECE = 1 << 11, /* between two of them encoding can be ended */
	LC_MAX = 4,		/* of lc and lp together, and of pb */
};

/* Both sides derive the same; the window is never larger than what there is to reach back to. */
static void
state(struct span base, size_t len, uint32_t window, lzma_options_lzma *options)
{
	size_t all = base.len + len;

	options->dict_size = all < window ? (uint32_t)all : window;
	if (options->dict_size < LZMA_DICT_SIZE_MIN)
		options->dict_size = LZMA_DICT_SIZE_MIN;
	options->preset_dict = base.len > 0 ? base.at : NULL;
	options->preset_dict_size = (uint32_t)base.len;
	options->ext_flags = 0;
	lzma_set_ext_size(*options, len);
}

/* Where matches are looked for: ten times the window, all over which each byte leads. */
static void *
allocate(void *opaque, size_t count, size_t size)
{
	(void)opaque;
	return mem_large(count, size);
}

static void
release(void *opaque, void *at)
{
	(void)opaque;
	free(at);
}

static const lzma_allocator allocator = {allocate, release, NULL};

static enum codec_fit
run_encoder(lzma_stream *z, const struct stop *stop, uint8_t *out, size_t room, size_t *ret_len,
	struct err *e)
{
	lzma_ret status = LZMA_OK;

	while (status == LZMA_OK && *ret_len < room && !stop_wanted(stop)) {
		size_t piece = room - *ret_len < OUTPUT_PIECE ? room - *ret_len : OUTPUT_PIECE;

		z->next_out = out + *ret_len;
		z->avail_out = piece;
		status = lzma_code(z, LZMA_FINISH);
		*ret_len += piece - z->avail_out;
	}
	if (stop_check(stop, e) != 0)
		return CODEC_ERROR;
	if (status == LZMA_STREAM_END)
		return CODEC_FITS;
	return status == LZMA_OK ? CODEC_TOO_LARGE
				 : err_set(e, ERR_SYS, "encoder: code %d", (int)status);
}

enum codec_fit
codec_lzma_compress(const struct codec_input *from, uint32_t window, uint8_t *out, size_t room,
	size_t *ret_len, struct err *e)
{
	lzma_options_lzma options;
	const lzma_filter filters[] = {{LZMA_FILTER_LZMA1EXT, &options}, {LZMA_VLI_UNKNOWN, NULL}};
	lzma_stream z = LZMA_STREAM_INIT;
	enum codec_fit fit;

	if (room <= PROPERTIES_BYTES)
		return CODEC_TOO_LARGE;
	(void)lzma_lzma_preset(
		&options, from->quick ? PRESET_QUICK : PRESET_BEST | LZMA_PRESET_EXTREME);
	if (!from->quick)
		options.depth = from->alike ? DEPTH_ALIKE : DEPTH;
	/* Chains of places with equal bytes take a tenth of the time that sorted trees take. */
	if (from->alike)
		options.mf = LZMA_MF_HC4;
	options.lc = LC_BITS;
	options.pb = from->binary ? BINARY_PB_BITS : 0;
	state(from->base, from->file.len, window, &options);
	z.allocator = &allocator;
	if (lzma_raw_encoder(&z, filters) != LZMA_OK)
		return err_set(e, ERR_SYS, "cannot start the encoder");
	z.next_in = from->file.at;
	z.avail_in = from->file.len;
	out[0] = (uint8_t)((options.pb * 5 + options.lp) * 9 + options.lc);
	*ret_len = PROPERTIES_BYTES;
	fit = run_encoder(&z, from->stop, out, room, ret_len, e);
	lzma_end(&z);
	return fit;
}

enum codec_fit
codec_lzma_encode(
	const struct codec_input *from, uint8_t *out, size_t room, size_t *ret_len, struct err *e)
{
	return codec_lzma_compress(from, CODEC_LZMA_WINDOW_BYTES, out, room, ret_len, e);
}

struct codec_lzma_reader {
	lzma_stream z;
	size_t left; /* of what comes out */
	bool ended;
};

struct codec_lzma_reader *
codec_lzma_reader_new(struct span stream, struct span base, size_t len, uint32_t window)
{
	struct codec_lzma_reader *u = mem_new(1, sizeof(*u));
	lzma_options_lzma options = {0};
	const lzma_filter filters[] = {{LZMA_FILTER_LZMA1EXT, &options}, {LZMA_VLI_UNKNOWN, NULL}};
	unsigned properties = stream.len > 0 ? stream.at[0] : UINT8_MAX;

	u->z = (lzma_stream)LZMA_STREAM_INIT;
	u->left = len;
	options.lc = properties % 9;
	options.lp = properties / 9 % 5;
	options.pb = properties / 9 / 5;
	state(base, len, window, &options);
	if (options.lc + options.lp > LC_MAX || options.pb > LC_MAX ||
		lzma_raw_decoder(&u->z, filters) != LZMA_OK) {
		codec_lzma_reader_free(u);
		return NULL;
	}
	u->z.next_in = stream.at + PROPERTIES_BYTES;
	u->z.avail_in = stream.len - PROPERTIES_BYTES;
	return u;
}

/*
 * The stream is all in memory: a call that neither takes nor gives anything will never do so. Its
 * end is looked for as soon as the last byte is out: by then it has to be used up.
 */
int
codec_lzma_reader_read(
	struct codec_lzma_reader *u, uint8_t *out, size_t room, size_t *ret_len, struct err *e)
{
	size_t take = room < u->left ? room : u->left;

	u->z.next_out = out;
	u->z.avail_out = take;
	while (!u->ended && (u->z.avail_out > 0 || take == u->left)) {
		lzma_ret status = lzma_code(&u->z, LZMA_FINISH);

		u->ended = status == LZMA_STREAM_END;
		if (status != LZMA_OK && status != LZMA_STREAM_END)
			return err_set(e, ERR_INPUT, "stream is damaged or cut short");
	}
	if (u->ended && (u->z.avail_out > 0 || u->z.avail_in > 0))
		return err_set(e, ERR_INPUT, "stream is not of the stated size");
	u->left -= take;
	*ret_len = take;
	return 0;
}

void
codec_lzma_reader_free(struct codec_lzma_reader *u)
{
	if (u == NULL)
		return;
	lzma_end(&u->z);
	free(u);
}

int
codec_lzma_decode(struct span stream, struct span base, uint8_t *out, size_t len,
	const struct codec_watch *watch, struct err *e)
{
	struct codec_lzma_reader *u =
		codec_lzma_reader_new(stream, base, len, CODEC_LZMA_WINDOW_BYTES);
	size_t at = 0;
	size_t got = 0;
	int result = -1;

	if (u == NULL)
		return err_set(e, ERR_INPUT, "stream is none of this size");
	/* It has a copy of the base, which two of would be too much memory. */
	if (watch != NULL && watch->base_read != NULL)
		watch->base_read(watch->context);
	do {
		result = codec_lzma_reader_read(u, out + at, CODEC_EACH_STEP, &got, e);
		at += result == 0 ? got : 0;
		if (result == 0)
			result = codec_each_passed(watch, at, e);
	} while (result == 0 && got > 0 && at < len);
	codec_lzma_reader_free(u);
	return result;
}
