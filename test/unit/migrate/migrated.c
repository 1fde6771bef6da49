/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "migrate/migrated.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "unit.h"

void
migrated_set_up(void)
{
	char *path;
	AUTO_CLOSE int dir = unit_dir(&path);

	ck_assert_int_eq(fchdir(dir), 0);
	free(path);
}

int
migrated_read(migrated_reader *read, const char *old, struct migration *m, struct err *e)
{
	*m = (struct migration){0};
	ck_assert_int_eq(fs_put(AT_FDCWD, "x", "f", unit_text(old), NULL), 0);
	return read(m, "f", e);
}

void
migrated_check(migrated_reader *read, const struct migrated_case *cases, size_t count)
{
	migrated_set_up();
	for (size_t i = 0; i < count; i++) {
		struct migration m;
		struct err e = {0};

		ck_assert_msg(migrated_read(read, cases[i].old, &m, &e) == 0, "%s", e.text);
		unit_listen();
		migrate_table_settle(&m);
		migrate_table_print(&m, false);
		ck_assert_str_eq(unit_output(), cases[i].table);
		migrate_table_free(&m);
	}
}
