/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * faults.h - a disk that fails once, or forgets what was not synced, for tests.
 *
 * Does:     of the calls that write, sync, name, or remove what has a name, the n-th fails with
 * EIO; and looks whether bytes are synced before they have a name, and names in the end Source:   a
 * function of the program stands before one of the C library of the same name
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>

#include "base/err.h"

/* From now on. n counts from 1. */
void faults_begin(unsigned n);

/* The same with ENOSPC. */
void faults_begin_full(unsigned n);

/* It is called before each of those calls, until the next call of this; NULL: nothing is. */
void faults_look(void (*look)(void *context), void *context);

/* No more of them. Whether there was one. */
bool faults_stop(void);

/*
 * No more of them. Whether there was one: then what was tried has failed, by its result, and the
 * error says why; else it came to its end.
 */
bool faults_end(int result, const struct err *e);

/* The n-th try from now on to open something by this name fails with this errno. */
void faults_refuse(const char *name, unsigned n, int error);

enum { FAULTS_BLOCK = 4096, FAULTS_BLOCKS = 1 << 20, FAULTS_DISK_SILENT = -1 };

/*
 * From now on every disk has FAULTS_BLOCKS of FAULTS_BLOCK bytes, so many of them free, whatever
 * others write; or does not say how many. 0: as it is.
 */
void faults_disk(long free_blocks);

/* From now on it is looked at what is synced, in the order of the calls of one thread. */
void faults_follow(void);

/*
 * In which order things had their names since then, but for those that a stage has by their
 * digests: of each the first letter, of several alike in a row one. '/': a directory was synced;
 * '|': all of the file system was.
 */
const char *faults_named(void);

/* Whether a power cut just now would lose bytes that have a name, or a name. */
bool faults_would_lose(void);

#endif
