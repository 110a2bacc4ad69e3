/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_EXPIRE_H
#define LRK_EXPIRE_H

#include "net.h"

void lrk_expire_init(struct lrk_net *ln);
void lrk_expire_start(struct lrk_net *ln);
void lrk_expire_stop(struct lrk_net *ln);

#endif /* LRK_EXPIRE_H */
