/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/apply.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/mem.h"
#include "codec/archive.h"
#include "codec/validate.h"

enum { DIGEST_STEP = 1 << 20 };

/* No digest: what is not checked yet has a name that no look for a blob can meet. */
static const char scratch[] = "decoding";

struct work {
	const struct header_file **blobs; /* distinct, sorted by digest */
	size_t count;
	const struct blobs *base;
	int dir;
	const struct stop *stop;
};

/* A file that comes out of a decoder. */
struct output {
	struct map bytes;
	struct map base;
	struct digester *digester;
	/* Up to here bytes are final and in the digest; never more than the decoder said. */
	size_t digested;
};

/* Digested while it is in the processor's cache, and not once more at the end. */
static void
on_passed(void *context, size_t len)
{
	struct output *out = context;

	digester_add(out->digester, out->bytes.at + out->digested, len - out->digested);
	out->digested = len;
	map_let_go(&out->bytes);
	map_let_go(&out->base);
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

/*
 * Of exactly the size that the header says, which was checked against its limits: a decoder is
 * given no more, and no stream can make the file longer. Small files are cheaper written than
 * mapped.
 */
static int
free_room(const struct work *w, size_t len, struct map *ret, struct err *e)
{
	return len <= MAP_SMALL_BYTES ? map_scratch(w->dir, len, ret, e)
				      : map_create(w->dir, scratch, len, ret, e);
}

static int
write_small(const struct work *w, struct span bytes, struct err *e)
{
	AUTO_CLOSE int fd = openat(
		w->dir, scratch, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	return fd < 0 ? err_sys(e, "%s", scratch) : fs_write(fd, bytes.at, bytes.len, e);
}

/* Without a look at its digest: see blame_base. */
static int
open_base(const struct work *w, const struct archive_entry *entry, struct map *ret, struct err *e)
{
	if (!codec_is_delta(entry->codec))
		return 0;
	if (w->base->open(w->base->context, &entry->base, false, ret, e) != 0)
		return err_wrap(e, "base");
	return 0;
}

/*
 * From a base that is not what it was comes no file that is what it should be. So bases
 * are digested only where one went wrong, to say whose fault it is.
 */
static int
blame_base(const struct work *w, const struct archive_entry *entry, struct err *e)
{
	AUTO_MAP struct map base = {0};
	struct err why = {0};

	if (w->base->open(w->base->context, &entry->base, true, &base, &why) == 0)
		return -1;
	if (e != NULL)
		*e = why;
	return err_wrap(e, "base");
}

static int
decode_checked(const struct work *w, const struct archive_entry *entry,
	const struct header_file *file, struct output *out, struct err *e)
{
	const struct codec_watch watch = {on_passed, out, w->stop};
	struct digest got;

	if (codec_decode_watched(entry->codec, entry->stream, map_span(&out->base), out->bytes.at,
		    out->bytes.len, &watch, e) != 0)
		return -1;
	pass_rest(out);
	got = digester_end(out->digester);
	if (!digest_equal(&got, &file->digest))
		return err_set(e, ERR_DIGEST, "decoded file has another SHA-256");
	return 0;
}

static int
decode_into(const struct work *w, const struct archive_entry *entry, const struct header_file *file,
	struct output *out, struct err *e)
{
	if (open_base(w, entry, &out->base, e) != 0 ||
		free_room(w, (size_t)file->size, &out->bytes, e) != 0)
		return -1;
	/* Which of the two is damaged decides what is thrown away: archive or base. */
	if (decode_checked(w, entry, file, out, e) != 0)
		return codec_is_delta(entry->codec) && !stop_wanted(w->stop)
			       ? blame_base(w, entry, e)
			       : -1;
	return out->bytes.kind == MAP_OF_MEMORY ? write_small(w, map_span(&out->bytes), e) : 0;
}

static int
decode(const struct work *w, const struct archive_entry *entry, const struct header_file *file,
	struct err *e)
{
	struct output out = {.digester = digester_new()};
	int result = decode_into(w, entry, file, &out, e);

	map_close(&out.base);
	map_close(&out.bytes);
	digester_free(out.digester);
	return result;
}

static int
take_entry(const struct work *w, const struct archive_entry *entry, struct err *e)
{
	size_t index =
		header_blob_find(w->blobs, w->count, &entry->file); /* it is listed: validate.h */
	char hex[DIGEST_HEX + 1];

	(void)digest_hex(&entry->file, hex);
	if (decode(w, entry, w->blobs[index], e) != 0)
		return err_wrap(e, "entry %s", hex);
	/* Only now, its digest being right: whatever has a digest for a name has its bytes, too. */
	if (renameat(w->dir, scratch, w->dir, hex) != 0)
		return err_sys(e, "entry %s", hex);
	return 0;
}

int
apply_archive(const struct apply *what, struct err *e)
{
	const struct validate all = {what->header, true, what->base};
	size_t count;
	AUTO_FREE const struct header_file **blobs = header_blobs(what->header, &count);
	const struct work w = {blobs, count, what->base, what->dir, what->stop};
	struct archive_reader reader;
	struct archive_entry entry;

	if (validate_archive(what->archive, &all, e) != 0 ||
		archive_open(&reader, what->archive, e) != 0)
		return -1;
	while (archive_next(&reader, &entry, e) == ARCHIVE_ENTRY) {
		if (take_entry(&w, &entry, e) != 0) {
			(void)unlinkat(what->dir, scratch, 0);
			return -1;
		}
	}
	return 0;
}
