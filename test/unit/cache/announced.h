/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * announced.h - what a cloud says, and what is announced then, for tests.
 */
#ifndef ANNOUNCED_H
#define ANNOUNCED_H

#include "cache/kept.h"

/* text: as kept_announced says it; "!" after a version: with another cookie. */
void announced_list(const char *text, struct idents *ret);

/* The cloud says so. Whether something waits. */
bool announced_poll(struct kept *k, const char *text);

/* What is announced of a type is forgotten, as an administrator does it. */
int announced_forget(struct kept *k, const char *type, uint64_t version, struct err *e);

/* Something was forgotten since. */
bool announced_due(struct kept *k);

/* Something that is known not to exist: whether it is still. */
struct job_spec announced_note_absent(struct kept *k);
bool announced_is_absent(struct kept *k);

/* Clients have version 4 of a type that is prefetched, of which something is kept; 4 is announced.
 */
void announced_set_up_prefetch(struct kept *k);

#endif
