/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Header fields and the guard: the input is lines of name: value. */
#include <string.h>

#include "http/fields.h"
#include "fuzz.h"
#include "http/guard.h"
#include "base/mem.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_string_n((const char *)data, size);
	struct guard_head head = {"POST", "HTTP/1.1", 20, size};
	struct guard g = {0};
	const char *reason;
	char *rest = text;
	char *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		char *value = strchr(line, ':');
		size_t name_len = value != NULL ? (size_t)(value - line) : strlen(line);
		uint64_t first = 0;
		uint64_t len = 0;

		value = value != NULL ? value + 1 : line + name_len;
		guard_header(&g, line, name_len, value, strlen(value));
		if (fields_range(value, 1000, &first, &len) == RANGE_PART)
			assert(len > 0 && first < 1000 && len <= 1000 - first);
		(void)fields_accepts(value, "application/x-guts2ar2");
		(void)fields_etag_matches(value, "\"x\"");
		assert(fields_prefer_wait_s(value) <= 86400);
	}
	(void)guard_judge(&g, &head, &reason);
	return 0;
}
