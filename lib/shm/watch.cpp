#include "shm/watch.hpp"

#include <algorithm>
#include <utility>

#include "shm/local.hpp"
#include "shm/process_table.hpp"
#include "sys/crash_point.hpp"
#include "sys/interrupt.hpp"

namespace multiprocessing::shm {
namespace {

constexpr sys::Nanoseconds kShort = 50'000'000;
constexpr sys::Nanoseconds kQuiet = 80'000'000;  // a tick where nobody has died for long
constexpr sys::Nanoseconds kLong = 1'000'000'000;
constexpr int kCalm = kLong / kShort;
constexpr sys::Nanoseconds kStale = 500'000'000;  // a seat that has not ticked: stopped, or gone

std::atomic<void (*)()> interrupt_hook{nullptr};
constinit thread_local const SleepCheck* sleep_check = nullptr;

std::uint32_t slots_in_use() noexcept {
  return static_cast<std::uint32_t>(arena().header().slots_used.load(std::memory_order_acquire));
}

template <class F>
void for_each_note(F visit) noexcept {
  for (std::uint32_t i = 0; i < slots_in_use(); ++i) {
    for (SleepNote& note : slot_at(i).notes) {
      // seq_cst: [D]
      const std::uint64_t word = note.word.load(std::memory_order_seq_cst);
      if (word != 0 && !visit(note, *arena().at<std::atomic<std::uint32_t>>(word))) return;
    }
  }
}

// The word and the bell are both stale if the sleeper has left meanwhile: a wake in vain.
void rouse(const SleepNote& note, const std::atomic<std::uint32_t>& word, int count) noexcept {
  wake(word, count);
  const std::uint32_t bell = note.bell.load(std::memory_order_relaxed);
  if (bell == 0) return;
  const auto slot = (arena().offset_of(&note) - arena().header().slots) / sizeof(Slot);
  ring_bell_of(static_cast<std::uint32_t>(slot), bell - 1);
}

std::atomic<std::uint64_t>& last_tick() noexcept {
  return arena().header().family_words[kLastTick];
}

bool seat_is_open(std::uint64_t holder) noexcept {
  if (holder == 0 || is_dead(unpack_name(holder))) return true;
  const auto ticked = static_cast<sys::Nanoseconds>(last_tick().load(std::memory_order_relaxed));
  return sys::now() - ticked > kStale;
}

}  // namespace

void set_interrupt_hook(void (*hook)()) noexcept {
  interrupt_hook.store(hook, std::memory_order_release);
}

void interrupted() {
  if (auto* const hook = interrupt_hook.load(std::memory_order_acquire)) hook();
}

SleepCheck::SleepCheck(Check check, const void* argument) noexcept
    : check_(check), argument_(argument), outer_(std::exchange(sleep_check, this)) {}

SleepCheck::~SleepCheck() {
  sleep_check = outer_;
}

void wake(const std::atomic<std::uint32_t>& word, int count) noexcept {
  (void)sys::futex_wake(word, count);
}

const std::atomic<std::uint32_t>& low_half(const std::atomic<std::uint64_t>& word) noexcept {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low half comes first");
  return *reinterpret_cast<const std::atomic<std::uint32_t>*>(&word);
}

void announce_death() noexcept {
  arena().header().deaths.fetch_add(1, std::memory_order_seq_cst);  // [D], I2
  MULTIPROCESSING_CRASH_POINT("sweep.counted");
  for_each_note([](SleepNote&, std::atomic<std::uint32_t>& word) {
    wake(word, INT32_MAX);
    return true;
  });
  ring_every_bell();
}

Sleeper::Sleeper(const std::atomic<std::uint32_t>& word) noexcept : word_(&word) {
  take_note();
}

Sleeper::Sleeper(const Bell& bell) noexcept : word_(nullptr), bell_(bell.index() + 1) {
  take_note();
}

void Sleeper::take_note() noexcept {
  private_ = word_ != nullptr && !arena().contains(word_);
  if (private_) return;
  note_ = take_bit(here().notes_free);
  // relaxed: ordered by the note's word
  if (note_ >= 0) here().slot->notes[note_].bell.store(bell_, std::memory_order_relaxed);
}

Sleeper::~Sleeper() {
  if (note_ < 0) return;
  SleepNote& mine = here().slot->notes[note_];
  mine.is_long.store(0, std::memory_order_relaxed);
  mine.word.store(0, std::memory_order_release);
  give_bit(here().notes_free, note_);
  MULTIPROCESSING_CRASH_POINT("watch.left");
  if (!seated_) return;
  std::uint64_t me = pack_name(here().name);
  if (!arena().header().seat.compare_exchange_strong(me, 0, std::memory_order_seq_cst)) return;
  for_each_note([](SleepNote& note, std::atomic<std::uint32_t>& word) {
    if (note.is_long.load(std::memory_order_seq_cst) == 0) return true;
    rouse(note, word, 1);  // it sleeps a short slice anew and takes the seat
    return false;
  });
}

void Sleeper::note() noexcept {
  if (note_ < 0) take_note();
  if (note_ < 0) return;
  SleepNote& mine = here().slot->notes[note_];
  // seq_cst: [D]; I1
  mine.epoch.store(arena().header().deaths.load(std::memory_order_seq_cst),
                   std::memory_order_seq_cst);
  const void* word = word_ != nullptr ? static_cast<const void*>(word_) : &mine.is_long;
  mine.word.store(arena().offset_of(word), std::memory_order_seq_cst);
  MULTIPROCESSING_CRASH_POINT("watch.noted");
}

// Whoever takes the seat looks at once: nobody may have done so for a while. True: somebody is
// dead.
bool Sleeper::take_or_watch_seat() noexcept {
  if (seated_ || note_ < 0) return false;
  std::atomic<std::uint64_t>& seat = arena().header().seat;
  const std::uint64_t me = pack_name(here().name);
  SleepNote& mine = here().slot->notes[note_];
  for (int look = 0; look < 2; ++look) {
    std::uint64_t holder = seat.load(std::memory_order_seq_cst);
    if (seat_is_open(holder) &&
        seat.compare_exchange_strong(holder, me, std::memory_order_seq_cst)) {
      last_tick().store(static_cast<std::uint64_t>(sys::now()), std::memory_order_relaxed);
      MULTIPROCESSING_CRASH_POINT("watch.seated");
      seated_ = true;
      long_ = false;
      mine.is_long.store(0, std::memory_order_relaxed);
      tick();
      // relaxed: own note
      return mine.epoch.load(std::memory_order_relaxed) !=
             arena().header().deaths.load(std::memory_order_seq_cst);  // [D]
    }
    long_ = true;
    mine.is_long.store(1, std::memory_order_seq_cst);  // then the seat is looked at once more
  }
  return false;
}

void Sleeper::tick() noexcept {
  last_tick().store(static_cast<std::uint64_t>(sys::now()), std::memory_order_relaxed);
  // relaxed: whether it is still ours; somebody took it because we had been stopped
  seated_ = arena().header().seat.load(std::memory_order_relaxed) == pack_name(here().name);
  (void)bury_the_dead();
  const std::uint64_t deaths = arena().header().deaths.load(std::memory_order_seq_cst);  // [D]
  calm_ = std::exchange(deaths_, deaths) == deaths ? calm_ + 1 : 0;
  if (calm_ % kCalm != 0 && calm_ > kCalm) return;
  for_each_note([deaths](SleepNote& note, std::atomic<std::uint32_t>& word) {
    if (note.epoch.load(std::memory_order_seq_cst) != deaths) wake(word, INT32_MAX);
    return true;
  });
}

// The watch goes by time, not by how a sleep ended: a word that is woken often, or a process that
// gets many signals, must not keep the dead from being found.
void Sleeper::end_slice() noexcept {
  slice_ends_ = 0;
  first_ = false;
  if (note_ < 0) {
    (void)bury_the_dead();  // more sleepers than notes: this one looks for itself
  } else if (seated_) {
    tick();
  }
}

// False: the deadline has passed.
bool Sleeper::begin_sleep(sys::Nanoseconds deadline) noexcept {
  began_ = sys::now();
  woken_ = false;
  if (began_ >= deadline) return false;
  if (private_) {
    slice_ends_ = sys::kForever;
  } else if (slice_ends_ == 0) {
    if (!first_ && take_or_watch_seat()) return true;  // somebody has died: a slice of no length
    const sys::Nanoseconds tick = calm_ > kCalm ? kQuiet : kShort;
    const sys::Nanoseconds length = long_ ? kLong : seated_ ? tick : kShort;
    // All who sleep for long wake up at the same moments: the first finds nothing in the caches of
    // what it needs from the kernel, the others do.
    const bool in_step = long_ || seated_;
    slice_ends_ = in_step ? (began_ / length + 1) * length : began_ + length;
  }
  return true;
}

// When the sleep ended.
sys::Nanoseconds Sleeper::end_sleep(bool was_interrupted) {
  const sys::Nanoseconds end = sys::now();
  slept_ += end - began_;
  if (woken_ && long_) {  // perhaps to take the seat: a short slice first
    long_ = false;
    here().slot->notes[note_].is_long.store(0, std::memory_order_relaxed);
    slice_ends_ = std::min(slice_ends_, end + kShort);
  }
  if (end >= slice_ends_) end_slice();
  if (was_interrupted) interrupted();
  if (sleep_check != nullptr && !woken_) sleep_check->look();
  return end;
}

bool Sleeper::sleep(std::uint32_t expected, sys::Nanoseconds deadline) {
  if (!begin_sleep(deadline)) return false;
  const sys::Wait result =
      sys::futex_wait_interruptibly(*word_, expected, std::min(deadline, slice_ends_));
  woken_ = result == sys::Wait::woken;
  const sys::Nanoseconds end = end_sleep(result == sys::Wait::interrupted);
  return result != sys::Wait::timed_out || end < deadline;
}

bool Sleeper::sleep_polling(std::span<struct pollfd> fds, sys::Nanoseconds deadline) {
  if (!begin_sleep(deadline)) return false;
  const sys::Ready result =
      sys::poll_interruptibly(fds.data(), fds.size(), std::min(deadline, slice_ends_));
  woken_ = result == sys::Ready::yes;
  const sys::Nanoseconds end = end_sleep(result == sys::Ready::interrupted);
  return result != sys::Ready::timed_out || end < deadline;
}

namespace {

constexpr int kLeastPauses = 96;
constexpr int kMostPauses = 512;  // about what a sleep and its wake-up cost
constexpr int kFirstPauses = 192;
constexpr int kLongestStep = 64;  // each look takes the line away from who is about to change it
constexpr int kYieldEvery = 8;    // its owner may wait for this processor
constexpr std::uint32_t kTryAnewEvery = 32;

// What is learned: misses since the last success in bits 16..31, pauses in bits 0..15.
constexpr int pauses_in(std::uint32_t learned) noexcept {
  return static_cast<int>(learned & 0xFFFFU);
}

int budget_of(std::uint32_t learned) noexcept {
  if (learned == 0) return kFirstPauses;
  const std::uint32_t misses = learned >> 16U;
  if (misses % kTryAnewEvery == kTryAnewEvery - 1) return kMostPauses;  // times may have changed
  return pauses_in(learned);
}

}  // namespace

// relaxed, here and below: a racing update costs a few pauses, and nothing else is seen by it
Spinner::Spinner(SpinHint& hint) noexcept
    : hint_(&hint), budget_(budget_of(hint.load(std::memory_order_relaxed))) {}

Spinner::Spinner() noexcept : budget_(kFirstPauses) {}

bool Spinner::again() noexcept {
  if (sys::alone()) return false;
  if (spent_ >= budget_) {
    learn(false);
    return false;
  }
  const int pauses = std::min(step_ < 6 ? 1 << step_ : kLongestStep, budget_ - spent_);
  spent_ += pauses;
  if (++step_ % kYieldEvery == 0) {
    sys::yield();
  } else {
    for (int i = 0; i < pauses; ++i) sys::relax();
  }
  return true;
}

// A success asks for twice the pauses that it took, a miss for an eighth less than before.
void Spinner::learn(bool found) noexcept {
  if (hint_ == nullptr) return;
  const std::uint32_t seen = hint_->load(std::memory_order_relaxed);
  const int before = seen == 0 ? kFirstPauses : pauses_in(seen);
  const int after = found ? before + (2 * spent_ + kLeastPauses - before) / 8 : before - before / 8;
  const std::uint32_t misses = found ? 0 : (seen >> 16U) + 1;
  const auto pauses = static_cast<std::uint32_t>(std::clamp(after, kLeastPauses, kMostPauses));
  const std::uint32_t learned = misses << 16U | pauses;
  if (learned != seen) hint_->store(learned, std::memory_order_relaxed);
}

}  // namespace multiprocessing::shm
