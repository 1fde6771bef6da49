/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Request paths: what is accepted is what its canonical name says. */
#include <string.h>

#include "fuzz.h"
#include "model/ident.h"
#include "base/mem.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *path = mem_string_n((const char *)data, size);
	char name[IDENT_NAME_MAX + 1] = "/";
	struct target target;
	struct target again;

	if (ident_target_parse(path, &target, NULL) != 0)
		return 0;
	(void)ident_target_name(&target, name + 1);
	assert(ident_target_parse(name, &again, NULL) == 0);
	assert(again.kind == target.kind && ident_equal(&again.ident, &target.ident) &&
		ident_edition_equal(&again.base, &target.base));
	return 0;
}
