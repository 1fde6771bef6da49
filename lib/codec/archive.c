/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/archive.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/varint.h"
#include "model/header.h"

enum {
	MAGIC_BYTES = 8,
	/* GUTS2AR1: magic, stream length, encoding, name length */
	LENGTH_AT = 8,
	ENCODING_AT = 16,
	NAME_LENGTH_AT = 24,
	NAME_AT = 28,
	/* Of contents: those of two headers, and unlisted ones. */
	NUMBERS_MAX = 3 * HEADER_FILES_MAX,
};

static const char magics[FORMAT_COUNT][MAGIC_BYTES + 1] = {"GUTS2AR1", "GUTS2AR2"};
static const uint8_t bzip2[NAME_LENGTH_AT - ENCODING_AT] = "BZIP2";

/* By memcpy: an entry begins at any byte, and a pointer to it may not be aligned. */
static uint64_t
read_be64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return be64toh(value);
}

static uint32_t
read_be32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return be32toh(value);
}

int
archive_open(struct archive_reader *r, struct span bytes, struct err *e)
{
	for (int i = 0; i < FORMAT_COUNT; i++)
		if (bytes.len >= MAGIC_BYTES && memcmp(bytes.at, magics[i], MAGIC_BYTES) == 0) {
			*r = (struct archive_reader){
				bytes, i == FORMAT_AR1 ? 0 : MAGIC_BYTES, (enum format)i};
			return 0;
		}
	return err_set(e, ERR_INPUT, "not a GUTS2 archive");
}

/* By subtracting: the sum of two lengths from outside could wrap. */
static int
read_named(struct span left, struct archive_entry *ret, size_t *ret_len, struct err *e)
{
	uint64_t stream_len;
	uint32_t name_len;

	if (left.len < NAME_AT)
		return err_set(e, ERR_INPUT, "entry is cut short");
	if (memcmp(left.at, magics[FORMAT_AR1], MAGIC_BYTES) != 0)
		return err_set(e, ERR_INPUT, "not an entry");
	if (memcmp(left.at + ENCODING_AT, bzip2, sizeof(bzip2)) != 0)
		return err_set(e, ERR_INPUT, "encoding unknown in this format");
	stream_len = read_be64(left.at + LENGTH_AT);
	name_len = read_be32(left.at + NAME_LENGTH_AT);
	if (name_len != DIGEST_HEX)
		return err_set(e, ERR_INPUT, "name of %u bytes", name_len);
	if (name_len > left.len - NAME_AT || stream_len > left.len - NAME_AT - name_len)
		return err_set(e, ERR_INPUT, "entry is cut short");
	ret->codec = CODEC_BZIP2;
	if (!digest_parse((const char *)left.at + NAME_AT, &ret->file))
		return err_set(e, ERR_INPUT, "name is not a lower-case SHA-256");
	ret->stream = span_of(left.at + NAME_AT + name_len, (size_t)stream_len);
	*ret_len = NAME_AT + name_len + (size_t)stream_len;
	return 0;
}

static int
get_number(struct span *left, uint64_t *ret, struct err *e)
{
	size_t len = varint_get(*left, ret);

	*left = span_of(left->at + len, left->len - len);
	return len > 0 ? 0 : err_set(e, ERR_INPUT, "number is damaged or cut short");
}

/* Of less than so many. */
static int
get_small(struct span *left, uint64_t end, const char *what, uint64_t *ret, struct err *e)
{
	if (get_number(left, ret, e) != 0)
		return -1;
	return *ret < end ? 0 : err_set(e, ERR_INPUT, "%s", what);
}

static int
get_sizes(struct span *left, uint64_t count, struct err *e)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t size;

		if (get_small(left, HEADER_FILE_BYTES_MAX + 1, "contents of too many bytes", &size,
			    e) != 0)
			return -1;
	}
	return 0;
}

static int
get_contents(struct span *left, struct span *ret, struct err *e)
{
	static const char wrong[] = "contents are out of range";
	const uint8_t *begin;
	uint64_t runs;
	uint64_t count = 0;

	if (get_number(left, &runs, e) != 0)
		return -1;
	begin = left->at;
	for (uint64_t i = 0; i < runs; i++) {
		uint64_t take;
		uint64_t first;

		if (get_small(left, HEADER_FILES_MAX + 1, wrong, &take, e) != 0 ||
			get_small(left, HEADER_FILES_MAX + 1, wrong, &first, e) != 0)
			return -1;
		if (take == 0 || !num_add(&count, take, NUMBERS_MAX))
			return err_set(e, ERR_INPUT, "%s", wrong);
		if (first == 0 && get_sizes(left, take, e) != 0)
			return -1;
	}
	*ret = span_of(begin, (size_t)(left->at - begin));
	return count > 0 ? 0 : err_set(e, ERR_INPUT, "entry of no files");
}

