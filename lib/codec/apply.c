/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/apply.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "codec/archive.h"
#include "codec/listing.h"
#include "codec/validate.h"

enum { DIGEST_STEP = 1 << 20 };

/* No digest: what is not checked yet has a name that no look for a blob can meet. */
static const char scratch[] = "decoding";

struct work {
	const struct apply *what;
	struct listing *listing;
};

/* What a content is named in the directory: a file by its digest, an unlisted one by its number. */
enum { NAME_BYTES = DIGEST_HEX + 1 };

static const char *
name_of(const struct header_file *file, uint64_t number, char ret[NAME_BYTES])
{
	if (!listing_is_unlisted(file))
		return digest_hex(&file->digest, ret);
	(void)snprintf(ret, NAME_BYTES, "unlisted-%" PRIu64, number);
	return ret;
}

/* ---- Bases */

/* Without a look at the digest: see blame_bases. What this archive has given was checked. */
static int
open_base(const struct work *w, uint64_t number, bool check, struct map *ret, struct err *e)
{
	const struct header_file *file = listing_base(w->listing, number);
	const struct blobs *base = w->what->base;
	char name[NAME_BYTES];

	if (number >= w->listing->old_count)
		return map_open(w->what->dir, name_of(file, number, name), ret, e);
	return base->open(base->context, &file->digest, check, ret, e) == 0 ? 0
									    : err_wrap(e, "base");
}

struct bases {
	const struct work *work;
	const size_t *numbers;
};

/* One that is not as long as its header says is damaged. */
static int
open_joined(void *context, size_t index, struct map *ret, struct err *e)
{
	const struct bases *bases = context;
	const struct work *w = bases->work;
	uint64_t bytes = listing_base(w->listing, bases->numbers[index])->size;

	if (open_base(w, bases->numbers[index], false, ret, e) != 0)
		return -1;
	return ret->len == bytes ? 0
				 : err_set(e, ERR_DIGEST, "base is %s than it was",
					   ret->len > bytes ? "longer" : "shorter");
}

static int
open_bases(const struct work *w, const struct listing_entry *files, struct map *ret, struct err *e)
{
	struct bases bases = {w, files->bases};

	if (files->base_bytes == 0)
		return 0;
	if (files->base_count == 1)
		return open_base(w, files->bases[0], false, ret, e);
	return map_join(w->what->dir, (size_t)files->base_bytes, files->base_count, open_joined,
		&bases, ret, e);
}

/*
 * From a base that is not what it was comes no file that is what it should be. So bases
 * are digested only where one went wrong, to say whose fault it is.
 */
static int
blame_bases(const struct work *w, const struct listing_entry *files, struct err *e)
{
	struct err why = {0};

	for (size_t i = 0; i < files->base_count; i++) {
		AUTO_MAP struct map base = {0};

		if (files->bases[i] >= w->listing->old_count ||
			open_base(w, files->bases[i], true, &base, &why) == 0)
			continue;
		if (e != NULL)
			*e = why;
		return -1;
	}
	return -1;
}

/* What comes out of a decoder. */
struct output {
	struct map bytes;
	struct map *base;
	/* One large file: */
	struct digester *digester;
	/* Up to here bytes are final and in the digest; never more than the decoder said. */
	size_t digested;
};

static void
let_go(const struct output *out)
{
	map_let_go(&out->bytes);
	map_let_go(out->base);
}

/* Digested while it is in the processor's cache, and not once more at the end. */
static void
on_passed(void *context, size_t len)
{
	struct output *out = context;

	digester_add(out->digester, out->bytes.at + out->digested, len - out->digested);
	out->digested = len;
	let_go(out);
}

static void
on_base_read(void *context)
{
	map_close(((struct output *)context)->base);
}

/* What a decoder that works in one call has not told of, or the last piece of one that did. */
static void
pass_rest(struct output *out)
{
	while (out->digested < out->bytes.len) {
		size_t left = out->bytes.len - out->digested;

		on_passed(out, out->digested + (left < DIGEST_STEP ? left : DIGEST_STEP));
	}
}

/* ---- One large file, which comes out of the decoder into the file that it will be */

/* Nothing says what an unlisted one has to be: what is made from a wrong one is wrong, too. */
static int
compare(const struct header_file *file, const struct digest *got, struct err *e)
{
	if (listing_is_unlisted(file) || digest_equal(got, &file->digest))
		return 0;
	return err_set(e, ERR_DIGEST, "%s: what was decoded has another SHA-256", file->path);
}

static int
decode_checked(const struct work *w, const struct archive_entry *entry,
	const struct header_file *file, struct output *out, struct err *e)
{
	const struct codec_watch watch = {.passed = on_passed,
		.base_read = on_base_read,
		.context = out,
		.stop = w->what->stop};
	struct digest got;

	if (codec_decode_watched(entry->codec, entry->stream, map_span(out->base), out->bytes.at,
		    out->bytes.len, &watch, e) != 0)
		return -1;
	pass_rest(out);
	got = digester_end(out->digester);
	return compare(file, &got, e);
}

