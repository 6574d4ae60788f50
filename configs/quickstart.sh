#!/usr/bin/env bash
# What `make run` does: starts the three dfsd of configs/quickstart.yaml as an
# ordinary user, shows what they do, and serves until Ctrl-C or the end of input.
# Where input is no terminal it ends after the show. DEMO=no shows nothing and
# only serves. Everything it makes lies in .dfsd-quickstart and stays for the next
# time, except the processes: they end with this one, however that ends.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

dir=.dfsd-quickstart
hosts=(localhost office branch)
declare -A address=([localhost]=127.0.0.1 [office]=127.0.1.10 [branch]=127.0.2.10)
declare -A pid=() # of the dfsd that should be running, by host
folder='\\127.0.0.1\public\projects'
target='\\127.0.2.10\projects' # the one at the branch

say() { printf '\n%s\n' "$1"; }

fail() { # MESSAGE [HOST]: says what went wrong, and what that host's dfsd said last
  printf 'quickstart: %s\n' "$1" >&2
  [ $# = 1 ] || tail -n 5 "$dir/$2.log" >&2
  exit 1
}

# The processes.

only_one() { # refuses a second run in this folder, and outlives what a killed one left
  mkdir -p -m 700 $dir
  [ -O $dir ] || fail "$PWD/$dir belongs to another user; remove it or run as that user"
  exec 9>>$dir/lock
  flock -n 9 || fail "it runs already in this folder, as process $(<$dir/lock): end it there with Ctrl-C, or with kill $(<$dir/lock)"
  echo $$ >$dir/lock
  for host in "${hosts[@]}"; do
    mkdir -p "$dir/$host"
    # Each dfsd holds a lock of its own as long as it lives. It ends with the
    # script that started it, so this one waits for a moment at most.
    flock -w 10 "$dir/$host/lock" true || fail "the dfsd of an earlier run is still there, as process $(<"$dir/$host/pid")" "$host"
  done
}

start() { # HOST: starts its dfsd and waits until it serves
  (
    exec 9>&-
    flock -n 8 || exit 1
    exec setpriv --pdeathsig TERM bin/dfsd serve -c "$dir/$1.yaml" </dev/null >"$dir/$1.log" 2>&1
  ) 8>"$dir/$1/lock" &
  pid[$1]=$!
  echo $! >"$dir/$1/pid"
  await 60 "the dfsd of $1 to serve" answers "$1"
}

answers() { # HOST: whether its dfsd tells its status, good or bad
  local code=0
  bin/dfsd status -c "$dir/$1.yaml" || code=$?
  [ $code = 0 ] || [ $code = 8 ]
}

all_run() {
  local host
  for host in "${!pid[@]}"; do
    kill -0 "${pid[$host]}" 2>/dev/null || fail "the dfsd of $host has ended; its last words:" "$host"
  done
}

await() { # SECONDS WHAT COMMAND…: polls until the command succeeds
  local seconds=$1 what=$2 end=$((SECONDS + $1))
  shift 2
  until "$@" >/dev/null 2>&1; do
    all_run
    [ $SECONDS -lt $end ] || fail "waited $seconds s in vain for $what; the logs are $dir/*.log"
    sleep 0.05
  done
}

stop_all() { # asks every dfsd to end, and sees to it within 5 s
  trap '' INT TERM HUP
  local host end=$((SECONDS + 5))
  for host in "${!pid[@]}"; do kill "${pid[$host]}" 2>/dev/null || true; done
  for host in "${!pid[@]}"; do
    while kill -0 "${pid[$host]}" 2>/dev/null; do
      [ $SECONDS -lt $end ] || kill -9 "${pid[$host]}" 2>/dev/null || true
      sleep 0.05
    done
  done
}

# The configuration.

configure() { # writes HOST.yaml for each host, with its own lines and the keys of all
  local host here key said changes=()
  here=${PWD//\'/\'\'} # in single quotes of YAML
  here=$(sed 's/[\\&|]/\\&/g' <<<"$here")
  for host in "${hosts[@]}"; do
    key=$(bin/dfsd identity --data-dir "$dir/$host/data")
    changes+=(-e "/{host: $host,/s|SHA256:[^}]*|$key|")
  done
  mkdir -p $dir/{office,branch}/projects
  for host in "${hosts[@]}"; do
    sed "${changes[@]}" -e "s|path: /srv/projects|path: '$here/$dir/$host/projects'|" \
      -e "/^host:\|^data_dir:\|^  socket:\|^  listen:/{s|localhost|$host|;s|127\.0\.0\.1|${address[$host]}|}" \
      configs/quickstart.yaml >"$dir/$host.yaml"
  done
  [ -f $dir/users.yaml ] || said=$(bin/dfsd user set demo -c $dir/localhost.yaml <<<secret 2>&1) || fail "$said"
}

# The show.

show() { # COMMAND [CODE]: prints a command, runs it, and wants its exit code
  local code=0
  printf '\n$ %s\n' "$1"
  eval "$1" 2>&1 9>&- || code=$?
  [ $code = "${2:-0}" ] || fail "that ended with exit code $code"
  [ $code = 0 ] || echo "(exit code $code)"
}

explained() { # the referral of a client there, by localhost's dfsd and not by the file
  bin/dfsd referral explain "$folder" --client 127.0.2.9 --socket $dir/localhost/admin.sock
}

state() { # of the branch's target, as a client there is told
  local set path site cost class rank state reason
  while read -r set path site cost class rank state reason; do
    [ "$path" != "$target" ] || echo "$state"
  done < <(explained)
}

heard() { # whether localhost has had word of the replication behind every target
  local told
  told=$(explained) || return 1
  [[ $told != *'no word of'* ]]
}

is() { [ "$(state)" = "$1" ]; }
same() { [ "$(cat $dir/office/projects/plan.txt)" = "$(cat $dir/branch/projects/plan.txt)" ]; }
old() { [ $((SECONDS - changed)) -gt 3 ]; } # who lacks nothing older than 2 s has caught up
waits() { [[ $(bin/dfsd replication backlog -c $dir/office.yaml) == *plan.txt* ]]; }
well() { bin/dfsd status && is up && heard; }

since() { # MICROSECONDS: how long that is ago, in seconds
  local us=$((${EPOCHREALTIME/./} - $1))
  printf '%d.%02d s' $((us / 1000000)) $((us % 1000000 / 10000))
}

calm() { # ends what a run that was broken off has left decided or paused, and waits until all is well
  bin/dfsd target online "$folder" "$target" >/dev/null
  await 60 "replication to start" bin/dfsd replication resume --all -c $dir/office.yaml
  await 60 "all to be well; 'bin/dfsd status -c $dir/localhost.yaml' says what is not" well
}

places() {
  say 'A client in the office is sent to the office, and to the branch if that does not answer:'
  show "bin/dfsd referral explain '$folder' --client 127.0.1.7"
  say 'A client at the branch is told the opposite. This is what it really sees, over SMB:'
  show "bin/dfsd referral query '$folder' --port 4445 -U demo%secret --from 127.0.2.9"
}

travels() {
  say 'A file that is saved at the office appears at the branch:'
  show "echo 'the plan of $(date +%T)' > $dir/office/projects/plan.txt"
  local saved=${EPOCHREALTIME/./}
  await 60 'the file to travel' same
  say "There it is after $(since "$saved"), of which a closed file rests 0.2 s before it travels:"
  show "cat $dir/branch/projects/plan.txt"
  show "bin/dfsd replication status -c $dir/office.yaml"
}

changed=0 # SECONDS when the branch missed a change

fails() {
  say 'The branch fails. (Its dfsd is killed, which plays the file server here, too.) Clients there have been told
of both targets: they go on to the office by themselves, and save a change there.'
  local victim=${pid[branch]} began=${EPOCHREALTIME/./}
  unset "pid[branch]"
  show "kill -9 $victim"
  wait "$victim" 2>/dev/null || true # without this bash tells of its end
  show "echo 'the plan of $(date +%T), changed' > $dir/office/projects/plan.txt"
  changed=$SECONDS
  await 60 'its target to be down' is down
  say "After $(since "$began") the branch is down. Who asks now is sent to the office first:"
  show "bin/dfsd referral explain '$folder' --client 127.0.2.9"
  show 'bin/dfsd status' 8
  await 60 'the file to wait for the branch' waits
  show "bin/dfsd replication backlog offices/projects --member branch -c $dir/office.yaml"
}

returns() {
  say 'The branch comes back. Replication is paused for a while, so that one can watch: the branch answers, but its
content is old, so it stays behind the office.'
  show "bin/dfsd replication pause offices/projects -c $dir/office.yaml"
  printf '\n$ bin/dfsd serve -c %s/branch.yaml &\n' $dir
  start branch
  await 60 'its target to be lagging' is lagging
  show "cat $dir/branch/projects/plan.txt"
  show "bin/dfsd referral explain '$folder' --client 127.0.2.9"
  await 30 'the change to be old enough' old
  say 'Once it has caught up it is back in its place.'
  show "bin/dfsd replication resume offices/projects -c $dir/office.yaml"
  local began=${EPOCHREALTIME/./}
  await 60 'its target to be up' is up
  echo "caught up and back after $(since "$began")"
  show "cat $dir/branch/projects/plan.txt"
  show "bin/dfsd referral explain '$folder' --client 127.0.2.9"
}

drains() {
  say 'The branch gets new disks: no client shall be there any more, and nothing be lost.'
  show "bin/dfsd target drain '$folder' '$target' --wait --reason 'new disks'"
  show "bin/dfsd referral explain '$folder' --client 127.0.2.9"
  show 'bin/dfsd target list'
  show "bin/dfsd target online '$folder' '$target'"
  await 60 'its target to be up' well
}

tour() {
  say '== 1. Each client is sent to its own site'
  places
  say '== 2. A change travels'
  travels
  say '== 3. A target fails, and comes back'
  fails
  returns
  say '== 4. A target is taken out of service'
  drains
  say '== 5. All on one page'
  show "bin/dfsd report health --html $dir/report.html"
}

introduce() {
  cat <<END
Three dfsd run on this machine as user $(id -un); their logs are $dir/*.log.
  localhost  127.0.0.1   serves the namespace \\\\127.0.0.1\\public on port 4445
  office     127.0.1.10  in site Office, replicates $dir/office/projects
  branch     127.0.2.10  in site Branch, replicates $dir/branch/projects
In earnest a file server such as Samba or Windows stands at the office and at the branch, and shares
these folders on port 445. That port needs root: here the SMB port of each member's own dfsd answers
for its file server when targets are probed.
END
}

hints() {
  cat <<END

Serving \\\\127.0.0.1\\public on port 4445 for user demo, password secret. In another terminal, in $PWD:
  export DFSD_CONFIG=$dir/localhost.yaml
  bin/dfsd referral explain '$folder' --client 127.0.1.7
  bin/dfsd referral query '$folder' --port 4445 -U demo%secret
  bin/dfsd status
  smbclient //127.0.0.1/public -p 4445 -U demo%secret -c 'ls'      # apt install smbclient
END
}

serve() { # until Ctrl-C, the end of input where that can come later, or the end of a dfsd
  local code listen=(read -r -t 1)
  [ -t 0 ] || [ -p /dev/stdin ] || listen=(sleep 1)
  echo 'Ctrl-C ends it.'
  while :; do
    all_run
    code=0
    "${listen[@]}" 9>&- || code=$?
    [ $code = 0 ] || [ $code -gt 128 ] || return 0 # above 128: the second is over
  done
}

trap stop_all EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
export DFSD_CONFIG=$dir/localhost.yaml # whom commands without -c ask
only_one
configure
for host in "${hosts[@]}"; do start "$host"; done
calm
introduce
if [ "${DEMO:-yes}" != no ]; then
  say "$ export DFSD_CONFIG=$DFSD_CONFIG"
  tour
  [ -t 0 ] || exit 0
fi
hints
trap 'echo; exit 0' INT # that is how it is meant to end
serve