static int
get_bases(struct span *left, struct span *ret, struct err *e)
{
	static const char wrong[] = "bases are out of range";
	const uint8_t *begin;
	uint64_t runs;

	if (get_number(left, &runs, e) != 0)
		return -1;
	begin = left->at;
	for (uint64_t i = 0; i < runs; i++) {
		uint64_t skip;
		uint64_t take;

		if (get_small(left, NUMBERS_MAX, wrong, &skip, e) != 0 ||
			get_small(left, NUMBERS_MAX, wrong, &take, e) != 0)
			return -1;
		if (take == 0)
			return err_set(e, ERR_INPUT, "%s", wrong);
	}
	*ret = span_of(begin, (size_t)(left->at - begin));
	return 0;
}

/* Whatever was read, ret_len is only of use where it is whole. */
static int
read_numbered(struct span bytes, struct archive_entry *ret, size_t *ret_len, struct err *e)
{
	struct span left = bytes;
	uint64_t codec;
	uint64_t stream_len;

	if (get_number(&left, &codec, e) != 0)
		return -1;
	if (codec == CODEC_BZIP2 || codec >= CODEC_COUNT)
		return err_set(e, ERR_INPUT, "encoding unknown in this format");
	ret->codec = (enum codec)codec;
	if (get_small(&left, HEADER_FILES_MAX + 1, "entry of too many files", &ret->count, e) !=
			0 ||
		(ret->count == 0 && get_contents(&left, &ret->contents, e) != 0) ||
		get_bases(&left, &ret->bases, e) != 0 || get_number(&left, &stream_len, e) != 0)
		return -1;
	if (stream_len > left.len)
		return err_set(e, ERR_INPUT, "entry is cut short");
	ret->stream = span_of(left.at, (size_t)stream_len);
	*ret_len = (size_t)(left.at - bytes.at) + (size_t)stream_len;
	return 0;
}

/* A GUTS2AR1 ends with a bare magic, as each of its entries begins; a GUTS2AR2 where it is over. */
static bool
is_end(const struct archive_reader *r, struct span left)
{
	if (r->format == FORMAT_AR2)
		return left.len == 0;
	return left.len == MAGIC_BYTES && memcmp(left.at, magics[r->format], MAGIC_BYTES) == 0;
}

enum archive_step
archive_next(struct archive_reader *r, struct archive_entry *ret, struct err *e)
{
	const struct span left = span_of(r->bytes.at + r->at, r->bytes.len - r->at);
	size_t len = 0;
	int result;

	if (is_end(r, left))
		return ARCHIVE_END;
	*ret = (struct archive_entry){0};
	result = r->format == FORMAT_AR1 ? read_named(left, ret, &len, e)
					 : read_numbered(left, ret, &len, e);
	/* Of nothing no encoding makes anything: an empty file has a stream as well. */
	if (result == 0 && ret->stream.len == 0)
		result = err_set(e, ERR_INPUT, "entry without a stream");
	if (result != 0)
		return err_wrap(e, "archive at %zu", r->at);
	r->at += len;
	return ARCHIVE_ENTRY;
}

/* It was looked at by archive_next. */
static uint64_t
next_number(struct span *left)
{
	uint64_t number;
	size_t len = varint_get(*left, &number);

	*left = span_of(left->at + len, left->len - len);
	return number;
}

bool
archive_next_contents(struct span *contents, struct archive_contents *ret)
{
	const uint8_t *begin;

	if (contents->len == 0)
		return false;
	ret->count = next_number(contents);
	ret->first = next_number(contents);
	begin = contents->at;
	for (uint64_t i = 0; ret->first == 0 && i < ret->count; i++)
		(void)next_number(contents);
	ret->sizes = span_of(begin, (size_t)(contents->at - begin));
	return true;
}

void
archive_put_contents(const struct archive_contents *contents, struct buf *ret)
{
	varint_put(ret, contents->count);
	varint_put(ret, contents->first);
	buf_add(ret, contents->sizes.at, contents->sizes.len);
}

uint64_t
archive_unlisted_bytes(struct span archive)
{
	struct archive_reader r = {0};
	struct archive_entry entry;
	struct archive_contents some;
	uint64_t bytes = 0;

	if (archive_open(&r, archive, NULL) != 0)
		return 0;
	while (archive_next(&r, &entry, NULL) == ARCHIVE_ENTRY)
		while (archive_next_contents(&entry.contents, &some))
			while (some.sizes.len > 0)
				(void)num_add(
					&bytes, next_number(&some.sizes), WIRE_ARCHIVE_BYTES_MAX);
	return bytes;
}

