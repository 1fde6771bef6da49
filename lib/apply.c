/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "apply.h"

#include <stdio.h>

#include "archive.h"
#include "fs.h"
#include "mem.h"

static const char scratch[] = "decoding";

struct work {
	const struct header_file **contents;
	size_t count;
	bool *seen;
	const struct files *base;
	int dir;
};

static void
let_go(void *context)
{
	struct map **maps = context;

	map_let_go(maps[0]);
	map_let_go(maps[1]);
}

static int
decode(const struct work *w, const struct archive_entry *entry, const struct header_file *file,
	struct err *e)
{
	AUTO_MAP struct map base = {0};
	AUTO_MAP struct map out = {0};
	struct map *maps[] = {&base, &out};
	const struct codec_watch watch = {let_go, maps};
	struct digest got;

	if (codec_is_delta(entry->codec)) {
		if (w->base == NULL || !w->base->has(w->base->context, &entry->base))
			return err_set(e, ERR_MISSING, "its base is not here");
		if (w->base->open(w->base->context, &entry->base, &base, e) != 0)
			return err_wrap(e, "base");
	}
	if (map_create(w->dir, scratch, (size_t)file->size, &out, e) != 0)
		return -1;
	if (codec_decode_watched(
		    entry->codec, entry->stream, map_span(&base), out.at, out.len, &watch, e) != 0)
		return -1;
	got = map_digest(&out);
	if (!digest_equal(&got, &file->digest))
		return err_set(e, ERR_DIGEST, "decoded file has another SHA-256");
	return 0;
}

static int
take_entry(struct work *w, const struct archive_entry *entry, struct err *e)
{
	size_t index = header_content_find(w->contents, w->count, &entry->file);
	char hex[DIGEST_HEX + 1];

	(void)digest_hex(&entry->file, hex);
	if (index == w->count)
		return err_set(e, ERR_INPUT, "entry %s: not in the header", hex);
	if (w->seen[index])
		return err_set(e, ERR_INPUT, "entry %s: repeated", hex);
	w->seen[index] = true;
	if (decode(w, entry, w->contents[index], e) != 0)
		return err_wrap(e, "entry %s", hex);
	if (renameat(w->dir, scratch, w->dir, hex) != 0)
		return err_sys(e, "entry %s", hex);
	return 0;
}

static int
check_complete(const struct work *w, struct err *e)
{
	char hex[DIGEST_HEX + 1];

	for (size_t i = 0; i < w->count; i++) {
		const struct digest *digest = &w->contents[i]->digest;

		if (w->seen[i] || (w->base != NULL && w->base->has(w->base->context, digest)))
			continue;
		return err_set(e, ERR_INPUT, "file %s is missing", digest_hex(digest, hex));
	}
	return 0;
}

int
apply_archive(struct span archive, const struct header *header, const struct files *base, int dir,
	struct err *e)
{
	size_t count;
	AUTO_FREE const struct header_file **contents = header_contents(header, &count);
	AUTO_FREE bool *seen = mem_new(count, sizeof(bool));
	struct work w = {contents, count, seen, base, dir};
	struct archive_reader reader;
	struct archive_entry entry;
	enum archive_step step;

	if (archive_open(&reader, archive, e) != 0)
		return -1;
	while ((step = archive_next(&reader, &entry, e)) == ARCHIVE_ENTRY) {
		if (take_entry(&w, &entry, e) != 0) {
			(void)unlinkat(dir, scratch, 0);
			return -1;
		}
	}
	return step == ARCHIVE_END ? check_complete(&w, e) : -1;
}
