/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_GROW_H
#define LRK_GROW_H

#include "net.h"

int lrk_table_reserve(struct lrk_net *ln, u32 more);
void lrk_table_trim(struct lrk_net *ln);

#endif /* LRK_GROW_H */
