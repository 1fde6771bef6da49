/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * usage.h - which versions the clients of this server have.
 *
 * Does:     remembers what each client said last, of a sample of them that does not
 *           grow: where two share a slot, the later one has it.
 * Units:    _s seconds, monotonic
 * Threads:  any; the lock is held for a look at one slot, or for one walk over memory
 * Owner:    usage_new -> usage_free
 */
#ifndef USAGE_H
#define USAGE_H

#include <stddef.h>
#include <stdint.h>

#include "model/record.h"

struct usage;

struct usage *usage_new(void);
void usage_free(struct usage *u);

/*
 * A client, known by some name, has this version of a type, and asks for archives in this format;
 * -1: it did not say which. One that never does knows the best. Several that share a name, as an
 * address, may ask for several.
 */
void usage_note(
	struct usage *u, const char *client, const struct ident *has, int format, uint64_t now_s);

struct usage_version {
	struct edition edition;
	unsigned formats; /* 1 << format, of each that its clients ask for */
};

/*
 * The versions of a type that most clients said to have within the last day, most
 * used first; at most max of them at ret. Returns how many.
 */
size_t usage_top(
	struct usage *u, const char *type, uint64_t now_s, struct usage_version *ret, size_t max);

#endif
