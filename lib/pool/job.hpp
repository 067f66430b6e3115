#pragma once

// A job: one function over many items, in chunks that workers claim.
//
// Layout of the job's block (its cell holds it in `args`)
//
//   0     header     the runner's token, sizes, offsets, flags; Location of the input
//   128   next       chunk to look at first, a hint
//   192   ended      chunks that have ended, a hint; waited: somebody sleeps on it; unwritten: a
//                    failure for which there was no memory (bit 63 set, verdict, obituary)
//   256   chunks     a record each, 32 or 64 bytes apart (64 while that is cheap: no false sharing)
//   ...   results    in place if they are plain, else a Location each
//   ...   failed     a bit for each item, if single items are waited for
//
//   Input: a message (shm/object.hpp) with the callable's state, then, 64-aligned, the plain items
//   themselves or the encoded items; a chunk's record says where its first one begins.
//
// Chunk: its word is (progress 32 | running 1 | incarnation 15 | seat + 1, 16)
//
//                 claim(me)            begin item p           end item p
//   (p, nobody) -------------> (p, me) ------------> (p, me, running) ---------> (p+1, me) ...
//        ^                        |                        |
//        +---- give back: p ------+                        |
//        +---- give back: p failed, p + 1 -----------------+
//
// Invariants
//   J1  A chunk has ended when its progress is its length; a job, when all its chunks have. Nothing
//       is counted: the counters in the header are hints.
//   J2  Item p of a chunk is done or failed when progress > p: failed if a record in the chunk's
//       list names it (the list is in the order of the items) or its bit is set, else its result is
//       there. Nothing that must be written down after a death needs memory: a failure without a
//       record is `unwritten`'s.
//   J3  Only the claimer writes results and failures of a chunk; the keeper after its death.
//   J4  The owner frees a job after it has ended and when no seat's note names its cell (state.hpp,
//       S4), for a worker that looks for a chunk touches the words without owning anything.
//
// Ordering. Each pair is named where it is used.
//   [C] end item, give back: release -> owner's look, claim: acquire
//   [W] ended: seq_cst, then a look at `waited` <-> waited: seq_cst, then a look at the words
//
// Death of a worker
//   before its claim              nothing
//   claimed, between two items    the keeper gives the chunk back as it is: no item is lost
//   in item p                     the keeper records p as died (or overrun), then gives back p + 1
//   result stored, not ended      the item counts as died; its result is overwritten or ignored
//   after its last end            `ended` is short by one: the death wakes who waits
// Death of the keeper in give back: the next one does it again, to the same item (its record is
//   found), by compare-exchange from the same word.
// Points: pool.chunk.noted .claimed .ended, pool.item.stored .returned .done, pool.chunk.failed
//   .given_back

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include <multiprocessing/detail/pool_job.hpp>

#include "pool/cell.hpp"
#include "shm/block.hpp"

namespace multiprocessing::pool {

struct ChunkWord {
  std::uint32_t progress = 0;
  bool running = false;
  std::uint32_t owner = 0;  // seat + 1 and incarnation; 0: nobody

  [[nodiscard]] constexpr std::uint64_t packed() const noexcept {
    return std::uint64_t{progress} << 32U | (running ? detail::kItemRuns : 0U) | owner;
  }
  static constexpr ChunkWord unpack(std::uint64_t word) noexcept {
    return {static_cast<std::uint32_t>(word >> 32U), (word & detail::kItemRuns) != 0,
            static_cast<std::uint32_t>(word) & 0x7FFFFFFFU};
  }
};

constexpr std::uint32_t chunk_owner(Claimer claimer) noexcept {
  return (claimer.seat + 1U) | (claimer.incarnation & kIncarnationMask) << 16U;
}

struct ChunkRecord {
  std::atomic<std::uint64_t> word;
  shm::Location failures;               // FailureRecord, in the order of the items
  std::uint64_t input_offset;           // of its first item, if the items are encoded
  std::atomic<std::uint64_t> attempts;  // of one item: item << 16 | count; J3
};
static_assert(sizeof(ChunkRecord) == 32);

enum class Verdict : std::uint32_t { raised, died, timed_out };

/// The bytes of a message; an encoded exception follows if it was raised.
struct FailureRecord {
  shm::Location next;
  std::uint64_t item;  // within the chunk
  std::uint64_t obituary;
  Verdict verdict;
  std::uint32_t size;
};

inline constexpr std::uint32_t kResultBlocks = 1;  // a Location for each result
inline constexpr std::uint32_t kAllFailures = 2;   // else the first of each chunk is enough
inline constexpr std::uint32_t kEager = 4;         // somebody waits for single items

/// What became of an item that has no record: 0, or as follows.
constexpr std::uint64_t pack_unwritten(Verdict verdict, std::uint64_t obituary) noexcept {
  return std::uint64_t{1} << 63U | static_cast<std::uint64_t>(verdict) << 61U |
         (obituary & ((std::uint64_t{1} << 61U) - 1));
}
constexpr Verdict verdict_in(std::uint64_t unwritten) noexcept {
  return static_cast<Verdict>(unwritten >> 61U & 3U);
}
constexpr std::uint64_t obituary_in(std::uint64_t unwritten) noexcept {
  return unwritten & ((std::uint64_t{1} << 61U) - 1);
}

struct Job {
  detail::CodeToken runner;
  std::uint64_t items;
  std::uint64_t chunk_size;
  std::uint64_t chunks;
  std::uint64_t stride;         // between chunk records
  std::uint64_t results;        // offset
  std::uint64_t function_size;  // bytes of the callable's state in the input
  std::uint64_t input_start;    // offset of the items in the input
  std::uint64_t failed;         // offset of the bits; 0: none
  std::uint32_t flags;
  std::uint32_t plain_items;
  shm::Location input;
  alignas(64) std::atomic<std::uint64_t> next;
  alignas(64) std::atomic<std::uint64_t> ended;
  std::atomic<std::uint32_t> waited;
  std::atomic<std::uint64_t> unwritten;

