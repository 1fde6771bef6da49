/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/validate.h"

#include "base/mem.h"
#include "codec/archive.h"
#include "codec/listing.h"

/* Which files its entries have is said by both headers. */
static bool
is_told(const struct validate *against, enum format format)
{
	return format == FORMAT_AR1 || against->full || against->old != NULL;
}

static int
check_bases(const struct validate *against, const struct listing *v,
	const struct listing_entry *files, struct err *e)
{
	const struct blobs *base = against->base;

	for (size_t i = 0; base != NULL && i < files->base_count; i++)
		if (files->bases[i] < v->old_count &&
			!base->has(base->context, &v->old[files->bases[i]]->digest))
			return err_set(e, ERR_MISSING, "its base is not here");
	return 0;
}

/* By an entry, or, where that is known, by what is at hand. */
static int
check_there(const struct listing *v, const struct blobs *base,
	const struct header_file *const *files, size_t count, struct err *e)
{
	char hex[DIGEST_HEX + 1];

	for (size_t i = 0; i < count; i++) {
		const struct digest *digest = &files[i]->digest;

		if (listing_is_given(v, digest) ||
			(base != NULL && base->has(base->context, digest)))
			continue;
		return err_set(e, ERR_INPUT, "file %s is missing", digest_hex(digest, hex));
	}
	return 0;
}

/*
 * An archive is good as a whole or not at all: with a file missing no version comes of it. What the
 * older version has not has to be given, whatever else happens to be at hand here.
 */
static int
check_complete(const struct validate *against, const struct listing *v, struct err *e)
{
	if ((against->full || against->old != NULL) &&
		check_there(v, NULL, v->missing, v->missing_count, e) != 0)
		return -1;
	return against->base == NULL ? 0
				     : check_there(v, against->base, v->blobs, v->blob_count, e);
}

static int
check_entry(const struct validate *against, struct listing *v, enum format format,
	const struct archive_entry *entry, struct err *e)
{
	struct listing_entry files;

	return listing_take(v, format, entry, &files, e) != 0 ? -1
							      : check_bases(against, v, &files, e);
}

/* As far as the newer header alone can say: it does not give more than all there is. */
static int
check_roughly(struct listing *v, const struct archive_entry *entry, struct err *e)
{
	struct span left = entry->contents;
	struct archive_contents some;
	uint64_t count = entry->count;

	while (archive_next_contents(&left, &some))
		count += some.first > 0 ? some.count : 0;
	if (count > v->missing_count - v->next)
		return err_set(e, ERR_INPUT, "more files than there are");
	v->next += (size_t)count;
	return entry->stream.len <= codec_stream_max((1 + LISTING_UNLISTED_SHARE) * v->bytes)
		       ? 0
		       : err_set(e, ERR_INPUT, "its stream is longer than all files can need");
}

static int
check_entries(const struct validate *against, struct archive_reader *reader, struct listing *v,
	struct err *e)
{
	bool told = is_told(against, reader->format);
	struct archive_entry entry;
	enum archive_step step;

	for (size_t n = 1; (step = archive_next(reader, &entry, e)) == ARCHIVE_ENTRY; n++)
		if (v != NULL && (told ? check_entry(against, v, reader->format, &entry, e)
				       : check_roughly(v, &entry, e)) != 0)
			return err_wrap(e, "entry %zu", n);
	if (step == ARCHIVE_ERROR)
		return -1;
	return v != NULL && told ? check_complete(against, v, e) : 0;
}

int
validate_archive(struct span archive, const struct validate *against, struct err *e)
{
	struct archive_reader reader;
	struct listing *v = NULL;
	int result;

	if (archive_open(&reader, archive, e) != 0)
		return -1;
	if (against->header != NULL)
		v = listing_new(against->header, against->full ? NULL : against->old);
	result = check_entries(against, &reader, v, e);
	listing_free(v);
	return result;
}
