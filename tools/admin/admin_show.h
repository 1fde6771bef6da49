/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * admin_show.h - a server's status on a terminal.
 *
 * Does:     prints parts of the document that guts2d(8), STATUS has; in colours where colour is
 *           wanted. What is from outside is cleaned.
 */
#ifndef ADMIN_SHOW_H
#define ADMIN_SHOW_H

#include "model/doc.h"

void admin_show_status(const json_t *status, bool colour);
void admin_show_types(const json_t *status);
void admin_show_jobs(const json_t *status);
void admin_show_upstreams(const json_t *status);
void admin_show_settings(const json_t *status);

#endif