  [[nodiscard]] ChunkRecord& chunk(std::uint64_t index) noexcept {
    return *reinterpret_cast<ChunkRecord*>(reinterpret_cast<std::byte*>(this + 1) + index * stride);
  }
  [[nodiscard]] std::uint32_t length(std::uint64_t index) const noexcept {
    const std::uint64_t first = index * chunk_size;
    return static_cast<std::uint32_t>(items - first < chunk_size ? items - first : chunk_size);
  }
  [[nodiscard]] std::byte* result_bytes() noexcept {
    return reinterpret_cast<std::byte*>(this) + results;
  }
  [[nodiscard]] std::atomic<std::uint64_t>& failed_bits(std::uint64_t item) noexcept {
    return reinterpret_cast<std::atomic<std::uint64_t>*>(reinterpret_cast<std::byte*>(this) +
                                                         failed)[item / 64];
  }
  [[nodiscard]] shm::Location& result_block(std::uint64_t item) noexcept {
    return reinterpret_cast<shm::Location*>(result_bytes())[item];
  }
};
static_assert(offsetof(Job, next) == 128 && offsetof(Job, ended) == 192 && sizeof(Job) == 256);

/// The job of a cell; requires a hold as of J4.
Job& job_in(const Cell& cell) noexcept;

/// Claims the chunk at its progress if nobody has it. `progress` tells where to begin.
bool claim_chunk(Job& job, std::uint64_t chunk, Claimer claimer, std::uint32_t& progress) noexcept;

/// By the keeper, of a worker that has ended: what it had claimed is claimable again, but for the
/// item in progress, which has failed unless it may be tried again.
struct Loss {
  Claimer claimer;
  Verdict verdict;
  std::uint64_t obituary;
  std::uint32_t retries;
};
void give_back(Job& job, std::uint64_t chunk, const Loss& loss) noexcept;

/// True if an item in which a worker died, or that overran, is to be tried once more; counts it.
/// For the chunk's claimer, or the keeper after its death.
[[nodiscard]] bool may_try_again(ChunkRecord& record, std::uint64_t item,
                                 std::uint32_t retries) noexcept;

/// Records what became of an item, once; without memory for it, in the job's header.
void add_failure(Job& job, std::uint64_t chunk, std::uint64_t item, Verdict verdict,
                 std::uint64_t obituary, const detail::Writer* exception) noexcept;

/// The record of an item, if it has failed.
const FailureRecord* failure_of(Job& job, std::uint64_t chunk, std::uint64_t item) noexcept;
/// True if the item has failed, recorded or not.
[[nodiscard]] bool has_failed(Job& job, std::uint64_t chunk, std::uint64_t item) noexcept;
/// The first failure of a chunk.
const FailureRecord* first_failure(Job& job, std::uint64_t chunk) noexcept;

[[nodiscard]] bool chunk_ended(Job& job, std::uint64_t chunk) noexcept;
[[nodiscard]] bool job_ended(Job& job) noexcept;
/// Wakes whoever waits for the job.
void wake_job(Job& job) noexcept;

/// Frees what the job that `place` holds owns besides its block. Resumable.
void empty_job(shm::Location& place) noexcept;

}  // namespace multiprocessing::pool
