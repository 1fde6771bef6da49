/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/encode.h"

#include <assert.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

#include "base/fs.h"
#include "base/loop.h"
#include "base/mem.h"
#include "codec/pieces.h"

enum {
	LZMA_BYTES_MAX = 1 << 26, /* past it the best takes minutes */
	QUICK_BYTES = 1 << 20,	  /* past it BSDIFF is as quick, and smaller */
	ALIKE_SHARE = 512,	  /* of a piece: a delta that is smaller says that little changed */
	POOR_SHARE = 64,	  /* the same: one that is larger, that much did */
	BINARY_LOOK_BYTES = 1 << 20,
	BINARY_SHARE = 64, /* of so many bytes one is zero */
	HARD_SHARE = 2,	   /* the same: one that is larger is hardly smaller than the piece */
	PROGRAM_SHARE = 8, /* the same, of a program */
};

static const char streams_name[] = "made";

/*
 * Rounds of tasks, each of which runs on any number of threads: donated streams are looked at, then
 * pieces are encoded, then those that are wanted instead of what came out large. A task writes to
 * its own stream alone, and reads what an earlier round has finished, so that there are no locks.
 * What they share is the staged file: each takes its place in it with one atomic addition.
 */

struct encode {
	struct encode_settings settings;
	struct pieces pieces;
	const struct header_file **blobs; /* distinct, sorted, once encode_all began */
	size_t blob_count;
	atomic_bool *checked; /* the digest of a blob was looked at in this run */
	struct piece **by_size;
	int streams_fd; /* all streams that were made, one behind the other, in no order */
	_Atomic size_t streams_bytes;
	struct map streams;
};

struct encode *
encode_new(const struct encode_settings *settings)
{
	struct encode *x = mem_new(1, sizeof(*x));

	x->settings = *settings;
	x->streams_fd = -1;
	return x;
}

void
encode_free(struct encode *x)
{
	if (x == NULL)
		return;
	pieces_free(&x->pieces);
	map_close(&x->streams);
	fs_close(&x->streams_fd);
	free(x->blobs);
	free(x->checked);
	free(x->by_size);
	free(x);
}

size_t
encode_want(struct encode *x, const struct encode_piece *piece)
{
	struct piece *wanted = pieces_add(&x->pieces, piece);

	wanted->wanted = true;
	return wanted->number;
}

size_t
encode_want_instead(struct encode *x, const struct encode_piece *piece, size_t other)
{
	struct piece *instead = pieces_add(&x->pieces, piece);

	x->pieces.at[other]->instead = instead;
	return instead->number;
}

void
encode_donate(struct encode *x, const struct encode_piece *piece, enum codec codec,
	struct span stream, bool trusted)
{
	struct piece *found = pieces_find(&x->pieces, piece);
	struct stream *before = found != NULL ? &found->streams[codec] : NULL;

	if (before != NULL && (before->len == 0 || stream.len < before->len))
		*before = (struct stream){
			.len = stream.len, .donated = stream.at, .doubtful = !trusted};
}

/* ---- Bytes of a piece */

/*
 * Its digest is looked at, since what is encoded goes out under the name of its digest; but not
 * once more for each encoding.
 */
static int
open_blob(struct encode *x, const struct header_file *file, struct map *ret, struct err *e)
{
	size_t i = header_blob_find(x->blobs, x->blob_count, &file->digest);
	const struct blobs *blobs = &x->settings.blobs;

	if (blobs->open(blobs->context, &file->digest, !x->checked[i], ret, e) != 0)
		return err_wrap(e, "%s", file->path);
	x->checked[i] = true;
	return 0;
}

struct files {
	struct encode *encode;
	const struct header_file *const *at;
};

static int
open_joined(void *context, size_t index, struct map *ret, struct err *e)
{
	const struct files *files = context;
	const struct header_file *file = files->at[index];

	if (open_blob(files->encode, file, ret, e) != 0)
		return -1;
	return ret->len == file->size
		       ? 0
		       : err_set(e, ERR_DIGEST, "%s: is not of the stated size", file->path);
}

