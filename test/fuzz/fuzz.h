/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fuzz.h - a target: one function over hostile bytes. libFuzzer calls it, and so
 * does the replay of corpus/ and regress/ in `make check`.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
