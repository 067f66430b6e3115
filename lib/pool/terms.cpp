#include "pool/terms.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include <multiprocessing/errors.hpp>

#include "shm/object.hpp"

namespace multiprocessing::pool {

detail::Terms terms_of(const Cell& cell, const PoolState& state) noexcept {
  detail::Terms terms;
  if ((cell.flags & kHasTerms) != 0) {
    const auto ref = shm::BlockRef::unpack(cell.args.load(std::memory_order_acquire));
    const std::byte* from = ref ? shm::block_as<shm::Message>(ref.id)->bytes()
                                : static_cast<const std::byte*>(cell.data);
    std::memcpy(&terms, from, sizeof terms);
  }
  if (terms.timeout == INT64_MAX && terms.deadline == INT64_MAX) {
    terms.timeout = state.task_timeout;
    terms.deadline = state.task_deadline;
  }
  if (terms.attempts == 0) terms.attempts = state.retries + 1;
  return terms;
}

bool may_try_again(const Cell& cell, const detail::Terms& terms, std::uint64_t attempts) noexcept {
  if (attempts + 1 >= terms.attempts) return false;
  const sys::Nanoseconds now = sys::now();
  // relaxed: the claimer's own, or read after its death
  const sys::Nanoseconds since = cell.since.load(std::memory_order_relaxed);
  return now < terms.stop_deadline &&
         (terms.stop_after == INT64_MAX || now - since < terms.stop_after);
}

sys::Nanoseconds delay_of(const detail::Terms& terms, std::uint64_t attempts) noexcept {
  if (attempts == 0 || terms.delay <= 0) return 0;
  const double factor = std::pow(terms.backoff, static_cast<double>(attempts - 1));
  const double span = static_cast<double>(terms.delay) * factor;
  constexpr double kMost = 1e18;  // thirty years
  return span < kMost ? static_cast<sys::Nanoseconds>(span) : static_cast<sys::Nanoseconds>(kMost);
}

sys::Nanoseconds limit_of(const detail::Terms& terms) noexcept {
  const sys::Nanoseconds span =
      terms.timeout == INT64_MAX ? INT64_MAX : sys::deadline_after(terms.timeout);
  return std::min(span, terms.deadline);
}

}  // namespace multiprocessing::pool

namespace multiprocessing::detail {
namespace {

void split(Timeout from, std::int64_t& span, std::int64_t& moment) noexcept {
  if (const auto duration = from.duration()) {
    span = duration->count();
  } else if (!from.is_forever()) {
    moment = from.deadline();
  }
}

}  // namespace

Terms terms_from(const TaskOptions& options) {
  Terms terms;
  split(options.timeout, terms.timeout, terms.deadline);
  if (!options.retry) return terms;
  const Retry& retry = *options.retry;
  if (retry.attempts < 1) {
    throw ValueError("Retry: attempts must be at least 1, not " + std::to_string(retry.attempts));
  }
  if (!(retry.backoff >= 0)) {
    throw ValueError("Retry: backoff must not be negative, but is " +
                     std::to_string(retry.backoff));
  }
  terms.attempts = static_cast<std::uint32_t>(retry.attempts);
  terms.delay = retry.delay.count();
  terms.backoff = retry.backoff;
  split(retry.stop_after, terms.stop_after, terms.stop_deadline);
  if (retry.matches != nullptr) {
    terms.matches = token_of_function(retry.matches);
    terms.catches = 1;
  }
  return terms;
}

}  // namespace multiprocessing::detail
