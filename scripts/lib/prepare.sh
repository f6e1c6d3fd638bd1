# Sourced by the other scripts. Brings a fresh checkout to a built state with nothing but Node 20+, npm and apt,
# and puts the pinned runtime (Node 24 from the lock file) first on PATH.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export TURBO_TELEMETRY_DISABLED=1 npm_config_loglevel=error npm_config_update_notifier=false

install_dependencies() {
  local stamp="$root/node_modules/.basalt-installed"
  if [ ! -e "$stamp" ] || [ "$root/pnpm-lock.yaml" -nt "$stamp" ]; then
    local version
    version=$(sed -n 's/.*"packageManager": "pnpm@\([^"]*\)".*/\1/p' "$root/package.json")
    (cd "$root" && CI=true npx -y "pnpm@$version" install --frozen-lockfile --reporter=append-only >&2)
    touch "$stamp"
  fi
  export PATH="$root/node_modules/.bin:$PATH"
}

build() {
  (cd "$root" && turbo run build --output-logs=errors-only >&2)
}
