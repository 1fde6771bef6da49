/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * num.h - numbers from text, strictly, and sums that cannot wrap.
 *
 * Units:    as named by each function
 */
#ifndef NUM_H
#define NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits only, no sign, no leading zero, at most max. False: not that. */
bool num_parse(const char *s, size_t len, uint64_t max, uint64_t *ret);

/* Exactly 2 * bytes hex digits of either case. False, and ret in part written: not that. */
bool num_parse_hex(const char *hex, uint8_t *ret, size_t bytes);

/*
 * A duration: "500ms", "5s", "10m", "2h", "7d"; a bare number counts in
 * bare_unit_ms. At most 10 years. False: not a duration.
 */
bool num_parse_ms(const char *s, uint64_t bare_unit_ms, uint64_t *ret_ms);

/* A number of bytes: "0", "1000", "500k", "512M", "2G", "1T"; k is 1024. False: not that. */
bool num_parse_size(const char *s, uint64_t max, uint64_t *ret);

/* *sum += more; false (and *sum as it was) where that exceeds max. */
bool num_add(uint64_t *sum, uint64_t more, uint64_t max);

/* Bytes for people: "17.0 MB". Returns ret. */
char *num_bytes_text(uint64_t bytes, char *ret, size_t size);

/* Seconds for people, in a unit of which there are two: "119 s", "2 min", "3 h", "4 days". Returns
 * ret. */
char *num_span_text(uint64_t s, char *ret, size_t size);

/* Bytes as num_parse_size reads them back exactly. Returns ret. */
char *num_size_text(uint64_t bytes, char *ret, size_t size);

/* Milliseconds as num_parse_ms reads them back exactly: "10m", "1500ms". Returns ret. */
char *num_ms_text(uint64_t ms, char *ret, size_t size);

#endif
