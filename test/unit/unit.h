/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * unit.h - what the unit tests share. A test's name is a claim: thing__what_is_true.
 */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"

#define SUITE(name) void name##_tests(TCase *c);
#include "suites.def"
#undef SUITE

struct span unit_text(const char *s);

/* A new directory for one test, removed when the tests end. Returns a descriptor and its path. */
int unit_dir(char **ret_path);

/* How many entries a directory below it has. */
unsigned unit_count(int dir, const char *path);

/* From now on so many files can be open, 0: none more; UINT_MAX: as many as may be. */
void unit_limit_files(unsigned count);

/* From now on there is no thread for anybody. */
void unit_no_threads(void);

/* Both clocks go ahead by so much, for the test that says so. */
void unit_clock_advance_ms(uint64_t ms);

/* What happens while the program sleeps the next time, which is a call and no time. */
void unit_clock_meanwhile(void (*call)(void *context), void *context);

/* Both clocks stand, and go on only as far as a test says. */
void unit_clock_stop(void);

/*
 * From now on what the test's process says is kept: what it has said since, on standard output and
 * as complaints.
 */
void unit_listen(void);
const char *unit_output(void);
const char *unit_complaints(void);

/* Bytes that compress like text does; the same seed, the same bytes. The caller frees. */
unsigned char *unit_bytes(size_t len, unsigned seed);

#endif
