/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * migrate_fspms.h - fspms.conf, which a shell reads.
 *
 * Shapes:   assignments name="value"; additional_java_args="-Da=b -Dc=d"
 * Errors:   those of migrate_read.h
 */
#ifndef MIGRATE_FSPMS_H
#define MIGRATE_FSPMS_H

#include "base/err.h"
#include "migrate/migrate_table.h"

int migrate_fspms_read(struct migration *m, const char *path, struct err *e);

#endif
