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
#include "codec/listing.h"
#include "model/header.h"

/* An archive, and which files it speaks of; NULL where a header that says so is not here. */
struct shown {
	const struct record *record;
	struct header *old;
	struct listing *listing;
};

static void
shown_open(const struct cache *c, const struct record *r, const struct header *h, struct shown *ret)
{
	const struct ident from = record_base(r);

	*ret = (struct shown){.record = r};
	if (!record_is_full(r))
		(void)repo_read_header(c->repo, &from, &ret->old, NULL, NULL);
	/* Entries of the older format name their files themselves. */
	if (h != NULL && (record_is_full(r) || ret->old != NULL || r->format == FORMAT_AR1))
		ret->listing = listing_new(h, ret->old);
}

static void
shown_close(struct shown *s)
{
	listing_free(s->listing);
	header_free(s->old);
}

/* "a" or "a and 2 more"; the caller's to free. */
static char *
in_short(const char *first, size_t count)
{
	AUTO_FREE char *path = cli_cleaned(first);

	return count > 1 ? mem_printf("%s and %zu more", path, count - 1) : mem_string(path);
}

/* For people; for JSON it has none. */
static const char *
name_of(const struct header_file *file)
{
	return listing_is_unlisted(file) ? "an unlisted one" : file->path;
}

/* Those that are given by the archive itself are of its own version, or of none that is known. */
static json_t *
show_bases(const struct shown *s, const struct listing_entry *files)
{
	json_t *bases = json_array();

	for (size_t i = 0; i < files->base_count; i++) {
		const struct header_file *base = listing_base(s->listing, files->bases[i]);
		const struct edition *of = files->bases[i] < s->listing->old_count
						   ? &s->record->base
						   : &s->record->ident.edition;

		(void)json_array_append_new(
			bases, listing_is_unlisted(base)
				       ? json_pack("{s:n,s:n}", "version", "path")
				       : json_pack("{s:I,s:s}", "version", (json_int_t)of->version,
						 "path", base->path));
	}
	return bases;
}

static void
print_entry(
	const struct shown *s, const struct archive_entry *entry, const struct listing_entry *files)
{
	AUTO_FREE char *paths = in_short(name_of(files->files[0]), files->count);
	AUTO_FREE char *from =
		files->base_count == 0
			? NULL
			: in_short(name_of(listing_base(s->listing, files->bases[0])),
				  files->base_count);
	char sizes[2][32];

	(void)printf("    %-7s %9s of %9s  %s%s%s\n", codec_name(entry->codec),
		num_bytes_text(entry->stream.len, sizes[0], sizeof(sizes[0])),
		num_bytes_text(files->bytes, sizes[1], sizeof(sizes[1])), paths,
		from != NULL ? "  from " : "", from != NULL ? from : "");
}

/* What is said of an entry without headers: how many files, and how large the stream is. */
static json_t *
show_untold(const struct archive_entry *entry, bool json)
{
	char size[32];

	if (!json)
		(void)printf("    %-7s %9s  ?\n", codec_name(entry->codec),
			num_bytes_text(entry->stream.len, size, sizeof(size)));
	return json_pack("{s:s,s:I,s:n,s:n,s:n}", "encoding", codec_name(entry->codec), "encoded",
		(json_int_t)entry->stream.len, "decoded", "files", "bases");
}

static json_t *
show_listed(const struct shown *s, const struct archive_entry *entry,
	const struct listing_entry *files, bool json)
{
	json_t *bases = show_bases(s, files);
	json_t *paths = json_array();

	for (size_t i = 0; i < files->count; i++)
		(void)json_array_append_new(paths, listing_is_unlisted(files->files[i])
							   ? json_null()
							   : json_string(files->files[i]->path));
	if (!json)
		print_entry(s, entry, files);
	return json_pack("{s:s,s:I,s:I,s:o,s:o}", "encoding", codec_name(entry->codec), "encoded",
		(json_int_t)entry->stream.len, "decoded", (json_int_t)files->bytes, "files", paths,
		"bases", bases);
}

/*
 * Entry by entry, so that of a damaged archive everything before the damage is shown, with the
 * error behind it.
 */
static enum archive_step
show_entries(const struct shown *s, struct span archive, bool json, json_t *ret, struct err *e)
{
	struct archive_reader reader;
	struct archive_entry entry;
	enum archive_step step = ARCHIVE_ERROR;

	if (archive_open(&reader, archive, e) != 0)
		return ARCHIVE_ERROR;
	while ((step = archive_next(&reader, &entry, e)) == ARCHIVE_ENTRY) {
		struct listing_entry files;

		if (s->listing == NULL)
			(void)json_array_append_new(ret, show_untold(&entry, json));
		else if (listing_take(s->listing, reader.format, &entry, &files, e) == 0)
			(void)json_array_append_new(ret, show_listed(s, &entry, &files, json));
		else
			return ARCHIVE_ERROR;
	}
	return step;
}

static json_t *
show_archive(const struct cache *c, const struct record *r, const struct header *h, bool json)
{
	json_t *entries = json_array();
	json_t *object = cache_archive_object(r);
	AUTO_MAP struct map map = {0};
	struct shown s;
	enum archive_step step = ARCHIVE_ERROR;
	char name[IDENT_NAME_MAX];
	char bytes[32];
	char id[DIGEST_HEX + 1];
	struct err e = {0};

	(void)ident_file_name(&r->ref.id, name);
	if (!json && record_is_full(r))
		(void)printf("  full archive, %s, %s\n", wire_format_key(r->format),
			num_bytes_text(r->ref.bytes, bytes, sizeof(bytes)));
	else if (!json)
		(void)printf("  difference from %" PRIu64 " %s, %s, %s\n", r->base.version,
			r->base.cookie, wire_format_key(r->format),
			num_bytes_text(r->ref.bytes, bytes, sizeof(bytes)));
	shown_open(c, r, h, &s);
	if (map_open(repo_dir(c->repo), name, &map, &e) == 0)
		step = show_entries(&s, map_span(&map), json, entries, &e);
	shown_close(&s);
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
	/* Without a header, or with a damaged one, of archives only sizes are shown. */
	(void)repo_read_header(c->repo, &c->records.at[i].ident, &h, NULL, NULL);
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
				archives, show_archive(c, &c->records.at[r], h, json));
	if (json)
		cli_print_json(json_pack("{s:s,s:I,s:s,s:s,s:O,s:O}", "type", type, "version",
			(json_int_t)version, "cookie", c->records.at[i].ident.edition.cookie,
			"title", h != NULL ? h->title : "", "files", files, "archives", archives));
	json_decref(files);
	json_decref(archives);
	return CLI_OK;
}
