#!/bin/sh
# What figures were measured on, as a paragraph of the report.
of_cpu() { lscpu 2> /dev/null | sed -n "s/^ *$1: *//p" | head -n 1; }
cpu="$(of_cpu 'Model name') (family $(of_cpu 'CPU family'), model $(of_cpu 'Model')), $(nproc) cores"
caches="L1d $(of_cpu 'L1d cache'), L2 $(of_cpu 'L2 cache'), L3 $(of_cpu 'L3 cache')"
echo "Machine: $cpu; $caches; $(uname -sm); $(${RUSTC:-rustc} --version | cut -d' ' -f1-2), plain build for this architecture."
echo "Date: $(LC_ALL=C date -u '+%-d %B %Y'). Load before the run: $(cut -d' ' -f1-3 /proc/loadavg)."
echo "Command: \`make bench${BENCH_ARGS:+ BENCH_ARGS=\"$BENCH_ARGS\"}\`."
echo
