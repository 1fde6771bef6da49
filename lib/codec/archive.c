/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/archive.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"

enum {
	MAGIC_BYTES = 8,
	PREFIX_BYTES = 28, /* magic, stream length, encoding, name length */
	NAME_BYTES = DIGEST_HEX,
	DELTA_NAME_BYTES = 2 * DIGEST_HEX + 1,
};

static const char magics[FORMAT_COUNT][MAGIC_BYTES + 1] = {"GUTS2AR1", "GUTS2AR2"};

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

/* A GUTS2AR1 has BZIP2 alone: its readers know nothing else. */
static bool
format_allows(enum format format, enum codec codec)
{
	return codec < CODEC_COUNT && (format == FORMAT_AR2 || codec == CODEC_BZIP2);
}

int
archive_open(struct archive_reader *r, struct span bytes, struct err *e)
{
	for (int i = 0; i < FORMAT_COUNT; i++)
		if (bytes.len >= MAGIC_BYTES && memcmp(bytes.at, magics[i], MAGIC_BYTES) == 0) {
			*r = (struct archive_reader){bytes, 0, (enum format)i};
			return 0;
		}
	return err_set(e, ERR_INPUT, "not a GUTS2 archive");
}

/* The length first: it says that all bytes which digest_parse will look at are there. */
static int
read_name(const uint8_t *name, uint32_t len, struct archive_entry *ret, struct err *e)
{
	bool delta = codec_is_delta(ret->codec);
	const char *text = (const char *)name;

	if (len != (delta ? DELTA_NAME_BYTES : NAME_BYTES))
		return err_set(e, ERR_INPUT, "name of %u bytes", len);
	if (!digest_parse(text, &ret->file))
		return err_set(e, ERR_INPUT, "name is not a lower-case SHA-256");
	if (delta && (text[DIGEST_HEX] != ':' || !digest_parse(text + DIGEST_HEX + 1, &ret->base)))
		return err_set(e, ERR_INPUT, "base is not a lower-case SHA-256");
	return 0;
}

static int
read_entry(struct archive_reader *r, struct archive_entry *ret, struct err *e)
{
	const uint8_t *at = r->bytes.at + r->at;
	size_t left = r->bytes.len - r->at;
	uint64_t stream_len;
	uint32_t name_len;

	if (left < PREFIX_BYTES)
		return err_set(e, ERR_INPUT, "entry is cut short");
	*ret = (struct archive_entry){.codec = codec_find(at + 16)};
	if (!format_allows(r->format, ret->codec))
		return err_set(e, ERR_INPUT, "encoding unknown in this format");
	stream_len = read_be64(at + 8);
	name_len = read_be32(at + 24);
	at += PREFIX_BYTES;
	left -= PREFIX_BYTES;
	/* Of nothing no encoding makes anything: an empty file has a stream as well. */
	if (stream_len == 0)
		return err_set(e, ERR_INPUT, "entry without a stream");
	/* By subtracting: the sum of two lengths from outside could wrap. */
	if (name_len > left || stream_len > left - name_len)
		return err_set(e, ERR_INPUT, "entry is cut short");
	if (read_name(at, name_len, ret, e) != 0)
		return -1;
	ret->stream = span_of(at + name_len, (size_t)stream_len);
	r->at += PREFIX_BYTES + name_len + (size_t)stream_len;
	return 0;
}

/*
 * An entry begins with the magic and the end is the bare magic, so that which of them it is shows
 * only in what is left. Bytes behind the end would be taken for an entry, and are an error.
 */
enum archive_step
archive_next(struct archive_reader *r, struct archive_entry *ret, struct err *e)
{
	size_t start = r->at;
	size_t left = r->bytes.len - start;

	if (left < MAGIC_BYTES || memcmp(r->bytes.at + start, magics[r->format], MAGIC_BYTES) != 0)
		return err_set(e, ERR_INPUT, "archive at %zu: %s", start,
			left < MAGIC_BYTES ? "terminator is missing" : "not an entry");
	if (left == MAGIC_BYTES)
		return ARCHIVE_END;
	if (read_entry(r, ret, e) != 0)
		return err_wrap(e, "archive at %zu", start);
	return ARCHIVE_ENTRY;
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

int
archive_add(struct archive_writer *w, const struct archive_entry *entry, struct err *e)
{
	uint8_t head[PREFIX_BYTES + DELTA_NAME_BYTES + 1] = {0};
	bool delta = codec_is_delta(entry->codec);
	size_t name_len = delta ? DELTA_NAME_BYTES : NAME_BYTES;
	uint64_t stream_len_be = htobe64(entry->stream.len);
	uint32_t name_len_be = htobe32((uint32_t)name_len);
	char hex[DIGEST_HEX + 1];

	/* Which stream goes into which format is our own choice (encode_entry). */
	assert(format_allows(w->format, entry->codec));
	memcpy(head, magics[w->format], MAGIC_BYTES);
	memcpy(head + 8, &stream_len_be, 8);
	memcpy(head + 16, codec_name(entry->codec), strlen(codec_name(entry->codec)));
	memcpy(head + 24, &name_len_be, 4);
	memcpy(head + PREFIX_BYTES, digest_hex(&entry->file, hex), DIGEST_HEX);
	if (delta) {
		head[PREFIX_BYTES + DIGEST_HEX] = ':';
		memcpy(head + PREFIX_BYTES + DIGEST_HEX + 1, digest_hex(&entry->base, hex),
			DIGEST_HEX);
	}
	if (put(w, span_of(head, PREFIX_BYTES + name_len), e) != 0)
		return -1;
	return put(w, entry->stream, e);
}

int
archive_end(struct archive_writer *w, struct archive_ref *ret, struct err *e)
{
	if (put(w, span_of(magics[w->format], MAGIC_BYTES), e) != 0)
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
