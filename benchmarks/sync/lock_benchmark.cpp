// Lock against a robust process-shared pthread mutex and a bare futex lock: rounds of all of them
// in turn, medians over the rounds.
//
//   lock_benchmark [rounds]
//
// Ideal, with 1 us inside and 1 us outside, is 1 M/s: somebody is inside all the time.

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include <multiprocessing/synchronize.hpp>
#include <support/forked.hpp>

#include "peers.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using benchmark_support::tie_to;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// A chain of dependent steps: as long on a busy machine as on a quiet one, while it runs.
void work(long steps) {
  std::uint64_t x = 1;
  for (long i = 0; i < steps; ++i) {
    x = x * 6364136223846793005U + 1442695040888963407U;
    asm volatile("" : "+r"(x));
  }
}

long steps_of_a_microsecond() {
  constexpr long kSteps = 2'000'000;
  double least = 1;
  for (int i = 0; i < 5; ++i) {
    const auto start = Clock::now();
    work(kSteps);
    least = std::min(least, seconds_since(start));
  }
  return std::max(1L, static_cast<long>(kSteps * 1e-6 / least));
}

constexpr int kMost = 8;

struct Board {
  std::atomic<int> ready{0};
  std::atomic<bool> stop{false};
  long inside = 0;  // under the lock
  std::array<long, kMost * 16> counts{};
};

struct Section {
  int processes;
  bool pinned;
  long steps;  // inside, and again outside
};

struct Result {
  double rate;   // M/s
  double share;  // of the one that got it least often, to the one that got it most often
};

template <class L>
Result contend(const L& lock, const Section& section) {
  auto* board = peers::shared<Board>();
  std::vector<pid_t> pids;
  for (int i = 0; i < section.processes; ++i) {
    const pid_t pid = ::fork();
    if (pid != 0) {
      pids.push_back(pid);
      continue;
    }
    if (section.pinned) tie_to(i);
    board->ready.fetch_add(1);
    while (board->ready.load() <= section.processes) ::sched_yield();
    long count = 0;
    for (; !board->stop.load(std::memory_order_relaxed); ++count) {
      lock.acquire();
      ++board->inside;
      work(section.steps);
      lock.release();
      work(section.steps);
    }
    board->counts[static_cast<std::size_t>(i) * 16] = count;
    ::_exit(0);
  }
  while (board->ready.load() < section.processes) ::usleep(100);
  board->ready.fetch_add(1);
  const auto start = Clock::now();
  ::usleep(300'000);
  board->stop.store(true);
  for (const pid_t pid : pids) ::waitpid(pid, nullptr, 0);
  const double took = seconds_since(start);

  long sum = 0, least = board->counts[0], most = 0;
  for (int i = 0; i < section.processes; ++i) {
    const long count = board->counts[static_cast<std::size_t>(i) * 16];
    sum += count;
    least = std::min(least, count);
    most = std::max(most, count);
  }
  if (sum != board->inside) {
    std::fprintf(stderr, "not exclusive: %ld of %ld\n", board->inside, sum);
    std::abort();
  }
  ::munmap(board, sizeof *board);
  return {static_cast<double>(sum) / took / 1e6,
          static_cast<double>(least) / static_cast<double>(std::max(1L, most))};
}

template <class L>
double nanoseconds_a_pair(const L& lock) {
  constexpr int kPairs = 2'000'000;
  const auto start = Clock::now();
  for (int i = 0; i < kPairs; ++i) {
    lock.acquire();
    lock.release();
  }
  return seconds_since(start) / kPairs * 1e9;
}

std::map<std::string, std::vector<double>> results;
std::vector<std::string> order;

void note(const std::string& name, double value) {
  if (!results.contains(name)) order.push_back(name);
  results[name].push_back(value);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

struct Scene {
  const char* name;
  Section section;
};

template <class L>
void measure_pair(const char* name) {
  note(std::string("uncontended pair, ns           ") + name, nanoseconds_a_pair(L()));
}

template <class L>
void measure(const Scene& scene, const char* name) {
  const Result result = contend(L(), scene.section);
  note(std::string(scene.name) + name, result.rate);
  if (scene.section.processes > 2)
    note(std::string("  least of most share          ") + name, result.share);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
  const long us = steps_of_a_microsecond();
  const std::vector<Scene> scenes{
      {"2 pinned, empty, M/s           ", {2, true, 0}},
      {"2 unpinned, empty, M/s         ", {2, false, 0}},
      {"2 pinned, 1 us + 1 us, M/s     ", {2, true, us}},
      {"2 unpinned, 1 us + 1 us, M/s   ", {2, false, us}},
      {"8 unpinned, 1 us + 1 us, M/s   ", {8, false, us}},
  };
  for (int round = 0; round < std::max(1, rounds); ++round) {
    measure_pair<multiprocessing::Lock>("Lock");
    measure_pair<multiprocessing::RLock>("RLock");
    measure_pair<peers::RobustMutex>("robust mutex");
    measure_pair<peers::FutexLock>("futex lock");
    for (const Scene& scene : scenes) {
      measure<multiprocessing::Lock>(scene, "Lock");
      measure<peers::RobustMutex>(scene, "robust mutex");
      measure<peers::FutexLock>(scene, "futex lock");
    }
  }
  std::printf("%d rounds\n%-46s %10s %10s %10s\n", std::max(1, rounds), "", "median", "least",
              "most");
  for (const std::string& name : order) {
    const auto [least, most] = std::ranges::minmax(results[name]);
    std::printf("%-46s %10.3f %10.3f %10.3f\n", name.c_str(), median(results[name]), least, most);
  }
}
