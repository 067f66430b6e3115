#include "pool/state.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <exception>
#include <new>

#include <multiprocessing/detail/exception.hpp>
#include <multiprocessing/errors.hpp>

#include "pool/bell.hpp"
#include "pool/describe.hpp"
#include "pool/job.hpp"
#include "shm/arena.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"

namespace multiprocessing::pool {
namespace {

constexpr std::uint64_t kAlign = 128;

PoolState& aligned(void* payload) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(payload);
  return *reinterpret_cast<PoolState*>((address + kAlign - 1) / kAlign * kAlign);
}

void prepare(void* payload, const void* argument) {
  const auto& sizes = *static_cast<const PoolSizes*>(argument);
  auto* state = new (&aligned(payload)) PoolState{};
  state->seats = sizes.seats;
  state->wanted.store(sizes.wanted, std::memory_order_relaxed);  // relaxed: as below
  state->max_units = sizes.max_units;
  state->retries = sizes.retries;
  state->task_timeout = sizes.task_timeout;
  state->task_deadline = sizes.task_deadline;
  state->owner_bell = sizes.owner_bell;
  state->keeps_exit = sizes.keeps_exit ? 1 : 0;
  for (std::uint32_t i = 0; i < sizes.seats; ++i) {
    auto* seat = new (&state->seat(i)) Seat{};
    seat->deadline.store(INT64_MAX, std::memory_order_relaxed);  // relaxed: nobody sees it yet
  }
}

void release_at(shm::Location& location) noexcept {
  shm::Block block = shm::unlink(location);
  shm::release(block);
}

// Resumable: each step frees what is still linked.
void destroy(shm::ObjectHeader& object) noexcept {
  PoolState& state = aligned(&object + 1);
  View view(state);
  const std::uint32_t used = state.cells_used.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < used; ++i) {
    if (Cell* cell = view.cell(i)) empty_cell(*cell);
  }
  for (shm::Location& segment : state.segments) release_at(segment);
  for (shm::Location& array : state.tasks.arrays) release_at(array);
  for (shm::Location& array : state.returned.arrays) release_at(array);
  for (RingState& ring : state.ranked) {
    for (shm::Location& array : ring.arrays) release_at(array);
  }
  release_at(state.failure);
}

const bool registered =
    (shm::register_kind(shm::ObjectKind::pool, destroy),
     shm::register_describer(shm::ObjectKind::pool, "Pool", describe_pool), true);

struct Place {
  std::uint32_t segment;
  std::uint32_t index;
};

// Segment 0 holds the first 256 cells, segment k those from 256 << (k - 1) on.
constexpr Place place_of(std::uint32_t cell) noexcept {
  if (cell < kFirstSegment) return {0, cell};
  const auto segment = static_cast<std::uint32_t>(std::bit_width(cell / kFirstSegment));
  return {segment, cell - (kFirstSegment << (segment - 1))};
}
static_assert(place_of(255).segment == 0 && place_of(256).segment == 1 &&
              place_of(511).segment == 1 && place_of(512).segment == 2 && place_of(512).index == 0);

constexpr std::uint64_t cells_in(std::uint32_t segment) noexcept {
  return segment == 0 ? kFirstSegment : std::uint64_t{kFirstSegment} << (segment - 1);
}

std::size_t words_used(const PoolState& state) noexcept {
  return (state.seats + 63U) / 64U;
}

}  // namespace

detail::Handle create_state(const PoolSizes& sizes) {
  const std::uint64_t bytes =
      kAlign + sizeof(PoolState) + std::uint64_t{sizes.seats} * sizeof(Seat);
  (void)registered;
  return detail::Handle(shm::create_object(shm::ObjectKind::pool, bytes, prepare, &sizes));
}

PoolState& state_in(shm::ObjectHeader& object) noexcept {
  return aligned(&object + 1);
}

PoolState& state_of(const detail::Handle& object) noexcept {
  return aligned(object.object() + 1);
}

Cell* View::segment(std::uint32_t number) noexcept {
  if (number >= kSegments) return nullptr;
  Cell* cells = segments_[number].load(std::memory_order_acquire);
  if (cells != nullptr) return cells;
  const auto ref = shm::BlockRef::unpack(state_->segments[number].load(std::memory_order_acquire));
  if (!ref) return nullptr;
  cells = shm::block_as<Cell>(ref.id);
  segments_[number].store(cells, std::memory_order_release);
  return cells;
}

Cell* View::cell(std::uint32_t index) noexcept {
  const Place place = place_of(index);
  Cell* cells = segment(place.segment);
  return cells == nullptr ? nullptr : cells + place.index;
}

std::uint32_t View::add_cell() {
  // relaxed: the owner alone writes it
  const std::uint32_t index = state_->cells_used.load(std::memory_order_relaxed);
  const Place place = place_of(index);
  if (place.segment >= kSegments) throw ArenaExhausted("too many tasks in the pool");
  if (segment(place.segment) == nullptr) {
    shm::OwnedBlock block(shm::allocate(cells_in(place.segment) * sizeof(Cell)));
    (void)shm::link(block.get(), state_->segments[place.segment]);
  }
  new (cell(index)) Cell{};
  state_->cells_used.store(index + 1, std::memory_order_release);
  return index;
}

shm::Name worker_in(const Seat& seat) noexcept {
  const SeatWord word = SeatWord::unpack(seat.word.load(std::memory_order_acquire));  // [S]
  if (word.phase != SeatPhase::live) return {};
  constexpr std::uint32_t kGenerationAt = 18;  // in a slot's state
  const std::uint64_t now =
      shm::slot_at(word.worker.slot).state.load(std::memory_order_acquire) >> kGenerationAt;
  if ((now & SeatWord::kLowGeneration) != word.worker.generation) return {};
  return {word.worker.slot, now};
}

