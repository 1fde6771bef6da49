/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/encode.h"

#include <assert.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

#include "base/fs.h"
#include "base/loop.h"
#include "base/mem.h"
#include "codec/validate.h"

enum { WHOLE_CODECS = 2, DELTA_CODECS = 3 };

static const char streams_name[] = "made";

static const enum codec delta_codecs[DELTA_CODECS] = {CODEC_ZPATCH, CODEC_VCDIFF, CODEC_BSDIFF};

/*
 * Three rounds of tasks, each of which runs on any number of threads: donated streams are looked
 * at, then whole files are encoded, then deltas. A task writes to its own stream and its own blob
 * alone, and reads what an earlier round has finished, so that there are no locks. What they share
 * is the staged file: each takes its place in it with one atomic addition.
 *
 * Deltas come last because the smallest whole stream is the room that a delta gets. One that is no
 * smaller is worth nothing, and is given up while it is being made.
 */

/* A stream that was made lies in the staged file; a donated one in the donor's archive. */
struct stream {
	enum codec codec;
	size_t len; /* 0: there is none */
	size_t at;  /* in the staged file */
	const uint8_t *donated;
	bool doubtful; /* donated by somebody else: to be decoded before it is used */
};

struct blob {
	struct stream whole[WHOLE_CODECS]; /* BZIP2, ZSTD */
	bool settled;			   /* a donor has shown which of them is smaller */
	bool skipped;
	atomic_bool checked; /* the file's digest was looked at in this run */
};

struct delta {
	size_t blob;
	struct header_file base; /* its path is the older header's */
	atomic_bool base_checked;
	/* As delta_codecs has them; len 0: not smaller than the whole file. */
	struct stream streams[DELTA_CODECS];
};

struct encode {
	struct encode_settings settings;
	const struct header_file **files;
	struct blob *blobs;
	size_t count;
	struct delta *deltas; /* sorted by blob and base once encode_all began */
	size_t delta_count;
	size_t delta_capacity;
	int streams_fd; /* all streams that were made, one behind the other, in no order */
	_Atomic size_t streams_bytes;
	struct map streams;
};

struct encode *
encode_new(const struct header *h, const struct encode_settings *settings)
{
	struct encode *x = mem_new(1, sizeof(*x));

	x->settings = *settings;
	x->files = header_blobs(h, &x->count);
	x->blobs = mem_new(x->count, sizeof(*x->blobs));
	x->streams_fd = -1;
	return x;
}

void
encode_free(struct encode *x)
{
	if (x == NULL)
		return;
	map_close(&x->streams);
	fs_close(&x->streams_fd);
	free(x->blobs);
	free(x->deltas);
	free(x->files);
	free(x);
}

const struct header_file *const *
encode_blobs(const struct encode *x, size_t *ret_count)
{
	*ret_count = x->count;
	return x->files;
}

void
encode_skip(struct encode *x, size_t blob)
{
	x->blobs[blob].skipped = true;
}

/*
 * An archive in the newer format is taken to have the smaller of two encodings of each file: that
 * settles which it is, and the other one need not be tried. ZSTD is of no use where no archive of
 * the newer format is wanted.
 */
void
encode_donor(struct encode *x, struct span archive, bool trusted)
{
	const struct validate by_itself = {0};
	bool wants_new = (x->settings.formats & 1U << FORMAT_AR2) != 0;
	struct archive_reader reader;
	struct archive_entry entry;

	/* As a whole first: of one that is damaged somewhere nothing is taken. */
	if (validate_archive(archive, &by_itself, NULL) != 0 ||
		archive_open(&reader, archive, NULL) != 0)
		return;
	while (archive_next(&reader, &entry, NULL) == ARCHIVE_ENTRY) {
		size_t i = header_blob_find(x->files, x->count, &entry.file);

		if (i == x->count || codec_is_delta(entry.codec) ||
			(entry.codec == CODEC_ZSTD && !wants_new))
			continue;
		x->blobs[i].whole[entry.codec] = (struct stream){.codec = entry.codec,
			.len = entry.stream.len,
			.donated = entry.stream.at,
			.doubtful = !trusted};
		x->blobs[i].settled |= reader.format == FORMAT_AR2;
	}
}

/* A delta to or from nothing is no gain, and zstd takes an empty base for none. */
void
encode_want_delta(struct encode *x, size_t blob, const struct header_file *base)
{
	if (x->files[blob]->size == 0 || base->size == 0)
		return;
	x->deltas = mem_grow(x->deltas, x->delta_count, &x->delta_capacity, sizeof(*x->deltas));
	x->deltas[x->delta_count++] = (struct delta){.blob = blob, .base = *base};
}

static int
compare_deltas(const void *a, const void *b)
{
	const struct delta *left = a;
	const struct delta *right = b;

	if (left->blob != right->blob)
		return left->blob < right->blob ? -1 : 1;
	return digest_compare(&left->base.digest, &right->base.digest);
}

