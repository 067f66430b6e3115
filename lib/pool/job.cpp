#include "pool/job.hpp"

#include <cstring>
#include <new>
#include <vector>

#include "pool/bell.hpp"
#include "shm/object.hpp"
#include "shm/watch.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::pool {
namespace {

FailureRecord* record_at(const shm::Location& location) noexcept {
  const auto ref = shm::BlockRef::unpack(location.load(std::memory_order_acquire));
  if (!ref) return nullptr;
  return reinterpret_cast<FailureRecord*>(shm::block_as<shm::Message>(ref.id)->bytes());
}

void release_at(shm::Location& location) noexcept {
  if (location.load(std::memory_order_acquire) == 0) return;
  shm::Block block = shm::unlink(location);
  shm::release(block);
}

// The last record first, so that the rest stays reachable if we die.
void release_failures(shm::Location& first) noexcept {
  while (record_at(first) != nullptr) {
    shm::Location* last = &first;
    while (FailureRecord* next = record_at(record_at(*last)->next)) {
      (void)next;
      last = &record_at(*last)->next;
    }
    release_at(*last);
  }
}

struct Failure {
  std::uint64_t item;
  std::uint64_t obituary;
  Verdict verdict;
};

// Appends the record. \throws ArenaExhausted, std::bad_alloc
void write_failure(Job& job, std::uint64_t chunk, const Failure& failure,
                   const detail::Writer* exception) {
  shm::Location* place = &job.chunk(chunk).failures;
  while (FailureRecord* there = record_at(*place)) {
    if (there->item == failure.item || (job.flags & kAllFailures) == 0) return;
    place = &there->next;
  }
  const std::size_t size = exception == nullptr ? 0 : exception->size();
  std::vector<shm::ObjectId> handles;
  if (exception != nullptr) {
    for (const detail::HandleId id : exception->handles()) handles.push_back(id.value);
  }
  shm::OwnedBlock block(shm::make_message(sizeof(FailureRecord) + size, handles));
  std::byte* bytes = reinterpret_cast<shm::Message*>(block.get().data())->bytes();
  auto* record = new (bytes) FailureRecord{};
  record->item = failure.item;
  record->obituary = failure.obituary;
  record->verdict = failure.verdict;
  record->size = static_cast<std::uint32_t>(size);
  if (size != 0) std::memcpy(bytes + sizeof(FailureRecord), exception->data(), size);
  (void)shm::link(block.get(), *place);
}

}  // namespace

Job& job_in(const Cell& cell) noexcept {
  return *shm::block_as<Job>(shm::BlockRef::unpack(cell.args.load(std::memory_order_acquire)).id);
}

bool claim_chunk(Job& job, std::uint64_t chunk, Claimer claimer, std::uint32_t& progress) noexcept {
  std::atomic<std::uint64_t>& word = job.chunk(chunk).word;
  std::uint64_t seen = word.load(std::memory_order_relaxed);  // relaxed: the exchange decides
  const ChunkWord before = ChunkWord::unpack(seen);
  if (before.owner != 0 || before.progress == job.length(chunk)) return false;
  const ChunkWord after{before.progress, false, chunk_owner(claimer)};
  // acquire: [C], of a chunk that was given back
  if (!word.compare_exchange_strong(seen, after.packed(), std::memory_order_acq_rel,
                                    std::memory_order_relaxed)) {
    return false;
  }
  progress = before.progress;
  return true;
}

bool may_try_again(ChunkRecord& record, std::uint64_t item, std::uint32_t retries) noexcept {
  if (retries == 0) return false;
  // relaxed: the claimer's own, or the keeper's; a successor that counts one attempt twice only
  // gives up earlier
  const std::uint64_t seen = record.attempts.load(std::memory_order_relaxed);
  const std::uint64_t before = seen >> 16U == item ? seen & 0xFFFFU : 0;
  record.attempts.store(item << 16U | (before + 1), std::memory_order_relaxed);
  return before < retries;
}

