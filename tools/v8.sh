#!/bin/sh
# The settings of V8 that the daemon is built and measured with: sourced.
#
# A small young generation and a bound on the heap keep V8 from spending memory to save on collecting. What thousands of
# sessions are moved with lives for some milliseconds: V8 would take that for a long life, and make all that follows in
# the old generation at once.

# shellcheck disable=SC2034  # used by those who source this
v8_flags=--v8-flags=--expose-gc,--max-semi-space-size=4,--initial-old-space-size=32,--heap-growing-percent=15,--max-heap-size=384,--no-allocation-site-pretenuring
