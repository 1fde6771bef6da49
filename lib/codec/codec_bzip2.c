/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <bzlib.h>

#include "codec/codec_each.h"

/* libbz2 counts in unsigned int, and between two pieces it can be ended. */
static unsigned
piece(size_t left)
{
	return left > CODEC_EACH_STEP ? CODEC_EACH_STEP : (unsigned)left;
}

/* libbz2 does not write through next_in, it only lacks the const. */
static char *
unconst(const uint8_t *at)
{
	union {
		const uint8_t *in;
		char *out;
	} pointer = {at};

	return pointer.out;
}

enum codec_fit
codec_bzip2_encode(
	const struct codec_input *from, uint8_t *out, size_t room, size_t *ret_len, struct err *e)
{
	struct span file = from->file;
	bz_stream z = {0};
	size_t in_at = 0;
	size_t out_at = 0;
	int status = BZ_RUN_OK;

	/* The encoder clears memory for a whole block, which a small file does not fill. */
	int block_100k = file.len < 900000 ? (int)(file.len / 100000) + 1 : 9;

	if (BZ2_bzCompressInit(&z, block_100k, 0, 0) != BZ_OK)
		return err_set(e, ERR_SYS, "cannot start the encoder");
	/* Where the room is used up before the stream ends it does not fit, which is no error. */
	while (status != BZ_STREAM_END && out_at < room && !stop_wanted(from->stop)) {
		unsigned in = piece(file.len - in_at);
		unsigned space = piece(room - out_at);
		int action = in_at + in == file.len ? BZ_FINISH : BZ_RUN;

		z.next_in = unconst(file.at + in_at);
		z.avail_in = in;
		z.next_out = (char *)out + out_at;
		z.avail_out = space;
		status = BZ2_bzCompress(&z, action);
		if (status < 0)
			break;
		in_at += in - z.avail_in;
		out_at += space - z.avail_out;
	}
	(void)BZ2_bzCompressEnd(&z);
	if (stop_check(from->stop, e) != 0)
		return CODEC_ERROR;
	if (status < 0)
		return err_set(e, ERR_SYS, "encoder: code %d", status);
	*ret_len = out_at;
	return status == BZ_STREAM_END ? CODEC_FITS : CODEC_TOO_LARGE;
}

/*
 * The whole stream, and nothing but it: exactly len bytes come out and no byte is left over. One
 * archive has one meaning then, whoever reads it. The library reports a stream that ends too soon
 * as BZ_OK without progress, for ever: hence the look at what was consumed.
 */
static int
decode_stream(bz_stream *z, struct span stream, uint8_t *out, size_t len,
	const struct codec_watch *watch, struct err *e)
{
	size_t in_at = 0;
	size_t out_at = 0;
	uint8_t extra = 0; /* where a byte too many lands, so that it is seen */

	for (;;) {
		unsigned in = piece(stream.len - in_at);
		unsigned space = out_at < len ? piece(len - out_at) : 1;
		int status;

		z->next_in = unconst(stream.at + in_at);
		z->avail_in = in;
		z->next_out = (char *)(out_at < len ? out + out_at : &extra);
		z->avail_out = space;
		status = BZ2_bzDecompress(z);
		if (status != BZ_OK && status != BZ_STREAM_END)
			return err_set(e, ERR_INPUT, "stream is damaged");
		if (out_at == len && z->avail_out == 0)
			return err_set(e, ERR_INPUT, "file is longer than stated");
		if (status == BZ_OK && z->avail_in == in && z->avail_out == space)
			return err_set(e, ERR_INPUT, "stream is cut short");
		in_at += in - z->avail_in;
		if (out_at < len)
			out_at += space - z->avail_out;
		if (status != BZ_STREAM_END) {
			if (codec_each_passed(watch, out_at, e) != 0)
				return -1;
			continue;
		}
		if (out_at != len)
			return err_set(e, ERR_INPUT, "file is shorter than stated");
		if (in_at != stream.len)
			return err_set(e, ERR_INPUT, "bytes behind the stream");
		return 0;
	}
}

int
codec_bzip2_decode(struct span stream, struct span base, uint8_t *out, size_t len,
	const struct codec_watch *watch, struct err *e)
{
	bz_stream z = {0};
	int result;

	(void)base;
	if (BZ2_bzDecompressInit(&z, 0, 0) != BZ_OK)
		return err_set(e, ERR_SYS, "cannot start the decoder");
	result = decode_stream(&z, stream, out, len, watch, e);
	(void)BZ2_bzDecompressEnd(&z);
	return result;
}
