/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_HOOK_H
#define LRK_HOOK_H

#include "net.h"

int lrk_hook_open(struct lrk_net *ln);
void lrk_hook_settle(struct lrk_net *ln);
int lrk_hook_init(void);
void lrk_hook_exit(void);

#endif /* LRK_HOOK_H */
