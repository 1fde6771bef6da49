/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/validate.h"

#include "base/mem.h"
#include "codec/archive.h"
#include "codec/listing.h"

/* NULL where both headers would be needed, and one is not known. */
static struct listing *
open_listing(const struct validate *against, enum format format)
{
	if (against->header == NULL)
		return NULL;
	if (format == FORMAT_AR2 && !against->full && against->old == NULL)
		return NULL;
	return listing_new(against->header, against->full ? NULL : against->old);
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

int
validate_archive(struct span archive, const struct validate *against, struct err *e)
{
	struct archive_reader reader;
	struct archive_entry entry;
	enum archive_step step = ARCHIVE_ENTRY;
	struct listing *v;
	int result = 0;

	if (archive_open(&reader, archive, e) != 0)
		return -1;
	v = open_listing(against, reader.format);
	for (size_t n = 1;
		result == 0 && (step = archive_next(&reader, &entry, e)) == ARCHIVE_ENTRY; n++)
		if (v != NULL && check_entry(against, v, reader.format, &entry, e) != 0)
			result = err_wrap(e, "entry %zu", n);
	if (step == ARCHIVE_ERROR)
		result = -1;
	if (result == 0 && v != NULL)
		result = check_complete(against, v, e);
	listing_free(v);
	return result;
}