void give_back(Job& job, std::uint64_t chunk, const Loss& loss) noexcept {
  if (chunk >= job.chunks) return;  // the note was written, but for its chunk
  ChunkRecord& record = job.chunk(chunk);
  std::uint64_t seen = record.word.load(std::memory_order_acquire);
  const ChunkWord before = ChunkWord::unpack(seen);
  if (before.owner != chunk_owner(loss.claimer)) {
    // It may have ended this chunk and died before it counted that. One too many is only a hint
    // that comes early; one too few would leave the waiter asleep.
    if (before.progress == job.length(chunk)) job.ended.fetch_add(1, std::memory_order_seq_cst);
    return;
  }
  ChunkWord after{before.progress, false, 0};
  const bool failed = before.running && before.progress < job.length(chunk) &&
                      (has_failed(job, chunk, before.progress) ||
                       !may_try_again(record, before.progress, loss.retries));
  if (failed) {
    add_failure(job, chunk, before.progress, loss.verdict, loss.obituary, nullptr);
    MULTIPROCESSING_CRASH_POINT("pool.chunk.failed");
    after.progress += 1;
  }
  // seq_cst: [C], and before the look at the ring's head (Ring::push_once)
  const bool given_back = record.word.compare_exchange_strong(
      seen, after.packed(), std::memory_order_seq_cst, std::memory_order_relaxed);
  MULTIPROCESSING_CRASH_POINT("pool.chunk.given_back");
  // Its end was this death: nobody else counts it.
  if (given_back && after.progress == job.length(chunk)) {
    job.ended.fetch_add(1, std::memory_order_seq_cst);
  }
}

void add_failure(Job& job, std::uint64_t chunk, std::uint64_t item, Verdict verdict,
                 std::uint64_t obituary, const detail::Writer* exception) noexcept {
  if (job.failed != 0) {
    const std::uint64_t index = chunk * job.chunk_size + item;
    // relaxed: the progress, which follows, publishes it
    job.failed_bits(index).fetch_or(std::uint64_t{1} << index % 64, std::memory_order_relaxed);
  }
  try {
    write_failure(job, chunk, {item, obituary, verdict}, exception);
  } catch (...) {  // no memory
    std::uint64_t none = 0;
    // relaxed: as above
    job.unwritten.compare_exchange_strong(none, pack_unwritten(verdict, obituary),
                                          std::memory_order_relaxed);
  }
}

bool has_failed(Job& job, std::uint64_t chunk, std::uint64_t item) noexcept {
  const std::uint64_t index = chunk * job.chunk_size + item;
  // relaxed: the reader has seen the progress, or the death of the writer
  const bool marked =
      job.failed != 0 &&
      (job.failed_bits(index).load(std::memory_order_relaxed) >> index % 64 & 1U) != 0;
  return marked || failure_of(job, chunk, item) != nullptr;
}

const FailureRecord* first_failure(Job& job, std::uint64_t chunk) noexcept {
  return record_at(job.chunk(chunk).failures);
}

const FailureRecord* failure_of(Job& job, std::uint64_t chunk, std::uint64_t item) noexcept {
  const FailureRecord* record = first_failure(job, chunk);
  while (record != nullptr && record->item < item) record = record_at(record->next);
  return record != nullptr && record->item == item ? record : nullptr;
}

bool chunk_ended(Job& job, std::uint64_t chunk) noexcept {
  const std::uint64_t word = job.chunk(chunk).word.load(std::memory_order_acquire);  // [C]
  return ChunkWord::unpack(word).progress == job.length(chunk);
}

bool job_ended(Job& job) noexcept {
  for (std::uint64_t i = 0; i < job.chunks; ++i) {
    if (!chunk_ended(job, i)) return false;
  }
  return true;
}

void wake_job(Job& job) noexcept {
  ring(job.waited);  // [W]
}

void empty_job(shm::Location& place) noexcept {
  const auto ref = shm::BlockRef::unpack(place.load(std::memory_order_acquire));
  if (!ref) return;
  Job& job = *shm::block_as<Job>(ref.id);
  release_at(job.input);
  for (std::uint64_t i = 0; i < job.chunks; ++i) release_failures(job.chunk(i).failures);
  if ((job.flags & kResultBlocks) == 0) return;
  for (std::uint64_t i = 0; i < job.items; ++i) release_at(job.result_block(i));
}

}  // namespace multiprocessing::pool
