#include "insert.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>

#include <multiprocessing/managers.hpp>

#include "boost_peer.hpp"

namespace {

using Set = std::function<void(const std::string& key, int value)>;

constexpr std::int64_t kPromised = 5'000'000;  // nanoseconds that no set takes

std::int64_t now(clockid_t clock) {
  std::timespec time{};
  ::clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// 15 characters, as many as an entry is promised for, in no order.
void write_key(std::string& key, int i) {
  constexpr std::uint64_t kPrime = 99'999'999'977;  // below 1e11: a permutation of what is below it
  std::array<char, 16> text{};
  std::snprintf(
      text.data(), text.size(), "key_%011llu",
      static_cast<unsigned long long>(static_cast<std::uint64_t>(i) * 7'919'000'003U % kPrime));
  key.assign(text.data(), 15);
}

/// What the kernel has given to the arena's file.
std::int64_t arena_bytes() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (!target.starts_with("/memfd:multiprocessing")) continue;
    struct stat status{};
    if (::stat(entry.path().c_str(), &status) == 0) return std::int64_t{status.st_blocks} * 512;
  }
  std::abort();
}

long preemptions() {
  struct rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

struct Inserts {
  std::int64_t worst_wall = 0, worst_cpu = 0, wall = 0, beyond = 0;
  long preempted = 0;
};

Inserts insert(int entries, const Set& set) {
  Inserts result;
  const long preempted = preemptions();
  std::string key;
  for (int i = 0; i < entries; ++i) {
    write_key(key, i);
    const std::int64_t wall = now(CLOCK_MONOTONIC);
    const std::int64_t cpu = now(CLOCK_THREAD_CPUTIME_ID);
    set(key, i);
    const std::int64_t cpu_took = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
    const std::int64_t wall_took = now(CLOCK_MONOTONIC) - wall;
    result.worst_cpu = std::max(result.worst_cpu, cpu_took);
    result.worst_wall = std::max(result.worst_wall, wall_took);
    result.wall += wall_took;
    if (wall_took > kPromised) ++result.beyond;
  }
  result.preempted = preemptions() - preempted;
  return result;
}

void print(const char* name, int entries, const Inserts& inserts, std::int64_t bytes) {
  std::printf("%-32s %12.3f %12.3f %10lld %12ld %12.2f %12.1f\n", name,
              static_cast<double>(inserts.worst_cpu) / 1e6,
              static_cast<double>(inserts.worst_wall) / 1e6, static_cast<long long>(inserts.beyond),
              inserts.preempted, static_cast<double>(inserts.wall) / 1e3 / entries,
              static_cast<double>(bytes) / entries);
  std::fflush(stdout);
}

}  // namespace

void measure_inserts(int entries) {
  std::printf("\n%-32s %12s %12s %10s %12s %12s %12s\n",
              (std::to_string(entries) + " sets of new keys").c_str(), "worst CPU ms",
              "worst wall ms", "> 5 ms", "preemptions", "us each", "bytes each");
  std::printf("%-32s %12s %12s %10s %12s %12s %12s\n", "(wanted)", "5", "", "", "", "", "64");
  {
    const multiprocessing::Dict<std::string, int> dict;
    dict.set("key_", 0);  // the arena is there
    const std::int64_t before = arena_bytes();
    const auto inserts =
        insert(entries, [&dict](const std::string& key, int value) { dict.set(key, value); });
    print("Dict", entries, inserts, arena_bytes() - before);
  }
  const peer::BoostDict other(static_cast<std::size_t>(entries) * 160 + (std::size_t{64} << 20U));
  const std::size_t before = other.bytes();
  const auto inserts =
      insert(entries, [&other](const std::string& key, int value) { other.set(key, value); });
  print("Boost unordered_map and mutex", entries, inserts,
        static_cast<std::int64_t>(other.bytes() - before));
}
