// What a Dict does below its types.

#include <atomic>
#include <bit>
#include <new>

#include <multiprocessing/detail/dict_bytes.hpp>
#include <multiprocessing/errors.hpp>

#include "shared/describe.hpp"
#include "shared/dict_destroy.hpp"
#include "shared/dict_session.hpp"
#include "shared/dict_snapshot.hpp"
#include "shm/arena.hpp"
#include "shm/process_table.hpp"
#include "sys/clock.hpp"

namespace multiprocessing::detail {

using shared::Bucket;
using shared::DictState;
using shared::Found;
using shared::Leaf;
using shared::Page;
using shared::Session;
using shared::Table;
using shared::Word;

namespace {

constexpr int kPatience = 100;  // looks of a reader that writers may spoil

void prepare(void* payload, const void* seed) {
  auto* state = new (payload) DictState{};
  // relaxed: nobody knows the object yet
  state->seed.store(*static_cast<const Word*>(seed), std::memory_order_relaxed);
  state->buckets.store(1, std::memory_order_relaxed);
  state->deaths_seen.store(shm::arena().header().deaths.load(std::memory_order_relaxed),
                           std::memory_order_relaxed);
  state->first[0].page.store(shared::empty_page(0), std::memory_order_relaxed);
}

shm::LocalHold* make_dict() {
  const auto seed = static_cast<Word>(sys::now()) * 0x9E3779B97F4A7C15U;
  return shm::create_object(shm::ObjectKind::dict, sizeof(DictState), prepare, &seed);
}

// In every process, before anything can die: a sweep may have to destroy a dict.
[[maybe_unused]] const bool registered =
    (shm::register_kind(shm::ObjectKind::dict, shared::destroy_dict),
     shm::register_describer(shm::ObjectKind::dict, "dict", shared::describe_dict), true);

std::uint64_t reversed(std::uint64_t bits) noexcept {
  std::uint64_t out = __builtin_bswap64(bits);
  out = (out >> 4U & 0x0F0F0F0F0F0F0F0FU) | (out & 0x0F0F0F0F0F0F0F0FU) << 4U;
  out = (out >> 2U & 0x3333333333333333U) | (out & 0x3333333333333333U) << 2U;
  return (out >> 1U & 0x5555555555555555U) | (out & 0x5555555555555555U) << 1U;
}

// Leaves come in the order of their reversed indices: one with depth d stands for a stretch of
// 2^(64-d) of that order, and what it splits into stands for the two halves of it.
void advance(DictCursor& cursor, std::uint32_t depth) noexcept {
  cursor.at = depth == 0 ? 0 : cursor.at + (Word{1} << (64 - depth));
  cursor.done = cursor.at == 0;
}

bool read_claimed(Table table, ByteDict::Bytes key, DictBytes& out) {
  const Session session(table, key);
  return session.read(out, true);
}

// Entries by the buckets' own words: exact while nobody writes, whatever has died.
std::size_t count_entries(const Table& table) {
  std::size_t sum = 0;
  table.for_each_bucket([&](std::uint32_t, const Bucket& bucket) {
    sum += bucket.counted.load(std::memory_order_acquire) & shared::mask(32);
  });
  return sum;
}

}  // namespace

ByteDict::ByteDict() : handle_(make_dict()), state_(static_cast<DictState*>(handle_.payload())) {}

ByteDict::ByteDict(HandleId id)
    : handle_(Handle::from_id(id.value, static_cast<std::uint32_t>(shm::ObjectKind::dict))),
      state_(static_cast<DictState*>(handle_.payload())) {}

DictState& ByteDict::state() const {
  if (!handle_) (void)handle_.payload();  // throws
  return *state_;
}

bool ByteDict::get(Bytes key, DictBytes& out) const {
  const Table table(state());
  const Word hash = table.hash(key);
  Leaf leaf;
  Found found;
  for (int looks = 0; looks < kPatience; ++looks) {
    table.look(hash, leaf);
    if (leaf.words == nullptr) return false;
    (void)Page(leaf.words, leaf.header).find(hash, key, found, [&] { return !leaf.changed(); });
    if (found && found.record.handles != 0) break;  // what they name must not go meanwhile
    if (found) shared::copy_out(out.resize(found.value_size), found.value, found.value_size);
    if (!leaf.changed()) return static_cast<bool>(found);
  }
  return read_claimed(table, key, out);
}

bool ByteDict::contains(Bytes key) const {
  const Table table(state());
  const Word hash = table.hash(key);
  Leaf leaf;
  Found found;
  for (int looks = 0; looks < kPatience; ++looks) {
    table.look(hash, leaf);
    if (leaf.words == nullptr) return false;
    (void)Page(leaf.words, leaf.header).find(hash, key, found, [&] { return !leaf.changed(); });
    if (!leaf.changed()) return static_cast<bool>(found);
  }
  return Session(table, key).contains();
}

void ByteDict::set(Bytes key, Bytes value, std::span<const HandleId> handles) const {
  Session(Table(state()), key).put(value, handles);
}

bool ByteDict::erase(Bytes key) const {
  return Session(Table(state()), key).erase();
}

// Not one step: a key that is set meanwhile may stay.
void ByteDict::clear() const {
  const Table table(state());
  DictCursor cursor;
  while (!cursor.done) {
    shared::LeafClaim leaf(table, reversed(cursor.at));
    const std::uint32_t depth = leaf.depth();
    shared::Growth(leaf).empty(true);
    advance(cursor, depth);
  }
}

std::size_t ByteDict::size() const {
  DictState& mine = state();
  const Table table(mine);
  const Word deaths = shm::arena().header().deaths.load(std::memory_order_acquire);
  // relaxed: at worst the buckets are looked at once more
  if (mine.deaths_seen.load(std::memory_order_relaxed) != deaths) {
    table.recover_all();
    mine.deaths_seen.store(deaths, std::memory_order_relaxed);
  }
  if (mine.scan.load(std::memory_order_acquire) != 0) return count_entries(table);
  Word sum = 0;
  for (const shared::Counter& counter : mine.counters) {
    sum += counter.entries.load(std::memory_order_acquire);
  }
  // while others write, one may be seen to erase what another is not yet seen to have added
  return static_cast<std::int64_t>(sum) < 0 ? 0 : sum;
}

void ByteDict::next(DictCursor& cursor, bool values, DictSnapshot& out) const {
  out.clear();
  if (cursor.done) return;
  const std::uint32_t depth = shared::copy_leaf(Table(state()), reversed(cursor.at), values, out);
  advance(cursor, depth);
}

// DictClaim --------------------------------------------------------------------------------------

namespace {

struct Held {
  Held(Table table, ByteDict::Bytes key) : session(table, key), busy(table.state()) {}
  ~Held() {
    if (!session.leaf().is_mine()) session.leaf().forget();
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  Session& writer() {
    if (session.leaf().is_mine()) return session;
    throw ValueError(
        "a forked child cannot finish what its parent modifies in a Dict: modify it in either, "
        "before or after the fork");
  }

  Session session;
  shared::Busy busy;
};

Held& held_in(auto& room) {
  return *std::launder(reinterpret_cast<Held*>(room.data()));
}

}  // namespace

DictClaim::DictClaim(const ByteDict& dict, ByteDict::Bytes key) {
  static_assert(sizeof(Held) <= kRoom);
  new (room_.data()) Held(Table(dict.state()), key);
}

DictClaim::~DictClaim() {
  held_in(room_).~Held();
}

bool DictClaim::read(DictBytes& out) {
  return held_in(room_).session.read(out);
}

void DictClaim::write(ByteDict::Bytes value, std::span<const HandleId> handles) {
  held_in(room_).writer().put(value, handles);
}

bool DictClaim::erase() {
  return held_in(room_).writer().erase();
}

}  // namespace multiprocessing::detail