/* Several older versions have the same base for a blob: one delta is made for all of them. */
static void
sort_deltas(struct encode *x)
{
	size_t kept = 0;

	mem_sort(x->deltas, x->delta_count, sizeof(*x->deltas), compare_deltas);
	for (size_t i = 0; i < x->delta_count; i++)
		if (kept == 0 || compare_deltas(&x->deltas[kept - 1], &x->deltas[i]) != 0)
			x->deltas[kept++] = x->deltas[i];
	x->delta_count = kept;
}

/*
 * Decoding must give the file back; an encoder's mistake is found here and nowhere later. Later
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
		return err_set(e, ERR_DIGEST, "%s: decoded file differs", codec_name(codec));
	return 0;
}

/*
 * Whether somebody else's stream is what it says. Any error means no: a donor is a help, and
 * without it the stream is made here.
 */
static bool
is_right(const struct encode *x, const struct stream *stream, const struct header_file *file)
{
	const struct codec_watch watch = {.stop = x->settings.stop};
	AUTO_MAP struct map out = {0};
	struct digest got;

	if (map_scratch(x->settings.stage, file->size, &out, NULL) != 0 ||
		codec_decode_watched(stream->codec, span_of(stream->donated, stream->len),
			span_of("", 0), out.at, out.len, &watch, NULL) != 0)
		return false;
	got = map_digest(&out, x->settings.stop);
	return digest_equal(&got, &file->digest);
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

/* A stream of at most room bytes; its len stays 0 where it does not fit. */
static int
encode_stream(struct encode *x, struct stream *stream, const struct codec_input *from, size_t room,
	struct err *e)
{
	AUTO_MAP struct map out = {0};
	enum codec_fit fit;
	size_t len;

	if (map_scratch(x->settings.stage, room, &out, e) != 0)
		return -1;
	fit = codec_encode(stream->codec, from, out.at, out.len, &len, e);
	if (fit != CODEC_FITS)
		return fit == CODEC_ERROR ? -1 : 0;
	if (verify(x, stream->codec, span_of(out.at, len), from, e) != 0)
		return -1;
	return save(x, stream, span_of(out.at, len), e);
}

/* Which encodings of whole files the archives will choose from. */
static bool
is_needed(const struct encode *x, const struct blob *blob, enum codec codec)
{
	const unsigned old = 1U << FORMAT_AR1;
	const unsigned new = 1U << FORMAT_AR2;

	if (blob->skipped)
		return false;
	/* For the newer format as a rival of ZSTD only, where nobody is waiting. */
	if (codec == CODEC_BZIP2)
		return (x->settings.formats & old) != 0 || (!x->settings.quick && !blob->settled);
	return (x->settings.formats & new) != 0 && !blob->settled;
}

static void
note_done(const struct encode *x, uint64_t bytes)
{
	const struct encode_crew *crew = x->settings.crew;

	if (crew != NULL && crew->add != NULL)
		crew->add(crew->context, bytes);
}

/*
 * Its digest is looked at, since what is encoded goes out under the name of its digest; but not
 * once more for each encoding.
 */
static int
open_file(const struct encode *x, const struct header_file *file, atomic_bool *checked,
	struct map *ret, struct err *e)
{
	if (x->settings.blobs.open(x->settings.blobs.context, &file->digest, !*checked, ret, e) !=
		0)
		return -1;
	*checked = true;
	return 0;
}

/* One task for each blob. A bad stream is forgotten, and with it what it seemed to settle. */
static int
check_donated(void *context, size_t index, struct err *e)
{
	struct encode *x = context;
	struct blob *blob = &x->blobs[index];

	for (int i = 0; i < WHOLE_CODECS && !blob->skipped; i++) {
		struct stream *stream = &blob->whole[i];

		if (stream->len == 0 || !stream->doubtful || is_right(x, stream, x->files[index]))
			continue;
		*stream = (struct stream){0};
		blob->settled = false;
	}
	return stop_check(x->settings.stop, e);
}

/* Two tasks for each blob, which know by their number what they are to do. */
static int
encode_whole(void *context, size_t index, struct err *e)
{
	struct encode *x = context;
	struct blob *blob = &x->blobs[index / 2];
	const struct header_file *file = x->files[index / 2];
	struct stream *stream = &blob->whole[index % 2];
	struct codec_input from = {.quick = x->settings.quick, .stop = x->settings.stop};
	AUTO_MAP struct map bytes = {0};

	stream->codec = index % 2 == 0 ? CODEC_BZIP2 : CODEC_ZSTD;
	if (stream->len > 0 || !is_needed(x, blob, stream->codec))
		return 0;
	if (open_file(x, file, &blob->checked, &bytes, e) != 0)
		return err_wrap(e, "%s", file->path);
	from.file = map_span(&bytes);
	if (encode_stream(x, stream, &from, codec_bound(bytes.len), e) != 0)
		return err_wrap(e, "%s", file->path);
	note_done(x, file->size);
	return 0;
}

/* NULL where none was made. */
static const struct stream *
smallest_of(const struct stream *streams, size_t count)
{
	const struct stream *best = NULL;

	for (size_t i = 0; i < count; i++)
		if (streams[i].len > 0 && (best == NULL || streams[i].len < best->len))
			best = &streams[i];
	return best;
}

static const struct stream *
smallest_whole(const struct encode *x, size_t blob)
{
	const struct stream *stream = smallest_of(x->blobs[blob].whole, WHOLE_CODECS);

	assert(stream != NULL);
	return stream;
}

static bool
is_tried(const struct encode *x, const struct delta *delta, int which)
{
	return codec_suits(delta_codecs[which], x->files[delta->blob]->size, delta->base.size);
}

/* A task for each encoding of each delta. */
static int
encode_delta(void *context, size_t index, struct err *e)
{
	struct encode *x = context;
	struct delta *delta = &x->deltas[index / DELTA_CODECS];
	const struct header_file *file = x->files[delta->blob];
	struct stream *stream = &delta->streams[index % DELTA_CODECS];
	size_t whole = smallest_whole(x, delta->blob)->len;
	struct codec_input from = {.quick = x->settings.quick, .stop = x->settings.stop};
	AUTO_MAP struct map bytes = {0};
	AUTO_MAP struct map base = {0};

	stream->codec = delta_codecs[index % DELTA_CODECS];
	/* A delta has to be a byte smaller, and no stream has none. */
	if (whole < 2 || !is_tried(x, delta, (int)(index % DELTA_CODECS)))
		return 0;
	if (open_file(x, file, &x->blobs[delta->blob].checked, &bytes, e) != 0 ||
		open_file(x, &delta->base, &delta->base_checked, &base, e) != 0)
		return err_wrap(e, "%s", file->path);
	from.file = map_span(&bytes);
	from.base = map_span(&base);
	if (encode_stream(x, stream, &from, whole - 1, e) != 0)
		return err_wrap(e, "%s", file->path);
	note_done(x, file->size);
	return 0;
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

/* What has to be done is counted before each round, for who shows how far it is. */
static int
run_tasks(struct encode *x, struct err *e)
{
	uint64_t whole_bytes = 0;
	uint64_t delta_bytes = 0;

	sort_deltas(x);
	if (run_all(x, "check", 0, x->count, check_donated, e) != 0)
		return -1;
	for (size_t i = 0; i < x->count; i++)
		for (int codec = CODEC_BZIP2; codec <= CODEC_ZSTD; codec++)
			if (x->blobs[i].whole[codec].len == 0 &&
				is_needed(x, &x->blobs[i], (enum codec)codec))
				whole_bytes += x->files[i]->size;
	for (size_t i = 0; i < x->delta_count; i++)
		for (int which = 0; which < DELTA_CODECS; which++)
			if (is_tried(x, &x->deltas[i], which))
				delta_bytes += x->files[x->deltas[i].blob]->size;
	if (run_all(x, "files", whole_bytes, 2 * x->count, encode_whole, e) != 0)
		return -1;
	return run_all(
		x, "differences", delta_bytes, DELTA_CODECS * x->delta_count, encode_delta, e);
}

int
encode_all(struct encode *x, struct err *e)
{
	x->streams_fd = openat(x->settings.stage, streams_name,
		O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (x->streams_fd < 0)
		return err_sys(e, "stage/%s", streams_name);
	if (run_tasks(x, e) != 0)
		return -1;
	/* Only now its size is known; entries point into the mapping until encode_free. */
	return map_open(x->settings.stage, streams_name, &x->streams, e);
}

static const struct stream *
find_delta(const struct encode *x, size_t blob, const struct header_file *base)
{
	struct delta key = {.blob = blob, .base = *base};
	const struct delta *delta = NULL;

	if (x->delta_count > 0)
		delta = bsearch(
			&key, x->deltas, x->delta_count, sizeof(*x->deltas), compare_deltas);
	return delta != NULL ? smallest_of(delta->streams, DELTA_CODECS) : NULL;
}

struct archive_entry
encode_entry(
	const struct encode *x, size_t blob, enum format format, const struct header_file *base)
{
	struct archive_entry ret = {.file = x->files[blob]->digest};
	const struct stream *stream = &x->blobs[blob].whole[CODEC_BZIP2];
	const struct stream *delta = NULL;

	if (format == FORMAT_AR2) {
		stream = smallest_whole(x, blob);
		delta = base != NULL ? find_delta(x, blob, base) : NULL;
	}
	if (delta != NULL) {
		stream = delta;
		ret.base = base->digest;
	}
	ret.codec = stream->codec;
	ret.stream = stream->donated != NULL ? span_of(stream->donated, stream->len)
					     : span_of(x->streams.at + stream->at, stream->len);
	return ret;
}
