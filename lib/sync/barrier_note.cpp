// The notes that tell a sweep which barriers a dead process was in.

#include <limits>

#include <multiprocessing/errors.hpp>

#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "sync/barrier_state.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::sync {
namespace {

using Intent = std::uint64_t;

constexpr Intent kKind = 1;  // in bits 0..3; other kinds belong to others
constexpr Intent kKindMask = 0xF;
constexpr Intent kOneThread = 0x10;
constexpr Intent kThreads = 0xFFF0;
constexpr Intent kPhase = 0xFFFF0000;

shm::ObjectHeader& object_of(const BarrierState& barrier) noexcept {
  auto* payload = const_cast<BarrierState*>(&barrier);  // NOLINT: its header is not part of it
  return *(reinterpret_cast<shm::ObjectHeader*>(payload) - 1);
}

/// The note without its threads.
Intent key_of(const BarrierState& barrier, std::uint32_t phase) noexcept {
  const Intent block = shm::BlockRef::unpack(shm::id_of(&object_of(barrier))).id;
  return block << 32U | Intent{phase & 0xFFFFU} << 16U | kKind;
}

void sweep(shm::Name /*dead*/, shm::Slot& slot) noexcept {
  for (std::atomic<Intent>& intent : slot.intents) {
    // acquire: the sweeper before us may have been at it
    const Intent note = intent.load(std::memory_order_acquire);
    if ((note & kKindMask) != kKind) continue;
    // The dead one's hold on the barrier is dropped later in the sweep: the barrier is there.
    auto* object = shm::block_as<shm::ObjectHeader>(static_cast<shm::BlockId>(note >> 32U));
    auto& barrier = *shm::payload<BarrierState>(object);
    const std::uint32_t phase = phase_of(seen_in(barrier.word));
    if ((phase & 0xFFFFU) == (note >> 16U & 0xFFFFU) && shatter(barrier.word, phase)) {
      MULTIPROCESSING_CRASH_POINT("barrier.sweep.broken");
    }
    // Whoever broke it may have died before this.
    shm::wake(shm::low_half(barrier.word), std::numeric_limits<int>::max());
    intent.store(0, std::memory_order_release);
  }
}

}  // namespace

bool has_stragglers(const BarrierState& barrier, std::uint32_t phase) noexcept {
  const Intent key = key_of(barrier, 0);
  const auto slots =
      static_cast<std::uint32_t>(shm::arena().header().slots_used.load(std::memory_order_acquire));
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    for (const std::atomic<Intent>& intent : shm::slot_at(slot).intents) {
      const Intent note = intent.load(std::memory_order_acquire);  // [N]
      if ((note & ~(kThreads | kPhase)) != key) continue;
      // never so far behind that 16 bits do not tell (I5)
      const auto late = static_cast<std::uint16_t>(phase - static_cast<std::uint32_t>(note >> 16U));
      if (late >= kDrainEvery && late < 0x8000U) return true;
    }
  }
  return false;
}

BarrierNote::BarrierNote(const BarrierState& barrier, std::uint32_t phase)
    : barrier_(barrier), phase_(phase) {
  const Intent key = key_of(barrier, phase);
  const auto usable = [key](Intent note) {
    return note == 0 || ((note & ~kThreads) == key && (note & kThreads) != kThreads);
  };
  for (std::atomic<Intent>& intent : shm::own_slot().intents) {
    // relaxed: written by this process only; read by others after [N], or once its end is known
    Intent seen = intent.load(std::memory_order_relaxed);
    while (usable(seen)) {
      const Intent noted = (seen == 0 ? key : seen) + kOneThread;
      if (intent.compare_exchange_weak(seen, noted, std::memory_order_relaxed,
                                       std::memory_order_relaxed)) {
        intent_ = &intent;
        return;
      }
    }
  }
  throw ValueError(
      "a process waits at 32 barriers at a time at the most: leave one before waiting at another");
}

BarrierNote::~BarrierNote() {
  Intent seen = intent_->load(std::memory_order_relaxed);
  Intent left = 0;
  do {
    left = (seen & kThreads) == kOneThread ? 0 : seen - kOneThread;
    // release: what this thread did in the barrier comes before, for whoever sweeps
  } while (!intent_->compare_exchange_weak(seen, left, std::memory_order_release,
                                           std::memory_order_relaxed));
  // Somebody may wait for this one. If the wake-up comes too early, the end of a slice tells.
  if (phase_of(seen_in(barrier_.word)) - phase_ >= kDrainEvery) {
    shm::wake(shm::low_half(barrier_.word), std::numeric_limits<int>::max());
  }
}

void sweep_barriers() noexcept {
  shm::register_sweep_hook(sweep);
}

}  // namespace multiprocessing::sync
