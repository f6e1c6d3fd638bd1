#!/usr/bin/env bash
# Takes away what install.sh has put on the machine.
#
#   ./uninstall.sh [--prefix DIR] [--root DIR] [--purge]
#
#   --prefix DIR, --root DIR   as they were given to install.sh
#   --purge                    configuration, logs and everything that is stored go too, and the user
#
# Without --purge configuration, logs and content stay.
set -euo pipefail
shopt -s nullglob

prefix=/usr/local/basalt
root=
is_purge=no

say() { printf 'basalt: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

while [ $# -gt 0 ]; do
  case "$1" in
    --prefix | --root)
      [ $# -ge 2 ] || die "$1 needs a value"
      case "$1" in
        --prefix) prefix=${2%/} ;;
        --root) root=${2%/} ;;
      esac
      shift 2
      ;;
    --purge) is_purge=yes; shift ;;
    -h | --help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | sed '$d'; exit 0 ;;
    *) die "unknown option $1; --help lists all" ;;
  esac
done

case "$prefix" in
  /*[!/]*) ;;
  *) die "--prefix must be an absolute path other than /" ;;
esac
if [ -n "$root" ]; then
  [ -d "$root" ] || die "there is no folder $root"
  root=$(cd "$root" && pwd)
  [ "$root" != / ] || root=
fi
[ "$(id -u)" = 0 ] || die "uninstalling needs root"
home=$root$prefix
manifest=$home/.installed
[ -L "$home/current" ] || die "nothing is installed in $home"

has_systemd=no
[ -n "$root" ] || ! [ -d /run/systemd/system ] || has_systemd=yes

if [ "$has_systemd" = yes ] && grep -q '^file /etc/systemd/system/basalt.service$' "$manifest" 2>/dev/null; then
  units=$(sed -n 's|^file /etc/systemd/system/\(.*\)$|\1|p' "$manifest")
  # shellcheck disable=SC2086
  systemctl disable --now $units >/dev/null 2>&1 || true
fi
if "$home/bin/basalt" status --home "$home" >/dev/null 2>&1; then
  "$home/bin/basalt" stop --home "$home" >/dev/null || die "the running server could not be stopped"
fi

# The folders of <Disk>, relative ones below the home folder.
disks=()
if [ "$is_purge" = yes ] && [ -r "$home/server.xml" ]; then
  listed=$(tr '\n' ' ' <"$home/server.xml" | sed 's/<!--/\x01/g; s/-->/\x02/g; s/\x01[^\x02]*\x02//g' |
    { grep -o '<Disk\( [^>]*\)\?>[^<]*</Disk>' || true; } | sed 's/<[^>]*>//g; s/^[[:space:]]*//; s/[[:space:]]*$//')
  while IFS= read -r disk; do
    case "$disk" in
      '') ;;
      /*) disks+=("$disk") ;;
      *) disks+=("$home/$disk") ;;
    esac
  done <<<"$listed"
fi

user=
touch "$manifest"
while IFS= read -r line; do
  case "$line" in
    'file '/*) rm -f "$root${line#file }" ;;
    'user '*) user=${line#user } ;;
    'sysctl '*=*)
      setting=${line#sysctl }
      name=${setting%%=*}
      [ -n "$root" ] || printf '%s' "${setting#*=}" 2>/dev/null >"/proc/sys/${name//.//}" || true
      ;;
  esac
done <"$manifest"
[ "$has_systemd" = no ] || systemctl daemon-reload

rm -rf "${home:?}/releases" "$home/current" "$home/previous"
rm -f "$home/bin/basalt" "$home/server.xml.default" "$home/vhosts.xml.default" "$home/install.sh" "$home/uninstall.sh"
rm -f "$home/install.log" "$manifest" "$home/BASALT-MIB.txt"
rm -rf "$home/run"
# What the installer made and nobody has used goes too.
rmdir "$home/bin" "$home/svc" "$home/conf" "$home/log" "$home/data" 2>/dev/null || true

if [ "$is_purge" = yes ]; then
  for disk in ${disks[@]+"${disks[@]}"}; do
    # Only what the marker says is Basalt's.
    [ -e "$disk/basalt-disk.json" ] || continue
    rm -rf "${disk:?}/seg" "${disk:?}/obj"
    rm -f "$disk/basalt-disk.json"
  done
  # Where an instance without disks holds its content.
  memory=/dev/shm/basalt-$(printf '%s' "$home" | sha256sum | cut -c1-12)
  [ ! -e "$memory/basalt-disk.json" ] || rm -rf "$memory"
  rm -rf "${home:?}"
  # One that an earlier installation made is known by its home folder.
  if [ -z "$root" ] && [ "$(getent passwd basalt | cut -d: -f6)" = "$prefix" ]; then user=basalt; fi
  if [ -n "$user" ] && [ -z "$root" ]; then userdel "$user" 2>/dev/null || true; fi
else
  rmdir "$home" 2>/dev/null || say "configuration, logs and content stay in $home; --purge removes them"
fi
say "uninstalled"
