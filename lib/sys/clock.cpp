#include "sys/clock.hpp"

#include <sched.h>

#include <array>
#include <atomic>
#include <bit>
#include <ctime>

#include "sys/calls.hpp"

namespace multiprocessing::sys {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;

// Enough for 8192 processors, the most that Linux can be built for; a mask shorter than the
// kernel's own would be refused.
using CpuMask = std::array<unsigned long, 8192 / (8 * sizeof(unsigned long))>;

int count_cpus() noexcept {
  CpuMask mask{};
  if (calls().sched_getaffinity(sizeof(mask), mask.data()) != 0) return 1;
  int cpus = 0;
  for (const unsigned long word : mask) cpus += std::popcount(word);
  return cpus > 0 ? cpus : 1;
}

}  // namespace

Nanoseconds now() noexcept {
  std::timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

Nanoseconds deadline_after(Nanoseconds span) noexcept {
  const Nanoseconds start = now();
  return span >= kForever - start ? kForever : start + span;
}

void yield() noexcept {
  ::sched_yield();
}

int usable_cpus() noexcept {
  // relaxed: the number is all there is to see, and two first callers count the same.
  static constinit std::atomic<int> cached{0};
  int cpus = cached.load(std::memory_order_relaxed);
  if (cpus == 0) {
    cpus = count_cpus();
    cached.store(cpus, std::memory_order_relaxed);
  }
  return cpus;
}

bool alone() noexcept {
  return usable_cpus() == 1;
}

}  // namespace multiprocessing::sys
