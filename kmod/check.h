/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LRK_CHECK_H
#define LRK_CHECK_H

#include "batch.h"

struct lrk_fault lrk_check(const union lrk_request *request);

#endif /* LRK_CHECK_H */
