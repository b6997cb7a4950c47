#!/bin/sh
# Runs one fuzz target for a while: run.sh TARGET SECONDS. What it finds goes
# to corpus/NAME in the current folder, its output to fuzz-NAME.log; an input
# that breaks the target becomes fuzz-NAME-crash-..., and exit status 1.
set -eu

target=$1
seconds=$2
name=${target##*/fuzz_}
here=$(dirname "$0")
log=fuzz-$name.log

case $name in
cachecontrol|conn|date|fields|frame|list|vary) words=http ;;
key|target) words=api ;;
upstream) words=answer ;;
config) words=config ;;
*) words= ;;
esac

mkdir -p "corpus/$name"
if ! "$target" -max_total_time="$seconds" -max_len=2048 -print_final_stats=1 \
    -artifact_prefix="fuzz-$name-" ${words:+"-dict=$here/$words.dict"} \
    "corpus/$name" "$here/corpus/$name" >"$log" 2>&1; then
	echo "fuzz $name: FAILED, see $log"
	tail -n 40 "$log" >&2
	exit 1
fi
sed -n "s/^#\([0-9]*\)\tDONE *cov: \([0-9]*\) ft: \([0-9]*\).*\
/fuzz $name: \1 runs, \2 edges, \3 features/p" "$log"
