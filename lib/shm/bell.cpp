#include "shm/bell.hpp"

#include <array>
#include <atomic>
#include <bitset>
#include <cerrno>

#include "shm/local.hpp"
#include "shm/slot_word.hpp"
#include "sys/doorbell.hpp"
#include "sys/error.hpp"

namespace multiprocessing::shm {
namespace {

constexpr std::uint32_t kBells = 4096;  // of one process at a time

std::array<std::atomic<std::uint32_t>, kBells / 32> taken{};  // a bit an index

// relaxed, in the next three: an index is a number, nothing is read through it
int take_index() noexcept {
  for (std::size_t i = 0; i < taken.size(); ++i) {
    std::uint32_t bits = taken[i].load(std::memory_order_relaxed);
    while (~bits != 0) {
      const auto bit = static_cast<unsigned>(__builtin_ctz(~bits));
      if (taken[i].compare_exchange_weak(bits, bits | 1U << bit, std::memory_order_relaxed)) {
        return static_cast<int>(i * 32 + bit);
      }
    }
  }
  return -1;
}

void give_index(std::uint32_t index) noexcept {
  taken[index / 32].fetch_and(~(1U << index % 32), std::memory_order_relaxed);
}

// In a forked child: the indices are its parent's.
void forget_indices() noexcept {
  for (auto& bits : taken) bits.store(0, std::memory_order_relaxed);
}

const bool hooked = (register_fork_hook(forget_indices), true);

std::uint64_t name_of(Name owner, std::uint32_t index) noexcept {
  return (owner.slot + 1U) | std::uint64_t{index} << 16U | owner.generation << 32U;
}

std::uint32_t index_of_bell(std::uint64_t name) noexcept {
  return static_cast<std::uint32_t>(name >> 16U & 0x7FFFU);
}

sys::DoorbellName address_of(std::uint64_t name) noexcept {
  const Arena& mine = arena();
  return {mine.device(), mine.inode(), name >> 32U << 16U | (name & 0xFFFFU), index_of_bell(name)};
}

void raise_bells(Slot& slot, std::uint32_t count) noexcept {
  std::uint64_t seen = slot.bells.load(std::memory_order_relaxed);
  while (seen < count &&
         !slot.bells.compare_exchange_weak(seen, count, std::memory_order_release)) {  // [B]
  }
}

}  // namespace

void Bell::open() {
  if (is_own()) return;
  close();
  const Name me = self();
  // Indices whose addresses somebody else has: a child of ours with a copy of the bell, a stranger.
  // Ours again afterwards, since that one may be gone the next time.
  struct Occupied {
    std::bitset<kBells> indices;

    Occupied() = default;
    Occupied(const Occupied&) = delete;
    Occupied& operator=(const Occupied&) = delete;
    ~Occupied() {
      for (std::uint32_t i = 0; i < kBells; ++i) {
        if (indices.test(i)) give_index(i);
      }
    }
  } occupied;
  for (;;) {
    const int index = take_index();
    if (index < 0) sys::throw_error(EMFILE, "bind", "too many doorbells");
    const std::uint64_t name = name_of(me, static_cast<std::uint32_t>(index));
    raise_bells(own_slot(), static_cast<std::uint32_t>(index) + 1);  // I1
    socket_ = sys::open_doorbell(address_of(name));
    const int error = errno;
    if (socket_) {
      owner_ = me;
      name_ = name;
      return;
    }
    occupied.indices.set(static_cast<std::uint32_t>(index));
    if (error != EADDRINUSE) sys::throw_error(error, "socket", "a doorbell");
  }
}

void Bell::close() noexcept {
  if (!socket_) return;
  socket_.reset();
  if (owner_ == here().name) give_index(index_of_bell(name_));
  owner_ = {};
  name_ = 0;
}

bool Bell::is_own() const noexcept {
  return socket_ && owner_ == here().name;
}

std::uint32_t Bell::index() const noexcept {
  return index_of_bell(name_);
}

void Bell::drain() const noexcept {
  sys::drain_doorbell(socket_.get());
}

Bell& thread_bell() {
  thread_local Bell bell;
  bell.open();
  return bell;
}

bool has_owner(std::uint64_t name) noexcept {
  const auto slot = static_cast<std::uint32_t>(name & 0xFFFFU) - 1;
  if (slot >= arena().header().slot_count) return false;
  const std::uint64_t state = slot_at(slot).state.load(std::memory_order_acquire);
  return state_of(state) == SlotState::live &&
         static_cast<std::uint32_t>(generation_of(state)) == name >> 32U;
}

Rung ring(std::uint64_t name) noexcept {
  if (!has_owner(name)) return Rung::nobody_there;
  switch (sys::ring_doorbell(address_of(name))) {
    case sys::Rung::yes:
      return Rung::yes;
    case sys::Rung::nobody_there:
      return Rung::nobody_there;
    default:
      return Rung::failed;
  }
}

void ring_bell_of(std::uint32_t slot, std::uint32_t index) noexcept {
  const std::uint64_t state = slot_at(slot).state.load(std::memory_order_acquire);
  (void)ring(name_of({slot, generation_of(state)}, index));
}

void ring_every_bell() noexcept {
  const std::uint64_t used = arena().header().slots_used.load(std::memory_order_acquire);
  for (std::uint32_t slot = 0; slot < used; ++slot) {
    const std::uint64_t bells = slot_at(slot).bells.load(std::memory_order_acquire);  // [B]
    for (std::uint32_t index = 0; index < bells; ++index) ring_bell_of(slot, index);
  }
}

}  // namespace multiprocessing::shm
