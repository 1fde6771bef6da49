/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * admin_metrics.h - the whole of /metrics: what was counted, and what is so just now.
 *
 * Does:     moments as timestamps, and not as ages; no client is named.
 * Source:   server/metrics.def
 */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "admin/admin.h"
#include "metrics.h"

void admin_metrics_print(
	const struct verbs_parts *parts, struct buf *to, enum metrics_format format);

#endif
