#!/usr/bin/env bash
# Installs Basalt from the unpacked release that this script lies in, or puts it in the place of an older release.
#
#   ./install.sh [--prefix DIR] [--root DIR] [--no-system] [--download-url URL] [--download-time SECONDS]
#   ./install.sh --back [--prefix DIR] [--root DIR]
#
#   --prefix DIR     where to, and the home folder of the instance; default /usr/local/basalt
#   --root DIR       installs into a folder as if it were /; nothing of the running system is touched
#   --no-system      no user, limits, kernel settings and units: only what is below the prefix
#   --download-url, --download-time   what the log says of where the package came from
#   --back           goes back to the release that the last update replaced
#
# Configuration, content and logs are never touched. The last but one release stays for --back.
set -euo pipefail
shopt -s nullglob
umask 022

prefix=/usr/local/basalt
root=
is_back=no
has_system=yes
download_url=
download_time=0
user=basalt

say() { printf 'basalt: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

while [ $# -gt 0 ]; do
  case "$1" in
    --prefix | --root | --download-url | --download-time)
      [ $# -ge 2 ] || die "$1 needs a value"
      case "$1" in
        --prefix) prefix=${2%/} ;;
        --root) root=${2%/} ;;
        --download-url) download_url=$2 ;;
        --download-time) download_time=$2 ;;
      esac
      shift 2
      ;;
    --back) is_back=yes; shift ;;
    --no-system) has_system=no; shift ;;
    -h | --help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | sed '$d'; exit 0 ;;
    *) die "unknown option $1; --help lists all" ;;
  esac
done

