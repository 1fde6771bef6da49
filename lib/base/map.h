/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * map.h - files as memory.
 *
 * Does:     maps a file to read it, or makes one of a known size to fill it. The
 *           pages belong to the file, so memory use does not grow with its size. Small
 *           files are read instead: the page tables would cost more than the bytes.
 * Owner:    map_close unmaps; the file stays
 * Errors:   ERR_FULL: the whole size is reserved before the first byte is
 *           written, since a full disk would otherwise arrive as a signal
 * Source:   mmap(2), posix_fallocate(3)
 */
#ifndef MAP_H
#define MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"

enum { MAP_SMALL_BYTES = 1 << 16 };

enum map_kind { MAP_OF_FILE, MAP_OF_MEMORY };

struct map {
	uint8_t *at; /* NULL: closed */
	size_t len;
	enum map_kind kind;
};

#define AUTO_MAP __attribute__((cleanup(map_close)))

/* A regular file below dir, read-only. */
int map_open(int dir, const char *name, struct map *ret, struct err *e);

/*
 * The same, but every byte is read before it is mapped, so that what a disk cannot read any
 * more is an error here, and not a signal in the middle of a decoder. ret_digest: its SHA-256;
 * NULL: nobody asks for that.
 */
int map_open_read(int dir, const char *name, const struct stop *stop, struct map *ret,
	struct digest *ret_digest, struct err *e);

/* A new file of exactly len bytes, writable; one that is there is replaced. */
int map_create(int dir, const char *name, size_t len, struct map *ret, struct err *e);

/*
 * Writable memory of len bytes that is gone with map_close: the process's where it is
 * a few megabytes, otherwise a file in dir that has no name.
 */
int map_scratch(int dir, size_t len, struct map *ret, struct err *e);

/*
 * Files one behind the other, in such memory; open maps the one with an index. ERR_DIGEST: they do
 * not have bytes together.
 */
int map_join(int dir, size_t bytes, size_t count,
	int (*open)(void *context, size_t index, struct map *ret, struct err *e), void *context,
	struct map *ret, struct err *e);

/* Unmap; a zeroed map is closed already. */
void map_close(struct map *m);

struct span map_span(const struct map *m);

/* Let go of a file's pages; they come back from it when they are touched. */
void map_let_go(const struct map *m);

/* The SHA-256 of all bytes, letting go of them on the way; stopped, of some of them. */
struct digest map_digest(const struct map *m, const struct stop *stop);

#endif
