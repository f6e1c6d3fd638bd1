# Sourced. Installs Debian packages that tests and benchmarks use, without letting Debian start any service.

# usage: install_debian_packages COMMAND=PACKAGE ...   (only packages whose command is missing are installed)
install_debian_packages() {
  local wanted=() pair
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || [ -x "/usr/sbin/${pair%%=*}" ] || wanted+=("${pair#*=}")
  done
  [ ${#wanted[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "not root on Debian: ${wanted[*]} not installed; what needs them is skipped" >&2
    return 0
  fi
  local policy=/usr/sbin/policy-rc.d ours=no status=0
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    ours=yes
  fi
  {
    apt-get update -qq &&
      RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${wanted[@]}" </dev/null
  } >/dev/null || status=$?
  [ "$ours" = no ] || rm -f "$policy"
  return "$status"
}
