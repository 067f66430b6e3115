#!/usr/bin/env bash
# Installs what is missing of the packages that the given groups need.
#   scripts/install_deps.sh build [test] [bench] [peers] [dev]
# Elsewhere than on Debian and its kin, or for who may not install, says what is lacking and fails.
set -euo pipefail

cxx=${CXX:-c++}
packages=()

need() {  # need <package> <command that succeeds if it is there>
  "${@:2}" >/dev/null 2>&1 </dev/null || { [[ $cxx == false ]] && is_installed "$1"; } || packages+=("$1")
}
is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }
header() { echo "#include <$1>" | "$cxx" -std=c++20 -E -x c++ -; }
links() { echo 'int main() {}' | "$cxx" -x c++ - -o /dev/null "$@"; }
boost_is_new_enough() {
  header boost/version.hpp >/dev/null &&
    printf '#include <boost/version.hpp>\n#if BOOST_VERSION < 108100\n#error\n#endif\n' |
    "$cxx" -E -x c++ -
}
clang_runtime() { echo 'int main() {}' | clang++-19 -fsanitize=thread -x c++ - -o /dev/null; }

for group in "${@:-build}"; do
  case $group in
    build)
      command -v "$cxx" >/dev/null || { packages+=(g++); cxx=false; }
      need cmake command -v cmake
      need ninja-build command -v ninja
      need libboost1.81-dev boost_is_new_enough
      need libboost-serialization1.81-dev links -lboost_serialization
      need libssl-dev header openssl/hmac.h
      need libcli11-dev header CLI/CLI.hpp
      ;;
    test)
      need libgtest-dev links -lgtest -pthread
      need libsqlite3-dev header sqlite3.h
      need pkg-config command -v pkg-config
      need python3 python3 -c "import json, unittest, xml.etree.ElementTree"
      ;;
    bench) need python3 python3 -c "import multiprocessing" ;;
    peers)  # take part in the benchmarks where they are installed
      need libtbb-dev header oneapi/tbb/parallel_for.h
      need liblmdb-dev header lmdb.h
      need libhiredis-dev header hiredis/hiredis.h
      need redis-server command -v redis-server
      need python3-joblib python3 -c "import joblib"
      ;;
    dev)
      need clang-19 command -v clang++-19
      need libclang-rt-19-dev clang_runtime
      need llvm-19 command -v llvm-symbolizer-19  # names in what the sanitizers print
      need git command -v git
      need file command -v file  # these two for the Debian package of a shared library
      need dpkg-dev command -v dpkg-shlibdeps
      need clang-format-19 command -v clang-format-19
      need clang-tidy-19 command -v clang-tidy-19
      ;;
    *) echo "unknown group: $group" >&2; exit 2 ;;
  esac
done

[[ ${#packages[@]} -gt 0 ]] || exit 0
mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
give_up() {
  echo "Missing (names as in Debian 12): ${packages[*]}" >&2
  echo "$1" >&2
  exit 1
}
command -v apt-get >/dev/null ||
  give_up "Please install them, or their counterparts here, and start again."
by_hand="Please have them installed, and start again. As root: apt-get install ${packages[*]}"
as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || give_up "$by_hand"
  as_root=(sudo)
fi

echo "Installing: ${packages[*]}"
"${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 update -qq || give_up "$by_hand"
if ! apt-cache show libboost1.81-dev >/dev/null 2>&1; then  # a newer Debian or Ubuntu
  packages=("${packages[@]/boost1.81-dev/boost-dev}")
  packages=("${packages[@]/serialization1.81-dev/serialization-dev}")
fi
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${packages[@]}" ||
  give_up "$by_hand"
