#include "queue/wait_word.hpp"

#include <algorithm>
#include <climits>

#include "queue/bell_list.hpp"
#include "sys/clock.hpp"
#include "sys/crash_point.hpp"
#include "sys/process_barrier.hpp"

namespace multiprocessing::lanes {
namespace {

constexpr int kPolls = 48;     // of some 20 to 60 ns: an answer that is on its way
constexpr int kYields = 24;    // of some 0.3 us: a peer that is at work, or shares the processor
constexpr int kLookAway = 20;  // pauses of some 15 ns: the producer fills a few lines
constexpr int kAloneYields = 8;
constexpr sys::Nanoseconds kLost =
    100'000;  // a yield that long: others have work for this processor

}  // namespace

std::uint32_t announce(WaitWord& word) noexcept {
  // seq_cst: [D], against the looks that follow
  const std::uint32_t before = word.fetch_or(kSomebody, std::memory_order_seq_cst);
  MULTIPROCESSING_CRASH_POINT("queue.sleep.announced");
  return before | kSomebody;
}

bool settle(WaitWord& word) noexcept {
  if (sys::process_barrier()) return true;  // [D]
  // From now on every putter exchanges. One that is past its look at bit 1 has published long
  // before a look of ours that follows a system call.
  word.fetch_or(kFenced, std::memory_order_seq_cst);  // [D]
  sys::yield();
  return false;
}

std::uint32_t settle_announcement(WaitWord& word, std::uint32_t announced, bool often) noexcept {
  if ((announced & (kFenced | kSettled)) == (kFenced | kSettled)) return announced;  // [D]
  // seq_cst, here and below: as the announcement. Changed: nobody sleeps on what we announced.
  std::uint32_t seen = announced;
  if (!often ||
      !word.compare_exchange_strong(seen, announced | kFenced, std::memory_order_seq_cst)) {
    (void)settle(word);
    return announced;
  }
  MULTIPROCESSING_CRASH_POINT("queue.sleep.fenced");
  seen = announced | kFenced;
  const bool settled =
      settle(word) && word.compare_exchange_strong(seen, seen | kSettled,
                                                   std::memory_order_seq_cst);  // I3
  return announced | kFenced | (settled ? kSettled : 0U);
}

bool register_putter() noexcept {
  return sys::register_process_barrier();
}

void wake_sleepers(WaitWord& word, int count) noexcept {
  std::uint32_t seen = word.load(std::memory_order_relaxed);  // the exchange decides
  while (seen & kSomebody) {
    const std::uint32_t quiet = (seen + kChange) & ~kSomebody;
    // acq_rel: the sleeper's compare in the kernel sees the change or sleeps before it
    if (!word.compare_exchange_weak(seen, quiet, std::memory_order_acq_rel,
                                    std::memory_order_relaxed)) {
      continue;
    }
    MULTIPROCESSING_CRASH_POINT("queue.wake.cleared");
    shm::wake(word, count);
    return;
  }
}

void wake_those_there(WaitWord& word, shm::Location& bells, int count) noexcept {
  wake_sleepers(word, count);
  // relaxed: it was seen by the caller, or set since by somebody who looks after that
  if ((word.load(std::memory_order_relaxed) & kBelled) != 0) BellList(word, bells).ring();
}

void wake_all(WaitWord& word) noexcept {
  word.fetch_add(kChange, std::memory_order_seq_cst);  // sleepers that still look see it changed
  shm::wake(word, INT_MAX);
}

Patience::Patience(bool streaming, int failures) noexcept
    : polls_(kPolls >> std::min(failures, kNoYields)),
      yields_(kYields >> std::min(failures, kNoYields)),
      streaming_(streaming) {
  if (!sys::alone()) return;
  polls_ = 0;  // nobody can answer while we spin
  yields_ = kAloneYields >> std::min(failures, kNoYields);
}

bool Patience::again() noexcept {
  if (streaming_) {
    streaming_ = false;
    for (int i = 0; i < kLookAway && polls_ > 0; ++i) sys::relax();
    return true;
  }
  if (polls_ > 0) {
    --polls_;
    sys::relax();
    return true;
  }
  if (yields_ <= 0) return false;
  --yields_;
  const sys::Nanoseconds start = sys::now();
  sys::yield();
  if (!sys::alone() && sys::now() - start > kLost) {
    lost_ = true;
    yields_ = 0;
  }
  return true;
}

}  // namespace multiprocessing::lanes
