// A job written into memory, before anybody sees it.

#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "pool/core.hpp"
#include "shm/object.hpp"

namespace multiprocessing::pool {
namespace {

constexpr std::uint64_t kNarrow = 32;           // bytes between chunk records
constexpr std::uint64_t kWide = 64;             // a cache line each
constexpr std::uint64_t kWideUpTo = 1U << 14U;  // so many chunks

constexpr std::uint64_t align64(std::uint64_t size) noexcept {
  return (size + 63U) & ~std::uint64_t{63};
}

void add_ids(std::vector<shm::ObjectId>& ids, const detail::Writer* writer) {
  if (writer == nullptr) return;
  for (const detail::HandleId id : writer->handles()) ids.push_back(id.value);
}

void write_job(Job& job, const detail::JobPlan& plan) {
  job.runner = plan.runner;
  job.items = plan.items;
  job.chunk_size = plan.chunk_size;
  job.chunks = (plan.items + plan.chunk_size - 1) / plan.chunk_size;
  job.stride = job.chunks <= kWideUpTo ? kWide : kNarrow;
  job.results = align64(sizeof(Job) + job.chunks * job.stride);
  job.function_size = plan.function->size();
  job.input_start = align64(job.function_size);
  job.plain_items = plan.item_size != 0 ? 1 : 0;
  const std::uint64_t each = plan.result_blocks ? sizeof(shm::Location) : plan.result_size;
  if (plan.single_items) job.failed = align64(job.results + plan.items * each);
  job.flags =
      (plan.result_blocks ? kResultBlocks : 0U) | (plan.single_items ? kAllFailures | kEager : 0U);
}

std::uint64_t job_size(const Job& job, const detail::JobPlan& plan) {
  if (job.failed != 0) return job.failed + (plan.items + 63) / 64 * sizeof(std::uint64_t);
  const std::uint64_t each = plan.result_blocks ? sizeof(shm::Location) : plan.result_size;
  return job.results + job.items * each;
}

void prepare(Job& job, const detail::JobPlan& plan) {
  for (std::uint64_t i = 0; i < job.chunks; ++i) {
    auto* record = new (&job.chunk(i)) ChunkRecord{};
    if (plan.offsets != nullptr) record->input_offset = (*plan.offsets)[i];
  }
  if (job.failed != 0) {
    for (std::uint64_t i = 0; i < job.items; i += 64) {
      new (&job.failed_bits(i)) std::atomic<std::uint64_t>(0);
    }
  }
  if (!plan.result_blocks) return;
  for (std::uint64_t i = 0; i < job.items; ++i) new (&job.result_block(i)) shm::Location(0);
}

}  // namespace

Draft* draft(Core& core, const detail::JobPlan& plan) {
  core.require_for(plan.goes_on);
  Job plain{};
  write_job(plain, plan);
  auto drafted = std::make_unique<Draft>();
  drafted->job = shm::OwnedBlock(shm::allocate(job_size(plain, plan)));
  auto* job = new (drafted->job.get().data()) Job{};
  write_job(*job, plan);
  prepare(*job, plan);
  drafted->goes_on = plan.goes_on;
  drafted->chunks = static_cast<std::uint32_t>(job->chunks);

  std::vector<shm::ObjectId> ids;
  add_ids(ids, plan.function);
  add_ids(ids, plan.input);
  const std::uint64_t encoded = plan.input == nullptr ? 0 : plan.input->size();
  const std::uint64_t size = job->input_start + encoded + plan.items * plan.item_size;
  drafted->input = shm::OwnedBlock(shm::make_message(size, ids));
  std::byte* bytes = reinterpret_cast<shm::Message*>(drafted->input.get().data())->bytes();
  std::memcpy(bytes, plan.function->data(), plan.function->size());
  drafted->items = bytes + job->input_start;
  if (encoded != 0) std::memcpy(drafted->items, plan.input->data(), encoded);
  return drafted.release();
}

}  // namespace multiprocessing::pool