bool
archive_next_run(struct span *bases, uint64_t total, struct archive_run *ret)
{
	uint64_t skip;

	if (bases->len == 0)
		return false;
	skip = next_number(bases);
	ret->first += ret->count + skip;
	if (skip < total && ret->first >= total)
		ret->first -= total;
	ret->count = next_number(bases);
	return true;
}

void
archive_put_bases(const size_t *numbers, size_t count, size_t total, struct buf *ret)
{
	size_t end = 0; /* of the run before */
	size_t i = 0;

	while (i < count) {
		size_t first = i;

		do
			i++;
		while (i < count && numbers[i] == numbers[i - 1] + 1);
		varint_put(ret, numbers[first] + (numbers[first] < end ? total : 0) - end);
		varint_put(ret, i - first);
		end = numbers[i - 1] + 1;
	}
}

struct archive_writer {
	int fd;
	enum format format;
	struct digester *digester;
	uint64_t bytes;
};

struct archive_writer *
archive_writer_new(int fd, enum format format)
{
	struct archive_writer *w = mem_new(1, sizeof(*w));

	w->fd = fd;
	w->format = format;
	w->digester = digester_new();
	return w;
}

static int
put(struct archive_writer *w, struct span bytes, struct err *e)
{
	/* A reader has the same limit: nothing is published that nobody would take. */
	if (!num_add(&w->bytes, bytes.len, WIRE_ARCHIVE_BYTES_MAX))
		return err_set(e, ERR_LIMIT, "archive larger than 2^40 bytes");
	digester_add(w->digester, bytes.at, bytes.len);
	return fs_write(w->fd, bytes.at, bytes.len, e);
}

static void
put_name(const struct archive_entry *entry, struct buf *ret)
{
	const uint64_t stream_len = htobe64(entry->stream.len);
	const uint32_t name_len = htobe32(DIGEST_HEX);
	char hex[DIGEST_HEX + 1];

	buf_add(ret, magics[FORMAT_AR1], MAGIC_BYTES);
	buf_add(ret, &stream_len, sizeof(stream_len));
	buf_add(ret, bzip2, sizeof(bzip2));
	buf_add(ret, &name_len, sizeof(name_len));
	buf_add(ret, digest_hex(&entry->file, hex), DIGEST_HEX);
}

static void
put_runs(struct span runs, uint64_t count, struct buf *ret)
{
	varint_put(ret, count);
	buf_add(ret, runs.at, runs.len);
}

static void
put_numbers(const struct archive_entry *entry, struct buf *ret)
{
	struct span contents = entry->contents;
	struct span bases = entry->bases;
	struct archive_contents some;
	struct archive_run run = {0};
	uint64_t told = 0;
	uint64_t runs = 0;

	while (archive_next_contents(&contents, &some))
		told++;
	while (archive_next_run(&bases, 0, &run))
		runs++;
	varint_put(ret, entry->codec);
	varint_put(ret, entry->count);
	if (entry->count == 0)
		put_runs(entry->contents, told, ret);
	put_runs(entry->bases, runs, ret);
	varint_put(ret, entry->stream.len);
}

uint64_t
archive_entry_bytes(const struct archive_entry *entry)
{
	AUTO_BUF struct buf head = {0};

	put_numbers(entry, &head);
	return head.len + entry->stream.len;
}

/* The magic comes with the first entry, or, of an archive that has none, with the end. */
static void
put_magic(const struct archive_writer *w, struct buf *ret)
{
	if (w->format == FORMAT_AR2 && w->bytes == 0)
		buf_add(ret, magics[FORMAT_AR2], MAGIC_BYTES);
}

int
archive_add(struct archive_writer *w, const struct archive_entry *entry, struct err *e)
{
	AUTO_BUF struct buf head = {0};

	/* Which stream goes into which format is our own choice (pack.c). */
	assert((w->format == FORMAT_AR1) == (entry->codec == CODEC_BZIP2));
	put_magic(w, &head);
	if (w->format == FORMAT_AR1)
		put_name(entry, &head);
	else
		put_numbers(entry, &head);
	return put(w, span_of(head.at, head.len), e) != 0 ? -1 : put(w, entry->stream, e);
}

int
archive_end(struct archive_writer *w, struct archive_ref *ret, struct err *e)
{
	AUTO_BUF struct buf end = {0};

	put_magic(w, &end);
	if (w->format == FORMAT_AR1)
		buf_add(&end, magics[FORMAT_AR1], MAGIC_BYTES);
	if (end.len > 0 && put(w, span_of(end.at, end.len), e) != 0)
		return -1;
	ret->id = digester_end(w->digester);
	ret->bytes = w->bytes;
	return 0;
}

void
archive_writer_free(struct archive_writer *w)
{
	if (w == NULL)
		return;
	digester_free(w->digester);
	free(w);
}
