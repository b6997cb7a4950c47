/*
 * Usage as JSON: the answer to the control socket's usage command, and the
 * members that every row of counts has wherever it is shown.
 *
 * Main thread, but for usage_report_add, which is pure.
 */
#ifndef ADMIN_USAGE_REPORT_H
#define ADMIN_USAGE_REPORT_H

#include "admin/accounting.h"

#include <cjson/cJSON.h>

/* Adds the counts, hitRatio and callsSaved to o. */
void usage_report_add(cJSON *o, const uint64_t v[USAGE_COUNT]);
/*
 * Answers a command as the accounting stands. NULL with what is wrong with the
 * command in *fault, a constant.
 */
cJSON *usage_report(struct accounting *a, const cJSON *command, int64_t now_ms,
    const char **fault);
/* The fault, NULL when the command can be answered. */
const char *usage_report_fault(const cJSON *command);

#endif