/* One file as it is; several are put one behind the other. */
static int
open_bytes(struct encode *x, const struct header_file *const *at, size_t count, uint64_t bytes,
	struct map *ret, struct err *e)
{
	struct files files = {x, at};

	return count == 1 ? open_blob(x, at[0], ret, e)
			  : map_join(x->settings.stage, (size_t)bytes, count, open_joined, &files,
				    ret, e);
}

/* Of a piece; both are closed by the caller whatever is returned. */
static int
open_piece(struct encode *x, const struct piece *piece, struct map *ret, struct map *ret_base,
	struct err *e)
{
	if (open_bytes(x, piece->files, piece->count, piece->bytes, ret, e) != 0)
		return -1;
	if (piece->base_bytes == 0)
		return 0;
	return open_bytes(
		x, piece->files + piece->count, piece->base_count, piece->base_bytes, ret_base, e);
}

/* ---- Tasks */

/*
 * Decoding must give the bytes back; an encoder's mistake is found here and nowhere later. Later
 * would be at each client, which has no other way to the file.
 */
static int
verify(const struct encode *x, enum codec codec, struct span stream, const struct codec_input *from,
	struct err *e)
{
	const struct codec_watch watch = {.stop = from->stop};
	AUTO_MAP struct map out = {0};

	if (map_scratch(x->settings.stage, from->file.len, &out, e) != 0 ||
		codec_decode_watched(codec, stream, from->base, out.at, out.len, &watch, e) != 0)
		return -1;
	if (from->file.len > 0 && memcmp(out.at, from->file.at, from->file.len) != 0)
		return err_set(e, ERR_DIGEST, "%s: decoded bytes differ", codec_name(codec));
	return 0;
}

/*
 * A task for each piece: whether somebody else's stream is what it says. Any error means no, unless
 * it is to end: a donor is a help, and without it the stream is made here.
 */
static int
check_donated(void *context, size_t index, struct err *e)
{
	struct encode *x = context;
	struct piece *piece = x->pieces.at[index];

	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		struct stream *stream = &piece->streams[codec];
		struct codec_input from = {.stop = x->settings.stop};
		AUTO_MAP struct map bytes = {0};
		AUTO_MAP struct map base = {0};

		if (stream->len == 0 || !stream->doubtful)
			continue;
		if (open_piece(x, piece, &bytes, &base, e) != 0)
			return -1;
		from.file = map_span(&bytes);
		from.base = map_span(&base);
		if (verify(x, (enum codec)codec, span_of(stream->donated, stream->len), &from,
			    NULL) != 0)
			*stream = (struct stream){0};
	}
	return stop_check(x->settings.stop, e);
}

/*
 * Not synced, as it is scratch. Places are given out before anything is written: a write that fails
 * leaves a hole that no stream points to.
 */
static int
save(struct encode *x, struct stream *stream, struct span bytes, struct err *e)
{
	size_t at = atomic_fetch_add(&x->streams_bytes, bytes.len);

	if (fs_write_at(x->streams_fd, at, bytes.at, bytes.len, e) != 0)
		return err_wrap(e, "stage/%s", streams_name);
	stream->at = at;
	stream->len = bytes.len;
	return 0;
}

/* A smaller stream than those before, or none. */
static int
encode_one(struct encode *x, struct piece *piece, enum codec codec, const struct codec_input *from,
	struct err *e)
{
	const struct stream *before = pieces_smallest(piece);
	AUTO_MAP struct map out = {0};
	enum codec_fit fit;
	size_t len;

	if (map_scratch(x->settings.stage,
		    before != NULL ? before->len - 1 : codec_bound(from->file.len), &out, e) != 0)
		return -1;
	fit = codec_encode(codec, from, out.at, out.len, &len, e);
	if (fit != CODEC_FITS)
		return fit == CODEC_ERROR ? -1 : 0;
	if (verify(x, codec, span_of(out.at, len), from, e) != 0)
		return -1;
	return save(x, &piece->streams[codec], span_of(out.at, len), e);
}

