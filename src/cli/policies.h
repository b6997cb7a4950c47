/*
 * From the [route] sections of a configuration to the rules of all
 * operations.
 */
#ifndef CLI_POLICIES_H
#define CLI_POLICIES_H

#include "api/policy.h"
#include "base/config.h"

/*
 * NULL with a message in why (caller frees; starts with FILE:LINE) when a
 * section matches nothing.
 */
struct api_policies *policies_of_config(
    const struct config *config, char **why);

#endif
