/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli.h"
#include "codec/archive.h"
#include "model/header.h"

/* The distinct files of a version; none where its header is not here. */
struct blobs {
	const struct header_file **at; /* in the order of header_blobs */
	size_t count;
};

static json_t *
show_entry(const struct archive_entry *entry, const struct blobs *blobs, bool json)
{
	/* Archives name files by digest alone: paths and sizes are the header's, if it is here. */
	size_t index = header_blob_find(blobs->at, blobs->count, &entry->file);
	const struct header_file *file = index < blobs->count ? blobs->at[index] : NULL;
	const char *path = file != NULL ? file->path : "?";
	uint64_t decoded = file != NULL ? file->size : 0;
	bool delta = codec_is_delta(entry->codec);
	char hex[DIGEST_HEX + 1];
	char sizes[2][32];
	json_t *object;

	if (!json)
		/* Twelve digits tell blobs apart for people; the document has them whole. */
		(void)printf("    %-7s %9s of %9s  %s%s%.12s\n", codec_name(entry->codec),
			num_bytes_text(entry->stream.len, sizes[0], sizeof(sizes[0])),
			num_bytes_text(decoded, sizes[1], sizeof(sizes[1])), path,
			delta ? "  from " : "", delta ? digest_hex(&entry->base, hex) : "");
	object = json_pack("{s:s,s:s,s:s,s:I,s:I}", "file", digest_hex(&entry->file, hex), "path",
		path, "encoding", codec_name(entry->codec), "encoded",
		(json_int_t)entry->stream.len, "decoded", (json_int_t)decoded);
	(void)json_object_set_new(
		object, "base", delta ? json_string(digest_hex(&entry->base, hex)) : json_null());
	return object;
}

/* A damaged archive is shown as far as it goes, with the error behind its entries. */
static json_t *
show_archive(const struct cache *c, const struct record *r, const struct blobs *blobs, bool json)
{
	json_t *entries = json_array();
	AUTO_MAP struct map map = {0};
	struct archive_reader reader;
	struct archive_entry entry;
	enum archive_step step = ARCHIVE_ERROR;
	char name[IDENT_NAME_MAX];
	char bytes[32];
	char id[DIGEST_HEX + 1];
	struct err e = {0};
	json_t *object;

	(void)ident_file_name(&r->ref.id, name);
	if (!json && record_is_full(r))
		(void)printf("  full archive, %s, %s\n", wire_format_key(r->format),
			num_bytes_text(r->ref.bytes, bytes, sizeof(bytes)));
	else if (!json)
		(void)printf("  difference from %" PRIu64 " %s, %s, %s\n", r->base.version,
			r->base.cookie, wire_format_key(r->format),
			num_bytes_text(r->ref.bytes, bytes, sizeof(bytes)));
	/* Entry by entry, so that of a damaged archive everything before the damage is shown. */
	if (map_open(repo_dir(c->repo), name, &map, &e) == 0 &&
		archive_open(&reader, map_span(&map), &e) == 0)
		while ((step = archive_next(&reader, &entry, &e)) == ARCHIVE_ENTRY)
			(void)json_array_append_new(entries, show_entry(&entry, blobs, json));
	object = cache_archive_object(r);
	(void)json_object_set_new(object, "id", json_string(digest_hex(&r->ref.id, id)));
	(void)json_object_set_new(object, "entries", entries);
	if (step == ARCHIVE_END)
		return object;
	cli_complain("%s: %s", name, e.text);
	(void)json_object_set_new(object, "error", cli_json_text(e.text));
	return object;
}

static json_t *
show_files(const struct header *h, bool json)
{
	json_t *files = json_array();
	char hex[DIGEST_HEX + 1];
	char bytes[32];

	for (size_t i = 0; h != NULL && i < h->count; i++) {
		const struct header_file *file = &h->files[i];
		AUTO_FREE char *path = cli_cleaned(file->path);

		(void)digest_hex(&file->digest, hex);
		if (!json)
			(void)printf("    %.12s %9s %s %s\n", hex,
				num_bytes_text(file->size, bytes, sizeof(bytes)),
				file->executable ? "x" : " ", path);
		(void)json_array_append_new(files,
			json_pack("{s:s,s:s,s:I,s:b}", "path", file->path, "sha256", hex, "size",
				(json_int_t)file->size, "executable", file->executable));
	}
	return files;
}

int
cache_show(const struct cache *c, const char *type, uint64_t version, bool json)
{
	size_t first = 0;
	size_t count = cache_find_type(c, type, &first);
	AUTO_HEADER struct header *h = NULL;
	AUTO_FREE char *title = NULL;
	struct blobs blobs = {0};
	json_t *archives;
	json_t *files;
	size_t i = first;

	/* The number alone is asked for: of two cookies under it the first is shown. */
	while (i < first + count && c->records.at[i].ident.edition.version != version)
		i++;
	if (i == first + count) {
		cli_complain("%s %" PRIu64 ": not in the cache", type, version);
		return CLI_FAILED;
	}
	count = cache_version_count(c, i);
	/* Without a header, or with a damaged one, the archives are shown under digests. */
	(void)repo_read_header(c->repo, &c->records.at[i].ident, &h, NULL, NULL);
	if (h != NULL)
		blobs.at = header_blobs(h, &blobs.count);
	title = cli_cleaned(h != NULL ? h->title : "");
	if (!json)
		(void)printf("%s %" PRIu64 " %s  %s\n  %zu files%s\n", type, version,
			c->records.at[i].ident.edition.cookie, title, h != NULL ? h->count : 0,
			h == NULL ? ": its header is not here" : "");
	files = show_files(h, json);
	archives = json_array();
	for (size_t r = i; r < i + count; r++)
		if (c->records.at[r].kind == RECORD_ARCHIVE)
			(void)json_array_append_new(
				archives, show_archive(c, &c->records.at[r], &blobs, json));
	if (json)
		cli_print_json(json_pack("{s:s,s:I,s:s,s:s,s:O,s:O}", "type", type, "version",
			(json_int_t)version, "cookie", c->records.at[i].ident.edition.cookie,
			"title", h != NULL ? h->title : "", "files", files, "archives", archives));
	json_decref(files);
	json_decref(archives);
	free(blobs.at);
	return CLI_OK;
}
