#!/bin/sh
# Kills what a lab has started when the lab's own process is gone, however it died: SIGKILL leaves no time to tidy up.
# Reads lines "+PGID" and "-PGID" from a pipe whose other end only the lab holds; end of input means the lab is dead.
trap '' INT TERM HUP
groups=' '
while read -r line; do
  group=${line#?}
  case $line in
    +*) groups="$groups$group " ;;
    -*) case $groups in *" $group "*) groups="${groups%%" $group "*} ${groups#*" $group "}" ;; esac ;;
  esac
done
for group in $groups; do
  kill -s KILL -- "-$group" 2>/dev/null
done
exit 0