static void
note_done(const struct encode *x, uint64_t bytes)
{
	const struct encode_crew *crew = x->settings.crew;

	if (crew != NULL && crew->add != NULL)
		crew->add(crew->context, bytes);
}

/*
 * What may be the smallest; where somebody is waiting, what is made quickly. Sizes decide and not a
 * clock, so that the same files give the same archive everywhere.
 */
static bool
is_tried(const struct encode *x, const struct piece *piece, const struct codec_input *from,
	enum codec codec)
{
	const bool quick = x->settings.quick;
	const struct stream *before;

	if ((piece->format == FORMAT_AR1) != (codec == CODEC_BZIP2) ||
		!codec_suits(codec, piece->bytes, piece->base_bytes))
		return false;
	switch (codec) {
	case CODEC_ZSTD:
		/* What hardly can be compressed LZMA makes longer than it need be, or than it is.
		 */
		before = pieces_smallest(piece);
		return piece->base_bytes == 0 &&
		       (before == NULL || before->len > piece->bytes / HARD_SHARE);
	case CODEC_LZMA:
		/* Of programs only one that much of changed: addresses are what BSDIFF is for. */
		return !quick && piece->bytes <= LZMA_BYTES_MAX &&
		       !(pieces_is_less_than(piece, PROGRAM_SHARE) && from->binary);
	case CODEC_VCDIFF:
		return quick && piece->bytes <= QUICK_BYTES;
	default:
		return true;
	}
}

/* Tables of programs have zeros all over, texts have none. */
static bool
is_binary(struct span bytes)
{
	size_t len = bytes.len < BINARY_LOOK_BYTES ? bytes.len : BINARY_LOOK_BYTES;
	size_t zeros = 0;

	for (size_t i = 0; i < len; i++)
		zeros += bytes.at[i] == 0;
	return zeros > len / BINARY_SHARE;
}

/* A task for each piece, in the order of their sizes. A donor has tried all of it. */
static int
encode_piece(void *context, size_t index, struct err *e)
{
	static const enum codec order[] = {
		CODEC_BZIP2, CODEC_VCDIFF, CODEC_BSDIFF, CODEC_LZMA, CODEC_ZSTD};
	struct encode *x = context;
	struct piece *piece = x->by_size[index];
	struct codec_input from = {.quick = x->settings.quick, .stop = x->settings.stop};
	AUTO_MAP struct map bytes = {0};
	AUTO_MAP struct map base = {0};

	if (!piece->wanted || pieces_smallest(piece) != NULL)
		return 0;
	if (open_piece(x, piece, &bytes, &base, e) != 0)
		return -1;
	from.file = map_span(&bytes);
	from.base = map_span(&base);
	from.binary = is_binary(from.file);
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		from.alike = base.len > 0 && pieces_is_less_than(piece, ALIKE_SHARE);
		if (is_tried(x, piece, &from, order[i]) &&
			encode_one(x, piece, order[i], &from, e) != 0)
			return err_wrap(e, "%s", piece->files[0]->path);
	}
	note_done(x, piece->bytes);
	return 0;
}

/* The largest first, so that no thread is left alone with one of them at the end. */
static int
compare_sizes(const void *a, const void *b)
{
	const struct piece *left = *(const struct piece *const *)a;
	const struct piece *right = *(const struct piece *const *)b;
	uint64_t sizes[2] = {left->bytes + left->base_bytes, right->bytes + right->base_bytes};

	return (sizes[0] < sizes[1]) - (sizes[0] > sizes[1]);
}

/* Returns the bytes that are to be encoded. */
static uint64_t
sort_pieces(struct encode *x)
{
	uint64_t bytes = 0;

	x->by_size = mem_new(x->pieces.count + 1, sizeof(const void *));
	for (size_t i = 0; i < x->pieces.count; i++) {
		x->by_size[i] = x->pieces.at[i];
		if (x->pieces.at[i]->wanted && pieces_smallest(x->pieces.at[i]) == NULL)
			bytes += x->pieces.at[i]->bytes;
	}
	mem_sort(x->by_size, x->pieces.count, sizeof(const void *), compare_sizes);
	return bytes;
}