void empty_cell(Cell& cell) noexcept {
  const CellWord word = CellWord::unpack(cell.word.load(std::memory_order_acquire));
  if (word.state == CellState::job || word.state == CellState::retired) empty_job(cell.args);
  if (cell.args.load(std::memory_order_acquire) != 0) release_at(cell.args);
  if (cell.result.load(std::memory_order_acquire) != 0) release_at(cell.result);
}

void keep_failure(PoolState& state) noexcept {
  const std::exception_ptr failure = std::current_exception();
  try {
    detail::Writer out;
    detail::encode_exception(out, failure);
    shm::OwnedBlock block(shm::make_message(out.size(), {}));
    auto* message = reinterpret_cast<shm::Message*>(block.get().data());
    std::memcpy(message->bytes(), out.data(), out.size());
    (void)shm::link(block.get(), state.failure);
  } catch (...) {  // no memory
  }
}

bool advance_phase(PoolState& state, Phase to) noexcept {
  std::uint32_t seen = state.phase.load(std::memory_order_acquire);
  while (seen < static_cast<std::uint32_t>(to)) {
    if (state.phase.compare_exchange_weak(seen, static_cast<std::uint32_t>(to),
                                          std::memory_order_seq_cst)) {
      return true;
    }
  }
  return false;
}

Ring& View::ring_for(int priority) noexcept {
  if (priority == 0) return tasks;
  const std::size_t rank = priority > 0 ? (priority > 1 ? 0U : 1U) : (priority < -1 ? 3U : 2U);
  // seq_cst: before the push, so that who finds no rank marked may sleep ([I])
  state_->ranked_used.fetch_or(1U << rank, std::memory_order_seq_cst);
  return ranked[rank];
}

bool has_work(View& view) noexcept {
  if (view.returned.peek().there || view.tasks.peek().there) return true;
  if (view.state().ranked_used.load(std::memory_order_seq_cst) == 0) return false;  // [I]
  return std::any_of(std::begin(view.ranked), std::end(view.ranked),
                     [](Ring& ring) { return ring.peek().there; });
}

bool more_to_come(View& view) noexcept {
  return view.state().streams.load(std::memory_order_seq_cst) != 0 || has_work(view);
}

// Who sleeps on `park` is woken here, by whoever made work; it waits for nobody else's act but the
// owner's, with which it dies, and the keeper's, whose successor repeats what it was doing.
void wake_parked(PoolState& state, std::uint32_t count) noexcept {
  for (std::size_t i = 0; i < words_used(state) && count > 0; ++i) {
    std::uint64_t bits = state.parked[i].load(std::memory_order_seq_cst);  // [I]
    for (; bits != 0 && count > 0; bits &= bits - 1) {
      const auto seat =
          static_cast<std::uint32_t>(i * 64 + static_cast<unsigned>(std::countr_zero(bits)));
      if (!clear_bit(state.parked, seat)) continue;  // somebody else wakes it
      Seat& woken = state.seat(seat);
      woken.park.store(0, std::memory_order_release);
      shm::wake(woken.park, 1);
      --count;
    }
  }
}

void finish_wakes(PoolState& state) noexcept {
  for (std::uint32_t i = 0; i < state.seats; ++i) {
    const std::uint64_t bits = state.parked[i / 64].load(std::memory_order_seq_cst);  // [I]
    if ((bits >> i % 64 & 1U) != 0) continue;
    state.seat(i).park.store(0, std::memory_order_release);
    shm::wake(state.seat(i).park, 1);
  }
}

void announce_work(PoolState& state, std::uint32_t count) noexcept {
  // This first, for it seldom changes; the searchers' line is written at each task.
  if (!anybody(state.parked, state)) return;
  if (anybody(state.searching, state)) return;  // it wakes the next one if there is more
  wake_parked(state, count);
}

void item_ended(PoolState& state) noexcept {
  std::atomic_thread_fence(std::memory_order_seq_cst);  // [B]
  ring_owner(state);
}

void ring_owner(PoolState& state) noexcept {
  ring(*shm::arena().at<Bell>(state.owner_bell));
}

bool all_vacant(PoolState& state) noexcept {
  for (std::uint32_t i = 0; i < state.seats; ++i) {
    const std::uint64_t word = state.seat(i).word.load(std::memory_order_acquire);  // [S]
    if (SeatWord::unpack(word).phase != SeatPhase::vacant) return false;
  }
  return true;
}

bool anybody(const std::atomic<std::uint64_t> (&bits)[kBitWords], const PoolState& state) noexcept {
  for (std::size_t i = 0; i < words_used(state); ++i) {
    if (bits[i].load(std::memory_order_seq_cst) != 0) return true;  // [I]
  }
  return false;
}

void set_bit(std::atomic<std::uint64_t> (&bits)[kBitWords], std::uint32_t seat) noexcept {
  bits[seat / 64].fetch_or(std::uint64_t{1} << (seat % 64), std::memory_order_seq_cst);  // [I]
}

bool clear_bit(std::atomic<std::uint64_t> (&bits)[kBitWords], std::uint32_t seat) noexcept {
  const std::uint64_t bit = std::uint64_t{1} << (seat % 64);
  return (bits[seat / 64].fetch_and(~bit, std::memory_order_seq_cst) & bit) != 0;  // [I]
}

}  // namespace multiprocessing::pool