/*
 * Of exactly the size that the header says, which was checked against its limits: a decoder is
 * given no more, and no stream can make the file longer.
 */
static int
take_large(const struct work *w, const struct archive_entry *entry,
	const struct listing_entry *files, struct map *base, struct err *e)
{
	const struct header_file *file = files->files[0];
	struct output out = {.base = base, .digester = digester_new()};
	char name[NAME_BYTES];
	int result = map_create(w->what->dir, scratch, (size_t)file->size, &out.bytes, e);

	if (result == 0)
		result = decode_checked(w, entry, file, &out, e);
	map_close(&out.bytes);
	digester_free(out.digester);
	/* Only now, its digest being right: whatever has a digest for a name has its bytes, too. */
	if (result == 0 && renameat(w->what->dir, scratch, w->what->dir,
				   name_of(file, files->number, name)) != 0)
		return err_sys(e, "%s", name);
	return result;
}

/* ---- Small files, one or many of them: cheaper written than mapped */

static int
write_file(const struct work *w, const struct header_file *file, size_t number,
	const uint8_t *bytes, struct err *e)
{
	const struct span content = span_of(bytes, (size_t)file->size);
	const struct digest got = digest_of(content);
	AUTO_CLOSE int fd = -1;
	char name[NAME_BYTES];

	if (compare(file, &got, e) != 0)
		return -1;
	fd = openat(w->what->dir, name_of(file, number, name),
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd < 0 ? err_sys(e, "%s", name) : fs_write(fd, content.at, content.len, e);
}

static void
on_group_passed(void *context, size_t len)
{
	(void)len;
	let_go(context);
}

/*
 * Nothing is written before all is decoded, and no file before its digest is right. One that could
 * not be written whole is no file of this directory's: an error is the end of all of it.
 */
static int
take_group(const struct work *w, const struct archive_entry *entry,
	const struct listing_entry *files, struct map *base, struct err *e)
{
	struct output out = {.base = base};
	const struct codec_watch watch = {.passed = on_group_passed,
		.base_read = on_base_read,
		.context = &out,
		.stop = w->what->stop};
	int result = map_scratch(w->what->dir, (size_t)files->bytes, &out.bytes, e);
	size_t at = 0;

	if (result == 0)
		result = codec_decode_watched(entry->codec, entry->stream, map_span(base),
			out.bytes.at, out.bytes.len, &watch, e);
	for (size_t i = 0; result == 0 && i < files->count; i++) {
		result = stop_check(w->what->stop, e);
		if (result == 0)
			result = write_file(
				w, files->files[i], files->number + i, out.bytes.at + at, e);
		at += (size_t)files->files[i]->size;
	}
	map_close(&out.bytes);
	return result;
}

/* ---- All of it */

static int
take_entry(
	const struct work *w, enum format format, const struct archive_entry *entry, struct err *e)
{
	struct listing_entry files;
	AUTO_MAP struct map base = {0};
	int result;

	if (listing_take(w->listing, format, entry, &files, e) != 0 ||
		open_bases(w, &files, &base, e) != 0)
		return -1;
	if (files.count == 1 && files.bytes > MAP_SMALL_BYTES)
		result = take_large(w, entry, &files, &base, e);
	else
		result = take_group(w, entry, &files, &base, e);
	/* Which of the two is damaged decides what is thrown away: archive or base; unknown,
	 * neither. */
	if (result != 0 && files.base_bytes > 0)
		return stop_check(w->what->stop, e) != 0 ? -1 : blame_bases(w, &files, e);
	return result;
}

static int
take_entries(const struct work *w, struct err *e)
{
	struct archive_reader reader;
	struct archive_entry entry;

	if (archive_open(&reader, w->what->archive, e) != 0)
		return -1;
	for (size_t n = 1; archive_next(&reader, &entry, e) == ARCHIVE_ENTRY; n++) {
		/* A decoder asks between its steps, of which a small file has one. */
		if (stop_check(w->what->stop, e) == 0 &&
			take_entry(w, reader.format, &entry, e) == 0)
			continue;
		(void)unlinkat(w->what->dir, scratch, 0);
		return err_wrap(e, "entry %zu", n);
	}
	return 0;
}

static void
remove_unlisted(const struct work *w)
{
	const struct listing *v = w->listing;
	char name[NAME_BYTES];

	for (size_t i = 0; v->unlisted_count > 0 && i < v->given_count; i++)
		if (listing_is_unlisted(v->all[i]))
			(void)unlinkat(w->what->dir, name_of(v->all[i], v->old_count + i, name), 0);
}

int
apply_archive(const struct apply *what, struct err *e)
{
	const struct validate all = {
		what->header, what->old == NULL, what->old, what->old != NULL ? what->base : NULL};
	struct work w = {.what = what};
	int result;

	if (validate_archive(what->archive, &all, e) != 0)
		return -1;
	w.listing = listing_new(what->header, what->old);
	result = take_entries(&w, e);
	remove_unlisted(&w);
	listing_free(w.listing);
	return result;
}