/* False: there are none that are wanted only now. An empty file has no bytes, and a stream. */
static bool
want_instead(struct encode *x, uint64_t *ret_bytes)
{
	bool any = false;

	*ret_bytes = 0;
	for (size_t i = 0; i < x->pieces.count; i++) {
		struct piece *instead = x->pieces.at[i]->instead;

		if (instead == NULL || instead->wanted ||
			(pieces_smallest(x->pieces.at[i]) != NULL &&
				(x->pieces.at[i]->bytes + x->pieces.at[i]->base_bytes <=
						CODEC_LZMA_WINDOW_BYTES ||
					pieces_is_less_than(x->pieces.at[i], POOR_SHARE))))
			continue;
		instead->wanted = true;
		*ret_bytes += instead->bytes;
		any = true;
	}
	return any;
}

static int
compare_files(const void *a, const void *b)
{
	const struct header_file *const *left = a;
	const struct header_file *const *right = b;

	return digest_compare(&(*left)->digest, &(*right)->digest);
}

/* Each blob once, however many pieces have it: for what is to be known of it once. */
static void
list_blobs(struct encode *x)
{
	size_t count = 0;
	size_t kept = 0;

	for (size_t i = 0; i < x->pieces.count; i++)
		count += x->pieces.at[i]->count + x->pieces.at[i]->base_count;
	x->blobs = mem_new(count, sizeof(const void *));
	for (size_t i = 0, at = 0; i < x->pieces.count; i++)
		for (size_t k = 0; k < x->pieces.at[i]->count + x->pieces.at[i]->base_count; k++)
			x->blobs[at++] = x->pieces.at[i]->files[k];
	mem_sort(x->blobs, count, sizeof(const void *), compare_files);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || compare_files(&x->blobs[kept - 1], &x->blobs[i]) != 0)
			x->blobs[kept++] = x->blobs[i];
	x->blob_count = kept;
	x->checked = mem_new(kept, sizeof(*x->checked));
}

static int
run_all(struct encode *x, const char *what, uint64_t bytes, size_t count,
	int (*run)(void *context, size_t index, struct err *e), struct err *e)
{
	const struct encode_crew *crew = x->settings.crew;
	struct loop alone;

	if (crew == NULL) {
		loop_begin(&alone, count, run, x);
		loop_work(&alone);
		return loop_end(&alone, e);
	}
	if (crew->begin != NULL)
		crew->begin(crew->context, what, bytes);
	return crew->each(crew->context, count, run, x, e);
}

int
encode_all(struct encode *x, struct err *e)
{
	uint64_t bytes;

	x->streams_fd = openat(x->settings.stage, streams_name,
		O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (x->streams_fd < 0)
		return err_sys(e, "stage/%s", streams_name);
	list_blobs(x);
	if (run_all(x, "check", 0, x->pieces.count, check_donated, e) != 0)
		return -1;
	bytes = sort_pieces(x);
	if (run_all(x, "encode", bytes, x->pieces.count, encode_piece, e) != 0)
		return -1;
	if (want_instead(x, &bytes) &&
		run_all(x, "encode", bytes, x->pieces.count, encode_piece, e) != 0)
		return -1;
	/* Only now its size is known; entries point into the mapping until encode_free. */
	return map_open(x->settings.stage, streams_name, &x->streams, e);
}

struct span
encode_stream(const struct encode *x, size_t piece, enum codec *ret_codec)
{
	const struct stream *stream = pieces_smallest(x->pieces.at[piece]);

	if (stream == NULL)
		return span_of("", 0);
	*ret_codec = (enum codec)(stream - x->pieces.at[piece]->streams);
	return stream->donated != NULL ? span_of(stream->donated, stream->len)
				       : span_of(x->streams.at + stream->at, stream->len);
}
