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

BarrierNote::BarrierNote(const BarrierState& barrier, std::uint32_t phase) {
  const Intent key = key_of(barrier, phase);
  const auto usable = [key](Intent note) {
    return note == 0 || ((note & ~kThreads) == key && (note & kThreads) != kThreads);
  };
  for (std::atomic<Intent>& intent : shm::own_slot().intents) {
    // relaxed: written by this process only; read when its end has been observed
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
  throw ValueError("a process waits at 32 barriers at a time at the most");
}

BarrierNote::~BarrierNote() {
  Intent seen = intent_->load(std::memory_order_relaxed);
  Intent left = 0;
  do {
    left = (seen & kThreads) == kOneThread ? 0 : seen - kOneThread;
    // release: what this thread did in the barrier comes before, for whoever sweeps
  } while (!intent_->compare_exchange_weak(seen, left, std::memory_order_release,
                                           std::memory_order_relaxed));
}

void sweep_barriers() noexcept {
  shm::register_sweep_hook(sweep);
}

}  // namespace multiprocessing::sync