case "$prefix" in
  /*[!/]*) ;;
  *) die "--prefix must be an absolute path other than /" ;;
esac
case "$prefix$root" in
  *[[:space:]\"\'\\\&\|]*) die "paths must hold no blanks, quotes, backslashes, & and |" ;;
esac
if [ -n "$root" ]; then
  [ -d "$root" ] || die "there is no folder $root"
  root=$(cd "$root" && pwd)
  [ "$root" != / ] || root=
fi
[ "$(id -u)" = 0 ] || die "installing needs root"
[ "$(uname -s)" = Linux ] || die "Basalt runs on Linux"

release=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
home=$root$prefix
manifest=$home/.installed
log=$home/install.log
unit_folder=$root/etc/systemd/system
# Units, kernel settings and accounts of a folder are written, but none is put in force.
is_live=yes
[ -z "$root" ] && [ "$has_system" = yes ] || is_live=no
has_systemd=no
[ "$is_live" = no ] || ! [ -d /run/systemd/system ] || has_systemd=yes

started_before=no
socket_before=no
is_running() { [ -x "$home/bin/basalt" ] && "$home/bin/basalt" status --home "$home" >/dev/null 2>&1; }

stop_running() {
  if [ "$has_systemd" = yes ] && systemctl is-active --quiet basalt.socket; then
    socket_before=yes
    systemctl stop basalt.socket
  fi
  is_running || return 0
  started_before=yes
  note "stopping the running server"
  if [ "$has_systemd" = yes ] && systemctl is-active --quiet basalt.service; then
    systemctl stop basalt.service
  else
    "$home/bin/basalt" stop --home "$home" >/dev/null || die "the running server could not be stopped"
  fi
}

start_again() {
  [ "$socket_before" = no ] || systemctl start basalt.socket || say "the ports could not be opened: see journalctl"
  [ "$started_before" = yes ] || return 0
  note "starting the server again"
  if [ "$has_systemd" = yes ] && systemctl is-enabled --quiet basalt.service; then
    systemctl start basalt.service || say "the server did not start: see journalctl -u basalt"
  else
    "$home/bin/basalt" start --home "$home" >/dev/null || say "the server did not start: see $home/log"
  fi
}

note() { printf '%s\n' "$*" >>"$log"; }
section() { printf '\n[%s]\n' "$*" >>"$log"; }

# Files outside the prefix, for the uninstaller.
remember() {
  local line
  for line in "$@"; do
    grep -qxF -- "$line" "$manifest" 2>/dev/null || printf '%s\n' "$line" >>"$manifest"
  done
}

# usage: at_least NAME VALUE   What the machine has by now where that is more; of several numbers the last decides.
at_least() {
  local path=/proc/sys/${1//.//} now
  now=$([ "$is_live" = yes ] && [ -r "$path" ] && tr '\t' ' ' <"$path" || true)
  if [ -n "$now" ] && [ "${now##* }" -gt "${2##* }" ] 2>/dev/null; then printf '%s = %s\n' "$1" "$now"
  else printf '%s = %s\n' "$1" "$2"; fi
}

# usage: link_atomically TARGET LINK
link_atomically() {
  ln -sfn "$1" "$2.new"
  mv -Tf "$2.new" "$2"
}

begin_log() {
  local version=$1
  {
    printf '#DownloadURL: %s\n' "${download_url:-file://$release}"
    printf '#DownloadTime: %s sec\n' "$download_time"
    printf '#Target: basalt %s linux %s\n' "$version" "$(uname -m)"
    printf '#Date: %s\n' "$(date '+%Y.%m.%d %H:%M:%S')"
  } >"$log"
}

if [ "$is_back" = yes ]; then
  [ -L "$home/current" ] || die "nothing is installed in $home"
  [ -L "$home/previous" ] && [ -x "$home/previous/bin/basalt" ] || die "there is no earlier release to go back to"
  from=$(readlink "$home/current")
  to=$(readlink "$home/previous")
  begin_log "$(cat "$home/previous/VERSION")"
  section "Going back"
  stop_running
  link_atomically "$to" "$home/current"
  link_atomically "$from" "$home/previous"
  note "$from -> $to"
  start_again
  printf '\nInstallation successfully complete\n' >>"$log"
  say "back to $(cat "$home/current/VERSION")"
  exit 0
fi

# Uninstalling with --purge removes the whole folder: it must not be one that others use.
if [ -n "$(ls -A "$home" 2>/dev/null)" ] && [ ! -L "$home/current" ] && [ ! -e "$home/server.xml" ] &&
  [ ! -e "$home/vhosts.xml" ] && [ ! -e "$home/install.log" ] && [ ! -e "$home/log/info.log" ]; then
  die "$home holds other things: choose a folder for Basalt alone, such as $prefix/basalt"
fi

for needed in VERSION bin/basalt runtime/node app server.xml.default vhosts.xml.default uninstall.sh systemd; do
  [ -e "$release/$needed" ] || die "this is no complete release: $release/$needed is missing"
done
version=$(cat "$release/VERSION")
case "$version" in '' | *[!0-9A-Za-z.+-]*) die "the release has no usable version" ;; esac
"$release/runtime/node" --version >/dev/null 2>&1 || die "the runtime of this release does not run on this machine"

trap 'say "not installed; $log says how far it came"' ERR
mkdir -p "$home"
begin_log "$version"

section "Copying files"
stop_running
# A folder of its own for each installation, so that going back is possible from a rebuilt package of one version too.
number=$(printf '%s' "$(date +%s)")
while [ -e "$home/releases/$version-$number" ]; do number=$((number + 1)); done
target=releases/$version-$number
mkdir -p "$home/releases"
rm -rf "$home/releases/.new"
cp -R --reflink=auto --preserve=mode,links "$release" "$home/releases/.new"
[ "$(id -u)" != 0 ] || chown -R 0:0 "$home/releases/.new"
mv "$home/releases/.new" "$home/$target"
old=$(readlink "$home/current" 2>/dev/null || true)
older=$(readlink "$home/previous" 2>/dev/null || true)
link_atomically "$target" "$home/current"
if [ -n "$old" ]; then
  link_atomically "$old" "$home/previous"
  [ -z "$older" ] || [ "$older" = "$old" ] || rm -rf "${home:?}/$older"
fi
mkdir -p "$home/bin"
cat >"$home/bin/.basalt.new" <<'WRAPPER'
#!/bin/sh
prefix=$(dirname "$(dirname "$(readlink -f "$0")")")
export BASALT_HOME="${BASALT_HOME:-$prefix}"
exec "$prefix/current/bin/basalt" "$@"
WRAPPER
chmod 755 "$home/bin/.basalt.new"
mv -f "$home/bin/.basalt.new" "$home/bin/basalt"
for script in install.sh uninstall.sh; do ln -sfn "current/$script" "$home/$script"; done
note "$home/$target"

section "Exporting config files"
for file in server.xml vhosts.xml; do
  cp "$release/$file.default" "$home/$file.default"
  note "$home/$file.default"
done
for folder in svc conf log run data; do
  mkdir -p "$home/$folder"
done

section "Configuring Basalt daemon script"
if [ "$has_system" = yes ]; then
  mkdir -p "$unit_folder"
  for unit in "$release"/systemd/*.service "$release"/systemd/*.socket; do
    name=$(basename "$unit")
    if [ "${name##*.}" = socket ] && [ -e "$unit_folder/$name" ]; then
      note "$unit_folder/$name: kept, its ports are the administrator's"
      continue
    fi
    sed "s|/usr/local/basalt|$prefix|g" "$unit" >"$unit_folder/$name"
    remember "file /etc/systemd/system/$name"
    note "$unit_folder/$name"
  done
  mkdir -p "$root/usr/local/bin"
  if [ ! -e "$root/usr/local/bin/basalt" ] || [ -L "$root/usr/local/bin/basalt" ]; then
    ln -sfn "$prefix/bin/basalt" "$root/usr/local/bin/basalt"
    remember "file /usr/local/bin/basalt"
  fi
  if [ "$has_systemd" = yes ]; then
    systemctl daemon-reload
    systemctl enable --quiet basalt.service
    note "enabled for multi-user.target (run levels 2345)"
  else
    note "not enabled: systemd is not in charge here"
  fi
fi

section "Installing sub-packages"
note "none: the runtime and all libraries are part of the release"
if [ "$has_system" = yes ]; then
  mkdir -p "$root/etc/security/limits.d" "$root/etc/sysctl.d"
  printf '%s\n' "# Open files of Basalt: connections, bodies, index." "$user soft nofile 1048576" "$user hard nofile 1048576" \
    >"$root/etc/security/limits.d/90-basalt.conf"
  remember "file /etc/security/limits.d/90-basalt.conf"
  note "/etc/security/limits.d/90-basalt.conf"

  # 512 MB is the guide's figure; a machine with less than 8 GB could not spare it.
  memory_kb=$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo 2>/dev/null || true)
  min_free_kb=524288
  if [ "${memory_kb:-0}" -gt 0 ] && [ "$memory_kb" -lt 8388608 ]; then min_free_kb=$((memory_kb / 16)); fi
  settings=$root/etc/sysctl.d/90-basalt.conf
  {
    echo "# Kernel settings for Basalt, for links of 10 Gbit/s; removed by its uninstaller."
    echo "vm.swappiness = 0"
    at_least vm.min_free_kbytes "$min_free_kb"
    at_least net.core.somaxconn 65535
    at_least net.core.netdev_max_backlog 30000
    at_least net.core.rmem_max 16777216
    at_least net.core.wmem_max 16777216
    at_least net.ipv4.tcp_rmem "4096 131072 16777216"
    at_least net.ipv4.tcp_wmem "4096 65536 16777216"
    at_least net.ipv4.tcp_max_syn_backlog 65535
    echo "net.ipv4.ip_local_port_range = 12000 65000"
    echo "net.ipv4.tcp_slow_start_after_idle = 0"
    echo "net.ipv4.tcp_tw_reuse = 1"
    [ "$is_live" = no ] || modprobe -q tcp_bbr 2>/dev/null || true
    if grep -qw bbr /proc/sys/net/ipv4/tcp_available_congestion_control 2>/dev/null; then
      printf '%s\n' "net.core.default_qdisc = fq" "net.ipv4.tcp_congestion_control = bbr"
    fi
  } >"$settings"
  remember "file /etc/sysctl.d/90-basalt.conf"
  note "/etc/sysctl.d/90-basalt.conf"
  if [ "$is_live" = yes ]; then
    while IFS='=' read -r name value; do
      name=${name// /}
      path=/proc/sys/${name//.//}
      case "$name" in '' | '#'*) continue ;; esac
      [ -e "$path" ] || { note "$name: this kernel does not have it"; continue; }
      before=$(tr '\t' ' ' <"$path")
      grep -q "^sysctl $name=" "$manifest" 2>/dev/null || remember "sysctl $name=$before"
      printf '%s' "${value# }" 2>/dev/null >"$path" || note "$name: could not be set here"
    done <"$settings"
  fi

  if [ "$is_live" = yes ]; then
    if ! id "$user" >/dev/null 2>&1; then
      shell=/usr/sbin/nologin
      [ -x "$shell" ] || shell=/sbin/nologin
      useradd --system --user-group --home-dir "$prefix" --no-create-home --shell "$shell" "$user"
      remember "user $user"
      note "user $user"
    fi
    # Sticky: the service makes files here and cannot put anything in the place of what root runs (bin, current, releases).
    chown "0:$user" "$home"
    chmod 1775 "$home"
    for folder in svc conf log run data; do chown -R "$user:$user" "$home/$folder"; done
    for file in server.xml vhosts.xml; do [ ! -e "$home/$file" ] || chown "$user:$user" "$home/$file"; done
  else
    note "no user, nothing put in force: installed into a folder"
  fi
fi

section "Installing WM"
note "none: the management API answers on port 10040"
start_again
printf '\nInstallation successfully complete\n' >>"$log"
trap - ERR

say "$version is installed in $home"
if [ ! -e "$home/server.xml" ] || [ ! -e "$home/vhosts.xml" ]; then
  say "next: cp $home/server.xml.default $home/server.xml"
  say "      cp $home/vhosts.xml.default $home/vhosts.xml"
  say "      edit both; $home/bin/basalt check; systemctl start basalt"
fi
