/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * status_judge.h - what a status comes to, in one word and its reasons.
 *
 * Does:     adds "state", "good", "attention" or "bad", and "reasons", [{"text","section"}], the
 *           worst first, to a document of status.h: of what stands in it, and of nothing else.
 * Source:   guts2d(8), STATUS
 */
#ifndef STATUS_JUDGE_H
#define STATUS_JUDGE_H

#include "model/doc.h"

void status_judge(json_t *status);

#endif
