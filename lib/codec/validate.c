/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/validate.h"

#include "base/mem.h"
#include "codec/archive.h"

struct walk {
	const struct validate *against;
	/* Distinct, sorted by digest; seen[] says which of them an entry has given. */
	const struct header_file **blobs;
	size_t count;
	bool *seen;
};

static bool
base_has(const struct walk *w, const struct digest *digest)
{
	const struct blobs *base = w->against->base;

	return base != NULL && base->has(base->context, digest);
}

static int
check_entry(struct walk *w, const struct archive_entry *entry, struct err *e)
{
	size_t index = header_blob_find(w->blobs, w->count, &entry->file);

	if (index == w->count)
		return err_set(e, ERR_INPUT, "not in the header");
	/* Twice the same would be twice the work, for whoever sends such an archive at no cost. */
	if (w->seen[index])
		return err_set(e, ERR_INPUT, "repeated");
	w->seen[index] = true;
	if (entry->stream.len > codec_stream_max(w->blobs[index]->size))
		return err_set(e, ERR_INPUT, "its stream is longer than its file can need");
	if (w->against->whole && codec_is_delta(entry->codec) && !base_has(w, &entry->base))
		return err_set(e, w->against->base != NULL ? ERR_MISSING : ERR_INPUT,
			"its base is not here");
	return 0;
}

/* An archive is good as a whole or not at all: with a file missing no version comes of it. */
static int
check_complete(const struct walk *w, struct err *e)
{
	char hex[DIGEST_HEX + 1];

	for (size_t i = 0; w->against->whole && i < w->count; i++) {
		const struct digest *digest = &w->blobs[i]->digest;

		if (!w->seen[i] && !base_has(w, digest))
			return err_set(e, ERR_INPUT, "file %s is missing", digest_hex(digest, hex));
	}
	return 0;
}

static int
check_entries(struct walk *w, struct span archive, struct err *e)
{
	struct archive_reader reader;
	struct archive_entry entry;
	enum archive_step step;
	char hex[DIGEST_HEX + 1];

	if (archive_open(&reader, archive, e) != 0)
		return -1;
	while ((step = archive_next(&reader, &entry, e)) == ARCHIVE_ENTRY)
		if (w->blobs != NULL && check_entry(w, &entry, e) != 0)
			return err_wrap(e, "entry %s", digest_hex(&entry.file, hex));
	if (step != ARCHIVE_END)
		return -1;
	return w->blobs != NULL ? check_complete(w, e) : 0;
}

int
validate_archive(struct span archive, const struct validate *against, struct err *e)
{
	struct walk w = {.against = against};
	int result;

	if (against->header != NULL) {
		w.blobs = header_blobs(against->header, &w.count);
		w.seen = mem_new(w.count, sizeof(*w.seen));
	}
	result = check_entries(&w, archive, e);
	free(w.seen);
	free(w.blobs);
	return result;
}
