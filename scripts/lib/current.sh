# Sourced by every script that needs Basalt built: `source scripts/lib/current.sh; make_current`.
# Skips pnpm and turbo when nothing has changed since the last build, so that `scripts/basalt status` stays quick.
source "$(dirname "${BASH_SOURCE[0]}")/prepare.sh"

# npm needs a home folder it can write to; containers and CI may give none.
ensure_home() {
  if [ -z "${HOME:-}" ] || [ ! -d "$HOME" ] || [ ! -w "$HOME" ]; then
    export HOME="$root/.basalt/home"
    mkdir -p "$HOME"
  fi
}

# The shim pnpm puts into node_modules/.bin is a shell that stays between us and node and swallows signals;
# the runtime's own folder goes in front of it.
use_pinned_node() {
  local architecture
  case "$(uname -m)" in
    x86_64) architecture=x64 ;;
    aarch64 | arm64) architecture=arm64 ;;
    *) echo "basalt: no pinned Node for $(uname -m)" >&2; return 1 ;;
  esac
  export PATH="$root/node_modules/node-linux-$architecture/bin:$root/node_modules/.bin:$PATH"
}

is_built() {
  local stamp="$root/node_modules/.basalt-built"
  [ -e "$stamp" ] && [ -e "$root/apps/cli/dist/primary.js" ] && [ -d "$root/apps/edge/dist" ] &&
    [ -z "$(find "$root"/packages/*/src "$root"/apps/*/src "$root"/packages/*/package.json "$root"/apps/*/package.json \
      "$root"/packages/*/tsconfig.json "$root"/apps/*/tsconfig.json "$root/tsconfig.base.json" "$root/scripts/bundle.ts" \
      "$root/scripts/lib/bundleProgram.ts" \
      -newer "$stamp" -print -quit)" ]
}

# Nothing that changes while the build runs may look older than the build.
build_if_changed() {
  if ! is_built; then
    local started="$root/node_modules/.basalt-build-started.$$"
    touch "$started"
    build
    mv "$started" "$root/node_modules/.basalt-built"
  fi
}

make_current() {
  ensure_home
  install_dependencies
  use_pinned_node
  build_if_changed
}

# Runs one of our TypeScript programs with the pinned runtime, which strips the types itself.
run_typescript() {
  exec node --conditions=@basalt/source --disable-warning=ExperimentalWarning "$@"
}
